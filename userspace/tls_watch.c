/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mapped is learnt from the kernel's mapping events; the processes that matter come from
 * the table of selected ones. A file is examined once and remembered (tls_files.c), so that a
 * thousand short-lived processes cost a look-up each. Its probes stay as long as a process that
 * mapped it lives, and a minute longer.
 *
 * Probes belong to the file, not to a process: they are there for a forked child's first
 * call, and for the next process before it makes one. Unselected processes that map the same
 * file pay for the probe and nothing more.
 */
#include "userspace/tls_watch.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/base/clock.h"
#include "userspace/base/hashmap.h"
#include "userspace/base/log.h"
#include "userspace/mmap_events.h"
#include "userspace/proc.h"

#define PROC_FILES    8u
#define PROCS_MAX     65536u
#define SEEN_MAX      65536u
#define QUEUE_MAX     4096u
#define OPENED_MAX    128u
#define SEEN_TICKS    12u
#define TICK_MS	      5000
#define TICK_BLIND_MS 500 /* without mapping events */

struct tls_proc {
	uint32_t cnt;
	struct tls_file *files[PROC_FILES];
};

/* What the other thread tells. */
struct news {
	uint32_t what, tgid, ptgid;
};

/* A mapping whose file is open, so that a process that ends does not take it away. */
struct opened {
	int fd;
	pid_t pid;
	uint64_t key; /* of the mapping event; 0: none */
	char path[256];
};

struct tls_watch {
	struct tls_watch_config cfg;
	struct proc_config proc;
	struct loader *loader;
	struct mmap_events *events;
	struct tls_files files;
	struct hashmap seen; /* mmap_event.file -> struct tls_file, or &tls_nothing */
	struct opened *opened;
	uint32_t opened_cnt;
	struct tls_mapping mapping; /* of the event at hand */
	uint32_t tidied;
	struct hashmap procs; /* tgid -> struct tls_proc */
	uint64_t next_tick_ms;
	bool stop;
	pthread_t thread;
	bool running;
	int wake;
	pthread_mutex_t lock; /* of what follows */
	struct news queue[QUEUE_MAX];
	uint32_t queue_cnt;
	bool queue_lost;
};

int tls_watch_new(const struct tls_watch_config *cfg, struct loader *l, struct tls_watch **ret)
{
	struct tls_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->cfg = *cfg;
	w->proc.proc_root = cfg->proc_root;
	w->loader = l;
	tls_files_init(&w->files, l, cfg->uretprobes);
	w->opened = calloc(OPENED_MAX, sizeof(*w->opened));
	hashmap_init(&w->seen, SEEN_MAX);
	hashmap_init(&w->procs, PROCS_MAX);
	pthread_mutex_init(&w->lock, NULL);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0 || !w->opened) {
		err = w->opened ? -errno : -ENOMEM;
		tls_watch_free(w);
		return err;
	}
	err = mmap_events_open(&w->events);
	if (err)
		log_warn("cannot be told when programs load libraries (%s; CAP_PERFMON is needed): "
			 "looking every %d ms instead",
			 strerror(-err), TICK_BLIND_MS);
	*ret = w;
	return 0;
}

static bool wanted(const struct tls_watch *w, pid_t pid)
{
	return pid != getpid() && (w->cfg.all || loader_selected(w->loader, pid));
}

/* The process uses the file: it is not to be let go. */
static void use(struct tls_watch *w, pid_t pid, struct tls_file *f)
{
	struct tls_proc *p = hashmap_get(&w->procs, (uint64_t)pid);

	if (f == &tls_nothing)
		return;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p || hashmap_put(&w->procs, (uint64_t)pid, p)) {
			free(p);
			return;
		}
	}
	for (uint32_t i = 0; i < p->cnt; i++)
		if (p->files[i] == f)
			return;
	if (p->cnt == PROC_FILES)
		return;
	p->files[p->cnt++] = f;
	f->users++;
}

