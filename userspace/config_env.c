/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment. OpenTelemetry's rules: empty is unset; a value that cannot be used is warned
 * about and is as if it had not been set; of a list only the entries that cannot be used are left
 * out.
 */
#include <stdlib.h>
#include <string.h>

#include "userspace/base/log.h"
#include "userspace/config_table.h"

extern char **environ;

/* One value or one entry. True when it is in force. */
static bool take(struct config *c, const struct option_row *o, const char *text, bool first)
{
	char why[WHY_SIZE];
	int r = option_set(c, o, text, first, why);

	if (r < 0)
		log_warn("%s: %s; ignored", o->env, why[0] ? why : "out of memory");
	else if (r > 0)
		log_warn("%s: %s", o->env, why);
	return r >= 0;
}

static bool take_list(struct config *c, const struct option_row *o, const char *text)
{
	char *copy = strdup(text), *rest = copy, *entry;
	bool first = true, any = false;

	while (rest && (entry = strsep(&rest, ","))) {
		entry += strspn(entry, " \t");
		for (size_t n = strlen(entry); n && (entry[n - 1] == ' ' || entry[n - 1] == '\t');
		     n--)
			entry[n - 1] = 0;
		if (!*entry)
			continue;
		any |= take(c, o, entry, first);
		first = false;
	}
	free(copy);
	return any;
}

/* A misspelt name of ours would do nothing, silently. (OTEL_* names belong to others as well.) */
static void unknown_names(void)
{
	const char *names[CONFIG_OPTIONS_MAX];
	size_t cnt = 0;

	for (size_t i = 0; i < option_cnt; i++)
		if (option_table[i].env && !strncmp(option_table[i].env, "OTEL_EBPF_", 10))
			names[cnt++] = option_table[i].env;
	for (char **e = environ; e && *e; e++) {
		size_t len = strcspn(*e, "=");
		bool known = false;
		const char *near;

		if (strncmp(*e, "OTEL_EBPF_", 10) || !(*e)[len] || !(*e)[len + 1])
			continue;
		for (size_t i = 0; i < cnt; i++)
			known |= strlen(names[i]) == len && !strncmp(names[i], *e, len);
		if (known)
			continue;
		near = config_nearest(*e, len, names, cnt);
		log_warn("%.*s is not a variable of otel-ebpf%s%s%s; ignored",
			 (int)(len < 100 ? len : 100), *e, near ? ": did you mean " : "",
			 near ? near : "", near ? "?" : "");
	}
}

void config_from_environment(struct config *c)
{
	char origin[128];

	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		const char *v = o->env ? getenv(o->env) : NULL;
		bool used;

		if (!v || !*v)
			continue;
		if (o->type == OPT_LIST || o->type == OPT_SELECTOR)
			used = take_list(c, o, v);
		else
			used = take(c, o, v, true);
		if (used) {
			snprintf(origin, sizeof(origin), "environment %s", o->env);
			option_origin(c, o, origin);
		}
	}
	unknown_names();
}
