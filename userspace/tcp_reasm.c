/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each direction of a connection (a half) delivers in order. A segment that comes too early waits,
 * until the missing one arrives, or until the other side acknowledges bytes beyond the hole: then
 * the receiver had them and the capture had not, and what waits is delivered with its true offset,
 * so that the hole shows. Overlaps: the first copy wins. What waits is bounded per connection and
 * in all; beyond it the hole is given up.
 */
#include "userspace/tcp_reasm.h"

#include <errno.h>
#include <stdlib.h>

#include "userspace/base/hashmap.h"

#define WAIT_FLOW_MAX	   (1u << 20)
#define WAIT_ALL_MAX	   (64u << 20)
#define RECORD_PAYLOAD_MAX 16384u
#define OFF_BASE	   (1ULL << 32)
#define ECONNRESET_LINUX   104

struct waiting {
	struct waiting *next; /* by offset */
	uint64_t off, ts_ns;
	uint32_t len, cap;
	uint8_t bytes[];
};

struct half {
	bool started, fin, ended;
	uint64_t next;	/* offset of the next byte to deliver */
	uint64_t acked; /* highest offset that the other side has acknowledged */
	uint64_t fin_off;
	struct waiting *waiting;
};

/* half[0]: from the client, half[1]: from the server */
struct flow {
	struct flow *prev, *next;
	uint64_t key, id;
	uint16_t family, cport, sport;
	uint8_t caddr[16], saddr[16];
	bool fresh, announced, dead;
	uint32_t wait_bytes;
	struct half half[2];
};

struct tcp_reasm {
	struct hashmap flows;
	struct flow *first, *last;
	source_cb cb;
	void *ctx;
	uint64_t next_id;
	size_t wait_bytes;
	uint32_t max;
	_Alignas(8) uint8_t rec[sizeof(struct oe_data) + RECORD_PAYLOAD_MAX];
};

int tcp_reasm_new(uint32_t max_flows, source_cb cb, void *ctx, struct tcp_reasm **ret)
{
	struct tcp_reasm *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	hashmap_init(&r->flows, max_flows + 1);
	r->max = max_flows;
	r->cb = cb;
	r->ctx = ctx;
	r->next_id = 1;
	*ret = r;
	return 0;
}

static uint64_t extend(uint64_t near, uint32_t seq)
{
	return near + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)near);
}

static void announce(struct tcp_reasm *r, struct flow *f, uint64_t ts)
{
	struct oe_conn c = {.hdr = {.type = OE_EV_CONN, .len = sizeof(c), .ts_ns = ts},
			    .id = f->id,
			    .off = {f->half[0].next, f->half[1].next},
			    .family = f->family,
			    .lport = f->sport,
			    .rport = f->cport,
			    .role = f->fresh ? OE_ROLE_SERVER : OE_ROLE_UNKNOWN,
			    .flags = f->fresh ? OE_CONN_FRESH : 0};

	memcpy(c.laddr, f->saddr, 16);
	memcpy(c.raddr, f->caddr, 16);
	r->cb(r->ctx, &c, sizeof(c));
	f->announced = true;
}

static void emit_data(struct tcp_reasm *r, struct flow *f, int h, uint64_t off, uint64_t ts,
		      uint32_t len, struct bytes b)
{
	struct oe_data *d = (void *)r->rec;

	if (b.len > len)
		b.len = len;
	while (len) {
		uint32_t n = len > RECORD_PAYLOAD_MAX ? RECORD_PAYLOAD_MAX : len;
		uint32_t cap = b.len > n ? n : (uint32_t)b.len;

		/* what was not captured needs no pieces */
		if (!cap)
			n = len;
		*d = (struct oe_data){
			.hdr = {.type = OE_EV_DATA, .len = (uint32_t)sizeof(*d) + cap, .ts_ns = ts},
			.id = f->id,
			.off = off,
			.io_len = n,
			.cap_len = cap};
		d->hdr.flags = (__u16)((h ? OE_F_OUT : 0) | (cap < n ? OE_F_CUT : 0));
		if (cap)
			memcpy(d->payload, b.data, cap);
		r->cb(r->ctx, d, d->hdr.len);
		off += n;
		len -= n;
		b = bytes_from(b, cap);
	}
}

