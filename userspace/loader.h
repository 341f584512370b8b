/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_LOADER_H
#define OE_LOADER_H
/*
 * The kernel's side: the only module that sees the skeleton. Loads and attaches
 * the programs, keeps the table of selected processes, delivers the ring
 * buffer's records and reads the kernel's part of the ledger.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "userspace/source.h"

#include "bpf/stats.h"
#include "bpf/tls.h"

enum hooks { HOOKS_AUTO, HOOKS_SOCK, HOOKS_SYSCALL };

#define LOADER_RANGES_MAX 8

struct loader_config {
	enum hooks hooks;
	size_t ring_bytes;	/* power of two, multiple of the page size */
	uint32_t capture_bytes; /* largest copy of one I/O */
	bool select_all;
	bool db_server;		  /* report what database servers answer, too, */
	bool kafka_broker;	  /* and what Kafka brokers do */
	uint32_t tls_connections; /* remembered at a time; 0: TLS libraries are left alone */
	bool exec_events;	  /* report every exec of the host, for --exe */
	const char *cgroups[LOADER_RANGES_MAX]; /* cgroup v2 directories */
	uint32_t cgroup_cnt;
	struct {
		uint16_t lo, hi;
	} ports[LOADER_RANGES_MAX];
	uint32_t port_cnt;
};

/* What the kernel lost or left out, summed over CPUs. */
struct loader_stats {
	struct oe_stats k;
	uint64_t missed; /* hook firings the kernel skipped: a program was already running on that
			    CPU */
};

struct loader;

/* Opens and loads. 0 or negative errno; err[]: one line with what to try. */
int loader_open(const struct loader_config *cfg, struct loader **ret, char err[256]);
/* Process hooks first, so that nothing is missed while /proc is read; then the I/O hooks. */
int loader_attach_proc(struct loader *l, char err[256]);
int loader_attach_io(struct loader *l, char err[256]);
/* Nothing is captured from here on, all hooks at once. */
void loader_pause(struct loader *l);
/* Stops capture: hooks off; what stands in the ring buffer can still be drained. */
void loader_detach(struct loader *l);
void loader_close(struct loader *l);

void loader_select(struct loader *l, pid_t pid);
/* Also voids every cached verdict. */
void loader_deselect(struct loader *l, pid_t pid);
bool loader_selected(const struct loader *l, pid_t pid);

/*
 * Probes in TLS libraries. These may be called by one other thread than the rest.
 *
 * Puts probes at `cnt` sites of the file behind fd, for all processes that map it, now and later;
 * offsets[] are in the file. The link for loader_tls_detach(), or NULL with err[].
 */
struct loader_tls_link;
/* Loads the program, which the first attachment would do as well. */
int loader_tls_prepare(struct loader *l, char err[256]);
struct loader_tls_link *loader_tls_attach(struct loader *l, int fd, const struct oe_site *sites,
					  const uint64_t *offsets, size_t cnt, char err[256]);
void loader_tls_detach(struct loader *l, struct loader_tls_link *link);
/* "uprobe.multi", "perf events", or "" as long as none was attached */
const char *loader_tls_kind(const struct loader *l);

/* To be polled for input; a timer must drain as well (wake-ups come by fill level only). */
int loader_ring_fd(const struct loader *l);
/* Delivers what is there; returns the number of records. */
int loader_drain(struct loader *l, source_cb cb, void *ctx);
void loader_stats(const struct loader *l, struct loader_stats *ret);
/* "sock" or "syscall" */
const char *loader_hooks(const struct loader *l);
/* Calls fn for each attached program: run time and count are 0 unless kernel.bpf_stats_enabled. */
void loader_each_prog(const struct loader *l,
		      void (*fn)(void *ctx, const char *name, uint64_t run_ns, uint64_t run_cnt,
				 uint64_t missed),
		      void *ctx);

#endif
