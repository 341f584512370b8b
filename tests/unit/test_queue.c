/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "exporter/mono.h"
#include "tests/unit/otlp_sample.h"
#include "tests/unit/tap.h"
#include "userspace/base/log.h"

/* ---- an exporter that does what the test says */

struct fake {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool hold, aborted; /* export_batch waits while hold; ends it */
	bool ignore_abort;
	int calls, inside, inside_max, closed;
	uint64_t first_deadline_ms; /* how far the deadline was at the last call */
	enum export_result plan[8]; /* results of the first calls; then `rest` */
	int plan_cnt;
	enum export_result rest;
	uint64_t retry_after_ms, rejected;
	int fail_percent; /* instead of the plan */
	unsigned int seed;
	uint64_t taken; /* items whose export succeeded */
	char order[64]; /* first letters of the spans that were exported */
	uint64_t call_ns[16];
};

static struct fake fake;

static void fake_reset(void)
{
	fake = (struct fake){.rest = EXPORT_OK, .seed = 7};
	pthread_mutex_init(&fake.lock, NULL);
	mono_cond_init(&fake.cond);
}

static int fake_open(const struct exporter_config *cfg, void **ret_state, char err[256])
{
	if (cfg->otlp_file) {
		snprintf(err, 256, "fake: told to fail");
		return -EACCES;
	}
	*ret_state = &fake;
	return 0;
}

static enum export_result fake_result(const struct batch *b, struct export_info *info)
{
	enum export_result res =
		fake.calls <= fake.plan_cnt ? fake.plan[fake.calls - 1] : fake.rest;

	if (fake.fail_percent) {
		res = EXPORT_OK;
		if ((int)(rand_r(&fake.seed) % 100) < fake.fail_percent)
			res = rand_r(&fake.seed) & 1 ? EXPORT_RETRY : EXPORT_REJECTED;
	}
	if (res == EXPORT_OK) {
		info->rejected = fake.rejected;
		fake.taken += batch_items(b);
		if (b->type == BATCH_SPANS && b->spans[0].name && strlen(fake.order) < 60)
			strncat(fake.order, b->spans[0].name, 1);
	} else {
		info->retry_after_ms = fake.retry_after_ms;
		snprintf(info->error, sizeof(info->error), "fake: told to fail");
		snprintf(info->error_type, sizeof(info->error_type), "fake");
	}
	return res;
}

static enum export_result fake_export(void *state, const struct batch *b, uint64_t deadline_ns,
				      struct export_info *info)
{
	uint64_t now = mono_ns();
	enum export_result res;

	pthread_mutex_lock(&fake.lock);
	if (fake.calls < 16)
		fake.call_ns[fake.calls] = now;
	fake.calls++;
	fake.first_deadline_ms = deadline_ns > now ? (deadline_ns - now) / NSEC_PER_MSEC : 0;
	if (++fake.inside > fake.inside_max)
		fake.inside_max = fake.inside;
	while (fake.hold && (!fake.aborted || fake.ignore_abort))
		pthread_cond_wait(&fake.cond, &fake.lock);
	if (fake.aborted && !fake.ignore_abort) {
		snprintf(info->error_type, sizeof(info->error_type), "aborted");
		res = EXPORT_REJECTED;
	} else {
		res = fake_result(b, info);
	}
	fake.inside--;
	pthread_mutex_unlock(&fake.lock);
	return res;
}

static void fake_set(bool *flag, bool value)
{
	pthread_mutex_lock(&fake.lock);
	*flag = value;
	pthread_cond_broadcast(&fake.cond);
	pthread_mutex_unlock(&fake.lock);
}

static void fake_abort(void *state)
{
	fake_set(&fake.aborted, true);
}

static void fake_close(void *state)
{
	fake.closed++;
}

static const struct exporter_ops fake_ops = {
	.name = "fake",
	.traces = true,
	.metrics = true,
	.open = fake_open,
	.export_batch = fake_export,
	.close = fake_close,
	.abort = fake_abort,
};

/* ---- helpers */

