/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_OTLP_SAMPLE_H
#define OE_OTLP_SAMPLE_H
/* Batches for the exporter tests: every field that OTLP carries, none with its default value. */
#include <stdlib.h>
#include <string.h>

#include "exporter/telemetry.h"

#define SAMPLE_START 1700000000123456789ULL
#define MS	     1000000ULL

static inline struct attr attr_str(const char *key, const char *s)
{
	return (struct attr){.key = key, .type = ATTR_STR, .len = (uint32_t)strlen(s), .s = s};
}

static inline struct attr attr_int(const char *key, int64_t i)
{
	return (struct attr){.key = key, .type = ATTR_INT, .i = i};
}

static inline struct attr attr_double(const char *key, double d)
{
	return (struct attr){.key = key, .type = ATTR_DOUBLE, .d = d};
}

static inline struct attr attr_bool(const char *key, bool b)
{
	return (struct attr){.key = key, .type = ATTR_BOOL, .b = b};
}

static inline void *sample_copy(struct arena *a, const void *p, size_t size)
{
	void *c = arena_alloc(a, size);

	if (!c)
		abort();
	return memcpy(c, p, size);
}

static inline struct resource *sample_resource(const char *service, int pid)
{
	struct resource *r = resource_new();
	struct attr at[] = {attr_str("service.name", ""), attr_int("process.pid", pid)};

	if (!r)
		abort();
	at[0].s = arena_strndup(&r->arena, service, strlen(service));
	at[0].len = (uint32_t)strlen(service);
	r->attrs = sample_copy(&r->arena, at, sizeof(at));
	r->attr_cnt = 2;
	return r;
}

/* One span with everything in it. */
static inline struct span *sample_span(struct batch *b, struct resource *r)
{
	static const char *const accept[] = {"text/html", "", "*/*"};
	struct attr at[] = {
		attr_str("http.request.method", "GET"),
		attr_int("http.response.status_code", 503),
		attr_int("min", INT64_MIN),
		attr_double("ratio", 0.1),
		attr_bool("yes", true),
		attr_bool("no", false),
		attr_str("empty", ""),
		attr_str("quote", "a\"b\\c\n\x01\xe2\x82\xac"),
		{.key = "http.request.header.accept",
		 .type = ATTR_STR_ARRAY,
		 .len = 3,
		 .sv = accept},
		{.key = "none", .type = ATTR_STR_ARRAY},
	};
	struct span_link links[] = {{.flags = 0x301, .tracestate = "a=b"}, {.flags = 0}};
	struct span *sp = batch_add_span(b, r);

	if (!sp)
		abort();
	for (int i = 0; i < 16; i++) {
		sp->trace_id[i] = (uint8_t)(0xa0 + i);
		links[0].trace_id[i] = (uint8_t)(0x10 + i);
		links[1].trace_id[i] = (uint8_t)(0x30 + i);
	}
	for (int i = 0; i < 8; i++) {
		sp->span_id[i] = (uint8_t)(0xb0 + i);
		sp->parent_id[i] = (uint8_t)(0xc0 + i);
		links[0].span_id[i] = (uint8_t)(0x20 + i);
		links[1].span_id[i] = (uint8_t)(0x40 + i);
	}
	sp->flags = 0x301;
	sp->kind = SPAN_SERVER;
	sp->status = SPAN_STATUS_ERROR;
	sp->status_msg = "it broke";
	sp->name = "GET /users/{id}";
	sp->tracestate = "vendor=x,ot=th:8";
	sp->scope = "otel-ebpf/http";
	sp->start_ns = SAMPLE_START;
	sp->first_byte_ns = SAMPLE_START + 3 * MS;
	sp->end_ns = SAMPLE_START + 12 * MS;
	sp->attrs = sample_copy(&b->arena, at, sizeof(at));
	sp->attr_cnt = sizeof(at) / sizeof(at[0]);
	sp->attr_dropped = 7;
	sp->links = sample_copy(&b->arena, links, sizeof(links));
	sp->link_cnt = 2;
	sp->link_dropped = 9;
	return sp;
}

/* As little as a span may have. */
static inline struct span *sample_span_small(struct batch *b, struct resource *r, const char *scope,
					     const char *name, uint8_t id)
{
	struct span *sp = batch_add_span(b, r);

	if (!sp)
		abort();
	sp->trace_id[15] = id;
	sp->span_id[7] = id;
	sp->kind = SPAN_CLIENT;
	sp->name = arena_strndup(&b->arena, name, strlen(name));
	sp->scope = scope;
	sp->start_ns = SAMPLE_START;
	sp->end_ns = SAMPLE_START + MS;
	return sp;
}

static inline struct metric *sample_metric(struct batch *b, struct resource *r, const char *name,
					   enum metric_type type, const struct metric_point *points,
					   uint32_t cnt)
{
	struct metric *m = batch_add_metric(b, r);

	if (!m)
		abort();
	m->name = name;
	m->unit = "s";
	m->description = "what it is";
	m->scope = "otel-ebpf/http";
	m->type = type;
	m->temporality = METRIC_CUMULATIVE;
	m->points = points;
	m->point_cnt = cnt;
	b->point_cnt += cnt;
	return m;
}

/* A histogram of two series (one empty), integer and double sums, a gauge: 6 points. */
static inline struct batch *sample_metrics(struct resource *r)
{
	static const double bounds[] = {0.005, 0.1, 10};
	static const uint64_t buckets[] = {1, 2, 0, 4}, nothing[4];
	static struct attr at[1];
	static struct metric_point hist[2], ints[2], dbl[1], gauge[1];
	struct batch *b = batch_new(BATCH_METRICS, 8);
	struct metric *m;

	if (!b)
		abort();
	at[0] = attr_str("http.route", "/users/{id}");
	hist[0] = (struct metric_point){.attrs = at,
					.attr_cnt = 1,
					.start_ns = SAMPLE_START,
					.time_ns = SAMPLE_START + MS,
					.count = 7,
					.sum = 44.25,
					.min = 0,
					.max = 12.5,
					.bounds = bounds,
					.buckets = buckets,
					.bound_cnt = 3};
	hist[1] = (struct metric_point){.start_ns = SAMPLE_START,
					.time_ns = SAMPLE_START + MS,
					.bounds = bounds,
					.buckets = nothing,
					.bound_cnt = 3};
	ints[0] = (struct metric_point){.attrs = at,
					.attr_cnt = 1,
					.start_ns = SAMPLE_START,
					.time_ns = SAMPLE_START + MS,
					.is_int = true,
					.i = INT64_MAX};
	ints[1] = (struct metric_point){
		.start_ns = SAMPLE_START, .time_ns = SAMPLE_START + MS, .is_int = true, .i = 0};
	dbl[0] = (struct metric_point){
		.start_ns = SAMPLE_START, .time_ns = SAMPLE_START + MS, .d = 0.30000000000000004};
	gauge[0] = (struct metric_point){.time_ns = SAMPLE_START + MS, .is_int = true, .i = -5};
	sample_metric(b, r, "http.server.request.duration", METRIC_HISTOGRAM, hist, 2);
	m = sample_metric(b, r, "sum.int", METRIC_SUM, ints, 2);
	m->monotonic = true;
	m->temporality = METRIC_DELTA;
	sample_metric(b, r, "sum.double", METRIC_SUM, dbl, 1);
	sample_metric(b, r, "gauge", METRIC_GAUGE, gauge, 1);
	return b;
}

#endif
