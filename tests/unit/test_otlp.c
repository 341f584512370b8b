/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/otlp.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "exporter/proto/otlp.pb-c.h"
#include "exporter/utf8.h"
#include "tests/unit/otlp_sample.h"
#include "tests/unit/tap.h"

#define SCHEMA "\"schemaUrl\":\"" OE_SCHEMA_URL "\""
#define SCOPE  "\"scope\":{\"name\":\"otel-ebpf/http\",\"version\":\"" OE_VERSION "\"}"
#define RESOURCE                                                                                   \
	"\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"      \
	"\"shop\"}},{\"key\":\"process.pid\",\"value\":{\"intValue\":\"42\"}}]}"

static const char want_span[] =
	"{\"resourceSpans\":[{" RESOURCE ",\"scopeSpans\":[{" SCOPE ",\"spans\":[{"
	"\"traceId\":\"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\",\"spanId\":\"b0b1b2b3b4b5b6b7\","
	"\"traceState\":\"vendor=x,ot=th:8\",\"parentSpanId\":\"c0c1c2c3c4c5c6c7\","
	"\"name\":\"GET /users/{id}\",\"kind\":2,\"startTimeUnixNano\":\"1700000000123456789\","
	"\"endTimeUnixNano\":\"1700000000135456789\",\"attributes\":["
	"{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}},"
	"{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"503\"}},"
	"{\"key\":\"min\",\"value\":{\"intValue\":\"-9223372036854775808\"}},"
	"{\"key\":\"ratio\",\"value\":{\"doubleValue\":0.1}},"
	"{\"key\":\"yes\",\"value\":{\"boolValue\":true}},"
	"{\"key\":\"no\",\"value\":{\"boolValue\":false}},"
	"{\"key\":\"empty\",\"value\":{\"stringValue\":\"\"}},"
	"{\"key\":\"quote\",\"value\":{\"stringValue\":\"a\\\"b\\\\c\\u000a\\u0001\xe2\x82\xac\"}},"
	"{\"key\":\"http.request.header.accept\",\"value\":{\"arrayValue\":{\"values\":["
	"{\"stringValue\":\"text/html\"},{\"stringValue\":\"\"},{\"stringValue\":\"*/*\"}]}}},"
	"{\"key\":\"none\",\"value\":{\"arrayValue\":{}}}],"
	"\"droppedAttributesCount\":7,\"links\":["
	"{\"traceId\":\"101112131415161718191a1b1c1d1e1f\",\"spanId\":\"2021222324252627\","
	"\"traceState\":\"a=b\",\"flags\":769},"
	"{\"traceId\":\"303132333435363738393a3b3c3d3e3f\",\"spanId\":\"4041424344454647\"}],"
	"\"droppedLinksCount\":9,\"status\":{\"message\":\"it "
	"broke\",\"code\":2},\"flags\":769}]," SCHEMA "}]," SCHEMA "}]}";

static const char want_metrics[] =
	"{\"resourceMetrics\":[{" RESOURCE ",\"scopeMetrics\":[{" SCOPE ",\"metrics\":["
	"{\"name\":\"http.server.request.duration\",\"description\":\"what it is\",\"unit\":\"s\","
	"\"histogram\":{\"dataPoints\":[{\"startTimeUnixNano\":\"1700000000123456789\","
	"\"timeUnixNano\":\"1700000000124456789\",\"count\":\"7\",\"sum\":44.25,"
	"\"bucketCounts\":[\"1\",\"2\",\"0\",\"4\"],\"explicitBounds\":[0.005,0.1,10],"
	"\"attributes\":[{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/users/{id}\"}}],"
	"\"min\":0,\"max\":12.5},"
	"{\"startTimeUnixNano\":\"1700000000123456789\",\"timeUnixNano\":\"1700000000124456789\","
	"\"sum\":0,\"bucketCounts\":[\"0\",\"0\",\"0\",\"0\"],\"explicitBounds\":[0.005,0.1,10]}],"
	"\"aggregationTemporality\":2}},"
	"{\"name\":\"sum.int\",\"description\":\"what it "
	"is\",\"unit\":\"s\",\"sum\":{\"dataPoints\":["
	"{\"startTimeUnixNano\":\"1700000000123456789\",\"timeUnixNano\":\"1700000000124456789\","
	"\"asInt\":\"9223372036854775807\",\"attributes\":[{\"key\":\"http.route\",\"value\":"
	"{\"stringValue\":\"/users/{id}\"}}]},"
	"{\"startTimeUnixNano\":\"1700000000123456789\",\"timeUnixNano\":\"1700000000124456789\","
	"\"asInt\":\"0\"}],\"aggregationTemporality\":1,\"isMonotonic\":true}},"
	"{\"name\":\"sum.double\",\"description\":\"what it "
	"is\",\"unit\":\"s\",\"sum\":{\"dataPoints\":["
	"{\"startTimeUnixNano\":\"1700000000123456789\",\"timeUnixNano\":\"1700000000124456789\","
	"\"asDouble\":0.30000000000000004}],\"aggregationTemporality\":2}},"
	"{\"name\":\"gauge\",\"description\":\"what it "
	"is\",\"unit\":\"s\",\"gauge\":{\"dataPoints\":["
	"{\"timeUnixNano\":\"1700000000124456789\",\"asInt\":\"-5\"}]}}]," SCHEMA "}]," SCHEMA
	"}]}";

