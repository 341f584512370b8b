/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HTTP2_FIELDS_H
#define OE_HTTP2_FIELDS_H
/* A header block -> the fields that a span needs. */
#include "probes/message.h"
#include "probes/proto/hpack.h"
#include "userspace/base/buf.h"

/* What one block said. Views point into the `store` it was read into. */
struct h2_fields {
	struct msg_http http;
	struct bytes protocol; /* :protocol of an extended CONNECT */
	struct msg_rpc rpc;
	bool request;	 /* a pseudo field of requests was there */
	bool response;	 /* :status was there */
	bool has_status; /* grpc-status was there */
	bool unknown;	 /* fields of unknown name: what is not there may be among them */
};

/*
 * Reads a block. `store` is emptied and filled with what is kept; it grows to its maximum at
 * most, what does not fit is left out and flagged (http.target_cut) or taken as unknown.
 */
enum hpack_status h2_fields_read(struct hpack *h, struct bytes block, bool cut, struct buf *store,
				 struct h2_fields *ret);

#endif
