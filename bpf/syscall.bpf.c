/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Backend `syscall`: one hook on the way out of every system call. Arguments are still in the
 * registers, the socket is found through the process's file table. Works on kernels without
 * the sock_*_length tracepoints; costs every system call of the host a little. Not seen here:
 * io_uring (its bytes show as jumps of the TCP offsets) and the close() of Unix sockets.
 */
#include "bpf/sock_core.bpf.h"

#define MSG_OOB	     0x1
#define MSG_PEEK     0x2
#define MSG_TRUNC    0x20
#define MSG_ERRQUEUE 0x2000
#define S_IFMT	     0170000
#define S_IFSOCK     0140000
#define EINPROGRESS  115
#define SHUT_RD	     0

#if defined(__TARGET_ARCH_x86)
#define USER_CS	    0x33
#define NR_read	    0
#define NR_write    1
#define NR_readv    19
#define NR_writev   20
#define NR_sendfile 40
#define NR_connect  42
#define NR_accept   43
#define NR_sendto   44
#define NR_recvfrom 45
#define NR_sendmsg  46
#define NR_recvmsg  47
#define NR_shutdown 48
#define NR_splice   275
#define NR_accept4  288
#define NR_recvmmsg 299
#define NR_sendmmsg 307
#define NR_preadv2  327
#define NR_pwritev2 328
#define ARG1(r)	    ((r)->di)
#define ARG2(r)	    ((r)->si)
#define ARG3(r)	    ((r)->dx)
#define ARG4(r)	    ((r)->r10)
#define NR(r)	    ((r)->orig_ax)
#else
#error "syscall.bpf.c: no system call numbers for this architecture"
#endif

/* What one call did to one socket. */
struct call {
	__u32 fd, dir;
	struct oe_src src;
	int flags;  /* MSG_* */
	__u32 many; /* mmsg: number of messages, src.ptr is the vector */
	__u32 role; /* connect, accept */
	__u32 shut; /* shutdown */
};

static __always_inline void src_msg(struct oe_src *src, __u64 msg)
{
	struct user_msghdr h;

	if (bpf_probe_read_user(&h, sizeof(h), (void *)msg))
		return;
	src->kind = OE_SRC_IOV;
	src->ptr = (__u64)h.msg_iov;
	src->iov_cnt = h.msg_iovlen > 1024 ? 1024 : h.msg_iovlen;
}

static __always_inline void src_buf(struct call *c, struct pt_regs *r, int dir, int flags)
{
	c->dir = dir;
	c->flags = flags;
	c->src.kind = OE_SRC_BUF;
	c->src.ptr = ARG2(r);
}

static __always_inline void src_iov(struct call *c, struct pt_regs *r, int dir)
{
	c->dir = dir;
	c->src.kind = OE_SRC_IOV;
	c->src.ptr = ARG2(r);
	c->src.iov_cnt = ARG3(r) > 1024 ? 1024 : ARG3(r);
}

/* Which of the calls we care for is it? The cheap refusal comes first: this runs for all calls. */
static __always_inline bool classify(struct pt_regs *r, long ret, struct call *c)
{
	c->fd = ARG1(r);
	switch (NR(r)) {
	case NR_read:
		src_buf(c, r, OE_DIR_IN, 0);
		return ARG3(r) != 0;
	case NR_write:
		src_buf(c, r, OE_DIR_OUT, 0);
		return true;
	case NR_recvfrom:
		src_buf(c, r, OE_DIR_IN, ARG4(r));
		return ARG3(r) != 0;
	case NR_sendto:
		src_buf(c, r, OE_DIR_OUT, ARG4(r));
		return true;
	case NR_readv:
	case NR_preadv2:
		src_iov(c, r, OE_DIR_IN);
		return true;
	case NR_writev:
	case NR_pwritev2:
		src_iov(c, r, OE_DIR_OUT);
		return true;
	case NR_recvmsg:
	case NR_sendmsg:
		c->dir = NR(r) == NR_sendmsg ? OE_DIR_OUT : OE_DIR_IN;
		c->flags = ARG3(r);
		src_msg(&c->src, ARG2(r));
		return true;
	case NR_recvmmsg:
	case NR_sendmmsg:
		c->dir = NR(r) == NR_sendmmsg ? OE_DIR_OUT : OE_DIR_IN;
		c->flags = ARG4(r);
		c->src.ptr = ARG2(r);
		c->many = ret > 0 ? ret : 1;
		return true;
	case NR_sendfile:
		c->dir = OE_DIR_OUT;
		return true;
	case NR_splice: /* into a socket; the other way see oe_syscall_exit */
		c->fd = ARG3(r);
		c->dir = OE_DIR_OUT;
		return true;
	case NR_connect:
		c->role = OE_ROLE_CLIENT;
		return ret == 0 || ret == -EINPROGRESS;
	case NR_accept:
	case NR_accept4:
		c->fd = ret;
		c->role = OE_ROLE_SERVER;
		return ret >= 0;
	case NR_shutdown:
		c->shut = 1;
		return ret == 0 && ARG2(r) != SHUT_RD;
	}
	return false;
}

