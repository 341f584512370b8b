/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_GRPC_H
#define OE_GRPC_H
/*
 * What gRPC puts on top of HTTP: messages inside the body (one flag byte, four bytes of length, the
 * payload) and a few metadata fields. gRPC over HTTP2 and gRPC-Web protocol descriptions of the
 * gRPC project.
 */
#include "userspace/base/bytes.h"

/* Follows the message framing of one direction. Zeroed = at the start of the body. */
struct grpc_scan {
	uint64_t bytes; /* payload of the messages that began */
	uint32_t messages;
	uint32_t left;	 /* payload still to come */
	uint8_t head[5]; /* flag and length, as far as seen */
	uint8_t have;
	bool lost;     /* a boundary was missed: the counts are not known */
	bool trailers; /* gRPC-Web: the current part is the trailers, not a message */
};

/* Body bytes. Returns how many messages began in them. */
uint32_t grpc_scan(struct grpc_scan *s, struct bytes in);
/* Body bytes that were not captured. */
void grpc_scan_gap(struct grpc_scan *s, uint64_t len);
/* The body ended: did it end at the end of a message? */
bool grpc_scan_whole(const struct grpc_scan *s);

/*
 * gRPC-Web: the same framing in an HTTP/1 body; the trailers are the last part of it. As
 * application/grpc-web-text the body is base64, possibly in several padded pieces.
 */
#define GRPC_WEB_TRAILERS 512u

struct grpc_web {
	struct grpc_scan scan;
	uint32_t acc;
	uint8_t digits; /* of base64 in acc */
	bool text;
	uint16_t len;
	uint8_t trailers[GRPC_WEB_TRAILERS]; /* as far as they fit */
};

void grpc_web_body(struct grpc_web *w, struct bytes in);
void grpc_web_gap(struct grpc_web *w, uint64_t len);
/* A field of the trailers; a view of w. Empty: not there. */
struct bytes grpc_web_field(const struct grpc_web *w, struct bytes name);

/* application/grpc, application/grpc+proto, application/grpc;... */
bool grpc_content_type(struct bytes v);
bool grpc_web_content_type(struct bytes v);
/* grpc-timeout: 1 to 8 digits and a unit. 0: not valid. */
uint64_t grpc_timeout_ns(struct bytes v);
/* grpc-status: 0 to 99; -1: not valid. */
int grpc_status(struct bytes v);

#endif
