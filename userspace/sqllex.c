/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be known from the text alone: the server's sql_mode and standard_conforming_strings.
 * The defaults are taken (MySQL: backslash escapes, "" is a string; PostgreSQL: no escapes in '').
 */
#include "userspace/sqllex.h"

static const struct keyword keywords[] = {
#define X(name, flags) {#name, K_##name, flags},
	SQL_KEYWORDS(X)
#undef X
};

static const struct keyword no_keyword = {"", K_NONE, 0};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c >= 0x80;
}

/* The byte `ahead` of the place where the lexer stands; a blank past the end. */
static uint8_t peek(const struct sql_lexer *lx, size_t ahead)
{
	return ahead < lx->len - lx->at ? lx->s[lx->at + ahead] : ' ';
}

static const struct keyword *keyword_of(struct bytes word)
{
	size_t low = 0, high = sizeof(keywords) / sizeof(keywords[0]);

	while (low < high) {
		size_t mid = (low + high) / 2, i = 0;
		const char *name = keywords[mid].name;
		int order = 0;

		for (; i < word.len && name[i] && !order; i++) {
			uint8_t c = ascii_lower(word.data[i]);

			order = (c >= 'a' && c <= 'z' ? c - 0x20 : c) - name[i];
		}
		if (!order)
			order = i < word.len ? 1 : name[i] ? -1 : 0;
		if (!order)
			return &keywords[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return &no_keyword;
}

/* sqlcommenter: traceparent='...' in a comment */
static void read_comment(struct sql_lexer *lx, struct bytes c)
{
	static const char key[] = "traceparent='";
	const uint8_t *found, *end;

	while (c.len && (found = memmem(c.data, c.len, key, sizeof(key) - 1))) {
		bool whole = found == c.data || !(is_letter(found[-1]) || is_digit(found[-1]));

		c = bytes_from(c, (size_t)(found - c.data) + sizeof(key) - 1);
		end = c.len ? memchr(c.data, '\'', c.len) : NULL;
		if (!end)
			return;
		if (whole)
			lx->traceparent = bytes_head(c, (size_t)(end - c.data));
		c = bytes_from(c, (size_t)(end - c.data) + 1);
	}
}

/* Stands at a slash and a star. */
static void skip_comment(struct sql_lexer *lx)
{
	size_t from = lx->at + 2, depth = 1, digits = 0;

	if (!lx->pg && (peek(lx, 2) == '!' || (peek(lx, 2) == 'M' && peek(lx, 3) == '!'))) {
		lx->at += peek(lx, 2) == '!' ? 3 : 4;
		while (digits < 6 && is_digit(peek(lx, digits)))
			digits++;
		lx->at += digits >= 5 ? digits : 0;
		lx->executable = true;
		return;
	}
	for (lx->at += 2; lx->at < lx->len && depth;) {
		if (peek(lx, 0) == '*' && peek(lx, 1) == '/') {
			depth--;
			lx->at += 2;
		} else if (lx->pg && peek(lx, 0) == '/' && peek(lx, 1) == '*') {
			depth++;
			lx->at += 2;
		} else {
			lx->at++;
		}
	}
	read_comment(lx, bytes_of(lx->s + from, lx->at - (depth ? 0 : 2) - from));
}

/* White space and comments; true: a line ended there. */
static bool skip_blanks(struct sql_lexer *lx)
{
	bool line = false;

	while (lx->at < lx->len) {
		uint8_t c = peek(lx, 0), next = peek(lx, 1);

		if (sql_blank(c)) {
			line |= c == '\n' || c == '\r';
			lx->at++;
		} else if (c == '/' && next == '*') {
			skip_comment(lx);
		} else if (lx->executable && c == '*' && next == '/') {
			lx->executable = false;
			lx->at += 2;
		} else if ((c == '-' && next == '-' && (lx->pg || sql_blank(peek(lx, 2)))) ||
			   (c == '#' && !lx->pg)) {
			const uint8_t *end = memchr(lx->s + lx->at, '\n', lx->len - lx->at);

			lx->at = end ? (size_t)(end - lx->s) : lx->len;
		} else {
			break;
		}
	}
	return line;
}

/* Stands at the opening quote. Goes past the closing one, or to the end: false. */
static bool skip_quoted(struct sql_lexer *lx, bool escapes)
{
	uint8_t quote = lx->s[lx->at++];

	while (lx->at < lx->len) {
		uint8_t c = lx->s[lx->at++];

		if (c == '\\' && escapes)
			lx->at += lx->at < lx->len;
		else if (c == quote && peek(lx, 0) == quote)
			lx->at++;
		else if (c == quote)
			return true;
	}
	return false;
}

/* Stands at a $ of PostgreSQL. */
static enum token_kind read_dollar(struct sql_lexer *lx)
{
	size_t tag = 1;
	const uint8_t *end;

	while (tag < lx->len - lx->at && is_digit(peek(lx, tag)))
		tag++;
	if (tag > 1) {
		lx->at += tag;
		return T_PLACEHOLDER;
	}
	while (is_letter(peek(lx, tag)) || is_digit(peek(lx, tag)))
		tag++;
	if (peek(lx, tag) != '$') { /* an error, or cut in the tag */
		lx->at += tag;
		return T_STRING;
	}
	tag++;
	end = memmem(lx->s + lx->at + tag, lx->len - lx->at - tag, lx->s + lx->at, tag);
	lx->at = end ? (size_t)(end - lx->s) + tag : lx->len;
	return T_STRING;
}

static enum token_kind read_number(struct sql_lexer *lx)
{
	bool prefixed =
		peek(lx, 0) == '0' && is_letter(peek(lx, 1)) && ascii_lower(peek(lx, 1)) != 'e';

	while (lx->at < lx->len) {
		uint8_t c = peek(lx, 0), next = peek(lx, 1);

		lx->at++;
		if (ascii_lower(c) == 'e' && !prefixed && (next == '+' || next == '-') &&
		    is_digit(peek(lx, 1)))
			lx->at++;
		if (!is_letter(peek(lx, 0)) && !is_digit(peek(lx, 0)) && peek(lx, 0) != '.')
			break;
	}
	return T_NUMBER;
}

/* A word, or the string it is the prefix of. `escapes`: the string goes on from the line before. */
static enum token_kind read_word(struct sql_lexer *lx, struct bytes *ret)
{
	size_t from = lx->at, len;
	uint8_t c = ascii_lower(peek(lx, 0)), next;

	while (lx->at < lx->len &&
	       (is_letter(peek(lx, 0)) || is_digit(peek(lx, 0)) || peek(lx, 0) == '$'))
		lx->at++;
	len = lx->at - from;
	next = peek(lx, 0);
	*ret = bytes_of(lx->s + from, len);
	if (lx->pg && len == 1 && c == 'u' && next == '&' &&
	    (peek(lx, 1) == '\'' || peek(lx, 1) == '"')) {
		lx->at++;
		next = peek(lx, 0);
		if (!skip_quoted(lx, false))
			return T_STRING;
		*ret = bytes_of(lx->s + from, lx->at - from);
		return next == '"' ? T_QUOTED : T_STRING;
	}
	if (next == '\'' && len == 1 &&
	    (c == 'b' || c == 'x' || c == 'n' || (lx->pg && c == 'e'))) {
		lx->escapes = !lx->pg || c == 'e';
		skip_quoted(lx, lx->escapes);
		return T_STRING;
	}
	if (!lx->pg && c == '_' && len > 1 && (next == '\'' || next == '"')) {
		skip_quoted(lx, true);
		return T_STRING;
	}
	return T_WORD;
}

static void read_operator(struct sql_lexer *lx)
{
	size_t from = lx->at;
	bool special = false;

	while (lx->at < lx->len && peek(lx, 0) && strchr("+-*/<>=~!@#%^&|", peek(lx, 0))) {
		uint8_t c = peek(lx, 0), next = peek(lx, 1);

		if (lx->at > from && ((c == '-' && next == '-') || (c == '/' && next == '*') ||
				      (lx->executable && c == '*' && next == '/') ||
				      (!lx->pg && c == '@') || (c == '%' && next == 's')))
			break;
		if (!lx->pg && c == '#')
			break;
		special |= !!strchr("~!@#%^&|", c);
		lx->at++;
	}
	if (lx->at == from)
		lx->at++;
	if (lx->pg && lx->at == from + 1 && lx->s[from] == '@' && peek(lx, 0) == '?')
		lx->at++; /* @? of jsonpath */
	/* as PostgreSQL does it: a sign at the end is one of its own */
	while (lx->at > from + 1 && !special &&
	       (lx->s[lx->at - 1] == '-' || lx->s[lx->at - 1] == '+'))
		lx->at--;
}

/* ?, :name, %s, %(name)s, @name and @@name; what is none of them: an operator */
static enum token_kind read_mark(struct sql_lexer *lx)
{
	uint8_t c = peek(lx, 0), next = peek(lx, 1);

	if (c == '?') {
		lx->at++;
		if (!lx->operand)
			return T_PLACEHOLDER;
		lx->at += lx->pg && (next == '|' || next == '&' || next == '?');
		return T_OP;
	}
	if (c == ':') {
		lx->at += next == ':' || next == '=' ? 2 : 1;
		if (!is_letter(next))
			return T_OP;
		while (is_letter(peek(lx, 0)) || is_digit(peek(lx, 0)))
			lx->at++;
		return T_PLACEHOLDER;
	}
	if (c == '%' && !lx->operand && next == 's' && !is_letter(peek(lx, 2)) &&
	    !is_digit(peek(lx, 2))) {
		lx->at += 2;
		return T_PLACEHOLDER;
	}
	if (c == '@' && !lx->pg) {
		lx->at += next == '@' ? 2 : 1;
		if (!is_letter(peek(lx, 0)) && !is_digit(peek(lx, 0)))
			return T_OP;
		while (is_letter(peek(lx, 0)) || is_digit(peek(lx, 0)) || peek(lx, 0) == '$' ||
		       (peek(lx, 0) == '.' && is_letter(peek(lx, 1))))
			lx->at++;
		return T_PLACEHOLDER;
	}
	read_operator(lx);
	return T_OP;
}

/* A sign before a number which is no operator is part of the literal. */
static bool sign_of_number(struct sql_lexer *lx)
{
	size_t at = lx->at + 1;

	if (lx->operand)
		return false;
	while (at < lx->len && sql_blank(lx->s[at]))
		at++;
	if (at < lx->len && (is_digit(lx->s[at]) ||
			     (lx->s[at] == '.' && at + 1 < lx->len && is_digit(lx->s[at + 1])))) {
		lx->at = at;
		return true;
	}
	return false;
}

static enum token_kind read_token(struct sql_lexer *lx, struct bytes *word, bool again)
{
	uint8_t c = peek(lx, 0);
	bool go_on = lx->escapes && again;

	lx->escapes = false;
	if (c == '\'' || (c == '"' && !lx->pg)) {
		lx->escapes = !lx->pg || go_on;
		skip_quoted(lx, lx->escapes);
		return T_STRING;
	}
	if (c == '"' || (c == '`' && !lx->pg))
		return skip_quoted(lx, false) ? T_QUOTED : T_STRING;
	if (c == '$' && lx->pg)
		return read_dollar(lx);
	if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1))) ||
	    ((c == '-' || c == '+') && sign_of_number(lx)))
		return read_number(lx);
	if (is_letter(c) || c == '$')
		return read_word(lx, word);
	if (strchr("?:%@", c))
		return read_mark(lx);
	if (!strchr("+-*/<>=~!#^&|", c))
		lx->at++;
	else
		read_operator(lx);
	switch (c) {
	case '(':
	case '[':
		return T_OPEN;
	case ')':
	case ']':
		return T_CLOSE;
	case ',':
		return T_COMMA;
	case ';':
		return T_SEMI;
	case '.':
		return T_DOT;
	default:
		return T_OP;
	}
}

struct token sql_next(struct sql_lexer *lx, const struct keyword **ret_keyword)
{
	size_t from = lx->at, start;
	bool line = skip_blanks(lx);
	struct token t = {.space = lx->at > from};
	const struct keyword *kw = &no_keyword;

	start = lx->at;
	if (start < lx->len) {
		t.kind = read_token(lx, &t.raw, line && lx->before == T_STRING);
		if (t.kind != T_WORD && t.raw.len == 0)
			t.raw = bytes_of(lx->s + start, lx->at - start);
	}
	t.at_end = lx->at == lx->len;
	if (t.kind == T_WORD && lx->before != T_DOT)
		kw = keyword_of(t.raw);
	lx->operand = t.kind == T_QUOTED || t.kind == T_STRING || t.kind == T_NUMBER ||
		      t.kind == T_PLACEHOLDER || t.kind == T_CLOSE ||
		      (t.kind == T_WORD && !(kw->flags & KW_EXPR));
	lx->before = t.kind;
	*ret_keyword = kw;
	return t;
}
