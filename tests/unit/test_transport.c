/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/transport.h"

#include <stdlib.h>
#include <zlib.h>

#include "exporter/mono.h"
#include "exporter/queue.h"
#include "tests/unit/http_stub.h"
#include "tests/unit/otlp_sample.h"
#include "tests/unit/tap.h"
#include "userspace/base/log.h"

static const char ok_answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
				"Content-Length: 0\r\n\r\n";

/* ---- headers */

static const struct {
	const char *what, *in;
	const char *want; /* lines joined by | */
	unsigned int skipped;
} header_rows[] = {
	{"nothing", "", "", 0},
	{"NULL", NULL, "", 0},
	{"one", "a=b", "a: b", 0},
	{"two", "a=b,c=d", "a: b|c: d", 0},
	{"percent escape", "authorization=Bearer%20tok", "authorization: Bearer tok", 0},
	{"a raw space", "Authorization=Bearer tok123", "Authorization: Bearer tok123", 0},
	{"spaces around", " a = b , c\t=\td ", "a: b|c: d", 0},
	{"base64 padding: the first = splits",
	 "authorization=Basic dTpwYQ==", "authorization: Basic dTpwYQ==", 0},
	{"an escaped comma", "a=x%2Cy", "a: x,y", 0},
	{"a semicolon belongs to the value", "a=x;p=1", "a: x;p=1", 0},
	{"a lone percent sign stays", "a=50%,b=%zz,c=%4", "a: 50%|b: %zz|c: %4", 0},
	{"empty pairs", ",a=b,,", "a: b", 0},
	{"an empty value", "a=", "a;", 0},
	{"no =", "novalue,a=b", "a: b", 1},
	{"no name", "=v,a=b", "a: b", 1},
	{"a name with a space", "a b=c,d=e", "d: e", 1},
	{"a name with a colon", "a:b=c", "", 1},
	{"an escaped line break cannot begin a header", "a=x%0d%0aevil: 1,b=c", "b: c", 1},
	{"an escaped NUL", "a=x%00y,b=c", "b: c", 1},
	{"framing is ours", "Content-Length=5,transfer-encoding=chunked,Content-Type=x,a=b", "a: b",
	 3},
	{"non-ASCII passes", "a=%c3%a9", "a: \xc3\xa9", 0},
};

static void test_headers(void)
{
	for (size_t i = 0; i < sizeof(header_rows) / sizeof(header_rows[0]); i++) {
		struct curl_slist *list = NULL;
		unsigned int skipped = 99;
		char got[512] = "";

		ok(!transport_headers(header_rows[i].in, &list, &skipped), "headers: %s: no error",
		   header_rows[i].what);
		for (struct curl_slist *l = list; l; l = l->next) {
			if (*got)
				strcat(got, "|");
			strcat(got, l->data);
		}
		is_str(got, header_rows[i].want, header_rows[i].what);
		is_int(skipped, header_rows[i].skipped, "... skipped");
		curl_slist_free_all(list);
	}
}

/* ---- requests */

struct client {
	struct transport *t;
	struct export_info info;
	struct bytes answer;
	char url[128];
};

static void client_open(struct client *c, uint16_t port, bool gzip, const char *headers)
{
	struct otlp_signal_config cfg = {
		.url = c->url, .gzip = gzip, .timeout_ms = 2000, .headers = (char *)headers};
	char err[256] = "";

	memset(c, 0, sizeof(*c));
	snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%u/v1/traces", port);
	if (transport_open(&cfg, &c->t, err))
		ok(false, "transport_open: %s", err);
}

static enum export_result post(struct client *c, const char *body, size_t len, uint32_t ms)
{
	c->info = (struct export_info){0};
	c->answer = BYTES_NONE;
	return transport_post(c->t, bytes_of(body, len), mono_after_ms(mono_ns(), ms), &c->answer,
			      &c->info);
}

#define HEAD(status) "HTTP/1.1 " status "\r\n"
#define EMPTY	     "Content-Length: 0\r\n\r\n"
#define PROTO	     "Content-Type: application/x-protobuf\r\n"

