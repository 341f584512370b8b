/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/telemetry.h"

#include <pthread.h>

#include "tests/unit/otlp_sample.h"
#include "tests/unit/tap.h"

static void test_resource(void)
{
	struct resource *a = sample_resource("shop", 42), *b = resource_new();
	struct attr at[] = {attr_str("cut", "abcdef"), attr_int("n", 1)};

	ok(a && b && a->id && b->id > a->id, "resource ids rise and are never 0");
	is_str(resource_str(a, "service.name"), "shop", "resource_str finds a string");
	is_str(resource_str(a, "process.pid"), NULL, "resource_str: an integer is no string");
	is_str(resource_str(a, "nothing"), NULL, "resource_str: an absent key");
	is_str(resource_str(b, "service.name"), NULL, "resource_str: an empty resource");
	is_str(resource_str(NULL, "service.name"), NULL, "resource_str: no resource");
	at[0].len = 3;
	b->attrs = at;
	b->attr_cnt = 2;
	is_str(resource_str(b, "cut"), NULL, "resource_str: a view into more text is no C string");
	is_int(atomic_load(&a->refs), 1, "a new resource has one reference");
	ok(resource_get(a) == a, "resource_get returns its argument");
	is_int(atomic_load(&a->refs), 2, "resource_get adds one");
	resource_put(a);
	is_int(atomic_load(&a->refs), 1, "resource_put takes it");
	resource_put(a);
	resource_put(b);
	resource_put(NULL);
	ok(arena_alloc(&(struct arena){.max = RESOURCE_ARENA_MAX}, RESOURCE_ARENA_MAX + 1) == NULL,
	   "a resource's arena has a limit");
}

static void test_batch(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = batch_new(BATCH_SPANS, 2), *m, *empty;
	struct span *sp;

	ok(b && b->cnt == 0 && b->cap == 2, "a new batch is empty");
	ok(!batch_add_metric(b, r), "no metric into a batch of spans");
	sp = batch_add_span(b, r);
	ok(sp && sp->resource == r && !sp->name && !sp->start_ns,
	   "a new span is zero but for its resource");
	ok(batch_add_span(b, r) != NULL, "the second fits");
	ok(!batch_add_span(b, r), "the third does not");
	is_int(atomic_load(&r->refs), 3, "each span holds a reference, a refused one does not");
	is_int(batch_items(b), 2, "items of a batch of spans");
	batch_get(b);
	batch_put(b);
	is_int(atomic_load(&r->refs), 3, "the batch lives on with its other reference");
	batch_put(b);
	is_int(atomic_load(&r->refs), 1, "the last batch_put gives the resources back");

	m = sample_metrics(r);
	is_int(batch_items(m), 6, "items of a batch of metrics are its points");
	ok(!batch_add_span(m, r), "no span into a batch of metrics");
	m->point_cnt = 0;
	is_int(batch_items(m), 6, "batch_items does not rely on point_cnt");
	batch_put(m);
	is_int(atomic_load(&r->refs), 1, "metrics give their resources back");

	empty = batch_new(BATCH_SPANS, 0);
	ok(empty && !batch_add_span(empty, NULL), "a batch without room");
	batch_put(empty);

	batch_put(NULL);
	resource_put(r);
}

static void *get_and_put(void *arg)
{
	struct batch *b = arg;

	for (int i = 0; i < 20000; i++) {
		batch_get(b);
		resource_get(b->spans[0].resource);
		resource_put(b->spans[0].resource);
		batch_put(b);
	}
	batch_put(b);
	return NULL;
}

static void test_threads(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = batch_new(BATCH_SPANS, 1);
	pthread_t t[4];

	batch_add_span(b, r);
	for (int i = 0; i < 4; i++) {
		batch_get(b);
		pthread_create(&t[i], NULL, get_and_put, b);
	}
	batch_put(b);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	is_int(atomic_load(&r->refs), 1, "four threads leave the counts as they were");
	resource_put(r);
}

int main(void)
{
	test_resource();
	test_batch();
	test_threads();
	return tap_done();
}
