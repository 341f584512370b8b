/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_ROWS_BPF_H
#define OE_ROWS_BPF_H
/*
 * The message walk: on a connection that speaks PostgreSQL's or MySQL's protocol the kernel follows
 * the messages, so that what tells of statements is copied, parameters and passwords mostly are
 * not, and rows are only counted (OE_F_WHOLE). Small I/Os are copied whole.
 *
 * Each direction has its struct oe_walk. A walk begins at the first I/O of a run, which starts with
 * a message, and ends when what should be a message is none or could not be read; userspace then
 * sees bytes missing and says so. Its decisions here are about what to copy: whether a message that
 * is stepped over was a row is for userspace to know from the state of its parser.
 *
 * An I/O is read piece by piece into the scratch and walked there.
 */
#include "bpf/emit.bpf.h"
#include "bpf/gather.bpf.h"
#include "bpf/sniff.h"

#define OE_ROWS_SMALL  1024 /* I/Os up to here are copied whole */
#define OE_ROWS_PIECES 256  /* of OE_CAP_LIMIT bytes: 4 MiB */
#define OE_ROWS_STEPS  8192 /* messages and parts of them in a piece */
#define OE_ROWS_HEAD   8    /* bytes that decide about a message */

/* oe_rows_arg.how */
#define OE_ROWS_MYSQL	  1 /* else PostgreSQL */
#define OE_ROWS_CLIENT	  2 /* bytes of the client */
#define OE_ROWS_RUN_START 4
#define OE_ROWS_COPIED	  8  /* internal: the head has been copied already */
#define OE_ROWS_TLS	  16 /* the first bytes inside of TLS */

#define OE_ROWS_SENT   0
#define OE_ROWS_FAILED 1 /* not all records were sent */

/* oe_walk.state of PostgreSQL's client */
#define OE_PG_CRYPT 1 /* asks for encryption */

/* oe_walk.state of a MySQL server's direction */
#define OE_MY_HEAD 0 /* a response, or the next result of one, begins */
#define OE_MY_DEFS 1 /* in a result: definitions, and rows if no EOF stands between */
#define OE_MY_ROWS 2 /* behind the EOF that ends the definitions */
/* and of its client's */
#define OE_MY_TLS	 3
#define OE_MY_COMPRESSED 4 /* packets are wrapped from here on */

/* capabilities of a client's login */
#define OE_MY_CAP_COMPRESS    0x20u
#define OE_MY_CAP_PROTOCOL_41 0x200u
#define OE_MY_CAP_SSL	      0x800u
#define OE_MY_CAP_ZSTD	      0x4000000u

/* What was walked over and not sent yet. Numbers only: a global function gets it. */
struct oe_rows_seg {
	__u64 off; /* stream offset of its first byte */
	__u32 key;
	__u32 cap_from; /* copied bytes in the scratch, */
	__u32 cap_len;
	__u32 gap_len;	/* skipped ones behind them, */
	__u32 rows_len; /* or bytes of whole messages */
	__u32 rows_cnt;
	__u32 flags;
	__u32 parts, failed, cut; /* of the I/O so far */
	__u32 len, at;		  /* piece in the scratch: bytes, walked so far */
	__u32 how;		  /* OE_ROWS_* */
	__u32 small;		  /* copied whole, whatever it is */
};

struct oe_rows_io {
	struct oe_scratch *b;
	struct oe_walk *w;
	__u64 src;  /* user address of the next piece; 0: it is in the scratch already */
	__u32 left; /* of the I/O, behind this piece */
	__u32 fault;
	struct oe_rows_seg seg;
};

struct oe_rows_head {
	__u8 b[OE_ROWS_HEAD];
};

static __always_inline void oe_rows_take(struct oe_walk *w, __u32 total, __u32 keep, __u32 copied)
{
	if (keep > total)
		keep = total;
	w->skip = total - keep;
	w->keep = keep > copied ? keep - copied : 0;
	if (keep < copied) /* more than what is wanted is there already */
		w->skip = total > copied ? total - copied : 0;
}

