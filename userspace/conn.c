/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records -> streams -> parser.
 *
 * ORDER. The ring buffer delivers records in the order in which their hooks reserved
 * room. Within one direction that is stream order as long as one thread moves the bytes; when
 * threads take turns two hooks may swap. Offsets tell. A record that starts beyond the expected
 * offset is either such a swap or the sign of bytes that no hook saw. Only when the thread has
 * changed is a swap possible: then the connection goes on hold (all its records, both
 * directions, so that requests stay before their responses) until the missing one
 * arrives, for at most HOLD_NS. In all other cases the gap is real at once.
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
 *
 * MEMORY. The table holds max_conns connections, least recently used goes first; each direction
 * keeps at most the parser's need_max bytes of an incomplete message; the hold is bounded per
 * connection and in all.
 */
#include "userspace/conn.h"

#include <errno.h>
#include <stdlib.h>

#include "userspace/base/clock.h"

#define HOLD_NS		 (20 * NSEC_PER_MSEC)
#define CLOSING_NS	 (60 * NSEC_PER_MSEC)
#define HOLD_CNT_MAX	 64u
#define HOLD_BYTES_MAX	 (8u << 20)
#define HOLD_JUMP_MAX	 (4u << 20)
#define DETECT_REST_MAX	 4096u
#define DETECT_TRIES_MAX 64u
#define REST_KEEP	 1024u /* a buffer that grew beyond is given back when empty */

struct held {
	struct held *next;
	size_t len;
	_Alignas(8) uint8_t rec[];
};

struct conn_table {
	struct hashmap map;
	struct conn *first, *last; /* recently used first */
	struct conn *attended;
	struct conn *spare;
	const struct conn_ops *ops;
	void *ctx;
	struct stats *stats;
	size_t held_bytes;
	uint32_t max;
};

static void end_stream(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off,
		       bool aborted, uint64_t ts);
static void release(struct conn_table *t, struct conn *c, bool force);

int conn_table_new(uint32_t max_conns, const struct conn_ops *ops, void *ctx, struct stats *stats,
		   struct conn_table **ret)
{
	struct conn_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	hashmap_init(&t->map, max_conns);
	t->max = max_conns;
	t->ops = ops;
	t->ctx = ctx;
	t->stats = stats;
	*ret = t;
	return 0;
}

static void lru_unlink(struct conn_table *t, struct conn *c)
{
	*(c->prev ? &c->prev->next : &t->first) = c->next;
	*(c->next ? &c->next->prev : &t->last) = c->prev;
}

static void lru_front(struct conn_table *t, struct conn *c)
{
	c->prev = NULL;
	c->next = t->first;
	*(t->first ? &t->first->prev : &t->last) = c;
	t->first = c;
}

static void lru_touch(struct conn_table *t, struct conn *c)
{
	if (t->first == c)
		return;
	lru_unlink(t, c);
	lru_front(t, c);
}

void conn_attend(struct conn *c)
{
	struct conn_table *t = c->table;

	if (c->attended)
		return;
	c->attended = true;
	c->att_prev = NULL;
	c->att_next = t->attended;
	if (t->attended)
		t->attended->att_prev = c;
	t->attended = c;
}

static void unattend(struct conn_table *t, struct conn *c)
{
	if (!c->attended)
		return;
	c->attended = false;
	*(c->att_prev ? &c->att_prev->att_next : &t->attended) = c->att_next;
	if (c->att_next)
		c->att_next->att_prev = c->att_prev;
}

static void drop_state(struct conn *c)
{
	if (c->proto && c->proto->state_done && c->pstate)
		c->proto->state_done(c->pstate);
	free(c->pstate);
	c->pstate = NULL;
	c->proto = NULL;
}

static void drop_parser(struct conn *c)
{
	drop_state(c);
	for (int d = 0; d < 2; d++)
		buf_done(&c->st[d].rest);
}

static void drop_held(struct conn_table *t, struct conn *c)
{
	while (c->held) {
		struct held *h = c->held;

		c->held = h->next;
		t->held_bytes -= h->len;
		free(h);
	}
	c->held_last = NULL;
	c->held_cnt = 0;
}

/* The last bytes of a direction did not come in time. */
static void end_waiting(struct conn_table *t, struct conn *c)
{
	for (int d = 0; d < 2; d++)
		if (c->st[d].ending)
			end_stream(t, c, d, c->st[d].end_off, false, c->ending_ts);
}

