/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SQLSTMT_H
#define OE_SQLSTMT_H
/*
 * Statements as spans show them. Each distinct one exists once, counted by reference: a thousand
 * connections that prepare the same statement share it. The text as it was sent is not kept.
 */
#include "userspace/base/hashmap.h"
#include "userspace/sqltext.h"
#include "userspace/tracectx.h"

enum statement_mode { STATEMENT_SANITIZED, STATEMENT_RAW, STATEMENT_OFF };

/* Distinct statements that are shared; more exist unshared. */
#define SQL_STMTS_MAX 16384u

/* Strings are NUL-terminated, "" = not known or none; see struct sql_info. */
struct sql_stmt {
	struct sql_stmt *same_hash;
	uint64_t hash;
	uint32_t refs;
	uint32_t text_len;
	uint32_t statements; /* in the text */
	uint32_t size;	     /* bytes in all */
	bool cut;	     /* the text is not whole */
	bool operations_differ;
	bool shared;
	const char *text; /* as the mode wants it; "" when off */
	const char *operation, *target, *procedure, *summary;
	char mem[];
};

struct sql_stmts {
	enum statement_mode mode;
	struct hashmap map; /* hash -> struct sql_stmt */
};

void sql_stmts_init(struct sql_stmts *t, enum statement_mode mode);
/* All references must have been given back. */
void sql_stmts_done(struct sql_stmts *t);
/*
 * The statement of `text`, with a reference; NULL: no memory. cut: the text goes on. *ret_ctx,
 * *ret_has_ctx: trace context in a comment.
 */
struct sql_stmt *sql_stmt_get(struct sql_stmts *t, struct bytes text, enum sql_dialect dialect,
			      bool cut, struct tracectx *ret_ctx, bool *ret_has_ctx);
struct sql_stmt *sql_stmt_ref(struct sql_stmt *s);
/* NULL is fine. */
void sql_stmt_unref(struct sql_stmts *t, struct sql_stmt *s);

#endif