static __always_inline int oe_rows_pgsql(struct oe_walk *w, const __u8 *p, __u32 how)
{
	__u32 len = (__u32)p[1] << 24 | (__u32)p[2] << 16 | (__u32)p[3] << 8 | p[4];
	__u32 copied = how & OE_ROWS_COPIED ? 5 : 0, keep = 5;

	if (how & OE_ROWS_CLIENT && !p[0]) { /* without a type: a client's first one */
		len = (__u32)p[1] << 16 | (__u32)p[2] << 8 | p[3];
		if (len < 8 || len > 16384) {
			w->on = 0;
			return 0;
		}
		if (len == 8)
			w->state = OE_PG_CRYPT;
		oe_rows_take(w, len, len, copied);
		return 0;
	}
	if (len < 4 || len > 0x3fffffff || p[0] < '1' || p[0] > 'v') {
		w->on = 0;
		return 0;
	}
	len++;
	if (p[0] == 'd' || (p[0] == 'D' && !(how & OE_ROWS_CLIENT))) {
		if (!copied) {
			w->whole = len;
			return 1;
		}
	} else if (how & OE_ROWS_CLIENT) {
		if (p[0] == 'Q' || p[0] == 'P')
			keep = OE_CAP_LIMIT;
		else if (p[0] != 'p')
			keep = 160; /* names of a Bind, an Execute ... */
	} else if (p[0] == 'C' || p[0] == 'E') {
		keep = 256;
	} else if (p[0] != 'R' && p[0] != 'K' && p[0] != 'S') {
		keep = 16;
	}
	oe_rows_take(w, len, keep, copied);
	return 0;
}

/* How the response goes on behind this packet of the server. Returns whether it is a row. */
static __always_inline bool oe_rows_my_server(struct oe_walk *w, const __u8 *p, __u32 len)
{
	bool def = len >= 4 && p[4] == 3 && p[5] == 'd' && p[6] == 'e' && p[7] == 'f';

	if (!len)
		return false;
	if (p[4] == 0xff) { /* ERR */
		w->state = OE_MY_HEAD;
		return false;
	}
	if (w->state == OE_MY_HEAD) {
		/* a count of columns, with a flag before or behind it; OK has seven bytes at least
		 */
		if (!def && p[4] != 0xfb && p[4] != 0xfe && len < 7)
			w->state = OE_MY_DEFS;
		return false;
	}
	if (p[4] == 0xfe && len < 0xffffff) { /* EOF, or OK in its place */
		w->state = w->state == OE_MY_DEFS && len == 5 ? OE_MY_ROWS : OE_MY_HEAD;
		return false;
	}
	return !def;
}

static __always_inline int oe_rows_mysql(struct oe_walk *w, const __u8 *p, __u32 how)
{
	__u32 len = (__u32)p[2] << 16 | (__u32)p[1] << 8 | p[0], keep = 512;
	__u32 copied = 0;

	if (how & OE_ROWS_COPIED)
		copied = 4 + (len < 4 ? len : 4);
	if (!(how & OE_ROWS_CLIENT)) {
		if (oe_rows_my_server(w, p, len) && !copied) {
			w->whole = len + 4;
			return 1;
		}
	} else if (p[3] == 0 && (p[4] == 3 || p[4] == 0x16 || p[4] == 0xfa)) {
		/* COM_QUERY, COM_STMT_PREPARE; of COM_STMT_BULK_EXECUTE its sets are counted */
		keep = OE_CAP_LIMIT;
	} else if (p[3] == 0) {
		keep = 64;
	} else if (p[3] == (how & OE_ROWS_TLS ? 2 : 1) && len >= 32) { /* the login */
		__u32 caps = (__u32)p[7] << 24 | (__u32)p[6] << 16 | (__u32)p[5] << 8 | p[4];

		if (caps & OE_MY_CAP_PROTOCOL_41 && caps & OE_MY_CAP_SSL && len == 32)
			w->state = OE_MY_TLS;
		else if (caps & OE_MY_CAP_PROTOCOL_41 &&
			 caps & (OE_MY_CAP_COMPRESS | OE_MY_CAP_ZSTD))
			w->state = OE_MY_COMPRESSED;
	}
	oe_rows_take(w, len + 4, keep, copied);
	return 0;
}

