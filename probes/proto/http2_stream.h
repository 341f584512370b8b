/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HTTP2_STREAM_H
#define OE_HTTP2_STREAM_H
/*
 * The streams of one HTTP/2 connection: found by id, evicted by age. A stream that has ended keeps
 * its memory until the next one ends, since the message that says so still shows its owner.
 */
#include "probes/message.h"
#include "probes/proto/grpc.h"

#define H2_STREAMS_MAX 1024u

struct h2_side {
	uint64_t body, wire;
	struct grpc_scan scan;
	bool begun, ended;
	bool unknown; /* bytes of unknown meaning: sizes are lower bounds */
};

struct h2_stream {
	struct h2_stream *chain;	 /* same bucket, or the spare list */
	struct h2_stream *older, *newer; /* by age */
	void *owner;
	uint32_t id;
	uint8_t family;		/* enum msg_family */
	bool post;		/* the only method gRPC has, or one not known */
	bool connect;		/* CONNECT: a 2xx ends the message */
	bool told;		/* the response's end was told: nothing more of it matters */
	struct h2_side side[2]; /* 0 request, 1 response */
};

struct h2_streams {
	struct h2_stream **buckets;
	uint32_t bucket_cnt, cnt;
	struct h2_stream *oldest, *newest, *spare;
	struct h2_stream *grave; /* the last one that ended */
	uint32_t spare_cnt;
};

/* NULL: not followed. */
struct h2_stream *h2_stream_find(const struct h2_streams *t, uint32_t id);
/* Zeroed but for its id; NULL: no memory. The caller keeps to H2_STREAMS_MAX. */
struct h2_stream *h2_stream_new(struct h2_streams *t, uint32_t id);
void h2_stream_end(struct h2_streams *t, struct h2_stream *s);
/* All of them, their memory at once. */
void h2_streams_end(struct h2_streams *t);
void h2_streams_done(struct h2_streams *t);

#endif
