/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "userspace/base/log.h"
#include "userspace/config_table.h"

static const struct {
	const char *name;
	enum command cmd;
	const char *usage, *help;
} commands[] = {
	{"run", CMD_RUN, "[selection] [options]", "the daemon (default)"},
	{"trace", CMD_TRACE, "[selection] [options]",
	 "spans as they end, one line each; RED table at the end"},
	{"doctor", CMD_DOCTOR, "[--pid N]", "what this kernel and these privileges allow"},
	{"record", CMD_RECORD, "[selection] -o FILE", "raw events to a file"},
	{"replay", CMD_REPLAY, "FILE [options]",
	 "recording, pcap or pcapng -> spans, without root"},
	{"config", CMD_CONFIG, "[--check FILE]", "the effective configuration; or check a file"},
};
#define COMMAND_CNT (sizeof(commands) / sizeof(commands[0]))

__attribute__((format(printf, 1, 2))) static enum config_result usage_error(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "otel-ebpf: %s\n", text);
	return CONFIG_USAGE;
}

void config_help(FILE *f)
{
	fprintf(f,
		"otel-ebpf %s: OpenTelemetry traces and RED metrics of running programs, from the "
		"outside\n\n",
		OE_VERSION);
	for (size_t i = 0; i < COMMAND_CNT; i++)
		fprintf(f, "  otel-ebpf %-7s %-22s %s\n", commands[i].name, commands[i].usage,
			commands[i].help);
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		char left[80];

		if (o->group)
			fprintf(f, "\n%s\n", o->group);
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		if (strlen(left) <= 30)
			fprintf(f, "  %-30s %s\n", left, o->help);
		else
			fprintf(f, "  %s\n  %-30s %s\n", left, "", o->help);
	}
	fprintf(f, "      --check FILE               config: check a configuration file\n"
		   "  -h, --help                     this text\n      --version                  "
		   "name and version\n"
		   "\nEvery OTEL_* and OTEL_EBPF_* variable and key of the configuration file: "
		   "otel-ebpf(1), docs/configuration.md.\n"
		   "Exit codes: 0 fine, 1 could not do it, 2 wrong usage.\n");
}

/* Underscores are as good as dashes. */
static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((a[i] == '_' ? '-' : a[i]) != b[i])
			return false;
	return !b[len];
}

static const struct option_row *by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < option_cnt; i++)
		if (same_name(name, option_table[i].name, len))
			return &option_table[i];
	return NULL;
}

static const struct option_row *by_letter(char c)
{
	for (size_t i = 0; i < option_cnt; i++)
		if (c && option_table[i].letter == c)
			return &option_table[i];
	return NULL;
}

/* Levenshtein distance, for "did you mean". */
static size_t distance(const char *a, size_t n, const char *b)
{
	size_t m = strlen(b), row[128];

	if (n > 100 || m > 100)
		return 1000;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diag = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

static enum config_result unknown_option(const char *arg, const char *name, size_t len)
{
	const struct option_row *near = NULL;
	size_t best = 4;

	for (size_t i = 0; i < option_cnt; i++) {
		size_t d = distance(name, len, option_table[i].name);

		if (d < best) {
			best = d;
			near = &option_table[i];
		}
	}
	if (near)
		return usage_error(
			"unknown option '%s': did you mean --%s? (otel-ebpf --help lists all)", arg,
			near->name);
	return usage_error("unknown option '%s' (otel-ebpf --help lists all)", arg);
}

/* What the command line said, applied in a second pass over the file and the environment. */
struct given {
	const struct option_row *o;
	const char *value;
};

struct cmdline {
	struct given g[512];
	size_t cnt;
	bool command_seen;
};

static enum config_result one_option(struct config *c, struct cmdline *cl, int argc, char **argv,
				     int *i)
{
	const char *arg = argv[*i], *name, *value = NULL;
	const struct option_row *o;
	size_t len;

	if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
		config_help(stdout);
		return CONFIG_EXIT_OK;
	}
	if (!strcmp(arg, "--version")) {
		printf("otel-ebpf %s\n", OE_VERSION);
		return CONFIG_EXIT_OK;
	}
	if (!strcmp(arg, "--check")) {
		if (*i + 1 >= argc)
			return usage_error("--check needs a FILE");
		c->check = true;
		free(c->file);
		c->file = strdup(argv[++*i]);
		return CONFIG_OK;
	}
	if (arg[1] == '-') {
		name = arg + 2;
		len = strcspn(name, "=");
		value = name[len] ? name + len + 1 : NULL;
		o = by_name(name, len);
		if (!o)
			return unknown_option(arg, name, len);
	} else {
		if (!strcmp(arg, "-vv"))
			cl->g[cl->cnt++] = (struct given){by_letter('v'), ""};
		else if (arg[2])
			value = arg + 2;
		o = by_letter(arg[1]);
		if (!o)
			return unknown_option(arg, arg + 1, 1);
	}
	if (o->arg && !value) {
		if (*i + 1 >= argc)
			return usage_error("--%s needs a value: %s", o->name, o->arg);
		value = argv[++*i];
	}
	if (!o->arg && value && o->type != OPT_BOOL)
		return usage_error("--%s takes no value", o->name);
	if (cl->cnt + 2 >= sizeof(cl->g) / sizeof(cl->g[0]))
		return usage_error("too many options");
	cl->g[cl->cnt++] = (struct given){o, value ? value : "true"};
	return CONFIG_OK;
}

