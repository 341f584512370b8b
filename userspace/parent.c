/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/parent.h"

#include "userspace/assemble.h"

#define THREADS_MAX 65536u

void parent_init(struct parent_table *p)
{
	hashmap_init(&p->threads, THREADS_MAX);
}

void parent_done(struct parent_table *p)
{
	hashmap_done(&p->threads);
}

void parent_enter(struct parent_table *p, struct txn *t, uint32_t tid)
{
	struct txn *first;

	if (!tid || t->on_thread)
		return;
	first = hashmap_get(&p->threads, tid);
	if (hashmap_put(&p->threads, tid, t))
		return; /* full: no parent, never a wrong one */
	t->thread_prev = NULL;
	t->thread_next = first;
	if (first)
		first->thread_prev = t;
	t->on_thread = true;
}

void parent_leave(struct parent_table *p, struct txn *t)
{
	if (!t->on_thread)
		return;
	t->on_thread = false;
	if (t->thread_next)
		t->thread_next->thread_prev = t->thread_prev;
	if (t->thread_prev)
		t->thread_prev->thread_next = t->thread_next;
	else if (t->thread_next)
		hashmap_put(&p->threads, t->x.tid, t->thread_next);
	else
		hashmap_take(&p->threads, t->x.tid);
}

struct txn *parent_of_thread(const struct parent_table *p, uint32_t tid)
{
	struct txn *t = tid ? hashmap_get(&p->threads, tid) : NULL;

	return t && !t->thread_next ? t : NULL;
}
