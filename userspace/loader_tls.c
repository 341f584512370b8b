/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the kernel has uprobe_multi links (Linux 6.6), one link holds all probes of a file; libbpf
 * 1.1 does not know them, so the system call is made here. Older kernels: one perf event per
 * site. Both go away with their file descriptors, whatever becomes of us.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "userspace/base/log.h"
#include "userspace/loader_priv.h"

/* <linux/bpf.h> of the build machine may be older than the kernel (89ae89f53d20, Linux 6.6) */
#define TRACE_UPROBE_MULTI 48

struct uprobe_multi_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, pad;
};

#define UPROBE_MULTI_RETURN 1

struct loader_tls_link {
	int fd[2];		 /* uprobe_multi, or -1: probes, return probes */
	struct bpf_link **links; /* perf events: cnt of them */
	uint32_t *sites;	 /* indexes in tls_sites */
	size_t cnt;
};

static int sys_bpf(int cmd, void *attr, size_t size)
{
	long fd = syscall(SYS_bpf, cmd, attr, size);

	return fd < 0 ? -errno : (int)fd;
}

static int multi_link(int prog, const char *path, const uint64_t *offsets, const uint64_t *cookies,
		      size_t cnt, bool returns)
{
	struct uprobe_multi_attr a = {.prog_fd = (uint32_t)prog,
				      .attach_type = TRACE_UPROBE_MULTI,
				      .path = (uintptr_t)path,
				      .offsets = (uintptr_t)offsets,
				      .cookies = (uintptr_t)cookies,
				      .cnt = (uint32_t)cnt,
				      .multi_flags = returns ? UPROBE_MULTI_RETURN : 0};

	return sys_bpf(BPF_LINK_CREATE, &a, sizeof(a));
}

/* Does the kernel know uprobe_multi? Asked with a program and a path that is no file. */
static bool have_multi(int prog)
{
	uint64_t zero = 0;
	int e = multi_link(prog, "/", &zero, &zero, 1, false);

	if (e >= 0)
		close(e);
	/* EBADF: it looked at the path and found no regular file */
	return e == -EBADF || e >= 0;
}

void loader_tls_start(struct loader *l)
{
	l->tls_multi = true;
	loader_part_start(l, &l->tls, "oe_tls_probe", TRACE_UPROBE_MULTI);
}

int loader_tls_prepare(struct loader *l, char err[256])
{
	int e;

	if (l->tls_ready)
		return 0;
	e = loader_part_join(&l->tls);
	if (!e && l->tls_multi && !have_multi(bpf_program__fd(loader_part_prog(&l->tls))))
		e = -ENOTSUP;
	if (e && l->tls_multi) {
		l->tls_multi = false;
		loader_part_close(&l->tls);
		loader_part_start(l, &l->tls, "oe_tls_probe", 0);
		e = loader_part_join(&l->tls);
	}
	if (!e) {
		l->tls_used = calloc(OE_TLS_SITES, 1);
		l->tls_ready = l->tls_used;
		e = l->tls_used ? 0 : -ENOMEM;
	}
	return e ? loader_error(e, err) : 0;
}

/* Enters the sites into the kernel's table; cookies[] are their places there. */
static int enter_sites(struct loader *l, const struct oe_site *sites, size_t cnt, uint32_t *ret_idx)
{
	int fd = bpf_map__fd(l->skel->maps.tls_sites);
	uint32_t gen = l->skel->bss->oe_tls_gen + 1;
	struct oe_site site;
	size_t have = 0;

	for (uint32_t i = 0; i < OE_TLS_SITES && have < cnt; i++) {
		if (l->tls_used[i])
			continue;
		site = sites[have];
		site.gen = gen;
		if (bpf_map_update_elem(fd, &i, &site, BPF_ANY))
			return -errno;
		ret_idx[have++] = i;
	}
	if (have < cnt)
		return -ENOSPC;
	for (size_t i = 0; i < cnt; i++)
		l->tls_used[ret_idx[i]] = 1;
	return 0;
}

