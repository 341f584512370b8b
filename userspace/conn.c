/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records -> streams: the table of connections, and the order of their records. What becomes of
 * the bytes is in conn_parse.c.
 *
 * ORDER. The ring buffer delivers records in the order in which their hooks reserved
 * room. Within one direction that is stream order as long as one thread moves the bytes; when
 * threads take turns two hooks may swap. Offsets tell. A record that starts beyond the expected
 * offset is either such a swap or the sign of bytes that no hook saw. Only when the thread has
 * changed is a swap possible: then the connection goes on hold (all its records, both
 * directions, so that requests stay before their responses) until the missing one
 * arrives, for at most HOLD_NS. In all other cases the gap is real at once.
 *
 * MEMORY. The table holds max_conns connections, least recently used goes first; each direction
 * keeps at most the parser's need_max bytes of an incomplete message; the hold is bounded per
 * connection and in all.
 */
#include "userspace/conn_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "userspace/base/clock.h"

#define HOLD_NS	       (100 * NSEC_PER_MSEC) /* a thread may lose its CPU between its I/O and the hook */
#define CLOSING_NS     (60 * NSEC_PER_MSEC)
#define HOLD_CNT_MAX   64u
#define HOLD_BYTES_MAX (8u << 20)
#define HOLD_JUMP_MAX  (4u << 20)

struct held {
	struct held *next;
	size_t len;
	_Alignas(8) uint8_t rec[];
};

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
			conn_end_stream(t, c, d, c->st[d].end_off, false, c->ending_ts);
}

static void conn_free(struct conn_table *t, struct conn *c, int err, uint64_t ts, bool evicted)
{
	if (c->held)
		release(t, c, true);
	end_waiting(t, c);
	if (c->closing && err) {
		conn_end_stream(t, c, OE_DIR_OUT, 0, true, ts);
		conn_end_stream(t, c, OE_DIR_IN, 0, true, ts);
	}
	if (c->state == CONN_DETECT && !c->role_known)
		t->stats->conns_other++;
	t->ops->closed(t->ctx, c, err, ts, evicted);
	drop_held(t, c);
	conn_drop_parser(c);
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

/* len: an older recording's lacks the end */
static void on_conn(struct conn_table *t, const struct oe_conn *r, size_t len)
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
	if (len >= sizeof(*r))
		c->sk_id = r->sk_id;
	/* again: the socket of a TLS connection was found */
	if (c->announced)
		return;
	c->announced = true;
	c->tls = r->flags & OE_CONN_TLS;
	for (int d = 0; d < 2; d++) {
		if (!c->st[d].started) {
			c->st[d].started = true;
			c->st[d].next = r->off[d];
		}
	}
	c->from_start = c->confirmed = r->flags & OE_CONN_FRESH;
}

/* Is that the last byte that the direction's end was waiting for? */
static void check_end(struct conn_table *t, struct conn *c, enum oe_dir dir)
{
	const struct stream *s = &c->st[dir];

	if (s->ending && s->next >= s->end_off)
		conn_end_stream(t, c, dir, s->end_off, false, c->ending_ts);
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
				conn_skip_to(t, c, dir, d->off, d->hdr.ts_ns, d->tid);
			conn_deliver(t, c, d);
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
		conn_skip_to(t, c, dir, d->off, d->hdr.ts_ns, d->tid);
	conn_deliver(t, c, d);
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
	conn_end_stream(t, c, dir, r->off[dir], false, r->hdr.ts_ns);
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
		if (len < offsetof(struct oe_conn, sk_id))
			break;
		on_conn(t, rec, len);
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
		bool unnoticed = c->ep.family == OE_AF_UNIX || (c->tls && !c->ep.family);

		next = c->next;
		if (c->tgid != tgid || !unnoticed)
			continue;
		conn_end_stream(t, c, OE_DIR_OUT, 0, false, ts);
		conn_end_stream(t, c, OE_DIR_IN, 0, true, ts);
		conn_free(t, c, 0, ts, false);
	}
}

size_t conn_count(const struct conn_table *t)
{
	return t->map.len;
}
