/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/assemble_db.h"

#include <errno.h>
#include <stdlib.h>

/* A prepared statement of a connection. */
struct prepared {
	struct prepared *next, *prev;
	void **slot; /* the parser's place that points here */
	struct sql_stmt *sql;
	struct tracectx ctx; /* of a comment in its text: belongs to the first execution */
	bool has_ctx;
};

static enum sql_dialect dialect_of(enum db_system system)
{
	return system == DB_SYSTEM_POSTGRESQL ? SQL_POSTGRESQL : SQL_MYSQL;
}

void assemble_db_declare(struct assemble *a, struct conn *c, const struct message *m)
{
	struct prepared *p = *m->db.stmt;

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return; /* executions will say that they do not know their statement */
		p->slot = m->db.stmt;
		p->next = c->prepared;
		if (p->next)
			p->next->prev = p;
		c->prepared = p;
		*p->slot = p;
	}
	sql_stmt_unref(&a->sql, p->sql);
	p->sql = sql_stmt_get(&a->sql, m->db.text, dialect_of(m->db.system), m->db.text_cut,
			      &p->ctx, &p->has_ctx);
}

void assemble_db_forget(struct assemble *a, struct conn *c)
{
	while (c->prepared) {
		struct prepared *p = c->prepared;

		c->prepared = p->next;
		*p->slot = NULL;
		sql_stmt_unref(&a->sql, p->sql);
		free(p);
	}
}

int assemble_db_request(struct assemble *a, struct txn *t, const struct message *m,
			struct tracectx *ret_ctx, bool *ret_has_ctx)
{
	struct prepared *p = m->db.stmt ? *m->db.stmt : NULL;
	struct exchange_db *db = &t->x.db;

	db->system = m->db.system;
	db->name_space = txn_keep(t, m->db.name_space);
	db->command = m->db.command;
	db->batch = m->db.batch;
	db->rows_returned = db->rows_affected = -1;
	*ret_has_ctx = false;
	if (p) {
		db->sql = p->sql ? sql_stmt_ref(p->sql) : NULL;
		*ret_has_ctx = p->has_ctx;
		*ret_ctx = p->ctx;
		p->has_ctx = false;
	} else if (m->db.text.len) {
		db->sql = sql_stmt_get(&a->sql, m->db.text, dialect_of(m->db.system),
				       m->db.text_cut, ret_ctx, ret_has_ctx);
		if (!db->sql)
			return -ENOMEM;
	}
	if (m->db.stmt_unknown || (m->db.stmt && !db->sql)) {
		t->x.flags |= XCHG_STMT_UNKNOWN;
		a->stats->stmt_unknown++;
	}
	if (db->sql && db->sql->cut)
		a->stats->truncated++;
	return 0;
}

void assemble_db_response(struct txn *t, const struct message *m)
{
	struct exchange_db *db = &t->x.db;
	size_t n = m->db.code.len < sizeof(db->code) - 1 ? m->db.code.len : sizeof(db->code) - 1;

	db->rows_returned = m->db.rows_returned;
	db->rows_affected = m->db.rows_affected;
	db->results = m->db.results;
	db->failed = m->db.failed;
	if (n)
		memcpy(db->code, m->db.code.data, n);
	db->code[n] = 0;
}

bool assemble_db_fine(const struct exchange *x)
{
	return x->end == EXCHANGE_COMPLETE && !x->db.code[0] && !x->db.failed;
}