static void conn_free(struct conn_table *t, struct conn *c, int err, uint64_t ts, bool evicted)
{
	if (c->held)
		release(t, c, true);
	end_waiting(t, c);
	if (c->closing && err) {
		end_stream(t, c, OE_DIR_OUT, 0, true, ts);
		end_stream(t, c, OE_DIR_IN, 0, true, ts);
	}
	if (c->state == CONN_DETECT && !c->role_known)
		t->stats->conns_other++;
	t->ops->closed(t->ctx, c, err, ts, evicted);
	drop_held(t, c);
	drop_parser(c);
	if (c->target)
		t->ops->target_put(t->ctx, c->target);
	hashmap_take(&t->map, c->id);
	unattend(t, c);
	lru_unlink(t, c);
	c->next = t->spare;
	t->spare = c;
}

void conn_table_free(struct conn_table *t)
{
	if (!t)
		return;
	while (t->last)
		if (t->last->closing)
			conn_free(t, t->last, t->last->close_err, t->last->close_ts, false);
		else
			conn_free(t, t->last, 0, t->last->last_ts, true);
	while (t->spare) {
		struct conn *c = t->spare;

		t->spare = c->next;
		free(c);
	}
	hashmap_done(&t->map);
	free(t);
}

static struct conn *conn_make(struct conn_table *t, uint64_t id, uint64_t ts)
{
	struct conn *c;

	if (t->map.len >= t->max && t->last) {
		t->stats->conns_evicted++;
		conn_free(t, t->last, 0, ts, true);
	}
	c = t->spare;
	if (c)
		t->spare = c->next;
	else
		c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->id = id;
	c->table = t;
	if (hashmap_put(&t->map, id, c)) {
		free(c);
		return NULL;
	}
	for (int d = 0; d < 2; d++)
		buf_init(&c->st[d].rest, DETECT_REST_MAX);
	lru_front(t, c);
	t->stats->conns++;
	return c;
}

static void set_addr(uint8_t to[16], const __u8 from[16], uint16_t family, bool mapped)
{
	memset(to, 0, 16);
	if (family == OE_AF_INET)
		memcpy(to, from, 4);
	else if (mapped)
		memcpy(to, from + 12, 4);
	else
		memcpy(to, from, 16);
}

/* ::ffff:a.b.c.d is IPv4 seen through an IPv6 socket */
static bool is_mapped(const __u8 a[16])
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return !memcmp(a, prefix, sizeof(prefix));
}

static void on_conn(struct conn_table *t, const struct oe_conn *r)
{
	struct conn *c = hashmap_get(&t->map, r->id);
	bool mapped;

	if (!c)
		c = conn_make(t, r->id, r->hdr.ts_ns);
	if (!c)
		return;
	mapped = r->family == OE_AF_INET6 && is_mapped(r->laddr) && is_mapped(r->raddr);
	c->ep.family = mapped ? OE_AF_INET : r->family;
	c->ep.lport = r->lport;
	c->ep.rport = r->rport;
	set_addr(c->ep.laddr, r->laddr, r->family, mapped);
	set_addr(c->ep.raddr, r->raddr, r->family, mapped);
	if (r->family == OE_AF_UNIX && r->path_len && r->path_len <= sizeof(r->path)) {
		memcpy(c->path, r->path, r->path_len);
		c->path[r->path_len] = 0;
		c->ep.path = c->path;
	}
	c->role = r->role;
	c->last_ts = r->hdr.ts_ns;
	for (int d = 0; d < 2; d++) {
		if (!c->st[d].started) {
			c->st[d].started = true;
			c->st[d].next = r->off[d];
		}
	}
	c->from_start = c->confirmed = r->flags & OE_CONN_FRESH;
}

