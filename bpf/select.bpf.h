/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_SELECT_BPF_H
#define OE_SELECT_BPF_H
/*
 * Is the current process selected? The table of processes decides; the other
 * selectors put a process into it the first time it is met. The daemon never is.
 */
#include "bpf/emit.bpf.h"

static __always_inline bool oe_port_matches(__u16 port)
{
	for (int i = 0; i < OE_PORTS_MAX; i++) {
		if (i >= oe_port_cnt)
			break;
		if (port >= oe_port_lo[i] && port <= oe_port_hi[i])
			return true;
	}
	return false;
}

static __always_inline bool oe_cgroup_matches(void)
{
	for (int i = 0; i < OE_CGROUPS_MAX; i++) {
		if (i >= oe_cgroup_cnt)
			break;
		if (bpf_get_current_ancestor_cgroup_id(oe_cgroup_level[i]) == oe_cgroup_id[i])
			return true;
	}
	return false;
}

/* Nothing but the table decides: what is not in it need not be looked at any further. */
static __always_inline bool oe_surely_unselected(__u32 tgid)
{
	return !oe_select_all && !oe_cgroup_cnt && !oe_port_cnt && !oe_pid_get(tgid);
}

/* Remembered, so that its children, its exec and its exit are noticed, and its TLS libraries. */
static __noinline int oe_pid_met(__u32 tgid)
{
	struct oe_proc rec = {
		.hdr = {.type = OE_EV_PROC, .len = sizeof(rec), .ts_ns = bpf_ktime_get_boot_ns()},
		.what = OE_PROC_SELECTED,
		.tgid = tgid,
	};

	oe_pid_set(tgid);
	bpf_get_current_comm(rec.comm, sizeof(rec.comm));
	return oe_emit_aux_flags(&rec, sizeof(rec), BPF_RB_FORCE_WAKEUP);
}

/* lport, rport: of the socket at hand, host order; 0 = none */
static __always_inline bool oe_selected(__u32 tgid, __u16 lport, __u16 rport)
{
	if (tgid == oe_self_tgid)
		return false;
	if (oe_pid_get(tgid))
		return true;
	if (!oe_select_all && !(oe_cgroup_cnt && oe_cgroup_matches()) &&
	    !(oe_port_cnt && (oe_port_matches(lport) || oe_port_matches(rport))))
		return false;
	oe_pid_met(tgid);
	return true;
}

#endif
