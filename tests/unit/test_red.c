/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms: boundaries, series, the limit, delta and cumulative, and that no request is ever lost
 * or counted twice. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/tap.h"
#include "userspace/red.h"

static const struct sem_metric metric = {
	.name = "http.server.request.duration", .description = "d", .unit = "s", .scope = "test"};

static struct sem_series series(const char *route, int status)
{
	struct sem_series s = {.metric = &metric, .attr_cnt = 2};

	snprintf(s.scratch, sizeof(s.scratch), "%s", route);
	s.attrs[0] =
		(struct attr){.key = "http.response.status_code", .type = ATTR_INT, .i = status};
	s.attrs[1] = (struct attr){
		.key = "http.route", .type = ATTR_STR, .len = (uint32_t)strlen(route)};
	return s;
}

static int add(struct red *r, struct resource *res, const char *route, int status, double d)
{
	struct sem_series s = series(route, status);

	s.value = d;
	s.attrs[1].s = s.scratch;
	return red_add(r, res, &s, 1000);
}

/* Sum of all counts; optionally the overflow point's and the number of points. */
static uint64_t collect(struct red *r, uint64_t *ret_overflow, uint32_t *ret_points)
{
	struct batch *b = batch_new(BATCH_METRICS, red_metric_cnt(r) + 1);
	uint64_t sum = 0;

	if (ret_overflow)
		*ret_overflow = 0;
	if (ret_points)
		*ret_points = 0;
	is_int(red_collect(r, b, 2000), 0, "collected");
	for (uint32_t i = 0; i < b->cnt; i++)
		for (uint32_t k = 0; k < b->metrics[i].point_cnt; k++) {
			const struct metric_point *p = &b->metrics[i].points[k];
			uint64_t buckets = 0;

			for (uint32_t j = 0; j <= p->bound_cnt; j++)
				buckets += p->buckets[j];
			if (buckets != p->count)
				ok(false, "a point's buckets add up to its count");
			sum += p->count;
			if (ret_points)
				(*ret_points)++;
			if (ret_overflow && p->attr_cnt == 1 &&
			    !strcmp(p->attrs[0].key, "otel.metric.overflow"))
				*ret_overflow = p->count;
		}
	batch_put(b);
	return sum;
}

/* A metric with boundaries of its own, beside one that has none. */
static void test_own_bounds(void)
{
	static const double bounds[] = {1, 10};
	static const struct sem_metric rows = {.name = "db.client.response.returned_rows",
					       .description = "r",
					       .unit = "{row}",
					       .scope = "test/db",
					       .bounds = bounds,
					       .bound_cnt = 2};
	struct red_config cfg = {.temporality = METRIC_CUMULATIVE};
	struct resource *a = resource_new();
	struct sem_series s = {.metric = &rows, .value = 7};
	struct batch *b = batch_new(BATCH_METRICS, 4);
	struct red *r;

	red_new(&cfg, &r);
	red_add(r, a, &s, 1000);
	s.value = 11;
	red_add(r, a, &s, 1000);
	add(r, a, "/x", 200, 7);
	red_collect(r, b, 2000);
	is_int(b->cnt, 2, "two metrics");
	for (uint32_t i = 0; i < b->cnt; i++) {
		const struct metric *m = &b->metrics[i];
		const struct metric_point *p = m->points;

		if (strcmp(m->unit, "s")) {
			is_str(m->scope, "test/db", "the metric's own scope");
			is_int(p->bound_cnt, 2, "its own boundaries");
			ok(!p->buckets[0] && p->buckets[1] == 1 && p->buckets[2] == 1,
			   "each value in its bucket");
		} else {
			is_int(p->bound_cnt, 14, "the other has the usual ones");
		}
	}
	batch_put(b);
	red_free(r);
	resource_put(a);
}

/* A value with NUL inside, as a peer may send one, is kept as long as it is. */
static const struct sem_metric sent = {
	.name = "sent", .description = "s", .unit = "{message}", .scope = "t", .kind = SEM_COUNTER};
static const struct sem_metric lag = {
	.name = "lag", .description = "l", .unit = "{message}", .scope = "t", .kind = SEM_GAUGE};

static int put(struct red *r, struct resource *res, const struct sem_metric *m, int64_t partition,
	       double v, uint64_t at)
{
	struct sem_series s = {.metric = m, .value = v, .attr_cnt = 1};

	s.attrs[0] = (struct attr){.key = "partition", .type = ATTR_INT, .i = partition};
	return red_add(r, res, &s, at);
}

/* Metrics that are shown, and their points and the sum of these. */
static void shown(struct red *r, uint64_t now, enum metric_type type, uint32_t cnt, int64_t sum,
		  const char *name)
{
	struct batch *b = batch_new(BATCH_METRICS, 8);
	uint32_t points = 0;
	int64_t total = 0;

	red_collect(r, b, now);
	for (uint32_t i = 0; i < b->cnt; i++) {
		if (b->metrics[i].type != type)
			continue;
		points += b->metrics[i].point_cnt;
		for (uint32_t k = 0; k < b->metrics[i].point_cnt; k++)
			total += b->metrics[i].points[k].i;
	}
	is_int(points, cnt, name);
	is_int(total, sum, "  their values");
	batch_put(b);
}

