/* SPDX-License-Identifier: Apache-2.0 */
/* The exporters that write: otlp_file and console. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/exporter.h"
#include "exporter/mono.h"
#include "tests/unit/otlp_sample.h"
#include "tests/unit/tap.h"

#define SOON mono_after_ms(mono_ns(), 5000)

static _Thread_local struct export_info info;

static enum export_result send_batch(const char *name, void *state, struct batch *b,
				     uint64_t deadline)
{
	info = (struct export_info){0};
	return exporter_find(name)->export_batch(state, b, deadline, &info);
}

static void *open_file(const char *path)
{
	struct exporter_config cfg = {.otlp_file = path};
	char err[256] = "";
	void *st = NULL;

	if (exporter_find("otlp_file")->open(&cfg, &st, err))
		printf("# %s\n", err);
	return st;
}

static struct batch *spans(struct resource *r, int cnt)
{
	struct batch *b = batch_new(BATCH_SPANS, (uint32_t)cnt);

	for (int i = 0; i < cnt; i++)
		sample_span(b, r);
	return b;
}

static size_t slurp(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len + 1 < size && (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fd);
	return len;
}

/* How many lines are JSON objects; *ret_bad gets the others. */
static int json_lines(char *text, int *ret_bad)
{
	int good = 0, bad = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *j = json_loads(line, 0, NULL);

		good += json_is_object(j);
		bad += !json_is_object(j);
		json_decref(j);
	}
	*ret_bad = bad;
	return good;
}

struct writer {
	const char *path;
	struct resource *r;
	int failed;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;
	void *st = open_file(w->path);

	for (int i = 0; i < 50; i++) {
		struct batch *b = spans(w->r, 20);

		w->failed += send_batch("otlp_file", st, b, SOON) != EXPORT_OK;
		batch_put(b);
	}
	exporter_find("otlp_file")->close(st);
	return NULL;
}

