/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A series is found by its content: resource id, metric and attributes, serialised into a key. Each
 * pair of metric and resource (a group) has at most series_max series; what comes beyond is counted
 * in one overflow point, so the sum over all points is always the number of exchanges.
 */
#include "userspace/red.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "userspace/base/clock.h"
#include "userspace/base/hashmap.h"

#define KEY_MAX	       1024
#define GROUPS_MAX     65536u
#define SERIES_ALL_MAX 262144u
#define GAUGE_NS       (300 * NSEC_PER_SEC) /* a value that old is no longer shown */

/* Recommended by the conventions for durations in seconds. */
static const double default_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
					0.5,   0.75, 1,	    2.5,  5,	 7.5, 10};

struct group;

struct series {
	const struct group *group;
	struct series *next;	  /* of its group */
	struct series *same_hash; /* other keys with the same hash */
	uint64_t hash;
	uint8_t *key;
	size_t key_len;
	struct attr *attrs;
	uint32_t attr_cnt;
	uint64_t start_ns, last_ns;
	uint64_t count;
	double sum, min, max;
	uint64_t buckets[];
};

struct group {
	struct group *next;
	struct resource *resource;
	const struct sem_metric *metric;
	const double *bounds; /* of its histograms */
	uint32_t bound_cnt;
	struct series *first;
	uint32_t cnt;
	struct series *overflow;
	bool retired;
};

struct red {
	struct red_config cfg;
	double *bounds;
	struct hashmap series; /* hash -> struct series */
	struct hashmap groups; /* hash of resource id and metric -> struct group */
	struct group *first;
	uint32_t group_cnt;
	uint64_t first_ns, last_ns; /* ends of the first and the last exchange, for rates */
};

int red_new(const struct red_config *cfg, struct red **ret)
{
	struct red *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->cfg = *cfg;
	if (!r->cfg.bounds) {
		r->cfg.bounds = default_bounds;
		r->cfg.bound_cnt = sizeof(default_bounds) / sizeof(default_bounds[0]);
	}
	if (r->cfg.series_max < 2)
		r->cfg.series_max = 2000;
	r->bounds = malloc(r->cfg.bound_cnt * sizeof(double));
	if (!r->bounds) {
		free(r);
		return -ENOMEM;
	}
	memcpy(r->bounds, r->cfg.bounds, r->cfg.bound_cnt * sizeof(double));
	r->cfg.bounds = r->bounds;
	hashmap_init(&r->series, SERIES_ALL_MAX);
	hashmap_init(&r->groups, GROUPS_MAX);
	*ret = r;
	return 0;
}

static void series_free(struct series *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->attr_cnt; i++)
		if (s->attrs[i].type == ATTR_STR)
			free((char *)s->attrs[i].s);
	free(s->attrs);
	free(s->key);
	free(s);
}

/* Takes a series out of the table. */
static void unlink_series(struct red *r, struct series *s)
{
	struct series *head = hashmap_get(&r->series, s->hash);

	if (!s->key)
		return; /* overflow points are not in it */
	if (head == s) {
		if (s->same_hash)
			hashmap_put(&r->series, s->hash, s->same_hash);
		else
			hashmap_take(&r->series, s->hash);
		return;
	}
	while (head && head->same_hash != s)
		head = head->same_hash;
	if (head)
		head->same_hash = s->same_hash;
}

static void empty_group(struct red *r, struct group *g)
{
	while (g->first) {
		struct series *s = g->first;

		g->first = s->next;
		unlink_series(r, s);
		series_free(s);
	}
	series_free(g->overflow);
	g->overflow = NULL;
	g->cnt = 0;
}

void red_free(struct red *r)
{
	if (!r)
		return;
	while (r->first) {
		struct group *g = r->first;

		r->first = g->next;
		empty_group(r, g);
		resource_put(g->resource);
		free(g);
	}
	hashmap_done(&r->series);
	hashmap_done(&r->groups);
	free(r->bounds);
	free(r);
}

static uint64_t group_key(const struct resource *res, const struct sem_metric *metric)
{
	return hash_u64(res->id * 2 + 1) ^ (uint64_t)(uintptr_t)metric;
}