static const struct exporter_config quick = {
	.queue_max_spans = 100,
	.export_timeout_ms = 2000,
	.metric_timeout_ms = 1000,
	.retry_initial_ms = 20,
	.retry_max_ms = 50,
};

static struct queue *open_queue(const struct exporter_config *cfg)
{
	struct queue *q = NULL;
	char err[256] = "";

	if (queue_open(&fake_ops, cfg, &q, err))
		printf("# queue_open: %s\n", err);
	return q;
}

static void add_spans(struct queue *q, uint32_t cnt, const char *name)
{
	struct batch *b = batch_new(BATCH_SPANS, cnt);

	for (uint32_t i = 0; i < cnt; i++)
		sample_span_small(b, NULL, "s", name, 1);
	queue_add(q, b);
	batch_put(b);
}

static bool adds_up(const struct queue_stats *s)
{
	return s->spans_in == s->spans_exported + s->spans_dropped_full + s->spans_failed +
				      s->spans_rejected + s->queued_spans &&
	       s->points_in == s->points_exported + s->points_dropped_full + s->points_failed +
				       s->points_rejected + s->queued_points;
}

static void wait_calls(int calls)
{
	for (int i = 0; i < 500; i++) {
		int now;

		pthread_mutex_lock(&fake.lock);
		now = fake.calls;
		pthread_mutex_unlock(&fake.lock);
		if (now >= calls)
			return;
		usleep(10000);
	}
}

static uint64_t elapsed_ms(uint64_t since_ns)
{
	return (mono_ns() - since_ns) / NSEC_PER_MSEC;
}

/* ---- tests */

static void test_plain(void)
{
	struct resource *r = sample_resource("shop", 1);
	struct queue_stats s;
	struct queue *q;
	struct batch *b;

	fake_reset();
	q = open_queue(&quick);
	is_str(queue_name(q), "fake", "the queue has its exporter's name");
	add_spans(q, 10, "a");
	add_spans(q, 0, "nothing");
	add_spans(q, 20, "b");
	b = sample_metrics(r);
	queue_add(q, b);
	batch_put(b);
	ok(queue_flush(q, 5000), "flush: everything left");
	queue_stats(q, &s);
	ok(adds_up(&s) && s.spans_in == 30 && s.spans_exported == 30 && s.queued_spans == 0,
	   "30 spans went out");
	ok(s.points_in == 6 && s.points_exported == 6, "6 points went out");
	is_int(s.export_calls, 3, "an empty batch is no export");
	is_str(fake.order, "ab", "in order");
	is_int(atomic_load(&r->refs), 1, "the queue gave its references back");
	queue_close(q, 1000, &s);
	ok(adds_up(&s) && fake.closed == 1, "closed once");
	queue_close(NULL, 0, NULL);
	resource_put(r);
}

static void test_open_fails(void)
{
	struct exporter_config cfg = quick;
	struct queue *q = (struct queue *)&cfg;
	char err[256] = "";

	cfg.otlp_file = "x";
	fake_reset();
	is_int(queue_open(&fake_ops, &cfg, &q, err), -EACCES, "the exporter's error comes through");
	is_str(err, "fake: told to fail", "... with its line");
	ok(q == (struct queue *)&cfg, "... and leaves ret_q alone");
}

