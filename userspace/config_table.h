/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONFIG_TABLE_H
#define OE_CONFIG_TABLE_H
/* Internal to config*.c: the option table and setting one value. */
#include "userspace/config.h"

enum opt_type {
	OPT_STR,   /* empty: as if it had not been given */
	OPT_BOOL,  /* only "true" is true (OpenTelemetry's rule); a bare flag means true */
	OPT_ONOFF, /* on | off */
	OPT_U32,   /* whole number within [min,max] */
	OPT_U64,
	OPT_ENUM,     /* one of words, case-insensitive */
	OPT_LIST,     /* comma-separated; on the command line repeatable as well */
	OPT_SELECTOR, /* min: enum selector_kind */
	OPT_COUNT,    /* -v -v */
};

/* OPT_LIST: what becomes of a known entry (opt_word.val). */
enum {
	WORD_TAKE,    /* it is meant */
	WORD_RENAMED, /* `logging`: taken under its present name, with a remark */
	WORD_SKIP,    /* known elsewhere, has no effect here: left out, with a remark */
	WORD_REFUSE,  /* known elsewhere, not built: an error that says so */
};

struct opt_word {
	const char *word;
	uint32_t val;
};

#define WHY_SIZE 200

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
	const struct opt_word *words; /* OPT_ENUM; OPT_LIST: NULL = any entry */
	/* More than the type says: of the text, of each entry of a list. Results as option_set().
	 */
	int (*check)(const char *text, char why[WHY_SIZE]);
	bool secret;
};

/* Under this key of the file every option may stand by its name, with _ for -. */
#define OWN "distribution.otel_ebpf."

extern const struct option_row option_table[];
extern const size_t option_cnt;

/*
 * Sets an option from text. 0; 1: it is set, but why[] says something about it; -EINVAL with why[]
 * saying what is wrong with the value. A list is replaced when `replace`, else added to.
 */
int option_set(struct config *c, const struct option_row *o, const char *text, bool replace,
	       char why[WHY_SIZE]);
/* Remembers where the value came from. */
void option_origin(struct config *c, const struct option_row *o, const char *origin);
/* Underscores are as good as dashes. NULL: no such option. */
const struct option_row *option_by_name(const char *name, size_t len);
void option_selectors_clear(struct config *c);

int check_power_of_two(const char *text, char why[WHY_SIZE]);
int check_ratio(const char *text, char why[WHY_SIZE]);
int check_route(const char *text, char why[WHY_SIZE]);
int check_pairs(const char *text, char why[WHY_SIZE]);
int check_headers(const char *text, char why[WHY_SIZE]);

void config_defaults(struct config *c);
/* Rules over several values, and defaults that depend on the command. */
void config_settle(struct config *c);

/* config_env.c */
void config_from_environment(struct config *c);

/* config_file.c: applies a file. check: unknown keys are errors. 0 or negative errno, messages on
 * stderr. */
int config_file_apply(struct config *c, const char *path, bool check);
/* config_expand.c: ${...} references replaced. 0 with a string to be freed, -EINVAL with why[] or
 * -ENOMEM. */
int config_expand(const char *text, char **ret, char why[WHY_SIZE]);

/* config_print.c: a URL without what is nobody's business. */
void config_hide_url(const char *url, char *out, size_t size);

/* config_help.c: the name in names[] that `name` was probably meant to be, or NULL. */
const char *config_nearest(const char *name, size_t len, const char *const *names, size_t cnt);
/* ... of all options */
const char *config_nearest_option(const char *name, size_t len);
/* The command of that name; negative: none. */
int config_command(const char *name);
const char *config_nearest_command(const char *name);

#endif
