/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PIPELINE_H
#define OE_PIPELINE_H
/*
 * Everything between a source and the exporters' queues: streams, pairing, RED, sampling, batches.
 * One thread owns it; the queues are the only hand-over.
 */
#include <stdio.h>

#include "exporter/queue.h"
#include "userspace/proc.h"
#include "userspace/red.h"
#include "userspace/sample.h"
#include "userspace/sem.h"
#include "userspace/source.h"
#include "userspace/stats.h"

#define PIPELINE_QUEUES_MAX 4

struct recorder;
struct loader_stats;

struct pipeline_config {
	bool live; /* processes are here and now: look at /proc */
	bool propagate;
	uint32_t max_conns;
	uint32_t batch_max_spans;
	uint32_t batch_delay_ms; /* OTEL_BSP_SCHEDULE_DELAY */
	uint32_t metric_interval_ms;
	struct sem_config sem;
	struct sampler sampler;
	struct red_config red;
	const struct proc_host *host;
	struct queue *trace_queues[PIPELINE_QUEUES_MAX];
	struct queue *metric_queues[PIPELINE_QUEUES_MAX];
	uint32_t trace_queue_cnt, metric_queue_cnt;
	struct recorder
		*recorder; /* `record`: records are only written, not parsed; NULL otherwise */
	/* kernel's part of the ledger, NULL when there is none (replay) */
	void (*kernel_stats)(void *ctx, struct loader_stats *ret);
	void *kernel_ctx;
	/* A process was born, changed its program, or died: for the selection. May be NULL. */
	void (*process)(void *ctx, const struct oe_proc *p);
	void *process_ctx;
};

struct pipeline;

int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret);
void pipeline_free(struct pipeline *p);
/* A source's callbacks; ctx is the pipeline. */
void pipeline_start(void *p, const struct source_info *info);
void pipeline_record(void *p, const void *rec, size_t len);
/* At least every 100 ms: timers of batches, metrics, held records. */
void pipeline_tick(struct pipeline *p);
/* Ends all connections, hands over what is left: spans, then metrics. */
void pipeline_finish(struct pipeline *p);
/*
 * A source that is read as fast as it goes (a file) would overrun the exporters' queues: on,
 * batches wait until the queues have room.
 */
void pipeline_flow_control(struct pipeline *p, bool on);
struct selfstats;
/* The ledger as of now. */
void pipeline_ledger(struct pipeline *p, struct selfstats *ret);
const struct stats *pipeline_stats(const struct pipeline *p);
const struct red *pipeline_red(const struct pipeline *p);
/* Processes seen so far. */
size_t pipeline_target_count(const struct pipeline *p);

#endif
