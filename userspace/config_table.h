/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONFIG_TABLE_H
#define OE_CONFIG_TABLE_H
/* Internal to config*.c: the option table and setting one value. */
#include "userspace/config.h"

enum opt_type {
	OPT_STR,
	OPT_BOOL,  /* only "true" is true (OpenTelemetry's rule); a bare flag means true */
	OPT_ONOFF, /* on | off */
	OPT_U32,   /* whole number within [min,max] */
	OPT_U64,
	OPT_ENUM,     /* one of words, case-insensitive */
	OPT_LIST,     /* comma-separated; on the command line repeatable as well */
	OPT_SELECTOR, /* min: enum selector_kind */
	OPT_COUNT,    /* -v -v */
};

struct opt_word {
	const char *word;
	uint32_t val;
};

struct option_row {
	const char *group; /* heading in --help; NULL: same as before */
	const char *name;  /* long flag without dashes */
	char letter;	   /* short flag, 0 = none */
	const char *env;   /* NULL: none */
	const char *key;   /* path in the configuration file, NULL: none */
	enum opt_type type;
	size_t at; /* offset in struct config */
	const char *arg, *help;
	uint64_t min, max;
	const struct opt_word *words;
	bool secret;
};

extern const struct option_row option_table[];
extern const size_t option_cnt;

/*
 * Sets an option from text. 0, or -EINVAL with why[] saying what is wrong with the value. A list is
 * replaced when `replace`, else added to.
 */
int option_set(struct config *c, const struct option_row *o, const char *text, bool replace,
	       char why[200]);
/* Remembers where the value came from. */
void option_origin(struct config *c, const struct option_row *o, const char *origin);
void config_defaults(struct config *c);

/* config_file.c: applies a file. check: unknown keys are errors. 0 or negative errno, messages on
 * stderr. */
int config_file_apply(struct config *c, const char *path, bool check);

#endif
