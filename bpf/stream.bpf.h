/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_STREAM_BPF_H
#define OE_STREAM_BPF_H
/*
 * Bytes that moved on a stream -> records: the sniff, how much to copy, what to step over. The
 * stream is a socket's (sock_core.bpf.h) or the plaintext side of a TLS connection (tls.bpf.c).
 *
 * What is copied: up to oe_cap_max bytes of each I/O of a run (an unbroken series in one
 * direction) until oe_run_max bytes of it were copied, then oe_cap_tail bytes of each: heads
 * of pipelined messages stand at the start of I/Os, bodies go on for long.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/emit.bpf.h"
#include "bpf/kafka.bpf.h"
#include "bpf/rows.bpf.h"
#include "bpf/sniff.h"
#include "bpf/walk.bpf.h"

#define OE_DIR_IN  0
#define OE_DIR_OUT 1

#define OE_OFF_BASE (1ULL << 32)

/* Are the streams of the includer the inside of TLS? Sockets' programs do without those cases. */
#ifndef OE_INSIDE_TLS
#define OE_INSIDE_TLS 0
#endif

static __always_inline void oe_close_record(__u64 id, const __u64 next[2], __u32 what, __u32 err)
{
	struct oe_close c = {
		.hdr = {.type = OE_EV_CLOSE, .len = sizeof(c), .ts_ns = bpf_ktime_get_boot_ns()},
		.id = id,
		.off = {next[0], next[1]},
		.what = what,
		.err = err,
	};

	oe_emit_aux(&c, sizeof(c));
}

/* End of file was read, or a Unix peer is gone. */
static __always_inline void oe_close_event(const struct oe_sk *s, __u32 what, __u32 err)
{
	oe_close_record(s->id, s->next, what, err);
}

/* What oe_sniff() says besides OE_SNIFF_*. */
#define OE_SNIFFED_FOLLOW_SHIFT 4     /* OE_FOLLOW_* */
#define OE_SNIFFED_GREETING	0x100 /* the server speaks first */
#define OE_SNIFFED_TLS		0x200 /* a TLS record */

/*
 * The first `have` bytes of a run, in the scratch: could they be of a protocol that we parse? A
 * global function: verified once, not for each way to get there.
 */
__weak __noinline int oe_sniff(__u32 key, __u32 have, __u32 io)
{
	const struct oe_scratch *b = bpf_map_lookup_elem(&scratch, &key);
	const __u8 *p;
	int sniffed;

	if (!b || !have)
		return OE_SNIFF_NO;
	p = b->payload;
	if (have >= 12 && oe_is_preface(p)) /* with prior knowledge, or after an Upgrade */
		return OE_SNIFF_YES | OE_FOLLOW_H2 << OE_SNIFFED_FOLLOW_SHIFT;
	/* bytes of an older record behind a short one do not matter: the length is looked at */
	sniffed = oe_sniff_http1(p, have);
	if (sniffed != OE_SNIFF_NO)
		return sniffed;
	if (oe_is_kafka(p, have, io))
		return OE_SNIFF_YES | OE_FOLLOW_KAFKA << OE_SNIFFED_FOLLOW_SHIFT;
	if (oe_sniff_h2(p, have) == OE_SNIFF_YES)
		return OE_SNIFF_YES | OE_FOLLOW_H2 << OE_SNIFFED_FOLLOW_SHIFT;
	if (oe_sniff_pgsql(p, have, io) == OE_SNIFF_YES)
		return OE_SNIFF_YES | OE_FOLLOW_PGSQL << OE_SNIFFED_FOLLOW_SHIFT;
	sniffed = oe_sniff_mysql(p, have, io);
	if (sniffed == OE_SNIFF_YES)
		sniffed |= OE_FOLLOW_MYSQL << OE_SNIFFED_FOLLOW_SHIFT;
	if (sniffed & ~3 && p[4] == 10 && io > 24)
		sniffed |= OE_SNIFFED_GREETING;
	if (sniffed != OE_SNIFF_NO)
		return sniffed;
	sniffed = oe_sniff_kafka(p, have, io);
	if (sniffed == OE_SNIFF_YES)
		sniffed |= OE_FOLLOW_KAFKA << OE_SNIFFED_FOLLOW_SHIFT;
	else if (have >= 5 && oe_is_tls(p))
		return OE_SNIFF_NO | OE_SNIFFED_TLS;
	return sniffed;
}

/* Nothing has come the other way yet on a connection inside of TLS, of which bytes go this way. */
static __always_inline bool oe_tls_begins(const struct oe_sk *s, int dir)
{
	return OE_INSIDE_TLS && s->next[dir == OE_DIR_IN] == OE_OFF_BASE;
}

/* The first bytes inside of TLS: a login of MySQL, whose greeting was in the clear? Global:
 * verified once. */
__weak __noinline int oe_sniff_tls(__u32 key, __u32 have, __u32 io)
{
	const struct oe_scratch *b = bpf_map_lookup_elem(&scratch, &key);

	return b && oe_sniff_mysql_tls(b->payload, have, io) == OE_SNIFF_YES;
}

