/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/base/log.h"
#include "userspace/feat.h"
#include "userspace/loader_priv.h"

#define SK_HASH_MAX 16384

enum prog_group { GROUP_PROC, GROUP_IO };

/* Which program belongs to which backend; `hooks` HOOKS_AUTO = to all. */
static const struct {
	const char *name;
	enum prog_group group;
	enum hooks hooks;
	bool big; /* loaded on the side, see loader_part.c */
} prog_table[] = {
	{"oe_proc_fork", GROUP_PROC, HOOKS_AUTO, false},
	{"oe_proc_exec", GROUP_PROC, HOOKS_AUTO, false},
	{"oe_proc_exit", GROUP_PROC, HOOKS_AUTO, false},
	{"oe_conn_state", GROUP_IO, HOOKS_SOCK, false},
	{"oe_sock_send", GROUP_IO, HOOKS_SOCK, true},
	{"oe_sock_recv", GROUP_IO, HOOKS_SOCK, true},
	{"oe_conn_state_hash", GROUP_IO, HOOKS_SYSCALL, false},
	{"oe_syscall_exit", GROUP_IO, HOOKS_SYSCALL, true},
};
#define PROG_CNT (sizeof(prog_table) / sizeof(prog_table[0]))
_Static_assert(PROG_CNT <= LOADER_PROGS_MAX, "room for each program's link");

static char libbpf_said[256]; /* the first failure, for the one line of an error */

static int libbpf_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];
	va_list copy;

	/* a verifier's log is long and for developers: as it comes */
	if (log_get_level() >= LOG_DEBUG && level == LIBBPF_WARN) {
		va_copy(copy, ap);
		vfprintf(stderr, fmt, copy);
		va_end(copy);
	}
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	if (level == LIBBPF_WARN && strstr(line, "failed")) {
		static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* loader_part.c */

		pthread_mutex_lock(&lock);
		if (!libbpf_said[0])
			snprintf(libbpf_said, sizeof(libbpf_said), "%.255s", line);
		pthread_mutex_unlock(&lock);
	}
	return 0;
}

/* Depth of a directory below the cgroup v2 mount that holds it, and its id. */
static int cgroup_resolve(const char *path, uint64_t *ret_id, uint32_t *ret_level, char err[256])
{
	struct {
		struct file_handle h;
		uint64_t id;
	} fh = {.h.handle_bytes = sizeof(uint64_t)};
	char dir[4096], *slash;
	struct stat st;
	int mnt, parent_mnt;
	uint32_t level = 0;

	if (!realpath(path, dir)) {
		snprintf(err, 256, "--cgroup %s: %s", path, strerror(errno));
		return -ENOENT;
	}
	if (name_to_handle_at(AT_FDCWD, dir, &fh.h, &mnt, 0)) {
		snprintf(err, 256, "--cgroup %s: not a cgroup v2 directory (%s)", path,
			 strerror(errno));
		return -EINVAL;
	}
	*ret_id = fh.id;
	snprintf(dir + strlen(dir), sizeof(dir) - strlen(dir), "/cgroup.procs");
	if (stat(dir, &st)) {
		snprintf(err, 256,
			 "--cgroup %s: not a cgroup v2 directory (it has no cgroup.procs)", path);
		return -EINVAL;
	}
	*strrchr(dir, '/') = 0;
	/* climb to the mount's root: its parent lies on another mount */
	for (;;) {
		slash = strrchr(dir, '/');
		if (!slash || slash == dir)
			break;
		*slash = 0;
		fh.h.handle_bytes = sizeof(uint64_t);
		if (name_to_handle_at(AT_FDCWD, dir, &fh.h, &parent_mnt, 0) || parent_mnt != mnt)
			break;
		level++;
	}
	*ret_level = level;
	return 0;
}

static int set_knobs(struct loader *l, const struct loader_config *cfg, char err[256])
{
	struct otel_ebpf_bpf *s = l->skel;
	int e;

	s->rodata->oe_self_tgid = (uint32_t)getpid();
	s->rodata->oe_cpus = (uint32_t)l->cpus;
	s->rodata->oe_cap_max = cfg->capture_bytes;
	if (cfg->capture_bytes < s->rodata->oe_cap_tail)
		s->rodata->oe_cap_tail = cfg->capture_bytes;
	s->rodata->oe_wakeup_bytes = (uint32_t)(cfg->ring_bytes / 8);
	s->rodata->oe_select_all = cfg->select_all;
	s->rodata->oe_db_server = cfg->db_server;
	s->rodata->oe_kafka_broker = cfg->kafka_broker;
	s->rodata->oe_exec_events = cfg->exec_events;
	s->rodata->oe_use_sk_hash = l->hooks == HOOKS_SYSCALL;
	s->rodata->oe_port_cnt = cfg->port_cnt;
	for (uint32_t i = 0; i < cfg->port_cnt; i++) {
		s->rodata->oe_port_lo[i] = cfg->ports[i].lo;
		s->rodata->oe_port_hi[i] = cfg->ports[i].hi;
	}
	s->rodata->oe_cgroup_cnt = cfg->cgroup_cnt;
	for (uint32_t i = 0; i < cfg->cgroup_cnt; i++) {
		uint64_t id;
		uint32_t level;

		e = cgroup_resolve(cfg->cgroups[i], &id, &level, err);
		if (e)
			return e;
		s->rodata->oe_cgroup_id[i] = id;
		s->rodata->oe_cgroup_level[i] = level;
	}
	return 0;
}

