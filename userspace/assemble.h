/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ASSEMBLE_H
#define OE_ASSEMBLE_H
/* Messages -> request/response pairs with identities. See the essay in assemble.c. */
#include "userspace/conn.h"
#include "userspace/parent.h"
#include "userspace/sqlstmt.h"
#include "userspace/tracectx.h"

/* Which trace a request belongs to; decided when the request is first seen. */
struct identity {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_id[8]; /* zero: root */
	uint8_t flags;	      /* W3C trace flags of the parent, or of the decision for roots */
	bool remote;	      /* the parent came over the wire */
	bool sampled;
};

/* Kafka's names, of all connections; see assemble_kafka.h. */
struct kafka_names {
	struct hashmap topics;	   /* by id */
	struct hashmap groups;	   /* by process and client id */
	struct hashmap marks;	   /* where consumers stand, by process, group and partition */
	struct exchange_lag *lags; /* of the exchange at hand */
	uint32_t lag_cap;
};

#define TXN_STORE 768 /* holds the longest names of Kafka: topic, client, group */

/* One request on its way. */
struct txn {
	struct txn *next, *prev; /* of its connection; next: also of the free list */
	void **slot;		 /* where the parser keeps us; NULL: it does not */
	struct txn *thread_next,
		*thread_prev; /* server requests being handled by the same thread */
	struct exchange x;
	struct identity id;
	bool on_thread;
	bool req_done, resp_begun, resp_done;
	bool multiplexed; /* its response names it: pairing is certain */
	bool quiet;	  /* nothing to tell if it goes well */
	bool told;	  /* a part of its response was */
	uint8_t *big;	  /* for what does not fit into store */
	uint8_t *text;	  /* grpc-message; Kafka: contexts of records */
	uint32_t store_used;
	uint8_t store[TXN_STORE];
};

/* A copy in the txn's own memory; what does not fit is left out. */
struct bytes txn_keep(struct txn *t, struct bytes b);

struct assemble_config {
	bool propagate;	   /* read traceparent */
	bool db_server;	   /* exchanges of a database's server count, too, */
	bool kafka_broker; /* and those of a Kafka broker */
	enum statement_mode statements;
	int64_t boot_to_unix_ns;
	/* Decides about a new trace or span; parent NULL: root. */
	bool (*sample)(void *ctx, const uint8_t trace_id[16], const struct tracectx *parent);
	/* A finished exchange; the pipeline makes RED and spans of it. Borrowed. */
	void (*exchange)(void *ctx, struct conn *c, const struct exchange *x,
			 const struct identity *id);
	/* The same without a span: only where a consumer stands in its partitions. NULL: not asked
	 * for. */
	void (*state)(void *ctx, struct conn *c, const struct exchange *x);
	void *ctx;
};

struct assemble {
	struct assemble_config cfg;
	struct stats *stats;
	bool stopping; /* what is cut off now is our doing: open_at_end */
	struct txn *spare;
	uint32_t spare_cnt;
	struct parent_table threads;
	struct sql_stmts sql;
	struct kafka_names kafka;
	uint64_t rng[4];
};

void assemble_init(struct assemble *a, const struct assemble_config *cfg, struct stats *stats);
void assemble_done(struct assemble *a);
/* The callbacks of struct conn_ops, on behalf of its ctx. */
void assemble_message(struct assemble *a, struct conn *c, enum oe_dir dir, const struct message *m,
		      uint64_t first_ts, uint64_t last_ts, uint32_t tid);
void assemble_lost(struct assemble *a, struct conn *c);
void assemble_run_start(struct assemble *a, struct conn *c, enum oe_dir dir);
void assemble_closed(struct assemble *a, struct conn *c, int err, uint64_t ts, bool evicted);
/* Called for connections with unconfirmed exchanges. */
void assemble_settle(struct assemble *a, struct conn *c, uint64_t now_ns);

#endif
