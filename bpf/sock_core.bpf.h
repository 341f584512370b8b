/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_SOCK_CORE_BPF_H
#define OE_SOCK_CORE_BPF_H
/*
 * One I/O on a stream socket -> records. The backends (sock.bpf.c, syscall.bpf.c)
 * find out which socket, how many bytes and where they stand in user memory; from there on
 * everything is here: selection, stream offsets, the sniff, how much to copy.
 *
 * `trusted` is a compile-time constant: true when the hook handed us the struct sock as a BTF
 * pointer (direct loads, socket storage), false when we walked to it (probe reads, sk_hash).
 *
 * Offsets: on TCP the data of a send is [write_seq - ret, write_seq), of a receive
 * [copied_seq - ret, copied_seq), read after the call. Reading the last data of a stream
 * together with its FIN moves copied_seq one further: then copied_seq equals rcv_nxt and
 * RCV_SHUTDOWN is set. Unix sockets, and TCP with an upper layer protocol (kernel TLS, where
 * sequence numbers count ciphertext), go on counting from the last offset known.
 *
 * What is copied: up to oe_cap_max bytes of each I/O of a run (an unbroken series in one
 * direction) until oe_run_max bytes of it were copied, then oe_cap_tail bytes of each: heads
 * of pipelined messages stand at the start of I/Os, bodies go on for long.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/emit.bpf.h"
#include "bpf/kafka.bpf.h"
#include "bpf/rows.bpf.h"
#include "bpf/select.bpf.h"
#include "bpf/sniff.h"
#include "bpf/walk.bpf.h"

#define SOCK_STREAM  1
#define IPPROTO_TCP  6
#define RCV_SHUTDOWN 1
#define PF_KTHREAD   0x00200000
#define OE_DIR_IN    0
#define OE_DIR_OUT   1

/* One member of a kernel struct, by plain load or by probe read. */
#define OE_READ(trusted, lvalue)                                                                   \
	({                                                                                         \
		__typeof__(lvalue) _v;                                                             \
		if (trusted)                                                                       \
			_v = (lvalue);                                                             \
		else                                                                               \
			bpf_core_read(&_v, sizeof(_v), &(lvalue));                                 \
		_v;                                                                                \
	})

static __always_inline struct oe_sk *oe_sk_find(struct sock *sk, bool trusted)
{
	__u64 key = (__u64)sk;

	if (trusted)
		return bpf_sk_storage_get(&sk_store, sk, 0, 0);
	return bpf_map_lookup_elem(&sk_hash, &key);
}

static __always_inline struct oe_sk *oe_sk_make(struct sock *sk, bool trusted)
{
	__u64 key = (__u64)sk;
	struct oe_sk zero = {};

	if (trusted)
		return bpf_sk_storage_get(&sk_store, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	bpf_map_update_elem(&sk_hash, &key, &zero, BPF_ANY);
	return bpf_map_lookup_elem(&sk_hash, &key);
}

/* Is this a stream socket of a program (not of the kernel itself)? */
static __always_inline bool oe_sk_wanted(struct sock *sk, bool trusted)
{
	__u16 family = OE_READ(trusted, sk->__sk_common.skc_family);
	struct socket *sock;
	struct file *file = NULL;

	if (OE_READ(trusted, sk->sk_type) != SOCK_STREAM)
		return false;
	if (family == OE_AF_INET || family == OE_AF_INET6) {
		if (OE_READ(trusted, sk->sk_protocol) != IPPROTO_TCP)
			return false;
	} else if (family != OE_AF_UNIX) {
		return false;
	}
	/* sockets that the kernel opened for itself (NFS, iSCSI) have no file */
	sock = OE_READ(trusted, sk->sk_socket);
	bpf_core_read(&file, sizeof(file), &sock->file);
	return file != NULL;
}

/* struct tcp_sock of a TCP socket; the helper makes plain loads possible. NULL: not TCP after all.
 */
static __always_inline struct tcp_sock *oe_tcp(struct sock *sk, bool trusted)
{
	return trusted ? bpf_skc_to_tcp_sock(sk) : (struct tcp_sock *)sk;
}

/* End of the stream in a direction as TCP counts it, or false when TCP's count is not ours. */
static __always_inline bool oe_tcp_end(struct sock *sk, bool trusted, int dir, __u32 *ret_end,
				       bool *ret_eof)
{
	struct tcp_sock *tp = oe_tcp(sk, trusted);

	if (!tp || OE_READ(trusted, tp->inet_conn.icsk_ulp_ops))
		return false;
	if (dir == OE_DIR_OUT) {
		*ret_end = OE_READ(trusted, tp->write_seq);
		return true;
	}
	*ret_end = OE_READ(trusted, tp->copied_seq);
	if ((OE_READ(trusted, sk->sk_shutdown) & RCV_SHUTDOWN) &&
	    OE_READ(trusted, tp->rcv_nxt) == *ret_end) {
		*ret_end -= 1;
		*ret_eof = true;
	}
	return true;
}

/*
 * A socket that we did not see connect or be accepted (its listener is older than we are) is
 * still known from its start when the first `ret` bytes ever were received just now and none were
 * sent.
 */
static __always_inline bool oe_tcp_fresh(struct sock *sk, bool trusted, __u32 ret)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 received = 0, sent = 1;
	__u32 copied = 0, nxt = 0, end;
	bool eof = false;

	if (!oe_tcp_end(sk, trusted, OE_DIR_IN, &end, &eof))
		return false;
	bpf_core_read(&received, sizeof(received), &tp->bytes_received);
	bpf_core_read(&sent, sizeof(sent), &tp->bytes_sent);
	bpf_core_read(&copied, sizeof(copied), &tp->copied_seq);
	bpf_core_read(&nxt, sizeof(nxt), &tp->rcv_nxt);
	return !sent && received - (__u32)(nxt - copied) - eof == ret;
}