static void unuse(struct tls_watch *w, pid_t pid)
{
	struct tls_proc *p = hashmap_take(&w->procs, (uint64_t)pid);

	for (uint32_t i = 0; p && i < p->cnt; i++)
		if (!--p->files[i]->users)
			p->files[i]->idle_since = clock_boot_ns();
	free(p);
}

static bool is_likely(const struct opened *o)
{
	const char *name = strrchr(o->path, '/');

	return name && (strstr(name, "ssl") || strstr(name, "tls"));
}

/* Those that look like TLS libraries first: time is short when the process is. */
static void examine_opened(struct tls_watch *w)
{
	for (int likely = 1; likely >= 0; likely--) {
		for (uint32_t i = 0; i < w->opened_cnt; i++) {
			struct opened *o = &w->opened[i];
			struct tls_file *f;

			if (o->fd < 0 || is_likely(o) != likely)
				continue;
			f = tls_files_get(&w->files, o->fd, o->path);
			close(o->fd);
			o->fd = -1;
			if (!f)
				continue;
			use(w, o->pid, f);
			if (o->key && hashmap_put(&w->seen, o->key, f) == -ENOSPC) {
				hashmap_done(&w->seen);
				hashmap_init(&w->seen, SEEN_MAX);
			}
		}
	}
	w->opened_cnt = 0;
}

static void keep_open(struct tls_watch *w, pid_t pid, const struct tls_mapping *m, uint64_t key)
{
	struct opened *o;
	int fd = tls_open_mapping(w->cfg.proc_root, pid, m);

	if (fd < 0)
		return;
	if (w->opened_cnt == OPENED_MAX)
		examine_opened(w);
	o = &w->opened[w->opened_cnt++];
	*o = (struct opened){.fd = fd, .pid = pid, .key = key};
	snprintf(o->path, sizeof(o->path), "%.255s", m->path);
}

struct scan {
	struct tls_watch *w;
	pid_t pid;
};

static int scan_mapping(void *ctx, const struct tls_mapping *m)
{
	struct scan *s = ctx;

	keep_open(s->w, s->pid, m, 0);
	return 0;
}

static int scan_pid(void *ctx, pid_t pid, pid_t ppid)
{
	struct scan s = {.w = ctx, .pid = pid};

	if (wanted(ctx, pid)) {
		tls_each_mapping(s.w->cfg.proc_root, pid, scan_mapping, &s);
		examine_opened(s.w);
	}
	return 0;
}

static void on_mapping(void *ctx, const struct mmap_event *e)
{
	struct tls_watch *w = ctx;
	struct tls_file *f;

	if (!wanted(w, e->pid))
		return;
	f = hashmap_get(&w->seen, e->file);
	if (f) {
		use(w, e->pid, f);
		return;
	}
	w->mapping.start = e->start;
	w->mapping.end = e->end;
	w->mapping.ino = e->ino;
	snprintf(w->mapping.path, sizeof(w->mapping.path), "%s", e->name);
	keep_open(w, e->pid, &w->mapping, e->file);
}

static void inherit(struct tls_watch *w, pid_t child, pid_t parent)
{
	struct tls_proc *p = hashmap_get(&w->procs, (uint64_t)parent);

	for (uint32_t i = 0; p && i < p->cnt; i++) {
		use(w, child, p->files[i]);
		p = hashmap_get(&w->procs, (uint64_t)parent);
	}
}

static void on_news(struct tls_watch *w, const struct news *n)
{
	pid_t pid = (pid_t)n->tgid;

	switch (n->what) {
	case OE_PROC_FORK:
		inherit(w, pid, (pid_t)n->ptgid);
		break;
	case OE_PROC_EXEC:
		unuse(w, pid);
		scan_pid(w, pid, 0);
		break;
	case OE_PROC_SELECTED:
		scan_pid(w, pid, 0);
		break;
	case OE_PROC_EXIT:
		unuse(w, pid);
		break;
	}
}