static const struct {
	const char *what, *answer;
	size_t len;
	enum stub_mode mode;
	enum export_result want;
	const char *type;
	uint64_t after_ms;
	size_t body;	   /* bytes of the answer handed out */
	const char *error; /* part of the text */
} answer_rows[] = {
#define A(s) s, sizeof(s) - 1
	{"200", A(HEAD("200 OK") PROTO EMPTY), STUB_ANSWER, EXPORT_OK, "", 0, 0, ""},
	{"202", A(HEAD("202 Accepted") EMPTY), STUB_ANSWER, EXPORT_OK, "", 0, 0, ""},
	{"200 with a body", A(HEAD("200 OK") PROTO "Content-Length: 2\r\n\r\n\x0a\0"), STUB_ANSWER,
	 EXPORT_OK, "", 0, 2, ""},
	{"200 with text",
	 A(HEAD("200 OK") "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"), STUB_ANSWER,
	 EXPORT_OK, "", 0, 0, ""},
	{"200, body cut off", A(HEAD("200 OK") PROTO "Content-Length: 20\r\n\r\n\x0a\0"),
	 STUB_HALF_BODY, EXPORT_OK, "", 0, 0, ""},
	{"503", A(HEAD("503 Service Unavailable") EMPTY), STUB_ANSWER, EXPORT_RETRY, "503", 0, 0,
	 "HTTP status 503"},
	{"503 with seconds", A(HEAD("503 No") "Retry-After: 7\r\n" EMPTY), STUB_ANSWER,
	 EXPORT_RETRY, "503", 7000, 0, ""},
	{"429 with seconds", A(HEAD("429 No") "Retry-After: 120\r\n" EMPTY), STUB_ANSWER,
	 EXPORT_RETRY, "429", 120000, 0, ""},
	{"429 with nonsense", A(HEAD("429 No") "Retry-After: soon\r\n" EMPTY), STUB_ANSWER,
	 EXPORT_RETRY, "429", 0, 0, ""},
	{"503 with a past date",
	 A(HEAD("503 No") "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n" EMPTY), STUB_ANSWER,
	 EXPORT_RETRY, "503", 0, 0, ""},
	{"502", A(HEAD("502 No") EMPTY), STUB_ANSWER, EXPORT_RETRY, "502", 0, 0, ""},
	{"504", A(HEAD("504 No") EMPTY), STUB_ANSWER, EXPORT_RETRY, "504", 0, 0, ""},
	{"500", A(HEAD("500 No") EMPTY), STUB_ANSWER, EXPORT_REJECTED, "500", 0, 0, ""},
	{"400 with text", A(HEAD("400 No") "Content-Length: 9\r\n\r\nbad\x1b[2Jxx"), STUB_ANSWER,
	 EXPORT_REJECTED, "400", 0, 0, "HTTP status 400: bad?[2Jxx"},
	{"400 with a Status",
	 A(HEAD("400 No") PROTO "Content-Length: 7\r\n\r\n\x08\x03\x12\x03"
				"why"),
	 STUB_ANSWER, EXPORT_REJECTED, "400", 0, 0, "HTTP status 400: why"},
	{"404", A(HEAD("404 No") EMPTY), STUB_ANSWER, EXPORT_REJECTED, "404", 0, 0, ""},
	{"a redirect is not followed", A(HEAD("307 Go") "Location: http://127.0.0.1:1/\r\n" EMPTY),
	 STUB_ANSWER, EXPORT_REJECTED, "307", 0, 0, ""},
	{"closed without an answer", A(""), STUB_CLOSE, EXPORT_RETRY, "connection", 0, 0, ""},
	{"not HTTP", A("SSH-2.0-OpenSSH_9.2\r\n"), STUB_CLOSE_AFTER, EXPORT_REJECTED, "protocol", 0,
	 0, ""},
#undef A
};

static void test_status(void)
{
	for (size_t i = 0; i < sizeof(answer_rows) / sizeof(answer_rows[0]); i++) {
		struct client c;
		struct stub s;
		enum export_result got;

		if (!stub_start(&s, 0)) {
			ok(false, "stub");
			return;
		}
		stub_set(&s, answer_rows[i].mode, answer_rows[i].answer, answer_rows[i].len);
		client_open(&c, s.port, false, NULL);
		got = post(&c, "body", 4, 5000);
		ok(got == answer_rows[i].want &&
			   (!answer_rows[i].type ||
			    !strcmp(c.info.error_type, answer_rows[i].type)) &&
			   c.info.retry_after_ms == answer_rows[i].after_ms &&
			   c.answer.len == answer_rows[i].body &&
			   strstr(c.info.error, answer_rows[i].error),
		   "answer: %s (%d '%s' '%s' %" PRIu64 ")", answer_rows[i].what, got,
		   c.info.error_type, c.info.error, c.info.retry_after_ms);
		transport_close(c.t);
		stub_stop(&s);
	}
}

