/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_KAFKA_BPF_H
#define OE_KAFKA_BPF_H
/*
 * The frame walk of Kafka: frames up to OE_KAFKA_WHOLE bytes are copied; in longer ones everything
 * but the inside of record batches. Where batches are is not read from the message's fields, which
 * differ from version to version, but seen by their own form: offset, length and magic stand at the
 * same place in all formats, and one batch leads to the next. Of a batch its head is copied with
 * the first records, of a batch of one record also its last bytes (its headers stand there).
 *
 * What is missed or mistaken here costs bytes, copied or reported as missing: userspace, which
 * reads the fields, decides what the bytes mean.
 *
 * struct oe_walk: data_left are bytes of the frame not decided about yet, msg_left those of the
 * partition's records; `whole` bytes are to be copied behind the skipped ones; `prefix` is the
 * mode; `stream` counts what was searched in vain; in a search head[] holds the bytes before.
 */
#include "bpf/emit.bpf.h"
#include "bpf/gather.bpf.h"
#include "bpf/walk.bpf.h"

#define OE_KAFKA_WHOLE	    1024
#define OE_KAFKA_FRAME_MAX  (1u << 30)
#define OE_KAFKA_BATCH_KEEP 512	 /* of a batch of several records, from its first byte on */
#define OE_KAFKA_ONE_KEEP   256	 /* of a batch of one, */
#define OE_KAFKA_ONE_TAIL   256	 /* and up to its last byte: its headers stand there */
#define OE_KAFKA_OLD_KEEP   64	 /* of a message set's entry, which has no headers */
#define OE_KAFKA_ZIP_KEEP   4200 /* compressed ones up to here as a whole; see KAFKA_ZIP_MAX */
#define OE_KAFKA_BATCH_HEAD 61
#define OE_KAFKA_WINDOW	    256 /* searched at a time */
#define OE_KAFKA_OVERLAP    40	/* and searched again */
#define OE_KAFKA_BEFORE	    16	/* bytes in front of the window, of an earlier I/O perhaps */
#define OE_KAFKA_AT	    (OE_CAP_LIMIT + OE_KAFKA_BEFORE) /* in the scratch's other half */
#define OE_KAFKA_SEARCH_MAX 4096 /* in vain: the rest of the frame is copied */
#define OE_KAFKA_STEPS	    32768

#define OE_KAFKA_FRAME 0 /* in front of a frame: 4 bytes decide */
#define OE_KAFKA_SCAN  1 /* among fields */
#define OE_KAFKA_BATCH 2 /* in front of a batch: its first bytes decide */

/* offset, length, epoch, magic, checksum, attributes, last offset: what shows its form */
#define OE_KAFKA_PROBE 27

struct oe_kafka_head {
	__u8 b[28];
};

static __always_inline __u32 oe_be32(const __u8 *p)
{
	return (__u32)p[0] << 24 | (__u32)p[1] << 16 | (__u32)p[2] << 8 | p[3];
}

static __always_inline void oe_kafka_frame(struct oe_walk *w, const __u8 *p)
{
	__u32 len = oe_be32(p);

	if (len < 4 || len > OE_KAFKA_FRAME_MAX) {
		w->on = 0;
		return;
	}
	w->msg_left = w->stream = 0;
	if (len <= OE_KAFKA_WHOLE) {
		w->keep = len;
		w->data_left = 0;
	} else {
		w->data_left = len;
		w->prefix = OE_KAFKA_SCAN;
	}
}

/* How much of the `rest` of a batch is copied. */
static __always_inline void oe_kafka_take(struct oe_walk *w, __u32 rest, __u32 keep, __u32 tail)
{
	if (rest <= keep + tail) {
		w->keep = rest;
		return;
	}
	w->keep = keep;
	w->skip = rest - keep - tail;
	w->whole = tail;
}

static __always_inline void oe_kafka_batch(struct oe_walk *w, const __u8 *p)
{
	__u32 len = oe_be32(p + 8), rest, total;
	bool partial = false, zipped;

	if (p[0] || p[16] > 2 || len < 14 || len > OE_KAFKA_FRAME_MAX) { /* fields again */
		w->prefix = OE_KAFKA_SCAN;
		w->stream = 0;
		return;
	}
	total = 12 + len;
	if (total > w->msg_left) { /* did not fit into the response */
		total = w->msg_left;
		partial = true;
	}
	w->msg_left -= total;
	rest = total > OE_KAFKA_PROBE ? total - OE_KAFKA_PROBE : 0;
	if (rest > w->data_left)
		rest = w->data_left;
	w->data_left -= rest;
	zipped = p[16] == 2 && p[22] & 7;
	if (partial || (zipped && rest > OE_KAFKA_ZIP_KEEP))
		oe_kafka_take(w, rest, OE_KAFKA_BATCH_HEAD - OE_KAFKA_PROBE, 0);
	else if (zipped)
		w->keep = rest;
	else if (p[16] < 2)
		oe_kafka_take(w, rest, OE_KAFKA_OLD_KEEP - OE_KAFKA_PROBE, 0);
	else if (oe_be32(p + 23)) /* where the last ones begin cannot be known */
		oe_kafka_take(w, rest, OE_KAFKA_BATCH_KEEP - OE_KAFKA_PROBE, 0);
	else
		oe_kafka_take(w, rest, OE_KAFKA_ONE_KEEP - OE_KAFKA_PROBE, OE_KAFKA_ONE_TAIL);
	if (w->msg_left >= OE_KAFKA_PROBE)
		return;
	w->msg_left = w->stream = 0;
	w->prefix = w->data_left ? OE_KAFKA_SCAN : OE_KAFKA_FRAME;
}