static void test_full(void)
{
	struct resource *r = sample_resource("shop", 1);
	struct queue_stats s;
	struct queue *q;
	uint64_t start;

	fake_reset();
	fake.hold = true;
	q = open_queue(&quick);
	add_spans(q, 50, "a");
	wait_calls(1);
	/* one in flight, 100 may wait */
	add_spans(q, 60, "b");
	add_spans(q, 41, "c");
	add_spans(q, 40, "d");
	add_spans(q, 1, "e");
	start = mono_ns();
	for (int i = 0; i < 6; i++) {
		struct batch *b = sample_metrics(r);

		queue_add(q, b);
		batch_put(b);
	}
	ok(elapsed_ms(start) < 1000, "handing over does not wait for the exporter");
	queue_stats(q, &s);
	is_int(s.spans_in, 192, "all that was handed over is counted");
	is_int(s.spans_dropped_full, 42,
	       "a batch that does not fit is dropped whole, a smaller one still fits");
	is_int(s.queued_spans, 150, "waiting and in flight");
	is_int(s.points_dropped_full, 12, "metrics: four batches wait, two were dropped");
	ok(adds_up(&s), "adds up while blocked");
	ok(!queue_flush(q, 50), "flush says when it did not");
	fake_set(&fake.hold, false);
	ok(queue_flush(q, 5000), "flush after the block");
	queue_close(q, 1000, &s);
	ok(adds_up(&s) && s.spans_exported == 150 && s.points_exported == 24,
	   "what waited went out");
	is_str(fake.order, "abd", "in order, without the dropped ones");
	is_int(atomic_load(&r->refs), 1, "dropped batches are freed");
	resource_put(r);
}

static void test_retry(void)
{
	struct queue_stats s;
	struct queue *q;

	fake_reset();
	fake.plan[0] = fake.plan[1] = fake.plan[2] = EXPORT_RETRY;
	fake.plan_cnt = 3;
	q = open_queue(&quick);
	add_spans(q, 5, "a");
	ok(queue_flush(q, 5000), "retried until it went");
	queue_close(q, 1000, &s);
	ok(adds_up(&s) && s.spans_exported == 5, "the batch was sent in the end");
	is_int(s.export_calls, 4, "four calls");
	is_int(s.export_retries, 3, "three of them again");
	is_int(s.export_errors, 3, "three failed");
	is_str(s.last_error_type, "fake", "the kind of the last error");
	ok(fake.call_ns[1] - fake.call_ns[0] >= 15 * NSEC_PER_MSEC,
	   "a pause before the second try");
	ok(fake.call_ns[3] - fake.call_ns[2] >= 35 * NSEC_PER_MSEC,
	   "a longer one before the fourth");

	fake_reset();
	fake.plan[0] = EXPORT_RETRY;
	fake.plan_cnt = 1;
	fake.retry_after_ms = 400;
	q = open_queue(&quick);
	add_spans(q, 5, "a");
	queue_flush(q, 5000);
	queue_close(q, 1000, &s);
	ok(fake.call_ns[1] - fake.call_ns[0] >= 390 * NSEC_PER_MSEC, "Retry-After is honoured");

	fake_reset();
	fake.rest = EXPORT_REJECTED;
	q = open_queue(&quick);
	add_spans(q, 5, "a");
	queue_flush(q, 5000);
	queue_close(q, 1000, &s);
	ok(adds_up(&s) && s.spans_failed == 5 && s.export_calls == 1,
	   "a permanent error is not tried again");

	fake_reset();
	fake.rejected = 3;
	q = open_queue(&quick);
	add_spans(q, 5, "a");
	add_spans(q, 2, "b");
	queue_flush(q, 5000);
	queue_close(q, 1000, &s);
	ok(adds_up(&s) && s.spans_exported == 2 && s.spans_rejected == 5 && s.export_calls == 2,
	   "partial success: counted, capped, never sent again");
}

static void test_budget(void)
{
	struct exporter_config cfg = quick;
	struct queue_stats s;
	struct queue *q;
	uint64_t start = mono_ns();

	fake_reset();
	fake.rest = EXPORT_RETRY;
	cfg.export_timeout_ms = 300;
	q = open_queue(&cfg);
	add_spans(q, 5, "a");
	ok(queue_flush(q, 5000), "a dead collector: the batch is given up");
	ok(elapsed_ms(start) >= 200 && elapsed_ms(start) < 1500, "... after its budget");
	queue_stats(q, &s);
	ok(adds_up(&s) && s.spans_failed == 5 && s.export_calls >= 4, "... and counted as failed");
	queue_close(q, 1000, &s);

	fake_reset();
	fake.plan[0] = EXPORT_RETRY;
	fake.plan_cnt = 1;
	fake.retry_after_ms = 600;
	cfg.export_timeout_ms = 100;
	q = open_queue(&cfg);
	start = mono_ns();
	add_spans(q, 5, "a");
	add_spans(q, 5, "b");
	ok(queue_flush(q, 5000), "a Retry-After beyond the budget");
	queue_close(q, 1000, &s);
	ok(adds_up(&s) && s.spans_failed == 5 && s.spans_exported == 5,
	   "... fails this batch, not the next one");
	ok(fake.call_ns[1] - fake.call_ns[0] >= 590 * NSEC_PER_MSEC, "... which waits for it too");
}

