/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SQLTEXT_H
#define OE_SQLTEXT_H
/*
 * SQL text -> a statement without literals, and what it does to which table. One tokenizer for two
 * dialects, no grammar: what tokens say for sure. Pure, bounded, linear.
 */
#include "userspace/base/bytes.h"

enum sql_dialect { SQL_POSTGRESQL = 0, SQL_MYSQL };

#define SQL_TEXT_MAX	2048 /* bytes of sanitised text kept */
#define SQL_SUMMARY_MAX 255  /* bytes, as the conventions say */
#define SQL_NAME_MAX	128

struct sql_info {
	/* The statement: each literal replaced by ?, lists of them by one, comments taken out,
	 * white space collapsed. In IN (...) and VALUES (...) placeholders, NULL and DEFAULT count
	 * as literals, so that lists of them become one ?. NUL-terminated. */
	char text[SQL_TEXT_MAX + 1];
	uint32_t text_len;
	bool text_cut; /* the statement (or what was captured of it) is longer */
	/* Upper case: SELECT, INSERT, UPDATE ... CREATE TABLE is "CREATE TABLE"; empty: not known.
	 * Of the first statement, where there are several. */
	char operation[40];
	/* The one table, view or procedure it works on, as written without quotes, schema kept;
	 * empty: none, or several */
	char target[SQL_NAME_MAX + 1];
	char procedure[SQL_NAME_MAX + 1];  /* of CALL and EXEC */
	char summary[SQL_SUMMARY_MAX + 1]; /* "SELECT orders customers", low cardinality */
	uint32_t statements;		   /* in this text, separated by ; */
	bool operations_differ;		   /* of several statements: not all are `operation` */
	struct bytes traceparent;	   /* of a sqlcommenter comment, raw, a view of the input */
};

/*
 * Reads `sql`. cut: only its start was captured: an unterminated literal is a literal. Never fails:
 * what is not understood is left empty, and no literal ever stands in the output.
 */
void sql_read(struct bytes sql, enum sql_dialect dialect, bool cut, struct sql_info *ret);

#endif