/* The bytes that decide are there. A global function: verified once. */
__weak __noinline int oe_kafka_decide(struct oe_walk *w, const struct oe_kafka_head *h)
{
	if (!w || !h)
		return 0;
	w->have = 0;
	if (w->prefix == OE_KAFKA_BATCH)
		oe_kafka_batch(w, h->b);
	else
		oe_kafka_frame(w, h->b);
	return 0;
}

/* Does a batch begin here? Fields, many of them zero, shall not look like one. */
static __always_inline bool oe_kafka_is_batch(const __u8 *p, __u32 left)
{
	__u32 len = oe_be32(p + 8), before = oe_be32(p - 4);

	if (p[0] || p[1] || len > OE_KAFKA_FRAME_MAX || len + 12 > left)
		return false;
	if (p[16] == 2) /* the leader's epoch, attributes and last offset have these bounds */
		return len >= OE_KAFKA_BATCH_HEAD - 12 && (p[12] == 0 || p[12] == 0xff) &&
		       p[13] == p[12] && !p[21] && !p[23];
	/* old formats came with old versions: the size of the records is in plain form */
	return p[16] < 2 && len >= 14 && p[17] < 16 && before >= len + 12 && before <= left;
}

/* The size of the records that begin at p, from the field in front of it. */
static __always_inline __u32 oe_kafka_records(const __u8 *p, __u32 left)
{
	__u32 len = oe_be32(p - 4), one = oe_be32(p + 8) + 12;
	__u64 v = 0; /* 35 bits */

	/* a request has one batch of each partition, its size (plain, or a varint of it plus one)
	 * in front */
	if (len == one)
		return one;
	for (int k = 1; k <= 5 && (k == 1 || p[-k] & 0x80); k++) {
		v = v << 7 | (p[-k] & 0x7f);
		if (v == one + 1ULL)
			return one;
	}
	if (len >= 17 && len <= left)
		return len;
	/* a response: the varint stands behind the replica to be preferred, mostly -1 */
	v = 0;
	for (int k = 1; k <= 5 && (k == 1 || p[-k] & 0x80); k++) {
		v = v << 7 | (p[-k] & 0x7f);
		if (((p[-k - 4] == 0xff && p[-k - 3] == 0xff) || (!p[-k - 4] && !p[-k - 3])) &&
		    v - 1 <= left && v > 17)
			len = v - 1;
	}
	return len <= left ? len : left;
}

struct oe_kafka_found {
	const struct oe_scratch *b;
	__u32 len, left;
	__s32 at; /* -1: nothing yet */
	__u32 records;
};

static long oe_kafka_look(__u32 i, struct oe_kafka_found *f)
{
	const __u8 *p;

	if (i + OE_KAFKA_PROBE > f->len || i > OE_KAFKA_WINDOW)
		return 1;
	p = f->b->payload + OE_KAFKA_AT + i;
	if (!oe_kafka_is_batch(p, f->left - i))
		return 0;
	f->at = i;
	f->records = oe_kafka_records(p, f->left - i);
	return 1;
}

/* Searches `len` bytes in the scratch from OE_KAFKA_AT on. Returns where a batch begins, or -1;
 * w->msg_left: the size of the partition's records. A global function: verified once. */
__weak __noinline int oe_kafka_search(struct oe_walk *w, __u32 key, __u32 len)
{
	struct oe_kafka_found f = {.b = bpf_map_lookup_elem(&scratch, &key), .len = len, .at = -1};

	if (!f.b || !w)
		return -1;
	f.left = w->data_left;
	bpf_loop(OE_KAFKA_WINDOW, oe_kafka_look, &f, 0);
	if (f.at >= 0)
		w->msg_left = f.records;
	return f.at;
}