#define OE_OFF_BASE (1ULL << 32)

static __always_inline __u64 oe_extend(__u64 near, __u32 seq)
{
	return near + (__s64)(__s32)(seq - (__u32)near);
}

static __always_inline void oe_sk_init(struct oe_sk *s, struct sock *sk, bool trusted, int dir,
				       __u32 ret)
{
	__u16 family = OE_READ(trusted, sk->__sk_common.skc_family);
	__u32 end;
	bool eof;

	if (trusted)
		s->id = bpf_get_socket_cookie(sk);
	else
		bpf_core_read(&s->id, sizeof(s->id), &sk->__sk_common.skc_cookie);
	/* no cookie was ever asked for: the inode number is as unique, keep the two apart */
	if (!s->id)
		s->id = s->ino | 1ULL << 62;
	s->next[0] = s->next[1] = OE_OFF_BASE;
	if (family != OE_AF_UNIX) {
		for (int d = 0; d < 2; d++)
			if (oe_tcp_end(sk, trusted, d, &end, &eof))
				s->next[d] = OE_OFF_BASE + end;
	}
	if (s->listener) { /* what the listener handed to this accepted socket */
		s->listener = 0;
		s->role = OE_ROLE_SERVER;
	}
	s->fresh = s->role != OE_ROLE_UNKNOWN ||
		   (family != OE_AF_UNIX && dir == OE_DIR_IN && oe_tcp_fresh(sk, trusted, ret));
	s->run_dir = 0;
	s->announced = 0;
	s->sniffed = 0;
	s->closed = 0;
	s->follow = s->walk[0].on = s->walk[1].on = 0;
	/* this very I/O has not been delivered yet */
	s->next[dir] -= ret;
}

