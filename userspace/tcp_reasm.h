/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TCP_REASM_H
#define OE_TCP_REASM_H
/*
 * Packets of TCP connections -> the records that live capture would have made, seen from the
 * server's side. No I/O; bounded memory.
 */
#include <stdbool.h>

#include "userspace/base/bytes.h"
#include "userspace/source.h"

struct tcp_segment {
	uint64_t ts_ns;
	uint16_t family; /* OE_AF_INET, OE_AF_INET6 */
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint32_t seq, ack;
	bool syn, has_ack, fin, rst;
	uint32_t len;	    /* payload on the wire */
	struct bytes bytes; /* what of it was captured, from its start */
};

struct tcp_reasm;

int tcp_reasm_new(uint32_t max_flows, source_cb cb, void *ctx, struct tcp_reasm **ret);
void tcp_reasm_add(struct tcp_reasm *r, const struct tcp_segment *s);
/* Delivers what still waits, frees. Open connections just end. */
void tcp_reasm_free(struct tcp_reasm *r);

#endif
