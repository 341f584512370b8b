/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONFIG_YAML_H
#define OE_CONFIG_YAML_H
/* Internal to config_file.c (the walk) and config_schema.c (the grammar). */
#include <yaml.h>

#include "userspace/base/buf.h"
#include "userspace/config_table.h"

#define PATH_LEN 512

struct walk_pair {
	char *name, *value, *type;
};

struct walk {
	struct config *c;
	const char *file;
	bool check;
	bool has_format; /* file_format was there */
	int errors;
	uint32_t visited;
	yaml_document_t doc;
	char *given[CONFIG_OPTIONS_MAX]; /* values so far, to notice when one is said twice */
	yaml_node_t *distribution;
	struct walk_pair *pair; /* the one being read */
	struct buf *pairs;	/* headers, resource.attributes: as k=v,k=v */
	char *pairs_list;	/* headers_list, resource.attributes_list */
};

struct field {
	const char *name;
	/* NULL: known to the schema, not supported here. Called for null values as well. */
	void (*take)(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);
	const struct field *fields; /* field_object */
	const char *option;	    /* field_option; NULL: the option whose key is the path */
};

extern const struct field config_root_fields[];
/* distribution.otel_ebpf, once all else was read */
void config_own_part(struct walk *w);

void walk_complain(struct walk *w, const yaml_node_t *n, bool fatal, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* False when the document has had its share. */
bool walk_budget(struct walk *w, const yaml_node_t *n);
/* A plain null (before references are replaced). */
bool walk_null(const yaml_node_t *n);
char *walk_text(struct walk *w, const yaml_node_t *n, const char *path);
void walk_set(struct walk *w, yaml_node_t *n, const struct option_row *o, bool replace,
	      const char *path);
void walk_set_text(struct walk *w, const yaml_node_t *n, const struct option_row *o,
		   const char *text, bool replace, const char *path);
void walk_sequence(struct walk *w, yaml_node_t *n, const char *path,
		   void (*item)(struct walk *w, yaml_node_t *n, const char *path));
/* Calls pair for every key of a mapping; a null has none. False: it is no mapping (complained). */
bool walk_pairs(struct walk *w, yaml_node_t *n, const char *path,
		void (*pair)(struct walk *w, const yaml_node_t *k, yaml_node_t *v, const char *path,
			     const void *arg),
		const void *arg);
void walk_object(struct walk *w, yaml_node_t *n, const char *path, const struct field *fields);

void field_option(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);
void field_object(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);
void field_silent(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);

#endif
