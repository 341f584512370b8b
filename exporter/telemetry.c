/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/telemetry.h"

#include <stdlib.h>
#include <string.h>

/*
 * References: taking one needs no ordering (whoever takes it already holds one); giving one up
 * releases what this thread did with the object, and the last one acquires what all others did.
 */
static void ref_get(atomic_int *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True when this was the last reference. */
static bool ref_put(atomic_int *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

struct resource *resource_new(void)
{
	static atomic_uint_fast64_t last_id;
	struct resource *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	atomic_init(&r->refs, 1);
	r->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
	arena_init(&r->arena, RESOURCE_ARENA_MAX);
	return r;
}

struct resource *resource_get(struct resource *r)
{
	if (r)
		ref_get(&r->refs);
	return r;
}

void resource_put(struct resource *r)
{
	if (!r || !ref_put(&r->refs))
		return;
	arena_done(&r->arena);
	free(r);
}

const char *resource_str(const struct resource *r, const char *key)
{
	if (!r)
		return NULL;
	for (uint32_t i = 0; i < r->attr_cnt; i++) {
		const struct attr *a = &r->attrs[i];

		/* the string goes out as a C string: only one that ends where it says will do */
		if (a->type == ATTR_STR && !strcmp(a->key, key))
			return a->s && !a->s[a->len] ? a->s : NULL;
	}
	return NULL;
}

struct batch *batch_new(enum batch_type type, uint32_t cap)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	atomic_init(&b->refs, 1);
	b->type = type;
	b->cap = cap;
	arena_init(&b->arena, BATCH_ARENA_MAX);
	if (!cap)
		return b;
	if (type == BATCH_SPANS)
		b->spans = calloc(cap, sizeof(*b->spans));
	else
		b->metrics = calloc(cap, sizeof(*b->metrics));
	if (type == BATCH_SPANS ? !b->spans : !b->metrics) {
		free(b);
		return NULL;
	}
	return b;
}

struct batch *batch_get(struct batch *b)
{
	if (b)
		ref_get(&b->refs);
	return b;
}

void batch_put(struct batch *b)
{
	if (!b || !ref_put(&b->refs))
		return;
	if (b->type == BATCH_SPANS) {
		for (uint32_t i = 0; i < b->cnt; i++)
			resource_put(b->spans[i].resource);
		free(b->spans);
	} else {
		for (uint32_t i = 0; i < b->cnt; i++)
			resource_put(b->metrics[i].resource);
		free(b->metrics);
	}
	arena_done(&b->arena);
	free(b);
}

struct span *batch_add_span(struct batch *b, struct resource *r)
{
	struct span *sp;

	if (b->type != BATCH_SPANS || b->cnt >= b->cap)
		return NULL;
	sp = &b->spans[b->cnt++];
	sp->resource = resource_get(r);
	return sp;
}

struct metric *batch_add_metric(struct batch *b, struct resource *r)
{
	struct metric *m;

	if (b->type != BATCH_METRICS || b->cnt >= b->cap)
		return NULL;
	m = &b->metrics[b->cnt++];
	m->resource = resource_get(r);
	return m;
}

uint64_t batch_items(const struct batch *b)
{
	uint64_t n = 0;

	if (b->type == BATCH_SPANS)
		return b->cnt;
	for (uint32_t i = 0; i < b->cnt; i++)
		n += b->metrics[i].point_cnt;
	return n;
}
