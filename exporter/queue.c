/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue, its thread and its patience.
 *
 * The capture thread hands batches over (queue_add) and never waits: one short
 * lock, no I/O, no log line. The export thread takes them in order, one at a
 * time, and calls the exporter without the lock.
 *
 * Accounting. A batch is counted once when it comes (in) and once when it goes
 * (exported and rejected, failed, or dropped_full), always under the lock and
 * together with `queued`, so every snapshot adds up. Items are spans or metric
 * points, never batches.
 *
 * Retry. The exporter says whether a failure may pass. Then the same batch is
 * tried again after a pause that grows by QUEUE_RETRY_FACTOR (with 20 % jitter,
 * so that a thousand daemons do not return to a collector in step) until the
 * batch's budget (export_timeout_ms, metric_timeout_ms) is used up; the budget
 * runs from the first try. The last pause is shortened to leave time for one
 * more try. A Retry-After that ends later than the budget fails the batch at
 * once. Pauses belong to the queue and not to the batch: the next batch waits
 * for the rest of it too and starts with the pause reached, so a dead
 * collector is asked every QUEUE_RETRY_MAX_MS and not once per batch. Whatever
 * has no room meanwhile is dropped on arrival: memory stays bounded.
 *
 * The end. queue_close() gives a deadline. A pause is cut short, every batch
 * that is left gets one try while time lasts, the rest is counted as failed.
 * When an exporter does not return at the deadline its abort hook is called;
 * if it still does not, the thread is left behind with everything it may touch
 * (the process is about to end anyway) rather than hang or crash.
 *
 * Log. A failure is told once, then at most once a minute with what was lost
 * since, and its end in one line. Only the export thread logs.
 */
#include "exporter/queue.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "exporter/mono.h"
#include "userspace/base/log.h"

#define LOG_EVERY_NS (60 * NSEC_PER_SEC)
/* How long after the abort hook a thread may take to come back. */
#define ABORT_GRACE_MS 2000
/* A last pause shorter than this is not worth a try. */
#define LAST_PAUSE_MIN_NS (20 * NSEC_PER_MSEC)

struct node {
	struct node *next;
	struct batch *b;
	uint64_t items;
};

struct queue {
	/* constant after queue_open */
	const struct exporter_ops *ops;
	void *state;
	pthread_t thread;
	uint32_t max_spans, span_budget_ms, point_budget_ms;
	uint64_t retry_initial_ns, retry_max_ns;

	pthread_mutex_t lock;
	pthread_cond_t work; /* something to do for the thread: a batch, or the end */
	pthread_cond_t idle; /* a batch is done, or the thread has ended */

	/* under the lock */
	struct node *first, **last;
	uint64_t waiting_spans, waiting_points;
	uint32_t waiting_metric_batches;
	uint64_t seq_in, seq_done;	  /* batches taken over, batches dealt with */
	uint64_t lost_spans, lost_points; /* since the last log line about it */
	struct queue_stats stats;
	bool closing, ended;
	uint64_t close_deadline_ns;

	/* the thread's own */
	uint64_t pause_ns;	/* the next pause */
	uint64_t not_before_ns; /* no try before this */
	uint64_t rng;
	bool failing; /* a failure was told and not its end */
	bool logged;  /* last_log_ns is valid */
	uint64_t last_log_ns, failing_since_ns;
};

/* ---- counting; all under the lock */

static void count_done(struct queue *q, const struct node *n, uint64_t exported, uint64_t rejected,
		       uint64_t failed)
{
	struct queue_stats *s = &q->stats;

	if (n->b->type == BATCH_SPANS) {
		s->spans_exported += exported;
		s->spans_rejected += rejected;
		s->spans_failed += failed;
		s->queued_spans -= n->items;
		q->lost_spans += rejected + failed;
	} else {
		s->points_exported += exported;
		s->points_rejected += rejected;
		s->points_failed += failed;
		s->queued_points -= n->items;
		q->lost_points += rejected + failed;
	}
	q->seq_done++;
	pthread_cond_broadcast(&q->idle);
}

static bool has_room(const struct queue *q, const struct batch *b, uint64_t items)
{
	if (b->type == BATCH_SPANS)
		return items <= q->max_spans && q->waiting_spans <= q->max_spans - items;
	return q->waiting_metric_batches < QUEUE_MAX_METRIC_BATCHES && items <= QUEUE_MAX_POINTS &&
	       q->waiting_points <= QUEUE_MAX_POINTS - items;
}