static int set_maps(struct loader *l, const struct loader_config *cfg)
{
	struct otel_ebpf_bpf *s = l->skel;
	bool hash = l->hooks == HOOKS_SYSCALL;
	uint32_t tls = cfg->tls_connections ? cfg->tls_connections : 1;
	int err;

	err = bpf_map__set_max_entries(s->maps.events, (uint32_t)cfg->ring_bytes);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.scratch,
					       OE_SCRATCHES_MAX * (uint32_t)l->cpus);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.sk_hash, hash ? SK_HASH_MAX : 1);
	if (!err)
		err = bpf_map__set_autocreate(s->maps.sk_hash, hash);
	if (!err)
		err = bpf_map__set_autocreate(s->maps.sk_store, !hash);
	if (!err)
		err = bpf_map__set_autocreate(s->maps.mmsg_store, !hash);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.tls_conns, tls);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.tls_gos, tls);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.tls_closing, tls);
	if (!err)
		err = bpf_map__set_max_entries(s->maps.tls_sites,
					       cfg->tls_connections ? OE_TLS_SITES : 1);
	return err;
}

static int ring_record(void *ctx, void *data, size_t len)
{
	struct loader *l = ctx;

	l->cb(l->cb_ctx, data, len);
	return 0;
}

int loader_error(int e, char err[256])
{
	if (e == -EPERM)
		snprintf(err, 256,
			 "not allowed to load BPF programs: run as root, or with CAP_BPF and "
			 "CAP_PERFMON "
			 "(`otel-ebpf doctor` says what is missing)");
	else
		snprintf(err, 256,
			 "cannot load BPF programs: %s (%.120s); `otel-ebpf doctor` says what this "
			 "kernel lacks",
			 strerror(-e), libbpf_said[0] ? libbpf_said : "no more is known");
	return e;
}

static bool wanted(const struct loader *l, size_t i)
{
	return prog_table[i].hooks == HOOKS_AUTO || prog_table[i].hooks == l->hooks;
}

/* The big programs, all at a time; that for TLS libraries goes on while others wait for it. */
static int load_parts(struct loader *l, bool tls)
{
	int err = 0;

	for (size_t i = 0; i < PROG_CNT; i++)
		if (wanted(l, i) && prog_table[i].big)
			loader_part_start(l, &l->parts[i], prog_table[i].name, 0);
	if (tls)
		loader_tls_start(l);
	for (size_t i = 0; i < PROG_CNT; i++) {
		int e = l->parts[i].name ? loader_part_join(&l->parts[i]) : 0;

		err = err ? err : e;
	}
	return err;
}

/* The loaded program of row i; NULL: not of this backend. */
static struct bpf_program *program(const struct loader *l, size_t i)
{
	if (!wanted(l, i))
		return NULL;
	return prog_table[i].big
		       ? loader_part_prog(&l->parts[i])
		       : bpf_object__find_program_by_name(l->skel->obj, prog_table[i].name);
}

