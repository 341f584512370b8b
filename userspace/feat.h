/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_FEAT_H
#define OE_FEAT_H
/* What this kernel and this process can do, found by looking, never by version numbers. */
#include <stdbool.h>

struct feat {
	bool btf;	  /* /sys/kernel/btf/vmlinux */
	bool sock_length; /* tracepoints sock_send_length and sock_recv_length */
	bool set_state;	  /* tracepoint inet_sock_set_state */
	bool sys_exit;	  /* raw tracepoint sys_exit with BTF */
	bool sched;	  /* sched_process_fork, _exec, _exit */
	bool ringbuf, sk_storage, task_storage; /* map types */
	bool cap_bpf, cap_perfmon, cap_sys_admin, cap_sys_ptrace,
		cap_dac_read_search; /* effective */
	bool load_ok;		     /* a minimal program of the kind we use was loaded */
	int load_err;		     /* errno of that, 0 = fine */
	char lockdown[32];	     /* "none", "integrity", "confidentiality", "unknown" */
	char release[65];	     /* uname -r, for people */
};

/* Never fails: what cannot be found out is false. */
void feat_probe(struct feat *ret);

#endif
