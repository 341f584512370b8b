/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairing.
 *
 * A connection's open requests stand in a queue, oldest first; HTTP/1 answers in order, so a
 * final response belongs to the oldest request that has none (protocols with ids say so through
 * proto_ops.pairs). An exchange is finished when both its request and its response have
 * ended: a response may overtake the end of its own request (an early 413).
 *
 * MULTIPLEXED protocols say with each message which stream it belongs to: the parser lends a place
 * per stream where we keep the txn (message.owner). Pairing is then certain, also on connections
 * met late, and none of what follows applies. Their exchanges are over when the response is. They
 * neither become nor get a parent by thread: a thread that writes frames writes them for many.
 *
 * DATABASES answer in order, but only their parsers know what an error or a pipeline skipped: they
 * lend a place per operation as well. Pairing on a connection met late still has to be confirmed.
 * Quiet operations (a prepare, a ping) are let go unless they fail. Prepared statements: see
 * assemble_db.c.
 *
 * CONFIRMATION. On a connection seen from its first byte that is all. On one met in mid-life, or
 * after bytes were lost, requests that we never saw may still be waiting for their responses
 * (pipelining), and pairing by order would be off by those. So what such a connection completes is
 * kept back until a new run of requests begins while nothing is open: then every response that came
 * had its request. A response without a request in the meantime proves the opposite, and what was
 * kept back becomes unknown. One second without traffic confirms as well. (A client that keeps a
 * pipeline filled without a pause from before our start on would defeat this; none is known to do
 * that.)
 *
 * LOSS. What was open when a connection lost its footing is `unknown`: counted, neither a span nor
 * in RED, since neither its status nor its duration is known.
 *
 * KAFKA'S responses name their requests as well; a fetch is answered for several topics, see
 * assemble_kafka.h.
 *
 * Nothing is allocated per request in the steady state: txns come from a free list.
 */
#include "userspace/assemble_db.h"
#include "userspace/assemble_kafka.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "userspace/base/clock.h"

#define OPEN_MAX	1024u
#define UNCONFIRMED_MAX 64u
#define SPARE_MAX	16384u
#define TRACESTATE_MAX	512u

/* xoshiro256**: ids need to be unique, not secret */
static uint64_t rng_next(uint64_t s[4])
{
	uint64_t r = s[1] * 5, t = s[1] << 17;

	r = (r << 7 | r >> 57) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return r;
}

static void random_id(struct assemble *a, uint8_t *id, size_t len)
{
	uint64_t r;

	do {
		r = 0;
		for (size_t i = 0; i < len; i += 8) {
			uint64_t v = rng_next(a->rng);

			memcpy(id + i, &v, 8);
			r |= v;
		}
	} while (!r);
}

void assemble_init(struct assemble *a, const struct assemble_config *cfg, struct stats *stats)
{
	memset(a, 0, sizeof(*a));
	a->cfg = *cfg;
	a->stats = stats;
	sql_stmts_init(&a->sql, cfg->statements);
	kafka_names_init(&a->kafka);
	parent_init(&a->threads);
	if (getrandom(a->rng, sizeof(a->rng), 0) != sizeof(a->rng))
		for (int i = 0; i < 4; i++)
			a->rng[i] = hash_u64(clock_unix_ns() + (uint64_t)i);
}

void assemble_done(struct assemble *a)
{
	while (a->spare) {
		struct txn *t = a->spare;

		a->spare = t->next;
		free(t);
	}
	sql_stmts_done(&a->sql);
	kafka_names_done(&a->kafka);
	parent_done(&a->threads);
}

static struct txn *txn_get(struct assemble *a)
{
	struct txn *t = a->spare;

	if (t) {
		a->spare = t->next;
		a->spare_cnt--;
	} else {
		t = malloc(sizeof(*t));
		if (!t)
			return NULL;
	}
	memset(t, 0, offsetof(struct txn, store));
	return t;
}

