/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONFIG_RUN_H
#define OE_CONFIG_RUN_H
/*
 * Runs config_load() in a child with made-up arguments, environment and file, and compares what it
 * says and what becomes of it. The child prints the effective configuration and what is derived
 * from it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "userspace/base/log.h"
#include "userspace/config_table.h"

struct config_case {
	const char *name;
	const char *args; /* separated by blanks; @ is the file */
	const char *env;  /* NAME=value, one in a line */
	const char *file; /* content of the file, NULL = none */
	int rc;
	/* one in a line: must be in it; behind a !: must not; behind 1x: exactly once.
	 * NULL: anything; "": nothing */
	const char *out, *err;
};

static char config_file_name[64];

static inline void print_signal(const char *name, const struct otlp_signal_config *s)
{
	printf("%s.url=%s|\n%s.headers=%s|\n%s.timeout=%u|\n%s.gzip=%d|\n", name,
	       s->url ? s->url : "-", name, s->headers ? s->headers : "-", name, s->timeout_ms,
	       name, s->gzip);
	printf("%s.tls=%s,%s,%s|\n", name, s->ca_file ? s->ca_file : "-",
	       s->client_key ? s->client_key : "-", s->client_cert ? s->client_cert : "-");
}

/* What the daemon would be given. */
static inline int print_derived(const struct config *c)
{
	struct exporter_config e;
	struct sampler s;
	char err[256] = "";

	config_sampler(c, &s);
	printf("sampler=%d,%d,%g|\n", s.root, s.parent_based, s.ratio);
	printf("propagates=%d|\n", config_propagates(c));
	printf("limits=%u,%u|\n", c->span_attr_value_max, c->span_attr_count_max);
	if (config_exporter(c, &e, err)) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	print_signal("traces", &e.traces);
	print_signal("metrics", &e.metrics);
	printf("queue=%u,%u,%u,%u|\n", e.queue_max_spans, e.batch_max_spans, e.export_timeout_ms,
	       e.metric_timeout_ms);
	exporter_config_done(&e);
	return 0;
}

static inline int config_child(char **argv, int argc)
{
	struct config c;
	enum config_result r = config_load(argc, argv, &c);
	int rc = r == CONFIG_EXIT_OK ? 0 : (int)r;

	if (r == CONFIG_OK && c.check) {
		rc = config_file_apply(&c, c.file, true) ? 1 : 0;
	} else if (r == CONFIG_OK) {
		config_print(&c, stdout);
		/* deriving it once more would say once more what has been said */
		log_set_level(LOG_NONE);
		rc = print_derived(&c);
	}
	config_done(&c);
	return rc;
}

static inline void set_environment(const char *env)
{
	char *copy = strdup(env), *rest = copy, *line;

	clearenv();
	/* the sanitizers' own */
	while (rest && (line = strsep(&rest, "\n"))) {
		char *eq = strchr(line, '=');

		if (!eq)
			continue;
		*eq = 0;
		setenv(line, eq + 1, 1);
	}
	free(copy);
}

static inline char *slurp(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)n + 1);

	if (text && pread(fd, text, (size_t)n, 0) < n)
		text[0] = 0;
	close(fd);
	return text;
}

/* Every needle is there, every one behind a ! is not. */
static inline bool says(const char *text, const char *needles, const char **ret_missing)
{
	static char bad[400];
	char *copy, *rest, *line;
	bool good = true;

	if (!needles)
		return true;
	*ret_missing = "(nothing at all)";
	if (!*needles)
		return !*text;
	copy = rest = strdup(needles);
	while (good && rest && (line = strsep(&rest, "\n"))) {
		bool no = *line == '!', once = !strncmp(line, "1x", 2);
		const char *want = line + (once ? 2 : no), *at = strstr(text, want);

		good = !*line || (at != NULL) != no;
		if (once && at)
			good = !strstr(at + 1, want);
		snprintf(bad, sizeof(bad), "%s", line);
	}
	*ret_missing = bad;
	free(copy);
	return good;
}

static inline void config_case_run(const struct config_case *t)
{
	int out = memfd_create("out", 0), err = memfd_create("err", 0), status = 0;
	char *argv[64] = {(char *)"otel-ebpf"}, *args = strdup(t->args ? t->args : ""),
	     *rest = args;
	const char *missing = "";
	char *said_out, *said_err;
	int argc = 1;
	pid_t pid;
	bool a, b;

	if (t->file) {
		FILE *f = fopen(config_file_name, "w");

		fputs(t->file, f);
		fclose(f);
	}
	while (*args && rest && argc < 60) {
		char *word = strsep(&rest, " ");

		if (*word)
			argv[argc++] = !strcmp(word, "@") ? config_file_name : word;
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (t->env)
			set_environment(t->env);
		else
			clearenv();
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		exit(config_child(argv, argc));
	}
	waitpid(pid, &status, 0);
	said_out = slurp(out);
	said_err = slurp(err);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == t->rc, "%s: exit code %d", t->name, t->rc);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != t->rc)
		printf("#   got status %x, stderr: %s\n", (unsigned int)status, said_err);
	a = says(said_out, t->out, &missing);
	if (!ok(a, "%s: what comes out", t->name))
		printf("#   offends: %s\n#   stdout: %s\n#   stderr: %s\n", missing, said_out,
		       said_err);
	b = says(said_err, t->err, &missing);
	if (!ok(b, "%s: what is said", t->name))
		printf("#   offends: %s\n#   stderr: %s\n", missing, said_err);
	free(said_out);
	free(said_err);
	free(args);
}

static inline void config_cases_run(const struct config_case *t, size_t cnt)
{
	snprintf(config_file_name, sizeof(config_file_name), "/tmp/otel-ebpf-test-%d.yaml",
		 (int)getpid());
	for (size_t i = 0; i < cnt; i++)
		config_case_run(&t[i]);
	unlink(config_file_name);
}

#define CASES_RUN(t) config_cases_run((t), sizeof(t) / sizeof((t)[0]))

#endif