static enum config_result positional(struct config *c, struct cmdline *cl, const char *arg)
{
	if (!cl->command_seen) {
		for (size_t i = 0; i < COMMAND_CNT; i++)
			if (!strcmp(commands[i].name, arg)) {
				cl->command_seen = true;
				c->command = commands[i].cmd;
				return CONFIG_OK;
			}
		return usage_error(
			"unknown command '%s': run, trace, doctor, record, replay or config", arg);
	}
	if (c->command == CMD_REPLAY && !c->file) {
		c->file = strdup(arg);
		return CONFIG_OK;
	}
	return usage_error("'%s' is one argument too many", arg);
}

static enum config_result scan(struct config *c, struct cmdline *cl, int argc, char **argv)
{
	enum config_result r = CONFIG_OK;
	bool options = true;

	for (int i = 1; i < argc && r == CONFIG_OK; i++) {
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && argv[i][0] == '-' && argv[i][1])
			r = one_option(c, cl, argc, argv, &i);
		else
			r = positional(c, cl, argv[i]);
	}
	return r;
}

/* Bad values of the environment are warned about and ignored; empty is unset. */
static void from_environment(struct config *c)
{
	char why[200], origin[128];

	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		const char *v = o->env ? getenv(o->env) : NULL;

		if (!v || !*v)
			continue;
		if (option_set(c, o, v, true, why)) {
			log_warn("%s: %s; ignored", o->env, why);
			continue;
		}
		snprintf(origin, sizeof(origin), "environment %s", o->env);
		option_origin(c, o, origin);
	}
}

static enum config_result from_cmdline(struct config *c, const struct cmdline *cl)
{
	const struct option_row *fresh[CONFIG_OPTIONS_MAX] = {0};
	char why[200];

	for (size_t i = 0; i < cl->cnt; i++) {
		const struct option_row *o = cl->g[i].o;
		bool first = !fresh[o - option_table];

		fresh[o - option_table] = o;
		if (option_set(c, o, cl->g[i].value, first, why))
			return usage_error("--%s: %s", o->name, why[0] ? why : "out of memory");
		option_origin(c, o, "command line");
	}
	return CONFIG_OK;
}

/* Which file, if any: only the command line and the environment can name it. */
static const char *file_to_read(struct config *c, const struct cmdline *cl)
{
	const char *env = getenv("OTEL_CONFIG_FILE"),
		   *old = getenv("OTEL_EXPERIMENTAL_CONFIG_FILE");

	for (size_t i = cl->cnt; i > 0; i--)
		if (!strcmp(cl->g[i - 1].o->name, "config") ||
		    !strcmp(cl->g[i - 1].o->name, "experimental-config-file"))
			return cl->g[i - 1].value;
	if (env && *env)
		return env;
	if (old && *old) {
		log_warn("OTEL_EXPERIMENTAL_CONFIG_FILE is the older name: use OTEL_CONFIG_FILE");
		return old;
	}
	return NULL;
}

