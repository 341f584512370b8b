/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC: message framing, fields of the metadata, and what a call means as span and series. */
#include <errno.h>
#include <stdlib.h>

#include "probes/proto/grpc.h"
#include "tests/unit/tap.h"
#include "userspace/base/clock.h"
#include "userspace/sem.h"
#include "userspace/source.h"
#include "userspace/tracectx.h"

static void test_scan(void)
{
	static const uint8_t body[] =
		"\0\0\0\0\3abc\1\0\0\0\0\0\0\0\1\0"; /* 3, 0 compressed, 256 of which nothing */
	struct grpc_scan s;

	for (size_t piece = 1; piece < sizeof(body); piece++) {
		uint32_t began = 0;

		memset(&s, 0, sizeof(s));
		for (size_t at = 0; at < sizeof(body) - 1; at += piece) {
			size_t n = sizeof(body) - 1 - at < piece ? sizeof(body) - 1 - at : piece;

			began += grpc_scan(&s, bytes_of(body + at, n));
		}
		ok(began == 3 && s.messages == 3 && s.bytes == 259 && s.left == 256 && !s.lost &&
			   !grpc_scan_whole(&s),
		   "pieces of %zu bytes", piece);
	}
	grpc_scan_gap(&s, 256);
	ok(grpc_scan_whole(&s), "a gap to the end of the message");
	grpc_scan_gap(&s, 1);
	ok(s.lost && !grpc_scan_whole(&s), "a gap over a boundary");
	memset(&s, 0, sizeof(s));
	grpc_scan(&s, BYTES_LIT("\2\0\0\0\1x"));
	ok(s.lost, "a flag that no message has");
	memset(&s, 0, sizeof(s));
	ok(grpc_scan_whole(&s), "nothing at all is whole");
}

static void test_web(void)
{
	static const char binary[] =
		"\0\0\0\0\2hi\200\0\0\0\46grpc-status: 5\r\nGrpc-Message:  no%20\r\n";
	/* the same in two padded pieces */
	static const char text[] =
		"AAAAAAJoaQ==gAAAACZncnBjLXN0YXR1czogNQ0KR3JwYy1NZXNzYWdlOiAgbm8lMjANCg==";

	for (size_t piece = 1; piece < 40; piece += 3) {
		struct grpc_web w = {.text = false}, t = {.text = true};
		const char *src[2] = {binary, text};
		size_t len[2] = {sizeof(binary) - 1, sizeof(text) - 1};

		for (int k = 0; k < 2; k++)
			for (size_t at = 0; at < len[k]; at += piece)
				grpc_web_body(k ? &t : &w,
					      bytes_of(src[k] + at,
						       len[k] - at < piece ? len[k] - at : piece));
		for (int k = 0; k < 2; k++) {
			struct grpc_web *x = k ? &t : &w;

			ok(x->scan.messages == 1 && x->scan.bytes == 2 &&
				   grpc_scan_whole(&x->scan) &&
				   grpc_status(grpc_web_field(x, BYTES_LIT("grpc-status"))) == 5 &&
				   bytes_eq(grpc_web_field(x, BYTES_LIT("grpc-message")),
					    BYTES_LIT("no%20")) &&
				   !grpc_web_field(x, BYTES_LIT("grpc-stat")).len,
			   "%s in pieces of %zu", k ? "text" : "binary", piece);
		}
	}
}

static void test_fields(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} timeouts[] = {
		{"1S", NSEC_PER_SEC},
		{"100m", 100 * NSEC_PER_MSEC},
		{"5u", 5000},
		{"99999999n", 99999999},
		{"2M", 120 * NSEC_PER_SEC},
		{"1H", 3600 * NSEC_PER_SEC},
		{"99999999H", UINT64_MAX},
		{"", 0},
		{"S", 0},
		{"1", 0},
		{"-1S", 0},
		{"1s", 0},
		{"999999999S", 0},
		{"1 S", 0},
	};
	static const struct {
		const char *text;
		int code;
	} statuses[] = {{"0", 0},   {"16", 16},	 {"99", 99}, {"", -1},
			{"-1", -1}, {"100", -1}, {"OK", -1}};
	static const struct {
		const char *text;
		bool grpc, web;
	} types[] = {
		{"application/grpc", true, false},
		{"application/grpc+proto", true, false},
		{"application/grpc;charset=x", true, false},
		{"Application/GRPC", true, false},
		{"application/grpc-web", false, true},
		{"application/grpc-web-text+proto", false, true},
		{"application/grpcx", false, false},
		{"application/json", false, false},
		{"", false, false},
	};

	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		ok(grpc_timeout_ns(bytes_str(timeouts[i].text)) == timeouts[i].ns, "timeout '%s'",
		   timeouts[i].text);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		ok(grpc_status(bytes_str(statuses[i].text)) == statuses[i].code, "status '%s'",
		   statuses[i].text);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		ok(grpc_content_type(bytes_str(types[i].text)) == types[i].grpc &&
			   grpc_web_content_type(bytes_str(types[i].text)) == types[i].web,
		   "content type '%s'", types[i].text);
}

