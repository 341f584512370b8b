/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/sqlstmt.h"

#include <stdlib.h>

void sql_stmts_init(struct sql_stmts *t, enum statement_mode mode)
{
	t->mode = mode;
	hashmap_init(&t->map, SQL_STMTS_MAX);
}

void sql_stmts_done(struct sql_stmts *t)
{
	hashmap_done(&t->map);
}

/* Strings of a statement, one behind the other with their NULs. */
#define PARTS 5
struct parts {
	struct bytes part[PARTS];
	uint32_t statements;
	bool cut, operations_differ;
};

static struct sql_stmt *find(const struct sql_stmts *t, uint64_t hash, const struct parts *p)
{
	struct sql_stmt *s = hashmap_get(&t->map, hash);

	for (; s; s = s->same_hash) {
		const char *have[PARTS] = {s->text, s->operation, s->target, s->procedure,
					   s->summary};
		int i = 0;

		if (s->cut != p->cut || s->statements != p->statements ||
		    s->operations_differ != p->operations_differ)
			continue;
		while (i < PARTS && bytes_eq(bytes_str(have[i]), p->part[i]))
			i++;
		if (i == PARTS)
			return s;
	}
	return NULL;
}

static struct sql_stmt *make(const struct parts *p)
{
	const char *at[PARTS];
	struct sql_stmt *s;
	size_t size = sizeof(*s);
	char *to;

	for (int i = 0; i < PARTS; i++)
		size += p->part[i].len + 1;
	s = calloc(1, size);
	if (!s)
		return NULL;
	to = s->mem;
	for (int i = 0; i < PARTS; i++) {
		at[i] = to;
		if (p->part[i].len)
			memcpy(to, p->part[i].data, p->part[i].len);
		to += p->part[i].len + 1;
	}
	s->text = at[0];
	s->text_len = (uint32_t)p->part[0].len;
	s->operation = at[1];
	s->target = at[2];
	s->procedure = at[3];
	s->summary = at[4];
	s->statements = p->statements;
	s->cut = p->cut;
	s->operations_differ = p->operations_differ;
	s->size = (uint32_t)size;
	s->refs = 1;
	return s;
}

static void share(struct sql_stmts *t, struct sql_stmt *s, uint64_t hash)
{
	s->hash = hash;
	s->same_hash = hashmap_get(&t->map, hash);
	s->shared = hashmap_put(&t->map, hash, s) == 0;
}

/* As sent, up to the limit and never with a NUL inside. */
static struct bytes raw_text(struct bytes text, bool *cut)
{
	const uint8_t *nul = text.len ? memchr(text.data, 0, text.len) : NULL;

	if (nul)
		text.len = (size_t)(nul - text.data);
	if (text.len > SQL_TEXT_MAX) {
		text.len = SQL_TEXT_MAX;
		*cut = true;
	}
	return text;
}

struct sql_stmt *sql_stmt_get(struct sql_stmts *t, struct bytes text, enum sql_dialect dialect,
			      bool cut, struct tracectx *ret_ctx, bool *ret_has_ctx)
{
	struct sql_info info;
	struct sql_stmt *s;
	struct parts p;
	uint64_t hash = 0;

	sql_read(text, dialect, cut, &info);
	*ret_has_ctx = info.traceparent.len && tracectx_parse(info.traceparent, ret_ctx);
	p = (struct parts){.part = {bytes_of(info.text, info.text_len), bytes_str(info.operation),
				    bytes_str(info.target), bytes_str(info.procedure),
				    bytes_str(info.summary)},
			   .statements = info.statements,
			   .operations_differ = info.operations_differ,
			   .cut = info.text_cut || cut};
	if (t->mode == STATEMENT_RAW)
		p.part[0] = raw_text(text, &p.cut);
	else if (t->mode == STATEMENT_OFF)
		p.part[0] = BYTES_NONE;
	for (int i = 0; i < PARTS; i++)
		hash = hash_bytes(p.part[i].data, p.part[i].len, hash);
	s = find(t, hash, &p);
	if (s)
		return sql_stmt_ref(s);
	s = make(&p);
	if (s)
		share(t, s, hash);
	return s;
}

struct sql_stmt *sql_stmt_ref(struct sql_stmt *s)
{
	s->refs++;
	return s;
}

void sql_stmt_unref(struct sql_stmts *t, struct sql_stmt *s)
{
	struct sql_stmt *head;

	if (!s || --s->refs)
		return;
	head = s->shared ? hashmap_get(&t->map, s->hash) : NULL;
	if (head == s && s->same_hash) {
		hashmap_put(&t->map, s->hash, s->same_hash);
	} else if (head == s) {
		hashmap_take(&t->map, s->hash);
	} else if (head) {
		while (head->same_hash != s)
			head = head->same_hash;
		head->same_hash = s->same_hash;
	}
	free(s);
}
