/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_WALK_BPF_H
#define OE_WALK_BPF_H
/*
 * The frame walk: on a connection that speaks HTTP/2 the kernel follows the frames, so that heads
 * are copied whatever they are surrounded by and DATA is only counted. An I/O becomes one record
 * for each stretch "copied bytes, then skipped bytes"; stream offsets join them.
 *
 * Both directions have a struct oe_walk in the socket's state: where in a frame the last I/O
 * ended. A walk begins at an I/O that starts with a frame (or the client's preface) and ends when
 * what should be a frame header is none, or bytes could not be read; userspace then sees
 * the bytes missing and says so.
 *
 * Inside DATA the walk looks for gRPC messages: where a message may start its five bytes of prefix
 * are copied, and if they look like one the walk goes on behind the message. What is no gRPC costs
 * a few bytes per frame. Userspace alone decides what the bytes mean; a boundary that the walk did
 * not find (a prefix split by frames, several long messages of several streams) is one that it
 * reports as unknown.
 *
 * I/Os that fit into the scratch are copied whole and walked in the copy: one read of user memory
 * instead of two per frame. What such a walk finds to be mostly DATA is walked again, buffer by
 * buffer, and skipped.
 */
#include "bpf/emit.bpf.h"
#include "bpf/gather.bpf.h"
#include "bpf/sniff.h"

#define OE_WALK_WHOLE	   1536	 /* I/Os up to here are copied whole */
#define OE_WALK_STEPS	   65536 /* buffers and headers of one I/O */
#define OE_WALK_DATA_ALL   1024	 /* DATA up to here is copied: a copy costs less than a record */
#define OE_WALK_COPY_STEPS 2048	 /* frames of 16 KiB of empty ones */
#define OE_WALK_HEAD_KEEP  65536 /* of header blocks */
#define OE_WALK_CTL_KEEP   64	 /* of other frames */
#define OE_WALK_LEN_MAX                                                                            \
	1048576 /* larger frames of unknown types are taken for a loss of footing                  \
		 */

#define OE_WALK_MISSES 64

#define OE_PREFACE_LEN 24
#define OE_GRPC_PREFIX 5

/* One I/O on its way through the walk. */
struct oe_walk_io {
	struct oe_scratch *b;
	struct oe_walk *w;
	struct oe_stats *st;
	__u64 src; /* user address of the buffer, or of the iovecs */
	__u64 at;  /* user address of the next byte */
	__u64 off; /* stream offset of the segment */
	__u32 iov_cnt, iov_next;
	__u32 here; /* bytes left at `at` */
	__u32 left; /* bytes of the I/O left */
	__u32 have; /* segment: copied */
	__u32 seg;  /* segment: stream bytes, copied ones first */
	__u32 parts;
	__u32 failed; /* a record was not sent */
	__u32 lost;
	__u32 cut; /* bytes were skipped */
	__u32 flags;
	__u32 pad;
};

static __always_inline __u32 oe_walk_need(const struct oe_walk *w)
{
	return w->prefix ? OE_GRPC_PREFIX : OE_H2_HEAD;
}

/* The next n bytes of a DATA frame are payload of a message. */
static __always_inline void oe_walk_message(struct oe_walk *w, __u32 n)
{
	__u32 here = n < w->data_left ? n : w->data_left;

	w->msg_stream = w->stream;
	w->msg_left = n - here;
	w->data_left -= here;
	if (here <= OE_WALK_DATA_ALL)
		w->keep = here;
	else
		w->skip = here;
	w->prefix = w->data_left >= OE_GRPC_PREFIX;
	if (!w->prefix && w->data_left) {
		w->skip += w->data_left;
		w->data_left = 0;
	}
}

/* A message's prefix, or what stands where one may be. */
static __always_inline void oe_walk_prefix(struct oe_walk *w, const __u8 *p)
{
	__u32 len;

	w->data_left -= OE_GRPC_PREFIX;
	len = (__u32)p[1] << 24 | (__u32)p[2] << 16 | (__u32)p[3] << 8 | p[4];
	/* zeroes are no series of empty messages */
	if (p[0] <= 1 && (len || !w->data_left)) {
		oe_walk_message(w, len);
		return;
	}
	w->prefix = 0;
	w->skip = w->data_left;
	w->data_left = 0;
}

