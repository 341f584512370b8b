/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONN_PRIV_H
#define OE_CONN_PRIV_H
/* What conn.c and conn_parse.c share; nobody else sees the inside of the table. */
#include "userspace/conn.h"

#define DETECT_REST_MAX 4096u /* of stream.rest while no protocol is known */

struct conn_table {
	struct hashmap map;
	struct conn *first, *last; /* recently used first */
	struct conn *attended;
	struct conn *spare;
	const struct conn_ops *ops;
	void *ctx;
	struct stats *stats;
	size_t held_bytes;
	uint32_t max;
};

/* conn_parse.c */

/* A record whose offset is not beyond the expected one. */
void conn_deliver(struct conn_table *t, struct conn *c, const struct oe_data *d);
/* The stream jumped: bytes up to `off` are missing. */
void conn_skip_to(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off, uint64_t ts,
		  uint32_t tid);
/* The direction ends, at `off` if that is known (not 0). Only the first call counts. */
void conn_end_stream(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off,
		     bool aborted, uint64_t ts);
/* Frees the parser's state, and what is left over of both directions. */
void conn_drop_parser(struct conn *c);

#endif