/* Behind four bytes that may be a length: the head of a Kafka request? Global: verified once. */
__weak __noinline int oe_sniff_rest(__u32 key, __u32 have)
{
	const struct oe_scratch *b = bpf_map_lookup_elem(&scratch, &key);

	return b && oe_is_kafka_head(b->payload, have);
}

/* At the start of a run: does the connection speak what we parse? */
static __always_inline bool oe_stream_sniff(struct oe_sk *s, int dir, __u32 key, __u32 have,
					    __u32 ret)
{
	int said = oe_sniff(key, have, ret);
	__u8 follow;

	if (oe_tls_begins(s, dir) && oe_sniff_tls(key, have, ret))
		said = OE_SNIFF_YES | OE_FOLLOW_MYSQL << OE_SNIFFED_FOLLOW_SHIFT;
	s->tls_seen |= (said & OE_SNIFFED_TLS) != 0;
	follow = said >> OE_SNIFFED_FOLLOW_SHIFT & 7;
	s->sniffed = said & 3;
	s->follow = follow;
	s->client_dir = said & OE_SNIFFED_GREETING ? !dir : dir;
	if (follow > OE_FOLLOW_H2 && s->client_dir == OE_DIR_IN &&
	    !(follow == OE_FOLLOW_KAFKA ? oe_kafka_broker : oe_db_server))
		s->sniffed = OE_SNIFF_NEVER; /* the client's side tells of it */
	return s->sniffed == OE_SNIFF_YES || s->sniffed == OE_SNIFF_MAYBE;
}

/* Is this I/O copied message by message? */
static __always_inline bool oe_stream_follows(const struct oe_sk *s, int dir, __u32 ret,
					      bool run_start)
{
	if (s->follow <= OE_FOLLOW_H2)
		return s->follow;
	/* the answer to SSLRequest is a byte, no message */
	if (s->follow == OE_FOLLOW_PGSQL && ret == 1 && dir != s->client_dir &&
	    s->walk[s->client_dir & 1].state == OE_PG_CRYPT)
		return false;
	return run_start || s->walk[dir].on;
}

/* OE_ROWS_* of a database's connection. */
static __always_inline __u32 oe_stream_how(const struct oe_sk *s, int dir, bool run_start)
{
	return (s->follow == OE_FOLLOW_MYSQL ? OE_ROWS_MYSQL : 0) |
	       (oe_tls_begins(s, dir) ? OE_ROWS_TLS : 0) |
	       (s->client_dir == dir ? OE_ROWS_CLIENT : 0) | (run_start ? OE_ROWS_RUN_START : 0);
}

/* The records of one I/O of a connection that is followed. Returns whether some are missing. */
static __always_inline bool oe_stream_follow(struct oe_sk *s, const struct oe_src *src, int dir,
					     bool run_start, const struct oe_io_arg *arg)
{
	int walked;

	if (s->follow == OE_FOLLOW_KAFKA)
		return oe_kafka_data(&s->walk[dir], src, arg) == OE_WALK_FAILED;
	if (s->follow != OE_FOLLOW_H2) {
		walked = oe_rows_data(&s->walk[dir], src, arg, oe_stream_how(s, dir, run_start));
		if (s->follow == OE_FOLLOW_MYSQL && s->client_dir == dir) {
			if (s->walk[dir].state == OE_MY_TLS) {
				s->sniffed = OE_SNIFF_NEVER;
				s->tls_seen = 1;
			} else if (s->walk[dir].state == OE_MY_COMPRESSED)
				s->follow = OE_FOLLOW_NOTHING;
		}
		return walked;
	}
	walked = oe_walk_data(&s->walk[dir], src, arg);
	/* too many I/Os in a row that do not start with a frame: it is not HTTP/2 */
	if (walked == OE_WALK_SENT)
		s->misses = 0;
	else if (walked == OE_WALK_NOFRAME && ++s->misses >= OE_WALK_MISSES)
		s->follow = s->sniffed = s->misses = 0;
	return walked == OE_WALK_FAILED;
}

/* One I/O of `len` > 0 bytes. */
struct oe_io {
	__u64 off; /* stream offset of its first byte */
	__u32 key; /* of the scratch that is ours */
	__u32 len;
	__u32 tgid, tid;
	__u32 dir;   /* OE_DIR_* */
	__u32 have;  /* bytes of it in the scratch */
	__u32 flags; /* OE_F_* of its records */
	__u8 run_start;
	__u8 follow; /* message by message */
	__u16 pad;
};

/* Copies what is to be copied into the scratch, and looks at it when a run begins. False: nobody
 * wants it. */