static void txn_put(struct assemble *a, struct txn *t)
{
	parent_leave(&a->threads, t);
	if (t->slot)
		*t->slot = NULL;
	sql_stmt_unref(&a->sql, t->x.db.sql);
	free(t->big);
	free(t->text);
	if (a->spare_cnt >= SPARE_MAX) {
		free(t);
		return;
	}
	t->next = a->spare;
	a->spare = t;
	a->spare_cnt++;
}

struct bytes txn_keep(struct txn *t, struct bytes b)
{
	if (!b.len || b.len > sizeof(t->store) - t->store_used)
		return BYTES_NONE;
	memcpy(t->store + t->store_used, b.data, b.len);
	b.data = t->store + t->store_used;
	t->store_used += (uint32_t)b.len;
	return b;
}

/* Moves a view into the txn's own memory; room was made before. */
static void keep(struct txn *t, uint8_t *to, struct bytes *b)
{
	if (!b->len) {
		*b = BYTES_NONE;
		return;
	}
	memcpy(to + t->store_used, b->data, b->len);
	b->data = to + t->store_used;
	t->store_used += (uint32_t)b->len;
}

static int keep_request(struct txn *t, const struct msg_http *h)
{
	struct bytes *views[] = {&t->x.req.method,	&t->x.req.target,     &t->x.req.scheme,
				 &t->x.req.host,	&t->x.req.user_agent, &t->x.req.tracestate,
				 &t->x.req.content_type};
	uint8_t *to = t->store;
	size_t sum = 0;

	t->x.req = *h;
	t->x.req.traceparent = t->x.req.upgrade = BYTES_NONE; /* used up, or not needed */
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		sum += views[i]->len;
	if (sum > sizeof(t->store)) {
		to = t->big = malloc(sum);
		if (!to)
			return -ENOMEM;
	}
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		keep(t, to, views[i]);
	return 0;
}

static void queue_push(struct txn **first, struct txn **last, struct txn *t)
{
	t->next = NULL;
	*(*last ? &(*last)->next : first) = t;
	*last = t;
}

static struct txn *queue_pop(struct txn **first, struct txn **last)
{
	struct txn *t = *first;

	if (t) {
		*first = t->next;
		if (!*first)
			*last = NULL;
	}
	return t;
}

static void open_push(struct conn *c, struct txn *t)
{
	t->prev = c->open_last;
	queue_push(&c->open, &c->open_last, t);
	c->open_cnt++;
}

static void open_take(struct conn *c, struct txn *t)
{
	*(t->prev ? &t->prev->next : &c->open) = t->next;
	*(t->next ? &t->next->prev : &c->open_last) = t->prev;
	t->next = t->prev = NULL;
	c->open_cnt--;
}

static uint64_t unix_ns(const struct assemble *a, uint64_t boot_ns)
{
	return boot_ns + (uint64_t)a->cfg.boot_to_unix_ns;
}

/* The context that an HTTP request or a call carries. */
static bool http_context(struct assemble *a, struct txn *t, const struct msg_http *h,
			 struct bytes trace_bin, struct tracectx *ctx)
{
	bool have = false;

	if (a->cfg.propagate && trace_bin.len && !h->traceparent.len) {
		have = tracectx_parse_bin(trace_bin, ctx);
		if (!have)
			a->stats->traceparent_bad++;
	} else if (a->cfg.propagate && (h->traceparent.len || h->traceparent_repeated)) {
		have = !h->traceparent_repeated && tracectx_parse(h->traceparent, ctx);
		if (!have)
			a->stats->traceparent_bad++;
	}
	if (have && h->tracestate.len &&
	    (h->tracestate.len > TRACESTATE_MAX || !tracestate_valid(h->tracestate))) {
		a->stats->tracestate_bad++;
		t->x.req.tracestate = BYTES_NONE;
	}
	if (!have)
		t->x.req.tracestate = BYTES_NONE;
	return have;
}

/* The trace a new request belongs to: what its own bytes say (ctx, or NULL), else what its thread
 * was doing. */
