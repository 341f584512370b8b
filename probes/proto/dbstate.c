/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/dbstate.h"

#include <stdlib.h>

#include "userspace/base/hashmap.h"

#define BUCKETS	  (sizeof(((struct db_stmts *)0)->bucket) / sizeof(struct db_stmt *))
#define BLOCK_OPS 32u

static struct db_stmt **chain_of(struct db_stmts *t, const void *key, size_t len)
{
	return &t->bucket[hash_bytes(key, len, 0) % BUCKETS];
}

struct db_stmt *db_stmt_find(const struct db_stmts *t, struct bytes key)
{
	struct db_stmt *s;

	if (key.len > DB_KEY_MAX)
		return NULL;
	s = t->bucket[hash_bytes(key.data, key.len, 0) % BUCKETS];
	while (s && !bytes_eq(bytes_of(s->key, s->key_len), key))
		s = s->next;
	return s;
}

void db_stmt_ref(struct db_stmt *s)
{
	s->refs++;
}

void db_stmt_unref(struct db_stmts *t, struct db_stmt *s)
{
	struct db_stmt *bound = s->bound;

	if (--s->refs)
		return;
	s->bound = NULL;
	s->next = t->spare;
	t->spare = s;
	t->cnt--;
	if (bound)
		db_stmt_unref(t, bound);
}

static void forget_key(struct db_stmts *t, struct db_stmt *s)
{
	struct db_stmt **at = chain_of(t, s->key, s->key_len);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	*(s->older ? &s->older->newer : &t->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &t->newest) = s->older;
	s->keyed = false;
	db_stmt_unref(t, s);
}

void db_stmt_rekey(struct db_stmts *t, struct db_stmt *s, struct bytes key)
{
	struct db_stmt **at = chain_of(t, s->key, s->key_len);

	if (db_stmt_find(t, key) == s || key.len > DB_KEY_MAX)
		return;
	db_stmt_drop(t, key);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->key_len = (uint8_t)key.len;
	memcpy(s->key, key.data, key.len);
	at = chain_of(t, s->key, s->key_len);
	s->next = *at;
	*at = s;
}

void db_stmt_drop(struct db_stmts *t, struct bytes key)
{
	struct db_stmt *s = db_stmt_find(t, key);

	if (s)
		forget_key(t, s);
}

void db_stmts_clear(struct db_stmts *t)
{
	while (t->oldest)
		forget_key(t, t->oldest);
}

struct db_stmt *db_stmt_put(struct db_stmts *t, struct bytes key)
{
	struct db_stmt *s, **at;
	void *owner;

	db_stmt_drop(t, key);
	if (key.len > DB_KEY_MAX)
		return NULL;
	if (t->cnt >= DB_STMTS_MAX && t->oldest) {
		forget_key(t, t->oldest);
		t->forgotten++;
	}
	if (t->cnt >= DB_STMTS_MAX)
		return NULL; /* all held by portals */
	s = t->spare;
	if (s)
		t->spare = s->next;
	else
		s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	owner = s->owner;
	memset(s, 0, sizeof(*s));
	s->owner = owner;
	s->refs = 1;
	s->keyed = true;
	s->key_len = (uint8_t)key.len;
	if (key.len)
		memcpy(s->key, key.data, key.len);
	at = chain_of(t, s->key, s->key_len);
	s->next = *at;
	*at = s;
	s->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = s;
	t->newest = s;
	t->cnt++;
	return s;
}

void db_stmts_done(struct db_stmts *t)
{
	db_stmts_clear(t);
	while (t->spare) {
		struct db_stmt *s = t->spare;

		t->spare = s->next;
		free(s);
	}
}

struct db_op_block {
	struct db_op_block *next;
	struct db_op op[BLOCK_OPS];
};

struct db_op *db_op_push(struct db_ops *q)
{
	struct db_op_block *b = q->last;
	struct db_op *op;

	if (q->cnt >= DB_OPS_MAX)
		return NULL;
	if (!b || q->tail == BLOCK_OPS) {
		b = q->spare;
		q->spare = NULL;
		if (!b)
			b = malloc(sizeof(*b));
		if (!b)
			return NULL;
		b->next = NULL;
		*(q->last ? &q->last->next : &q->first) = b;
		q->last = b;
		q->tail = 0;
		if (q->first == b)
			q->head = 0;
	}
	op = &b->op[q->tail++];
	memset(op, 0, sizeof(*op));
	q->cnt++;
	return op;
}

struct db_op *db_op_at(const struct db_ops *q, uint32_t i)
{
	struct db_op_block *b = q->first;

	if (i >= q->cnt)
		return NULL;
	for (i += q->head; i >= BLOCK_OPS; i -= BLOCK_OPS)
		b = b->next;
	return &b->op[i];
}

void db_op_pop(struct db_ops *q)
{
	struct db_op_block *b = q->first;

	if (!q->cnt)
		return;
	q->cnt--;
	if (++q->head < BLOCK_OPS && (q->cnt || b != q->last))
		return;
	/* used up, or empty: for the next one; what was popped stays readable until then */
	q->head = 0;
	q->first = b->next;
	if (!q->first) {
		q->last = NULL;
		q->tail = 0;
	}
	free(q->spare);
	q->spare = b;
}

void db_ops_done(struct db_ops *q)
{
	while (q->first) {
		struct db_op_block *b = q->first;

		q->first = b->next;
		free(b);
	}
	free(q->spare);
	memset(q, 0, sizeof(*q));
}
