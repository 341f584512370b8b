/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_QUEUE_H
#define OE_QUEUE_H
/*
 * Bounded queue of batches in front of one exporter, with its thread, retry
 * and backoff. Handing over never blocks: when the limit would be passed the
 * new batch is dropped and counted.
 */
#include "exporter/exporter.h"

struct queue;

/* A consistent copy of the counters; all but `queued` only grow. */
struct queue_stats {
	uint64_t spans_in, spans_exported, spans_dropped_full, spans_failed, spans_rejected;
	uint64_t points_in, points_exported, points_dropped_full, points_failed, points_rejected;
	uint64_t export_calls, export_retries, export_errors;
	uint64_t queued_spans, queued_points; /* now waiting or in flight */
	char last_error_type[32];
};

/* Opens the exporter and starts its thread. On failure err[] holds one line. */
int queue_open(const struct exporter_ops *ops, const struct exporter_config *cfg, struct queue **ret_q,
	       char err[256]);
/* Takes its own reference on b. Never blocks, never fails: a full queue drops and counts. */
void queue_add(struct queue *q, struct batch *b);
void queue_stats(struct queue *q, struct queue_stats *ret_stats);
const char *queue_name(const struct queue *q);
/* True when everything handed over so far left (or was dropped) within timeout_ms. */
bool queue_flush(struct queue *q, uint32_t timeout_ms);
/*
 * Stops the thread: flushes for at most timeout_ms, counts what remains as failed,
 * closes the exporter, frees. ret_stats (may be NULL) gets the final counters.
 */
void queue_close(struct queue *q, uint32_t timeout_ms, struct queue_stats *ret_stats);

#endif