static void count_waiting(struct queue *q, const struct node *n, bool enter)
{
	uint64_t *items = n->b->type == BATCH_SPANS ? &q->waiting_spans : &q->waiting_points;

	*items += enter ? n->items : -n->items;
	if (n->b->type == BATCH_METRICS)
		q->waiting_metric_batches += enter ? 1U : -1U;
}

void queue_add(struct queue *q, struct batch *b)
{
	uint64_t items = batch_items(b);
	bool spans = b->type == BATCH_SPANS;
	struct node *n;

	if (!items)
		return;
	n = malloc(sizeof(*n));
	pthread_mutex_lock(&q->lock);
	*(spans ? &q->stats.spans_in : &q->stats.points_in) += items;
	if (!n || q->closing || !has_room(q, b, items)) {
		*(spans ? &q->stats.spans_dropped_full : &q->stats.points_dropped_full) += items;
		*(spans ? &q->lost_spans : &q->lost_points) += items;
		pthread_mutex_unlock(&q->lock);
		free(n);
		return;
	}
	*n = (struct node){.b = batch_get(b), .items = items};
	*q->last = n;
	q->last = &n->next;
	count_waiting(q, n, true);
	*(spans ? &q->stats.queued_spans : &q->stats.queued_points) += items;
	q->seq_in++;
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
}

static struct node *take(struct queue *q)
{
	struct node *n = q->first;

	if (!n)
		return NULL;
	q->first = n->next;
	if (!q->first)
		q->last = &q->first;
	count_waiting(q, n, false);
	return n;
}

static void node_free(struct node *n)
{
	batch_put(n->b);
	free(n);
}

/* ---- log, on the export thread and without the lock */

static void take_lost(struct queue *q, uint64_t *ret_spans, uint64_t *ret_points)
{
	pthread_mutex_lock(&q->lock);
	*ret_spans = q->lost_spans;
	*ret_points = q->lost_points;
	q->lost_spans = q->lost_points = 0;
	pthread_mutex_unlock(&q->lock);
}

static bool may_log(struct queue *q, uint64_t now)
{
	if (q->logged && now - q->last_log_ns < LOG_EVERY_NS)
		return false;
	q->logged = true;
	q->last_log_ns = now;
	return true;
}

static void tell_failure(struct queue *q, const struct export_info *info, bool retry)
{
	uint64_t now = mono_ns(), spans, points;

	if (!may_log(q, now))
		return;
	take_lost(q, &spans, &points);
	if (q->failing) {
		log_warn("exporter %s: still failing (%s); lost since the last message: %" PRIu64
			 " spans, %" PRIu64 " metric points",
			 q->ops->name, info->error, spans, points);
		return;
	}
	q->failing = true;
	q->failing_since_ns = now;
	if (spans || points)
		log_warn("exporter %s: %s; lost so far: %" PRIu64 " spans, %" PRIu64
			 " metric points",
			 q->ops->name, info->error, spans, points);
	else
		log_warn("exporter %s: %s%s", q->ops->name, info->error,
			 retry ? "; trying again" : "");
}

static void tell_success(struct queue *q, const struct export_info *info)
{
	uint64_t now = mono_ns(), spans, points;
	bool lost;

	if (q->failing) {
		q->failing = false;
		q->logged = true;
		q->last_log_ns = now;
		take_lost(q, &spans, &points);
		log_info("exporter %s: works again after %" PRIu64 " s; lost since the last "
			 "message: %" PRIu64 " spans, %" PRIu64 " metric points",
			 q->ops->name, (uint64_t)((now - q->failing_since_ns) / NSEC_PER_SEC),
			 spans, points);
		return;
	}
	/* losses without a failure: the server refuses some, or is slower than what comes */
	pthread_mutex_lock(&q->lock);
	lost = q->lost_spans || q->lost_points;
	pthread_mutex_unlock(&q->lock);
	if ((!lost && !info->error[0]) || !may_log(q, now))
		return;
	take_lost(q, &spans, &points);
	if (info->error[0])
		log_warn("exporter %s: the server says: %s; lost: %" PRIu64 " spans, %" PRIu64
			 " metric points",
			 q->ops->name, info->error, spans, points);
	else
		log_warn("exporter %s: too slow, queue full; lost: %" PRIu64 " spans, %" PRIu64
			 " metric points",
			 q->ops->name, spans, points);
}

/* ---- the thread */

/* base +- 20 % */
static uint64_t jitter(struct queue *q, uint64_t base_ns)
{
	/* xorshift64: only has to differ between daemons */
	q->rng ^= q->rng << 13;
	q->rng ^= q->rng >> 7;
	q->rng ^= q->rng << 17;
	return base_ns - base_ns / 5 +
	       (uint64_t)((double)base_ns * 0.4 * (double)(q->rng >> 11) / 9007199254740992.0);
}

