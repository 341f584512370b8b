/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_GATHER_BPF_H
#define OE_GATHER_BPF_H
/* Where the bytes of an I/O stand, and copying them into the scratch. */
#include "bpf/maps.bpf.h"

#define OE_IOV_MAX 1024 /* UIO_MAXIOV: buffers of one call */

/* Where the bytes of an I/O stand in the memory of the current process. */
#define OE_SRC_NONE 0
#define OE_SRC_BUF  1
#define OE_SRC_IOV  2
struct oe_src {
	__u32 kind;
	__u32 iov_cnt;
	__u64 ptr;
};

/* One I/O for those who follow messages: what its records need. */
struct oe_io_arg {
	__u64 off;
	__u32 key; /* of the scratch where the record's head stands */
	__u32 len;
	__u32 flags; /* of each record */
	__u32 pad;
};

struct oe_gather_ctx {
	struct oe_scratch *b;
	__u64 iov; /* user address of the array */
	__u32 cnt, have, want, fault;
};

/* One buffer of several; a callback, since unrolled loops over buffers overwhelm the verifier. */
static long oe_gather_one(__u32 i, struct oe_gather_ctx *c)
{
	__u32 have = c->have, left = c->want - c->have, n;
	struct iovec iov;

	if (i >= c->cnt || have >= c->want)
		return 1;
	if (bpf_probe_read_user(&iov, sizeof(iov), (void *)(c->iov + i * sizeof(iov)))) {
		c->fault = 1;
		return 1;
	}
	n = iov.iov_len > left ? left : iov.iov_len;
	/* the two bounds hold anyhow; here for the verifier */
	if (n > OE_CAP_LIMIT || have > OE_CAP_LIMIT)
		return 1;
	if (bpf_probe_read_user(c->b->payload + have, n, iov.iov_base)) {
		c->fault = 1;
		return 1;
	}
	c->have = have + n;
	return 0;
}

/* Copies up to `want` bytes of the I/O into the scratch; returns how many. */
static __always_inline __u32 oe_gather(struct oe_scratch *b, const struct oe_src *src, __u32 want,
				       bool *ret_fault)
{
	struct oe_gather_ctx c = {.b = b, .iov = src->ptr, .cnt = src->iov_cnt, .want = want};

	if (want > OE_CAP_LIMIT)
		return 0;
	if (src->kind == OE_SRC_BUF) {
		if (bpf_probe_read_user(b->payload, want, (void *)src->ptr)) {
			*ret_fault = true;
			return 0;
		}
		return want;
	}
	bpf_loop(OE_IOV_MAX, oe_gather_one, &c, 0);
	*ret_fault = c.fault;
	return c.have;
}

#endif