static void identify(struct assemble *a, struct txn *t, const struct tracectx *ctx, uint32_t tid)
{
	struct identity *id = &t->id;
	const struct txn *cause =
		t->x.server || t->multiplexed ? NULL : parent_of_thread(&a->threads, tid);
	struct tracectx of_cause;
	const struct tracectx *parent = ctx;

	if (ctx) {
		memcpy(id->trace_id, ctx->trace_id, 16);
		id->flags = ctx->flags;
		if (t->x.server) {
			memcpy(id->parent_id, ctx->span_id, 8);
			id->remote = true;
			random_id(a, id->span_id, 8);
		} else {
			/* what the application says it is: the server at the other end will name it
			 * as its parent */
			memcpy(id->span_id, ctx->span_id, 8);
			if (cause && !memcmp(cause->id.trace_id, ctx->trace_id, 16))
				memcpy(id->parent_id, cause->id.span_id, 8);
		}
	} else if (cause) {
		memcpy(id->trace_id, cause->id.trace_id, 16);
		memcpy(id->parent_id, cause->id.span_id, 8);
		random_id(a, id->span_id, 8);
		of_cause.flags = cause->id.sampled;
		parent = &of_cause;
	} else {
		random_id(a, id->trace_id, 16);
		random_id(a, id->span_id, 8);
	}
	id->sampled = a->cfg.sample(a->cfg.ctx, id->trace_id, parent);
	id->flags = (uint8_t)((id->flags & ~1u) | id->sampled);
}

static bool has_http(const struct message *m)
{
	return m->family != MSG_FAMILY_DB && m->family != MSG_FAMILY_KAFKA;
}

static void tell(struct assemble *a, struct conn *c, struct txn *t)
{
	/* the socket of a TLS connection may have been found meanwhile */
	if (!t->x.ep.family)
		t->x.ep = c->ep;
	a->cfg.exchange(a->cfg.ctx, c, &t->x, &t->id);
}

static bool fine(const struct exchange *x)
{
	return x->family == MSG_FAMILY_KAFKA ? assemble_kafka_fine(x) : assemble_db_fine(x);
}

/* Hands a finished exchange on, or counts why not. */
static void finish(struct assemble *a, struct conn *c, struct txn *t)
{
	if (t->x.family == MSG_FAMILY_NONE && t->x.end != EXCHANGE_UNKNOWN) {
		/* HTTP or gRPC? What would tell was never seen. */
		a->stats->kind_unknown++;
		txn_put(a, t);
		return;
	}
	if (t->quiet && fine(&t->x)) {
		a->stats->quiet++;
		txn_put(a, t);
		return;
	}
	switch (t->x.end) {
	case EXCHANGE_COMPLETE:
		a->stats->completed++;
		break;
	case EXCHANGE_NO_RESPONSE:
		a->stats->no_response++;
		break;
	case EXCHANGE_CUT:
		a->stats->cut++;
		break;
	case EXCHANGE_UNKNOWN:
		*(a->stopping ? &a->stats->open_at_end : &a->stats->unknown) += 1;
		break;
	}
	if (t->x.end != EXCHANGE_UNKNOWN)
		tell(a, c, t);
	txn_put(a, t);
}

static void flush_done(struct assemble *a, struct conn *c, bool known)
{
	struct txn *t;

	while ((t = queue_pop(&c->done, &c->done_last))) {
		if (!known)
			t->x.end = EXCHANGE_UNKNOWN;
		finish(a, c, t);
	}
	c->done_cnt = 0;
}

/* Finished, but on a connection whose pairing is not certain yet it has to wait. */
static void complete(struct assemble *a, struct conn *c, struct txn *t)
{
	parent_leave(&a->threads, t);
	if (c->confirmed || t->multiplexed) {
		finish(a, c, t);
		return;
	}
	queue_push(&c->done, &c->done_last, t);
	conn_attend(c);
	if (++c->done_cnt > UNCONFIRMED_MAX) {
		struct txn *old = queue_pop(&c->done, &c->done_last);

		c->done_cnt--;
		old->x.end = EXCHANGE_UNKNOWN;
		finish(a, c, old);
	}
}

