/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The declarative configuration file (YAML). It is walked once; each scalar has a path like
 * "tracer_provider.processors[].batch.schedule_delay", which the option table knows or does not.
 * References
 * ${VAR}, ${env:VAR} and ${VAR:-default} in scalars are replaced from the environment, $$ is a
 * dollar sign. A null value is as if the key were missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "userspace/base/buf.h"
#include "userspace/base/log.h"
#include "userspace/config_table.h"

#define PATH_LEN  512
#define DEPTH_MAX 24

struct walk {
	struct config *c;
	const char *file;
	bool check;
	int errors;
	yaml_document_t doc;
};

/* Paths of the schema that carry meaning for others, or that hold only what is known further down.
 */
static const char *const silent[] = {
	"file_format", "tracer_provider.processors[].batch.exporter.console",
	"propagator.composite[]", "meter_provider.readers[].periodic.exporter.console", NULL};

static void complain(struct walk *w, const yaml_mark_t *m, bool fatal, const char *fmt,
		     const char *a, const char *b)
{
	char text[400];

	snprintf(text, sizeof(text), fmt, a, b);
	if (fatal) {
		w->errors++;
		log_error("%s:%zu:%zu: %s", w->file, m->line + 1, m->column + 1, text);
	} else {
		log_warn("%s:%zu:%zu: %s; ignored", w->file, m->line + 1, m->column + 1, text);
	}
}

/* One ${...} at p (behind "${"); appends its value. Returns what follows, or NULL when malformed.
 */
static const char *substitute(struct buf *out, const char *p)
{
	const char *end = strchr(p, '}'), *dflt, *val;
	char name[256];
	size_t n;

	if (!end)
		return NULL;
	if (!strncmp(p, "env:", 4))
		p += 4;
	dflt = memmem(p, (size_t)(end - p), ":-", 2);
	n = (size_t)((dflt ? dflt : end) - p);
	if (!n || n >= sizeof(name) ||
	    strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") < n)
		return NULL;
	memcpy(name, p, n);
	name[n] = 0;
	val = getenv(name);
	if (val && *val)
		buf_add_str(out, val);
	else if (dflt)
		buf_add(out, dflt + 2, (size_t)(end - dflt - 2));
	return end + 1;
}

/* 0 with a new string, or -EINVAL. */
static int expand(const char *text, char **ret)
{
	struct buf out;
	int err = 0;

	buf_init(&out, 65536);
	while (*text && !err) {
		size_t n = strcspn(text, "$");

		err = buf_add(&out, text, n);
		text += n;
		if (text[0] == '$' && text[1] == '{') {
			text = substitute(&out, text + 2);
			if (!text) {
				err = -EINVAL;
				break;
			}
		} else if (text[0] == '$') {
			buf_add_char(&out, '$');
			text += text[1] == '$' ? 2 : 1;
		}
	}
	if (!err)
		err = buf_add_char(&out, 0);
	if (err) {
		buf_done(&out);
		return err;
	}
	*ret = (char *)out.data;
	return 0;
}

static const struct option_row *by_key(const char *path)
{
	for (size_t i = 0; i < option_cnt; i++)
		if (option_table[i].key && !strcmp(option_table[i].key, path))
			return &option_table[i];
	return NULL;
}

/* Does the table know anything below (or at) this path? */
static bool known_prefix(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < option_cnt; i++)
		if (option_table[i].key && !strncmp(option_table[i].key, path, n) &&
		    (!option_table[i].key[n] || option_table[i].key[n] == '.' ||
		     option_table[i].key[n] == '['))
			return true;
	for (const char *const *s = silent; *s; s++)
		if (!strncmp(*s, path, n) && (!(*s)[n] || (*s)[n] == '.' || (*s)[n] == '['))
			return true;
	return false;
}

static bool is_null(const yaml_node_t *n, const char *text)
{
	return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") ||
		!strcmp(text, "NULL"));
}

static void scalar(struct walk *w, const yaml_node_t *n, char *path)
{
	const struct option_row *o;
	char why[200], origin[300], *text = NULL;
	size_t len = strlen(path);

	/* a list written as a sequence is the list itself */
	if (len > 2 && !strcmp(path + len - 2, "[]") && !by_key(path))
		path[len - 2] = 0;
	o = by_key(path);
	if (!o) {
		if (!known_prefix(path))
			complain(w, &n->start_mark, w->check, "unknown key '%s'%s", path, "");
		return;
	}
	if (expand((const char *)n->data.scalar.value, &text)) {
		complain(w, &n->start_mark, true, "'%s': malformed ${...} reference%s", path, "");
		return;
	}
	if (!is_null(n, text)) {
		if (option_set(w->c, o, text, false, why)) {
			complain(w, &n->start_mark, true, "%s: %s", path, why);
		} else {
			snprintf(origin, sizeof(origin), "file %s", w->file);
			option_origin(w->c, o, origin);
		}
	}
	free(text);
}