/*
 * The head of a message is there: w says what becomes of it. Returns 1 when it is to be stepped
 * over as a whole. A global function: verified once.
 */
__weak __noinline int oe_rows_head(struct oe_walk *w, const struct oe_rows_head *h, __u32 how)
{
	if (!w || !h)
		return 0;
	w->have = 0;
	if (how & OE_ROWS_MYSQL)
		return oe_rows_mysql(w, h->b, how);
	return oe_rows_pgsql(w, h->b, how);
}

static __always_inline void oe_rows_send(struct oe_scratch *b, struct oe_rows_seg *g, __u32 cap,
					 __u32 len, __u32 flags, __u64 extra)
{
	struct oe_stats *st = oe_stats();

	if (cap > OE_CAP_LIMIT)
		cap = 0; /* cannot be; for the verifier */
	b->rec.hdr.flags = g->flags | flags;
	b->rec.hdr.len = sizeof(b->rec) + cap;
	b->rec.off = g->off;
	b->rec.io_len = len;
	b->rec.cap_len = cap;
	b->rec.extra = extra;
	if (bpf_ringbuf_output(&events, b, sizeof(b->rec) + cap, oe_wakeup_flags(b))) {
		g->failed = 1;
		OE_COUNT(st, bytes_dropped, len);
	} else {
		g->parts++;
		OE_COUNT(st, bytes_copied, cap);
	}
	g->off += len;
}

/* Sends what was gathered. A global function: verified once. */
__weak __noinline int oe_rows_flush(struct oe_rows_seg *g)
{
	struct oe_scratch *b;
	__u32 from, n, key;

	if (!g)
		return 0;
	key = g->key;
	b = bpf_map_lookup_elem(&scratch, &key);
	if (!b)
		return 0; /* cannot be */
	from = g->cap_from;
	n = g->cap_len;
	if (g->rows_len) {
		g->cut = 1;
		oe_rows_send(b, g, 0, g->rows_len, OE_F_WHOLE, g->rows_cnt);
	} else if (n || g->gap_len) {
		if (from && n && from <= OE_CAP_LIMIT && n <= OE_CAP_LIMIT)
			/* to the front; what stood there has been sent */
			bpf_probe_read_kernel(b->payload, n, b->payload + from);
		if (g->gap_len)
			g->cut = 1;
		oe_rows_send(b, g, n, n + g->gap_len, g->gap_len ? OE_F_CUT : 0, 0);
	}
	g->cap_len = g->gap_len = g->rows_len = g->rows_cnt = 0;
	return 0;
}

static __always_inline void oe_rows_copied(struct oe_rows_seg *g, __u32 n)
{
	if (!g->small) {
		if (g->gap_len || g->rows_len)
			oe_rows_flush(g);
		if (!g->cap_len)
			g->cap_from = g->at;
		g->cap_len += n;
	}
	g->at += n;
}

/* The next `left` bytes at most of a message whose head was seen. */
static __always_inline void oe_rows_body(struct oe_walk *w, struct oe_rows_seg *g, __u32 left)
{
	__u32 n;

	if (w->whole) {
		n = w->whole < left ? w->whole : left;
		if (!g->small && (g->cap_len || g->gap_len))
			oe_rows_flush(g);
		g->rows_len += g->small ? 0 : n;
		w->whole -= n;
		g->at += n;
	} else if (w->keep) {
		n = w->keep < left ? w->keep : left;
		w->keep -= n;
		oe_rows_copied(g, n);
	} else {
		n = w->skip < left ? w->skip : left;
		w->skip -= n;
		if (!g->small && g->rows_len)
			oe_rows_flush(g);
		g->gap_len += g->small ? 0 : n;
		g->at += n;
	}
}

