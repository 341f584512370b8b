/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams -> parser. Records come here in order (conn.c); what the parser leaves is kept until more
 * has come, and while no protocol is known, what may still turn out to be one's start.
 *
 * GAPS. Bytes that exist but were not captured (copy limits, sendfile, a full ring buffer) are
 * handed to the parser as gaps of known length; inside a body it steps over them. Where the kernel
 * has stepped over whole messages and counted them (rows, OE_F_WHOLE), the parser is told so.
 *
 * LOSS. When a parser cannot go on (INVALID, a gap over a boundary), pairing is no longer
 * certain in either direction. The parser's state is thrown away, assemble is told, and parsing
 * starts anew at the next start of a run that looks like a request. A run is an unbroken series of
 * records in one direction; its first byte is the first of a message on every connection that does
 * not pipeline. Whether it did is for assemble to confirm.
 */
#include "userspace/conn_priv.h"

#include <errno.h>
#include <stdlib.h>

#define DETECT_TRIES_MAX 64u
#define REST_KEEP	 1024u /* a buffer that grew beyond is given back when empty */

static void drop_state(struct conn *c)
{
	if (c->proto && c->proto->state_done && c->pstate)
		c->proto->state_done(c->pstate);
	free(c->pstate);
	c->pstate = NULL;
	c->proto = NULL;
}

void conn_drop_parser(struct conn *c)
{
	drop_state(c);
	for (int d = 0; d < 2; d++)
		buf_done(&c->st[d].rest);
}

static void lose(struct conn_table *t, struct conn *c)
{
	t->stats->stream_lost++;
	t->ops->lost(t->ctx, c);
	conn_drop_parser(c);
	for (int d = 0; d < 2; d++)
		buf_init(&c->st[d].rest, DETECT_REST_MAX);
	c->state = CONN_DETECT;
	c->probing = false;
	c->detect_tries = 0;
	c->from_start = c->confirmed = false;
}

/* In place of what it spoke before; what is left over stays. */
static int set_proto(struct conn *c, const struct proto_ops *ops)
{
	void *fresh = calloc(1, ops->state_size);

	if (!fresh)
		return -ENOMEM;
	drop_state(c);
	c->pstate = fresh;
	c->proto = ops;
	c->state = CONN_PARSE;
	if (ops->inherit && c->tls && c->sk_id) {
		const struct conn *plain = hashmap_get(&c->table->map, c->sk_id);

		if (plain && plain != c && plain->proto == ops && plain->pstate)
			ops->inherit(fresh, plain->pstate);
	}
	for (int d = 0; d < 2; d++)
		c->st[d].rest.max =
			ops->need_max > c->st[d].rest.len ? ops->need_max : c->st[d].rest.len;
	return 0;
}

bool conn_upgrade(struct conn *c, struct bytes token)
{
	const struct proto_ops *ops = proto_upgrade(token);

	if (!ops || set_proto(c, ops))
		return false;
	ops->upgraded(c->pstate, c->server ? OE_DIR_IN : OE_DIR_OUT);
	return true;
}

/* One contiguous piece of captured bytes, and where each part of it came from. */
struct piece {
	struct bytes in;
	size_t old; /* first bytes that stood in rest: time and thread of rest */
	uint64_t old_ts, ts;
	uint32_t old_tid, tid;
};

static void emit(struct conn_table *t, struct conn *c, enum oe_dir dir, const struct message *m,
		 const struct piece *p, size_t at, size_t used)
{
	bool first_old = at < p->old, last_old = used && at + used <= p->old;

	t->ops->message(t->ctx, c, dir, m, first_old ? p->old_ts : p->ts,
			last_old ? p->old_ts : p->ts, first_old ? p->old_tid : p->tid);
}

