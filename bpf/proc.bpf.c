/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Births, changes and deaths of processes: keeps the table of selected ones true without polling.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/select.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void report(__u32 what, struct task_struct *task, __u32 tgid, __u32 ptgid)
{
	struct oe_proc rec = {
		.hdr = {.type = OE_EV_PROC, .len = sizeof(rec), .ts_ns = bpf_ktime_get_boot_ns()},
		.what = what,
		.tgid = tgid,
		.ptgid = ptgid,
	};

	bpf_probe_read_kernel_str(rec.comm, sizeof(rec.comm), task->comm);
	/* a new program may have to be selected before its first request */
	oe_emit_aux_flags(&rec, sizeof(rec),
			  what == OE_PROC_EXEC && oe_exec_events ? BPF_RB_FORCE_WAKEUP
								 : BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(oe_proc_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = child->tgid, ptgid = parent->tgid;

	if (tgid == ptgid || !oe_pid_get(ptgid))
		return 0;
	oe_pid_set(tgid);
	report(OE_PROC_FORK, child, tgid, ptgid);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(oe_proc_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u32 tgid = task->tgid;

	if (oe_exec_events || oe_pid_get(tgid))
		report(OE_PROC_EXEC, task, tgid, 0);
	/* before it loads its TLS library: the kernel's selectors do not wait for a socket */
	if ((oe_select_all || oe_cgroup_cnt) && tgid != oe_self_tgid && !oe_pid_get(tgid) &&
	    (oe_select_all || oe_cgroup_matches()))
		oe_pid_met(tgid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(oe_proc_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	/* only the last thread's exit is the process's */
	if (task->signal->live.counter > 0)
		return 0;
	if (!oe_pid_get(tgid))
		return 0;
	oe_pid_clear(tgid);
	report(OE_PROC_EXIT, task, tgid, 0);
	return 0;
}