/* The frame whose header is in p: how much of its payload is copied, how much only counted. */
static __always_inline void oe_walk_frame(struct oe_walk *w, const __u8 *p)
{
	__u32 len = (__u32)p[0] << 16 | (__u32)p[1] << 8 | p[2], keep;
	__u32 id = ((__u32)p[5] & 0x7f) << 24 | (__u32)p[6] << 16 | (__u32)p[7] << 8 | p[8];
	__u8 type = p[3];

	if ((type > 9 && len > OE_WALK_LEN_MAX) || !oe_h2_frame_ok(len, type, id)) {
		w->on = 0;
		return;
	}
	if (type == 0 && len > OE_WALK_DATA_ALL && !(p[4] & 8)) { /* DATA, not padded */
		w->data_left = len;
		w->stream = id;
		if (w->msg_left && w->msg_stream == id)
			oe_walk_message(w, w->msg_left);
		else
			w->prefix = 1;
		return;
	}
	if (type == 0) {
		keep = OE_WALK_DATA_ALL;
		if (w->msg_stream == id)
			w->msg_left -= len < w->msg_left ? len : w->msg_left;
	} else if (type == 1 || type == 5 || type == 9) {
		keep = OE_WALK_HEAD_KEEP;
	} else {
		keep = OE_WALK_CTL_KEEP;
	}
	w->keep = keep < len ? keep : len;
	w->skip = len - w->keep;
}

struct oe_walk_header {
	__u8 b[OE_H2_HEAD];
};

/*
 * The header is whole. A global function, so that the verifier goes through its cases once, not
 * once for every way to get here.
 */
__weak __noinline int oe_walk_head(struct oe_walk *w, const struct oe_walk_header *h)
{
	if (!w || !h)
		return 0;
	w->have = 0;
	if (w->prefix)
		oe_walk_prefix(w, h->b);
	else
		oe_walk_frame(w, h->b);
	return 0;
}

/* Sends the segment and begins the next one. */
static __always_inline void oe_walk_flush(struct oe_walk_io *c)
{
	struct oe_scratch *b = c->b;
	__u32 have = c->have;

	if (!c->seg)
		return;
	if (have > OE_CAP_LIMIT)
		have = 0; /* cannot be; for the verifier */
	if (have < c->seg)
		c->cut = 1;
	b->rec.hdr.flags = c->flags | (have < c->seg ? OE_F_CUT : 0);
	b->rec.hdr.len = sizeof(b->rec) + have;
	b->rec.off = c->off;
	b->rec.io_len = c->seg;
	b->rec.cap_len = have;
	if (bpf_ringbuf_output(&events, b, sizeof(b->rec) + have, oe_wakeup_flags(b))) {
		c->failed = 1;
		OE_COUNT(c->st, bytes_dropped, c->seg);
	} else {
		c->parts++;
		OE_COUNT(c->st, bytes_copied, have);
	}
	c->off += c->seg;
	c->have = c->seg = 0;
}

/* oe_walk_move() and oe_walk_collect() return how many bytes they took, or one of these. */
#define OE_WALK_AGAIN  0  /* none, but something was done */
#define OE_WALK_LOST   -1 /* they could not be read */
#define OE_WALK_DECIDE -2 /* what comes is neither to be copied nor to be skipped */

/*
 * The part of a step that needs no decision: the next buffer, a record that is full, bytes to be
 * copied or skipped. `room`: what a decision may add to the record.
 */