/* Completes from the front what is complete. */
static void complete_front(struct assemble *a, struct conn *c)
{
	while (c->open && !c->open->slot && c->open->req_done && c->open->resp_done) {
		struct txn *t = c->open;

		open_take(c, t);
		complete(a, c, t);
	}
}

/* A stream's exchange is over. */
static void complete_stream(struct assemble *a, struct conn *c, struct txn *t)
{
	open_take(c, t);
	/* the place may be another's by the time that this one is certain */
	if (t->slot)
		*t->slot = NULL;
	t->slot = NULL;
	if (!t->req_done)
		t->x.flags |= XCHG_REQ_SIZE_UNKNOWN | XCHG_MSGS_UNKNOWN;
	complete(a, c, t);
}

static void all_unknown(struct assemble *a, struct conn *c)
{
	struct txn *t;

	while ((t = queue_pop(&c->open, &c->open_last))) {
		t->x.end = EXCHANGE_UNKNOWN;
		finish(a, c, t);
	}
	c->open_cnt = 0;
}

/* The request says what it is; where it could not, what comes later does. */
static void settle_family(struct txn *t, const struct message *m)
{
	if (t->x.family == MSG_FAMILY_NONE)
		t->x.family = m->family;
}

/* gRPC messages that began in these bytes, and at the end how many there were. */
static void count_messages(struct assemble *a, struct txn *t, const struct message *m, uint64_t ts)
{
	struct exchange_msgs *e = &t->x.msgs[m->kind == MSG_REQUEST ? 0 : 1];

	if (m->flags & MSG_F_PART) {
		e->last_ns = unix_ns(a, ts);
		if (!e->first_ns)
			e->first_ns = e->last_ns;
	}
	if (m->flags & MSG_F_END) {
		e->cnt = m->rpc.messages;
		e->bytes = m->rpc.message_bytes;
		if (m->rpc.messages_unknown)
			t->x.flags |= XCHG_MSGS_UNKNOWN;
	}
}

/* What the parser says of a stream besides requests and responses. */
static void stream_event(struct assemble *a, struct conn *c, const struct message *m, uint64_t ts)
{
	struct txn *t = m->owner ? *m->owner : NULL;

	if (m->flags & MSG_F_ADOPT) {
		t = c->open_last;
		if (!t)
			return;
		t->multiplexed = true;
		t->slot = m->owner;
		*m->owner = t;
		return;
	}
	if (m->flags & MSG_F_LOST && !m->owner) {
		all_unknown(a, c);
		if (!c->proto->multiplexed) {
			flush_done(a, c, c->confirmed);
			c->confirmed = false;
		}
		return;
	}
	if (!t)
		return;
	if (m->flags & MSG_F_LOST) {
		t->x.end = EXCHANGE_UNKNOWN;
	} else {
		t->x.end = t->resp_begun ? EXCHANGE_CUT : EXCHANGE_NO_RESPONSE;
		t->x.end_ns = unix_ns(a, ts);
		t->x.reset_code = m->reset_code;
		t->x.flags |= XCHG_RESET | XCHG_RESP_SIZE_UNKNOWN | XCHG_MSGS_UNKNOWN;
		if (m->kind == MSG_REQUEST)
			t->x.flags |= XCHG_RESET_BY_CLIENT;
		settle_family(t, m);
	}
	complete_stream(a, c, t);
}