static char *json_of(const struct batch *b)
{
	const ProtobufCMessage *msg;
	struct arena a;
	struct buf out;

	arena_init(&a, OTLP_TREE_MAX);
	buf_init(&out, OTLP_REQUEST_MAX);
	if (otlp_build(&a, b, &msg) || otlp_json(msg, &out) || buf_add_char(&out, 0))
		return NULL;
	arena_done(&a);
	return (char *)out.data;
}

static void test_json(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = batch_new(BATCH_SPANS, 4), *m = sample_metrics(r);
	char *s;

	sample_span(b, r);
	s = json_of(b);
	is_str(s, want_span, "a span with everything as JSON");
	free(s);
	s = json_of(m);
	is_str(s, want_metrics, "metrics as JSON");
	free(s);
	batch_put(b);
	b = batch_new(BATCH_SPANS, 1);
	s = json_of(b);
	is_str(s, "{}", "an empty batch as JSON");
	free(s);
	batch_put(b);
	batch_put(m);
	resource_put(r);
}

static void test_json_numbers(void)
{
	static const struct {
		double d;
		const char *want;
	} rows[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{0.1, "0.1"},
		{1e300, "1e+300"},
		{5e-324, "4.94065645841247e-324"},
		{1.0 / 3, "0.3333333333333333"},
		{NAN, "\"NaN\""},
		{INFINITY, "\"Infinity\""},
		{-INFINITY, "\"-Infinity\""},
	};
	struct resource *r = sample_resource("shop", 42);
	bool comma = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch *b = batch_new(BATCH_SPANS, 1);
		struct span *sp = sample_span_small(b, r, "s", "n", 1);
		struct attr at = attr_double("d", rows[i].d);
		char want[64], *s;

		sp->attrs = &at;
		sp->attr_cnt = 1;
		s = json_of(b);
		snprintf(want, sizeof(want), "\"doubleValue\":%s}", rows[i].want);
		ok(s && strstr(s, want), "double %s", rows[i].want);
		free(s);
		batch_put(b);
	}
	if (!comma)
		printf("# no locale with a decimal comma here\n");
	setlocale(LC_NUMERIC, "C");
	resource_put(r);
}

/* Packs, unpacks with the generated code and returns the request; NULL on failure. */
static void *round_trip(const struct batch *b)
{
	const ProtobufCMessage *msg;
	struct arena a;
	struct buf out;
	void *req;

	arena_init(&a, OTLP_TREE_MAX);
	buf_init(&out, OTLP_REQUEST_MAX);
	if (otlp_build(&a, b, &msg) || otlp_pack(msg, &out))
		return NULL;
	req = b->type == BATCH_SPANS
		      ? (void *)otlp__export_trace_service_request__unpack(NULL, out.len, out.data)
		      : (void *)otlp__export_metrics_service_request__unpack(NULL, out.len,
									     out.data);
	arena_done(&a);
	buf_done(&out);
	return req;
}