static struct group *group_get(struct red *r, struct resource *res, const struct sem_series *s)
{
	uint64_t key = group_key(res, s->metric);
	struct group *g = hashmap_get(&r->groups, key);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g || hashmap_put(&r->groups, key, g)) {
		free(g);
		return NULL;
	}
	g->resource = resource_get(res);
	g->metric = s->metric;
	if (s->metric->kind == SEM_HISTOGRAM) {
		g->bounds = s->metric->bounds ? s->metric->bounds : r->bounds;
		g->bound_cnt = s->metric->bounds ? s->metric->bound_cnt : r->cfg.bound_cnt;
	}
	g->next = r->first;
	r->first = g;
	r->group_cnt++;
	return g;
}

/* resource id, metric, then per attribute its key (static memory) and value. 0: does not fit. */
static size_t make_key(const struct resource *res, const struct sem_series *s, uint8_t key[KEY_MAX])
{
	size_t n = 0;

	memcpy(key, &res->id, 8);
	memcpy(key + 8, &s->metric, sizeof(s->metric));
	n = 16;
	for (uint32_t i = 0; i < s->attr_cnt; i++) {
		const struct attr *a = &s->attrs[i];
		size_t len = a->type == ATTR_STR ? a->len : 8;

		if (n + 12 + len > KEY_MAX)
			return 0;
		memcpy(key + n, &a->key, 8);
		memcpy(key + n + 8, &a->len, 4);
		memcpy(key + n + 12, a->type == ATTR_STR ? (const void *)a->s : &a->i, len);
		n += 12 + len;
	}
	return n;
}

static struct series *series_new(const struct group *g, const struct sem_series *src, uint64_t now)
{
	struct series *s = calloc(1, sizeof(*s) + (g->bound_cnt + 1) * sizeof(uint64_t));
	char *text;

	if (!s)
		return NULL;
	s->start_ns = now;
	s->group = g;
	if (!src)
		return s;
	s->attrs = calloc(src->attr_cnt ? src->attr_cnt : 1, sizeof(*s->attrs));
	if (!s->attrs)
		goto fail;
	for (uint32_t i = 0; i < src->attr_cnt; i++, s->attr_cnt++) {
		s->attrs[i] = src->attrs[i];
		if (src->attrs[i].type != ATTR_STR)
			continue;
		text = malloc(src->attrs[i].len + 1u); /* peers may send NUL inside */
		s->attrs[i].s = text;
		if (!text)
			goto fail;
		memcpy(text, src->attrs[i].s, src->attrs[i].len);
		text[src->attrs[i].len] = 0;
	}
	return s;
fail:
	series_free(s);
	return NULL;
}

static struct series *overflow(struct group *g, uint64_t now)
{
	struct series *s = g->overflow;

	if (s)
		return s;
	s = series_new(g, NULL, now);
	if (!s)
		return NULL;
	s->attrs = calloc(1, sizeof(*s->attrs));
	if (!s->attrs) {
		series_free(s);
		return NULL;
	}
	s->attrs[0] = (struct attr){.key = "otel.metric.overflow", .type = ATTR_BOOL, .b = true};
	s->attr_cnt = 1;
	g->overflow = s;
	return s;
}

static struct series *find(struct red *r, struct resource *res, const struct sem_series *src,
			   uint64_t now, bool *ret_full)
{
	uint8_t key[KEY_MAX];
	size_t len = make_key(res, src, key);
	uint64_t hash = hash_bytes(key, len, 0);
	struct series *head = len ? hashmap_get(&r->series, hash) : NULL, *s;
	struct group *g;

	for (s = head; s; s = s->same_hash)
		if (s->key_len == len && !memcmp(s->key, key, len))
			return s;
	g = group_get(r, res, src);
	if (!g)
		return NULL;
	if (!len || g->cnt + 1 >= r->cfg.series_max || r->series.len >= SERIES_ALL_MAX) {
		/* gauges have no sum */
		*ret_full = src->metric->kind == SEM_GAUGE;
		return *ret_full ? NULL : overflow(g, now);
	}
	s = series_new(g, src, now);
	if (!s)
		return NULL;
	s->key = malloc(len);
	if (!s->key)
		goto fail;
	memcpy(s->key, key, len);
	s->key_len = len;
	s->hash = hash;
	s->same_hash = head;
	if (hashmap_put(&r->series, hash, s))
		goto fail;
	s->next = g->first;
	g->first = s;
	g->cnt++;
	return s;
fail:
	series_free(s);
	return NULL;
}