/* Takes over what the request says; NULL: it is unknown, and counted. */
static struct txn *new_request(struct assemble *a, struct conn *c, const struct message *m,
			       uint64_t first_ts, uint32_t tid)
{
	struct txn *t = txn_get(a);
	struct tracectx ctx;
	bool has_ctx = false;
	int err;

	if (!t)
		return NULL;
	t->x.server = c->server;
	t->multiplexed = m->owner && c->proto->multiplexed;
	if (m->family == MSG_FAMILY_DB) {
		err = assemble_db_request(a, t, m, &ctx, &has_ctx);
		has_ctx = has_ctx && a->cfg.propagate;
	} else if (m->family == MSG_FAMILY_KAFKA) {
		err = 0;
		assemble_kafka_request(a, c, t, m, &ctx, &has_ctx);
	} else {
		err = keep_request(t, &m->http);
		if (!err)
			has_ctx = http_context(a, t, &m->http, m->rpc.trace_bin, &ctx);
		t->x.rpc = m->rpc;
	}
	if (err) {
		txn_put(a, t);
		return NULL;
	}
	t->slot = m->owner;
	if (t->slot)
		*t->slot = t;
	t->quiet = m->flags & MSG_F_QUIET;
	t->x.rpc.status = -1;
	t->x.rpc.status_text = t->x.rpc.trace_bin = BYTES_NONE;
	t->x.tgid = c->tgid;
	t->x.tid = tid;
	t->x.ep = c->ep;
	if (c->tls)
		t->x.flags |= XCHG_TLS;
	t->x.start_ns = unix_ns(a, first_ts);
	t->x.end_ns = t->x.start_ns;
	t->x.resp.status = -1;
	t->x.resp.content_length = -1;
	identify(a, t, has_ctx ? &ctx : NULL, tid);
	return t;
}

static void request(struct assemble *a, struct conn *c, const struct message *m, uint64_t first_ts,
		    uint64_t last_ts, uint32_t tid)
{
	struct txn *t = m->owner ? *m->owner : c->open_last;

	if (m->flags & MSG_F_BEGIN) {
		a->stats->requests++;
		if (c->open_cnt >= OPEN_MAX && !m->owner)
			all_unknown(a, c);
		t = new_request(a, c, m, first_ts, tid);
		if (!t) {
			a->stats->unknown++;
			if (!m->owner)
				all_unknown(a, c); /* order would be wrong from here on */
			return;
		}
		if (m->flags & MSG_F_TRUNCATED) {
			a->stats->truncated++;
			t->x.flags |= XCHG_REQ_TRUNCATED;
			if (!m->owner) /* it may hide others */
				c->confirmed = false;
			if (m->family == MSG_FAMILY_KAFKA && assemble_kafka_hidden(&t->x))
				t->x.end = EXCHANGE_UNKNOWN;
		}
		if (m->flags & MSG_F_UNKNOWN)
			t->x.flags |= XCHG_REQ_UNKNOWN;
		if (has_http(m) && m->http.target_cut)
			t->x.flags |= XCHG_TARGET_CUT;
		if (t->x.server && !t->multiplexed && has_http(m))
			parent_enter(&a->threads, t, tid);
		open_push(c, t);
	}
	if (t) {
		settle_family(t, m);
		if (has_http(m))
			count_messages(a, t, m, first_ts);
	}
	if ((m->flags & MSG_F_END) && t && !t->req_done) {
		t->req_done = true;
		t->x.req_body_size = m->body_size;
		t->x.req_wire_size = m->wire_size;
		if (m->flags & (MSG_F_SIZE_UNKNOWN | MSG_F_ABORTED))
			t->x.flags |= XCHG_REQ_SIZE_UNKNOWN;
		if (!t->resp_begun)
			t->x.end_ns = unix_ns(a, last_ts);
		if (m->flags & MSG_F_ONEWAY)
			complete_stream(a, c, t);
		else
			complete_front(a, c);
	}
}

/* The oldest request whose response has not ended. */
static struct txn *awaiting(struct conn *c)
{
	struct txn *t = c->open;

	while (t && t->resp_done)
		t = t->next;
	return t;
}

/* The status of a call, from trailers or from a head that is all there is. */
static void keep_rpc_end(struct txn *t, const struct message *m)
{
	if (m->rpc.status >= 0)
		t->x.rpc.status = m->rpc.status;
	if (m->flags & MSG_F_UNKNOWN && m->flags & MSG_F_END)
		t->x.flags |= XCHG_TRAILERS_UNKNOWN;
	if (!m->rpc.status_text.len || t->text)
		return;
	t->text = malloc(m->rpc.status_text.len);
	if (!t->text)
		return;
	memcpy(t->text, m->rpc.status_text.data, m->rpc.status_text.len);
	t->x.rpc.status_text = bytes_of(t->text, m->rpc.status_text.len);
}

