/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, and the order in which the sources are heard: defaults, then the file or
 * (without one) the environment, then what the command line said.
 */
#include "userspace/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/base/log.h"
#include "userspace/config_table.h"

__attribute__((format(printf, 1, 2))) static enum config_result usage_error(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* not through the log: it is no message of a running program, --log-level none does not
	 * hide it */
	fprintf(stderr, "otel-ebpf: %s\n", text);
	return CONFIG_USAGE;
}

/* What the command line said, applied in a second pass over the file and the environment. */
struct given {
	const struct option_row *o;
	const char *value;
};

#define GIVEN_MAX 512

struct cmdline {
	struct given g[GIVEN_MAX];
	size_t cnt;
	bool command_seen, help;
};

static enum config_result give(struct cmdline *cl, const struct option_row *o, const char *value)
{
	if (cl->cnt == GIVEN_MAX)
		return usage_error("more than %d options", GIVEN_MAX);
	cl->g[cl->cnt++] = (struct given){o, value};
	return CONFIG_OK;
}

/* `--name`, or the name in `--name=value`; the error says which name was probably meant. */
static enum config_result unknown_option(const char *name, size_t len)
{
	const char *near = config_nearest_option(name, len);
	int shown = (int)(len < 80 ? len : 80);

	if (near)
		return usage_error(
			"unknown option '--%.*s': did you mean --%s? (otel-ebpf --help lists all)",
			shown, name, near);
	return usage_error("unknown option '--%.*s' (otel-ebpf --help lists all)", shown, name);
}

/* Is the argument one of our own long options? */
static bool is_own_option(const char *arg)
{
	if (strncmp(arg, "--", 2))
		return false;
	return option_by_name(arg + 2, strcspn(arg + 2, "=")) || !strcmp(arg, "--help") ||
	       !strcmp(arg, "--version");
}

/*
 * The value of an option that needs one: behind =, or the next argument. In `--exe --port 80` the
 * value was forgotten: taken at its word, it would complain about the 80.
 */
static const char *value_of(const char *inline_value, int argc, char **argv, int *i)
{
	if (inline_value)
		return inline_value;
	if (*i + 1 >= argc || is_own_option(argv[*i + 1]))
		return NULL;
	return argv[++*i];
}

/* next: the option that stands where the value should, or NULL. */
static enum config_result value_missing(const struct option_row *o, const char *next)
{
	if (next)
		return usage_error(
			"--%s needs a value: --%s %s (or --%s=%.40s if that is the value)", o->name,
			o->name, o->arg, o->name, next);
	return usage_error("--%s needs a value: --%s %s", o->name, o->name, o->arg);
}

static enum config_result long_option(struct config *c, struct cmdline *cl, int argc, char **argv,
				      int *i)
{
	const char *name = argv[*i] + 2, *value;
	const struct option_row *o;
	size_t len = strcspn(name, "=");

	value = name[len] ? name + len + 1 : NULL;
	if (!strcmp(name, "help")) {
		cl->help = true;
		return CONFIG_OK;
	}
	if (!strcmp(name, "version")) {
		printf("otel-ebpf %s\n", OE_VERSION);
		return CONFIG_EXIT_OK;
	}
	if (len == 5 && !strncmp(name, "check", 5)) {
		value = value_of(value, argc, argv, i);
		if (!value || !*value)
			return usage_error("--check needs a FILE");
		c->check = true;
		free(c->file);
		c->file = strdup(value);
		return c->file ? CONFIG_OK : CONFIG_FAILED;
	}
	o = option_by_name(name, len);
	if (!o)
		return unknown_option(name, len);
	if (o->arg) {
		value = value_of(value, argc, argv, i);
		if (!value)
			return value_missing(o, argv[*i + 1]);
	} else if (value && o->type != OPT_BOOL) {
		return usage_error("--%s takes no value", o->name);
	}
	return give(cl, o, value ? value : "true");
}

/* -v, -vv, -vq, -p1, -p 1 */
static enum config_result short_options(struct cmdline *cl, int argc, char **argv, int *i)
{
	enum config_result r = CONFIG_OK;

	for (const char *p = argv[*i] + 1; *p && r == CONFIG_OK; p++) {
		const struct option_row *o = NULL;
		const char *value;

		if (*p == 'h') {
			cl->help = true;
			continue;
		}
		for (size_t k = 0; k < option_cnt && !o; k++)
			if (option_table[k].letter == *p)
				o = &option_table[k];
		if (!o)
			return usage_error("unknown option '-%c' (otel-ebpf --help lists all)", *p);
		if (!o->arg) {
			r = give(cl, o, "true");
			continue;
		}
		value = value_of(p[1] ? p + 1 : NULL, argc, argv, i);
		if (!value && argv[*i + 1])
			return value_missing(o, argv[*i + 1]);
		if (!value)
			return usage_error("-%c needs a value: --%s %s", o->letter, o->name,
					   o->arg);
		return give(cl, o, value);
	}
	return r;
}