/* A piece of the fields; everything in it is copied. Returns how many bytes, or OE_WALK_LOST. */
static __always_inline __s32 oe_kafka_scan(struct oe_walk_io *c, struct oe_walk *w, __u32 key)
{
	__u32 n = c->here, have = c->have;
	int at;

	if (n > w->data_left)
		n = w->data_left;
	if (n > OE_KAFKA_WINDOW)
		n = OE_KAFKA_WINDOW;
	if (have > OE_CAP_LIMIT - OE_KAFKA_WINDOW)
		return OE_WALK_LOST; /* cannot be */
	if (bpf_probe_read_user(c->b->payload + have, n, (void *)c->at) ||
	    bpf_probe_read_user(c->b->payload + OE_KAFKA_AT, n, (void *)c->at))
		return OE_WALK_LOST;
	bpf_probe_read_kernel(c->b->payload + OE_CAP_LIMIT, OE_KAFKA_BEFORE, w->head);
	at = oe_kafka_search(w, key, n);
	if (at >= 0 && at <= n) {
		n = at;
		w->prefix = OE_KAFKA_BATCH;
	} else {
		if (n == OE_KAFKA_WINDOW)
			n -= OE_KAFKA_OVERLAP;
		w->stream += n;
	}
	bpf_probe_read_kernel(w->head, OE_KAFKA_BEFORE, c->b->payload + OE_CAP_LIMIT + n);
	w->data_left -= n;
	c->have = have + n;
	if (w->prefix != OE_KAFKA_SCAN)
		return n;
	if (w->stream > OE_KAFKA_SEARCH_MAX) {
		w->keep = w->data_left;
		w->data_left = 0;
	}
	if (!w->data_left)
		w->prefix = OE_KAFKA_FRAME;
	return n;
}

struct oe_kafka_io {
	struct oe_walk_io io;
	__u32 key;
	__u32 pad;
};

static long oe_kafka_step(__u32 i, struct oe_kafka_io *k)
{
	struct oe_walk_io *c = &k->io;
	struct oe_walk *w = c->w;
	__u32 need = w->prefix == OE_KAFKA_BATCH ? OE_KAFKA_PROBE : 4;
	__s32 n;

	if (!c->left)
		return 1;
	n = oe_walk_move(c, w, OE_KAFKA_WINDOW);
	if (n != OE_WALK_DECIDE)
		return oe_walk_took(c, n);
	if (w->whole) {
		w->keep = w->whole;
		w->whole = 0;
		return 0;
	}
	if (w->prefix == OE_KAFKA_SCAN)
		return oe_walk_took(c, oe_kafka_scan(c, w, k->key));
	n = oe_walk_collect(c, w, need, OE_KAFKA_PROBE);
	if (n > 0 && w->prefix == OE_KAFKA_BATCH)
		w->data_left -= n;
	if (n > 0 && w->have == need)
		oe_kafka_decide(w, (const struct oe_kafka_head *)w->head);
	return oe_walk_took(c, n);
}

/* The records of one I/O of a Kafka connection; see oe_walk_data(). OE_WALK_SENT or
 * OE_WALK_FAILED. */
__weak __noinline int oe_kafka_data(struct oe_walk *w, const struct oe_src *src,
				    const struct oe_io_arg *arg)
{
	struct oe_kafka_io io = {};
	struct oe_walk_io *c = &io.io;
	bool none;
	__u32 ret;

	if (!w || !src || !arg)
		return OE_WALK_FAILED;
	io.key = arg->key;
	ret = arg->len;
	c->b = bpf_map_lookup_elem(&scratch, &io.key);
	if (!c->b)
		return OE_WALK_FAILED; /* cannot be */
	none = src->kind == OE_SRC_NONE;
	c->w = w;
	c->st = oe_stats();
	c->off = arg->off;
	c->left = ret;
	c->flags = arg->flags;
	if (!w->on) { /* a run begins: so does a frame */
		w->on = 1;
		w->have = w->prefix = 0;
		w->keep = w->skip = w->whole = w->data_left = w->msg_left = 0;
	}
	if (!w->keep && w->skip >= ret) { /* inside a batch */
		w->skip -= ret;
		c->left = 0;
		c->seg = ret;
		none = false;
	} else if (none) {
		c->flags |= OE_F_NOBUF;
	} else if (src->kind == OE_SRC_IOV) {
		c->src = src->ptr;
		c->iov_cnt = src->iov_cnt;
	} else {
		c->at = src->ptr;
		c->here = ret;
	}
	if (c->left && !none)
		bpf_loop(OE_KAFKA_STEPS, oe_kafka_step, &io, 0);
	if (c->left) /* not walked to its end */
		w->on = 0;
	c->seg += c->left;
	oe_walk_flush(c);
	if (none)
		OE_COUNT(c->st, io_nobuf, 1);
	else if (c->lost)
		OE_COUNT(c->st, io_fault, 1);
	else if (c->cut)
		OE_COUNT(c->st, io_cut, 1);
	if (c->parts > 1)
		OE_COUNT(c->st, io_parts, c->parts - 1);
	return c->failed ? OE_WALK_FAILED : OE_WALK_SENT;
}

/*
 * Most I/Os: one small frame. Then there is nothing to walk. The I/O is in the scratch.
 */
static __always_inline bool oe_kafka_complete(const struct oe_scratch *b, __u32 n)
{
	return n >= 8 && n <= OE_KAFKA_WHOLE && oe_be32(b->payload) == n - 4;
}

static __always_inline bool oe_kafka_idle(const struct oe_walk *w)
{
	return !w->keep && !w->skip && !w->whole && !w->have && !w->data_left;
}

#endif