static void lose(struct conn_table *t, struct conn *c)
{
	t->stats->stream_lost++;
	t->ops->lost(t->ctx, c);
	drop_parser(c);
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
		/* deliver() takes the new bytes from the record again */
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

/* The stream jumped: bytes up to `off` are missing. */
static void skip_to(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off,
		    uint64_t ts, uint32_t tid)
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

/* Is that the last byte that the direction's end was waiting for? */
static void check_end(struct conn_table *t, struct conn *c, enum oe_dir dir)
{
	const struct stream *s = &c->st[dir];

	if (s->ending && s->next >= s->end_off)
		end_stream(t, c, dir, s->end_off, false, c->ending_ts);
}

/* A record whose offset is not beyond the expected one. */
static void deliver(struct conn_table *t, struct conn *c, const struct oe_data *d)
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

static void end_stream(struct conn_table *t, struct conn *c, enum oe_dir dir, uint64_t off,
		       bool aborted, uint64_t ts)
{
	struct stream *s = &c->st[dir];
	struct message m = {0};

	if (s->ended)
		return;
	s->ended = true;
	s->ending = false;
	if (s->started && off > s->next && off - s->next < 1ULL << 31)
		skip_to(t, c, dir, off, ts, s->last_tid);
	if (c->state != CONN_PARSE || !c->proto->eof)
		return;
	/* a head that its sender never finished is no message */
	t->stats->bytes_unparsed += s->rest.len;
	buf_done(&s->rest);
	if (c->proto->eof(c->pstate, dir, aborted, &m) == PARSE_OK)
		t->ops->message(t->ctx, c, dir, &m, s->last_ts ? s->last_ts : ts,
				s->last_ts ? s->last_ts : ts, s->last_tid);
}

/* On a connection seen from its start a response cannot be there before its request: threads
 * swapped. Where responses name their request this is known of every connection. */
static bool too_early(const struct conn *c, enum oe_dir dir, const struct oe_data *d)
{
	if (c->state == CONN_PARSE && c->proto->multiplexed)
		return c->proto->early && dir == OE_DIR_IN && c->role_known && !c->server &&
		       d->tid != c->st[OE_DIR_OUT].last_tid && d->off == c->st[dir].next &&
		       !c->st[dir].rest.len &&
		       c->proto->early(c->pstate, dir, bytes_of(d->payload, d->cap_len));
	if (!c->from_start || c->role != OE_ROLE_CLIENT || dir != OE_DIR_IN || c->open_cnt ||
	    c->state == CONN_OPAQUE || d->tid == c->st[OE_DIR_OUT].last_tid)
		return false;
	/* a server that speaks first, in one piece or behind what was not enough to tell */
	return !(c->state == CONN_DETECT && c->st[dir].rest.len) &&
	       !proto_greets(bytes_of(d->payload, d->cap_len));
}

/* Delivers whatever of the hold fits now; `force`: in order of arrival, gaps and all. */
static void release(struct conn_table *t, struct conn *c, bool force)
{
	bool progress = true;

	while (c->held && progress) {
		struct held **at = &c->held, *prev = NULL;

		progress = false;
		while (*at) {
			struct held *h = *at;
			const struct oe_data *d = (const void *)h->rec;
			enum oe_dir dir = d->hdr.flags & OE_F_OUT ? OE_DIR_OUT : OE_DIR_IN;

			if ((d->off > c->st[dir].next || too_early(c, dir, d)) && !force) {
				prev = h;
				at = &h->next;
				continue;
			}
			*at = h->next;
			if (c->held_last == h)
				c->held_last = prev;
			c->held_cnt--;
			t->held_bytes -= h->len;
			if (d->off > c->st[dir].next)
				skip_to(t, c, dir, d->off, d->hdr.ts_ns, d->tid);
			deliver(t, c, d);
			check_end(t, c, dir);
			free(h);
			progress = true;
		}
	}
}

static bool hold(struct conn_table *t, struct conn *c, const struct oe_data *d, size_t len)
{
	struct held *h;

	if (c->held_cnt >= HOLD_CNT_MAX || t->held_bytes + len > HOLD_BYTES_MAX)
		return false;
	h = malloc(sizeof(*h) + len);
	if (!h)
		return false;
	h->next = NULL;
	h->len = len;
	memcpy(h->rec, d, len);
	if (!c->held)
		c->held_since = d->hdr.ts_ns;
	conn_attend(c);
	*(c->held_last ? &c->held_last->next : &c->held) = h;
	c->held_last = h;
	c->held_cnt++;
	t->held_bytes += len;
	return true;
}

static void on_data(struct conn_table *t, const struct oe_data *d, size_t len)
{
	enum oe_dir dir = d->hdr.flags & OE_F_OUT ? OE_DIR_OUT : OE_DIR_IN;
	struct conn *c = hashmap_get(&t->map, d->id);
	struct stream *s;
	bool swapped;

	if (!c)
		c = conn_make(t, d->id, d->hdr.ts_ns);
	if (!c)
		return;
	lru_touch(t, c);
	c->last_ts = d->hdr.ts_ns;
	if (c->tgid != d->tgid || !c->target) {
		c->tgid = d->tgid;
		c->target = t->ops->target(t->ctx, d->tgid, c->target);
	}
	s = &c->st[dir];
	if (!s->started) {
		s->started = true;
		s->next = d->off;
	}
	swapped = d->off > s->next && d->off - s->next <= HOLD_JUMP_MAX && s->last_tid &&
		  s->last_tid != d->tid;
	if (c->held || swapped || too_early(c, dir, d)) {
		if (hold(t, c, d, len)) {
			if (c->held_cnt > 1 || !(swapped || too_early(c, dir, d)))
				release(t, c, false);
			return;
		}
		t->stats->held_overflow++;
		release(t, c, true);
	}
	if (d->off > s->next)
		skip_to(t, c, dir, d->off, d->hdr.ts_ns, d->tid);
	deliver(t, c, d);
	check_end(t, c, dir);
}

/*
 * The last bytes may still be on their way here: another thread read or sent them, and its hook
 * has not reported yet. After a break (reset) conn_free() ends the streams.
 */
static void close_stream(struct conn_table *t, struct conn *c, enum oe_dir dir,
			 const struct oe_close *r)
{
	struct stream *s = &c->st[dir];

	if (r->what & OE_CLOSE_ALL && r->err)
		return;
	if (s->started && !s->ended && r->off[dir] > s->next &&
	    r->off[dir] - s->next <= HOLD_JUMP_MAX) {
		s->ending = true;
		s->end_off = r->off[dir];
		c->ending_ts = r->hdr.ts_ns;
		conn_attend(c);
		return;
	}
	end_stream(t, c, dir, r->off[dir], false, r->hdr.ts_ns);
}

static void on_close(struct conn_table *t, const struct oe_close *r)
{
	struct conn *c = hashmap_get(&t->map, r->id);

	if (!c)
		return;
	c->last_ts = r->hdr.ts_ns;
	if (r->what & (OE_CLOSE_OUT | OE_CLOSE_ALL))
		close_stream(t, c, OE_DIR_OUT, r);
	if (r->what & (OE_CLOSE_IN | OE_CLOSE_ALL))
		close_stream(t, c, OE_DIR_IN, r);
	if ((r->what & OE_CLOSE_ALL) && !c->closing) {
		c->closing = true;
		c->close_err = (int)r->err;
		c->close_ts = r->hdr.ts_ns;
		conn_attend(c);
	}
}

bool conn_record(struct conn_table *t, const void *rec, size_t len)
{
	const struct oe_hdr *h = rec;
	const struct oe_data *d = rec;

	switch (h->type) {
	case OE_EV_CONN:
		if (len < sizeof(struct oe_conn))
			break;
		on_conn(t, rec);
		return true;
	case OE_EV_DATA:
		if (len < sizeof(*d) || d->cap_len > len - sizeof(*d) || d->cap_len > d->io_len)
			break;
		on_data(t, d, sizeof(*d) + d->cap_len);
		return true;
	case OE_EV_CLOSE:
		if (len < sizeof(struct oe_close))
			break;
		on_close(t, rec);
		return true;
	default:
		return false;
	}
	t->stats->records_bad++;
	return true;
}

void conn_sweep(struct conn_table *t, uint64_t now_ns,
		void (*settle)(void *ctx, struct conn *c, uint64_t now_ns))
{
	for (struct conn *c = t->attended, *next; c; c = next) {
		next = c->att_next;
		if (c->held && c->held_since + HOLD_NS < now_ns) {
			t->stats->held_overflow++;
			release(t, c, true);
		}
		if (c->closing && c->close_ts + CLOSING_NS < now_ns) {
			conn_free(t, c, c->close_err, c->close_ts, false);
			continue;
		}
		if ((c->st[0].ending || c->st[1].ending) && c->ending_ts + CLOSING_NS < now_ns)
			end_waiting(t, c);
		if (c->done)
			settle(t->ctx, c, now_ns);
		if (!c->held && !c->done && !c->closing && !c->st[0].ending && !c->st[1].ending)
			unattend(t, c);
	}
}

void conn_process_gone(struct conn_table *t, uint32_t tgid, uint64_t ts)
{
	for (struct conn *c = t->first, *next; c; c = next) {
		next = c->next;
		if (c->tgid != tgid || c->ep.family != OE_AF_UNIX)
			continue;
		end_stream(t, c, OE_DIR_OUT, 0, false, ts);
		end_stream(t, c, OE_DIR_IN, 0, true, ts);
		conn_free(t, c, 0, ts, false);
	}
}

size_t conn_count(const struct conn_table *t)
{
	return t->map.len;
}