/* A fetch is answered, for one topic of perhaps several. */
static void poll_response(struct assemble *a, struct conn *c, struct txn *t,
			  const struct message *m, uint64_t first_ts, uint64_t last_ts)
{
	t->x.first_byte_ns = unix_ns(a, first_ts);
	t->x.end_ns = unix_ns(a, last_ts);
	t->x.family = m->family;
	if (m->flags & MSG_F_UNKNOWN)
		t->x.flags |= XCHG_RESP_UNKNOWN;
	assemble_kafka_response(a, c, t, m);
	if (assemble_kafka_brought(&t->x)) {
		a->stats->requests += t->told; /* the others are requests of their own */
		a->stats->completed++;
		if (t->told)
			identify(a, t, NULL, t->x.tid);
		t->told = true;
		tell(a, c, t);
	} else if (a->cfg.state) {
		a->cfg.state(a->cfg.ctx, c, &t->x);
	}
	t->x.kafka.lag_cnt = 0;
	if (m->flags & MSG_F_MORE)
		return;
	if (!t->told)
		*(m->flags & MSG_F_UNKNOWN ? &a->stats->unknown : &a->stats->quiet) += 1;
	open_take(c, t);
	txn_put(a, t);
}

static void response(struct assemble *a, struct conn *c, const struct message *m, uint64_t first_ts,
		     uint64_t last_ts)
{
	struct txn *t = m->owner ? *m->owner : awaiting(c);

	if (m->flags & MSG_F_INTERIM)
		return;
	if (m->owner && !t && !(m->flags & MSG_F_ORPHAN))
		return; /* its request has been given up, and counted so */
	if ((m->flags & MSG_F_UPGRADE) && conn_upgrade(c, m->http.upgrade))
		return; /* the request is answered in the new protocol */
	if (m->flags & MSG_F_BEGIN) {
		a->stats->responses++;
		if ((m->flags & MSG_F_ORPHAN) || !t || t->resp_begun) {
			a->stats->responses_orphan++;
			if (!c->confirmed && !c->proto->multiplexed) {
				flush_done(a, c, false);
				all_unknown(a, c);
			}
			return;
		}
		if (m->family == MSG_FAMILY_KAFKA && m->kafka.op == KAFKA_POLL) {
			poll_response(a, c, t, m, first_ts, last_ts);
			return;
		}
		t->resp_begun = true;
		t->x.first_byte_ns = unix_ns(a, first_ts);
		if (has_http(m)) {
			t->x.resp.status = m->http.status;
			t->x.resp.version_major = m->http.version_major;
			t->x.resp.version_minor = m->http.version_minor;
			t->x.resp.content_length = m->http.content_length;
		}
		if (m->flags & MSG_F_TRUNCATED) {
			a->stats->truncated++;
			t->x.flags |= XCHG_RESP_TRUNCATED;
		}
		if (m->flags & MSG_F_UNKNOWN)
			t->x.flags |= XCHG_RESP_UNKNOWN;
	}
	if (!t || !t->resp_begun)
		return;
	settle_family(t, m);
	if (has_http(m)) {
		count_messages(a, t, m, first_ts);
		keep_rpc_end(t, m);
	}
	if (!(m->flags & MSG_F_END))
		return;
	if (m->family == MSG_FAMILY_DB)
		assemble_db_response(t, m);
	else if (m->family == MSG_FAMILY_KAFKA)
		assemble_kafka_response(a, c, t, m);
	t->resp_done = true;
	t->x.end_ns = unix_ns(a, last_ts);
	t->x.resp_body_size = m->body_size;
	t->x.resp_wire_size = m->wire_size;
	if (m->flags & MSG_F_SIZE_UNKNOWN)
		t->x.flags |= XCHG_RESP_SIZE_UNKNOWN;
	if (m->flags & MSG_F_ABORTED)
		t->x.end = EXCHANGE_CUT;
	if (m->flags & MSG_F_UPGRADE) {
		c->state = CONN_OPAQUE;
		t->req_done = true;
	}
	if (t->slot)
		complete_stream(a, c, t);
	else
		complete_front(a, c);
}