int red_add(struct red *r, struct resource *res, const struct sem_series *series, uint64_t now)
{
	bool full = false;
	struct series *s = find(r, res, series, now, &full);
	double v = series->value;
	uint32_t b = 0;

	if (!s)
		return full ? -ENOSPC : -ENOMEM;
	while (b < s->group->bound_cnt && v > s->group->bounds[b])
		b++;
	s->buckets[b]++;
	if (!s->count || v < s->min)
		s->min = v;
	if (!s->count || v > s->max)
		s->max = v;
	s->count++;
	s->sum = s->group->metric->kind == SEM_GAUGE ? v : s->sum + v;
	s->last_ns = now;
	if (!r->first_ns)
		r->first_ns = now;
	r->last_ns = now;
	return 0;
}

uint32_t red_metric_cnt(const struct red *r)
{
	return r->group_cnt;
}

static int copy_attrs(const struct series *s, struct batch *b, struct attr **ret)
{
	struct attr *attrs = arena_alloc(&b->arena, s->attr_cnt * sizeof(*attrs) + 8);

	if (!attrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->attr_cnt; i++) {
		attrs[i] = s->attrs[i];
		if (attrs[i].type == ATTR_STR) {
			attrs[i].s = arena_strndup(&b->arena, s->attrs[i].s, s->attrs[i].len);
			if (!attrs[i].s)
				return -ENOMEM;
		}
	}
	*ret = attrs;
	return 0;
}

static int copy_number(const struct series *s, struct batch *b, struct metric_point *p,
		       uint64_t now)
{
	struct attr *attrs;

	if (copy_attrs(s, b, &attrs))
		return -ENOMEM;
	*p = (struct metric_point){.attrs = attrs,
				   .attr_cnt = s->attr_cnt,
				   .start_ns = s->start_ns,
				   .time_ns = now,
				   .is_int = true,
				   .i = (int64_t)s->sum};
	return 0;
}

static int copy_point(const struct group *g, const struct series *s, struct batch *b,
		      struct metric_point *p, uint64_t now)
{
	struct attr *attrs;
	uint64_t *buckets = arena_alloc(&b->arena, (g->bound_cnt + 1) * sizeof(*buckets));
	double *bounds = arena_alloc(&b->arena, g->bound_cnt * sizeof(*bounds) + 8);

	if (copy_attrs(s, b, &attrs) || !buckets || !bounds)
		return -ENOMEM;
	memcpy(buckets, s->buckets, (g->bound_cnt + 1) * sizeof(*buckets));
	memcpy(bounds, g->bounds, g->bound_cnt * sizeof(*bounds));
	*p = (struct metric_point){.attrs = attrs,
				   .attr_cnt = s->attr_cnt,
				   .start_ns = s->start_ns,
				   .time_ns = now,
				   .count = s->count,
				   .sum = s->sum,
				   .min = s->min,
				   .max = s->max,
				   .bounds = bounds,
				   .buckets = buckets,
				   .bound_cnt = g->bound_cnt};
	return 0;
}

static int copy_series(const struct group *g, const struct series *s, struct batch *b,
		       struct metric_point *p, uint64_t now)
{
	return g->metric->kind == SEM_HISTOGRAM ? copy_point(g, s, b, p, now)
						: copy_number(s, b, p, now);
}

/* Is there something to say about it? */
static bool shown(const struct group *g, const struct series *s, uint64_t now)
{
	return g->metric->kind != SEM_GAUGE || s->last_ns + GAUGE_NS >= now;
}