static void test_kinds(void)
{
	static const enum metric_temporality both[] = {METRIC_CUMULATIVE, METRIC_DELTA};
	const uint64_t s = 1000000000;
	struct resource *a = resource_new();

	for (int i = 0; i < 2; i++) {
		struct red_config cfg = {.temporality = both[i], .series_max = 4};
		bool delta = both[i] == METRIC_DELTA;
		struct red *r;

		red_new(&cfg, &r);
		put(r, a, &sent, 0, 3, s);
		put(r, a, &sent, 0, 4, s);
		put(r, a, &lag, 0, 100, s);
		put(r, a, &lag, 0, 7, s);
		put(r, a, &lag, 1, 0, 200 * s);
		shown(r, 201 * s, METRIC_SUM, 1, 7, "a counter adds up");
		shown(r, 202 * s, METRIC_SUM, delta ? 0 : 1, delta ? 0 : 7, "delta: once");
		shown(r, 202 * s, METRIC_GAUGE, 2, 7, "a gauge's last value stands");
		shown(r, 302 * s, METRIC_GAUGE, 1, 0, "for five minutes");
		is_int(put(r, a, &lag, 2, 1, s), 0, "a third partition");
		is_int(put(r, a, &lag, 3, 1, s), -ENOSPC, "beyond the limit it is said");
		is_int(put(r, a, &sent, 3, 1, s), 0, "counters have a point for the rest");
		red_free(r);
	}
	resource_put(a);
}

static void test_nul(void)
{
	static const char route[] = "a\0bcdefghijklmnopqrstuvwxyz";
	struct sem_series s = series("", 200);
	struct red_config cfg = {0};
	struct resource *a = resource_new();
	struct batch *b = batch_new(BATCH_METRICS, 4);
	const struct attr *got;
	struct red *r;

	red_new(&cfg, &r);
	s.attrs[1].s = route;
	s.attrs[1].len = sizeof(route) - 1;
	red_add(r, a, &s, 1000);
	red_collect(r, b, 2000);
	got = &b->metrics[0].points[0].attrs[1];
	ok(got->len == sizeof(route) - 1 && !memcmp(got->s, route, sizeof(route)),
	   "a value with NUL inside");
	batch_put(b);
	red_free(r);
	resource_put(a);
}

int main(void)
{
	test_own_bounds();
	test_nul();
	test_kinds();
	struct red_config cfg = {.series_max = 10, .temporality = METRIC_CUMULATIVE};
	struct resource *a = resource_new(), *z = resource_new();
	struct timespec t0, t1;
	uint64_t overflow, total = 0;
	uint32_t points;
	struct red *r;
	char route[32];

	red_new(&cfg, &r);
	add(r, a, "/x", 200, 0.005);
	add(r, a, "/x", 200, 0.0051);
	add(r, a, "/x", 500, 99);
	{
		struct batch *b = batch_new(BATCH_METRICS, 4);
		const struct metric *m;

		red_collect(r, b, 2000);
		m = &b->metrics[0];
		is_int(b->cnt, 1, "one metric");
		is_int(m->point_cnt, 2, "a point per status");
		for (uint32_t i = 0; i < m->point_cnt; i++) {
			const struct metric_point *p = &m->points[i];

			if (p->count == 2) {
				is_int(p->buckets[0], 1,
				       "a boundary belongs to the bucket below it");
				is_int(p->buckets[1], 1, "just above it to the next");
				is_int(p->bound_cnt, 14, "the recommended boundaries");
			} else {
				is_int(p->buckets[14], 1, "beyond the last boundary");
				ok(p->min == 99 && p->max == 99 && p->sum == 99, "min, max, sum");
			}
		}
		batch_put(b);
	}
	is_int(collect(r, NULL, &points), 3, "cumulative: the same again");
	for (int i = 0; i < 1000; i++) {
		snprintf(route, sizeof(route), "/r/%d", i % 50);
		add(r, i & 1 ? a : z, route, 200, 0.01);
	}
	is_int(collect(r, &overflow, &points), 1003,
	       "past the limit every request is still counted");
	ok(overflow > 0, "in the overflow point");
	is_int(points, 20, "10 points per resource, the overflow point included");
	red_retire(r, z);
	is_int(collect(r, NULL, NULL), 1003, "an ended process is reported once more");
	is_int(collect(r, NULL, NULL), 503, "and then no longer");
	red_free(r);

	cfg.temporality = METRIC_DELTA;
	cfg.series_max = 100;
	red_new(&cfg, &r);
	srand(3);
	for (int i = 1; i <= 20000; i++) {
		snprintf(route, sizeof(route), "/d/%d", rand() % 300);
		add(r, rand() & 1 ? a : z, route, rand() % 5 * 100 + 100, rand() % 1000 / 100.0);
		if (i % 997 == 0)
			total += collect(r, NULL, NULL);
	}
	total += collect(r, NULL, NULL);
	is_int(total, 20000, "delta: all collections together are all requests");
	is_int(collect(r, NULL, NULL), 0, "and nothing is left");
	red_free(r);

	cfg.temporality = METRIC_CUMULATIVE;
	red_new(&cfg, &r);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < 200000; i++)
		add(r, a, "/same/route/{id}", 200, 0.01);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	printf("# %.0f ns per request on an existing series\n",
	       ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) /
		       200000);
	red_free(r);
	resource_put(a);
	resource_put(z);
	return tap_done();
}