static void on_gone(void *ctx, struct tls_file *f)
{
	struct tls_watch *w = ctx;
	bool again = true;

	while (again) {
		again = false;
		HASHMAP_FOREACH (&w->seen, slot) {
			if (slot->val == f) {
				hashmap_take(&w->seen, slot->key);
				again = true;
				break;
			}
		}
	}
}

/* Processes that are gone without a word (their mapping came after their exit), files without any.
 */
static void tidy(struct tls_watch *w)
{
	bool again = true;

	while (again) {
		again = false;
		HASHMAP_FOREACH (&w->procs, slot) {
			if (proc_parent(&w->proc, (pid_t)slot->key) < 0) {
				unuse(w, (pid_t)slot->key);
				again = true;
				break;
			}
		}
	}
	tls_files_tidy(&w->files, on_gone, w);
	/* not every filesystem has generations of inodes: what has none is looked at again */
	if (++w->tidied % SEEN_TICKS == 0) {
		hashmap_done(&w->seen);
		hashmap_init(&w->seen, SEEN_MAX);
	}
}

static void scan_all(struct tls_watch *w)
{
	proc_each(&w->proc, scan_pid, w);
}

static void take_news(struct tls_watch *w)
{
	struct news *copy = NULL;
	uint64_t n;
	uint32_t cnt;
	bool lost;

	if (read(w->wake, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&w->lock);
	cnt = w->queue_cnt;
	lost = w->queue_lost;
	if (cnt)
		copy = malloc(cnt * sizeof(*copy));
	if (copy)
		memcpy(copy, w->queue, cnt * sizeof(*copy));
	else
		lost |= cnt > 0;
	w->queue_cnt = 0;
	w->queue_lost = false;
	pthread_mutex_unlock(&w->lock);
	for (uint32_t i = 0; copy && i < cnt; i++)
		on_news(w, &copy[i]);
	free(copy);
	if (lost)
		scan_all(w);
}

static void *watch(void *ctx)
{
	struct tls_watch *w = ctx;
	struct pollfd fds[2] = {
		{.fd = w->wake, .events = POLLIN},
		{.fd = w->events ? mmap_events_fd(w->events) : -1, .events = POLLIN}};

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		poll(fds, 2, w->events ? TICK_MS : TICK_BLIND_MS);
		take_news(w);
		if (w->events) {
			uint64_t lost = mmap_events_read(w->events, on_mapping, w);

			examine_opened(w);
			if (lost)
				scan_all(w);
		} else {
			scan_all(w);
		}
		if (clock_boot_ns() / NSEC_PER_MSEC >= w->next_tick_ms) {
			w->next_tick_ms = clock_boot_ns() / NSEC_PER_MSEC + TICK_MS;
			tidy(w);
		}
	}
	return NULL;
}

int tls_watch_start(struct tls_watch *w)
{
	char text[256];
	int err;

	/* said again, louder, when there is something to probe */
	if (loader_tls_prepare(w->loader, text))
		log_debug("tls: %s", text);
	scan_all(w);
	err = -pthread_create(&w->thread, NULL, watch, w);
	w->running = !err;
	return err;
}

void tls_watch_process(struct tls_watch *w, const struct oe_proc *r)
{
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	if (w->queue_cnt < QUEUE_MAX)
		w->queue[w->queue_cnt++] =
			(struct news){.what = r->what, .tgid = r->tgid, .ptgid = r->ptgid};
	else
		w->queue_lost = true;
	pthread_mutex_unlock(&w->lock);
	if (write(w->wake, &one, sizeof(one)) < 0)
		log_debug("tls: %s", strerror(errno)); /* it is awake already */
}

void tls_watch_free(struct tls_watch *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	if (w->running) {
		__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
		if (write(w->wake, &one, sizeof(one)) < 0)
			log_debug("tls: %s", strerror(errno));
		pthread_join(w->thread, NULL);
	}
	tls_files_done(&w->files);
	hashmap_free_values(&w->procs);
	hashmap_done(&w->procs);
	hashmap_done(&w->seen);
	mmap_events_close(w->events);
	free(w->opened);
	if (w->wake >= 0)
		close(w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