static void test_file(void)
{
	static char text[8 << 20];
	char path[] = "/tmp/test_output.XXXXXX", err[256] = "";
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = spans(r, 3), *m = sample_metrics(r);
	struct exporter_config cfg = {0};
	struct writer w[2];
	struct stat stt;
	pthread_t t[2];
	int bad = 0;
	void *st;

	close(mkstemp(path));
	unlink(path);
	st = open_file(path);
	ok(st && !stat(path, &stt) && !(stt.st_mode & 07),
	   "the file is made, and not for everybody");
	is_int(send_batch("otlp_file", st, b, SOON), EXPORT_OK, "spans");
	is_int(send_batch("otlp_file", st, m, 0), EXPORT_OK, "metrics; a ready file needs no time");
	slurp(path, text, sizeof(text));
	ok(!strncmp(text, "{\"resourceSpans\":", 17) && strstr(text, "}\n{\"resourceMetrics\":"),
	   "one line each, at once");
	is_int(json_lines(text, &bad), 2, "both are JSON");
	is_int(bad, 0, "and nothing else is there");
	exporter_find("otlp_file")->close(st);
	st = open_file(path);
	send_batch("otlp_file", st, b, SOON);
	exporter_find("otlp_file")->close(st);
	slurp(path, text, sizeof(text));
	is_int(json_lines(text, &bad), 3, "a second opening appends");

	for (int i = 0; i < 2; i++) {
		w[i] = (struct writer){path, r, 0};
		pthread_create(&t[i], NULL, write_many, &w[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	slurp(path, text, sizeof(text));
	is_int(json_lines(text, &bad), 103, "two writers of one file: every line is whole");
	is_int(bad + w[0].failed + w[1].failed, 0, "... and none failed");
	unlink(path);

	ok(exporter_find("otlp_file")->open(&cfg, &st, err) == -EINVAL && *err, "no file given: %s",
	   err);
	cfg.otlp_file = "/no/such/dir/f";
	ok(exporter_find("otlp_file")->open(&cfg, &st, err) == -ENOENT &&
		   strstr(err, "/no/such/dir/f"),
	   "cannot open: %s", err);
	batch_put(b);
	batch_put(m);
	resource_put(r);
}

static void test_file_full(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = spans(r, 3);
	void *st = open_file("/dev/full");

	is_int(send_batch("otlp_file", st, b, SOON), EXPORT_REJECTED, "a full disk is a failure");
	is_str(info.error_type, "no_space", "... of its own kind");
	ok(strstr(info.error, "/dev/full: No space left"), "... that says where: %s", info.error);
	exporter_find("otlp_file")->close(st);
	batch_put(b);
	resource_put(r);
}

static void *abort_file(void *arg)
{
	usleep(200000);
	exporter_find("otlp_file")->abort(arg);
	return NULL;
}

/* A reader that stops reading, one that comes back, one that goes away. */
static void test_file_pipe(void)
{
	static char text[4 << 20];
	char path[] = "/tmp/test_output.XXXXXX";
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = spans(r, 2000);
	int fd, bad, good;
	uint64_t start;
	size_t len = 0;
	pthread_t t;
	ssize_t n;
	void *st;

	close(mkstemp(path));
	unlink(path);
	if (mkfifo(path, 0600)) {
		ok(false, "mkfifo");
		return;
	}
	fd = open(path, O_RDONLY | O_NONBLOCK);
	st = open_file(path);
	start = mono_ns();
	is_int(send_batch("otlp_file", st, b, mono_after_ms(mono_ns(), 300)), EXPORT_REJECTED,
	       "a reader that does not read");
	is_str(info.error_type, "timeout", "... is a timeout");
	ok(mono_ns() - start < 1500 * NSEC_PER_MSEC, "... at the deadline");
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	batch_put(b);
	b = spans(r, 2);
	is_int(send_batch("otlp_file", st, b, SOON), EXPORT_OK, "it reads again");
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	good = json_lines(text, &bad);
	ok(good == 1 && bad == 1,
	   "the broken line is ended, the next one is whole (%d good, %d bad)", good, bad);
	batch_put(b);

	b = spans(r, 2000);
	pthread_create(&t, NULL, abort_file, st);
	start = mono_ns();
	is_int(send_batch("otlp_file", st, b, mono_after_ms(mono_ns(), 60000)), EXPORT_REJECTED,
	       "abort ends a stuck write");
	is_str(info.error_type, "aborted", "... as aborted");
	ok(mono_ns() - start < 2000 * NSEC_PER_MSEC, "... soon");
	pthread_join(t, NULL);
	exporter_find("otlp_file")->close(st);
	/* a second descriptor keeps the open from failing, then the reader goes */
	st = open_file(path);
	close(fd);
	is_int(send_batch("otlp_file", st, b, SOON), EXPORT_REJECTED, "the reader went away");
	is_str(info.error_type, "broken_pipe", "... is a broken pipe");
	exporter_find("otlp_file")->close(st);
	unlink(path);
	batch_put(b);
	resource_put(r);
}

/* ---- console */

static char *console_text(struct batch *b, bool color)
{
	struct exporter_config cfg = {.color = color};
	char err[256], *text = NULL;
	size_t size = 0;
	void *st;

	cfg.out = open_memstream(&text, &size);
	if (exporter_find("console")->open(&cfg, &st, err))
		return NULL;
	if (send_batch("console", st, b, SOON) != EXPORT_OK)
		printf("# %s\n", info.error);
	exporter_find("console")->close(st);
	fclose(cfg.out);
	return text;
}

static void is_line(struct batch *b, const char *want, const char *what)
{
	char *text = console_text(b, false);

	is_str(text, want, what);
	free(text);
}

static void test_console_spans(void)
{
	static const struct {
		const char *what;
		struct attr attrs[6];
		enum span_kind kind;
		enum span_status status;
		uint64_t ns;
		const char *want; /* after the time and before the trace id */
	} rows[] = {
		{"server",
		 {{.key = "http.response.status_code", .type = ATTR_INT, .i = 200},
		  {.key = "network.peer.address", .type = ATTR_STR, .len = 8, .s = "10.0.0.7"},
		  {.key = "network.peer.port", .type = ATTR_INT, .i = 51234},
		  {.key = "url.path", .type = ATTR_STR, .len = 5, .s = "/u/42"}},
		 SPAN_SERVER,
		 SPAN_STATUS_UNSET,
		 12400000,
		 "   12.4ms  SERVER   GET /u/{id}                  200   shop[42]             "
		 "10.0.0.7:51234         /u/42"},
		{"the path is in the name",
		 {{.key = "url.path", .type = ATTR_STR, .len = 7, .s = "/u/{id}"}},
		 SPAN_SERVER,
		 SPAN_STATUS_UNSET,
		 850000,
		 "    850us  SERVER   GET /u/{id}                  -     shop[42]             -    "
		 "                "},
		{"error.type without a status",
		 {{.key = "error.type", .type = ATTR_STR, .len = 7, .s = "timeout"},
		  {.key = "server.address", .type = ATTR_STR, .len = 3, .s = "::1"},
		  {.key = "server.port", .type = ATTR_INT, .i = 80}},
		 SPAN_CLIENT,
		 SPAN_STATUS_ERROR,
		 1204000000ULL,
		 "    1.20s  CLIENT   GET /u/{id}                  timeout shop[42]             "
		 "[::1]:80             "},
		{"an error without a word",
		 {{0}},
		 SPAN_PRODUCER,
		 SPAN_STATUS_ERROR,
		 312000000000ULL,
		 "     312s  PRODUCER GET /u/{id}                  ERROR shop[42]             -    "
		 "                "},
		{"a Unix socket",
		 {{.key = "network.peer.address", .type = ATTR_STR, .len = 10, .s = "/run/a.ock"}},
		 SPAN_INTERNAL,
		 SPAN_STATUS_UNSET,
		 0,
		 "      0us  INTERNAL GET /u/{id}                  -     shop[42]             "
		 "/run/a.ock           "},
	};
	struct resource *r = sample_resource("shop", 42);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b = batch_new(BATCH_SPANS, 1);
		struct span *sp = sample_span_small(b, r, "s", "GET /u/{id}", 1);
		char want[512];

		sp->kind = rows[i].kind;
		sp->status = rows[i].status;
		sp->end_ns = sp->start_ns + rows[i].ns;
		sp->attrs = rows[i].attrs;
		while (sp->attr_cnt < 6 && rows[i].attrs[sp->attr_cnt].key)
			sp->attr_cnt++;
		snprintf(want, sizeof(want), "%s%s  trace=00000000\n",
			 rows[i].ns > 60000000000ULL  ? "22:18:32.123"
			 : rows[i].ns > 1000000000ULL ? "22:13:21.327"
			 : rows[i].ns > 1000000	      ? "22:13:20.135"
			 : rows[i].ns		      ? "22:13:20.124"
						      : "22:13:20.123",
			 rows[i].want);
		is_line(b, want, rows[i].what);
		batch_put(b);
	}
	resource_put(r);
}

static void test_console_metrics(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *m = sample_metrics(r);

	is_line(m,
		"22:13:20.124  metric  http.server.request.duration s count=7 sum=44.25 min=0 "
		"max=12.5  shop[42] {http.route=/users/{id}}\n"
		"22:13:20.124  metric  http.server.request.duration s count=0  shop[42] {}\n"
		"22:13:20.124  metric  sum.int s value=9223372036854775807  shop[42] "
		"{http.route=/users/{id}}\n"
		"22:13:20.124  metric  sum.int s value=0  shop[42] {}\n"
		"22:13:20.124  metric  sum.double s value=0.3  shop[42] {}\n"
		"22:13:20.124  metric  gauge s value=-5  shop[42] {}\n",
		"metrics");
	batch_put(m);
	resource_put(r);
}

static bool clean(const char *s)
{
	for (; *s; s++)
		if (((uint8_t)*s < 0x20 && *s != '\n') || (uint8_t)*s == 0x7f)
			return false;
	return true;
}

static void test_console_hostile(void)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"a\x1b]0;owned\x07z", "a\\x1b]0;owned\\x07z"},
		{"a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f"},
		{"csi \xc2\x9b"
		 "2J",
		 "csi \\x9b2J"},
		{"broken \xff\xe2\x82", "broken \\xff\\xe2\\x82"},
		{"rtl \xe2\x80\xae"
		 "abc",
		 "rtl \\u202eabc"},
		{"tag \xf3\xa0\x80\x81", "tag \\U000e0001"},
		{"caf\xc3\xa9 \\n", "caf\xc3\xa9 \\n"},
	};
	struct resource *r = sample_resource("sh\x1b[31mop", 42);
	char *huge = malloc(100001), *text;
	struct batch *b = batch_new(BATCH_SPANS, 200);
	struct attr *at;
	struct span *sp;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *one = batch_new(BATCH_SPANS, 1);

		sample_span_small(one, r, "s", rows[i].in, 1);
		text = console_text(one, false);
		ok(text && clean(text) && strstr(text, rows[i].want), "shown as %s", rows[i].want);
		free(text);
		batch_put(one);
	}
	memset(huge, 'x', 100000);
	huge[100000] = '\0';
	for (int i = 0; i < 200; i++) {
		sp = sample_span_small(b, r, "s", huge, 1);
		at = arena_alloc(&b->arena, 3 * sizeof(*at));
		at[0] = attr_str("url.path", huge);
		at[1] = attr_str("network.peer.address", huge);
		at[2] = attr_str("error.type", huge);
		at[0].len--;
		at[0].s++;
		sp->attrs = at;
		sp->attr_cnt = 3;
	}
	text = console_text(b, true);
	ok(text && strlen(text) < 200 * 2000 && strstr(text, "xx\xe2\x80\xa6"),
	   "long values are cut, with a mark");
	free(text);
	free(huge);
	batch_put(b);
	/* random bytes everywhere: nothing but printable characters comes out */
	srand(5);
	for (int i = 0; i < 300; i++) {
		uint8_t junk[64];

		for (int k = 0; k < 63; k++)
			junk[k] = (uint8_t)(1 + rand() % 255);
		junk[63] = 0;
		b = batch_new(BATCH_SPANS, 1);
		sp = sample_span_small(b, NULL, "s", (char *)junk, 1);
		sp->kind = (enum span_kind)(rand() % 9);
		sp->end_ns = (uint64_t)rand() << 33;
		sp->first_byte_ns = (uint64_t)rand();
		text = console_text(b, false);
		if (!text || !clean(text))
			ok(false, "random bytes, round %d: %s", i, text ? text : "");
		free(text);
		batch_put(b);
	}
	resource_put(r);
}