/* Of a database's or a broker's end the other one tells. */
static bool not_wanted(const struct assemble *a, const struct message *m)
{
	return (m->family == MSG_FAMILY_DB && !a->cfg.db_server) ||
	       (m->family == MSG_FAMILY_KAFKA && !a->cfg.kafka_broker);
}

void assemble_message(struct assemble *a, struct conn *c, enum oe_dir dir, const struct message *m,
		      uint64_t first_ts, uint64_t last_ts, uint32_t tid)
{
	if (!c->role_known && !(m->flags & MSG_F_LOST)) {
		c->server = (m->kind == MSG_REQUEST) == (dir == OE_DIR_IN);
		c->role_known = true;
	}
	if (c->server && not_wanted(a, m)) {
		a->stats->other_end += m->kind == MSG_REQUEST && m->flags & MSG_F_BEGIN;
		a->stats->requests += m->kind == MSG_REQUEST && m->flags & MSG_F_BEGIN;
	} else if (m->flags & MSG_F_DECLARE && m->family == MSG_FAMILY_KAFKA)
		assemble_kafka_declare(a, c, m);
	else if (m->flags & MSG_F_DECLARE)
		assemble_db_declare(a, c, m);
	else if (m->flags & (MSG_F_ADOPT | MSG_F_LOST | MSG_F_RESET))
		stream_event(a, c, m, last_ts);
	else if (m->kind == MSG_REQUEST)
		request(a, c, m, first_ts, last_ts, tid);
	else
		response(a, c, m, first_ts, last_ts);
}

void assemble_lost(struct assemble *a, struct conn *c)
{
	all_unknown(a, c);
	if (!c->confirmed)
		flush_done(a, c, false);
	assemble_db_forget(a, c);
}

void assemble_run_start(struct assemble *a, struct conn *c, enum oe_dir dir)
{
	if (c->confirmed || !c->role_known || dir != (c->server ? OE_DIR_IN : OE_DIR_OUT) ||
	    c->open_cnt)
		return;
	if (c->done_cnt) {
		c->confirmed = true;
		flush_done(a, c, true);
	}
}

void assemble_settle(struct assemble *a, struct conn *c, uint64_t now_ns)
{
	if (!c->open_cnt && c->last_ts + NSEC_PER_SEC < now_ns) {
		c->confirmed = true;
		flush_done(a, c, true);
	}
}

void assemble_closed(struct assemble *a, struct conn *c, int err, uint64_t ts, bool evicted)
{
	/* met late, paired, and still one too many: all along it may have been off by one */
	bool doubtful = !c->confirmed && c->open_cnt && c->done_cnt;
	struct txn *t;

	while ((t = queue_pop(&c->open, &c->open_last))) {
		if (evicted) {
			t->x.end = EXCHANGE_UNKNOWN;
		} else if (!t->resp_done) {
			t->x.end = t->resp_begun ? EXCHANGE_CUT : EXCHANGE_NO_RESPONSE;
			t->x.end_ns = unix_ns(a, ts);
		}
		t->x.err = err;
		if (!t->req_done)
			t->x.flags |= XCHG_REQ_SIZE_UNKNOWN;
		if (t->x.end == EXCHANGE_CUT)
			t->x.flags |= XCHG_RESP_SIZE_UNKNOWN;
		parent_leave(&a->threads, t);
		if (t->x.end == EXCHANGE_CUT || t->x.end == EXCHANGE_NO_RESPONSE)
			t->x.flags |= XCHG_MSGS_UNKNOWN;
		if (t->slot)
			*t->slot = NULL;
		t->slot = NULL;
		if (c->confirmed || evicted || t->multiplexed)
			finish(a, c, t);
		else
			queue_push(&c->done, &c->done_last, t);
	}
	c->open_cnt = 0;
	flush_done(a, c, !doubtful);
	assemble_db_forget(a, c);
}