static void test_retry_date(void)
{
	char answer[256], date[64];
	time_t at = time(NULL) + 30;
	struct client c;
	struct stub s;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	snprintf(answer, sizeof(answer), HEAD("503 No") "Retry-After: %s\r\n" EMPTY, date);
	stub_start(&s, 0);
	stub_set(&s, STUB_ANSWER, answer, strlen(answer));
	client_open(&c, s.port, false, NULL);
	is_int(post(&c, "x", 1, 5000), EXPORT_RETRY, "503 with a date to come");
	ok(c.info.retry_after_ms > 25000 && c.info.retry_after_ms <= 30000,
	   "... about 30 s from now: %" PRIu64, c.info.retry_after_ms);
	transport_close(c.t);
	stub_stop(&s);
}

static size_t gunzip(const uint8_t *in, size_t len, char *out, size_t size)
{
	z_stream z = {.next_in = (Bytef *)in,
		      .avail_in = (uInt)len,
		      .next_out = (Bytef *)out,
		      .avail_out = (uInt)size};

	if (inflateInit2(&z, 15 + 16) != Z_OK || inflate(&z, Z_FINISH) != Z_STREAM_END)
		z.total_out = 0;
	inflateEnd(&z);
	return z.total_out;
}

static void test_request(void)
{
	static char big[300000], back[300000];
	struct client c;
	struct stub s;
	size_t n;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i % 251);
	stub_start(&s, 0);
	stub_set(&s, STUB_ANSWER, ok_answer, sizeof(ok_answer) - 1);
	client_open(&c, s.port, false, "authorization=Bearer%20secret,x-tenant=a b");
	is_int(post(&c, "hello", 5, 5000), EXPORT_OK, "a plain request");
	ok(strstr(s.head, "POST /v1/traces HTTP/1.1\r\n") == s.head, "method and path");
	ok(strstr(s.head, "\r\nContent-Type: application/x-protobuf\r\n"), "content type");
	ok(strstr(s.head, "\r\nUser-Agent: otel-ebpf/" OE_VERSION
			  " OTel-OTLP-Exporter-C/" OE_VERSION "\r\n"),
	   "user agent");
	ok(strstr(s.head, "\r\nauthorization: Bearer secret\r\n") &&
		   strstr(s.head, "\r\nx-tenant: a b\r\n"),
	   "configured headers");
	ok(!strcasestr(s.head, "content-encoding") && !strcasestr(s.head, "expect:"),
	   "no encoding, no Expect");
	ok(s.body_len == 5 && !memcmp(s.body, "hello", 5), "the body");
	is_int(post(&c, "", 0, 5000), EXPORT_OK, "an empty body");
	is_int(s.body_len, 0, "... stays empty");
	is_int(post(&c, big, sizeof(big), 5000), EXPORT_OK, "a large body");
	ok(s.body_len == sizeof(big) && !memcmp(s.body, big, sizeof(big)), "... arrives whole");
	is_int(s.connections, 1, "three requests on one connection");
	transport_close(c.t);

	client_open(&c, s.port, true, NULL);
	for (int i = 0; i < 3; i++) {
		is_int(post(&c, big, sizeof(big) - (size_t)i, 5000), EXPORT_OK,
		       "a compressed request");
		ok(strstr(s.head, "\r\nContent-Encoding: gzip\r\n") && s.body_len < sizeof(big) / 4,
		   "... says so and is smaller");
		n = gunzip(s.body, s.body_len, back, sizeof(back));
		ok(n == sizeof(big) - (size_t)i && !memcmp(back, big, n),
		   "... and is the same inside");
	}
	transport_close(c.t);
	stub_stop(&s);
}

