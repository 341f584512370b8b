/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we send, as the official definitions read it: exporter `otlp` against
 * tests/tools/otlp_sink.py. Needs a Python with tests/tools/requirements.txt;
 * OTLP_SINK_PYTHON names it, otherwise the test says that it was skipped.
 */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exporter/queue.h"
#include "tests/unit/otlp_sample.h"
#include "tests/unit/tap.h"
#include "userspace/base/log.h"

static char dir[] = "/tmp/test_otlp_sink.XXXXXX";
static char out_path[64], port_path[64];

static pid_t sink_start(const char *python, char *const extra[], unsigned int *ret_port)
{
	pid_t pid = fork();

	if (!pid) {
		char *argv[24] = {(char *)python,	 (char *)"tests/tools/otlp_sink.py",
				  (char *)"--out",	 out_path,
				  (char *)"--port-file", port_path};
		int n = 6;

		while (extra && *extra && n < 23)
			argv[n++] = *extra++;
		execv(python, argv);
		_exit(127);
	}
	for (int i = 0; i < 300; i++) {
		FILE *f = fopen(port_path, "r");
		bool got = f && fscanf(f, "%u", ret_port) == 1;

		if (f)
			fclose(f);
		if (got)
			return pid;
		usleep(100000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

static void sink_stop(pid_t pid)
{
	int status = 0;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "the sink ends cleanly");
}

/* The sink's lines as an array; empties the file and forgets the port. */
static json_t *sink_lines(void)
{
	static char line[1 << 20];
	json_t *all = json_array();
	FILE *f = fopen(out_path, "r");

	while (f && fgets(line, sizeof(line), f))
		json_array_append_new(all, json_loads(line, JSON_ALLOW_NUL, NULL));
	if (f)
		fclose(f);
	unlink(out_path);
	unlink(port_path);
	return all;
}

/* Compares without what the sink adds (request). */
static void is_row(json_t *rows, size_t i, const char *want_text, const char *what)
{
	json_t *got = json_array_get(rows, i);
	json_error_t e;
	json_t *want = json_loads(want_text, 0, &e);

	if (!want) {
		ok(false, "%s: the expectation is no JSON: %s at %d", what, e.text, e.position);
		return;
	}
	json_object_del(got, "request");
	if (!ok(json_equal(got, want), "%s", what)) {
		char *g = json_dumps(got, JSON_SORT_KEYS), *w = json_dumps(want, JSON_SORT_KEYS);

		printf("# got  %s\n# want %s\n", g, w);
		free(g);
		free(w);
	}
	json_decref(want);
}

#define HEAD                                                                                       \
	"\"resource\":{\"service.name\":\"shop\",\"process.pid\":42},\"resource_schema_url\":"     \
	"\"" OE_SCHEMA_URL "\",\"scope\":\"otel-ebpf/http\",\"scope_version\":\"" OE_VERSION       \
	"\",\"schema_url\":\"" OE_SCHEMA_URL "\","
#define TIMES "\"start\":1700000000123456789,\"time\":1700000000124456789,"
#define METRIC(name)                                                                               \
	"{\"signal\":\"metric\"," HEAD "\"name\":\"" name                                          \
	"\",\"unit\":\"s\",\"description\":\"what it is\","
#define HIST                                                                                       \
	METRIC("http.server.request.duration")                                                     \
	TIMES "\"type\":\"histogram\",\"temporality\":\"CUMULATIVE\",\"bounds\":[0.005,0.1,10.0],"

static const char want_span[] =
	"{\"signal\":\"span\"," HEAD "\"name\":\"GET /users/{id}\",\"kind\":\"SERVER\","
	"\"trace_id\":\"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\",\"span_id\":\"b0b1b2b3b4b5b6b7\","
	"\"parent_span_id\":\"c0c1c2c3c4c5c6c7\",\"flags\":769,\"trace_state\":\"vendor=x,ot=th:"
	"8\","
	"\"start\":1700000000123456789,\"end\":1700000000135456789,\"status\":\"ERROR\","
	"\"status_message\":\"it "
	"broke\",\"dropped_attributes\":7,\"dropped_links\":9,\"events\":[],"
	"\"attributes\":{\"http.request.method\":\"GET\",\"http.response.status_code\":503,"
	"\"min\":-9223372036854775808,\"ratio\":0.1,\"yes\":true,\"no\":false,\"empty\":\"\","
	"\"quote\":\"a\\\"b\\\\c\\n\\u0001\xe2\x82\xac\",\"http.request.header.accept\":[\"text/"
	"html\",\"\",\"*/*\"],"
	"\"none\":[]},"
	"\"links\":[{\"trace_id\":\"101112131415161718191a1b1c1d1e1f\",\"span_id\":"
	"\"2021222324252627\","
	"\"flags\":769,\"trace_state\":\"a=b\"},{\"trace_id\":\"303132333435363738393a3b3c3d3e3f\","
	"\"span_id\":\"4041424344454647\",\"flags\":0,\"trace_state\":\"\"}]}";

static const char *const want_metrics[] = {
	HIST "\"attributes\":{\"http.route\":\"/users/"
	     "{id}\"},\"count\":7,\"sum\":44.25,\"min\":0.0,\"max\":12.5,\"buckets\":[1,2,0,4]}",
	HIST "\"attributes\":{},\"count\":0,\"sum\":0.0,\"min\":null,\"max\":null,\"buckets\":[0,0,"
	     "0,0]}",
	METRIC("sum.int") TIMES "\"type\":\"sum\",\"temporality\":\"DELTA\",\"monotonic\":true,"
				"\"attributes\":{\"http.route\":\"/users/"
				"{id}\"},\"value\":9223372036854775807,\"value_type\":\"int\"}",
	METRIC("sum.int") TIMES
	"\"type\":\"sum\",\"temporality\":\"DELTA\",\"monotonic\":true,\"attributes\":{},"
	"\"value\":0,\"value_type\":\"int\"}",
	METRIC("sum.double") TIMES
	"\"type\":\"sum\",\"temporality\":\"CUMULATIVE\",\"monotonic\":false,\"attributes\":{},"
	"\"value\":0.30000000000000004,\"value_type\":\"double\"}",
	METRIC("gauge") "\"start\":0,\"time\":1700000000124456789,\"type\":\"gauge\","
			"\"attributes\":{},"
			"\"value\":-5,\"value_type\":\"int\"}",
};

static struct queue *open_otlp(unsigned int port, bool gzip)
{
	static char urls[2][64];
	struct exporter_config cfg = {
		.queue_max_spans = 100000, .export_timeout_ms = 20000, .retry_initial_ms = 50};
	struct queue *q = NULL;
	char err[256];

	snprintf(urls[0], 64, "http://127.0.0.1:%u/v1/traces", port);
	snprintf(urls[1], 64, "http://127.0.0.1:%u/v1/metrics", port);
	cfg.traces = (struct otlp_signal_config){.url = urls[0], .gzip = gzip, .timeout_ms = 5000};
	cfg.metrics = (struct otlp_signal_config){.url = urls[1], .gzip = gzip, .timeout_ms = 5000};
	if (queue_open(exporter_find("otlp"), &cfg, &q, err))
		ok(false, "open: %s", err);
	return q;
}

static void test_official(const char *python, bool gzip)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = batch_new(BATCH_SPANS, 1), *m = sample_metrics(r),
		     *bad = batch_new(BATCH_SPANS, 1);
	struct queue_stats s;
	struct span *sp;
	unsigned int port;
	pid_t pid = sink_start(python, NULL, &port);
	struct queue *q;
	json_t *rows;

	if (!ok(pid > 0, "the sink runs"))
		return;
	sample_span(b, r);
	sp = sample_span(bad, r);
	sp->name = "broken \xff name";
	q = open_otlp(port, gzip);
	queue_add(q, b);
	queue_add(q, m);
	queue_add(q, bad);
	ok(queue_flush(q, 20000), "sent (gzip: %d)", gzip);
	queue_close(q, 2000, &s);
	sink_stop(pid);
	ok(s.spans_exported == 2 && s.points_exported == 6 && !s.export_errors,
	   "the sink took all (%s)", s.last_error_type);
	rows = sink_lines();
	is_int(json_array_size(rows), 8, "a line per span and point");
	is_row(rows, 0, want_span, "the span");
	for (size_t i = 0; i < 6; i++)
		is_row(rows, 1 + i, want_metrics[i], "a metric point");
	is_str(json_string_value(json_object_get(json_array_get(rows, 7), "name")),
	       "broken \xef\xbf\xbd name", "broken UTF-8 does not cost the batch");
	json_decref(rows);
	batch_put(b);
	batch_put(m);
	batch_put(bad);
	resource_put(r);
}

/* 503 with Retry-After for a while, then partial success. */
static void test_troubled(const char *python)
{
	char *extra[] = {(char *)"--fail-first",
			 (char *)"2",
			 (char *)"--retry-after",
			 (char *)"1",
			 (char *)"--reject",
			 (char *)"4",
			 NULL};
	struct resource *r = sample_resource("shop", 42);
	struct queue_stats s;
	unsigned int port;
	pid_t pid = sink_start(python, extra, &port);
	struct queue *q;
	json_t *rows;

	if (!ok(pid > 0, "the sink runs"))
		return;
	q = open_otlp(port, true);
	for (int i = 0; i < 20; i++) {
		struct batch *b = batch_new(BATCH_SPANS, 512);

		for (int k = 0; k < 512; k++)
			sample_span(b, r);
		queue_add(q, b);
		batch_put(b);
	}
	ok(queue_flush(q, 60000), "all dealt with");
	queue_close(q, 2000, &s);
	sink_stop(pid);
	rows = sink_lines();
	is_int(s.spans_in, 20 * 512, "spans in");
	is_int(s.spans_rejected, 20 * 4, "spans refused by partial success");
	is_int(s.spans_exported, 20 * 508, "spans exported");
	is_int(json_array_size(rows), 20 * 508, "... and that is what the server kept");
	is_int(s.export_retries, 2, "the failures were tried again");
	json_decref(rows);
	resource_put(r);
}

/* The collector dies in the middle. */
static void test_killed(const char *python)
{
	char *extra[] = {(char *)"--die-after", (char *)"3", NULL};
	struct resource *r = sample_resource("shop", 42);
	struct queue_stats s;
	unsigned int port;
	pid_t pid = sink_start(python, extra, &port);
	struct queue *q;
	json_t *rows;

	if (!ok(pid > 0, "the sink runs"))
		return;
	q = open_otlp(port, true);
	for (int i = 0; i < 10; i++) {
		struct batch *b = batch_new(BATCH_SPANS, 10);

		for (int k = 0; k < 10; k++)
			sample_span(b, r);
		queue_add(q, b);
		batch_put(b);
	}
	waitpid(pid, NULL, 0);
	queue_close(q, 1000, &s);
	rows = sink_lines();
	is_int(json_array_size(rows), 30, "three batches arrived");
	is_int(s.spans_exported, 30, "... three are counted as exported");
	is_int(s.spans_failed, 70, "... and seven as failed");
	json_decref(rows);
	is_int(atomic_load(&r->refs), 1, "nothing leaks");
	resource_put(r);
}

int main(void)
{
	const char *python = getenv("OTLP_SINK_PYTHON");

	if (!python || !*python) {
		skip_test(
			"OTLP_SINK_PYTHON is not set (a Python with tests/tools/requirements.txt)");
		return tap_done();
	}
	log_set_level(LOG_NONE);
	setenv("no_proxy", "*", 1);
	if (!mkdtemp(dir))
		return 1;
	snprintf(out_path, sizeof(out_path), "%s/out", dir);
	snprintf(port_path, sizeof(port_path), "%s/port", dir);
	test_official(python, false);
	test_official(python, true);
	test_troubled(python);
	test_killed(python);
	rmdir(dir);
	return tap_done();
}