static int collect_group(const struct red *r, struct group *g, struct batch *b, uint64_t now)
{
	uint32_t n = g->overflow ? 1 : 0, i = 0;
	struct metric_point *pts;
	struct metric *m;

	for (struct series *s = g->first; s; s = s->next)
		n += shown(g, s, now);
	if (!n)
		return 0;
	m = batch_add_metric(b, g->resource);
	pts = m ? arena_alloc(&b->arena, n * sizeof(*pts)) : NULL;
	if (!pts)
		return -ENOMEM;
	for (struct series *s = g->first; s; s = s->next)
		if (shown(g, s, now) && copy_series(g, s, b, &pts[i++], now))
			return -ENOMEM;
	if (g->overflow && copy_series(g, g->overflow, b, &pts[i++], now))
		return -ENOMEM;
	m->name = g->metric->name;
	m->unit = g->metric->unit;
	m->description = g->metric->description;
	m->scope = g->metric->scope;
	m->type = g->metric->kind == SEM_HISTOGRAM ? METRIC_HISTOGRAM
		  : g->metric->kind == SEM_COUNTER ? METRIC_SUM
						   : METRIC_GAUGE;
	m->monotonic = g->metric->kind == SEM_COUNTER;
	m->temporality = r->cfg.temporality ? r->cfg.temporality : METRIC_CUMULATIVE;
	m->points = pts;
	m->point_cnt = i;
	b->point_cnt += i;
	return 0;
}

int red_collect(struct red *r, struct batch *b, uint64_t now)
{
	for (struct group *g = r->first; g; g = g->next)
		if (collect_group(r, g, b, now))
			return -ENOMEM;
	/* only now that all of it stands in the batch may anything be forgotten */
	for (struct group **at = &r->first; *at;) {
		struct group *g = *at;

		/* a gauge's value stands until there is another */
		if (g->retired ||
		    (r->cfg.temporality == METRIC_DELTA && g->metric->kind != SEM_GAUGE))
			empty_group(r, g);
		if (!g->retired) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		hashmap_take(&r->groups, group_key(g->resource, g->metric));
		resource_put(g->resource);
		free(g);
		r->group_cnt--;
	}
	return 0;
}

void red_retire(struct red *r, const struct resource *res)
{
	for (struct group *g = r->first; g; g = g->next)
		if (g->resource == res)
			g->retired = true;
}

static const struct attr *attr_of(const struct series *s, const char *key)
{
	for (uint32_t i = 0; i < s->attr_cnt; i++)
		if (!strcmp(s->attrs[i].key, key))
			return &s->attrs[i];
	return NULL;
}

/* One line of the table: all statuses of one operation together. */
struct row {
	const char *service;
	char kind[8];
	char op[160];
	uint64_t count, errors;
	double max;
	const double *bounds; /* of one metric: its operations have their own names */
	uint32_t bound_cnt;
	uint64_t *buckets;
};

/* By linear interpolation inside the bucket; the last one ends at the maximum. */
static double quantile(const struct row *w, double q)
{
	double want = q * (double)w->count, seen = 0;

	for (uint32_t i = 0; i <= w->bound_cnt; i++) {
		double lo = i ? w->bounds[i - 1] : 0, hi = i < w->bound_cnt ? w->bounds[i] : w->max;

		if (hi > w->max)
			hi = w->max;
		if (w->buckets[i] && seen + (double)w->buckets[i] >= want)
			return lo + (hi - lo) * (want - seen) / (double)w->buckets[i];
		seen += (double)w->buckets[i];
	}
	return w->max;
}

