/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/tls_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "userspace/base/clock.h"
#include "userspace/base/log.h"
#include "userspace/tls_plan.h"

#define FILES_MAX   512u
#define SEEN_MAX    65536u
#define FILE_IDLE_S 60u

struct tls_file tls_nothing;

void tls_files_init(struct tls_files *t, struct loader *l, bool uretprobes)
{
	memset(t, 0, sizeof(*t));
	t->loader = l;
	t->uretprobes = uretprobes;
	hashmap_init(&t->seen, SEEN_MAX);
}

/* A number that a deleted file's successor in the same inode does not have. */
static int identify(int fd, uint64_t *ret_id)
{
	struct stat st;
	uint64_t parts[4];

	if (fstat(fd, &st))
		return -errno;
	parts[0] = st.st_dev;
	parts[1] = st.st_ino;
	parts[2] = (uint64_t)st.st_size;
	parts[3] = (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	*ret_id = hash_bytes(parts, sizeof(parts), 0);
	return 0;
}

/* The sites of all functions of a plan, each place once. Returns how many. */
static size_t gather_sites(const struct tls_plan *p, struct oe_site *sites, uint64_t *offsets,
			   size_t max, unsigned int *ret_slow)
{
	size_t n = 0;

	*ret_slow = 0;
	for (size_t i = 0; i < p->func_cnt; i++) {
		for (size_t k = 0; k < p->funcs[i].set.cnt; k++) {
			const struct site *s = &p->funcs[i].set.sites[k];
			size_t j = 0;

			while (j < n && (offsets[j] != s->offset || sites[j].fn != s->k.fn ||
					 (sites[j].flags ^ s->k.flags) & OE_SITE_EXIT))
				j++;
			if (j < n || n == max)
				continue;
			sites[n] = s->k;
			offsets[n++] = s->offset;
			*ret_slow += s->cost != SITE_CHEAP;
		}
	}
	return n;
}

static struct loader_tls_link *attach_plan(struct tls_files *t, int fd, const struct tls_plan *p,
					   const char *path)
{
	struct oe_site sites[TLS_PLAN_FUNCS * SITES_MAX];
	uint64_t offsets[TLS_PLAN_FUNCS * SITES_MAX];
	struct loader_tls_link *link;
	unsigned int slow;
	char err[256];
	size_t n;

	if (!p->usable) {
		log_warn("%s: %s cannot be probed; `otel-ebpf doctor --pid N` says why", path,
			 p->lib->name);
		return NULL;
	}
	n = gather_sites(p, sites, offsets, TLS_PLAN_FUNCS * SITES_MAX, &slow);
	link = loader_tls_attach(t->loader, fd, sites, offsets, n, err);
	if (link)
		log_info("TLS: %s%s%s in %s: %zu probes, %u of them single-stepped", p->lib->name,
			 p->version[0] ? " " : "", p->version, path, n, slow);
	else
		log_warn("TLS: %s in %s: %s", p->lib->name, path, err);
	return link;
}

static struct tls_file *examine(struct tls_files *t, int fd, const char *path, uint64_t id)
{
	struct tls_plan *plan = NULL;
	struct tls_file *f;
	int err = tls_plan_make(fd, t->uretprobes, &plan);

	if (err)
		return err == -ENOENT || err == -ENOEXEC ? &tls_nothing : NULL;
	f = t->cnt < FILES_MAX ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		if (!t->full_said)
			log_warn("%s: no room for more than %u TLS libraries at a time", path,
				 FILES_MAX);
		t->full_said = true;
		free(plan);
		return NULL;
	}
	f->id = id;
	snprintf(f->path, sizeof(f->path), "%.255s", path);
	f->link = attach_plan(t, fd, plan, f->path);
	free(plan);
	f->idle_since = clock_boot_ns();
	f->next = t->first;
	t->first = f;
	t->cnt++;
	return f;
}

struct tls_file *tls_files_get(struct tls_files *t, int fd, const char *path)
{
	struct tls_file *f;
	uint64_t id = 0;

	if (identify(fd, &id))
		return NULL;
	f = hashmap_get(&t->seen, id);
	if (f)
		return f;
	f = examine(t, fd, path, id);
	if (f && hashmap_put(&t->seen, id, f) == -ENOSPC) {
		/* all is looked at again, but for what has probes */
		hashmap_done(&t->seen);
		hashmap_init(&t->seen, SEEN_MAX);
		for (struct tls_file *k = t->first; k; k = k->next)
			hashmap_put(&t->seen, k->id, k);
	}
	return f;
}

static void let_go(struct tls_files *t, struct tls_file *f)
{
	struct tls_file **at = &t->first;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	t->cnt--;
	hashmap_take(&t->seen, f->id);
	loader_tls_detach(t->loader, f->link);
	free(f);
}

bool tls_files_tidy(struct tls_files *t)
{
	uint64_t now = clock_boot_ns();
	bool any = false;

	for (struct tls_file *f = t->first, *next; f; f = next) {
		next = f->next;
		if (f->users || now - f->idle_since <= FILE_IDLE_S * NSEC_PER_SEC)
			continue;
		let_go(t, f);
		any = true;
	}
	return any;
}

void tls_files_done(struct tls_files *t)
{
	while (t->first)
		let_go(t, t->first);
	hashmap_done(&t->seen);
}