/* Parses what can be parsed of p; the rest is kept for later. False: lost. */
static bool parse_piece(struct conn_table *t, struct conn *c, enum oe_dir dir, struct piece *p)
{
	struct stream *s = &c->st[dir];
	size_t at = 0;

	while (at < p->in.len) {
		struct message m = {0};
		struct bytes in = bytes_from(p->in, at);
		size_t used = 0;
		enum parse_status ps = c->proto->parse(c->pstate, dir, in, &m, &used);

		if (ps == PARSE_INVALID || used > in.len)
			return false;
		if (ps == PARSE_NEED_MORE)
			break;
		if (ps == PARSE_OK)
			emit(t, c, dir, &m, p, at, used);
		at += used;
		if (c->state == CONN_OPAQUE)
			return true;
		if (ps == PARSE_SKIP && !used)
			return false; /* a parser's fault must not hang the daemon */
	}
	t->stats->bytes_parsed += at;
	if (at >= p->in.len) {
		buf_clear(&s->rest, REST_KEEP);
		return true;
	}
	/* keep the rest, with the time of the record that brought its first byte */
	s->rest_ts = at < p->old ? p->old_ts : p->ts;
	s->rest_tid = at < p->old ? p->old_tid : p->tid;
	if (p->in.data == s->rest.data) {
		buf_consume(&s->rest, at);
		return true;
	}
	buf_clear(&s->rest, REST_KEEP);
	return buf_add(&s->rest, p->in.data + at, p->in.len - at) == 0;
}

/* Is this connection's protocol known now? Appends to rest while undecided. */
static bool detect(struct conn_table *t, struct conn *c, enum oe_dir dir, const struct oe_data *d,
		   bool run_start)
{
	struct stream *s = &c->st[dir];
	const struct proto_ops *ops = NULL;
	struct bytes in = bytes_of(d->payload, d->cap_len);
	enum detect_result dr;

	if (run_start) {
		buf_clear(&s->rest, REST_KEEP);
		c->probing = true;
	}
	if (!c->probing || !d->cap_len)
		return false;
	if (s->rest.len) {
		if (buf_add(&s->rest, d->payload, d->cap_len)) {
			c->probing = false;
			return false;
		}
		in = buf_bytes(&s->rest);
	}
	dr = proto_detect(in, dir, &ops);
	if (dr == DETECT_YES) {
		/* conn_deliver() takes the new bytes from the record again */
		if (s->rest.len)
			s->rest.len -= d->cap_len;
		return set_proto(c, ops) == 0;
	}
	if (dr == DETECT_NO || d->cap_len < d->io_len) {
		c->probing = false;
		buf_clear(&s->rest, REST_KEEP);
		if (++c->detect_tries >= DETECT_TRIES_MAX)
			c->state = CONN_OPAQUE;
		return false;
	}
	if (!s->rest.len) {
		s->rest_ts = d->hdr.ts_ns;
		s->rest_tid = d->tid;
		if (buf_add(&s->rest, d->payload, d->cap_len))
			c->probing = false;
	}
	return false;
}

/* `len` bytes of the stream that were not captured, behind what stands in rest. False: lost. */
static bool parse_gap(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t len,
		      uint64_t ts, uint32_t tid)
{
	struct stream *s = &c->st[dir];

	while (len || s->rest.len) {
		struct message m = {0};
		uint64_t used = 0, rest = s->rest.len;
		enum parse_status ps =
			c->proto->gap(c->pstate, dir, buf_bytes(&s->rest), len, &m, &used);
		struct piece p = {.in = buf_bytes(&s->rest),
				  .old = rest,
				  .old_ts = s->rest_ts,
				  .old_tid = s->rest_tid,
				  .ts = ts,
				  .tid = tid};

		if (ps == PARSE_OK)
			emit(t, c, dir, &m, &p, 0, used < rest ? used : rest + 1);
		else if (ps != PARSE_SKIP)
			return false;
		if (c->state == CONN_OPAQUE)
			return true;
		if (used > rest + len || (!used && ps == PARSE_SKIP))
			return false;
		buf_consume(&s->rest, used < rest ? used : rest);
		len -= used > rest ? used - rest : 0;
		if (!used && !(m.flags & (MSG_F_END | MSG_F_DECLARE)))
			return false;
	}
	return true;
}

static void start_run(struct conn_table *t, struct conn *c, enum oe_dir dir)
{
	enum oe_dir other = dir == OE_DIR_IN ? OE_DIR_OUT : OE_DIR_IN;
	const struct stream *o = &c->st[other];
	struct message m = {0};

	c->run_dir = 1 + dir;
	if (c->state == CONN_PARSE && c->proto->run_end) {
		enum parse_status ps = c->proto->run_end(c->pstate, other, &m);

		if (ps == PARSE_OK)
			t->ops->message(t->ctx, c, other, &m, o->last_ts, o->last_ts, o->last_tid);
		else if (ps == PARSE_INVALID)
			lose(t, c);
	}
	t->ops->run_start(t->ctx, c, dir);
}