static void node(struct walk *w, yaml_node_t *n, const char *path, int depth);

static void mapping(struct walk *w, yaml_node_t *n, const char *path, int depth)
{
	char sub[PATH_LEN];

	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(&w->doc, p->key),
			    *v = yaml_document_get_node(&w->doc, p->value);

		if (!k || k->type != YAML_SCALAR_NODE || !v) {
			complain(w, &n->start_mark, true, "a key must be a plain word%s%s", "", "");
			continue;
		}
		if (snprintf(sub, sizeof(sub), "%s%s%s", path, *path ? "." : "",
			     (const char *)k->data.scalar.value) >= (int)sizeof(sub)) {
			complain(w, &k->start_mark, true, "key too long%s%s", "", "");
			continue;
		}
		if (!known_prefix(sub)) {
			complain(w, &k->start_mark, w->check, "'%s' is not supported%s", sub, "");
			continue;
		}
		node(w, v, sub, depth + 1);
	}
}

static void node(struct walk *w, yaml_node_t *n, const char *path, int depth)
{
	char sub[PATH_LEN + 2];

	if (depth > DEPTH_MAX) {
		complain(w, &n->start_mark, true, "nested too deeply%s%s", "", "");
		return;
	}
	snprintf(sub, sizeof(sub), "%s", path);
	switch (n->type) {
	case YAML_SCALAR_NODE:
		scalar(w, n, sub);
		break;
	case YAML_MAPPING_NODE:
		mapping(w, n, path, depth);
		break;
	case YAML_SEQUENCE_NODE:
		snprintf(sub, sizeof(sub), "%s[]", path);
		for (yaml_node_item_t *i = n->data.sequence.items.start;
		     i < n->data.sequence.items.top; i++) {
			yaml_node_t *item = yaml_document_get_node(&w->doc, *i);

			if (item)
				node(w, item, sub, depth + 1);
		}
		break;
	case YAML_NO_NODE:
		break;
	}
}

/* Which exporter a reader or processor names decides OTEL_*_EXPORTER's counterpart. */
static void exporters(struct walk *w, yaml_node_t *root, const char *provider, const char *list,
		      const char *kind, const char *option);

static yaml_node_t *child(struct walk *w, yaml_node_t *n, const char *name)
{
	if (!n || n->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(&w->doc, p->key);

		if (k && k->type == YAML_SCALAR_NODE &&
		    !strcmp((const char *)k->data.scalar.value, name))
			return yaml_document_get_node(&w->doc, p->value);
	}
	return NULL;
}

static void exporters(struct walk *w, yaml_node_t *root, const char *provider, const char *list,
		      const char *kind, const char *option)
{
	yaml_node_t *seq = child(w, child(w, root, provider), list);
	char why[200];

	if (!seq || seq->type != YAML_SEQUENCE_NODE)
		return;
	for (yaml_node_item_t *i = seq->data.sequence.items.start; i < seq->data.sequence.items.top;
	     i++) {
		yaml_node_t *e =
			child(w, child(w, yaml_document_get_node(&w->doc, *i), kind), "exporter");
		const char *name = child(w, e, "otlp_http") ? "otlp"
				   : child(w, e, "console") ? "console"
							    : NULL;

		for (size_t k = 0; name && k < option_cnt; k++)
			if (!strcmp(option_table[k].name, option))
				option_set(w->c, &option_table[k], name, false, why);
	}
}

int config_file_apply(struct config *c, const char *path, bool check)
{
	struct walk w = {.c = c, .file = path, .check = check};
	yaml_parser_t parser;
	yaml_node_t *root;
	FILE *f = fopen(path, "re");
	int err = 0;

	if (!f) {
		err = -errno;
		log_error("cannot read configuration file %s: %s", path, strerror(-err));
		return err;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return -ENOMEM;
	}
	yaml_parser_set_input_file(&parser, f);
	if (!yaml_parser_load(&parser, &w.doc)) {
		log_error("%s:%zu:%zu: not valid YAML: %s", path, parser.problem_mark.line + 1,
			  parser.problem_mark.column + 1,
			  parser.problem ? parser.problem : "unreadable");
		err = -EINVAL;
		goto out;
	}
	root = yaml_document_get_root_node(&w.doc);
	if (!root || root->type != YAML_MAPPING_NODE) {
		log_error("%s:1:1: a mapping is expected", path);
		w.errors++;
	} else {
		node(&w, root, "", 0);
		exporters(&w, root, "tracer_provider", "processors", "batch", "traces-exporter");
		exporters(&w, root, "meter_provider", "readers", "periodic", "metrics-exporter");
	}
	yaml_document_delete(&w.doc);
	err = w.errors ? -EINVAL : 0;
out:
	yaml_parser_delete(&parser);
	fclose(f);
	return err;
}