static void test_close(void)
{
	struct exporter_config slow = quick;
	struct queue_stats s;
	struct queue *q;
	uint64_t start;

	slow.retry_initial_ms = slow.retry_max_ms = 60000;
	slow.export_timeout_ms = 600000;
	fake_reset();
	fake.plan[0] = EXPORT_RETRY;
	fake.plan_cnt = 1;
	q = open_queue(&slow);
	add_spans(q, 5, "a");
	add_spans(q, 5, "b");
	wait_calls(1);
	start = mono_ns();
	queue_close(q, 5000, &s);
	ok(elapsed_ms(start) < 2000, "close interrupts the pause");
	ok(adds_up(&s) && s.spans_exported == 10, "... and its last try sends what waits");

	fake_reset();
	fake.rest = EXPORT_RETRY;
	q = open_queue(&slow);
	add_spans(q, 5, "a");
	add_spans(q, 6, "b");
	wait_calls(1);
	start = mono_ns();
	queue_close(q, 3000, &s);
	ok(elapsed_ms(start) < 2000, "close with a dead collector does not use up its time");
	ok(adds_up(&s) && s.spans_failed == 11 && s.export_calls == 3,
	   "one last try per batch, then failed");

	fake_reset();
	fake.hold = true;
	q = open_queue(&slow);
	add_spans(q, 5, "a");
	add_spans(q, 6, "b");
	wait_calls(1);
	start = mono_ns();
	queue_close(q, 200, &s);
	ok(elapsed_ms(start) >= 190 && elapsed_ms(start) < 1500,
	   "close aborts an export at its deadline");
	ok(adds_up(&s) && s.spans_failed == 11 && s.queued_spans == 0 && fake.closed == 1,
	   "... and counts the rest");
	is_int(fake.calls, 1, "... without another try");
}

static void test_left_behind(void)
{
	static struct queue *q; /* static: what is left on purpose is still reachable, so no leak */
	struct queue_stats s;
	int inside = 1;
	uint64_t start;

	fake_reset();
	fake.hold = fake.ignore_abort = true;
	q = open_queue(&quick);
	add_spans(q, 5, "a");
	wait_calls(1);
	start = mono_ns();
	queue_close(q, 100, &s);
	ok(elapsed_ms(start) < 5000, "an exporter that never returns does not hang the end");
	ok(adds_up(&s) && s.spans_failed == 5 && fake.closed == 0,
	   "... its batch is counted, it is not closed");
	/* let it go, so that the sanitizers see a process without loose ends */
	fake_set(&fake.hold, false);
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&fake.lock);
		inside = fake.inside;
		pthread_mutex_unlock(&fake.lock);
		if (!inside)
			break;
		usleep(10000);
	}
	is_int(inside, 0, "... and may still come back later");
	usleep(50000);
}

/* ---- 10,000 batches through a flaky server, with a watcher of the sums */

static atomic_bool watch_stop;
static atomic_int watch_bad, watch_cnt;

static void *watch(void *arg)
{
	struct queue_stats s, before = {0};

	while (!atomic_load(&watch_stop)) {
		queue_stats(arg, &s);
		if (!adds_up(&s) || s.spans_in < before.spans_in ||
		    s.spans_exported < before.spans_exported)
			atomic_fetch_add(&watch_bad, 1);
		atomic_fetch_add(&watch_cnt, 1);
		before = s;
		usleep(200);
	}
	return NULL;
}

