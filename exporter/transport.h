/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TRANSPORT_H
#define OE_TRANSPORT_H
/*
 * One OTLP/HTTP endpoint of one signal: a POST at a time over a connection that
 * is kept. One thread uses it; only transport_abort() may come from another.
 */
#include <curl/curl.h>

#include "exporter/exporter.h"
#include "userspace/base/buf.h"

struct transport;

/* What of an answer's body is read at most. */
#define TRANSPORT_BODY_MAX (64U << 10)

/* 0 or negative errno with one line in err. Copies what it needs of cfg. */
int transport_open(const struct otlp_signal_config *cfg, struct transport **ret_t, char err[256]);
void transport_close(struct transport *t);
/*
 * Sends body (application/x-protobuf; compressed as configured) and waits for the answer until the
 * configured timeout or deadline_ns (CLOCK_MONOTONIC), whichever comes first. Fills *info but for
 * `rejected`. With EXPORT_OK *ret_answer is the answer's body if it is protobuf, else empty; valid
 * until the next call.
 */
enum export_result transport_post(struct transport *t, struct bytes body, uint64_t deadline_ns,
				  struct bytes *ret_answer, struct export_info *info);
/* From any thread: the running post returns at once as "aborted", so does every later one. */
void transport_abort(struct transport *t);
/* scheme://host:port/path without user, password and query: fit for a log. */
const char *transport_url(const struct transport *t);

/*
 * OTEL_EXPORTER_OTLP_HEADERS, `name=value,name=value`, into a list for curl. Percent escapes are
 * decoded, spaces around names and values dropped, spaces inside values kept. A pair that cannot
 * be a header is left out and counted. 0 or -ENOMEM; *ret_list may be NULL (no pair).
 */
int transport_headers(const char *raw, struct curl_slist **ret_list, unsigned int *ret_skipped);

#endif
