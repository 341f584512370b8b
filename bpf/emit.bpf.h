/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_EMIT_BPF_H
#define OE_EMIT_BPF_H
/* Sending records, and counting those that could not be sent. */
#include "bpf/maps.bpf.h"

static __always_inline struct oe_stats *oe_stats(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&stats, &zero);
}

#define OE_COUNT(st, field, n)                                                                     \
	do {                                                                                       \
		if (st)                                                                            \
			(st)->field += (n);                                                        \
	} while (0)

/*
 * Waking the consumer for every record costs 20 times the record; never waking leaves it to
 * its timer. So: every 32nd record of a CPU looks at the fill level.
 */
static __always_inline __u64 oe_wakeup_flags(struct oe_scratch *s)
{
	if ((++s->emitted & 31) == 0 &&
	    bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= oe_wakeup_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* A small record other than data; `rec` is complete and zeroed where unused. */
static __always_inline long oe_emit_aux_flags(void *rec, __u32 size, __u64 flags)
{
	struct oe_stats *st = oe_stats();
	long err = bpf_ringbuf_output(&events, rec, size, flags);

	if (err)
		OE_COUNT(st, aux_dropped, 1);
	else
		OE_COUNT(st, aux_emitted, 1);
	return err;
}

static __always_inline long oe_emit_aux(void *rec, __u32 size)
{
	return oe_emit_aux_flags(rec, size, BPF_RB_NO_WAKEUP);
}

#endif