static void test_grouping(void)
{
	struct resource *r1 = sample_resource("one", 1), *r2 = sample_resource("two", 2);
	struct batch *b = batch_new(BATCH_SPANS, 16);
	Otlp__ExportTraceServiceRequest *req;
	char order[64] = "";

	/* deliberately mixed; the same scope name at different addresses is one scope */
	sample_span_small(b, r2, "http", "a", 1);
	sample_span_small(b, r1, "http", "b", 2);
	sample_span_small(b, r2, "sql", "c", 3);
	sample_span_small(b, r2, (char[]){"http"}, "d", 4);
	sample_span_small(b, r1, "http", "e", 5);
	sample_span_small(b, NULL, NULL, "f", 6);
	req = round_trip(b);
	if (!ok(req && req->n_resource_spans == 3, "three resources (one of them unknown)"))
		return;
	for (size_t i = 0; i < req->n_resource_spans; i++) {
		Otlp__ResourceSpans *rs = req->resource_spans[i];

		strcat(order, "[");
		for (size_t k = 0; k < rs->n_scope_spans; k++) {
			strcat(order, rs->scope_spans[k]->scope->name);
			strcat(order, ":");
			for (size_t n = 0; n < rs->scope_spans[k]->n_spans; n++)
				strcat(order, rs->scope_spans[k]->spans[n]->name);
			strcat(order, " ");
		}
		strcat(order, "]");
	}
	is_str(order, "[otel-ebpf:f ][http:be ][http:ad sql:c ]",
	       "spans by resource and scope, in order");
	is_int(req->resource_spans[0]->resource->n_attributes, 0, "no resource: no attributes");
	is_str(req->resource_spans[1]->resource->attributes[0]->key, "service.name",
	       "the resource's attributes");
	is_str(req->resource_spans[2]->schema_url, OE_SCHEMA_URL, "schema URL of the resource");
	is_str(req->resource_spans[2]->scope_spans[1]->schema_url, OE_SCHEMA_URL,
	       "schema URL of the scope");
	is_str(req->resource_spans[2]->scope_spans[1]->scope->version, OE_VERSION,
	       "version of the scope");
	is_int(req->resource_spans[1]->scope_spans[0]->spans[0]->parent_span_id.len, 0,
	       "a root has no parent id");
	ok(!req->resource_spans[1]->scope_spans[0]->spans[0]->status, "status UNSET is not sent");
	otlp__export_trace_service_request__free_unpacked(req, NULL);
	batch_put(b);
	is_int(atomic_load(&r2->refs), 1, "encoding keeps no reference");
	resource_put(r1);
	resource_put(r2);
}

static bool valid(const char *s)
{
	return utf8_valid_len(s, strlen(s)) == strlen(s);
}

static void test_hostile(void)
{
	static const char bad[] = "GET \xff\xc3(\xed\xa0\x80";
	static const char *const list[] = {"ok", "\xfe", NULL};
	struct resource *r = sample_resource("na\xefve", 1);
	struct batch *b = batch_new(BATCH_SPANS, 1);
	struct attr at[] = {
		{.key = "k\x80", .type = ATTR_STR, .len = 3, .s = "a\0\xff"},
		{.key = "list", .type = ATTR_STR_ARRAY, .len = 3, .sv = list},
		{.key = "null", .type = ATTR_STR, .len = 0, .s = NULL},
		{.key = "odd", .type = (enum attr_type)99},
	};
	struct span *sp = sample_span_small(b, r, "scope\xff", bad, 1);
	Otlp__ExportTraceServiceRequest *req;
	Otlp__Span *got;
	char *s;

	sp->attrs = at;
	sp->attr_cnt = 4;
	sp->status = SPAN_STATUS_ERROR;
	sp->status_msg = bad;
	sp->tracestate = bad;
	req = round_trip(b);
	if (!ok(req != NULL, "broken strings encode"))
		return;
	got = req->resource_spans[0]->scope_spans[0]->spans[0];
	ok(valid(got->name) && valid(got->status->message) && valid(got->trace_state) &&
		   valid(got->attributes[0]->key) &&
		   valid(req->resource_spans[0]->scope_spans[0]->scope->name),
	   "name, status, tracestate, key, scope are valid UTF-8");
	ok(got->attributes[0]->value->string_value.len == 5 &&
		   !memcmp(got->attributes[0]->value->string_value.data, "a\0\xef\xbf\xbd", 5),
	   "a value keeps its NUL, its broken byte becomes U+FFFD");
	is_int(got->attributes[1]->value->array_value->values[1]->string_value.len, 3,
	       "a broken array element");
	is_int(got->attributes[1]->value->array_value->values[2]->string_value.len, 0,
	       "a NULL array element is empty");
	is_int(got->attributes[3]->value->value_case, 0, "an unknown type has no value");
	otlp__export_trace_service_request__free_unpacked(req, NULL);
	s = json_of(b);
	ok(s && valid(s) && strstr(s, "a\\u0000\xef\xbf\xbd") && !strchr(s, '\n'),
	   "the same as JSON");
	free(s);
	batch_put(b);
	resource_put(r);
}

static void test_limits(void)
{
	struct resource *r = sample_resource("shop", 42);
	struct batch *b = batch_new(BATCH_SPANS, 64), *odd = batch_new(BATCH_METRICS, 1);
	const ProtobufCMessage *msg = NULL, *good = NULL;
	struct arena a;
	struct buf out;
	int err = 0;

	for (int i = 0; i < 64; i++)
		sample_span(b, r);
	/* whichever allocation is the one that fails: an error, and nothing else happens */
	for (size_t max = 8; max < 200000; max += 997) {
		arena_init(&a, max);
		err = otlp_build(&a, b, &msg);
		arena_done(&a);
		if (err != -ENOMEM)
			break;
	}
	ok(!err && msg, "arena limits: -ENOMEM until it is large enough");
	arena_init(&a, 0);
	otlp_build(&a, b, &good);
	for (size_t max = 1; max < 1000000; max += 4999) {
		buf_init(&out, max);
		err = otlp_json(good, &out);
		if (err && out.len)
			break;
		buf_done(&out);
		if (!err)
			break;
	}
	ok(!err, "JSON: over the limit is an error that adds nothing");
	buf_init(&out, 100);
	is_int(otlp_pack(good, &out), -E2BIG, "protobuf: over the limit");
	is_int(out.len, 0, "... and nothing was added");
	buf_done(&out);
	sample_metric(odd, r, "m", (enum metric_type)9, NULL, 0);
	is_int(otlp_build(&a, odd, &msg), -EINVAL, "an unknown kind of metric");
	arena_done(&a);
	batch_put(b);
	batch_put(odd);
	resource_put(r);
}

