/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MMAP_EVENTS_H
#define OE_MMAP_EVENTS_H
/*
 * Tells when any process of the host maps a file for execution: a program starts, a library is
 * loaded. From the kernel's perf events (no sampling, no hardware): CAP_PERFMON.
 */
#include <stdint.h>
#include <sys/types.h>

struct mmap_events;

struct mmap_event {
	pid_t pid;
	uint64_t start, end;
	uint64_t ino;
	uint64_t file; /* a number for the file: of its device, inode and the inode's generation */
	const char *name; /* as the process sees it; may be cut */
};

typedef void (*mmap_events_cb)(void *ctx, const struct mmap_event *e);

/* 0 or negative errno. */
int mmap_events_open(struct mmap_events **ret);
void mmap_events_close(struct mmap_events *m);
/* An epoll fd that becomes readable. */
int mmap_events_fd(const struct mmap_events *m);
/*
 * Delivers what came. Returns how many events the kernel had to drop since the last call: then
 * anything may have been mapped.
 */
uint64_t mmap_events_read(struct mmap_events *m, mmap_events_cb cb, void *ctx);

#endif