static void test_connection(void)
{
	struct client c;
	struct stub s;
	uint16_t port;
	uint64_t start;

	stub_start(&s, 0);
	stub_set(&s, STUB_CLOSE_AFTER, ok_answer, sizeof(ok_answer) - 1);
	client_open(&c, s.port, false, NULL);
	for (int i = 0; i < 3; i++) {
		is_int(post(&c, "x", 1, 5000), EXPORT_OK, "a server that closes after each answer");
		usleep(20000);
	}
	is_int(s.connections, 3, "... gets a new connection each time");

	stub_set(&s, STUB_SILENT, NULL, 0);
	start = mono_ns();
	is_int(post(&c, "x", 1, 300), EXPORT_RETRY, "a server that does not answer");
	is_str(c.info.error_type, "timeout", "... is a timeout");
	ok(mono_ns() - start >= 290 * NSEC_PER_MSEC && mono_ns() - start < 1500 * NSEC_PER_MSEC,
	   "... at the deadline");
	is_int(post(&c, "x", 1, 0), EXPORT_RETRY, "no time left");
	is_str(c.info.error_type, "timeout", "... is a timeout too");
	port = s.port;
	stub_stop(&s);
	is_int(post(&c, "x", 1, 5000), EXPORT_RETRY, "nobody listens");
	is_str(c.info.error_type, "refused", "... is refused");
	ok(strstr(c.info.error, "http://127.0.0.1:"), "... and says where: %s", c.info.error);
	if (stub_start(&s, port)) {
		stub_set(&s, STUB_ANSWER, ok_answer, sizeof(ok_answer) - 1);
		is_int(post(&c, "x", 1, 5000), EXPORT_OK, "the server is back: so are we");
		stub_stop(&s);
	} else {
		skip_test("the port was taken meanwhile");
	}
	transport_close(c.t);
}

static void test_open(void)
{
	static const char *const bad[] = {
		"", "localhost:4318", "ftp://h/", "file:///etc/passwd", "http://", "//x"};
	struct otlp_signal_config cfg = {.timeout_ms = 1000};
	struct export_info info = {0};
	struct transport *t = NULL;
	struct bytes answer;
	char err[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cfg.url = (char *)bad[i];
		err[0] = '\0';
		ok(transport_open(&cfg, &t, err) && !t && *err, "no endpoint: '%s': %s", bad[i],
		   err);
	}
	cfg.url = (char *)"http://user:secret@127.0.0.1:1/v1/traces?key=secret";
	ok(!transport_open(&cfg, &t, err), "a URL with secrets opens");
	is_str(transport_url(t), "http://127.0.0.1:1/v1/traces", "... and is shown without them");
	transport_post(t, BYTES_LIT("x"), mono_after_ms(mono_ns(), 1000), &answer, &info);
	ok(info.error[0] && !strstr(info.error, "secret"), "... in errors too: %s", info.error);
	transport_close(t);
	cfg.url = (char *)"http://no-such-host.invalid/v1/traces";
	transport_open(&cfg, &t, err);
	is_int(transport_post(t, BYTES_LIT("x"), mono_after_ms(mono_ns(), 3000), &answer, &info),
	       EXPORT_RETRY, "an unknown host");
	ok(!strcmp(info.error_type, "dns") || !strcmp(info.error_type, "timeout"),
	   "... is dns (%s)", info.error_type);
	transport_close(t);
	cfg.url = (char *)"https://127.0.0.1:1/";
	cfg.ca_file = (char *)"/nonexistent/ca.pem";
	if (!transport_open(&cfg, &t, err)) {
		is_int(transport_post(t, BYTES_LIT("x"), mono_after_ms(mono_ns(), 1000), &answer,
				      &info) != EXPORT_OK,
		       1, "a CA file that is not there");
		transport_close(t);
	}
	transport_close(NULL);
}

static void test_body_limit(void)
{
	size_t size = TRANSPORT_BODY_MAX * 3;
	char *answer = malloc(size + 256);
	struct client c;
	struct stub s;
	int n;

	for (int fail = 0; fail < 2; fail++) {
		n = sprintf(answer, "HTTP/1.1 %s\r\n" PROTO "Content-Length: %zu\r\n\r\n",
			    fail ? "400 No" : "200 OK", size);
		memset(answer + n, 'x', size);
		stub_start(&s, 0);
		stub_set(&s, STUB_ANSWER, answer, (size_t)n + size);
		client_open(&c, s.port, false, NULL);
		is_int(post(&c, "x", 1, 5000), fail ? EXPORT_REJECTED : EXPORT_OK,
		       "an answer that is too long");
		is_int(c.answer.len, 0, "... is not read");
		transport_close(c.t);
		stub_stop(&s);
	}
	free(answer);
}

static void *abort_soon(void *arg)
{
	usleep(200000);
	transport_abort(arg);
	return NULL;
}

