/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The declarative configuration file (YAML), in the format of OpenTelemetry's configuration schema.
 *
 * The document is walked along a grammar: one table of fields per mapping of the schema, each field
 * with the function that takes its value. A field of the schema that has no counterpart here is in
 * its table too, as "unsupported": one warning. A key that no table knows is a slip of the pen: a
 * warning at run time, an error for `config --check`. Where a field is an option, the path from the
 * root is the row's `key` in the option table.
 *
 * Present and null is not the same as missing: `console:` alone chooses the console, `sampler:
 * {always_on: }` a sampler. For a value, null means the default. What is missing altogether follows
 * the schema as well: no tracer_provider, no spans. References to the environment are replaced in
 * values, never in keys.
 *
 * Hostile input: the file has a maximum, so has the number of nodes visited (aliases make a small
 * file large), and the walk is only ever as deep as the grammar.
 */
#include "userspace/config_yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/base/log.h"

#define FILE_MAX   (1U << 20)
#define NODES_MAX  20000
#define FIELDS_MAX 64

void walk_complain(struct walk *w, const yaml_node_t *n, bool fatal, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (fatal) {
		w->errors++;
		log_error("%s:%zu:%zu: %s", w->file, n->start_mark.line + 1,
			  n->start_mark.column + 1, text);
	} else {
		log_warn("%s:%zu:%zu: %s", w->file, n->start_mark.line + 1,
			 n->start_mark.column + 1, text);
	}
}

bool walk_budget(struct walk *w, const yaml_node_t *n)
{
	if (w->visited++ < NODES_MAX)
		return true;
	if (w->visited == NODES_MAX + 1)
		walk_complain(w, n, true, "more than %d values", NODES_MAX);
	return false;
}

bool walk_null(const yaml_node_t *n)
{
	const char *text = (const char *)n->data.scalar.value;

	return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

/*
 * The text of a scalar with its references replaced, to be freed. NULL for null, which it may
 * become only now, and for what is no scalar or malformed (then there was a complaint).
 */
char *walk_text(struct walk *w, const yaml_node_t *n, const char *path)
{
	char why[WHY_SIZE], *text = NULL;
	int err;

	if (!walk_budget(w, n) || walk_null(n))
		return NULL;
	if (n->type != YAML_SCALAR_NODE) {
		walk_complain(w, n, true, "'%s' must be a single value", path);
		return NULL;
	}
	err = config_expand((const char *)n->data.scalar.value, &text, why);
	if (err) {
		walk_complain(w, n, true, "'%s': %s", path, err == -ENOMEM ? "out of memory" : why);
		return NULL;
	}
	if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"))) {
		free(text);
		return NULL;
	}
	return text;
}

void walk_set_text(struct walk *w, const yaml_node_t *n, const struct option_row *o,
		   const char *text, bool replace, const char *path)
{
	char **before = &w->given[o - option_table], why[WHY_SIZE], origin[300];
	int r = option_set(w->c, o, text, replace, why);

	if (r < 0) {
		walk_complain(w, n, true, "%s: %s", path, why[0] ? why : "out of memory");
		return;
	}
	if (r > 0)
		walk_complain(w, n, false, "%s: %s", path, why);
	/* one queue, one delay, one file: several processors cannot each have their own */
	if (o->type != OPT_LIST && o->type != OPT_SELECTOR) {
		if (*before && strcmp(*before, text))
			walk_complain(w, n, false,
				      "%s: given before with another value; this one is used",
				      path);
		free(*before);
		*before = strdup(text);
	}
	snprintf(origin, sizeof(origin), "file %s", w->file);
	option_origin(w->c, o, origin);
}

void walk_set(struct walk *w, yaml_node_t *n, const struct option_row *o, bool replace,
	      const char *path)
{
	char *text;

	if (o->type == OPT_LIST && n->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = n->data.sequence.items.start;
		     i < n->data.sequence.items.top; i++) {
			yaml_node_t *item = yaml_document_get_node(&w->doc, *i);

			text = item ? walk_text(w, item, path) : NULL;
			if (!text)
				continue;
			walk_set_text(w, item, o, text, replace, path);
			replace = false;
			free(text);
		}
		return;
	}
	text = walk_text(w, n, path);
	if (text)
		walk_set_text(w, n, o, text, replace, path);
	free(text);
}