static __always_inline bool oe_stream_look(struct oe_sk *s, struct oe_io *io, struct oe_scratch *b,
					   const struct oe_src *src, struct oe_stats *st)
{
	__u32 dir = io->dir & 1, want, have = 0;
	bool fault = false, follow, small, run_start = io->run_start;

	follow = oe_stream_follows(s, dir, io->len, run_start);
	if (s->follow == OE_FOLLOW_KAFKA)
		small = io->len <= OE_KAFKA_WHOLE && oe_kafka_idle(&s->walk[dir]);
	else
		small = follow && s->follow > OE_FOLLOW_H2 && io->len <= OE_ROWS_SMALL &&
			oe_rows_idle(&s->walk[dir], oe_stream_how(s, dir, run_start));
	if (!follow || small) {
		want = small || s->run_copied < oe_run_max ? oe_cap_max : oe_cap_tail;
		if (want > io->len)
			want = io->len;
		if (src->kind != OE_SRC_NONE)
			have = oe_gather(b, src, want, &fault);
		if (have > OE_CAP_LIMIT)
			have = 0; /* cannot be; for the verifier */
		if (run_start && !s->follow &&
		    (s->sniffed != OE_SNIFF_YES || (have >= 12 && oe_is_preface(b->payload))) &&
		    !oe_stream_sniff(s, dir, io->key, have, io->len)) {
			OE_COUNT(st, io_filtered, 1);
			return false;
		}
		/* a broker reads a request's length by itself: what follows tells */
		if (s->sniffed == OE_SNIFF_MAYBE && !run_start && s->run_copied == 4 &&
		    dir == OE_DIR_IN && !oe_kafka_broker && oe_sniff_rest(io->key, have)) {
			s->sniffed = OE_SNIFF_NEVER; /* the client's side tells of it */
			OE_COUNT(st, io_filtered, 1);
			return false;
		}
		follow = oe_stream_follows(s, dir, io->len, run_start);
		if (small && have == io->len &&
		    (s->follow == OE_FOLLOW_KAFKA
			     ? oe_kafka_complete(b, have)
			     : oe_rows_complete(io->key, have, oe_stream_how(s, dir, run_start)))) {
			s->walk[dir].on = 1;
			follow = false;
		}
	}
	io->have = have;
	io->follow = follow;
	io->flags = fault ? OE_F_FAULT : 0;
	return true;
}

/* Counts the I/O; a run begins with it, or goes on. False: the bytes of this stream are of no
 * interest. */
static __always_inline bool oe_stream_run(struct oe_sk *s, struct oe_io *io, struct oe_stats *st)
{
	OE_COUNT(st, io_seen, 1);
	OE_COUNT(st, bytes_seen, io->len);
	io->run_start = s->run_dir != io->dir + 1;
	if (io->run_start) {
		s->run_dir = io->dir + 1;
		s->run_copied = 0;
		if (s->sniffed < OE_SNIFF_YES)
			s->sniffed = OE_SNIFF_MAYBE;
	}
	if (s->sniffed == OE_SNIFF_NO || s->sniffed == OE_SNIFF_NEVER) {
		OE_COUNT(st, io_filtered, 1);
		return false;
	}
	return true;
}

/* Sends what oe_stream_look() left in the scratch, or what is found by following messages. */
static __always_inline void oe_stream_send(struct oe_sk *s, const struct oe_io *io,
					   struct oe_scratch *b, const struct oe_src *src,
					   struct oe_stats *st, __u64 ts)
{
	__u32 have = io->have, dir = io->dir & 1, flags = 0;

	if (have > OE_CAP_LIMIT)
		return; /* cannot be; for the verifier */
	s->run_copied += have;
	if (dir == OE_DIR_OUT)
		flags |= OE_F_OUT;
	b->rec.hdr.type = OE_EV_DATA;
	b->rec.hdr.ts_ns = ts;
	b->rec.id = s->id;
	b->rec.tgid = io->tgid;
	b->rec.tid = io->tid;
	b->rec.extra = 0;
	if (io->follow) {
		struct oe_io_arg arg = {
			.off = io->off, .key = io->key, .len = io->len, .flags = flags};

		if (oe_stream_follow(s, src, dir, io->run_start, &arg))
			OE_COUNT(st, io_dropped, 1);
		else
			OE_COUNT(st, io_emitted, 1);
		return;
	}
	if (s->follow == OE_FOLLOW_PGSQL && io->len == 1 && have &&
	    s->walk[s->client_dir & 1].state == OE_PG_CRYPT && b->payload[0] != 'N') {
		s->sniffed = OE_SNIFF_NEVER; /* encrypted from here on */
		s->tls_seen = 1;
	}
	if (src->kind == OE_SRC_NONE) {
		flags |= OE_F_NOBUF;
		OE_COUNT(st, io_nobuf, 1);
	} else if (io->flags & OE_F_FAULT) {
		flags |= OE_F_FAULT;
		OE_COUNT(st, io_fault, 1);
	} else if (have < io->len) {
		flags |= OE_F_CUT;
		OE_COUNT(st, io_cut, 1);
	}
	b->rec.hdr.flags = flags;
	b->rec.hdr.len = sizeof(b->rec) + have;
	b->rec.off = io->off;
	b->rec.io_len = io->len;
	b->rec.cap_len = have;
	if (bpf_ringbuf_output(&events, b, sizeof(b->rec) + have, oe_wakeup_flags(b))) {
		OE_COUNT(st, io_dropped, 1);
		OE_COUNT(st, bytes_dropped, io->len);
		return;
	}
	OE_COUNT(st, io_emitted, 1);
	OE_COUNT(st, bytes_copied, have);
}

#endif