static enum config_result positional(struct config *c, struct cmdline *cl, const char *arg)
{
	int cmd = config_command(arg);
	const char *near;

	if (!cl->command_seen) {
		if (!strcmp(arg, "help") || !strcmp(arg, "version"))
			return usage_error("unknown command '%s': otel-ebpf --%s", arg, arg);
		near = cmd < 0 ? config_nearest_command(arg) : NULL;
		if (cmd < 0)
			return usage_error("unknown command '%.60s': %s%s%srun, trace, doctor, "
					   "record, replay or config",
					   arg, near ? "did you mean " : "", near ? near : "",
					   near ? "? There are " : "");
		cl->command_seen = true;
		c->command = (enum command)cmd;
		return CONFIG_OK;
	}
	if (c->command == CMD_REPLAY && !c->file) {
		c->file = strdup(arg);
		return c->file ? CONFIG_OK : CONFIG_FAILED;
	}
	if (c->command == CMD_RUN || c->command == CMD_TRACE || c->command == CMD_RECORD)
		return usage_error("'%.60s' is one argument too many: what to watch is said with "
				   "--pid N, --exe GLOB, --port N, "
				   "--cgroup PATH or --all",
				   arg);
	return usage_error("'%.60s' is one argument too many", arg);
}

static enum config_result scan(struct config *c, struct cmdline *cl, int argc, char **argv)
{
	enum config_result r = CONFIG_OK;
	bool is_option = true;

	for (int i = 1; i < argc && r == CONFIG_OK; i++) {
		if (is_option && !strcmp(argv[i], "--"))
			is_option = false;
		else if (is_option && !strncmp(argv[i], "--", 2))
			r = long_option(c, cl, argc, argv, &i);
		else if (is_option && argv[i][0] == '-' && argv[i][1])
			r = short_options(cl, argc, argv, &i);
		else
			r = positional(c, cl, argv[i]);
	}
	if (r == CONFIG_OK && cl->help) {
		if (cl->command_seen)
			config_usage(stdout, c->command);
		else
			config_help(stdout);
		return CONFIG_EXIT_OK;
	}
	if (r == CONFIG_OK && c->check && c->command != CMD_CONFIG)
		return usage_error("--check belongs to config: otel-ebpf config --check FILE");
	return r;
}

static enum config_result from_cmdline(struct config *c, const struct cmdline *cl)
{
	bool seen[CONFIG_OPTIONS_MAX] = {0}, selected = false;
	char why[WHY_SIZE];

	for (size_t i = 0; i < cl->cnt; i++) {
		const struct option_row *o = cl->g[i].o;
		int r;

		/* the command line's selection stands for the file's or the environment's, it does
		 * not widen it */
		if (o->type == OPT_SELECTOR && !selected) {
			option_selectors_clear(c);
			selected = true;
		}
		if (o->type == OPT_COUNT && !seen[o - option_table])
			*(uint32_t *)((char *)c + o->at) = 0;
		r = option_set(c, o, cl->g[i].value, !seen[o - option_table], why);
		if (r < 0)
			return usage_error("--%s: %s", o->name, why[0] ? why : "out of memory");
		if (r > 0)
			log_warn("--%s: %s", o->name, why);
		seen[o - option_table] = true;
		option_origin(c, o, "command line");
	}
	return CONFIG_OK;
}

/* The last that the command line said for an option, or NULL. */
static const char *last_given(const struct cmdline *cl, const char *name)
{
	for (size_t i = cl->cnt; i > 0; i--)
		if (!strcmp(cl->g[i - 1].o->name, name) && *cl->g[i - 1].value)
			return cl->g[i - 1].value;
	return NULL;
}

#define OLD_NAME "environment OTEL_EXPERIMENTAL_CONFIG_FILE"

/* Which file, if any: only the command line and the environment can name it. */
static const char *file_to_read(const struct cmdline *cl, const char **ret_origin)
{
	const char *name = last_given(cl, "config"),
		   *old = last_given(cl, "experimental-config-file");

	*ret_origin = "command line";
	if (name || old)
		return name ? name : old;
	*ret_origin = "environment OTEL_CONFIG_FILE";
	name = getenv("OTEL_CONFIG_FILE");
	if (name && *name)
		return name;
	old = getenv("OTEL_EXPERIMENTAL_CONFIG_FILE");
	if (!old || !*old)
		return NULL;
	*ret_origin = OLD_NAME;
	return old;
}

