/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HTTP1_HEAD_H
#define OE_HTTP1_HEAD_H
/* Heads of HTTP/1 messages: start line and fields (RFC 9112 sections 2 to 6). Pure. */
#include "probes/message.h"

#define H1_SCRATCH    512
#define H1_METHOD_MAX 64 /* the longest registered one has 17 */

enum h1_kind { H1_UNKNOWN = 0, H1_REQUEST, H1_RESPONSE };

/* What the fields say about the body. */
enum h1_coding {
	H1_CODING_NONE = 0,
	H1_CODING_CHUNKED,
	H1_CODING_OTHER /* last coding is not chunked */
};

struct h1_head {
	struct msg_http msg;
	struct msg_rpc rpc; /* gRPC-Web's fields */
	enum h1_coding coding;
};

enum h1_start {
	H1_START_NO = 0,
	H1_START_MAYBE, /* fine as far as it goes */
	H1_START_YES,	/* up to and including the version */
};

/*
 * Index after the empty line that ends the head, or 0 when it is not there yet. *scan: where to
 * go on next time (bytes before it need not be looked at again).
 */
size_t h1_head_end(struct bytes in, size_t *scan);

/*
 * Are these first bytes a start line of the kind (H1_UNKNOWN: of either)? Looks at the first line
 * only. ret_kind is set unless the answer is NO.
 */
enum h1_start h1_start_line(struct bytes in, enum h1_kind kind, enum h1_kind *ret_kind);

/*
 * Parses a head. cut: `in` ends in the middle of it; only complete fields count, and the target
 * when the cut lies inside it. scratch (H1_SCRATCH bytes of the caller's state) holds what is not
 * in one piece on the wire: a joined tracestate, unfolded values. False: not a valid head.
 */
bool h1_head_parse(struct bytes in, enum h1_kind kind, bool cut, uint8_t *scratch,
		   struct h1_head *ret);

/* Is this one line of a field section (without its line end)? Trailers have no other use here. */
bool h1_field_line_valid(struct bytes line);

/* No control characters but tabs. */
bool h1_text_valid(struct bytes text);

#endif