static __always_inline void oe_addr(struct sock *sk, bool trusted, struct oe_conn *c)
{
	c->lport = OE_READ(trusted, sk->__sk_common.skc_num);
	c->rport = bpf_ntohs(OE_READ(trusted, sk->__sk_common.skc_dport));
	if (c->family == OE_AF_INET) {
		__be32 l = OE_READ(trusted, sk->__sk_common.skc_rcv_saddr);
		__be32 r = OE_READ(trusted, sk->__sk_common.skc_daddr);

		__builtin_memcpy(c->laddr, &l, 4);
		__builtin_memcpy(c->raddr, &r, 4);
	} else {
		bpf_core_read(c->laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(c->raddr, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* Bound path of this end, or of the other (a client's own end mostly has none). */
static __always_inline void oe_unix_path(struct sock *sk, struct oe_conn *c)
{
	struct unix_sock *u = (struct unix_sock *)sk, *peer = NULL;
	struct unix_address *addr = NULL;
	const void *name;
	__u32 len = 0;
	long n;

	bpf_core_read(&addr, sizeof(addr), &u->addr);
	if (!addr) {
		bpf_core_read(&peer, sizeof(peer), &u->peer);
		if (!peer)
			return;
		bpf_core_read(&addr, sizeof(addr), &peer->addr);
		if (!addr)
			return;
	}
	name = __builtin_preserve_access_index(&addr->name[0].sun_path);
	n = bpf_probe_read_kernel_str(c->path, sizeof(c->path), name);
	if (n > 1 && n <= (long)sizeof(c->path)) {
		c->path_len = n - 1;
		return;
	}
	/* abstract name: starts with a NUL, the length counts */
	bpf_core_read(&len, sizeof(len), &addr->len);
	len -= 2; /* sun_family */
	if (len < 1 || len > sizeof(c->path))
		return;
	bpf_probe_read_kernel(c->path, len, name);
	c->path[0] = '@';
	c->path_len = len;
}

static __noinline int oe_announce(struct sock *sk, struct oe_sk *s, __u32 tgid, __u32 tid, __u64 ts)
{
	struct oe_conn c = {};
	struct net *net = NULL;

	if (!sk || !s)
		return -1;
	c.hdr.type = OE_EV_CONN;
	c.hdr.len = sizeof(c);
	c.hdr.ts_ns = ts;
	c.id = s->id;
	c.off[0] = s->next[0];
	c.off[1] = s->next[1];
	c.tgid = tgid;
	c.tid = tid;
	c.role = s->role;
	c.flags = s->fresh ? OE_CONN_FRESH : 0;
	bpf_core_read(&c.family, sizeof(c.family), &sk->__sk_common.skc_family);
	if (c.family == OE_AF_UNIX)
		oe_unix_path(sk, &c);
	else
		oe_addr(sk, false, &c);
	bpf_core_read(&net, sizeof(net), &sk->__sk_common.skc_net.net);
	bpf_core_read(&c.netns, sizeof(c.netns), &net->ns.inum);
	return oe_emit_aux(&c, sizeof(c));
}

/* End of file was read, or a Unix peer is gone. */
static __always_inline void oe_close_event(struct oe_sk *s, __u32 what, __u32 err)
{
	struct oe_close c = {
		.hdr = {.type = OE_EV_CLOSE, .len = sizeof(c), .ts_ns = bpf_ktime_get_boot_ns()},
		.id = s->id,
		.off = {s->next[0], s->next[1]},
		.what = what,
		.err = err,
	};

	oe_emit_aux(&c, sizeof(c));
}

/*
 * The verdict for this socket and the current process; NULL when not selected. Creates the
 * state on the first I/O of a selected process. `ino`: sk_hash only.
 */
static __always_inline struct oe_sk *oe_sk_selected(struct sock *sk, __u32 tgid, bool trusted,
						    __u64 ino)
{
	struct oe_sk *s = oe_sk_find(sk, trusted);
	__u32 gen = oe_generation;
	bool yes;

	if (s && !trusted && s->ino != ino)
		s = NULL; /* another socket at the same address */
	if (s && s->tgid == tgid && s->gen == gen)
		return s->verdict ? s : NULL;
	yes = oe_selected(tgid, OE_READ(trusted, sk->__sk_common.skc_num),
			  bpf_ntohs(OE_READ(trusted, sk->__sk_common.skc_dport)));
	if (!s) {
		if (!yes || !oe_sk_wanted(sk, trusted))
			return NULL;
		s = oe_sk_make(sk, trusted);
		if (!s) {
			struct oe_stats *st = oe_stats();

			OE_COUNT(st, state_failed, 1);
			return NULL;
		}
		s->ino = ino;
	}
	s->tgid = tgid;
	s->gen = gen;
	s->verdict = yes;
	return yes ? s : NULL;
}

/* Nothing was transferred: end of file, or an error. */
static __always_inline void oe_sock_end(struct sock *sk, struct oe_sk *s, int dir, int ret,
					bool trusted)
{
	__u16 family = OE_READ(trusted, sk->__sk_common.skc_family);
	__u8 shut = OE_READ(trusted, sk->sk_shutdown);
	__u32 end;
	bool eof = false;

	if (!s->announced || (s->closed & OE_CLOSE_IN))
		return;
	if (family != OE_AF_UNIX) {
		/* errors come through the state change; a read of 0 bytes is no end of file */
		if (ret == 0 && dir == OE_DIR_IN &&
		    oe_tcp_end(sk, trusted, OE_DIR_IN, &end, &eof) && eof) {
			s->closed |= OE_CLOSE_IN;
			oe_close_event(s, OE_CLOSE_IN, 0);
		}
		return;
	}
	if (ret == 0 && dir == OE_DIR_IN) {
		if (!(shut & RCV_SHUTDOWN) || OE_READ(trusted, sk->sk_receive_queue.qlen))
			return;
		s->closed |= OE_CLOSE_IN;
		oe_close_event(s, OE_CLOSE_IN, 0);
	} else if (ret == -104 || ret == -32) { /* ECONNRESET, EPIPE: no one is at the other end */
		s->closed |= OE_CLOSE_IN;
		oe_close_event(s, OE_CLOSE_ALL, -ret);
	}
}

/* What oe_sniff() says besides OE_SNIFF_*. */
#define OE_SNIFFED_FOLLOW_SHIFT 4     /* OE_FOLLOW_* */
#define OE_SNIFFED_GREETING	0x100 /* the server speaks first */

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
	return sniffed;
}

/* Behind four bytes that may be a length: the head of a Kafka request? Global: verified once. */
__weak __noinline int oe_sniff_rest(__u32 key, __u32 have)
{
	const struct oe_scratch *b = bpf_map_lookup_elem(&scratch, &key);

	return b && oe_is_kafka_head(b->payload, have);
}

/* At the start of a run: does the connection speak what we parse? */
static __always_inline bool oe_sock_sniff(struct oe_sk *s, int dir, __u32 key, __u32 have,
					  __u32 ret)
{
	int said = oe_sniff(key, have, ret);
	__u8 follow = said >> OE_SNIFFED_FOLLOW_SHIFT & 7;

	s->sniffed = said & 3;
	s->follow = follow;
	s->client_dir = said & OE_SNIFFED_GREETING ? !dir : dir;
	if (follow > OE_FOLLOW_H2 && s->client_dir == OE_DIR_IN &&
	    !(follow == OE_FOLLOW_KAFKA ? oe_kafka_broker : oe_db_server))
		s->sniffed = OE_SNIFF_NEVER; /* the client's side tells of it */
	return s->sniffed == OE_SNIFF_YES || s->sniffed == OE_SNIFF_MAYBE;
}

/* Is this I/O copied message by message? */
static __always_inline bool oe_sock_follows(const struct oe_sk *s, int dir, __u32 ret,
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
static __always_inline __u32 oe_sock_how(const struct oe_sk *s, int dir, bool run_start)
{
	return (s->follow == OE_FOLLOW_MYSQL ? OE_ROWS_MYSQL : 0) |
	       (s->client_dir == dir ? OE_ROWS_CLIENT : 0) | (run_start ? OE_ROWS_RUN_START : 0);
}

/* The records of one I/O of a connection that is followed. Returns whether some are missing. */
static __always_inline bool oe_sock_follow(struct oe_sk *s, const struct oe_src *src, int dir,
					   bool run_start, const struct oe_io_arg *arg)
{
	int walked;

	if (s->follow == OE_FOLLOW_KAFKA)
		return oe_kafka_data(&s->walk[dir], src, arg) == OE_WALK_FAILED;
	if (s->follow != OE_FOLLOW_H2) {
		walked = oe_rows_data(&s->walk[dir], src, arg, oe_sock_how(s, dir, run_start));
		if (s->follow == OE_FOLLOW_MYSQL && s->client_dir == dir) {
			if (s->walk[dir].state == OE_MY_TLS)
				s->sniffed = OE_SNIFF_NEVER;
			else if (s->walk[dir].state == OE_MY_COMPRESSED)
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

/*
 * One I/O of `ret` > 0 bytes of a selected socket. `after`: so many bytes of the same direction
 * were moved after this I/O and before the hook (later messages of the same call).
 */
static __always_inline void oe_sock_data(struct sock *sk, struct oe_sk *s, int dir, __u32 ret,
					 __u32 after, const struct oe_src *src,
					 struct task_struct *task, bool trusted)
{
	__u16 family = OE_READ(trusted, sk->__sk_common.skc_family);
	__u32 tgid = task->tgid, tid = task->pid;
	__u64 off, ts;
	__u32 key = 2 * bpf_get_smp_processor_id() + dir, want, have = 0, end, flags = 0;
	struct oe_stats *st = oe_stats();
	struct oe_scratch *b;
	bool fault = false, eof = false, run_start, follow, small;

	dir &= 1; /* for the verifier */
	OE_COUNT(st, io_seen, 1);
	OE_COUNT(st, bytes_seen, ret);
	if (!s->id)
		oe_sk_init(s, sk, trusted, dir, ret + after);
	off = s->next[dir];
	if (family != OE_AF_UNIX && oe_tcp_end(sk, trusted, dir, &end, &eof))
		off = oe_extend(off, end - ret - after);
	s->next[dir] = off + ret;

	run_start = s->run_dir != dir + 1;
	if (run_start) {
		s->run_dir = dir + 1;
		s->run_copied = 0;
		if (s->sniffed < OE_SNIFF_YES)
			s->sniffed = OE_SNIFF_MAYBE;
	}
	if (s->sniffed == OE_SNIFF_NO || s->sniffed == OE_SNIFF_NEVER) {
		OE_COUNT(st, io_filtered, 1);
		return;
	}
	b = bpf_map_lookup_elem(&scratch, &key);
	if (!b)
		return; /* cannot be: one per CPU and direction */
	follow = oe_sock_follows(s, dir, ret, run_start);
	if (s->follow == OE_FOLLOW_KAFKA)
		small = ret <= OE_KAFKA_WHOLE && oe_kafka_idle(&s->walk[dir]);
	else
		small = follow && s->follow > OE_FOLLOW_H2 && ret <= OE_ROWS_SMALL &&
			oe_rows_idle(&s->walk[dir], oe_sock_how(s, dir, run_start));
	if (!follow || small) {
		want = small || s->run_copied < oe_run_max ? oe_cap_max : oe_cap_tail;
		if (want > ret)
			want = ret;
		if (src->kind != OE_SRC_NONE)
			have = oe_gather(b, src, want, &fault);
		if (have > OE_CAP_LIMIT)
			have = 0; /* cannot be; for the verifier */
		if (run_start && !s->follow &&
		    (s->sniffed != OE_SNIFF_YES || (have >= 12 && oe_is_preface(b->payload))) &&
		    !oe_sock_sniff(s, dir, key, have, ret)) {
			OE_COUNT(st, io_filtered, 1);
			return;
		}
		/* a broker reads a request's length by itself: what follows tells */
		if (s->sniffed == OE_SNIFF_MAYBE && !run_start && s->run_copied == 4 &&
		    dir == OE_DIR_IN && !oe_kafka_broker && oe_sniff_rest(key, have)) {
			s->sniffed = OE_SNIFF_NEVER; /* the client's side tells of it */
			OE_COUNT(st, io_filtered, 1);
			return;
		}
		follow = oe_sock_follows(s, dir, ret, run_start);
		if (small && have == ret &&
		    (s->follow == OE_FOLLOW_KAFKA
			     ? oe_kafka_complete(b, have)
			     : oe_rows_complete(key, have, oe_sock_how(s, dir, run_start)))) {
			s->walk[dir].on = 1;
			follow = false;
		}
	}
	ts = bpf_ktime_get_boot_ns();
	if (!s->announced) {
		/* the announcement stands before this I/O in every respect */
		s->next[dir] = off;
		if (!oe_announce(sk, s, tgid, tid, ts))
			s->announced = 1;
		s->next[dir] = off + ret;
	}
	s->run_copied += have;
	if (dir == OE_DIR_OUT)
		flags |= OE_F_OUT;
	b->rec.hdr.type = OE_EV_DATA;
	b->rec.hdr.ts_ns = ts;
	b->rec.id = s->id;
	b->rec.tgid = tgid;
	b->rec.tid = tid;
	b->rec.extra = 0;
	if (follow) {
		struct oe_io_arg arg = {.off = off, .key = key, .len = ret, .flags = flags};

		if (oe_sock_follow(s, src, dir, run_start, &arg)) {
			OE_COUNT(st, io_dropped, 1);
			return;
		}
		OE_COUNT(st, io_emitted, 1);
		goto sent;
	}
	if (s->follow == OE_FOLLOW_PGSQL && ret == 1 && have &&
	    s->walk[s->client_dir & 1].state == OE_PG_CRYPT && b->payload[0] != 'N')
		s->sniffed = OE_SNIFF_NEVER; /* encrypted from here on */
	if (src->kind == OE_SRC_NONE) {
		flags |= OE_F_NOBUF;
		OE_COUNT(st, io_nobuf, 1);
	} else if (fault) {
		flags |= OE_F_FAULT;
		OE_COUNT(st, io_fault, 1);
	} else if (have < ret) {
		flags |= OE_F_CUT;
		OE_COUNT(st, io_cut, 1);
	}
	b->rec.hdr.flags = flags;
	b->rec.hdr.len = sizeof(b->rec) + have;
	b->rec.off = off;
	b->rec.io_len = ret;
	b->rec.cap_len = have;
	if (bpf_ringbuf_output(&events, b, sizeof(b->rec) + have, oe_wakeup_flags(b))) {
		OE_COUNT(st, io_dropped, 1);
		OE_COUNT(st, bytes_dropped, ret);
		return;
	}
	OE_COUNT(st, io_emitted, 1);
	OE_COUNT(st, bytes_copied, have);
sent:
	/* the last data came together with the end of the stream; no read of 0 need follow */
	if (eof && !(s->closed & OE_CLOSE_IN)) {
		s->closed |= OE_CLOSE_IN;
		oe_close_event(s, OE_CLOSE_IN, 0);
	}
}

#endif