/* fd -> struct sock of the current process, by probe reads; NULL when it is no socket. */
static __always_inline struct sock *fd_sock(__u32 fd, __u64 *ret_ino)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files;
	struct fdtable *fdt;
	struct file **table, *file = NULL;
	struct inode *inode;
	struct socket *socket = NULL;
	struct sock *sk = NULL;
	unsigned long ino = 0;
	__u16 mode = 0;

	files = BPF_CORE_READ(task, files);
	fdt = BPF_CORE_READ(files, fdt);
	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	table = BPF_CORE_READ(fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), table + fd) || !file)
		return NULL;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode);
	if ((mode & S_IFMT) != S_IFSOCK)
		return NULL;
	bpf_core_read(&ino, sizeof(ino), &inode->i_ino);
	*ret_ino = ino;
	bpf_core_read(&socket, sizeof(socket), &file->private_data);
	bpf_core_read(&sk, sizeof(sk), &socket->sk);
	return sk;
}

/* One I/O of a selected socket; `sk` as a number, since it is only probe-read. */
struct io {
	__u64 sk;
	__u32 dir, ret, after, pad;
	struct oe_src src;
};

/*
 * Global, not static: verified once instead of at each call, which loads four times faster.
 * The state is looked up again, as a global function takes no map values.
 */
__noinline int oe_syscall_io(struct io *io)
{
	struct oe_src src;
	struct oe_sk *s;
	__u64 key;

	if (!io)
		return 0;
	key = io->sk;
	src = io->src;
	s = bpf_map_lookup_elem(&sk_hash, &key);
	if (s)
		oe_sock_data((struct sock *)key, s, io->dir, io->ret, io->after, &src,
			     bpf_get_current_task_btf(), false);
	return 0;
}

struct many_ctx {
	__u64 sk, vec;
	__u32 cnt, dir, left, pad;
};

/*
 * The offsets are read after the whole call: what the later messages moved must be
 * subtracted again. So first the sum, then one message after the other.
 */
static long many_sum(__u32 i, struct many_ctx *c)
{
	__u32 n = 0;

	if (i >= c->cnt)
		return 1;
	bpf_probe_read_user(&n, sizeof(n),
			    (void *)(c->vec + i * sizeof(struct mmsghdr) +
				     __builtin_offsetof(struct mmsghdr, msg_len)));
	c->left += n;
	return 0;
}

static long many_one(__u32 i, struct many_ctx *c)
{
	__u64 at = c->vec + i * sizeof(struct mmsghdr);
	struct io io = {.sk = c->sk, .dir = c->dir};

	if (i >= c->cnt)
		return 1;
	bpf_probe_read_user(&io.ret, sizeof(io.ret),
			    (void *)(at + __builtin_offsetof(struct mmsghdr, msg_len)));
	if (!io.ret)
		return 0;
	src_msg(&io.src, at);
	c->left -= io.ret;
	io.after = c->left;
	oe_syscall_io(&io);
	return 0;
}

static __always_inline int socket_call(struct call *c, long ret)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 ino = 0;
	struct sock *sk;
	struct oe_sk *s;

	sk = fd_sock(c->fd, &ino);
	if (!sk)
		return 0;
	s = oe_sk_selected(sk, tgid, false, ino);
	if (!s)
		return 0;
	if (c->role) {
		s->role = c->role;
		return 0;
	}
	if (c->shut) {
		/* TCP tells by its state change */
		__u16 family = OE_READ(false, sk->__sk_common.skc_family);

		if (family == OE_AF_UNIX && s->announced && !(s->closed & OE_CLOSE_OUT)) {
			s->closed |= OE_CLOSE_OUT;
			oe_close_event(s, OE_CLOSE_OUT, 0);
		}
		return 0;
	}
	if (oe_tls_gen)
		oe_tls_sock(sk, s, bpf_get_current_task_btf(), c->dir, ret, &c->src, false);
	if (s->tls)
		return 0;
	if (ret <= 0) {
		oe_sock_end(sk, s, c->dir, ret, false);
	} else if (c->many) {
		struct many_ctx m = {
			.sk = (__u64)sk, .vec = c->src.ptr, .cnt = c->many, .dir = c->dir};

		bpf_loop(OE_IOV_MAX, many_sum, &m, 0);
		bpf_loop(OE_IOV_MAX, many_one, &m, 0);
	} else {
		struct io io = {.sk = (__u64)sk, .dir = c->dir, .ret = ret, .src = c->src};

		if (c->dir == OE_DIR_IN && (c->flags & MSG_TRUNC))
			io.src.kind = OE_SRC_NONE;
		oe_syscall_io(&io);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(oe_syscall_exit, struct pt_regs *regs, long ret)
{
	struct call c = {};

	if (oe_surely_unselected(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (!classify(regs, ret, &c))
		return 0;
	if ((regs->cs & 0xffff) != USER_CS)
		return 0; /* 32-bit: other numbers; their bytes show as jumps of the offsets */
	if (c.dir == OE_DIR_IN && (c.flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_OOB)))
		return 0;
	socket_call(&c, ret);
	return 0;
}
