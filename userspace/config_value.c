/* SPDX-License-Identifier: Apache-2.0 */
/* From text to one option's value, whoever said it: the command line, a variable or the file. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/config_table.h"

static int whole_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
			char why[WHY_SIZE])
{
	unsigned long long n;

	/* digits only: strtoull() would take " 1", "+1" and even "-1" */
	if (!*text || text[strspn(text, "0123456789")]) {
		snprintf(why, WHY_SIZE, "'%.60s' is not a whole number", text);
		return -EINVAL;
	}
	errno = 0;
	n = strtoull(text, NULL, 10);
	if (errno || n < min || (max && n > max)) {
		snprintf(why, WHY_SIZE, "%.60s is not between %llu and %llu", text,
			 (unsigned long long)min, (unsigned long long)(max ? max : UINT64_MAX));
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

int check_power_of_two(const char *text, char why[WHY_SIZE])
{
	unsigned long long n = strtoull(text, NULL, 10);

	if (!n || (n & (n - 1))) {
		snprintf(why, WHY_SIZE, "%.60s is not a power of two", text);
		return -EINVAL;
	}
	return 0;
}

int check_ratio(const char *text, char why[WHY_SIZE])
{
	char *end = NULL;
	/* the alphabet keeps out what else strtod() takes: hexadecimal, inf, nan, blanks */
	double n = strspn(text, "0123456789.eE+-") == strlen(text) ? strtod(text, &end) : -1;

	if (!(n >= 0.0 && n <= 1.0) || end == text || *end) {
		snprintf(why, WHY_SIZE, "'%.60s' is not a ratio between 0.0 and 1.0", text);
		return -EINVAL;
	}
	return 0;
}

int check_route(const char *text, char why[WHY_SIZE])
{
	struct route_table *t = NULL;
	char err[256];
	int e = route_table_new(&text, 1, &t, err);

	if (e)
		snprintf(why, WHY_SIZE, "%.*s", WHY_SIZE - 1, err);
	route_table_free(t);
	return e;
}

/* Pairs of a `k=v,k=v` list, those that are none counted apart. Never copies: values may be secret.
 */
static void count_pairs(const char *text, size_t *ret_good, size_t *ret_bad, size_t *ret_first_bad)
{
	*ret_good = *ret_bad = *ret_first_bad = 0;
	while (*text) {
		size_t n = strcspn(text, ","), blank = strspn(text, " \t"), eq = strcspn(text, "=");

		if (blank < n && eq < n && eq > blank)
			++*ret_good;
		else if (blank < n && !(*ret_bad)++)
			*ret_first_bad = *ret_good + 1;
		text += n + (text[n] == ',');
	}
}

int check_headers(const char *text, char why[WHY_SIZE])
{
	size_t good, bad, first;

	count_pairs(text, &good, &bad, &first);
	if (!bad)
		return 0;
	/* the rest is still good, as with every OpenTelemetry exporter; the text is secret */
	snprintf(why, WHY_SIZE, "entry %zu is not name=value and is left out (%zu of %zu are)",
		 first, bad, good + bad);
	return 1;
}

int check_pairs(const char *text, char why[WHY_SIZE])
{
	size_t good, bad, first;

	count_pairs(text, &good, &bad, &first);
	if (bad) {
		/* one malformed pair discards the whole value, as the specification says */
		snprintf(why, WHY_SIZE,
			 "entry %zu is not key=value, which makes the whole value void", first);
		return -EINVAL;
	}
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%'))
		if (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2])) {
			snprintf(why, WHY_SIZE,
				 "'%.3s' is no percent-encoded byte (a percent sign is %%25)", p);
			return -EINVAL;
		}
	return 0;
}

static int set_str(char **to, const char *text)
{
	char *copy = NULL;

	if (*text) {
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*to);
	*to = copy;
	return 0;
}

static void list_clear(struct string_list *l)
{
	for (uint32_t i = 0; i < l->cnt; i++)
		free(l->v[i]);
	memset(l, 0, sizeof(*l));
}

/* How many of the words fit behind what why[] holds. */
static void add_words(char why[WHY_SIZE], const struct opt_word *words, bool taken_only)
{
	size_t n = strlen(why);
	bool first = true;

	for (const struct opt_word *w = words; w->word && n < WHY_SIZE - 1; w++) {
		if (taken_only && w->val != WORD_TAKE)
			continue;
		n += (size_t)snprintf(why + n, WHY_SIZE - n, "%s%s", first ? " " : ", ", w->word);
		first = false;
	}
}

