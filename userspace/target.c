/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/target.h"

#include <stdlib.h>

#define TARGETS_MAX 65536u

void target_table_init(struct target_table *t, const struct proc_host *host, bool live)
{
	*t = (struct target_table){.host = host, .live = live};
	hashmap_init(&t->map, TARGETS_MAX);
}

static void target_free(struct target *x)
{
	resource_put(x->resource);
	free(x);
}

void target_table_done(struct target_table *t)
{
	HASHMAP_FOREACH (&t->map, slot) {
		struct target *x = slot->val;

		if (!--x->refs)
			target_free(x);
	}
	hashmap_done(&t->map);
}

static struct target *target_make(struct target_table *t, uint32_t tgid, struct resource *r)
{
	struct target *x = calloc(1, sizeof(*x));

	if (!x || !r)
		goto fail;
	*x = (struct target){.tgid = tgid, .refs = 1, .resource = r};
	if (!hashmap_put(&t->map, tgid, x))
		return x;
fail:
	resource_put(r);
	free(x);
	return NULL;
}

struct target *target_get(struct target_table *t, uint32_t tgid, struct target *old)
{
	struct target *x = hashmap_get(&t->map, tgid);

	if (!x)
		x = target_make(t, tgid,
				t->live ? proc_resource(t->host, (pid_t)tgid)
					: proc_resource_unknown(t->host));
	if (x)
		x->refs++;
	if (old)
		target_put(t, old);
	return x;
}

void target_put(struct target_table *t, struct target *x)
{
	if (!--x->refs)
		target_free(x);
}

static void replace(struct target_table *t, struct target *x, struct resource *r)
{
	if (!r)
		return;
	if (t->retired)
		t->retired(t->ctx, x->resource);
	resource_put(x->resource);
	x->resource = r;
}

void target_renew(struct target_table *t, uint32_t tgid)
{
	struct target *x = hashmap_get(&t->map, tgid);

	if (x && t->live)
		replace(t, x, proc_resource(t->host, (pid_t)tgid));
}

void target_gone(struct target_table *t, uint32_t tgid)
{
	struct target *x = hashmap_take(&t->map, tgid);

	if (!x)
		return;
	x->gone = true;
	if (t->retired)
		t->retired(t->ctx, x->resource);
	target_put(t, x);
}

void target_set(struct target_table *t, uint32_t tgid, struct resource *r)
{
	struct target *x = hashmap_get(&t->map, tgid);

	if (x)
		replace(t, x, r);
	else
		target_make(t, tgid, r);
}

size_t target_count(const struct target_table *t)
{
	return t->map.len;
}
