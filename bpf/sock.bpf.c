/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Backend `sock`: tracepoints that fire once per socket send or receive, after it (Linux
 * 6.3, 6e6eda44b939). They tell socket and result; the buffer comes from the registers of
 * the system call that the current task is in.
 *
 * Those registers may only be believed while the task is inside that very call: io_uring runs
 * requests as task work on the way out of any other system call, or in worker threads. On the
 * way out `ax` already holds the result; inside it still holds -ENOSYS, put there at entry
 * (x86). 32-bit processes use other numbers and layouts: length only.
 */
#include "bpf/sock_core.bpf.h"

#define MSG_OOB	     0x1
#define MSG_PEEK     0x2
#define MSG_TRUNC    0x20
#define MSG_ERRQUEUE 0x2000

#if defined(__TARGET_ARCH_x86)
#define ENOSYS	    38
#define USER_CS	    0x33
#define NR_read	    0
#define NR_write    1
#define NR_readv    19
#define NR_writev   20
#define NR_sendto   44
#define NR_recvfrom 45
#define NR_sendmsg  46
#define NR_recvmsg  47
#define NR_recvmmsg 299
#define NR_sendmmsg 307
#define NR_preadv2  327
#define NR_pwritev2 328
#endif

static __always_inline void src_msg(struct oe_src *src, __u64 msg)
{
	struct user_msghdr h;

	if (bpf_probe_read_user(&h, sizeof(h), (void *)msg))
		return;
	src->kind = OE_SRC_IOV;
	src->ptr = (__u64)h.msg_iov;
	src->iov_cnt = h.msg_iovlen > 1024 ? 1024 : h.msg_iovlen;
}

struct total_ctx {
	__u64 iov, sum;
	__u32 cnt, fault;
};

static long total_one(__u32 i, struct total_ctx *c)
{
	struct iovec iov;

	if (i >= c->cnt)
		return 1;
	c->fault = bpf_probe_read_user(&iov, sizeof(iov), (void *)(c->iov + i * sizeof(iov))) != 0;
	c->sum += iov.iov_len;
	return c->fault;
}

/* Sum of all buffers of a message, to tell a short send; false when it cannot be told. */
static __always_inline bool src_total(const struct oe_src *src, __u64 *ret_total)
{
	struct total_ctx c = {.iov = src->ptr, .cnt = src->iov_cnt};

	bpf_loop(OE_IOV_MAX, total_one, &c, 0);
	*ret_total = c.sum;
	return !c.fault;
}

/*
 * Which message of a sendmmsg or recvmmsg is this? The hook fires for each in turn. A call ends
 * early at an error (the hook fires with it), at a short send (seen from the lengths), or
 * at recvmmsg's timeout, which nobody sees: with a timeout only the first is sure.
 */
struct mmsg_call {
	struct sock *sk;
	__u64 vec, sp_ip;
	__u32 vlen;
	int ret;
	__u32 dir;
	__u32 timed;
};

static __noinline int mmsg_source(struct mmsg_call *c, struct oe_src *src)
{
	struct oe_mmsg *m;
	__u32 idx = 0;
	__u64 total;

	if (!src || !c)
		return 0;
	m = bpf_task_storage_get(&mmsg_store, bpf_get_current_task_btf(), 0,
				 BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!m)
		return 0;
	if (m->next && m->vec == c->vec && m->sp_ip == c->sp_ip && m->sk == (__u64)c->sk &&
	    m->dir == c->dir && m->next < c->vlen)
		idx = m->next;
	m->next = 0;
	if (c->ret < 0)
		return 0;
	m->vec = c->vec;
	m->sp_ip = c->sp_ip;
	m->sk = (__u64)c->sk;
	m->dir = c->dir;
	if (c->timed) {
		/* until an error: from here on this call and a new one look the same */
		m->next = 1;
		if (idx)
			return 0;
	}
	src_msg(src, c->vec + idx * sizeof(struct mmsghdr));
	if (src->kind == OE_SRC_NONE)
		return 0;
	if (c->dir == OE_DIR_OUT && (!src_total(src, &total) || total != (__u32)c->ret))
		return 0;
	if (!c->timed)
		m->next = idx + 1 < c->vlen ? idx + 1 : 0;
	return 0;
}

static __always_inline void find_source(struct sock *sk, struct oe_sk *s, struct task_struct *task,
					int dir, int ret, int flags, struct oe_src *src)
{
	struct pt_regs *regs;
	__u64 nr;

	/* mostly EAGAIN */
	if (ret < 0 && !s->mmsg)
		return;
	/* MSG_TRUNC on TCP throws bytes away instead of copying them */
	if (dir == OE_DIR_IN && (flags & MSG_TRUNC))
		return;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_x86)
	if ((__s64)regs->ax != -ENOSYS || (regs->cs & 0xffff) != USER_CS)
		return;
	nr = regs->orig_ax;
	if (nr == NR_sendmmsg || nr == NR_recvmmsg) {
		struct mmsg_call c = {
			.vec = regs->si,
			.sp_ip = regs->sp ^ regs->ip << 1,
			.sk = sk,
			.dir = dir,
			.vlen = regs->dx,
			.ret = ret,
			.timed = nr == NR_recvmmsg && regs->r8,
		};

		s->mmsg = 1;
		if ((nr == NR_sendmmsg) == (dir == OE_DIR_OUT))
			mmsg_source(&c, src);
		return;
	}
	if (ret < 0)
		return;
	if (dir == OE_DIR_OUT ? (nr == NR_write || nr == NR_sendto)
			      : (nr == NR_read || nr == NR_recvfrom)) {
		src->kind = OE_SRC_BUF;
		src->ptr = regs->si;
	} else if (dir == OE_DIR_OUT ? (nr == NR_writev || nr == NR_pwritev2)
				     : (nr == NR_readv || nr == NR_preadv2)) {
		src->kind = OE_SRC_IOV;
		src->ptr = regs->si;
		src->iov_cnt = regs->dx > 1024 ? 1024 : regs->dx;
	} else if (nr == (dir == OE_DIR_OUT ? NR_sendmsg : NR_recvmsg)) {
		src_msg(src, regs->si);
	}
#endif
}

static __always_inline int sock_length(struct sock *sk, int ret, int flags, int dir)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct oe_src src = {};
	struct oe_sk *s;

	if (oe_surely_unselected(task->tgid) || !oe_on)
		return 0;
	if (flags & (dir == OE_DIR_IN ? MSG_PEEK | MSG_ERRQUEUE | MSG_OOB : 0))
		return 0;
	s = oe_sk_selected(sk, task->tgid, true, 0);
	if (!s)
		return 0;
	/* what is received needs no look at the bytes: before there are many cases to verify */
	if (dir == OE_DIR_IN && oe_tls_gen)
		oe_tls_sock(sk, s, task, dir, ret, &src, true);
	if (dir == OE_DIR_IN && s->tls)
		return 0;
	find_source(sk, s, task, dir, ret, flags, &src);
	if (dir == OE_DIR_OUT && oe_tls_gen)
		oe_tls_sock(sk, s, task, dir, ret, &src, true);
	if (dir == OE_DIR_OUT && s->tls)
		return 0;
	if (ret <= 0)
		oe_sock_end(sk, s, dir, ret, true);
	else
		oe_sock_data(sk, s, dir, ret, 0, &src, task, true);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(oe_sock_send, struct sock *sk, int ret, int flags)
{
	return sock_length(sk, ret, flags, OE_DIR_OUT);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(oe_sock_recv, struct sock *sk, int ret, int flags)
{
	return sock_length(sk, ret, flags, OE_DIR_IN);
}