static void emit_close(struct tcp_reasm *r, struct flow *f, uint32_t what, uint32_t err,
		       uint64_t ts)
{
	struct oe_close c = {.hdr = {.type = OE_EV_CLOSE, .len = sizeof(c), .ts_ns = ts},
			     .id = f->id,
			     .off = {f->half[0].next, f->half[1].next},
			     .what = what,
			     .err = err};

	if (f->announced)
		r->cb(r->ctx, &c, sizeof(c));
}

static void wait_free(struct tcp_reasm *r, struct flow *f, struct waiting *w)
{
	f->wait_bytes -= w->cap;
	r->wait_bytes -= w->cap;
	free(w);
}

static void deliver(struct tcp_reasm *r, struct flow *f, int h, uint64_t off, uint64_t ts,
		    uint32_t len, struct bytes b)
{
	struct half *x = &f->half[h];
	uint64_t dup = off < x->next ? x->next - off : 0;

	if (dup >= len)
		return;
	b = bytes_from(b, dup);
	len -= (uint32_t)dup;
	off += dup;
	/* the announcement stands before these bytes */
	if (!f->announced)
		announce(r, f, ts);
	x->next = off + len;
	emit_data(r, f, h, off, ts, len, b);
}

/* Delivers what no longer has to wait; all of it when forced. */
static void drain(struct tcp_reasm *r, struct flow *f, int h, bool force)
{
	struct half *x = &f->half[h];

	while (x->waiting && (force || x->waiting->off <= x->next || x->waiting->off <= x->acked)) {
		struct waiting *w = x->waiting;

		x->waiting = w->next;
		deliver(r, f, h, w->off, w->ts_ns, w->len, bytes_of(w->bytes, w->cap));
		wait_free(r, f, w);
	}
}

static void hold(struct tcp_reasm *r, struct flow *f, int h, uint64_t off,
		 const struct tcp_segment *s)
{
	uint32_t cap = s->bytes.len > s->len ? s->len : (uint32_t)s->bytes.len;
	struct waiting **at = &f->half[h].waiting, *w;

	w = malloc(sizeof(*w) + cap);
	if (!w || f->wait_bytes + cap > WAIT_FLOW_MAX || r->wait_bytes + cap > WAIT_ALL_MAX) {
		free(w);
		drain(r, f, h, true);
		deliver(r, f, h, off, s->ts_ns, s->len, s->bytes);
		return;
	}
	*w = (struct waiting){.off = off, .ts_ns = s->ts_ns, .len = s->len, .cap = cap};
	if (cap)
		memcpy(w->bytes, s->bytes.data, cap);
	while (*at && (*at)->off <= off)
		at = &(*at)->next;
	w->next = *at;
	*at = w;
	f->wait_bytes += cap;
	r->wait_bytes += cap;
}

static void unlink_flow(struct tcp_reasm *r, struct flow *f)
{
	*(f->prev ? &f->prev->next : &r->first) = f->next;
	*(f->next ? &f->next->prev : &r->last) = f->prev;
}

static void front(struct tcp_reasm *r, struct flow *f)
{
	f->prev = NULL;
	f->next = r->first;
	*(r->first ? &r->first->prev : &r->last) = f;
	r->first = f;
}

static void flow_free(struct tcp_reasm *r, struct flow *f)
{
	for (int h = 0; h < 2; h++)
		drain(r, f, h, true);
	hashmap_take(&r->flows, f->key);
	unlink_flow(r, f);
	free(f);
}

void tcp_reasm_free(struct tcp_reasm *r)
{
	if (!r)
		return;
	while (r->last)
		flow_free(r, r->last);
	hashmap_done(&r->flows);
	free(r);
}

static bool is_from_client(const struct flow *f, const struct tcp_segment *s)
{
	return f->cport == s->sport && f->sport == s->dport && !memcmp(f->caddr, s->src, 16) &&
	       !memcmp(f->saddr, s->dst, 16);
}

static bool is_of(const struct flow *f, const struct tcp_segment *s)
{
	return is_from_client(f, s) ||
	       (f->cport == s->dport && f->sport == s->sport && !memcmp(f->caddr, s->dst, 16) &&
		!memcmp(f->saddr, s->src, 16));
}