void conn_skip_to(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off, uint64_t ts,
		  uint32_t tid)
{
	struct stream *s = &c->st[dir];
	uint64_t len = off - s->next;

	t->stats->gaps++;
	t->stats->gap_bytes += len;
	s->next = off;
	if (c->state == CONN_DETECT) {
		c->probing = false;
		buf_clear(&s->rest, REST_KEEP);
	} else if (c->state == CONN_PARSE && !parse_gap(t, c, dir, len, ts, tid)) {
		lose(t, c);
	}
}

void conn_deliver(struct conn_table *t, struct conn *c, const struct oe_data *d)
{
	enum oe_dir dir = d->hdr.flags & OE_F_OUT ? OE_DIR_OUT : OE_DIR_IN;
	struct stream *s = &c->st[dir];
	bool run_start = c->run_dir != 1 + dir, ok = true;
	uint64_t dup = s->next - d->off;
	struct bytes in = bytes_of(d->payload, d->cap_len);
	uint32_t io_len = d->io_len;

	if (dup) { /* seen before: a resent record, or two hooks for one I/O */
		if (dup >= io_len)
			return;
		in = bytes_from(in, dup);
		io_len -= (uint32_t)dup;
	}
	s->next += io_len;
	s->last_ts = d->hdr.ts_ns;
	s->last_tid = d->tid;
	if (run_start)
		start_run(t, c, dir);
	if (c->state == CONN_DETECT && (dup || !detect(t, c, dir, d, run_start))) {
		t->stats->bytes_unparsed += io_len;
		return;
	}
	if (c->state == CONN_OPAQUE) {
		t->stats->bytes_unparsed += io_len;
		return;
	}
	if (d->hdr.flags & OE_F_WHOLE && c->proto->whole && !s->rest.len && !dup) {
		t->stats->gap_bytes += io_len;
		if (c->proto->whole(c->pstate, dir, io_len, d->extra) == PARSE_INVALID)
			lose(t, c);
		return;
	}
	if (in.len) {
		struct piece p = {.in = in, .ts = d->hdr.ts_ns, .tid = d->tid};

		if (s->rest.len) {
			p.old = s->rest.len;
			p.old_ts = s->rest_ts;
			p.old_tid = s->rest_tid;
			/* need_max is about what the parser leaves, not about what comes then */
			s->rest.max = c->proto->need_max +
				      (s->rest.len < c->proto->need_max ? in.len : 0);
			if (buf_add(&s->rest, in.data, in.len)) {
				/* more than the parser said it can need: the head goes on
				 * uncaptured */
				ok = parse_gap(t, c, dir, io_len, d->hdr.ts_ns, d->tid);
				if (!ok)
					lose(t, c);
				return;
			}
			p.in = buf_bytes(&s->rest);
		}
		ok = parse_piece(t, c, dir, &p);
	}
	if (ok && c->state == CONN_PARSE && io_len > in.len) {
		t->stats->gap_bytes += io_len - in.len;
		ok = parse_gap(t, c, dir, io_len - in.len, d->hdr.ts_ns, d->tid);
	}
	if (!ok)
		lose(t, c);
}

void conn_end_stream(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off,
		     bool aborted, uint64_t ts)
{
	struct stream *s = &c->st[dir];
	struct message m = {0};

	if (s->ended)
		return;
	s->ended = true;
	s->ending = false;
	if (s->started && off > s->next && off - s->next < 1ULL << 31)
		conn_skip_to(t, c, dir, off, ts, s->last_tid);
	if (c->state != CONN_PARSE || !c->proto->eof)
		return;
	/* a head that its sender never finished is no message */
	t->stats->bytes_unparsed += s->rest.len;
	buf_done(&s->rest);
	if (c->proto->eof(c->pstate, dir, aborted, &m) == PARSE_OK)
		t->ops->message(t->ctx, c, dir, &m, s->last_ts ? s->last_ts : ts,
				s->last_ts ? s->last_ts : ts, s->last_tid);
}