static void op_name(const struct series *s, char *out, size_t size)
{
	const struct attr *verb = attr_of(s, "http.request.method"),
			  *route = attr_of(s, "http.route");
	const struct attr *host = attr_of(s, "server.address"), *port = attr_of(s, "server.port");
	const struct attr *what = verb ? verb : attr_of(s, "rpc.method");
	int n;

	if (!what)
		what = attr_of(s, "db.query.summary");
	if (!what)
		what = attr_of(s, "db.operation.name");
	if (!what) {
		what = attr_of(s, "messaging.operation.name");
		verb = what ? attr_of(s, "messaging.system") : NULL;
		route = verb ? attr_of(s, "messaging.destination.name") : NULL;
	}

	if (attr_of(s, "otel.metric.overflow"))
		n = snprintf(out, size, "(more series than the limit)");
	else if (!what)
		n = snprintf(out, size, "(not known)");
	else
		n = snprintf(out, size, "%.*s", (int)what->len, what->s);
	if (n < 0 || (size_t)n >= size)
		return;
	if (verb && route)
		snprintf(out + n, size - (size_t)n, " %.*s", (int)route->len, route->s);
	else if (host)
		snprintf(out + n, size - (size_t)n, " -> %.*s:%lld", (int)host->len, host->s,
			 port ? (long long)port->i : 0LL);
	/* bytes of strangers do not reach the terminal as they are */
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static int add_row(struct row **rows, size_t *cnt, const struct group *g, const struct series *s)
{
	const char *service = resource_str(g->resource, "service.name");
	struct row w = {.service = service ? service : "unknown_service"}, *to = NULL;

	snprintf(w.kind, sizeof(w.kind), "%s",
		 strstr(g->metric->name, ".client.") ? "client" : "server");
	op_name(s, w.op, sizeof(w.op));
	for (size_t i = 0; i < *cnt && !to; i++)
		if ((*rows)[i].bounds == g->bounds && !strcmp((*rows)[i].op, w.op) &&
		    !strcmp((*rows)[i].kind, w.kind) && !strcmp((*rows)[i].service, w.service))
			to = &(*rows)[i];
	if (!to) {
		struct row *more = realloc(*rows, (*cnt + 1) * sizeof(**rows));

		if (!more)
			return -ENOMEM;
		*rows = more;
		w.bounds = g->bounds;
		w.bound_cnt = g->bound_cnt;
		w.buckets = calloc(g->bound_cnt + 1, sizeof(uint64_t));
		if (!w.buckets)
			return -ENOMEM;
		to = &more[(*cnt)++];
		*to = w;
	}
	to->count += s->count;
	to->errors += attr_of(s, "error.type") ? s->count : 0;
	if (s->max > to->max)
		to->max = s->max;
	for (uint32_t i = 0; i <= to->bound_cnt; i++)
		to->buckets[i] += s->buckets[i];
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

static void print_seconds(FILE *f, double s)
{
	if (s < 0.001)
		fprintf(f, " %7.0fus", s * 1e6);
	else if (s < 1)
		fprintf(f, " %7.1fms", s * 1e3);
	else
		fprintf(f, " %7.2fs ", s);
}

void red_print(const struct red *r, FILE *f)
{
	double span = (double)(r->last_ns - r->first_ns) / 1e9;
	struct row *rows = NULL;
	size_t cnt = 0;

	for (const struct group *g = r->first; g; g = g->next) {
		if (strcmp(g->metric->unit, "s"))
			continue;
		for (const struct series *s = g->first; s; s = s->next)
			add_row(&rows, &cnt, g, s);
		if (g->overflow)
			add_row(&rows, &cnt, g, g->overflow);
	}
	if (!cnt) {
		fprintf(f, "no requests were seen\n");
		return;
	}
	qsort(rows, cnt, sizeof(*rows), by_count);
	fprintf(f, "%-20s %-6s %-40s %9s %8s %7s %9s %9s %9s\n", "SERVICE", "KIND", "OPERATION",
		"REQUESTS", "RATE/s", "ERRORS", "~P50", "~P95", "~P99");
	for (size_t i = 0; i < cnt; i++) {
		const struct row *w = &rows[i];

		fprintf(f, "%-20.20s %-6s %-40.40s %9llu ", w->service, w->kind, w->op,
			(unsigned long long)w->count);
		if (span >= 0.1)
			fprintf(f, "%8.1f ", (double)w->count / span);
		else
			fprintf(f, "%8s ", "-");
		fprintf(f, "%6.1f%%", 100.0 * (double)w->errors / (double)w->count);
		print_seconds(f, quantile(w, 0.50));
		print_seconds(f, quantile(w, 0.95));
		print_seconds(f, quantile(w, 0.99));
		fputc('\n', f);
		free(w->buckets);
	}
	free(rows);
}