static __always_inline __s32 oe_walk_move(struct oe_walk_io *c, struct oe_walk *w, __u32 room)
{
	__u32 n = c->here, have = c->have;
	struct iovec iov;

	if (!n) {
		if (c->iov_next >= c->iov_cnt ||
		    bpf_probe_read_user(&iov, sizeof(iov),
					(void *)(c->src + c->iov_next * sizeof(iov))))
			return OE_WALK_LOST;
		c->iov_next++;
		c->at = (__u64)iov.iov_base;
		c->here = iov.iov_len < c->left ? iov.iov_len : c->left;
		return OE_WALK_AGAIN;
	}
	if (have > OE_CAP_LIMIT - room || (!w->skip && c->seg > have)) {
		/* no room, or bytes to be copied come behind skipped ones */
		oe_walk_flush(c);
		return OE_WALK_AGAIN;
	}
	if (w->keep) {
		if (n > w->keep)
			n = w->keep;
		if (n > OE_CAP_LIMIT - have)
			n = OE_CAP_LIMIT - have;
		if (n > OE_CAP_LIMIT || bpf_probe_read_user(c->b->payload + have, n, (void *)c->at))
			return OE_WALK_LOST;
		c->have = have + n;
		w->keep -= n;
		return n;
	}
	if (!w->skip)
		return OE_WALK_DECIDE;
	if (n > w->skip)
		n = w->skip;
	w->skip -= n;
	return n;
}

/* Bytes that decide, up to `need` of them (`max` at most): into the record and into w->head. */
static __always_inline __s32 oe_walk_collect(struct oe_walk_io *c, struct oe_walk *w, __u32 need,
					     __u32 max)
{
	__u32 n = c->here, have = c->have, got = w->have;

	if (got >= need || have > OE_CAP_LIMIT - max)
		return OE_WALK_LOST; /* cannot be */
	if (n > need - got)
		n = need - got;
	if (n > max || got > max - n)
		return OE_WALK_LOST; /* for the verifier */
	if (bpf_probe_read_user(c->b->payload + have, n, (void *)c->at) ||
	    bpf_probe_read_user(w->head + got, n, (void *)c->at))
		return OE_WALK_LOST;
	c->have = have + n;
	w->have = got + n;
	return n;
}

/* The step took n bytes. Returns what its callback does. */
static __always_inline long oe_walk_took(struct oe_walk_io *c, __s32 n)
{
	if (n < 0) {
		c->lost = 1;
		return 1;
	}
	c->at += n;
	c->here -= n;
	c->left -= n;
	c->seg += n;
	return !c->w->on;
}

static long oe_walk_step(__u32 i, struct oe_walk_io *c)
{
	struct oe_walk *w = c->w;
	__u32 need = oe_walk_need(w);
	__s32 n;

	if (!c->left)
		return 1;
	n = oe_walk_move(c, w, OE_H2_HEAD);
	if (n == OE_WALK_DECIDE) {
		n = oe_walk_collect(c, w, need, OE_H2_HEAD);
		if (n > 0 && w->have == need)
			oe_walk_head(w, (const struct oe_walk_header *)w->head);
	}
	return oe_walk_took(c, n);
}

/* The next n bytes at most of what is neither looked at nor a header. Returns how many. */
static __always_inline __u32 oe_walk_past(struct oe_walk_io *c, struct oe_walk *w, __u32 n)
{
	__u32 keep = w->keep < n ? w->keep : n, skip = n - keep;

	if (skip > w->skip)
		skip = w->skip;
	w->keep -= keep;
	w->skip -= skip;
	c->seg += skip; /* could be skipped */
	return keep + skip;
}

/* The same in a copy of the whole I/O. c->here: where in it, c->have: its length. */
static long oe_walk_copy(__u32 i, struct oe_walk_io *c)
{
	struct oe_walk *w = c->w;
	__u32 at = c->here, need, n;

	if (at >= c->have || at > OE_CAP_LIMIT)
		return 1;
	n = oe_walk_past(c, w, c->have - at);
	if (n) {
		at += n;
		c->here = at;
		if (at >= c->have || at > OE_CAP_LIMIT)
			return 1;
	}
	need = oe_walk_need(w);
	if (!w->have && c->have - at >= need) {
		oe_walk_head(w, (const struct oe_walk_header *)(c->b->payload + at));
		c->here = at + need;
	} else {
		n = w->have;
		if (n >= OE_H2_HEAD)
			return 1; /* cannot be */
		w->head[n] = c->b->payload[at];
		w->have = n + 1;
		c->here = at + 1;
		if (w->have == need)
			oe_walk_head(w, (const struct oe_walk_header *)w->head);
	}
	if (!w->on)
		return 1;
	return 0;
}