static void test_trace_bin(void)
{
	static const char good[] = "AAAK92UZFs1D3YRI6yEcgDGcAbetq3FpIDMxAgE";
	struct tracectx c = {.flags = 9};
	char bad[64];

	ok(tracectx_parse_bin(BYTES_LIT("AAAK92UZFs1D3YRI6yEcgDGcAbetq3FpIDMxAgE"), &c),
	   "grpc-trace-bin");
	ok(c.trace_id[0] == 0x0a && c.trace_id[15] == 0x9c && c.span_id[0] == 0xb7 &&
		   c.span_id[7] == 0x31 && c.flags == 1,
	   "its ids and options");
	ok(tracectx_parse_bin(BYTES_LIT("AAAK92UZFs1D3YRI6yEcgDGcAbetq3FpIDMxAgE="), &c),
	   "with padding");
	ok(!tracectx_parse_bin(BYTES_LIT("AAAAAAAAAAAAAAAAAAAAAAAAAbetq3FpIDMxAgE"), &c),
	   "zero trace id");
	ok(!tracectx_parse_bin(BYTES_LIT("AQAK92UZFs1D3YRI6yEcgDGcAbetq3FpIDMxAgE"), &c),
	   "another version");
	ok(!tracectx_parse_bin(BYTES_LIT("AAAK92UZFs1D3YRI6yEcgDGcAbetq3FpIDMxAg"), &c),
	   "too short");
	ok(tracectx_parse_bin(bytes_of("\0\0\0tttttttttttttttt\1ssssssss\2\1", 30), &c) &&
		   c.trace_id[0] == 't' && c.span_id[7] == 's' && c.flags == 1,
	   "not coded");
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = '*';
		if (tracectx_parse_bin(bytes_of(bad, sizeof(good) - 1), &c))
			break;
		if (i == sizeof(good) - 2)
			ok(1, "no other characters");
	}
}

/* ---- spans and series ---- */

struct row {
	const char *name;
	bool server;
	enum exchange_end end;
	uint32_t flags, reset;
	int status, http; /* grpc-status, HTTP status */
	uint64_t timeout_ms, took_ms;
	const char *path, *message;
	int err;
	const char *span, *series;
};

#define DONE EXCHANGE_COMPLETE, 0, 0
#define SRV  true
#define CLI  false
#define M    "/a.B/C"
/* what every row of a side begins with */
#define HEAD "a.B/C rpc.system.name=grpc rpc.method=a.B/C "

