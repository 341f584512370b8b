/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_TLS_SOCK_BPF_H
#define OE_TLS_SOCK_BPF_H
/*
 * Which socket carries a TLS connection, as the socket hooks see it:
 *
 * 1. A send or receive inside a call of the library, on the same thread (Go: goroutine), is that
 *    connection's.
 * 2. Libraries that work on memory (memory BIO) leave the socket to the program. A socket whose
 *    first bytes are a ClientHello or ServerHello belongs to the connection that its thread used
 *    last, if that has moved no plaintext yet; one that sends a record of application data, to
 *    the only connection that its thread has written to since it last sent anything, if the
 *    length fits. What is seen inside a call later overrules this.
 *
 * Otherwise the socket is not known, and spans carry no address. Once known, the socket's
 * own bytes are neither looked at nor copied.
 */
#include "bpf/tls_conn.bpf.h"

#define OE_TLS_RECORD_MAX 16384
#define OE_TLS_ENVELOPE	  512 /* header, IV, tag, padding: less than this */

/* What the current thread or goroutine is doing in TLS libraries; NULL: nothing. */
static __always_inline struct oe_tls_task *oe_tls_current(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	if (oe_tls_go_on) {
		struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
		struct oe_tls_go key = {.g = regs->r14, .tgid = task->tgid};
		struct oe_tls_task *g = bpf_map_lookup_elem(&tls_gos, &key);

		if (g)
			return g;
	}
#endif
	return bpf_task_storage_get(&tls_tasks, task, 0, 0);
}

static __always_inline __u64 oe_task_id(struct task_struct *task)
{
	return (__u64)task->tgid << 32 | task->pid;
}

/* The connection's socket is found: tell of it. */
static __always_inline void oe_tls_bind(struct sock *sk, struct oe_sk *s, struct oe_tls_conn *t,
					__u64 conn, __u64 id, __u32 gen, bool weak)
{
	if (t->sk_id && t->sk_id != s->id) {
		if (t->s.closed & OE_CLOSE_ALL)
			oe_tls_reset(t); /* the object serves another connection now */
		else if (!t->weak)
			return; /* it has two sockets: the first one stands for both */
	}
	s->tls = conn;
	s->tls_tgid = id >> 32;
	s->sniffed = OE_SNIFF_NEVER;
	s->follow = 0;
	if (t->sk_id == s->id) {
		t->weak &= weak;
		return;
	}
	t->sk_id = s->id;
	t->weak = weak;
	t->s.role = s->role;
	if (!t->s.announced)
		t->s.fresh = s->fresh && s->tls_gen >= gen && t->s.next[0] == OE_OFF_BASE &&
			     t->s.next[1] == OE_OFF_BASE;
	if (!t->s.fresh) {
		struct oe_stats *st = oe_stats();

		OE_COUNT(st, tls_late, 1);
	}
	if (!oe_announce(sk, &t->s, id, bpf_ktime_get_boot_ns(), s->id))
		t->s.announced = 1;
}

/* Type of the TLS record that is sent, and its length; 0: none. *ret_first: byte behind its head.
 */
static __always_inline __u8 oe_tls_record(const struct oe_src *src, __u32 *ret_len, __u8 *ret_first)
{
	__u64 at = src->ptr;
	struct iovec iov = {};
	__u8 h[6] = {};

	if (src->kind == OE_SRC_NONE)
		return 0;
	if (src->kind == OE_SRC_IOV) {
		if (bpf_probe_read_user(&iov, sizeof(iov), (void *)at) || iov.iov_len < sizeof(h))
			return 0;
		at = (__u64)iov.iov_base;
	}
	if (bpf_probe_read_user(h, sizeof(h), (void *)at) || h[1] != 3 || h[2] > 4)
		return 0;
	*ret_len = h[3] << 8 | h[4];
	*ret_first = h[5];
	return h[0];
}

#define OE_TLS_RECORD_HELLO 22
#define OE_TLS_RECORD_DATA  23
#define OE_TLS_CLIENT_HELLO 1
#define OE_TLS_SERVER_HELLO 2

/* Which connection has made what is sent here? 0: none that is known. */
static __always_inline __u64 oe_tls_sender(const struct oe_sk *s, const struct oe_tls_task *k,
					   const struct oe_src *src)
{
	__u32 len = 0, wrote = k->wrote;
	__u8 first = 0, type = oe_tls_record(src, &len, &first);

	if (type == OE_TLS_RECORD_HELLO)
		return (first == OE_TLS_CLIENT_HELLO && s->role != OE_ROLE_SERVER) ||
				       (first == OE_TLS_SERVER_HELLO && s->role != OE_ROLE_CLIENT)
			       ? k->touched
			       : 0;
	if (wrote > OE_TLS_RECORD_MAX)
		wrote = OE_TLS_RECORD_MAX;
	if (type == OE_TLS_RECORD_DATA && !k->writers && len > wrote &&
	    len < wrote + OE_TLS_ENVELOPE)
		return k->writer;
	return 0;
}