/* The same for both directions. */
static uint64_t tuple_hash(const struct tcp_segment *s)
{
	return (hash_bytes(s->src, 16, s->sport) + hash_bytes(s->dst, 16, s->dport)) ^ s->family;
}

static struct flow *flow_find(struct tcp_reasm *r, const struct tcp_segment *s, uint64_t *ret_key)
{
	uint64_t key = tuple_hash(s);
	struct flow *f;

	while ((f = hashmap_get(&r->flows, key)) && !is_of(f, s))
		key++;
	*ret_key = key;
	return f;
}

static struct flow *flow_make(struct tcp_reasm *r, const struct tcp_segment *s, uint64_t key)
{
	/* who is the client: whoever connects; met in mid-life: the higher port */
	bool client = s->syn ? !s->has_ack : s->sport > s->dport;
	struct flow *f;

	if (r->flows.len >= r->max && r->last)
		flow_free(r, r->last);
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->key = key;
	f->id = r->next_id++;
	f->family = s->family;
	f->cport = client ? s->sport : s->dport;
	f->sport = client ? s->dport : s->sport;
	memcpy(f->caddr, client ? s->src : s->dst, 16);
	memcpy(f->saddr, client ? s->dst : s->src, 16);
	if (hashmap_put(&r->flows, key, f)) {
		free(f);
		return NULL;
	}
	front(r, f);
	return f;
}

static void on_ack(struct tcp_reasm *r, struct flow *f, int h, const struct tcp_segment *s)
{
	struct half *o = &f->half[!h];
	uint64_t ack;

	if (!s->has_ack)
		return;
	if (!o->started) { /* met in mid-life: the other side's position is what is acknowledged */
		o->started = true;
		o->next = o->acked = OFF_BASE + s->ack;
		return;
	}
	ack = extend(o->next, s->ack);
	if (ack > o->acked)
		o->acked = ack;
	drain(r, f, !h, false);
}

static void check_fin(struct tcp_reasm *r, struct flow *f, int h, uint64_t ts)
{
	struct half *x = &f->half[h];

	if (!x->fin || x->ended || x->next < x->fin_off)
		return;
	x->ended = true;
	emit_close(r, f, h ? OE_CLOSE_OUT : OE_CLOSE_IN, 0, ts);
	if (f->half[!h].ended) {
		emit_close(r, f, OE_CLOSE_ALL, 0, ts);
		f->dead = true;
	}
}

void tcp_reasm_add(struct tcp_reasm *r, const struct tcp_segment *s)
{
	uint64_t key, off;
	struct flow *f = flow_find(r, s, &key);
	struct half *x;
	int h;

	if (f && s->syn && !s->has_ack && (f->dead || f->half[0].next != OFF_BASE + s->seq + 1)) {
		flow_free(r, f); /* the ports are used again */
		f = flow_find(r, s, &key);
	}
	if (!f) {
		if (s->rst || (!s->syn && !s->len))
			return;
		f = flow_make(r, s, key);
		if (!f)
			return;
	}
	unlink_flow(r, f);
	front(r, f);
	h = is_from_client(f, s) ? 0 : 1;
	x = &f->half[h];
	if (s->syn) {
		x->started = true;
		x->next = OFF_BASE + s->seq + 1;
		f->fresh |= h == 0;
	} else if (!x->started) {
		x->started = true;
		x->next = OFF_BASE + s->seq;
	}
	if (f->dead)
		return;
	on_ack(r, f, h, s);
	off = extend(x->next, s->seq + s->syn);
	if (s->len && off + s->len > x->next) {
		if (off > x->next && off > x->acked) {
			hold(r, f, h, off, s);
		} else {
			deliver(r, f, h, off, s->ts_ns, s->len, s->bytes);
			drain(r, f, h, false);
		}
	}
	if (s->fin && !x->fin) {
		x->fin = true;
		x->fin_off = off + s->len;
	}
	check_fin(r, f, h, s->ts_ns);
	check_fin(r, f, !h, s->ts_ns);
	if (s->rst && !f->dead) {
		for (int i = 0; i < 2; i++)
			drain(r, f, i, true);
		emit_close(r, f, OE_CLOSE_ALL, ECONNRESET_LINUX, s->ts_ns);
		f->dead = true;
	}
}