static __always_inline bool oe_is_preface(const __u8 *p)
{
	return p[0] == 'P' && p[1] == 'R' && p[2] == 'I' && p[3] == ' ' && p[4] == '*' &&
	       p[5] == ' ' && p[6] == 'H' && p[7] == 'T' && p[8] == 'T' && p[9] == 'P' &&
	       p[10] == '/' && p[11] == '2';
}

/* Does a walk begin with these first bytes of an I/O? */
static __always_inline void oe_walk_begin(struct oe_walk *w, const __u8 *p, __u32 len)
{
	w->have = w->prefix = w->on = 0;
	w->keep = w->skip = w->data_left = w->msg_left = 0;
	if (len >= 12 && oe_is_preface(p)) {
		w->keep = OE_PREFACE_LEN;
		w->on = 1;
	} else if (oe_sniff_h2(p, len) == OE_SNIFF_YES) {
		w->on = 1;
	}
}

#define OE_WALK_SENT	0
#define OE_WALK_FAILED	1 /* not all records were sent */
#define OE_WALK_NOFRAME 2 /* sent; a frame should start here and none does */

/*
 * The records of one I/O of an HTTP/2 connection. A global function: verified once, by itself, not
 * for each state that its callers can be in.
 */
__weak __noinline int oe_walk_data(struct oe_walk *w, const struct oe_src *src,
				   const struct oe_io_arg *arg)
{
	struct oe_walk_io io = {}, *c = &io;
	struct oe_walk before;
	bool fault = false, none, noframe = false;
	__u32 have = 0, ret, key;
	struct oe_scratch *b;

	if (!w || !src || !arg)
		return OE_WALK_FAILED;
	key = arg->key;
	b = bpf_map_lookup_elem(&scratch, &key);
	if (!b)
		return OE_WALK_FAILED; /* cannot be */
	ret = arg->len;
	none = src->kind == OE_SRC_NONE;
	io.b = b;
	io.w = w;
	io.st = oe_stats();
	io.off = arg->off;
	io.left = ret;
	io.flags = arg->flags;
	if (w->on && !w->keep && w->skip >= ret) { /* inside a DATA frame */
		w->skip -= ret;
		none = false;
		goto count;
	}
	if (none)
		goto lose;
	if (ret <= OE_CAP_LIMIT || !w->on) {
		have = oe_gather(b, src, ret <= OE_CAP_LIMIT ? ret : OE_PREFACE_LEN, &fault);
		if (fault || have > OE_CAP_LIMIT)
			goto lose;
		if (!w->on)
			oe_walk_begin(w, b->payload, have);
	}
	if (!w->on) {
		noframe = true; /* userspace looks for one as well */
		c->have = have < OE_WALK_WHOLE ? have : OE_WALK_WHOLE;
		goto count;
	}
	if (ret <= OE_CAP_LIMIT) {
		before = *w;
		c->have = have;
		bpf_loop(OE_WALK_COPY_STEPS, oe_walk_copy, c, 0);
		if (ret <= OE_WALK_WHOLE || c->seg < ret / 2)
			goto count;
		*w = before;
		c->have = c->here = c->seg = 0;
	}
	c->src = src->ptr;
	if (src->kind == OE_SRC_IOV) {
		c->iov_cnt = src->iov_cnt;
	} else {
		c->at = src->ptr;
		c->here = ret;
	}
	bpf_loop(OE_WALK_STEPS, oe_walk_step, c, 0);
	if (c->left) /* not walked to its end */
		w->on = 0;
	c->seg += c->left;
	oe_walk_flush(c);
	goto out;
lose:
	w->on = 0;
	have = 0;
count:
	c->seg = ret;
	if (none)
		c->flags |= OE_F_NOBUF;
	else if (fault)
		c->flags |= OE_F_FAULT;
	oe_walk_flush(c);
out:
	if (none)
		OE_COUNT(c->st, io_nobuf, 1);
	else if (fault || c->lost)
		OE_COUNT(c->st, io_fault, 1);
	else if (c->cut)
		OE_COUNT(c->st, io_cut, 1);
	if (c->parts > 1)
		OE_COUNT(c->st, io_parts, c->parts - 1);
	return c->failed ? OE_WALK_FAILED : noframe ? OE_WALK_NOFRAME : OE_WALK_SENT;
}

#endif