static const struct row rows[] = {
	{"OK", SRV, DONE, 0, 200, 0, 5, M, NULL, 0, HEAD "rpc.response.status_code=OK",
	 HEAD "rpc.response.status_code=OK"},
	{"a client's error", CLI, DONE, 5, 200, 0, 5, M, "not%20h%C3%a9re%", 0,
	 "! a.B/C rpc.system.name=grpc rpc.method=a.B/C rpc.response.status_code=NOT_FOUND "
	 "error.type=NOT_FOUND "
	 "'not h\xc3\xa9re%'",
	 HEAD
	 "rpc.response.status_code=NOT_FOUND error.type=NOT_FOUND server.address=h server.port=81"},
	{"on the server's side it is none", SRV, DONE, 5, 200, 0, 5, M, "x", 0,
	 HEAD "rpc.response.status_code=NOT_FOUND", HEAD "rpc.response.status_code=NOT_FOUND"},
	{"INTERNAL is one on both", SRV, DONE, 13, 200, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=INTERNAL error.type=INTERNAL",
	 HEAD "rpc.response.status_code=INTERNAL error.type=INTERNAL"},
	{"UNIMPLEMENTED on the server's side", SRV, DONE, 12, 200, 0, 5, M, NULL, 0,
	 "! _OTHER rpc.system.name=grpc rpc.method=_OTHER rpc.method_original=a.B/C "
	 "rpc.response.status_code=UNIMPLEMENTED error.type=UNIMPLEMENTED",
	 NULL},
	{"UNIMPLEMENTED on the client's", CLI, DONE, 12, 200, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNIMPLEMENTED error.type=UNIMPLEMENTED", NULL},
	{"a status nobody knows", CLI, DONE, 42, 200, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNKNOWN error.type=UNKNOWN", NULL},
	{"no status: HTTP's is mapped", CLI, DONE, -1, 503, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNAVAILABLE error.type=UNAVAILABLE", NULL},
	{"401", CLI, DONE, -1, 401, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNAUTHENTICATED error.type=UNAUTHENTICATED", NULL},
	{"404", CLI, DONE, -1, 404, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNIMPLEMENTED error.type=UNIMPLEMENTED", NULL},
	{"200 without one", CLI, DONE, -1, 200, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNKNOWN error.type=UNKNOWN", NULL},
	{"one that may have been there", CLI, EXCHANGE_COMPLETE, XCHG_TRAILERS_UNKNOWN, 0, -1, 200,
	 0, 5, M, NULL, 0, HEAD "otel_ebpf.unknown=[rpc.response.status_code]",
	 HEAD "server.address=h server.port=81"},
	{"a method that is not known", SRV, EXCHANGE_COMPLETE, XCHG_REQ_UNKNOWN, 0, 0, 200, 0, 5,
	 "", NULL, 0,
	 "grpc rpc.system.name=grpc rpc.response.status_code=OK "
	 "otel_ebpf.unknown=[rpc.method,request.header]",
	 NULL},
	{"a path that is none", CLI, DONE, 0, 200, 0, 5, "x", NULL, 0,
	 "_OTHER rpc.system.name=grpc rpc.method=_OTHER rpc.method_original=x "
	 "rpc.response.status_code=OK",
	 NULL},
	{"cancelled", CLI, EXCHANGE_NO_RESPONSE, XCHG_RESET | XCHG_RESET_BY_CLIENT, 8, -1, -1, 0, 5,
	 M, NULL, 0, "! " HEAD "rpc.response.status_code=CANCELLED error.type=CANCELLED", NULL},
	{"cancelled before its time was over", CLI, EXCHANGE_NO_RESPONSE, XCHG_RESET, 8, -1, -1,
	 1000, 500, M, NULL, 0,
	 "! " HEAD
	 "rpc.response.status_code=CANCELLED error.type=CANCELLED otel_ebpf.rpc.timeout_us=1000000",
	 NULL},
	{"cancelled because it was", SRV, EXCHANGE_NO_RESPONSE, XCHG_RESET, 8, -1, -1, 100, 100, M,
	 NULL, 0,
	 "! " HEAD "rpc.response.status_code=DEADLINE_EXCEEDED error.type=DEADLINE_EXCEEDED "
	 "otel_ebpf.rpc.timeout_us=100000",
	 NULL},
	{"refused", CLI, EXCHANGE_NO_RESPONSE, XCHG_RESET, 7, -1, -1, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=UNAVAILABLE error.type=UNAVAILABLE", NULL},
	{"too fast", CLI, EXCHANGE_NO_RESPONSE, XCHG_RESET, 11, -1, -1, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=RESOURCE_EXHAUSTED error.type=RESOURCE_EXHAUSTED",
	 NULL},
	{"a protocol error", CLI, EXCHANGE_CUT, XCHG_RESET, 1, -1, 200, 0, 5, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=INTERNAL error.type=INTERNAL", NULL},
	{"the connection broke, client", CLI, EXCHANGE_NO_RESPONSE, 0, 0, -1, -1, 0, 5, M, NULL,
	 ECONNRESET, "! " HEAD "rpc.response.status_code=UNAVAILABLE error.type=UNAVAILABLE", NULL},
	{"the connection ended when the time was over", CLI, EXCHANGE_NO_RESPONSE, 0, 0, -1, -1,
	 100, 100, M, NULL, 0,
	 "! " HEAD "rpc.response.status_code=DEADLINE_EXCEEDED error.type=DEADLINE_EXCEEDED "
	 "otel_ebpf.rpc.timeout_us=100000",
	 NULL},
	{"the connection broke, server", SRV, EXCHANGE_CUT, 0, 0, -1, 200, 0, 5, M, NULL,
	 ECONNRESET, HEAD "rpc.response.status_code=CANCELLED", NULL},
};

static size_t attrs_text(const struct attr *a, uint32_t cnt, char *to, size_t room, bool all)
{
	size_t n = 0;

	for (uint32_t i = 0; i < cnt && room - n > 300; i++) {
		/* the address is the same everywhere */
		if (!all && (!strncmp(a[i].key, "server.", 7) ||
			     !strncmp(a[i].key, "network.", 8) || !strncmp(a[i].key, "client.", 7)))
			continue;
		n += (size_t)snprintf(to + n, room - n, " %s=", a[i].key);
		if (a[i].type == ATTR_INT)
			n += (size_t)snprintf(to + n, room - n, "%lld", (long long)a[i].i);
		else if (a[i].type == ATTR_STR)
			n += (size_t)snprintf(to + n, room - n, "%.*s", (int)a[i].len, a[i].s);
		else
			for (uint32_t k = 0; k < a[i].len; k++)
				n += (size_t)snprintf(to + n, room - n, "%s%s%s", k ? "," : "[",
						      a[i].sv[k], k + 1 == a[i].len ? "]" : "");
	}
	return n;
}

static void test_calls(void)
{
	const struct sem_ops *ops = sem_find(MSG_FAMILY_GRPC);
	struct sem_config cfg = {.attr_value_max = UINT32_MAX, .attr_count_max = 128};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct exchange x = {
			.family = MSG_FAMILY_GRPC,
			.server = r->server,
			.end = r->end,
			.flags = r->flags,
			.reset_code = r->reset,
			.err = r->err,
			.start_ns = NSEC_PER_SEC,
			.end_ns = NSEC_PER_SEC + r->took_ms * NSEC_PER_MSEC,
			.req = {.target = bytes_str(r->path), .host = BYTES_LIT("h:81")},
			.resp = {.status = r->http},
			.rpc = {.status = r->status,
				.status_text = bytes_str(r->message),
				.timeout_ns = r->timeout_ms * NSEC_PER_MSEC},
			.msgs = {{.cnt = 1}, {.cnt = 1}}};
		struct sem_series s = {.attr_cnt = 0};
		struct batch *b = batch_new(BATCH_SPANS, 4);
		struct span sp = {.name = NULL};
		char got[2048];
		size_t n;

		is_int(ops->span(&x, &cfg, b, &sp), 0, r->name);
		n = (size_t)snprintf(got, sizeof(got), "%s%s",
				     sp.status == SPAN_STATUS_ERROR ? "! " : "", sp.name);
		n += attrs_text(sp.attrs, sp.attr_cnt, got + n, sizeof(got) - n, false);
		if (sp.status_msg)
			snprintf(got + n, sizeof(got) - n, " '%s'", sp.status_msg);
		is_str(got, r->span, r->name);
		is_int(sp.kind, r->server ? SPAN_SERVER : SPAN_CLIENT, r->name);
		ok(ops->series(&x, &cfg, 0, &s) && !ops->series(&x, &cfg, 1, &s),
		   "%s: one measurement", r->name);
		is_str(s.metric->name,
		       r->server ? "rpc.server.call.duration" : "rpc.client.call.duration",
		       r->name);
		n = (size_t)snprintf(got, sizeof(got), "a.B/C");
		attrs_text(s.attrs, s.attr_cnt, got + n, sizeof(got) - n, true);
		if (r->series)
			is_str(got, r->series, r->name);
		batch_put(b);
	}
}

static void test_streaming(void)
{
	struct sem_config cfg = {.attr_value_max = UINT32_MAX, .attr_count_max = 128};
	struct exchange x = {
		.family = MSG_FAMILY_GRPC,
		.start_ns = NSEC_PER_SEC,
		.end_ns = 2 * NSEC_PER_SEC,
		.req = {.target = BYTES_LIT(M)},
		.resp = {.status = 200},
		.msgs = {{.cnt = 1, .bytes = 9, .first_ns = NSEC_PER_SEC, .last_ns = NSEC_PER_SEC},
			 {.cnt = 3,
			  .bytes = 70,
			  .first_ns = NSEC_PER_SEC + 5000,
			  .last_ns = NSEC_PER_SEC + 7000}}};
	struct batch *b = batch_new(BATCH_SPANS, 4);
	struct span sp = {.name = NULL};
	char got[2048] = "";

	sem_find(MSG_FAMILY_GRPC)->span(&x, &cfg, b, &sp);
	attrs_text(sp.attrs, sp.attr_cnt, got, sizeof(got), false);
	ok(strstr(got,
		  "otel_ebpf.rpc.request.message_count=1 otel_ebpf.rpc.request.message_bytes=9") &&
		   strstr(got, "otel_ebpf.rpc.response.message_count=3") &&
		   strstr(got, "otel_ebpf.rpc.response.message_bytes=70") &&
		   strstr(got, "otel_ebpf.rpc.response.first_message_us=5 ") &&
		   strstr(got, "otel_ebpf.rpc.response.last_message_us=7"),
	   "messages of a stream:%s", got);
	x.flags = XCHG_MSGS_UNKNOWN;
	got[0] = 0;
	sem_find(MSG_FAMILY_GRPC)->span(&x, &cfg, b, &sp);
	attrs_text(sp.attrs, sp.attr_cnt, got, sizeof(got), false);
	ok(!strstr(got, "message_count") && strstr(got, "otel_ebpf.unknown=[messages]"),
	   "counts that are not known are not told:%s", got);
	batch_put(b);
}

int main(void)
{
	test_scan();
	test_web();
	test_fields();
	test_trace_bin();
	test_calls();
	test_streaming();
	return tap_done();
}
