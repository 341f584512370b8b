/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes.
 *
 * Configured patterns are compared segment by segment; the most specific that matches wins
 * (a literal beats a placeholder, from left to right; a tail placeholder comes last).
 *
 * The heuristic answers only when every segment is either surely a word of the program or surely
 * an identifier, which becomes {id}. A word: at most 24 letters (with - _ . ~ between), at most two
 * digits which stand at its end or behind a v (v1, s3, oauth2), and not what looks like random
 * letters. An identifier: digits, UUIDs, hexadecimal of 8 and more with a digit, anything with
 * three digits or more, addresses of mail, percent-encoded junk, more than 24 characters. A file
 * name is a word only without digits; with an extension it becomes {file} unless its stem is a
 * word. More than 8 segments, or a segment that is neither surely one nor the other, and there is
 * no route: a wrong one would be worse.
 */
#include "userspace/route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SEGMENTS_MAX	       32
#define HEURISTIC_SEGMENTS_MAX 8
#define WORD_MAX	       24

struct pattern {
	char *text;
	size_t cnt;
	struct {
		struct bytes lit; /* empty: placeholder */
	} seg[SEGMENTS_MAX];
	bool tail; /* the last segment takes all that is left */
};

struct route_table {
	struct pattern *p;
	size_t cnt;
};

static size_t split(struct bytes path, struct bytes *seg, size_t max)
{
	size_t n = 0;

	path = bytes_from(path, 1);
	for (;;) {
		const uint8_t *slash = path.len ? memchr(path.data, '/', path.len) : NULL;

		if (n == max)
			return max + 1;
		seg[n++] = bytes_head(path, slash ? (size_t)(slash - path.data) : path.len);
		if (!slash)
			return n;
		path = bytes_from(path, (size_t)(slash - path.data) + 1);
	}
}

static int pattern_init(struct pattern *p, const char *text, char err[256])
{
	struct bytes seg[SEGMENTS_MAX];

	if (text[0] != '/') {
		snprintf(err, 256, "route '%.100s': must begin with /", text);
		return -EINVAL;
	}
	p->text = strdup(text);
	if (!p->text)
		return -ENOMEM;
	p->cnt = split(bytes_str(p->text), seg, SEGMENTS_MAX);
	if (p->cnt > SEGMENTS_MAX) {
		snprintf(err, 256, "route '%.100s': more than %d segments", text, SEGMENTS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < p->cnt; i++) {
		struct bytes s = seg[i];
		bool open = s.len && s.data[0] == '{', close = s.len && s.data[s.len - 1] == '}';
		bool star = bytes_eq(s, BYTES_LIT("*"));
		bool dots = open && close && s.len > 5 && !memcmp(s.data + s.len - 4, "...", 3);

		if (open != close || (open && s.len < 3) || (!open && memchr(s.data, '{', s.len))) {
			snprintf(err, 256,
				 "route '%.100s': a placeholder is a whole segment, like {id}",
				 text);
			return -EINVAL;
		}
		if ((star || dots) && i + 1 < p->cnt) {
			snprintf(err, 256, "route '%.100s': * and {name...} stand at the end only",
				 text);
			return -EINVAL;
		}
		p->tail |= star || dots;
		p->seg[i].lit = open || star ? BYTES_NONE : s;
		/* the empty segment behind a final slash is a literal that matches only itself */
		if (!s.len)
			p->seg[i].lit = bytes_of("", 0);
	}
	return 0;
}

int route_table_new(const char *const *patterns, size_t cnt, struct route_table **ret,
		    char err[256])
{
	struct route_table *t = calloc(1, sizeof(*t));
	int e = -ENOMEM;

	if (t)
		t->p = calloc(cnt ? cnt : 1, sizeof(*t->p));
	if (!t || !t->p)
		goto fail;
	for (; t->cnt < cnt; t->cnt++) {
		e = pattern_init(&t->p[t->cnt], patterns[t->cnt], err);
		if (e) {
			t->cnt++;
			goto fail;
		}
	}
	*ret = t;
	return 0;
fail:
	if (e == -ENOMEM)
		snprintf(err, 256, "out of memory");
	route_table_free(t);
	return e;
}

void route_table_free(struct route_table *t)
{
	for (size_t i = 0; t && t->p && i < t->cnt; i++)
		free(t->p[i].text);
	if (t)
		free(t->p);
	free(t);
}

static bool matches(const struct pattern *p, const struct bytes *seg, size_t cnt)
{
	if (p->tail ? cnt < p->cnt : cnt != p->cnt)
		return false;
	for (size_t i = 0; i < p->cnt; i++) {
		if (p->seg[i].lit.data ? !bytes_eq(p->seg[i].lit, seg[i])
				       : !seg[i].len && !(p->tail && i + 1 == p->cnt))
			return false;
	}
	return true;
}

/* Is a more specific than b? Both match the same path. */
static bool better(const struct pattern *a, const struct pattern *b)
{
	for (size_t i = 0; i < a->cnt && i < b->cnt; i++) {
		bool la = a->seg[i].lit.data, lb = b->seg[i].lit.data;

		if (la != lb)
			return la;
	}
	if (a->tail != b->tail)
		return !a->tail;
	return a->cnt > b->cnt;
}

static bool is_alpha(uint8_t c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

enum verdict { WORD, ID, UNSURE };

/* Letters only, but nothing a person would write: long runs without a vowel, or case mixed inside.
 */
static bool looks_random(struct bytes s)
{
	size_t run = 0, flips = 0, letters = 0, vowels = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = ascii_lower(s.data[i]);

		if (!is_alpha(c)) {
			run = 0;
			continue;
		}
		letters++;
		if (strchr("aeiouy", c)) {
			vowels++;
			run = 0;
		} else if (++run > 5) {
			return true;
		}
		if (i && is_alpha(s.data[i - 1]) && (s.data[i - 1] < 'a') != (s.data[i] < 'a'))
			flips++;
	}
	/* camelCase flips twice a word */
	return flips > 6 || (letters > 7 && flips * 2 > letters) ||
	       (letters > 6 && vowels * 6 < letters);
}

static enum verdict classify(struct bytes s)
{
	size_t digits = 0, hex = 0, other = 0, letters = 0;

	if (s.len > WORD_MAX)
		return s.len > 200 ? UNSURE : ID;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i], l = ascii_lower(c);

		digits += is_digit(c);
		letters += is_alpha(c);
		hex += is_digit(c) || (l >= 'a' && l <= 'f');
		other += !is_digit(c) && !is_alpha(c) && !strchr("-_.~", c);
		if (c == '@' || c == '%' || c == '=' || c == ':' || c == ',' || c == ';')
			return ID;
	}
	if (other)
		return UNSURE;
	if (!letters)
		return digits ? ID : s.len ? UNSURE : WORD;
	if (digits > 2 || (digits && hex == s.len && s.len >= 8))
		return ID;
	if (digits) {
		/* v1, v10, oauth2, s3, log4j: up to two digits behind letters */
		if (!is_alpha(s.data[0]) || s.len > 12)
			return ID;
		if (!is_digit(s.data[s.len - 1]) && !is_digit(s.data[s.len - 2]))
			return UNSURE;
	}
	if (hex == s.len && s.len >= 12)
		return ID;
	return looks_random(s) ? ID : WORD;
}