/* -v, -vv and -q on top of the level that was configured. */
static void settle_log_level(struct config *c)
{
	if (c->verbose && c->log_level < LOG_INFO)
		c->log_level = LOG_INFO;
	if (c->verbose > 1)
		c->log_level = LOG_DEBUG;
	if (c->quiet && c->log_level > LOG_WARN)
		c->log_level = LOG_WARN;
	log_set_level((enum log_level)c->log_level);
}

/* So that what is said while the sources are read obeys the level as well. Bad values are reported
 * later. */
static void early_log_level(const struct cmdline *cl, bool silenced)
{
	const char *env = getenv("OTEL_LOG_LEVEL");
	struct config early;
	char why[WHY_SIZE];

	config_defaults(&early);
	if (!silenced && env && *env)
		option_set(&early, option_by_name("log-level", 9), env, true, why);
	for (size_t i = 0; i < cl->cnt; i++) {
		const char *name = cl->g[i].o->name;

		if (!strcmp(name, "log-level") || !strcmp(name, "quiet") ||
		    !strcmp(name, "verbose"))
			option_set(&early, cl->g[i].o, cl->g[i].value, true, why);
	}
	settle_log_level(&early);
	config_done(&early);
}

static const struct option_row *selector_given(const struct cmdline *cl, bool pid_is_fine)
{
	for (size_t i = 0; i < cl->cnt; i++)
		if (cl->g[i].o->type == OPT_SELECTOR &&
		    !(pid_is_fine && cl->g[i].o->min == SELECT_PID))
			return cl->g[i].o;
	return NULL;
}

static enum config_result check_command(const struct config *c, const struct cmdline *cl)
{
	static const char *const names[] = {"run", "trace", "doctor", "record", "replay", "config"};
	const struct option_row *o;

	if ((c->command == CMD_RUN || c->command == CMD_TRACE || c->command == CMD_RECORD) &&
	    !c->selector_cnt && !c->disabled)
		return usage_error("nothing is selected: choose with --pid N, --exe GLOB, --port "
				   "N, --cgroup PATH or --all "
				   "(for example: otel-ebpf %s --exe nginx%s)",
				   names[c->command], c->command == CMD_RECORD ? " -o FILE" : "");
	if (c->command == CMD_RECORD && !c->output)
		return usage_error("record needs -o FILE (- for stdout)");
	if (c->command == CMD_REPLAY && !c->file)
		return usage_error("replay needs a FILE: a recording, pcap or pcapng");
	/* an option that would silently do nothing */
	o = c->command == CMD_REPLAY   ? selector_given(cl, false)
	    : c->command == CMD_DOCTOR ? selector_given(cl, true)
				       : NULL;
	if (o)
		return usage_error("%s takes no --%s%s", names[c->command], o->name,
				   c->command == CMD_DOCTOR ? ", only --pid N"
							    : ": it shows all that the file holds");
	return CONFIG_OK;
}

static enum config_result read_file(struct config *c, const char *file, const char *origin)
{
	const struct option_row *o = option_by_name("config", 6);
	char why[WHY_SIZE];

	if (config_file_apply(c, file, false))
		return CONFIG_FAILED;
	if (option_set(c, o, file, true, why))
		return CONFIG_FAILED;
	option_origin(c, o, origin);
	log_info("configuration from %s; OTEL_* variables are not used, except where it refers to "
		 "them",
		 file);
	return CONFIG_OK;
}

enum config_result config_load(int argc, char **argv, struct config *ret)
{
	static struct cmdline cl;
	enum config_result r;
	const char *file, *origin;

	memset(&cl, 0, sizeof(cl));
	config_defaults(ret);
	r = scan(ret, &cl, argc, argv);
	if (r != CONFIG_OK || ret->check)
		return r;
	file = file_to_read(&cl, &origin);
	early_log_level(&cl, file != NULL);
	if (!strcmp(origin, OLD_NAME))
		log_warn("OTEL_EXPERIMENTAL_CONFIG_FILE is the older name: use OTEL_CONFIG_FILE");
	if (file)
		r = read_file(ret, file, origin);
	else
		config_from_environment(ret);
	if (r == CONFIG_OK)
		r = from_cmdline(ret, &cl);
	if (r != CONFIG_OK)
		return r;
	settle_log_level(ret);
	r = check_command(ret, &cl);
	if (r == CONFIG_OK)
		config_settle(ret);
	return r;
}
