/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TLS_WATCH_H
#define OE_TLS_WATCH_H
/*
 * Keeps probes in the TLS libraries of the watched processes: those mapped when we start, those
 * of new processes, those loaded later. One set of probes per file, however many processes map it.
 * Works in a thread of its own, so that reading a big executable never delays the capture.
 */
#include <stdbool.h>

#include "userspace/tls_files.h"

struct tls_watch;

struct tls_watch_config {
	const char *proc_root;
	bool all;	 /* every process is selected */
	bool uretprobes; /* return probes where nothing better can be had */
};

/* Nothing is attached yet, but from now on no new mapping is missed. 0 or negative errno. */
int tls_watch_new(const struct tls_watch_config *cfg, struct loader *l, struct tls_watch **ret);
/* Covers the processes selected now, then starts the thread. */
int tls_watch_start(struct tls_watch *w);
/* A process was born, changed its program, died or was selected; after selection_process(). Any
 * thread. */
void tls_watch_process(struct tls_watch *w, const struct oe_proc *r);
/* Stops the thread. The probes go with loader_close(), or here. */
void tls_watch_free(struct tls_watch *w);

/* One executable mapping of a process. */
struct tls_mapping {
	uint64_t start, end;
	uint64_t ino;  /* as the kernel says it; on overlayfs not always that of fstat() */
	uint64_t file; /* a number for its device and inode, until the inode is another file's */
	char path[4096];
};
/* Calls fn for each executable mapping of a file; stops at its first non-zero answer. */
int tls_each_mapping(const char *proc_root, pid_t pid,
		     int (*fn)(void *ctx, const struct tls_mapping *m), void *ctx);
/* The very file that is mapped, also when another one has its name by now. An fd or negative errno.
 */
int tls_open_mapping(const char *proc_root, pid_t pid, const struct tls_mapping *m);

#endif