static void test_console_output(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = spans(r, 5000);
	struct exporter_config cfg = {0};
	char err[256], *text;
	int fds[2];
	void *st;

	text = console_text(b, true);
	ok(text && strstr(text, "\033[31m503\033[0m"), "colours when asked for");
	ok(text && strstr(text, "ttfb=3.0ms  trace=a0a1a2a3  parent=c0c1c2c3 remote\033[0m\n"),
	   "ttfb, trace and remote parent");
	free(text);
	if (pipe(fds))
		return;
	cfg.out = fdopen(fds[1], "w");
	exporter_find("console")->open(&cfg, &st, err);
	is_int(send_batch("console", st, b, mono_after_ms(mono_ns(), 200)), EXPORT_REJECTED,
	       "a reader that does not read");
	is_str(info.error_type, "timeout", "... is a timeout");
	close(fds[0]);
	is_int(send_batch("console", st, b, SOON), EXPORT_REJECTED, "a reader that went away");
	is_str(info.error_type, "broken_pipe", "... is a broken pipe");
	exporter_find("console")->close(st);
	fclose(cfg.out);
	batch_put(b);
	resource_put(r);
}

int main(void)
{
	/* as the queue's threads do */
	signal(SIGPIPE, SIG_IGN);
	setenv("TZ", "UTC", 1);
	test_file();
	test_file_full();
	test_file_pipe();
	test_console_spans();
	test_console_metrics();
	test_console_hostile();
	test_console_output();
	return tap_done();
}
