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

/*
 * Limits of what waits (the batch being exported comes on top): spans by
 * exporter_config.queue_max_spans, metrics by both of these.
 */
#define QUEUE_MAX_METRIC_BATCHES 4
#define QUEUE_MAX_POINTS	 200000

/* Backoff between tries when exporter_config does not say: first pause, factor, longest pause. */
#define QUEUE_RETRY_INITIAL_MS 1000
#define QUEUE_RETRY_FACTOR     1.5
#define QUEUE_RETRY_MAX_MS     10000
/* A server's Retry-After is followed up to this. */
#define QUEUE_RETRY_AFTER_MAX_MS 300000

/*
 * A consistent copy of the counters; all but `queued` only grow. At every moment
 * spans_in = exported + dropped_full + failed + rejected + queued_spans, and the same for points.
 * dropped_full: the queue was full (or closing); failed: the budget of retries ran out, the server
 * refused the whole batch, or the end came first; rejected: partial success, the server took the
 * batch but for these.
 */
struct queue_stats {
	uint64_t spans_in, spans_exported, spans_dropped_full, spans_failed, spans_rejected;
	uint64_t points_in, points_exported, points_dropped_full, points_failed, points_rejected;
	uint64_t export_calls, export_retries, export_errors;
	uint64_t queued_spans, queued_points; /* now waiting or in flight */
	char last_error_type[32];
};

/* Opens the exporter and starts its thread. On failure err[] holds one line. */
int queue_open(const struct exporter_ops *ops, const struct exporter_config *cfg,
	       struct queue **ret_q, char err[256]);
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
