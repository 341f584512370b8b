/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/mmap_events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "userspace/base/hashmap.h"

#define RING_PAGES 8u
#define RECORD_MAX 4352 /* PATH_MAX and the rest of a record; longer ones do not exist */

struct ring {
	int fd;
	struct perf_event_mmap_page *meta;
};

struct mmap_events {
	int ep;
	size_t page;
	int cpus;
	struct ring *rings;
};

/* One record as the kernel writes it (perf_event_open(2), PERF_RECORD_MMAP2). */
struct mmap2 {
	struct perf_event_header h;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
	char name[];
};

/* PERF_RECORD_LOST */
struct lost {
	struct perf_event_header h;
	uint64_t id, cnt;
};

static int open_cpu(struct mmap_events *m, int cpu, struct ring *r)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.exclude_kernel = 1,
		/* wakeup_events counts samples only */
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	struct epoll_event ev = {.events = EPOLLIN};

	r->fd = (int)syscall(SYS_perf_event_open, &a, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (r->fd < 0)
		return -errno;
	r->meta = mmap(NULL, (1 + RING_PAGES) * m->page, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       0);
	if (r->meta == MAP_FAILED) {
		r->meta = NULL;
		return -errno;
	}
	return epoll_ctl(m->ep, EPOLL_CTL_ADD, r->fd, &ev) ? -errno : 0;
}

int mmap_events_open(struct mmap_events **ret)
{
	struct mmap_events *m = calloc(1, sizeof(*m));
	int err = 0, opened = 0;

	if (!m)
		return -ENOMEM;
	m->page = (size_t)sysconf(_SC_PAGESIZE);
	m->cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	m->ep = epoll_create1(EPOLL_CLOEXEC);
	m->rings = calloc((size_t)m->cpus, sizeof(*m->rings));
	if (m->ep < 0 || !m->rings)
		err = -ENOMEM;
	for (int i = 0; m->rings && i < m->cpus; i++)
		m->rings[i].fd = -1;
	for (int i = 0; !err && i < m->cpus; i++) {
		err = open_cpu(m, i, &m->rings[i]);
		if (!err)
			opened++;
		else if (err == -ENODEV) /* a CPU that is off */
			err = 0;
	}
	if (!err && !opened)
		err = -ENODEV;
	if (err) {
		mmap_events_close(m);
		return err;
	}
	*ret = m;
	return 0;
}

void mmap_events_close(struct mmap_events *m)
{
	if (!m)
		return;
	for (int i = 0; m->rings && i < m->cpus; i++) {
		if (m->rings[i].meta)
			munmap(m->rings[i].meta, (1 + RING_PAGES) * m->page);
		if (m->rings[i].fd >= 0)
			close(m->rings[i].fd);
	}
	free(m->rings);
	if (m->ep >= 0)
		close(m->ep);
	free(m);
}

int mmap_events_fd(const struct mmap_events *m)
{
	return m->ep;
}

/* The ring is a circle: a record may go around its end. */
static void copy_out(const uint8_t *base, size_t size, uint64_t at, void *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = base[(at + i) & (size - 1)];
}

static void deliver(const struct mmap2 *r, size_t size, mmap_events_cb cb, void *ctx)
{
	uint64_t parts[4] = {r->maj, r->min, r->ino, r->ino_generation};
	struct mmap_event e = {.pid = (pid_t)r->pid,
			       .start = r->addr,
			       .end = r->addr + r->len,
			       .ino = r->ino,
			       .file = hash_bytes(parts, sizeof(parts), 0),
			       .name = r->name};

	/* the kernel pads the name with zeros; "//anon" and the like are no files */
	if (memchr(r->name, 0, size - offsetof(struct mmap2, name)) && r->ino &&
	    r->name[0] == '/' && r->name[1] != '/')
		cb(ctx, &e);
}

static uint64_t read_ring(struct mmap_events *m, struct ring *r, mmap_events_cb cb, void *ctx)
{
	const uint8_t *base = (const uint8_t *)r->meta + m->page;
	size_t size = RING_PAGES * m->page;
	uint64_t head = __atomic_load_n(&r->meta->data_head, __ATOMIC_ACQUIRE), lost = 0;
	uint64_t tail = r->meta->data_tail;
	_Alignas(8) uint8_t rec[RECORD_MAX];

	while (tail < head) {
		struct perf_event_header h;

		copy_out(base, size, tail, &h, sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail)
			break;
		if (h.size <= sizeof(rec)) {
			copy_out(base, size, tail, rec, h.size);
			if (h.type == PERF_RECORD_MMAP2 && h.size > sizeof(struct mmap2))
				deliver((const struct mmap2 *)rec, h.size, cb, ctx);
			else if (h.type == PERF_RECORD_LOST && h.size >= sizeof(struct lost))
				lost += ((const struct lost *)rec)->cnt;
		}
		tail += h.size;
	}
	__atomic_store_n(&r->meta->data_tail, head, __ATOMIC_RELEASE);
	return lost;
}

uint64_t mmap_events_read(struct mmap_events *m, mmap_events_cb cb, void *ctx)
{
	uint64_t lost = 0;

	for (int i = 0; i < m->cpus; i++)
		if (m->rings[i].meta)
			lost += read_ring(m, &m->rings[i], cb, ctx);
	return lost;
}