/* Inside a call of the library. */
static __noinline void oe_tls_inside(struct sock *sk, struct oe_sk *s, struct oe_tls_task *k,
				     struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u32 top = k->depth - 1;
	struct oe_tls_frame *f;
	struct oe_tls_conn *t;

	if (top >= OE_TLS_DEPTH)
		return;
	f = oe_tls_frame(k, top);
	/* a call that was left without its end: this one is not inside it (Go moves its stacks) */
	if (f->fn < OE_TLS_GO_READ && regs->sp >= f->sp) {
		k->depth = 0;
		return;
	}
	f->io = 1;
	t = oe_tls_get(f->conn, task->tgid);
	if (!t)
		return;
	oe_tls_bind(sk, s, t, f->conn, oe_task_id(task), f->gen, false);
}

static __always_inline void oe_tls_sent(struct oe_tls_task *k)
{
	k->touched = k->writer = 0;
	k->wrote = k->writers = 0;
}

/* After calls that left their output to the program. */
static __always_inline void oe_tls_after(struct sock *sk, struct oe_sk *s, struct oe_tls_task *k,
					 struct task_struct *task, const struct oe_src *src)
{
	struct oe_tls_conn *t;
	__u64 conn;

	if (!k->touched)
		return;
	conn = oe_tls_sender(s, k, src);
	t = conn ? oe_tls_get(conn, task->tgid) : NULL;
	if (t && !t->sk_id && (conn == k->writer || t->s.next[OE_DIR_OUT] == OE_OFF_BASE))
		oe_tls_bind(sk, s, t, conn, oe_task_id(task), k->gen, true);
	oe_tls_sent(k);
}

/* The TLS connection that s carries, if it is still the one. */
static __always_inline struct oe_tls_conn *oe_tls_of(const struct oe_sk *s)
{
	struct oe_tls_conn *t = oe_tls_find(s->tls, s->tls_tgid);

	return t && t->sk_id == s->id ? t : NULL;
}

/* The same for a connection whose object is gone already. */
static __always_inline void oe_tls_closing_end(__u64 sk_id, __u32 what, __u32 err)
{
	struct oe_tls_closing *e = bpf_map_lookup_elem(&tls_closing, &sk_id);

	if (!e || (e->closed & what) == what)
		return;
	e->closed |= what;
	oe_close_record(e->id, e->next, what, err);
	if (what & OE_CLOSE_ALL)
		bpf_map_delete_elem(&tls_closing, &sk_id);
}

/* A direction, or all, of the socket is at its end: so is the plaintext. */
static __always_inline void oe_tls_sock_end(const struct oe_sk *s, __u32 what, __u32 err)
{
	struct oe_tls_conn *t = oe_tls_of(s);

	if (!t) {
		oe_tls_closing_end(s->id, what, err);
		return;
	}
	if ((t->s.closed & what) == what)
		return;
	t->s.closed |= what;
	if (t->s.announced)
		oe_close_event(&t->s, what, err);
}

/*
 * Called for each I/O of a selected socket while TLS libraries are probed. Afterwards, when s->tls
 * is set, it is ciphertext, and nothing more is to be done with it.
 */
static __always_inline void oe_tls_sock(struct sock *sk, struct oe_sk *s, struct task_struct *task,
					int dir, int ret, const struct oe_src *src, bool trusted)
{
	struct oe_stats *st = oe_stats();
	struct oe_tls_task *k;
	bool eof = false;
	__u16 family;
	__u32 end;

	if (!s->tls) {
		k = oe_tls_current(task);
		if (!k || (!k->depth && (dir == OE_DIR_IN || ret <= 0)))
			return;
		if (!s->id)
			oe_sk_init(s, sk, trusted, dir, ret > 0 ? ret : 0);
		if (k->depth)
			oe_tls_inside(sk, s, k, task);
		else
			oe_tls_after(sk, s, k, task, src);
		if (!s->tls)
			return;
	} else if (dir == OE_DIR_OUT) {
		k = bpf_task_storage_get(&tls_tasks, task, 0, 0);
		if (k)
			oe_tls_sent(k);
	}
	if (ret > 0) {
		OE_COUNT(st, io_tls, 1);
		return;
	}
	family = OE_READ(trusted, sk->__sk_common.skc_family);
	if (!ret && dir == OE_DIR_IN && family != OE_AF_UNIX &&
	    oe_tcp_end(sk, trusted, OE_DIR_IN, &end, &eof) && eof)
		oe_tls_sock_end(s, OE_CLOSE_IN, 0);
}

#endif
