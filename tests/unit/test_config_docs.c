/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table against everything that is written about it: --help, the man page, the user's
 * documentation, the example file, the completions. In both directions: what is in the table is
 * documented, and what is documented is in the table. Run from the root of the repository.
 */
#include <ctype.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "userspace/config_table.h"

#define MAN	    "packaging/otel-ebpf.1"
#define DOCS	    "docs/configuration.md"
#define EXAMPLE	    "packaging/otel-ebpf.yaml"
#define COMPLETIONS "packaging/completions/otel-ebpf.bash"

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);
	size_t n = f && text ? fread(text, 1, (1 << 20) - 1, f) : 0;

	ok(n > 0, "%s can be read (from the root of the repository)", path);
	if (f)
		fclose(f);
	return text;
}

/* Roff to text: fonts out, \- is a dash, \(aq an apostrophe. */
static void plain(char *text)
{
	char *to = text;

	for (char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] == 'f' && p[2]) {
			p += 2;
		} else if (p[0] == '\\' && p[1] == '-') {
			*to++ = '-';
			p++;
		} else {
			*to++ = *p;
		}
	}
	*to = 0;
}

/* The word stands there, and not as a part of a longer one. */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
		char before = p > text ? p[-1] : ' ', after = p[n];

		if (!isalnum((unsigned char)before) && !strchr("-_", before) &&
		    !isalnum((unsigned char)after) && (!strchr("-_", after) || !after))
			return true;
	}
	return false;
}

static char *help_text(const enum command *cmd)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (cmd)
		config_usage(f, *cmd);
	else
		config_help(f);
	fclose(f);
	return text;
}

static void test_help(const char *help)
{
	char flag[128];

	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];

		snprintf(flag, sizeof(flag), "--%s%s%s", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		ok(has_word(help, flag), "--help lists %s", flag);
		ok(o->help && *o->help, "--%s has a help text", o->name);
	}
	for (const char *p = help; *p;) {
		size_t n = strcspn(p, "\n");

		if (n > 100)
			ok(false, "--help: more than 100 columns: %.*s", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static void test_commands(void)
{
	static const struct {
		enum command cmd;
		const char *has, *has_not;
	} rows[] = {
		{CMD_RUN, "--exporter-otlp-endpoint", "--output"},
		{CMD_TRACE, "--exe", "--output"},
		{CMD_RECORD, "--output", "--exporter-otlp-endpoint"},
		{CMD_REPLAY, "--exporter-otlp-endpoint", "--exe"},
		{CMD_DOCTOR, "--pid", "--exe"},
		{CMD_CONFIG, "--check", "--nothing-of-that-name"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = help_text(&rows[i].cmd);

		ok(has_word(text, rows[i].has), "help of command %d has %s", rows[i].cmd,
		   rows[i].has);
		ok(!has_word(text, rows[i].has_not), "help of command %d has no %s", rows[i].cmd,
		   rows[i].has_not);
		ok(has_word(text, "--help") && has_word(text, "--log-level"),
		   "and what goes with every command");
		free(text);
	}
}

static void test_table(void)
{
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];

		/* --config names the file: that cannot stand in the file */
		ok(o->env && (o->key || strstr(o->name, "config")),
		   "--%s has a variable and a key in the file", o->name);
		for (size_t k = 0; k < i; k++) {
			const struct option_row *p = &option_table[k];

			if (!strcmp(o->name, p->name) ||
			    (o->env && p->env && !strcmp(o->env, p->env)) ||
			    (o->letter && o->letter == p->letter) ||
			    (o->key && p->key && !strcmp(o->key, p->key)))
				ok(false, "--%s and --%s differ in name, letter, variable and key",
				   o->name, p->name);
		}
	}
}

/* OTEL_X_Y is --x-y, with the few exceptions that are ours. */
static void test_names(void)
{
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		bool own = !strncmp(o->env, "OTEL_EBPF_", 10);
		char name[128];
		size_t n = 0;

		for (const char *p = o->env + (own ? 10 : 5); *p && n < sizeof(name) - 1; p++)
			name[n++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
		name[n] = 0;
		if (!strcmp(o->name, "route") || !strcmp(o->name, "config"))
			continue; /* OTEL_EBPF_ROUTES, OTEL_CONFIG_FILE */
		is_str(o->name, name, o->env);
	}
}

static void test_written(const char *where, const char *text, bool keys)
{
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		char flag[128];

		snprintf(flag, sizeof(flag), "--%s", o->name);
		ok(has_word(text, flag), "%s has %s", where, flag);
		ok(has_word(text, o->env), "%s has %s", where, o->env);
		if (keys && o->key)
			ok(strstr(text, o->key), "%s has the key %s", where, o->key);
		for (const struct opt_word *w = o->words; w && w->word; w++)
			if (o->type == OPT_ENUM && !strstr(w->word, "low_memory") &&
			    strncmp(w->word, "parentbased_", 12))
				ok(has_word(text, w->word), "%s has %s's %s", where, flag, w->word);
	}
}

