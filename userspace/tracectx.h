/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TRACECTX_H
#define OE_TRACECTX_H
/* W3C Trace Context, level 2 (version 00, higher versions as the text says). Strict, pure. */
#include <stdbool.h>

#include "userspace/base/bytes.h"

struct tracectx {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags; /* a bit field; bit 0 = sampled */
};

/* Lower-case hex only, non-zero ids, version != ff, exact lengths. False leaves *ret alone. */
bool tracectx_parse(struct bytes traceparent, struct tracectx *ret);
/*
 * grpc-trace-bin: base64 (padding optional), or a zero byte and the bytes themselves (what gRPC's C
 * core sends to its like), of the OpenCensus binary format, version 0: trace id,
 * span id, options, each behind its field number.
 */
bool tracectx_parse_bin(struct bytes grpc_trace_bin, struct tracectx *ret);
/*
 * A tracestate is carried on only when it is valid as a whole (list members, key and value
 * grammar, at most 32 members, 512 bytes are always accepted); false: ignore it.
 */
bool tracestate_valid(struct bytes tracestate);

#endif
