/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/feat.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static bool have_cap(cap_t caps, cap_value_t c)
{
	cap_flag_value_t v = CAP_CLEAR;

	return caps && !cap_get_flag(caps, c, CAP_EFFECTIVE, &v) && v == CAP_SET;
}

/* A BTF-typed tracepoint exists when the kernel's BTF holds the typedef of its callback. */
static bool have_tp(const struct btf *btf, const char *name)
{
	char type[128];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static void read_lockdown(char out[32])
{
	char text[128] = "", *open, *end;
	int fd = open64("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);

	snprintf(out, 32, "unknown");
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && (open = strchr(text, '[')) &&
	    (end = strchr(open, ']'))) {
		*end = 0;
		snprintf(out, 32, "%.31s", open + 1);
	}
	close(fd);
}

/* The smallest program of the kind we live by: tp_btf on sched_process_exit, `return 0`. */
static int try_load(const struct btf *btf)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int fd, id = btf__find_by_name_kind(btf, "btf_trace_sched_process_exit", BTF_KIND_TYPEDEF);

	if (id < 0)
		return ENOENT;
	opts.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "oe_feat", "GPL", insns, 2, &opts);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

void feat_probe(struct feat *ret)
{
	libbpf_print_fn_t old = libbpf_set_print(quiet);
	struct utsname un;
	struct btf *btf;
	cap_t caps;

	memset(ret, 0, sizeof(*ret));
	if (!uname(&un))
		snprintf(ret->release, sizeof(ret->release), "%s", un.release);
	read_lockdown(ret->lockdown);
	caps = cap_get_proc();
	ret->cap_bpf = have_cap(caps, CAP_BPF);
	ret->cap_perfmon = have_cap(caps, CAP_PERFMON);
	ret->cap_sys_admin = have_cap(caps, CAP_SYS_ADMIN);
	ret->cap_sys_ptrace = have_cap(caps, CAP_SYS_PTRACE);
	ret->cap_dac_read_search = have_cap(caps, CAP_DAC_READ_SEARCH);
	cap_free(caps);
	btf = btf__load_vmlinux_btf();
	if (btf && !libbpf_get_error(btf)) {
		ret->btf = true;
		ret->sock_length =
			have_tp(btf, "sock_send_length") && have_tp(btf, "sock_recv_length");
		ret->set_state = have_tp(btf, "inet_sock_set_state");
		ret->sys_exit = have_tp(btf, "sys_exit");
		ret->sched = have_tp(btf, "sched_process_fork") &&
			     have_tp(btf, "sched_process_exec") &&
			     have_tp(btf, "sched_process_exit");
		ret->load_err = try_load(btf);
		ret->load_ok = !ret->load_err;
		btf__free(btf);
	} else {
		ret->load_err = ENOENT;
	}
	if (ret->cap_bpf || ret->cap_sys_admin) {
		ret->ringbuf = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) > 0;
		ret->sk_storage = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, NULL) > 0;
		ret->task_storage = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) > 0;
	}
	libbpf_set_print(old);
}