/* How many bytes of a head decide, of which `n` are in w->head. */
static __always_inline __u32 oe_rows_need(const struct oe_walk *w, __u32 n, __u32 how)
{
	if (!(how & OE_ROWS_MYSQL))
		return 5;
	if (n < 4)
		return 4;
	return 4 + (w->head[1] || w->head[2] || w->head[0] > 4 ? 4 : w->head[0]);
}

/* One step through the piece: a head, or what follows it. Nonzero: no further. A global function:
 * verified once. */
__weak __noinline int oe_rows_message(struct oe_walk *w, struct oe_rows_seg *g)
{
	struct oe_scratch *b;
	__u32 at, left, n, key;

	if (!w || !g)
		return 1;
	key = g->key;
	b = bpf_map_lookup_elem(&scratch, &key);
	at = g->at;
	if (!b || !w->on || at >= g->len || at > OE_CAP_LIMIT)
		return 1;
	left = g->len - at;
	if (w->whole || w->keep || w->skip) {
		oe_rows_body(w, g, left);
		return 0;
	}
	if (!w->have && left >= OE_ROWS_HEAD && !g->small) {
		if (oe_rows_head(w, (const struct oe_rows_head *)(b->payload + at), g->how)) {
			if (g->cap_len || g->gap_len)
				oe_rows_flush(g);
			g->rows_cnt++;
		}
		return 0;
	}
	if (!w->have && left >= OE_ROWS_HEAD &&
	    (!(g->how & OE_ROWS_MYSQL) || b->payload[at] >= 4 || b->payload[at + 1])) {
		/* copied whatever it says */
		oe_rows_head(w, (const struct oe_rows_head *)(b->payload + at),
			     g->how | OE_ROWS_COPIED);
		g->at += g->how & OE_ROWS_MYSQL ? OE_ROWS_HEAD : 5;
		return 0;
	}
	/* byte by byte: it comes in pieces, or is shorter than most */
	n = w->have;
	if (n >= OE_ROWS_HEAD)
		return 1; /* cannot be */
	w->head[n] = b->payload[at];
	w->have = ++n;
	oe_rows_copied(g, 1);
	if (n >= oe_rows_need(w, n, g->how))
		oe_rows_head(w, (const struct oe_rows_head *)w->head, g->how | OE_ROWS_COPIED);
	return 0;
}

static long oe_rows_step(__u32 i, struct oe_rows_io *c)
{
	return oe_rows_message(c->w, &c->seg) ? 1 : 0;
}

/* One piece of the I/O: read, walked, sent. */
static long oe_rows_piece(__u32 i, struct oe_rows_io *c)
{
	__u32 n = c->left;

	if (!n || c->fault)
		return 1;
	if (n > OE_CAP_LIMIT)
		n = OE_CAP_LIMIT;
	if (c->src) {
		if (bpf_probe_read_user(c->b->payload, n, (void *)c->src)) {
			c->fault = 1;
			return 1;
		}
		c->src += n;
	}
	c->left -= n;
	c->seg.len = n;
	c->seg.at = 0;
	bpf_loop(OE_ROWS_STEPS, oe_rows_step, c, 0);
	if (c->seg.small) {
		c->seg.cap_from = 0;
		c->seg.cap_len = n;
	} else if (c->seg.at < n) { /* lost its footing */
		if (c->seg.rows_len)
			oe_rows_flush(&c->seg);
		c->seg.gap_len += n - c->seg.at;
		c->w->on = 0;
	}
	if (c->seg.cap_len)
		oe_rows_flush(&c->seg);
	return !c->w->on;
}

/* Nothing of an earlier I/O is left over. */
static __always_inline bool oe_rows_idle(const struct oe_walk *w, __u32 how)
{
	return (w->on || how & OE_ROWS_RUN_START) && !w->keep && !w->skip && !w->whole && !w->have;
}

/*
 * Most I/Os: whole messages, and the last one says that it is the last. Then there is nothing to
 * walk. (What only looks like it, at the end of a row, costs the footing: userspace then says so.)
 * The I/O is in the scratch.
 */