static void test_abort(void)
{
	struct client c;
	struct stub s;
	uint64_t start;
	pthread_t t;

	stub_start(&s, 0);
	stub_set(&s, STUB_SILENT, NULL, 0);
	client_open(&c, s.port, false, NULL);
	pthread_create(&t, NULL, abort_soon, c.t);
	start = mono_ns();
	is_int(post(&c, "x", 1, 60000), EXPORT_REJECTED, "abort ends a request");
	is_str(c.info.error_type, "aborted", "... as aborted");
	ok(mono_ns() - start < 700 * NSEC_PER_MSEC, "... at once");
	pthread_join(t, NULL);
	is_int(post(&c, "x", 1, 60000), EXPORT_REJECTED, "later requests are not sent");
	transport_close(c.t);
	stub_stop(&s);
}

/* ---- the exporter `otlp` behind a queue, against the stub */

static struct exporter_config otlp_config(char url[64], uint16_t port)
{
	struct exporter_config cfg = {.queue_max_spans = 1000,
				      .export_timeout_ms = 400,
				      .metric_timeout_ms = 400,
				      .retry_initial_ms = 20,
				      .retry_max_ms = 40};

	snprintf(url, 64, "http://127.0.0.1:%u/v1/traces", port);
	cfg.traces = (struct otlp_signal_config){.url = url, .gzip = true, .timeout_ms = 1000};
	return cfg;
}

static void add_spans(struct queue *q, struct resource *r, uint32_t cnt)
{
	struct batch *b = batch_new(BATCH_SPANS, cnt);

	for (uint32_t i = 0; i < cnt; i++)
		sample_span(b, r);
	queue_add(q, b);
	batch_put(b);
}

static void test_exporter(void)
{
	static const char partial[] =
		HEAD("200 OK") PROTO "Content-Length: 8\r\n\r\n\x0a\x06\x08\x03\x12\x02no";
	struct resource *r = sample_resource("shop", 1);
	struct exporter_config cfg;
	struct queue_stats st;
	struct queue *q;
	struct batch *m;
	char url[64], err[256] = "";
	struct stub s;

	stub_start(&s, 0);
	cfg = otlp_config(url, s.port);
	stub_set(&s, STUB_ANSWER, partial, sizeof(partial) - 1);
	if (!ok(!queue_open(exporter_find("otlp"), &cfg, &q, err), "open otlp %s", err))
		return;
	add_spans(q, r, 10);
	ok(queue_flush(q, 5000), "sent");
	queue_stats(q, &st);
	ok(st.spans_exported == 7 && st.spans_rejected == 3 && st.export_calls == 1,
	   "partial success through the whole chain");
	is_str(st.last_error_type, "rejected", "... and its kind");
	m = sample_metrics(r);
	queue_add(q, m);
	batch_put(m);
	queue_flush(q, 5000);
	queue_stats(q, &st);
	is_int(st.points_failed, 6, "a signal without an endpoint is counted as failed");
	is_str(st.last_error_type, "no_endpoint", "... and says why");

	/* the collector dies: memory stays bounded, every span is accounted for */
	stub_stop(&s);
	for (int i = 0; i < 300; i++)
		add_spans(q, r, 50);
	queue_stats(q, &st);
	ok(st.queued_spans <= 1050,
	   "a dead collector: at most the limit and one batch wait (%" PRIu64 ")", st.queued_spans);
	ok(st.spans_dropped_full >= 10000, "... the rest is dropped and counted (%" PRIu64 ")",
	   st.spans_dropped_full);
	queue_close(q, 500, &st);
	is_int(st.spans_exported + st.spans_rejected + st.spans_failed + st.spans_dropped_full,
	       15010, "... to the last one");
	is_int(atomic_load(&r->refs), 1, "... and freed");
	resource_put(r);
	ok(queue_open(exporter_find("otlp"), &(struct exporter_config){0}, &q, err) && *err,
	   "no endpoint at all: %s", err);
	ok(!exporter_find("no-such-exporter"), "an unknown exporter");
}

int main(void)
{
	log_set_level(LOG_NONE);
	/* the tests talk to loopback only, whatever proxy this machine uses */
	setenv("no_proxy", "*", 1);
	test_headers();
	test_open();
	test_status();
	test_retry_date();
	test_request();
	test_connection();
	test_body_limit();
	test_abort();
	test_exporter();
	return tap_done();
}
