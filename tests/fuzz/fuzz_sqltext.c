/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL text. The first byte: dialect, cut, and which half this is.
 *
 * Odd: the bytes as they are; nothing is read past the end, everything that comes out is bounded.
 * Even: a program, each byte a token, whole and correct in its dialect, with a marker in every
 * literal and comment. Cut anywhere; not one byte of the marker may come out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/sqltext.h"

#define MARK "ZZZ"

static const char *const both[] = {
	" ",
	"\n",
	" ",
	",",
	"(",
	")",
	";",
	".",
	"*",
	"=",
	"-",
	" + ",
	"a",
	"t1",
	" IN ",
	" IN (",
	" VALUES ",
	"SELECT ",
	" FROM ",
	" JOIN ",
	" WITH ",
	" AS ",
	"INSERT INTO ",
	"UPDATE ",
	"DELETE FROM ",
	" USING ",
	" WHERE ",
	" SET ",
	"CREATE ",
	"TABLE ",
	" UNION ",
	"CALL ",
	" NULL ",
	"?",
	" :name ",
	" ROW",
	"),(",
	" (",
	"EXPLAIN ",
	" BEGIN ",
	" PROCEDURE ",
	" ON ",
	" ARRAY[",
	"]",
	"::",
	" not ",
	" \xc3\xa9",
	"'" MARK "'",
	"'a''" MARK "'",
	" 1" MARK " ",
	" .5" MARK " ",
	" -1" MARK,
	" /*" MARK "*/",
	"-- " MARK "\n",
	" X'" MARK "'",
	" N'" MARK "'",
	" b'" MARK "'",
	" /*a='" MARK "',traceparent='00-" MARK "'*/",
};

static const char *const pg[] = {
	" E'\\'" MARK "'",
	" e'" MARK "\\\\'",
	" U&'" MARK "'",
	" $$" MARK "$$",
	" $a$" MARK "$b$ $$ '$a$",
	" /*/*" MARK "*/" MARK "*/",
	",'\\'", /* after a string it would be part of it */
	"\"a\"",
	" U&\"b\"",
	" $1 ",
	"->>",
	" ?| ",
	"@>",
	" ~ ",
	"#>",
	" -- " MARK "'\n",
};

static const char *const my[] = {
	"\"" MARK "\"",
	"'\\'" MARK "'",
	"\"\\\"" MARK "\"",
	" _utf8'" MARK "'",
	" _utf8mb4\"" MARK "\"",
	"`a``b`",
	"#" MARK "'\n",
	" /*!50001 ",
	"*/ ",
	" @a ",
	" @@b.c ",
	" @'" MARK "'",
	" 0x" MARK " ",
	" /*M!100100 ",
	"\\N",
	" /*" MARK "/**/",
};

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

static void fail(const char *why, struct bytes sql, const struct sql_info *i)
{
	fprintf(stderr, "%s\n%.*s\n'%s' '%s' '%s' '%s'\n", why, (int)sql.len,
		(const char *)sql.data, i->text, i->operation, i->target, i->summary);
	abort();
}

static void read_checked(struct bytes sql, bool mysql, bool cut, bool marked)
{
	static struct sql_info i;
	const struct {
		const char *s;
		size_t size;
	} out[] = {
		{i.text, sizeof(i.text)},	{i.operation, sizeof(i.operation)},
		{i.target, sizeof(i.target)},	{i.procedure, sizeof(i.procedure)},
		{i.summary, sizeof(i.summary)},
	};

	memset(&i, 'x', sizeof(i));
	sql_read(sql, mysql ? SQL_MYSQL : SQL_POSTGRESQL, cut, &i);
	for (size_t n = 0; n < CNT(out); n++) {
		if (strnlen(out[n].s, out[n].size) == out[n].size)
			fail("not terminated", sql, &i);
		if (marked && memchr(out[n].s, MARK[0], strlen(out[n].s)))
			fail("a literal came out", sql, &i);
	}
	if (strlen(i.text) != i.text_len)
		fail("length of the text", sql, &i);
	if (i.traceparent.len && (i.traceparent.data < sql.data ||
				  i.traceparent.data + i.traceparent.len > sql.data + sql.len))
		fail("traceparent is no view of the input", sql, &i);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static char made[1 << 16];
	bool mysql, cut;
	size_t len = 0;
	uint8_t *copy;

	if (size < 3)
		return 0;
	mysql = input[0] & 2;
	cut = input[0] & 4;
	if (input[0] & 1) {
		copy = malloc(size - 1); /* its end is guarded */
		memcpy(copy, input + 1, size - 1);
		read_checked(bytes_of(copy, size - 1), mysql, cut, false);
		free(copy);
		return 0;
	}
	for (size_t n = 2; n < size && len < sizeof(made) - 64; n++) {
		size_t own = mysql ? CNT(my) : CNT(pg), at = input[n] % (CNT(both) + own);
		const char *token = at < CNT(both) ? both[at] : (mysql ? my : pg)[at - CNT(both)];

		memcpy(made + len, token, strlen(token));
		len += strlen(token);
	}
	if (input[0] & 8 && len)
		len -= input[1] % len;
	copy = malloc(len + !len);
	memcpy(copy, made, len);
	read_checked(bytes_of(copy, len), mysql, cut, true);
	free(copy);
	return 0;
}