__weak __noinline int oe_rows_complete(__u32 key, __u32 n, __u32 how)
{
	const struct oe_scratch *b = bpf_map_lookup_elem(&scratch, &key);
	const __u8 *p, *end;

	if (!b || n < 6 || n > OE_ROWS_SMALL)
		return 0;
	p = b->payload;
	barrier_var(n);
	n &= 2 * OE_ROWS_SMALL - 1; /* for the verifier */
	if (how & OE_ROWS_MYSQL)    /* a command */
		return how & OE_ROWS_CLIENT && !p[3] && !p[2] && ((__u32)p[1] << 8 | p[0]) + 4 == n;
	if (how & OE_ROWS_CLIENT && p[0] == 'Q')
		return !p[1] && !p[2] && ((__u32)p[3] << 8 | p[4]) + 1 == n;
	if (how & OE_ROWS_CLIENT) {
		end = p + n - 5;
		return end[0] == 'S' && !end[1] && !end[2] && !end[3] && end[4] == 4;
	}
	end = p + n - 6;
	return end[0] == 'Z' && !end[1] && !end[2] && !end[3] && end[4] == 5;
}

/* The records of one I/O of a database's connection; see oe_walk_data(). */
__weak __noinline int oe_rows_data(struct oe_walk *w, const struct oe_src *src,
				   const struct oe_io_arg *arg, __u32 how)
{
	struct oe_rows_io io = {}, *c = &io;
	struct oe_stats *st = oe_stats();
	__u32 key, ret;
	struct iovec iov;
	bool fault = false;

	if (!w || !src || !arg)
		return OE_ROWS_FAILED;
	key = arg->key;
	ret = arg->len;
	io.b = bpf_map_lookup_elem(&scratch, &key);
	if (!io.b)
		return OE_ROWS_FAILED; /* cannot be */
	io.w = w;
	io.seg.off = arg->off;
	io.seg.key = key;
	io.left = ret;
	io.seg.flags = arg->flags;
	io.seg.how = how;
	if (how & OE_ROWS_RUN_START) {
		if (!w->on) {
			w->on = 1;
			w->have = 0;
			w->keep = w->skip = w->whole = 0;
		}
		/* the answer to a new command, whatever the last one ended in */
		w->state = OE_MY_HEAD;
	}
	io.seg.small = ret <= OE_ROWS_SMALL && !w->whole;
	if (!w->keep && (w->whole >= ret || w->skip >= ret)) { /* inside one that is not wanted */
		if (w->whole) {
			w->whole -= ret;
			io.seg.rows_len = ret;
		} else {
			w->skip -= ret;
			io.seg.gap_len = ret;
		}
		io.left = 0;
	} else if (src->kind == OE_SRC_BUF) {
		io.src = src->ptr;
	} else if (src->kind == OE_SRC_IOV && src->iov_cnt == 1 &&
		   !bpf_probe_read_user(&iov, sizeof(iov), (void *)src->ptr)) {
		io.src = (__u64)iov.iov_base;
	} else if (src->kind == OE_SRC_IOV && ret <= OE_CAP_LIMIT) {
		if (oe_gather(io.b, src, ret, &fault) != ret || fault)
			io.fault = 1;
	} else { /* no buffer, or too many */
		io.fault = 1;
		if (src->kind == OE_SRC_NONE)
			io.seg.flags |= OE_F_NOBUF;
	}
	bpf_loop(OE_ROWS_PIECES, oe_rows_piece, c, 0);
	if (io.left) { /* not read, or more than there are steps for */
		if (io.seg.rows_len)
			oe_rows_flush(&c->seg);
		io.seg.gap_len += io.left;
		w->on = 0;
	}
	oe_rows_flush(&c->seg);
	if (io.seg.flags & OE_F_NOBUF)
		OE_COUNT(st, io_nobuf, 1);
	else if (io.fault)
		OE_COUNT(st, io_fault, 1);
	else if (io.seg.cut)
		OE_COUNT(st, io_cut, 1);
	if (io.seg.parts > 1)
		OE_COUNT(st, io_parts, io.seg.parts - 1);
	return io.seg.failed ? OE_ROWS_FAILED : OE_ROWS_SENT;
}

#endif
