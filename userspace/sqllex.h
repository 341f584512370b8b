/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SQLLEX_H
#define OE_SQLLEX_H
/* SQL text -> tokens, for two dialects. Comments are no tokens. Part of sqltext. */
#include "userspace/base/bytes.h"

enum token_kind {
	T_END,
	T_WORD,
	T_QUOTED,
	T_STRING,
	T_NUMBER,
	T_PLACEHOLDER,
	T_OP,
	T_DOT,
	T_OPEN,
	T_CLOSE,
	T_COMMA,
	T_SEMI,
};

struct token {
	enum token_kind kind;
	struct bytes raw;
	bool space;  /* white space or a comment before it */
	bool at_end; /* touches the end of the input */
};

#define KW_EXPR	 1  /* an expression follows: a minus is a sign */
#define KW_ENDS	 2  /* ends a list of tables */
#define KW_START 4  /* names the operation when a statement begins with it */
#define KW_TYPE	 8  /* object of CREATE, ALTER, DROP, START ... */
#define KW_SKIP	 16 /* may stand before the name of a table */
#define KW_VALUE 32 /* a constant */

/* sorted: name, flags */
/* clang-format off */
#define SQL_KEYWORDS(X) \
	X(ABORT, KW_START) X(AGGREGATE, KW_TYPE) X(ALL, KW_EXPR) X(ALTER, KW_START) \
	X(ANALYSE, KW_START | KW_SKIP) X(ANALYZE, KW_START | KW_SKIP) X(AND, KW_EXPR) \
	X(ARRAY, KW_EXPR) X(AS, 0) X(BEGIN, KW_START) X(BETWEEN, KW_EXPR) \
	X(BINARY, KW_EXPR | KW_SKIP) X(BY, KW_EXPR) X(CALL, KW_START) X(CASE, KW_EXPR) \
	X(CHECK, KW_START) X(CHECKPOINT, KW_START) X(CLOSE, KW_START) X(CLUSTER, KW_START) \
	X(COLLATION, KW_TYPE) X(COMMENT, KW_START) X(COMMIT, KW_START) \
	X(CONCURRENTLY, KW_SKIP) X(COPY, KW_START) X(CREATE, KW_START) X(DATA, KW_TYPE) \
	X(DATABASE, KW_TYPE) X(DEALLOCATE, KW_START) X(DECLARE, KW_START) \
	X(DEFAULT, KW_EXPR | KW_VALUE) X(DELAYED, KW_SKIP) X(DELETE, KW_START) \
	X(DESC, KW_START) X(DESCRIBE, KW_START) X(DISCARD, KW_START) X(DISTINCT, KW_EXPR) \
	X(DIV, KW_EXPR) X(DO, KW_START) X(DOMAIN, KW_TYPE) X(DROP, KW_START) X(ELSE, KW_EXPR) \
	X(END, KW_START) X(EVENT, KW_TYPE) X(EXCEPT, KW_ENDS) X(EXEC, KW_START) \
	X(EXECUTE, KW_START) X(EXISTS, KW_SKIP) X(EXPLAIN, KW_START) X(EXTENSION, KW_TYPE) \
	X(FALSE, KW_VALUE) X(FETCH, KW_ENDS | KW_EXPR | KW_START) X(FLUSH, KW_START) \
	X(FOR, KW_ENDS | KW_EXPR) X(FOREIGN, KW_TYPE) X(FREEZE, KW_SKIP) X(FROM, KW_EXPR) \
	X(FULL, KW_SKIP) X(FUNCTION, KW_TYPE) X(GRANT, KW_START) X(GROUP, KW_ENDS) \
	X(HANDLER, KW_START) X(HAVING, KW_ENDS | KW_EXPR) X(HIGH_PRIORITY, KW_SKIP) \
	X(IF, KW_SKIP) X(IGNORE, KW_SKIP) X(ILIKE, KW_EXPR) X(IMMEDIATE, KW_SKIP) \
	X(IN, KW_EXPR) X(INDEX, KW_TYPE) X(INSERT, KW_START) X(INTERSECT, KW_ENDS) \
	X(INTERVAL, KW_EXPR) X(INTO, KW_ENDS) X(IS, KW_EXPR) X(JOIN, 0) \
	X(KILL, KW_START | KW_EXPR) X(LANGUAGE, KW_TYPE) X(LATERAL, KW_SKIP) X(LIKE, KW_EXPR) \
	X(LIMIT, KW_ENDS | KW_EXPR) X(LISTEN, KW_START) X(LOAD, KW_START) X(LOCK, KW_START) \
	X(LOW_PRIORITY, KW_SKIP) X(MATERIALIZED, KW_TYPE) X(MERGE, KW_START) X(MOD, KW_EXPR) \
	X(MOVE, KW_START) X(NOT, KW_EXPR | KW_SKIP) X(NOTIFY, KW_START) X(NULL, KW_VALUE) \
	X(OFFSET, KW_ENDS | KW_EXPR) X(ON, KW_EXPR) X(ONLY, KW_SKIP) X(OPERATOR, KW_TYPE) \
	X(OPTIMIZE, KW_START) X(OR, KW_EXPR) X(ORDER, KW_ENDS) X(POLICY, KW_TYPE) \
	X(PREPARE, KW_START) X(PROCEDURE, KW_TYPE) X(PUBLICATION, KW_TYPE) X(QUICK, KW_SKIP) \
	X(RECURSIVE, 0) X(REFRESH, KW_START) X(REGEXP, KW_EXPR) X(REINDEX, KW_START) \
	X(RELEASE, KW_START) X(RENAME, KW_START) X(REPAIR, KW_START) X(REPLACE, KW_START) \
	X(RESET, KW_START) X(RETURN, KW_EXPR) X(RETURNING, KW_ENDS | KW_EXPR) \
	X(REVOKE, KW_START) X(RLIKE, KW_EXPR) X(ROLE, KW_TYPE) X(ROLLBACK, KW_START) X(ROW, 0) \
	X(ROWS, 0) X(RULE, KW_TYPE) X(SAVEPOINT, KW_START) X(SCHEMA, KW_TYPE) \
	X(SELECT, KW_START | KW_EXPR) X(SEQUENCE, KW_TYPE) X(SERVER, KW_TYPE) \
	X(SET, KW_START | KW_ENDS | KW_EXPR) X(SHOW, KW_START) X(SOME, KW_EXPR) \
	X(START, KW_START) X(STATISTICS, KW_TYPE) X(STRAIGHT_JOIN, 0) X(SUBSCRIPTION, KW_TYPE) \
	X(SYSTEM, KW_TYPE) X(TABLE, KW_START | KW_TYPE | KW_SKIP) X(TABLES, KW_SKIP) \
	X(TABLESPACE, KW_TYPE) X(TEMP, KW_SKIP) X(TEMPORARY, KW_SKIP) X(THEN, KW_EXPR) \
	X(TO, KW_EXPR) X(TRANSACTION, KW_TYPE) X(TRIGGER, KW_TYPE) X(TRUE, KW_VALUE) \
	X(TRUNCATE, KW_START) X(TYPE, KW_TYPE) X(UNION, KW_ENDS) X(UNLISTEN, KW_START) \
	X(UNLOCK, KW_START) X(UNLOGGED, KW_SKIP) X(UPDATE, KW_START) X(USE, KW_START) \
	X(USER, KW_TYPE) X(USING, KW_EXPR) X(VACUUM, KW_START) X(VALUE, KW_EXPR) \
	X(VALUES, KW_START | KW_ENDS | KW_EXPR) X(VERBOSE, KW_SKIP) X(VIEW, KW_TYPE) \
	X(WHEN, KW_EXPR) X(WHERE, KW_ENDS | KW_EXPR) X(WINDOW, KW_ENDS) X(WITH, 0) \
	X(XA, KW_START) X(XOR, KW_EXPR)
/* clang-format on */

enum keyword_id {
	K_NONE,
#define X(name, flags) K_##name,
	SQL_KEYWORDS(X)
#undef X
};

struct keyword {
	const char *name;
	enum keyword_id id;
	unsigned int flags;
};

struct sql_lexer {
	const uint8_t *s;
	size_t len, at;
	bool pg;
	bool executable; /* inside an executable comment of MySQL */
	bool operand;	 /* the token before ends an operand: a sign is an operator */
	bool escapes;	 /* the token before is a string with backslash escapes */
	enum token_kind before;
	struct bytes traceparent;
};

static inline bool sql_blank(uint8_t c)
{
	return c <= ' ' || c == 0x7f;
}

/* The next token; T_END at the end. Its keyword, or one with K_NONE. */
struct token sql_next(struct sql_lexer *lx, const struct keyword **ret_keyword);

#endif
