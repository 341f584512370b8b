/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MESSAGE_H
#define OE_MESSAGE_H
/*
 * What a parser hands out. All byte views point into the parser's input (or
 * into its state) and are valid until the next call; `assemble` copies what
 * it keeps. A field that is not known stays empty or -1: never guessed.
 */
#include "userspace/base/bytes.h"

enum msg_family {
	MSG_FAMILY_NONE = 0,
	MSG_FAMILY_HTTP, /* HTTP/1, later HTTP/2: struct msg_http */
};

enum msg_kind {
	MSG_REQUEST = 1,
	MSG_RESPONSE = 2,
};

/* message.flags */
#define MSG_F_BEGIN 0x01 /* head of a message: its fields are set */
#define MSG_F_END   0x02 /* last byte of a message: sizes are final. BEGIN|END: both at once */
#define MSG_F_TRUNCATED                                                                            \
	0x04 /* part of the head was not captured: fields present are right, others unknown */
#define MSG_F_SIZE_UNKNOWN 0x08 /* END: bytes were lost, body_size is a lower bound */
#define MSG_F_UPGRADE	   0x10 /* END of a response: the connection leaves this protocol here */
#define MSG_F_ORPHAN	   0x20 /* a response whose request was never seen on this connection */
#define MSG_F_ABORTED	   0x40 /* END: the stream ended before the message did */
#define MSG_F_INTERIM                                                                              \
	0x80 /* a 1xx response other than 101: belongs to the same request, BEGIN|END */

/* Header fields a span needs, of the request or the response. */
struct msg_http {
	struct bytes method;   /* request: as on the wire */
	struct bytes target;   /* request: request-target as on the wire */
	uint8_t version_major; /* 1; 0 = unknown */
	uint8_t version_minor; /* 0 or 1 */
	int status;	       /* response; -1 = unknown */
	struct bytes host;     /* Host, or the authority of an absolute-form target */
	struct bytes user_agent;
	struct bytes traceparent; /* raw; empty when absent or sent more than once */
	struct bytes tracestate;  /* raw; several fields joined by ',' in state, or the first ones
				     when too long */
	struct bytes content_type;
	struct bytes upgrade;	/* Upgrade field: what is offered, or what a 101 chose */
	int64_t content_length; /* -1 = none, or without meaning beside Transfer-Encoding */
	bool traceparent_repeated;
	bool target_cut; /* request: `target` is a prefix, the rest was not captured */
};

struct message {
	enum msg_family family;
	enum msg_kind kind;
	uint32_t flags;	    /* MSG_F_* */
	uint64_t stream_id; /* multiplexed protocols; 0 for HTTP/1 */
	uint64_t head_size; /* BEGIN: bytes of the head on the wire (start line and fields) */
	uint64_t body_size; /* END: payload bytes as transferred, chunk framing excluded */
	uint64_t wire_size; /* END: all bytes of the message on the wire, head, framing and trailers
			       included */
	struct msg_http http; /* BEGIN of MSG_FAMILY_HTTP */
};

#endif