static bool keep_known(struct string_list *l, const char *const *known, const char *what)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->cnt; i++) {
		bool ok = false;

		if (!strcasecmp(l->v[i], "logging")) {
			log_warn("%s: `logging` is the older name of `console`", what);
			free(l->v[i]);
			l->v[i] = strdup("console");
		}
		for (const char *const *k = known; *k && l->v[i]; k++)
			ok |= !strcasecmp(*k, l->v[i]);
		if (ok) {
			l->v[n++] = l->v[i];
			continue;
		}
		log_warn("%s: '%s' is not known here; ignored", what, l->v[i] ? l->v[i] : "");
		free(l->v[i]);
	}
	l->v[n] = NULL;
	l->cnt = n;
	return n > 0;
}

static void list_of(struct string_list *l, const char *word)
{
	l->v[0] = strdup(word);
	l->cnt = l->v[0] ? 1 : 0;
}

/* Rules over several values, and defaults that depend on the command. */
static void settle(struct config *c)
{
	static const char *const exporters[] = {"otlp", "console", "otlp_file", "none", NULL};
	static const char *const propagators[] = {"tracecontext", "baggage", "none", NULL};
	bool human = c->command == CMD_TRACE || c->command == CMD_REPLAY;

	if (!keep_known(&c->traces_exporters, exporters, "OTEL_TRACES_EXPORTER"))
		list_of(&c->traces_exporters, human ? "console" : "otlp");
	if (!keep_known(&c->metrics_exporters, exporters, "OTEL_METRICS_EXPORTER"))
		list_of(&c->metrics_exporters, human ? "none" : "otlp");
	if (!keep_known(&c->propagators, propagators, "OTEL_PROPAGATORS"))
		list_of(&c->propagators, "tracecontext");
	for (uint32_t i = 0; i < c->semconv_opt_in.cnt; i++)
		if (strcasecmp(c->semconv_opt_in.v[i], "http"))
			log_warn("OTEL_SEMCONV_STABILITY_OPT_IN: '%s' is not built; the stable "
				 "conventions are emitted",
				 c->semconv_opt_in.v[i]);
	if (c->bsp_batch > c->bsp_queue) {
		log_warn("OTEL_BSP_MAX_EXPORT_BATCH_SIZE %u is larger than the queue: %u is used",
			 c->bsp_batch, c->bsp_queue);
		c->bsp_batch = c->bsp_queue;
	}
	if (c->attr_count_max == UINT32_MAX)
		c->attr_count_max = 128;
	if (c->span_attr_count_max == UINT32_MAX)
		c->span_attr_count_max = c->attr_count_max;
	if (c->span_attr_value_max == UINT32_MAX)
		c->span_attr_value_max = c->attr_value_max;
	if (!c->proc_root) {
		c->proc_root = strdup("/proc");
	}
}

static enum config_result check_command(const struct config *c)
{
	if ((c->command == CMD_RUN || c->command == CMD_TRACE || c->command == CMD_RECORD) &&
	    !c->selector_cnt && !c->disabled)
		return usage_error("nothing is selected: choose with --pid N, --exe GLOB, --port "
				   "N, --cgroup PATH or --all "
				   "(for example: otel-ebpf trace --exe nginx)");
	if (c->command == CMD_RECORD && !c->output)
		return usage_error("record needs -o FILE (- for stdout)");
	if (c->command == CMD_REPLAY && !c->file)
		return usage_error("replay needs a FILE: a recording, pcap or pcapng");
	return CONFIG_OK;
}

enum config_result config_load(int argc, char **argv, struct config *ret)
{
	static struct cmdline cl;
	enum config_result r;
	const char *file;

	memset(&cl, 0, sizeof(cl));
	config_defaults(ret);
	r = scan(ret, &cl, argc, argv);
	if (r != CONFIG_OK)
		return r;
	if (ret->check)
		return CONFIG_OK;
	file = file_to_read(ret, &cl);
	if (file) {
		if (config_file_apply(ret, file, false))
			return CONFIG_FAILED;
		log_info("configuration from %s; OTEL_* variables are not used, except where it "
			 "refers to them",
			 file);
	} else {
		from_environment(ret);
	}
	r = from_cmdline(ret, &cl);
	if (r != CONFIG_OK)
		return r;
	if (ret->verbose > 1)
		ret->log_level = LOG_DEBUG;
	if (ret->quiet && ret->log_level > LOG_WARN)
		ret->log_level = LOG_WARN;
	log_set_level((enum log_level)ret->log_level);
	settle(ret);
	return check_command(ret);
}
