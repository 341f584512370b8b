/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONN_H
#define OE_CONN_H
/*
 * The connection table: records in, contiguous bytes and gaps to the parser, messages to
 * assemble. See the essays in conn.c and conn_parse.c.
 */
#include "probes/probe.h"
#include "userspace/base/buf.h"
#include "userspace/base/hashmap.h"
#include "userspace/exchange.h"
#include "userspace/source.h"
#include "userspace/stats.h"

struct txn;
struct prepared;
struct target;

/* One direction. */
struct stream {
	uint64_t next;	  /* offset of the byte that comes next */
	struct buf rest;  /* captured bytes that the parser wants to see again, with more behind */
	uint64_t rest_ts; /* of the record that brought rest's first byte */
	uint64_t last_ts;
	uint32_t rest_tid;
	uint32_t last_tid;
	bool started;
	bool ended;
	bool ending; /* known to end at end_off, but bytes before that are still to come */
	uint64_t end_off;
};

enum conn_state {
	CONN_DETECT = 0, /* no protocol yet: looks at each start of a run */
	CONN_PARSE,
	CONN_OPAQUE, /* left its protocol (Upgrade, CONNECT), or unknown for good */
};

struct held;

struct conn {
	uint64_t id;
	struct conn_table *table;
	struct conn *prev, *next;	  /* least recently used last */
	struct conn *att_prev, *att_next; /* of those that the sweep has to look at */
	bool attended;
	struct endpoints ep;
	char path[109];
	uint8_t role; /* OE_ROLE_* as the kernel told */
	bool server;  /* valid once a message was seen: the watched process answers */
	bool role_known;
	bool announced;
	bool tls;	 /* plaintext of a TLS connection; ep.family 0: its socket is not known */
	uint64_t sk_id;	 /* id of that socket, whose own bytes may have begun in the clear; 0: not
			    known */
	bool from_start; /* seen from its first byte: role told by the kernel, nothing lost since */
	bool confirmed;	 /* pairing is certain; see assemble.c */
	bool probing;	 /* an unclassified run may still turn out to be a protocol's start */
	uint8_t state;	 /* enum conn_state */
	uint8_t run_dir; /* 1 + enum oe_dir of the current run, 0 = none yet */
	uint16_t detect_tries;
	uint32_t tgid; /* of the last record */
	struct target *target;
	const struct proto_ops *proto;
	void *pstate;
	struct stream st[2];
	struct held *held, *held_last; /* records waiting for an earlier one */
	uint32_t held_cnt;
	uint64_t held_since;
	uint64_t last_ts;
	bool closing; /* gone; kept for a moment, since hooks on other CPUs may still report its
			 last bytes */
	int close_err;
	uint64_t close_ts;
	uint64_t ending_ts; /* when a direction began to wait for its last bytes */
	/* assemble's */
	struct txn *open, *open_last; /* oldest first */
	struct txn *done, *done_last; /* completed but unconfirmed */
	uint32_t open_cnt, done_cnt;
	struct prepared *prepared; /* statements of a database's connection */
};

struct conn_table;

/* What the table calls. ctx is given back. All times are the record's (boot) ns. */
struct conn_ops {
	/* first_ts, last_ts: of the records that brought the first and the last byte of this
	 * message or part. */
	void (*message)(void *ctx, struct conn *c, enum oe_dir dir, const struct message *m,
			uint64_t first_ts, uint64_t last_ts, uint32_t tid);
	/* A direction lost its footing: what is open can no longer be paired with certainty. */
	void (*lost)(void *ctx, struct conn *c);
	/* First bytes of a run in `dir`, before they are parsed. */
	void (*run_start)(void *ctx, struct conn *c, enum oe_dir dir);
	/* The connection is about to be freed. err: errno, 0 orderly; evicted: only forgotten. */
	void (*closed)(void *ctx, struct conn *c, int err, uint64_t ts, bool evicted);
	struct target *(*target)(void *ctx, uint32_t tgid, struct target *old);
	void (*target_put)(void *ctx, struct target *t);
};

int conn_table_new(uint32_t max_conns, const struct conn_ops *ops, void *ctx, struct stats *stats,
		   struct conn_table **ret);
/* Ends every connection (evicted) and frees. */
void conn_table_free(struct conn_table *t);
/* Any record of bpf/event.h about connections; others are left alone (false). */
bool conn_record(struct conn_table *t, const void *rec, size_t len);
/* The sweep shall look at c until nothing waits there any more. */
void conn_attend(struct conn *c);
/*
 * To be called now and then with the source's time: lets go of records held too long, settles the
 * unconfirmed, frees what was closed. Costs nothing for connections where nothing waits.
 */
void conn_sweep(struct conn_table *t, uint64_t now_ns,
		void (*settle)(void *ctx, struct conn *c, uint64_t now_ns));
/*
 * The connection was upgraded to `token`. True: to a protocol we parse; from the next byte on it
 * does. To be called from the message callback.
 */
bool conn_upgrade(struct conn *c, struct bytes token);
/* A process ended: its Unix connections end with it, and TLS ones without a known socket (TCP tells
 * by itself). */
void conn_process_gone(struct conn_table *t, uint32_t tgid, uint64_t ts);
size_t conn_count(const struct conn_table *t);

#endif
