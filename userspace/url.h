/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_URL_H
#define OE_URL_H
/* Request targets and authorities, and taking secrets out of them. Pure. */
#include "userspace/base/arena.h"
#include "userspace/sem.h"

struct target_parts {
	struct bytes scheme; /* absolute-form only */
	struct bytes path;   /* empty for authority-form and "*" */
	struct bytes query;  /* without '?'; has_query tells "?" alone */
	bool has_query;
};

/* Splits origin-form, absolute-form, authority-form (CONNECT) and "*". */
void target_split(struct bytes method, struct bytes target, struct target_parts *ret);

/* host[:port], [v6]:port. *ret_port 0: none given. False: not an authority (then nothing is
 * claimed). */
bool authority_split(struct bytes authority, struct bytes *ret_host, uint16_t *ret_port);

/*
 * The query as it may be shown. QUERY_REDACT: every value becomes REDACTED; QUERY_RAW: only those
 * of the conventions' sensitive keys; QUERY_DROP or out of memory: NULL. In the arena,
 * NUL-terminated.
 */
const char *query_show(struct arena *a, struct bytes query, enum query_mode mode);

#endif