/* What a list with words makes of one entry: *ret_word the canonical word, NULL to leave it out. */
static int list_word(const struct option_row *o, const char *entry, const char **ret_word,
		     char why[WHY_SIZE])
{
	const struct opt_word *w = o->words;

	while (w->word && strcasecmp(w->word, entry))
		w++;
	if (!w->word || w->val == WORD_REFUSE) {
		snprintf(why, WHY_SIZE,
			 w->word ? "'%.40s' is not built yet; there are" : "'%.40s' is not one of",
			 entry);
		add_words(why, o->words, true);
		return -EINVAL;
	}
	*ret_word = w->word;
	if (w->val == WORD_SKIP) {
		snprintf(why, WHY_SIZE, "'%.40s' is not built yet and left out", w->word);
		*ret_word = NULL;
		return 1;
	}
	if (w->val == WORD_RENAMED) {
		/* the table names the present name in the next row */
		snprintf(why, WHY_SIZE, "'%.40s' is the older name of '%.40s'", w->word, w[1].word);
		*ret_word = w[1].word;
		return 1;
	}
	return 0;
}

/* Twice the same exporter would export twice. */
static bool list_has(const struct string_list *l, const char *word)
{
	for (uint32_t i = 0; i < l->cnt; i++)
		if (!strcmp(l->v[i], word))
			return true;
	return false;
}

static int list_entry(const struct option_row *o, struct string_list *l, const char *text,
		      size_t len, char why[WHY_SIZE])
{
	char *entry = strndup(text, len);
	const char *word = entry;
	int r = entry ? 0 : -ENOMEM;

	if (!r && o->check)
		r = o->check(entry, why);
	if (r >= 0 && o->words)
		r = list_word(o, entry, &word, why);
	if (r < 0 || !word || list_has(l, word))
		goto out;
	if (l->cnt == CONFIG_LIST_MAX) {
		snprintf(why, WHY_SIZE, "more than %d entries", CONFIG_LIST_MAX);
		r = -EINVAL;
		goto out;
	}
	l->v[l->cnt] = strdup(word);
	if (l->v[l->cnt])
		l->cnt++;
	else
		r = -ENOMEM;
out:
	free(entry);
	return r;
}

static int list_add(const struct option_row *o, struct string_list *l, const char *text,
		    char why[WHY_SIZE])
{
	int said = 0;

	while (*text) {
		size_t n = strcspn(text, ","), skip = n + (text[n] == ',');
		const char *s = text;
		char own[WHY_SIZE] = "";
		int r = 0;

		for (; n && (*s == ' ' || *s == '\t'); n--)
			s++;
		while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
			n--;
		if (n)
			r = list_entry(o, l, s, n, own);
		if (r && (r < 0 || !said))
			memcpy(why, own, sizeof(own));
		if (r < 0)
			return r;
		said |= r;
		text += skip;
	}
	return said;
}

static int parse_ports(const char *text, struct selector *s, char why[WHY_SIZE])
{
	const char *dash = strchr(text, '-');
	char first[24];
	uint64_t lo, hi;
	int err;

	snprintf(first, sizeof(first), "%.*s",
		 dash ? (int)(dash - text < 20 ? dash - text : 20) : 20, text);
	err = whole_number(first, 1, 65535, &lo, why);
	hi = lo;
	if (!err && dash)
		err = whole_number(dash + 1, 1, 65535, &hi, why);
	if (!err && hi < lo) {
		snprintf(why, WHY_SIZE, "'%.60s' ends before it begins", text);
		err = -EINVAL;
	}
	if (err)
		return err;
	s->lo = (uint16_t)lo;
	s->hi = (uint16_t)hi;
	return 0;
}

static int add_selector(struct config *c, const struct option_row *o, const char *text,
			char why[WHY_SIZE])
{
	struct selector s = {.kind = (enum selector_kind)o->min};
	uint64_t pid = 0;
	int err = 0;

	switch (s.kind) {
	case SELECT_PID:
		err = whole_number(text, 1, 4194304, &pid, why);
		s.pid = (pid_t)pid;
		break;
	case SELECT_PORT:
		err = parse_ports(text, &s, why);
		break;
	case SELECT_ALL:
		if (!strcasecmp(text, "false"))
			return 0;
		if (strcasecmp(text, "true")) {
			snprintf(why, WHY_SIZE, "'%.40s' is neither true nor false", text);
			err = -EINVAL;
		}
		break;
	case SELECT_EXE:
	case SELECT_CGROUP:
		if (!*text) {
			snprintf(why, WHY_SIZE, "must not be empty");
			return -EINVAL;
		}
		s.text = strdup(text);
		err = s.text ? 0 : -ENOMEM;
		break;
	}
	if (!err && c->selector_cnt == CONFIG_LIST_MAX) {
		snprintf(why, WHY_SIZE, "more than %d selections", CONFIG_LIST_MAX);
		err = -EINVAL;
	}
	if (err) {
		free(s.text);
		return err;
	}
	c->selectors[c->selector_cnt++] = s;
	return 0;
}