static bool add(char *out, size_t size, size_t *at, struct bytes s)
{
	if (*at + s.len + 1 >= size)
		return false;
	memcpy(out + *at, s.data, s.len);
	*at += s.len;
	out[*at] = 0;
	return true;
}

/* A file: its extension says so. Only a worded stem keeps its name. */
static bool file_segment(struct bytes s, struct bytes *ret)
{
	const uint8_t *dot = NULL;

	if (s.len && memchr(s.data, '@', s.len))
		return false; /* an address of mail */
	for (size_t i = s.len; i > 1 && !dot; i--)
		if (s.data[i - 1] == '.')
			dot = s.data + i - 1;
	if (!dot || s.data + s.len - dot > 6 || dot + 1 == s.data + s.len)
		return false;
	*ret = classify(bytes_of(s.data, (size_t)(dot - s.data))) == WORD ? s : BYTES_LIT("{file}");
	return true;
}

static bool guess(const struct bytes *seg, size_t cnt, char *out, size_t size)
{
	size_t at = 0;

	if (cnt > HEURISTIC_SEGMENTS_MAX)
		return false;
	for (size_t i = 0; i < cnt; i++) {
		struct bytes name = seg[i];

		if (!seg[i].len && i + 1 < cnt)
			return false; /* an empty segment in the middle: nothing a program would
					 define */
		if (i + 1 < cnt || !file_segment(seg[i], &name)) {
			switch (classify(seg[i])) {
			case WORD:
				break;
			case ID:
				name = BYTES_LIT("{id}");
				break;
			case UNSURE:
				return false;
			}
		}
		if (!add(out, size, &at, BYTES_LIT("/")) || !add(out, size, &at, name))
			return false;
	}
	return true;
}

enum route_source route_of(const struct route_table *t, bool heuristic, struct bytes path,
			   char *out, size_t out_size)
{
	struct bytes seg[SEGMENTS_MAX];
	const struct pattern *best = NULL;
	size_t cnt;

	if (!path.len || path.data[0] != '/')
		return ROUTE_NONE;
	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] <= 0x20 || path.data[i] >= 0x7f)
			heuristic = false;
	cnt = split(path, seg, SEGMENTS_MAX);
	if (cnt > SEGMENTS_MAX)
		return ROUTE_NONE;
	for (size_t i = 0; t && i < t->cnt; i++)
		if (matches(&t->p[i], seg, cnt) && (!best || better(&t->p[i], best)))
			best = &t->p[i];
	if (best) {
		if (strlen(best->text) >= out_size)
			return ROUTE_NONE;
		memcpy(out, best->text, strlen(best->text) + 1);
		return ROUTE_CONFIGURED;
	}
	return heuristic && guess(seg, cnt, out, out_size) ? ROUTE_HEURISTIC : ROUTE_NONE;
}