/* Everything that looks like one of our options or variables is one. */
static void test_no_more(const char *where, const char *text)
{
	static const char *const others[] = {"check", "help", "version", "opt", NULL};
	int unknown = 0, seen = 0;

	for (const char *p = strstr(text, "--"); p; p = strstr(p + 2, "--")) {
		size_t n = strspn(p + 2, "abcdefghijklmnopqrstuvwxyz-");
		bool known = option_by_name(p + 2, n);

		if (!n ||
		    (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '-' || p[-1] == '|')))
			continue;
		for (const char *const *o = others; *o; o++)
			known |= strlen(*o) == n && !strncmp(*o, p + 2, n);
		seen++;
		if (!known && ++unknown)
			printf("# %s has --%.*s, which does not exist\n", where, (int)n, p + 2);
	}
	for (const char *p = strstr(text, "OTEL_EBPF_"); p; p = strstr(p + 1, "OTEL_EBPF_")) {
		size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
		bool known = n == 10; /* OTEL_EBPF_* */

		for (size_t i = 0; i < option_cnt; i++)
			known |= strlen(option_table[i].env) == n &&
				 !strncmp(option_table[i].env, p, n);
		if (!known && ++unknown)
			printf("# %s has %.*s, which does not exist\n", where, (int)n, p);
	}
	ok(seen >= (int)option_cnt && !unknown,
	   "%s names no option or variable that does not exist", where);
}

static void test_example(void)
{
	struct config c;
	char *text = read_text(EXAMPLE);
	size_t own = 0;

	clearenv();
	config_defaults(&c);
	ok(!config_file_apply(&c, EXAMPLE, true), "config --check accepts %s", EXAMPLE);
	config_done(&c);
	/* its values are the defaults, so that taking a line out changes nothing (but what must be
	 * chosen) */
	config_defaults(&c);
	ok(!config_file_apply(&c, EXAMPLE, false) && c.selector_cnt == 2 && c.routes.cnt == 2,
	   "and it selects something");
	config_settle(&c);
	ok(c.bsp_delay_ms == 5000 && c.bsp_queue == 2048 && c.ring_mib == 2 &&
		   c.capture_bytes == 16384 && c.max_connections == 20000 &&
		   c.metric_interval_ms == 60000 && c.route_heuristic && c.target_env &&
		   !c.disabled && !c.body_sizes,
	   "and shows the defaults");
	config_done(&c);
	for (size_t i = 0; i < option_cnt; i++)
		own += option_table[i].key && !strncmp(option_table[i].key, OWN, strlen(OWN)) &&
		       strstr(text, option_table[i].key + strlen(OWN)) != NULL;
	ok(own >= 8, "and shows %zu keys of our own", own);
	free(text);
}

/* What bash would offer for the words; this very program stands for otel-ebpf. */
static char *complete(const char *self, const char *words)
{
	static char said[16384];
	char script[512];
	int fd = memfd_create("said", 0), status = 0;
	ssize_t n;
	pid_t pid;

	snprintf(script, sizeof(script),
		 ". " COMPLETIONS
		 "; COMP_WORDS=('%s' %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _otel_ebpf; "
		 "printf '%%s\\n' \"${COMPREPLY[@]}\"",
		 self, words);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(fd, STDOUT_FILENO);
		execlp("bash", "bash", "--norc", "-c", script, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	n = pread(fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = 0;
	close(fd);
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? NULL : said;
}

static void test_completions(const char *self)
{
	static const struct {
		const char *words, *has, *has_not;
	} rows[] = {
		{"''", "replay", "--pid"},
		{"tr", "trace", "run"},
		{"trace --po", "--port", "--pid"},
		{"replay --e", "--exporter-otlp-endpoint", "--exe"},
		{"run --hooks ''", "syscall", "trace"},
		{"run --hooks = s", "sock", "auto"},
		{"run --traces-exporter ''", "otlp_file", "zipkin"},
		{"run --config packaging/otel", EXAMPLE, "--help"},
	};
	char *all = complete(self, "run --");

	if (!all) {
		skip_test("completions: no bash here");
		return;
	}
	for (size_t i = 0; i < option_cnt; i++) {
		char flag[128];

		if (!strcmp(option_table[i].name, "output"))
			continue;
		snprintf(flag, sizeof(flag), "--%s", option_table[i].name);
		ok(has_word(all, flag), "completion of `run --` has %s", flag);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said = complete(self, rows[i].words);

		ok(has_word(said, rows[i].has) && !has_word(said, rows[i].has_not),
		   "completion of `%s` has %s and no %s", rows[i].words, rows[i].has,
		   rows[i].has_not);
	}
	/* values that are completed are those of the table */
	for (size_t i = 0; i < option_cnt; i++)
		for (const struct opt_word *w = option_table[i].words; w && w->word; w++) {
			char words[200];
			bool taken = option_table[i].type == OPT_ENUM
					     ? strcmp(w->word, "low_memory") != 0
					     : w->val == WORD_TAKE;

			if (!taken || strstr(option_table[i].name, "opt-in") ||
			    strstr(w->word, "grpc") || strstr(w->word, "json") ||
			    strstr(w->word, "base2") || strstr(w->word, "baggage"))
				continue;
			snprintf(words, sizeof(words), "run --%s ''", option_table[i].name);
			ok(has_word(complete(self, words), w->word), "completion of --%s has %s",
			   option_table[i].name, w->word);
		}
}

int main(int argc, char **argv)
{
	char *help, *man, *docs, self[4096] = "";
	ssize_t n;

	if (argc > 1) { /* standing in for otel-ebpf */
		struct config c;
		enum config_result r = config_load(argc, argv, &c);

		config_done(&c);
		return r == CONFIG_EXIT_OK ? 0 : 1;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	help = help_text(NULL);
	man = read_text(MAN);
	docs = read_text(DOCS);
	plain(man);
	test_help(help);
	test_commands();
	test_table();
	test_names();
	test_written(MAN, man, false);
	test_written(DOCS, docs, true);
	test_no_more(MAN, man);
	test_no_more(DOCS, docs);
	if (n > 0)
		test_completions(self);
	test_example();
	free(help);
	free(man);
	free(docs);
	return tap_done();
}