int loader_open(const struct loader_config *cfg, struct loader **ret, char err[256])
{
	struct loader *l;
	struct feat f;
	int e;

	libbpf_set_print(libbpf_print);
	feat_probe(&f);
	if (!f.btf) {
		snprintf(err, 256,
			 "this kernel has no BTF (/sys/kernel/btf/vmlinux): a kernel with "
			 "CONFIG_DEBUG_INFO_BTF is needed");
		return -ENOTSUP;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return loader_error(-ENOMEM, err);
	l->hooks = cfg->hooks;
	if (l->hooks == HOOKS_AUTO)
		l->hooks = f.sock_length ? HOOKS_SOCK : HOOKS_SYSCALL;
	if (l->hooks == HOOKS_SOCK && !f.sock_length) {
		snprintf(err, 256,
			 "--hooks sock: this kernel has no sock_send_length tracepoint (Linux "
			 "6.3); use --hooks syscall");
		e = -ENOTSUP;
		goto out;
	}
	l->cpus = libbpf_num_possible_cpus();
	if (l->cpus < 1)
		l->cpus = 1;
	l->skel = otel_ebpf_bpf__open();
	if (!l->skel) {
		e = loader_error(-errno, err);
		goto out;
	}
	e = set_knobs(l, cfg, err);
	if (e)
		goto out;
	e = set_maps(l, cfg);
	if (e) {
		loader_error(e, err);
		goto out;
	}
	bpf_program__set_autoload(l->skel->progs.oe_tls_probe, false);
	for (size_t i = 0; i < PROG_CNT; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(l->skel->obj, prog_table[i].name),
			wanted(l, i) && !prog_table[i].big);
	e = otel_ebpf_bpf__load(l->skel);
	if (!e)
		e = load_parts(l, cfg->tls_connections);
	if (e) {
		loader_error(e, err);
		goto out;
	}
	l->ring = ring_buffer__new(bpf_map__fd(l->skel->maps.events), ring_record, l, NULL);
	if (!l->ring) {
		e = loader_error(-errno, err);
		goto out;
	}
	*ret = l;
	return 0;
out:
	loader_close(l);
	return e;
}

static int attach_group(struct loader *l, enum prog_group group, char err[256])
{
	for (size_t i = 0; i < PROG_CNT; i++) {
		struct bpf_program *p;

		if (prog_table[i].group != group)
			continue;
		p = program(l, i);
		if (!p || l->links[i])
			continue;
		l->links[i] = bpf_program__attach(p);
		if (!l->links[i]) {
			int e = -errno;

			snprintf(err, 256, "cannot attach %s: %s", prog_table[i].name,
				 strerror(-e));
			return e;
		}
	}
	return 0;
}

int loader_attach_proc(struct loader *l, char err[256])
{
	return attach_group(l, GROUP_PROC, err);
}

int loader_attach_io(struct loader *l, char err[256])
{
	int e = attach_group(l, GROUP_IO, err);

	if (!e)
		l->skel->bss->oe_on = 1;
	return e;
}

void loader_pause(struct loader *l)
{
	l->skel->bss->oe_on = 0;
}

void loader_detach(struct loader *l)
{
	for (size_t i = 0; i < PROG_CNT; i++) {
		bpf_link__destroy(l->links[i]);
		l->links[i] = NULL;
	}
}

void loader_close(struct loader *l)
{
	if (!l)
		return;
	loader_detach(l);
	loader_tls_close(l);
	for (size_t i = 0; i < PROG_CNT; i++)
		loader_part_close(&l->parts[i]);
	ring_buffer__free(l->ring);
	otel_ebpf_bpf__destroy(l->skel);
	free(l);
}

/* The word of a process in the table, which is mapped into our memory. */
static uint64_t *pid_word(const struct loader *l, pid_t pid)
{
	return (uint64_t *)&l->skel->bss->oe_pid_bits[(uint32_t)pid >> 6 & 0xffff];
}

void loader_select(struct loader *l, pid_t pid)
{
	__atomic_fetch_or(pid_word(l, pid), 1ULL << (pid & 63), __ATOMIC_RELAXED);
}

void loader_deselect(struct loader *l, pid_t pid)
{
	__atomic_fetch_and(pid_word(l, pid), ~(1ULL << (pid & 63)), __ATOMIC_RELAXED);
	l->skel->data->oe_generation++;
}

bool loader_selected(const struct loader *l, pid_t pid)
{
	return __atomic_load_n(pid_word(l, pid), __ATOMIC_RELAXED) >> (pid & 63) & 1;
}

int loader_ring_fd(const struct loader *l)
{
	return ring_buffer__epoll_fd(l->ring);
}

int loader_drain(struct loader *l, source_cb cb, void *ctx)
{
	l->cb = cb;
	l->cb_ctx = ctx;
	return ring_buffer__consume(l->ring);
}

struct missed_sum {
	uint64_t missed;
};

static void add_missed(void *ctx, const char *name, uint64_t run_ns, uint64_t run_cnt,
		       uint64_t missed)
{
	struct missed_sum *sum = ctx;

	sum->missed += missed;
}

void loader_stats(const struct loader *l, struct loader_stats *ret)
{
	struct missed_sum sum = {0};
	struct oe_stats *per_cpu;
	uint32_t zero = 0;

	memset(ret, 0, sizeof(*ret));
	per_cpu = calloc((size_t)l->cpus, sizeof(*per_cpu));
	if (per_cpu && !bpf_map_lookup_elem(bpf_map__fd(l->skel->maps.stats), &zero, per_cpu)) {
		for (int c = 0; c < l->cpus; c++) {
			const uint64_t *from = (const uint64_t *)&per_cpu[c];
			uint64_t *to = (uint64_t *)&ret->k;

			for (size_t i = 0; i < sizeof(ret->k) / sizeof(*to); i++)
				to[i] += from[i];
		}
	}
	free(per_cpu);
	loader_each_prog(l, add_missed, &sum);
	ret->missed = sum.missed;
}

const char *loader_hooks(const struct loader *l)
{
	return l->hooks == HOOKS_SOCK ? "sock" : "syscall";
}

void loader_each_prog(const struct loader *l,
		      void (*fn)(void *ctx, const char *name, uint64_t run_ns, uint64_t run_cnt,
				 uint64_t missed),
		      void *ctx)
{
	for (size_t i = 0; i < PROG_CNT; i++) {
		struct bpf_program *p = program(l, i);
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);

		if (p && bpf_program__fd(p) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len))
			fn(ctx, prog_table[i].name, info.run_time_ns, info.run_cnt,
			   info.recursion_misses);
	}
}