/* Sets not_before_ns after a failed try; false when the budget allows no other. */
static bool plan_retry(struct queue *q, const struct export_info *info, uint64_t deadline_ns)
{
	uint64_t now = mono_ns(), pause, after_ms = info->retry_after_ms, left;

	if (after_ms) {
		if (after_ms > QUEUE_RETRY_AFTER_MAX_MS)
			after_ms = QUEUE_RETRY_AFTER_MAX_MS;
		q->not_before_ns = mono_after_ms(now, after_ms);
		return q->not_before_ns < deadline_ns;
	}
	pause = jitter(q, q->pause_ns);
	q->pause_ns = (uint64_t)((double)q->pause_ns * QUEUE_RETRY_FACTOR);
	if (q->pause_ns > q->retry_max_ns)
		q->pause_ns = q->retry_max_ns;
	q->not_before_ns = now + pause;
	if (q->not_before_ns < deadline_ns)
		return true;
	left = deadline_ns > now ? deadline_ns - now : 0;
	if (left < 2 * LAST_PAUSE_MIN_NS)
		return false;
	q->not_before_ns = now + left / 2;
	return true;
}

/* Waits for the pause to end. Returns whether the queue is closing, and then its deadline. */
static bool wait_pause(struct queue *q, uint64_t *ret_close_ns)
{
	bool closing;

	pthread_mutex_lock(&q->lock);
	while (!q->closing && mono_ns() < q->not_before_ns)
		mono_cond_wait(&q->work, &q->lock, q->not_before_ns);
	closing = q->closing;
	*ret_close_ns = q->close_deadline_ns;
	pthread_mutex_unlock(&q->lock);
	return closing;
}

static enum export_result try_once(struct queue *q, const struct node *n, uint64_t deadline_ns,
				   bool again, struct export_info *info)
{
	enum export_result res;

	*info = (struct export_info){0};
	res = q->ops->export_batch(q->state, n->b, deadline_ns, info);
	pthread_mutex_lock(&q->lock);
	q->stats.export_calls++;
	q->stats.export_retries += again;
	if (res != EXPORT_OK)
		q->stats.export_errors++;
	if (info->error_type[0])
		memcpy(q->stats.last_error_type, info->error_type, sizeof(info->error_type));
	pthread_mutex_unlock(&q->lock);
	return res;
}

/* From the first try to the batch's end, whichever it is. */
static void deal_with(struct queue *q, struct node *n)
{
	uint32_t budget_ms = n->b->type == BATCH_SPANS ? q->span_budget_ms : q->point_budget_ms;
	enum export_result res = EXPORT_RETRY;
	uint64_t deadline = 0, close_ns, rejected;
	struct export_info info = {0};
	bool again = false, more;

	do {
		bool closing = wait_pause(q, &close_ns);

		/* the first try is always made, except when there is no time left at all */
		if (closing && mono_ns() >= close_ns)
			break;
		if (!deadline)
			deadline = mono_after_ms(mono_ns(), budget_ms);
		if (closing && close_ns < deadline)
			deadline = close_ns;
		res = try_once(q, n, deadline, again, &info);
		more = res == EXPORT_RETRY && plan_retry(q, &info, deadline) && !closing;
		if (more)
			tell_failure(q, &info, true);
		again = true;
	} while (more);

	pthread_mutex_lock(&q->lock);
	rejected = info.rejected < n->items ? info.rejected : n->items;
	if (res == EXPORT_OK)
		count_done(q, n, n->items - rejected, rejected, 0);
	else
		count_done(q, n, 0, 0, n->items);
	pthread_mutex_unlock(&q->lock);
	if (res != EXPORT_RETRY) {
		/* the server is there: the next failure is a new one */
		q->pause_ns = q->retry_initial_ns;
		q->not_before_ns = 0;
	}
	if (res == EXPORT_OK)
		tell_success(q, &info);
	else if (info.error[0])
		tell_failure(q, &info, false);
	node_free(n);
}

static void *queue_thread(void *arg)
{
	struct queue *q = arg;
	struct node *n;

	for (;;) {
		pthread_mutex_lock(&q->lock);
		while (!q->first && !q->closing)
			pthread_cond_wait(&q->work, &q->lock);
		n = take(q);
		if (!n) {
			q->ended = true;
			pthread_cond_broadcast(&q->idle);
		}
		pthread_mutex_unlock(&q->lock);
		if (!n)
			return NULL;
		deal_with(q, n);
	}
}

/* ---- life */

