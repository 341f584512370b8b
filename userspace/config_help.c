/* SPDX-License-Identifier: Apache-2.0 */
/* --help, and what was probably meant by a name that does not exist. */
#include <string.h>

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

#define LEFT_WIDTH 30
#define HELP_WIDTH 100

int config_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_CNT; i++)
		if (!strcmp(commands[i].name, name))
			return (int)commands[i].cmd;
	return -1;
}

/* Text in the right-hand column, broken between words so that no line exceeds HELP_WIDTH. */
static void wrapped(FILE *f, const char *text)
{
	size_t room = HELP_WIDTH - LEFT_WIDTH - 3;

	while (strlen(text) > room) {
		size_t n = room;

		while (n && text[n] != ' ')
			n--;
		if (!n)
			break;
		fprintf(f, "%.*s\n  %-*s ", (int)n, text, LEFT_WIDTH, "");
		text += n + 1;
	}
	fprintf(f, "%s\n", text);
}

static void one_line(FILE *f, char letter, const char *name, const char *arg, const char *help)
{
	char left[120];

	snprintf(left, sizeof(left), "%c%c%c --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
		 letter ? ',' : ' ', name, arg ? " " : "", arg ? arg : "");
	if (strlen(left) <= LEFT_WIDTH)
		fprintf(f, "  %-*s ", LEFT_WIDTH, left);
	else
		fprintf(f, "  %s\n  %-*s ", left, LEFT_WIDTH, "");
	wrapped(f, help);
}

/* Does the option do anything for that command? (It is accepted all the same, but for selections.)
 */
static bool concerns(const struct option_row *o, enum command cmd, unsigned int group)
{
	bool capture =
		group <= 2 || !strcmp(o->name, "proc-root") || !strcmp(o->name, "sdk-disabled");

	switch (cmd) {
	case CMD_REPLAY:
		return !capture;
	case CMD_DOCTOR:
		return !strcmp(o->name, "pid") || !strcmp(o->name, "target-env") ||
		       !strcmp(o->name, "proc-root") || group == 5;
	case CMD_RECORD:
		return group != 4;
	case CMD_RUN:
	case CMD_TRACE:
		return strcmp(o->name, "output");
	case CMD_CONFIG:
		break;
	}
	return true;
}

static void options(FILE *f, const enum command *cmd)
{
	const char *heading = NULL;
	unsigned int group = 0;

	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];

		if (o->group) {
			heading = o->group;
			group++;
		}
		if (cmd && !concerns(o, *cmd, group))
			continue;
		if (heading)
			fprintf(f, "\n%s\n", heading);
		heading = NULL;
		one_line(f, o->letter, o->name, o->arg, o->help);
	}
	if (!cmd || *cmd == CMD_CONFIG)
		one_line(f, 0, "check", "FILE",
			 "config: check a configuration file, line and column of each error");
	one_line(f, 'h', "help", NULL,
		 cmd ? "this text (otel-ebpf --help: of all commands)"
		     : "this text; behind a command: of that command");
	one_line(f, 0, "version", NULL, "name and version");
	fprintf(f, "\nVariables (OTEL_*, OTEL_EBPF_*) and the configuration file: otel-ebpf(1), "
		   "docs/configuration.md.\n"
		   "Exit codes: 0 fine, 1 could not do it, 2 wrong usage.\n");
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
	options(f, NULL);
}

void config_usage(FILE *f, enum command cmd)
{
	for (size_t i = 0; i < COMMAND_CNT; i++)
		if (commands[i].cmd == cmd)
			fprintf(f, "otel-ebpf %s %s\n    %s\n", commands[i].name, commands[i].usage,
				commands[i].help);
	options(f, &cmd);
}

/* Levenshtein distance. */
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

/* Is name a part of whole, from one separator to another? "otlp-endpoint" is of
 * "exporter-otlp-endpoint". */
static bool is_part(const char *whole, const char *name, size_t len)
{
	const char *at = len > 3 ? memmem(whole, strlen(whole), name, len) : NULL;

	return at && (at == whole || strchr("-_.", at[-1])) && (!at[len] || strchr("-_.", at[len]));
}

const char *config_nearest(const char *name, size_t len, const char *const *names, size_t cnt)
{
	/* a third of the letters wrong is another word, not a slip */
	size_t best = len / 3 + 1 < 4 ? len / 3 + 1 : 4;
	const char *near = NULL;

	for (size_t i = 0; i < cnt; i++) {
		size_t d = distance(name, len, names[i]);

		if (d <= best && (!near || d < best)) {
			best = d;
			near = names[i];
		}
	}
	if (near)
		return near;
	for (size_t i = 0; i < cnt; i++)
		if (is_part(names[i], name, len) && (!near || strlen(names[i]) < strlen(near)))
			near = names[i];
	return near;
}

const char *config_nearest_option(const char *name, size_t len)
{
	const char *names[CONFIG_OPTIONS_MAX];
	char dashed[104];

	if (len >= sizeof(dashed))
		return NULL;
	for (size_t i = 0; i < len; i++)
		dashed[i] = name[i] == '_' ? '-' : name[i];
	for (size_t i = 0; i < option_cnt; i++)
		names[i] = option_table[i].name;
	return config_nearest(dashed, len, names, option_cnt);
}

const char *config_nearest_command(const char *name)
{
	const char *names[COMMAND_CNT];

	for (size_t i = 0; i < COMMAND_CNT; i++)
		names[i] = commands[i].name;
	return config_nearest(name, strlen(name), names, COMMAND_CNT);
}
