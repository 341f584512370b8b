/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every selected process has reasons. A fork inherits them (in the kernel at once, here by its
 * record); an exec looks again: descendants of a --pid stay, an --exe must match the new
 * program, the others are found again by the kernel at the next socket operation. Processes that
 * the kernel entered by itself (cgroup, port, all) are not known here until they fork, and need not
 * be.
 */
#define _XOPEN_SOURCE 700
#include "userspace/select.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/base/hashmap.h"
#include "userspace/base/log.h"

#define REASON_TREE	 0x1
#define REASON_EXE	 0x2
#define REASON_OTHER	 0x4
#define PIDS_MAX	 65536u
#define CGROUP_DEPTH_MAX 32

struct selection {
	const struct selector *sel;
	size_t cnt;
	const struct proc_config *proc;
	struct loader *loader;
	struct hashmap reasons; /* tgid -> REASON_* as a pointer-sized number */
	pid_t self;
};

int selection_new(const struct selector *sel, size_t cnt, const struct proc_config *proc,
		  struct selection **ret)
{
	struct selection *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sel = sel;
	s->cnt = cnt;
	s->proc = proc;
	s->self = getpid();
	hashmap_init(&s->reasons, PIDS_MAX);
	*ret = s;
	return 0;
}

void selection_free(struct selection *s)
{
	if (!s)
		return;
	hashmap_done(&s->reasons);
	free(s);
}

int selection_loader_config(const struct selection *s, struct loader_config *ret, char err[256])
{
	for (size_t i = 0; i < s->cnt; i++) {
		const struct selector *sel = &s->sel[i];

		if ((sel->kind == SELECT_PORT && ret->port_cnt == LOADER_RANGES_MAX) ||
		    (sel->kind == SELECT_CGROUP && ret->cgroup_cnt == LOADER_RANGES_MAX)) {
			snprintf(err, 256, "at most %d %s selections are possible",
				 LOADER_RANGES_MAX,
				 sel->kind == SELECT_PORT ? "--port" : "--cgroup");
			return -E2BIG;
		}
		switch (sel->kind) {
		case SELECT_ALL:
			ret->select_all = true;
			break;
		case SELECT_EXE:
			ret->exec_events = true;
			break;
		case SELECT_PORT:
			ret->ports[ret->port_cnt].lo = sel->lo;
			ret->ports[ret->port_cnt++].hi = sel->hi;
			break;
		case SELECT_CGROUP:
			ret->cgroups[ret->cgroup_cnt++] = sel->text;
			break;
		case SELECT_PID:
			break;
		}
	}
	return 0;
}

static uintptr_t reasons_of(const struct selection *s, pid_t pid)
{
	return (uintptr_t)hashmap_get(&s->reasons, (uint64_t)pid);
}

static void enter(struct selection *s, pid_t pid, uintptr_t why)
{
	uintptr_t old = reasons_of(s, pid);

	if (pid == s->self || (old & why) == why)
		return;
	if (hashmap_put(&s->reasons, (uint64_t)pid, (void *)(old | why)))
		return;
	loader_select(s->loader, pid);
}

/* A pattern with a slash is matched against the whole path, else against the file's name. */
static bool exe_matches(const struct selection *s, pid_t pid)
{
	char path[PATH_MAX];
	const char *name;

	if (proc_exe(s->proc, pid, path, sizeof(path)))
		return false;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	for (size_t i = 0; i < s->cnt; i++)
		if (s->sel[i].kind == SELECT_EXE &&
		    !fnmatch(s->sel[i].text, strchr(s->sel[i].text, '/') ? path : name, 0))
			return true;
	return false;
}

struct tree {
	struct selection *s;
	struct {
		pid_t pid, ppid;
	} * rows;
	size_t cnt, cap;
	bool exe;
};