void walk_sequence(struct walk *w, yaml_node_t *n, const char *path,
		   void (*item)(struct walk *w, yaml_node_t *n, const char *path))
{
	char sub[PATH_LEN];

	if (!walk_budget(w, n) || walk_null(n))
		return;
	if (n->type != YAML_SEQUENCE_NODE) {
		walk_complain(w, n, true, "'%s' must be a list", path);
		return;
	}
	snprintf(sub, sizeof(sub), "%s[]", path);
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
	     i++) {
		yaml_node_t *v = yaml_document_get_node(&w->doc, *i);

		if (v && walk_budget(w, v))
			item(w, v, sub);
	}
}

static void unknown_key(struct walk *w, const yaml_node_t *k, const char *path, const char *key,
			const struct field *fields)
{
	const char *names[FIELDS_MAX], *near;
	size_t cnt = 0;

	for (const struct field *f = fields; f->name && cnt < FIELDS_MAX; f++)
		names[cnt++] = f->name;
	near = config_nearest(key, strlen(key), names, cnt);
	walk_complain(w, k, w->check, "unknown key '%s%s%.80s'%s%s%s%s", path, *path ? "." : "",
		      key, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "",
		      w->check ? "" : "; ignored");
}

/* Is there the same key before this pair? YAML forbids it, libyaml lets it pass. */
static bool repeated(struct walk *w, const yaml_node_t *n, const yaml_node_pair_t *p,
		     const char *key)
{
	for (const yaml_node_pair_t *q = n->data.mapping.pairs.start; q < p; q++) {
		const yaml_node_t *k = yaml_document_get_node(&w->doc, q->key);

		if (k && k->type == YAML_SCALAR_NODE &&
		    !strcmp((const char *)k->data.scalar.value, key))
			return true;
	}
	return false;
}

bool walk_pairs(struct walk *w, yaml_node_t *n, const char *path,
		void (*pair)(struct walk *w, const yaml_node_t *k, yaml_node_t *v, const char *path,
			     const void *arg),
		const void *arg)
{
	if (walk_null(n))
		return true;
	if (n->type != YAML_MAPPING_NODE) {
		walk_complain(w, n, true, "'%s' must be a mapping", *path ? path : "the file");
		return false;
	}
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(&w->doc, p->key),
			    *v = yaml_document_get_node(&w->doc, p->value);

		if (!k || !v || !walk_budget(w, v))
			continue;
		if (k->type != YAML_SCALAR_NODE)
			walk_complain(w, k, true, "a key must be a word");
		else if (repeated(w, n, p, (const char *)k->data.scalar.value))
			walk_complain(w, k, true, "'%.80s' stands here twice",
				      (const char *)k->data.scalar.value);
		else
			pair(w, k, v, path, arg);
	}
	return true;
}

static void field_pair(struct walk *w, const yaml_node_t *k, yaml_node_t *v, const char *path,
		       const void *arg)
{
	const struct field *fields = arg, *f = fields;
	const char *key = (const char *)k->data.scalar.value;
	char sub[PATH_LEN];

	while (f->name && strcmp(f->name, key))
		f++;
	if (!f->name) {
		unknown_key(w, k, path, key, fields);
		return;
	}
	/* the grammar's own names: they fit */
	snprintf(sub, sizeof(sub), "%s%s%s", path, *path ? "." : "", key);
	if (f->take)
		f->take(w, v, sub, f);
	else if (!walk_null(v))
		walk_complain(w, k, false, "'%s' is not supported; ignored", sub);
}

void walk_object(struct walk *w, yaml_node_t *n, const char *path, const struct field *fields)
{
	walk_pairs(w, n, path, field_pair, fields);
}

void field_option(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	const struct option_row *o = NULL;

	if (f->option)
		o = option_by_name(f->option, strlen(f->option));
	for (size_t i = 0; i < option_cnt && !o; i++)
		if (option_table[i].key && !strcmp(option_table[i].key, path))
			o = &option_table[i];
	if (o)
		walk_set(w, v, o, false, path);
}

void field_object(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_object(w, v, path, f->fields);
}

void field_silent(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
}

/* Cross-checks of --check: what `run` would refuse later. */
static int check_whole(struct walk *w)
{
	struct exporter_config e;
	char err[256] = "";
	int r;

	config_settle(w->c);
	r = config_exporter(w->c, &e, err);
	if (r)
		log_error("%s: %s", w->file, err[0] ? err : strerror(-r));
	else
		exporter_config_done(&e);
	return r;
}