void option_selectors_clear(struct config *c)
{
	for (uint32_t i = 0; i < c->selector_cnt; i++)
		free(c->selectors[i].text);
	memset(c->selectors, 0, sizeof(c->selectors));
	c->selector_cnt = 0;
	for (size_t i = 0; i < option_cnt; i++)
		if (option_table[i].type == OPT_SELECTOR) {
			free(c->origin[i]);
			c->origin[i] = NULL;
		}
}

static int set_enum(uint32_t *to, const struct opt_word *words, const char *text,
		    char why[WHY_SIZE])
{
	for (const struct opt_word *w = words; w->word; w++)
		if (!strcasecmp(w->word, text)) {
			*to = w->val;
			return 0;
		}
	snprintf(why, WHY_SIZE, "'%.40s' is not one of", text);
	add_words(why, words, false);
	return -EINVAL;
}

static int set_bool(bool *to, const char *text, const char *yes, const char *no, char why[WHY_SIZE])
{
	bool is_yes = !strcasecmp(text, "true") || !strcasecmp(text, yes);

	if (!is_yes && strcasecmp(text, "false") && strcasecmp(text, no)) {
		snprintf(why, WHY_SIZE, "'%.40s' is neither %s nor %s", text, yes, no);
		return -EINVAL;
	}
	*to = is_yes;
	return 0;
}

static int set_number(const struct option_row *o, void *to, const char *text, char why[WHY_SIZE])
{
	uint64_t n;
	int err = whole_number(text, o->min, o->max, &n, why);

	if (!err && o->check)
		err = o->check(text, why);
	if (err)
		return err;
	if (o->type == OPT_U64)
		*(uint64_t *)to = n;
	else
		*(uint32_t *)to = (uint32_t)n;
	return 0;
}

/* A bare flag counts up; a variable or the file says the level itself. */
static int set_count(uint32_t *to, const char *text, char why[WHY_SIZE])
{
	uint64_t n;
	int err;

	if (!strcmp(text, "true")) {
		++*to;
		return 0;
	}
	err = whole_number(text, 0, 2, &n, why);
	if (!err)
		*to = (uint32_t)n;
	return err;
}

int option_set(struct config *c, const struct option_row *o, const char *text, bool replace,
	       char why[WHY_SIZE])
{
	void *to = (char *)c + o->at;
	int said = 0, err;

	why[0] = 0;
	switch (o->type) {
	case OPT_STR:
		if (*text && o->check)
			said = o->check(text, why);
		if (said < 0)
			return said;
		err = set_str(to, text);
		return err ? err : said;
	case OPT_BOOL:
		return set_bool(to, text, "true", "false", why);
	case OPT_ONOFF:
		return set_bool(to, text, "on", "off", why);
	case OPT_U32:
	case OPT_U64:
		return set_number(o, to, text, why);
	case OPT_ENUM:
		return set_enum(to, o->words, text, why);
	case OPT_LIST:
		if (replace)
			list_clear(to);
		return list_add(o, to, text, why);
	case OPT_SELECTOR:
		return add_selector(c, o, text, why);
	case OPT_COUNT:
		return set_count(to, text, why);
	}
	return -EINVAL;
}

void option_origin(struct config *c, const struct option_row *o, const char *origin)
{
	char **to = &c->origin[o - option_table];

	free(*to);
	*to = strdup(origin);
}

static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((a[i] == '_' ? '-' : a[i]) != b[i])
			return false;
	return !b[len];
}

const struct option_row *option_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < option_cnt; i++)
		if (same_name(name, option_table[i].name, len))
			return &option_table[i];
	return NULL;
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		void *at = (char *)c + o->at;

		if (o->type == OPT_STR) {
			free(*(char **)at);
			*(char **)at = NULL;
		} else if (o->type == OPT_LIST) {
			list_clear(at);
		}
	}
	option_selectors_clear(c);
	for (size_t i = 0; i < option_cnt; i++) {
		free(c->origin[i]);
		c->origin[i] = NULL;
	}
	free(c->file);
	c->file = NULL;
}