static int tree_row(void *ctx, pid_t pid, pid_t ppid)
{
	struct tree *t = ctx;

	if (t->cnt == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 512;
		void *rows = realloc(t->rows, cap * sizeof(*t->rows));

		if (!rows)
			return -ENOMEM;
		t->rows = rows;
		t->cap = cap;
	}
	t->rows[t->cnt].pid = pid;
	t->rows[t->cnt++].ppid = ppid;
	if (t->exe && exe_matches(t->s, pid))
		enter(t->s, pid, REASON_EXE);
	return 0;
}

/* Children of what is selected are selected too: until nothing changes. */
static void close_over_children(struct tree *t)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < t->cnt; i++) {
			uintptr_t why = reasons_of(t->s, t->rows[i].ppid) & REASON_TREE;

			if (why && !(reasons_of(t->s, t->rows[i].pid) & why) &&
			    t->rows[i].pid != t->s->self) {
				enter(t->s, t->rows[i].pid, why);
				changed = true;
			}
		}
	}
}

static void enter_cgroup(struct selection *s, const char *dir, int depth)
{
	char path[PATH_MAX], line[32];
	struct dirent *e;
	FILE *f;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", dir) >= (int)sizeof(path))
		return;
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		enter(s, (pid_t)atol(line), REASON_OTHER);
	if (f)
		fclose(f);
	d = depth < CGROUP_DEPTH_MAX ? opendir(dir) : NULL;
	while (d && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) < (int)sizeof(path))
			enter_cgroup(s, path, depth + 1);
	if (d)
		closedir(d);
}

static int enter_port(void *ctx, pid_t pid)
{
	enter(ctx, pid, REASON_OTHER);
	return 0;
}

int selection_scan(struct selection *s, struct loader *l, size_t *ret_cnt, char err[256])
{
	struct tree t = {.s = s};
	int e;

	s->loader = l;
	for (size_t i = 0; i < s->cnt; i++) {
		const struct selector *sel = &s->sel[i];

		switch (sel->kind) {
		case SELECT_PID:
			if (proc_parent(s->proc, sel->pid) < 0) {
				snprintf(err, 256, "--pid %d: there is no such process", sel->pid);
				free(t.rows);
				return -ESRCH;
			}
			enter(s, sel->pid, REASON_TREE);
			break;
		case SELECT_EXE:
			t.exe = true;
			break;
		case SELECT_PORT:
			proc_port_pids(s->proc, sel->lo, sel->hi, enter_port, s);
			break;
		case SELECT_CGROUP:
			enter_cgroup(s, sel->text, 0);
			break;
		case SELECT_ALL:
			break;
		}
	}
	e = proc_each(s->proc, tree_row, &t);
	if (!e)
		close_over_children(&t);
	else
		snprintf(err, 256, "cannot list the processes: %s", strerror(-e));
	*ret_cnt = s->reasons.len;
	for (size_t i = 0; i < s->cnt; i++)
		if (s->sel[i].kind == SELECT_ALL)
			*ret_cnt = t.cnt ? t.cnt - 1 : 0;
	free(t.rows);
	return e;
}

void selection_process(struct selection *s, const struct oe_proc *r)
{
	pid_t pid = (pid_t)r->tgid;
	uintptr_t why = reasons_of(s, pid), now;

	switch (r->what) {
	case OE_PROC_FORK:
		why = reasons_of(s, (pid_t)r->ptgid);
		if (why)
			hashmap_put(&s->reasons, r->tgid, (void *)why);
		break;
	case OE_PROC_EXEC:
		now = why & REASON_TREE;
		if (exe_matches(s, pid))
			now |= REASON_EXE;
		if (now) {
			bool fresh = !(why & now & REASON_EXE) && (now & REASON_EXE);

			enter(s, pid, now);
			hashmap_put(&s->reasons, r->tgid, (void *)now);
			/* it may have forked before this record was read: those children run the
			 * same program */
			if (fresh) {
				struct tree t = {.s = s, .exe = true};

				proc_each(s->proc, tree_row, &t);
				free(t.rows);
			}
		} else if (why) {
			hashmap_take(&s->reasons, r->tgid);
			loader_deselect(s->loader, pid);
		}
		break;
	case OE_PROC_EXIT:
		hashmap_take(&s->reasons, r->tgid);
		break;
	}
}