/* What the schema says of what is missing altogether. For those who look on, the console stays. */
static void settle_missing(struct walk *w)
{
	static const struct {
		const char *option, *key, *effect;
	} rows[] = {
		{"traces-exporter", "exporter in tracer_provider", "no spans are exported"},
		{"metrics-exporter", "exporter in meter_provider", "no metrics are exported"},
		{"propagators", "propagator", "trace context of requests is not read"},
	};
	char origin[300];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct option_row *o = option_by_name(rows[i].option, strlen(rows[i].option));
		char why[WHY_SIZE];

		if (((const struct string_list *)((const char *)w->c + o->at))->cnt)
			continue;
		if (i == 0 && (w->c->command == CMD_TRACE || w->c->command == CMD_REPLAY))
			continue;
		option_set(w->c, o, "none", true, why);
		snprintf(origin, sizeof(origin), "file %s, no %s", w->file, rows[i].key);
		option_origin(w->c, o, origin);
		if (!w->check)
			log_info("%s has no %s: %s", w->file, rows[i].key, rows[i].effect);
	}
}

static int apply(struct walk *w)
{
	yaml_node_t *root = yaml_document_get_root_node(&w->doc);

	if (!root || walk_null(root)) {
		log_error("%s:1:1: the file is empty", w->file);
		return -EINVAL;
	}
	walk_object(w, root, "", config_root_fields);
	if (root->type == YAML_MAPPING_NODE) {
		if (!w->has_format)
			walk_complain(w, root, w->check,
				      "'file_format' is missing: file_format: \"1.0\"");
		config_own_part(w);
	}
	if (w->errors)
		return -EINVAL;
	settle_missing(w);
	return w->check ? check_whole(w) : 0;
}

static int read_all(const char *path, struct buf *ret)
{
	FILE *f = fopen(path, "re");
	size_t n;
	int err = 0;

	if (!f)
		return -errno;
	do {
		err = buf_reserve(ret, 4096);
		if (err)
			break;
		errno = 0;
		n = fread(ret->data + ret->len, 1, 4096, f);
		ret->len += n;
		if (ferror(f))
			err = errno ? -errno : -EIO;
	} while (n && !err);
	fclose(f);
	return err;
}

/* Is there a ${ in that line? Its brace ends a {mapping}, the commonest reason for a file not to
 * parse. */
static bool has_reference(const struct buf *text, size_t line)
{
	const char *p = (const char *)text->data, *end = p ? p + text->len : p;

	for (; p < end && line; line--) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl ? nl + 1 : end;
	}
	if (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		return memmem(p, (size_t)((nl ? nl : end) - p), "${", 2) != NULL;
	}
	return false;
}

/* One document; on failure there is none to delete. */
static int load(struct walk *w, yaml_parser_t *parser, const struct buf *text, yaml_document_t *ret)
{
	if (yaml_parser_load(parser, ret))
		return 0;
	log_error("%s:%zu:%zu: not valid YAML: %s%s", w->file, parser->problem_mark.line + 1,
		  parser->problem_mark.column + 1, parser->problem ? parser->problem : "unreadable",
		  has_reference(text, parser->problem_mark.line)
			  ? " (inside {} or [], ${...} must be quoted)"
			  : "");
	return -EINVAL;
}

/* What stands behind the first document is not heard, which must not go unsaid. */
static int no_second(struct walk *w, yaml_parser_t *parser, const struct buf *text)
{
	yaml_document_t more;
	int err = load(w, parser, text, &more);

	if (err)
		return err;
	if (yaml_document_get_root_node(&more)) {
		log_at(w->check ? LOG_ERROR : LOG_WARN,
		       "%s:%zu:%zu: a second document: only one can stand in the file%s", w->file,
		       more.start_mark.line + 1, more.start_mark.column + 1,
		       w->check ? "" : "; ignored");
		err = w->check ? -EINVAL : 0;
	}
	yaml_document_delete(&more);
	return err;
}

static int parse(struct walk *w, const struct buf *text)
{
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, text->data, text->len);
	err = load(w, &parser, text, &w->doc);
	/* no root is the end of the stream: nothing can be loaded behind it */
	if (!err && yaml_document_get_root_node(&w->doc)) {
		err = no_second(w, &parser, text);
		if (err)
			yaml_document_delete(&w->doc);
	}
	yaml_parser_delete(&parser);
	return err;
}

int config_file_apply(struct config *c, const char *path, bool check)
{
	struct walk w = {.c = c, .file = path, .check = check};
	struct buf text;
	int err;

	buf_init(&text, FILE_MAX);
	err = read_all(path, &text);
	if (err) {
		log_error("cannot read configuration file %s: %s", path,
			  err == -E2BIG ? "larger than 1 MiB" : strerror(-err));
		goto out;
	}
	err = parse(&w, &text);
	if (err)
		goto out;
	err = apply(&w);
	yaml_document_delete(&w.doc);
out:
	for (size_t i = 0; i < option_cnt; i++)
		free(w.given[i]);
	buf_done(&text);
	return err;
}
