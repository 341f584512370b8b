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
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
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
	uint64_t key;	       /* of the file, as where it was learnt from has it */
	struct hashmap *known; /* what is found out is entered there */
	char path[256];
};

struct tls_watch {
	struct tls_watch_config cfg;
	struct proc_config proc;
	struct loader *loader;
	struct mmap_events *events;
	struct tls_files files;
	struct hashmap seen; /* mmap_event.file -> struct tls_file, or &tls_nothing */
	struct hashmap scan; /* the same by tls_mapping.file, while processes are looked through */
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
	hashmap_init(&w->scan, SEEN_MAX);
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

static struct tls_proc *proc_of(struct tls_watch *w, pid_t pid)
{
	struct tls_proc *p = hashmap_get(&w->procs, (uint64_t)pid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p && hashmap_put(&w->procs, (uint64_t)pid, p)) {
		free(p);
		return NULL;
	}
	return p;
}

/* The process uses the file: it is not to be let go. */
static void use(struct tls_watch *w, pid_t pid, struct tls_file *f)
{
	struct tls_proc *p = f == &tls_nothing ? NULL : proc_of(w, pid);

	if (f == &tls_nothing)
		return;
	for (uint32_t i = 0; p && i < p->cnt; i++)
		if (p->files[i] == f)
			return;
	/* no room to note who uses it: then it stays for as long as we do */
	f->users++;
	if (p && p->cnt < PROC_FILES)
		p->files[p->cnt++] = f;
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

/* All that is remembered there is looked at again. */
static void forget(struct hashmap *known)
{
	hashmap_done(known);
	hashmap_init(known, SEEN_MAX);
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
			if (hashmap_put(o->known, o->key, f) == -ENOSPC)
				forget(o->known);
		}
	}
	w->opened_cnt = 0;
}

/* A mapping of a file, which `known` may have something of. */
static void meet(struct tls_watch *w, pid_t pid, const struct tls_mapping *m, struct hashmap *known)
{
	struct tls_file *f = hashmap_get(known, m->file);
	struct opened *o;
	int fd;

	if (f) {
		use(w, pid, f);
		return;
	}
	fd = tls_open_mapping(w->cfg.proc_root, pid, m);
	if (fd < 0)
		return;
	if (w->opened_cnt == OPENED_MAX)
		examine_opened(w);
	o = &w->opened[w->opened_cnt++];
	*o = (struct opened){.fd = fd, .pid = pid, .key = m->file, .known = known};
	snprintf(o->path, sizeof(o->path), "%.255s", m->path);
}

struct scan {
	struct tls_watch *w;
	pid_t pid;
};

static int scan_mapping(void *ctx, const struct tls_mapping *m)
{
	struct scan *s = ctx;

	meet(s->w, s->pid, m, &s->w->scan);
	return 0;
}

static int scan_one(void *ctx, pid_t pid, pid_t ppid)
{
	struct scan s = {.w = ctx, .pid = pid};

	if (wanted(ctx, pid)) {
		tls_each_mapping(s.w->cfg.proc_root, pid, scan_mapping, &s);
		examine_opened(s.w);
	}
	return 0;
}

/* What is mapped there, by the inode's number: good for the time of a scan, as files come and go.
 */
static void scan_pid(struct tls_watch *w, pid_t pid)
{
	scan_one(w, pid, 0);
	forget(&w->scan);
}

static void scan_all(struct tls_watch *w)
{
	proc_each(&w->proc, scan_one, w);
	forget(&w->scan);
}

static void on_mapping(void *ctx, const struct mmap_event *e)
{
	struct tls_watch *w = ctx;

	if (!wanted(w, e->pid))
		return;
	w->mapping.start = e->start;
	w->mapping.end = e->end;
	w->mapping.ino = e->ino;
	w->mapping.file = e->file;
	snprintf(w->mapping.path, sizeof(w->mapping.path), "%s", e->name);
	meet(w, e->pid, &w->mapping, &w->seen);
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
		scan_pid(w, pid);
		break;
	case OE_PROC_SELECTED:
		scan_pid(w, pid);
		break;
	case OE_PROC_EXIT:
		unuse(w, pid);
		break;
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
	/* not every filesystem has generations of inodes: what has none is looked at again */
	if (tls_files_tidy(&w->files) || ++w->tidied % SEEN_TICKS == 0)
		forget(&w->seen);
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
	hashmap_done(&w->scan);
	mmap_events_close(w->events);
	free(w->opened);
	if (w->wake >= 0)
		close(w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
