/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_SITE_BPF_H
#define OE_SITE_BPF_H
/* Reading what a struct oe_site describes, at a probe. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "bpf/tls.h"

/* struct pt_regs of the probe as numbers: see tls.h */
#if defined(__TARGET_ARCH_x86)
#define REG_CNT	  21
#define REG_GO_G  1 /* r14 */
#define REG_FLAGS 18
#define REG_SP	  19
#elif defined(__TARGET_ARCH_arm64)
#define REG_CNT	  34
#define REG_GO_G  28
#define REG_FLAGS 33
#define REG_SP	  31
#endif

struct regs {
	__u64 r[REG_CNT];
};

static __noinline __u64 value_of(const struct regs *regs, const struct oe_val *v)
{
	__u32 idx;
	__u64 r = 0;
	__s32 small = 0;

	if (!regs || !v)
		return 0;
	idx = v->reg;
	if (idx >= REG_CNT)
		return 0;
	r = regs->r[idx];
	switch (v->kind) {
	case OE_VAL_REG:
		return r;
	case OE_VAL_REG4:
		return (__s64)(__s32)r;
	case OE_VAL_MEM:
		bpf_probe_read_user(&r, sizeof(r), (void *)(r + v->off));
		return r;
	case OE_VAL_MEM4:
		bpf_probe_read_user(&small, sizeof(small), (void *)(r + v->off));
		return (__s64)small;
	}
	return 0;
}

/* Does the branch at the site get taken? */
static __noinline int taken(__u64 flags, __u32 cc)
{
#if defined(__TARGET_ARCH_x86)
	bool cf = flags & 1, pf = flags & 4, zf = flags & 0x40, sf = flags & 0x80,
	     of = flags & 0x800, yes = false;

	switch (cc >> 1 & 7) {
	case 0:
		yes = of;
		break;
	case 1:
		yes = cf;
		break;
	case 2:
		yes = zf;
		break;
	case 3:
		yes = cf || zf;
		break;
	case 4:
		yes = sf;
		break;
	case 5:
		yes = pf;
		break;
	case 6:
		yes = sf != of;
		break;
	case 7:
		yes = zf || sf != of;
		break;
	}
#else
	bool n = flags >> 31 & 1, z = flags >> 30 & 1, c = flags >> 29 & 1, v = flags >> 28 & 1,
	     yes = false;

	switch (cc >> 1 & 7) {
	case 0:
		yes = z;
		break;
	case 1:
		yes = c;
		break;
	case 2:
		yes = n;
		break;
	case 3:
		yes = v;
		break;
	case 4:
		yes = c && !z;
		break;
	case 5:
		yes = n == v;
		break;
	case 6:
		yes = n == v && !z;
		break;
	case 7:
		return true;
	}
#endif
	return yes != (cc & 1);
}

#endif