static void test_answers(void)
{
	static const struct {
		const char *what;
		const char *in;
		size_t len;
		int err;
		uint64_t rejected;
		const char *message;
	} rows[] = {
		{"empty", "", 0, 0, 0, ""},
		{"an empty partial success", "\x0a\x00", 2, 0, 0, ""},
		{"5 rejected: no", "\x0a\x06\x08\x05\x12\x02no", 8, 0, 5, "no"},
		{"only a warning", "\x0a\x03\x12\x01!", 5, 0, 0, "!"},
		{"minus one", "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, 0, 0, ""},
		{"escape sequences", "\x0a\x06\x12\x04\x1b[2J", 8, 0, 0, "?[2J"},
		{"cut", "\x0a\x06\x08\x05", 4, -EBADMSG, 0, NULL},
		{"HTML", "<html>", 6, -EBADMSG, 0, NULL},
	};
	struct otlp_answer got;
	int err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err = otlp_read_response(bytes_of(rows[i].in, rows[i].len), &got);
		ok(err == rows[i].err && (err || (got.rejected == rows[i].rejected &&
						  !strcmp(got.message, rows[i].message))),
		   "answer: %s", rows[i].what);
	}
	is_int(otlp_read_error(BYTES_LIT("\x08\x03\x12\x03"
					 "bad"),
			       &got),
	       0, "an error status");
	is_str(got.message, "bad", "... and its message");
	srand(2);
	for (int i = 0; i < 50000; i++) {
		uint8_t in[32];
		size_t len = (size_t)rand() % sizeof(in);

		for (size_t k = 0; k < len; k++)
			in[k] = (uint8_t)(rand() & 1 ? rand() & 0x1f : rand());
		otlp_read_response(bytes_of(in, len), &got);
		otlp_read_error(bytes_of(in, len), &got);
	}
	is_int(otlp_read_response(BYTES_NONE, &got), 0,
	       "after 50000 random answers an empty one still reads");
	{
		char small[8];

		otlp_printable(small, sizeof(small), BYTES_LIT("123456789"));
		is_str(small, "1234...", "a cut text says so");
	}
}

/* Random batches: what was put in comes out, whatever the bytes. */
static void test_random(void)
{
	struct resource *r[3] = {sample_resource("a", 1), sample_resource("b", 2), NULL};
	static const char *const scopes[] = {"x", "y", NULL};
	size_t spans = 0, got = 0;

	srand(3);
	for (int round = 0; round < 200; round++) {
		uint32_t cnt = (uint32_t)rand() % 40;
		struct batch *b = batch_new(BATCH_SPANS, cnt);
		Otlp__ExportTraceServiceRequest *req;
		char *s;

		for (uint32_t i = 0; i < cnt; i++) {
			struct span *sp =
				sample_span_small(b, r[rand() % 3], scopes[rand() % 3], "n", 1);
			struct attr *at = arena_alloc(&b->arena, sizeof(*at));
			uint8_t *text = arena_alloc(&b->arena, 32);

			for (int k = 0; k < 31; k++)
				text[k] = (uint8_t)rand();
			*at = (struct attr){.key = "k",
					    .type = ATTR_STR,
					    .len = (uint32_t)rand() % 32,
					    .s = (char *)text};
			sp->attrs = at;
			sp->attr_cnt = 1;
			sp->name = (char *)text;
		}
		spans += cnt;
		req = round_trip(b);
		for (size_t i = 0; req && i < req->n_resource_spans; i++)
			for (size_t k = 0; k < req->resource_spans[i]->n_scope_spans; k++)
				got += req->resource_spans[i]->scope_spans[k]->n_spans;
		if (req)
			otlp__export_trace_service_request__free_unpacked(req, NULL);
		s = json_of(b);
		if (!s || !valid(s))
			ok(false, "round %d: JSON is valid UTF-8", round);
		free(s);
		batch_put(b);
	}
	is_int(got, spans, "random batches: as many spans come out as went in");
	resource_put(r[0]);
	resource_put(r[1]);
}

int main(void)
{
	test_json();
	test_json_numbers();
	test_grouping();
	test_hostile();
	test_limits();
	test_answers();
	test_random();
	return tap_done();
}