static int attach_perf(struct loader *l, struct loader_tls_link *k, const char *path,
		       const struct oe_site *sites, const uint64_t *offsets)
{
	struct bpf_program *p = loader_part_prog(&l->tls);

	k->links = calloc(k->cnt, sizeof(struct bpf_link *));
	if (!k->links)
		return -ENOMEM;
	for (size_t i = 0; i < k->cnt; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = k->sites[i],
			    .retprobe = sites[i].flags & OE_SITE_RETURN);

		k->links[i] = bpf_program__attach_uprobe_opts(p, -1, path, offsets[i], &opts);
		if (!k->links[i])
			return -errno;
	}
	return 0;
}

/* One link for the probes, one for the return probes, if there are any. */
static int attach_multi(struct loader *l, struct loader_tls_link *k, const char *path,
			const struct oe_site *sites, const uint64_t *offsets)
{
	uint64_t *cookies = calloc(2 * k->cnt, sizeof(*cookies)), *offs;
	int err = 0;

	if (!cookies)
		return -ENOMEM;
	offs = cookies + k->cnt;
	for (int returns = 0; returns < 2 && !err; returns++) {
		size_t n = 0;

		for (size_t i = 0; i < k->cnt; i++) {
			if (!!(sites[i].flags & OE_SITE_RETURN) != returns)
				continue;
			cookies[n] = k->sites[i];
			offs[n++] = offsets[i];
		}
		if (n)
			err = k->fd[returns] =
				multi_link(bpf_program__fd(loader_part_prog(&l->tls)), path, offs,
					   cookies, n, returns);
		if (err > 0)
			err = 0;
	}
	free(cookies);
	return err;
}

static int attach(struct loader *l, struct loader_tls_link *k, int fd, const struct oe_site *sites,
		  const uint64_t *offsets)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	return l->tls_multi ? attach_multi(l, k, path, sites, offsets)
			    : attach_perf(l, k, path, sites, offsets);
}

struct loader_tls_link *loader_tls_attach(struct loader *l, int fd, const struct oe_site *sites,
					  const uint64_t *offsets, size_t cnt, char err[256])
{
	struct loader_tls_link *k = calloc(1, sizeof(*k));
	int e = k ? loader_tls_prepare(l, err) : loader_error(-ENOMEM, err);

	if (e) {
		free(k);
		return NULL;
	}
	k->fd[0] = k->fd[1] = -1;
	k->sites = calloc(cnt, sizeof(*k->sites));
	e = k->sites ? enter_sites(l, sites, cnt, k->sites) : -ENOMEM;
	if (!e) {
		k->cnt = cnt;
		e = attach(l, k, fd, sites, offsets);
	}
	if (e) {
		if (e == -EPERM || e == -EACCES)
			snprintf(err, 256, "not allowed to attach uprobes: %s",
				 l->tls_multi
					 ? "CAP_BPF and CAP_PERFMON are needed"
					 : "this kernel has no uprobe_multi links (Linux 6.6), "
					   "so CAP_SYS_ADMIN is needed");
		else if (e == -ENOSPC)
			snprintf(err, 256, "more than %d probes in TLS libraries", OE_TLS_SITES);
		else
			snprintf(err, 256, "cannot attach uprobes: %s", strerror(-e));
		loader_tls_detach(l, k);
		return NULL;
	}
	l->skel->bss->oe_tls_gen++;
	for (size_t i = 0; i < cnt; i++)
		if (sites[i].fn >= OE_TLS_GO_READ)
			l->skel->bss->oe_tls_go_on = 1;
	return k;
}

void loader_tls_detach(struct loader *l, struct loader_tls_link *k)
{
	if (!k)
		return;
	for (int i = 0; i < 2; i++)
		if (k->fd[i] >= 0)
			close(k->fd[i]);
	for (size_t i = 0; k->links && i < k->cnt; i++)
		bpf_link__destroy(k->links[i]);
	for (size_t i = 0; i < k->cnt; i++)
		l->tls_used[k->sites[i]] = 0;
	free(k->links);
	free(k->sites);
	free(k);
}

const char *loader_tls_kind(const struct loader *l)
{
	return !l->tls_ready ? "" : l->tls_multi ? "uprobe.multi" : "perf events";
}

void loader_tls_close(struct loader *l)
{
	loader_part_close(&l->tls);
	free(l->tls_used);
	l->tls_used = NULL;
	l->tls_ready = false;
}
