/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_SOCK_CORE_BPF_H
#define OE_SOCK_CORE_BPF_H
/*
 * One I/O on a stream socket. The backends (sock.bpf.c, syscall.bpf.c) find out which socket, how
 * many bytes and where they stand in user memory; from there on everything is here: selection,
 * stream offsets, and whether these are the ciphertext of a TLS connection (tls_conn.bpf.h). What
 * is to be copied is found out in stream.bpf.h.
 *
 * `trusted` is a compile-time constant: true when the hook handed us the struct sock as a BTF
 * pointer (direct loads, socket storage), false when we walked to it (probe reads, sk_hash).
 *
 * Offsets: on TCP the data of a send is [write_seq - ret, write_seq), of a receive
 * [copied_seq - ret, copied_seq), read after the call. Reading the last data of a stream
 * together with its FIN moves copied_seq one further: then copied_seq equals rcv_nxt and
 * RCV_SHUTDOWN is set. Unix sockets, and TCP with an upper layer protocol (kernel TLS, where
 * sequence numbers count ciphertext), go on counting from the last offset known.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/select.bpf.h"
#include "bpf/stream.bpf.h"
#include "bpf/tls_conn.bpf.h"

#define SOCK_STREAM  1
#define IPPROTO_TCP  6
#define RCV_SHUTDOWN 1
#define PF_KTHREAD   0x00200000

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
	s->tls = 0;
	s->tls_seen = 0;
	s->tls_gen = oe_tls_gen;
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

/* Kernel TLS (an upper layer protocol of the socket): what moves through the socket is plaintext.
 */
static __always_inline bool oe_is_ktls(struct sock *sk)
{
	const struct tcp_ulp_ops *ulp = NULL;
	char name[4] = {};

	bpf_core_read(&ulp, sizeof(ulp), &((struct tcp_sock *)sk)->inet_conn.icsk_ulp_ops);
	return ulp && !bpf_core_read(name, sizeof(name), &ulp->name) && name[0] == 't' &&
	       name[1] == 'l' && name[2] == 's' && !name[3];
}

/* id: process (upper half) and thread; sk_id: s is a TLS connection, carried by this socket */
static __noinline int oe_announce(struct sock *sk, const struct oe_sk *s, __u64 id, __u64 ts,
				  __u64 sk_id)
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
	c.tgid = id >> 32;
	c.tid = (__u32)id;
	c.role = s->role;
	c.flags = (sk_id ? OE_CONN_TLS : 0) | (s->fresh ? OE_CONN_FRESH : 0);
	c.sk_id = sk_id;
	bpf_core_read(&c.family, sizeof(c.family), &sk->__sk_common.skc_family);
	if (c.family == OE_AF_UNIX) {
		oe_unix_path(sk, &c);
	} else {
		oe_addr(sk, false, &c);
		if (oe_is_ktls(sk))
			c.flags |= OE_CONN_TLS;
	}
	bpf_core_read(&net, sizeof(net), &sk->__sk_common.skc_net.net);
	bpf_core_read(&c.netns, sizeof(c.netns), &net->ns.inum);
	return oe_emit_aux(&c, sizeof(c));
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

#include "bpf/tls_sock.bpf.h"

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

/*
 * One I/O of `ret` > 0 bytes of a selected socket. `after`: so many bytes of the same direction
 * were moved after this I/O and before the hook (later messages of the same call).
 */
static __always_inline void oe_sock_data(struct sock *sk, struct oe_sk *s, int dir, __u32 ret,
					 __u32 after, const struct oe_src *src,
					 struct task_struct *task, bool trusted)
{
	__u16 family = OE_READ(trusted, sk->__sk_common.skc_family);
	struct oe_io io = {.key = 2 * bpf_get_smp_processor_id() + dir,
			   .dir = dir & 1,
			   .len = ret,
			   .tgid = task->tgid,
			   .tid = task->pid};
	struct oe_stats *st = oe_stats();
	struct oe_scratch *b;
	bool eof = false;
	__u32 end;
	__u64 ts;

	dir &= 1; /* for the verifier */
	if (!s->id)
		oe_sk_init(s, sk, trusted, dir, ret + after);
	io.off = s->next[dir];
	if (family != OE_AF_UNIX && oe_tcp_end(sk, trusted, dir, &end, &eof))
		io.off = oe_extend(io.off, end - ret - after);
	s->next[dir] = io.off + ret;
	if (!oe_stream_run(s, &io, st))
		return;
	b = bpf_map_lookup_elem(&scratch, &io.key);
	if (!b)
		return; /* cannot be: one per CPU and direction */
	if (!oe_stream_look(s, &io, b, src, st))
		return;
	ts = bpf_ktime_get_boot_ns();
	if (!s->announced) {
		/* the announcement stands before this I/O in every respect */
		s->next[dir] = io.off;
		if (!oe_announce(sk, s, (__u64)io.tgid << 32 | io.tid, ts, 0))
			s->announced = 1;
		s->next[dir] = io.off + ret;
	}
	oe_stream_send(s, &io, b, src, st, ts);
	/* the last data came together with the end of the stream; no read of 0 need follow */
	if (eof && !(s->closed & OE_CLOSE_IN)) {
		s->closed |= OE_CLOSE_IN;
		oe_close_event(s, OE_CLOSE_IN, 0);
	}
}

#endif
