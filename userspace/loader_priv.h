/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_LOADER_PRIV_H
#define OE_LOADER_PRIV_H
/* What loader.c, loader_part.c and loader_tls.c share; nobody else sees the skeleton. */
#include <bpf/libbpf.h>
#include <pthread.h>

#include "otel_ebpf.skel.h"

#include "userspace/loader.h"

#define LOADER_PROGS_MAX 16

/* One program that is loaded on the side. */
struct loader_part {
	struct loader *loader;
	const char *name;
	int attach_type; /* other than its section says; 0: that one */
	struct bpf_object *obj;
	pthread_t thread;
	bool running;
	int err;
};

/* Begins to load; the maps of the loader are there. */
void loader_part_start(struct loader *l, struct loader_part *p, const char *name, int attach_type);
/* Waits for it. 0 or negative errno, however often it is asked. */
int loader_part_join(struct loader_part *p);
/* NULL: not loaded. */
struct bpf_program *loader_part_prog(const struct loader_part *p);
void loader_part_close(struct loader_part *p);

struct loader {
	struct otel_ebpf_bpf *skel;
	struct loader_part parts[LOADER_PROGS_MAX]; /* name NULL: in the skeleton */
	struct ring_buffer *ring;
	enum hooks hooks;
	struct bpf_link *links[LOADER_PROGS_MAX];
	source_cb cb;
	void *cb_ctx;
	int cpus;
	/* loader_tls.c */
	struct loader_part tls;
	bool tls_ready;
	bool tls_multi;	   /* uprobe_multi links; else one perf event per site */
	uint8_t *tls_used; /* [OE_TLS_SITES] sites that belong to a link */
};

/* As loader_open()'s: one line for people. */
int loader_error(int e, char err[256]);
/* Begins to load the program for TLS libraries. */
void loader_tls_start(struct loader *l);
void loader_tls_close(struct loader *l);

#endif