static void queue_free(struct queue *q)
{
	pthread_cond_destroy(&q->work);
	pthread_cond_destroy(&q->idle);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/*
 * Signals are the main thread's business (signalfd), and SIGPIPE must not end the process when a
 * collector or a reader goes away: the new thread inherits a mask that blocks all.
 */
static int start_thread(struct queue *q)
{
	char name[16];
	sigset_t all, old;
	int err;

	sigfillset(&all);
	err = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (err)
		return -err;
	err = pthread_create(&q->thread, NULL, queue_thread, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	snprintf(name, sizeof(name), "exp-%.11s", q->ops->name);
	pthread_setname_np(q->thread, name);
	return 0;
}

static uint32_t or_default(uint32_t value, uint32_t def)
{
	return value ? value : def;
}

int queue_open(const struct exporter_ops *ops, const struct exporter_config *cfg,
	       struct queue **ret_q, char err[256])
{
	struct queue *q = calloc(1, sizeof(*q));
	int e;

	if (!q) {
		snprintf(err, 256, "%s: out of memory", ops->name);
		return -ENOMEM;
	}
	q->ops = ops;
	q->last = &q->first;
	q->max_spans = or_default(cfg->queue_max_spans, 2048);
	q->span_budget_ms = or_default(cfg->export_timeout_ms, 30000);
	q->point_budget_ms = or_default(cfg->metric_timeout_ms, 30000);
	q->retry_initial_ns =
		or_default(cfg->retry_initial_ms, QUEUE_RETRY_INITIAL_MS) * NSEC_PER_MSEC;
	q->retry_max_ns = or_default(cfg->retry_max_ms, QUEUE_RETRY_MAX_MS) * NSEC_PER_MSEC;
	q->pause_ns = q->retry_initial_ns;
	if (getrandom(&q->rng, sizeof(q->rng), GRND_NONBLOCK) != (ssize_t)sizeof(q->rng))
		q->rng = mono_ns();
	q->rng |= 1;
	pthread_mutex_init(&q->lock, NULL);
	mono_cond_init(&q->work);
	mono_cond_init(&q->idle);
	e = ops->open(cfg, &q->state, err);
	if (e)
		goto out;
	e = start_thread(q);
	if (e) {
		char reason[96];

		snprintf(err, 256, "%s: cannot start a thread: %s", ops->name,
			 strerror_r(-e, reason, sizeof(reason)));
		ops->close(q->state);
		goto out;
	}
	*ret_q = q;
	return 0;
out:
	queue_free(q);
	return e;
}

void queue_stats(struct queue *q, struct queue_stats *ret_stats)
{
	pthread_mutex_lock(&q->lock);
	*ret_stats = q->stats;
	pthread_mutex_unlock(&q->lock);
}

const char *queue_name(const struct queue *q)
{
	return q->ops->name;
}

bool queue_flush(struct queue *q, uint32_t timeout_ms)
{
	uint64_t until = mono_after_ms(mono_ns(), timeout_ms), target;
	bool done;

	pthread_mutex_lock(&q->lock);
	target = q->seq_in;
	while (q->seq_done < target && !q->ended && mono_ns() < until)
		mono_cond_wait(&q->idle, &q->lock, until);
	done = q->seq_done >= target;
	pthread_mutex_unlock(&q->lock);
	return done;
}

static bool wait_ended(struct queue *q, uint64_t until_ns)
{
	bool ended;

	pthread_mutex_lock(&q->lock);
	while (!q->ended && mono_ns() < until_ns)
		mono_cond_wait(&q->idle, &q->lock, until_ns);
	ended = q->ended;
	pthread_mutex_unlock(&q->lock);
	return ended;
}

void queue_close(struct queue *q, uint32_t timeout_ms, struct queue_stats *ret_stats)
{
	uint64_t deadline = mono_after_ms(mono_ns(), timeout_ms);
	struct queue_stats final;
	bool ended;

	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	q->close_deadline_ns = deadline;
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);

	ended = wait_ended(q, deadline);
	if (!ended) {
		/* between two batches the thread sees the deadline itself; inside one it needs this
		 */
		if (q->ops->abort)
			q->ops->abort(q->state);
		ended = wait_ended(q, mono_after_ms(mono_ns(), ABORT_GRACE_MS));
	}
	queue_stats(q, &final);
	/* what a thread left behind still holds will not be sent */
	final.spans_failed += final.queued_spans;
	final.points_failed += final.queued_points;
	final.queued_spans = final.queued_points = 0;
	if (ret_stats)
		*ret_stats = final;
	if (!ended) {
		log_warn("exporter %s: did not stop in time, left behind", q->ops->name);
		pthread_detach(q->thread);
		return;
	}
	pthread_join(q->thread, NULL);
	q->ops->close(q->state);
	queue_free(q);
}