static void test_flaky(void)
{
	struct exporter_config cfg = {.queue_max_spans = 400,
				      .export_timeout_ms = 3,
				      .metric_timeout_ms = 3,
				      .retry_initial_ms = 1,
				      .retry_max_ms = 1};
	struct resource *r = sample_resource("shop", 1);
	uint64_t spans = 0, points = 0;
	struct queue_stats s;
	struct queue *q;
	pthread_t t;

	fake_reset();
	fake.fail_percent = 10;
	q = open_queue(&cfg);
	pthread_create(&t, NULL, watch, q);
	for (int i = 0; i < 10000; i++) {
		if (i % 10) {
			uint32_t cnt = 1 + (uint32_t)i % 40;

			add_spans(q, cnt, "x");
			spans += cnt;
		} else {
			struct batch *b = sample_metrics(r);

			points += batch_items(b);
			queue_add(q, b);
			batch_put(b);
		}
		if (i % 16 == 0)
			usleep(500);
	}
	ok(queue_flush(q, 60000), "10,000 batches are through");
	atomic_store(&watch_stop, true);
	pthread_join(t, NULL);
	queue_close(q, 5000, &s);
	ok(adds_up(&s) && s.queued_spans == 0 && s.queued_points == 0,
	   "the sums are right at the end");
	is_int(atomic_load(&watch_bad), 0, "... and were in every snapshot");
	ok(atomic_load(&watch_cnt) > 50, "... of which there were many");
	is_int(s.spans_in, spans, "spans in");
	is_int(s.points_in, points, "points in");
	is_int(s.spans_exported + s.points_exported, fake.taken,
	       "exported is what the exporter took");
	ok(s.spans_failed > 0 && s.spans_exported > 0 && s.export_retries > 0,
	   "some failed, some went, some again");
	is_int(fake.inside_max, 1, "never two exports at a time");
	is_int(atomic_load(&r->refs), 1, "nothing is still referenced");
	printf("# in %" PRIu64 " exported %" PRIu64 " full %" PRIu64 " failed %" PRIu64
	       " retries %" PRIu64 "\n",
	       s.spans_in, s.spans_exported, s.spans_dropped_full, s.spans_failed,
	       s.export_retries);
	resource_put(r);
}

/* ---- what the log says: stderr into a file */

static void test_log(void)
{
	char path[] = "/tmp/test_queue.XXXXXX", text[4096] = "";
	int fd = mkstemp(path), saved = dup(STDERR_FILENO), lines = 0;
	struct exporter_config cfg = quick;
	struct queue *q;
	ssize_t n;

	unlink(path);
	fake_reset();
	fake.rest = EXPORT_RETRY;
	cfg.export_timeout_ms = 100;
	log_set_level(LOG_INFO);
	dup2(fd, STDERR_FILENO);
	q = open_queue(&cfg);
	for (int i = 0; i < 5; i++)
		add_spans(q, 10, "a");
	queue_flush(q, 5000);
	pthread_mutex_lock(&fake.lock);
	fake.rest = EXPORT_OK;
	pthread_mutex_unlock(&fake.lock);
	add_spans(q, 10, "a");
	add_spans(q, 10, "a");
	queue_flush(q, 5000);
	queue_close(q, 1000, NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	log_set_level(LOG_NONE);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	is_int(lines, 2, "many failures and a recovery make two lines");
	ok(strstr(text, "otel-ebpf: warning: exporter fake: fake: told to fail; trying again\n") !=
		   NULL,
	   "the failure");
	ok(strstr(text, "works again after") && strstr(text, " 50 spans, 0 metric points"),
	   "the end, and what it cost");
	if (lines != 2)
		printf("# %s\n", text);
}

int main(void)
{
	log_set_level(LOG_NONE);
	test_plain();
	test_open_fails();
	test_full();
	test_retry();
	test_budget();
	test_close();
	test_flaky();
	test_log();
	/* last: its thread is not joined, so nothing may reuse what it touches */
	test_left_behind();
	return tap_done();
}
