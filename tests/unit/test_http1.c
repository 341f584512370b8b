/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/proto_props.h"

extern const struct proto_ops http1_ops;

#define GET "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const struct props_case cases[] = {
	{"GET", GET, OK5, "Q[BE GET /a 0]R[B 200]R[E 5]"},
	{"POST with a body", "POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
	 "HTTP/1.1 204 No Content\r\n\r\n", "Q[B POST /p]Q[E 3]R[BE 204 0]"},
	{"pipelining", GET GET GET,
	 OK5 OK5 "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
	 "Q[BE GET /a 0]Q[BE GET /a 0]Q[BE GET /a 0]R[B 200]R[E 5]R[B 200]R[E 5]R[BE 304 0]"},
	{"chunked both ways",
	 "PUT /c HTTP/1.1\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
	 "HTTP/1.1 201 Created\r\ntransfer-encoding: gzip, Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	 "Q[B PUT /c]Q[E 15]R[B 201]R[E 3]"},
	{"HEAD", "HEAD /h HTTP/1.1\r\n\r\n" GET, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" OK5,
	 "Q[BE HEAD /h 0]Q[BE GET /a 0]R[BE 200 0]R[B 200]R[E 5]"},
	{"delimited by close", "GET /o HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nall of this",
	 "Q[BE GET /o 0]R[B 200]R[E 11]"},
	{"100-continue", "POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
	 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK5,
	 "Q[B POST /e]Q[E 2]R[BEi 100 0]R[BEi 103 0]R[B 200]R[E 5]"},
	{"101 leaves HTTP", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
	 "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nHTTP/1.1 200 not a response\r\n\r\n",
	 "Q[BE GET /ws 0]R[BEu 101 0]"},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\r\n\r\n",
	 "HTTP/1.1 200 OK\r\n\r\nGET / HTTP/1.1\r\n\r\n", "Q[BE CONNECT h:443 0]R[BEu 200 0]"},
	{"CONNECT refused", "CONNECT h:443 HTTP/1.1\r\n\r\n",
	 "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "Q[BE CONNECT h:443 0]R[BE 407 0]"},
	{"Transfer-Encoding beats Content-Length", GET,
	 "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
	 "Q[BE GET /a 0]R[B 200]R[E 1]"},
	{"Content-Length twice, the same",
	 "POST /2 HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2, 2\r\n\r\nok", OK5,
	 "Q[B POST /2]Q[E 2]R[B 200]R[E 5]"},
	{"obsolete folding of a field nobody needs",
	 "GET /f HTTP/1.1\r\nX-A: one\r\n two\r\nHost: h\r\n\r\n", OK5,
	 "Q[BE GET /f 0]R[B 200]R[E 5]"},
	{"empty lines before the request", "\r\n\r\nGET /a HTTP/1.1\r\n\r\n", OK5,
	 "Q[BE GET /a 0]R[B 200]R[E 5]"},
	{"method nobody knows", "FROB-X /z HTTP/1.1\r\n\r\n", OK5,
	 "Q[BE FROB-X /z 0]R[B 200]R[E 5]"},
	{"absolute-form", "GET http://u:p@h:8080/x?q HTTP/1.1\r\nHost: other\r\n\r\n", OK5,
	 "Q[BE GET http://u:p@h:8080/x?q 0]R[B 200]R[E 5]"},
};

/* Requests that must be refused: where they end, or what they mean, cannot be known. */
static const char *const refused[] = {
	"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: 1\r\n 2\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
	"GET / HTTP/1.1\r\nno colon\r\n\r\n",
	"GET / HTTP/1.1\r\nX: \x01\r\n\r\n",
	"GET / HTTP/2.0\r\n\r\n",
	"GET  / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1 x\r\n\r\n",
	" GET / HTTP/1.1\r\n\r\n",
	"GET\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
};

#define B(s) s, sizeof(s) - 1
static const struct {
	const char *name, *data;
	size_t len;
	enum detect_result want;
} detected[] = {
	{"request", B("GET / HTTP/1.1\r\n"), DETECT_YES},
	{"response", B("HTTP/1.1 200 OK\r\n"), DETECT_YES},
	{"one letter", B("G"), DETECT_MAYBE},
	{"part of a response", B("HTT"), DETECT_MAYBE},
	{"request line without its end", B("GET /abc HTT"), DETECT_MAYBE},
	{"HTTP/2 preface", B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), DETECT_NO},
	{"TLS", B("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), DETECT_NO},
	{"SSH", B("SSH-2.0-OpenSSH_9.2\r\n"), DETECT_NO},
	{"SMTP", B("EHLO host.example\r\n"), DETECT_NO},
	{"SMTP greeting", B("220 mail ready\r\n"), DETECT_NO},
	{"FTP", B("USER anonymous\r\n"), DETECT_NO},
	{"Redis", B("*1\r\n$4\r\nPING\r\n"), DETECT_NO},
	{"Redis inline", B("GET key\r\n"), DETECT_NO},
	{"memcached", B("get key\r\n"), DETECT_NO},
	{"PostgreSQL", B("\0\0\0\x08\x04\xd2\x16\x2f"), DETECT_NO},
	{"MySQL",
	 B("\x4a\0\0\0\x0a"
	   "8.0.30\0"),
	 DETECT_NO},
	{"Kafka", B("\0\0\0\x1a\0\x12\0\x04\0\0\0\x01\0\x05"), DETECT_NO},
	{"AMQP", B("AMQP\0\0\x09\x01"), DETECT_NO},
	{"RTSP", B("OPTIONS rtsp://h/x RTSP/1.0\r\n"), DETECT_NO},
	{"SIP", B("INVITE sip:a@b SIP/2.0\r\n"), DETECT_NO},
	{"ICAP", B("REQMOD icap://h/x ICAP/1.0\r\n"), DETECT_NO},
	{"RTSP answer", B("RTSP/1.0 200 OK\r\n"), DETECT_NO},
};

static void test_fields(void)
{
	static const char head[] =
		"GET http://user:pw@abs:81/p HTTP/1.1\r\nHost: ignored\r\nUSER-AGENT:  curl/8 \r\n"
		"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
		"tracestate: a=1\r\nTraceState: b=2\r\nContent-Type: text/plain\r\n\r\n";
	static const char twice[] = "GET / HTTP/1.1\r\ntraceparent: a\r\nTraceparent: b\r\n\r\n";
	void *st = calloc(1, http1_ops.state_size);
	struct message m = {0};
	size_t used;

	is_int(http1_ops.parse(st, OE_DIR_IN, bytes_of(head, sizeof(head) - 1), &m, &used),
	       PARSE_OK, "a head with fields");
	ok(bytes_eq(m.http.host, BYTES_LIT("abs:81")),
	   "the target's authority, without credentials, beats Host");
	ok(bytes_eq(m.http.user_agent, BYTES_LIT("curl/8")), "a value is trimmed");
	ok(bytes_eq(m.http.tracestate, BYTES_LIT("a=1,b=2")),
	   "several tracestate fields are one list");
	is_int(m.http.traceparent.len, 55, "traceparent as it came");
	is_int(m.http.version_minor, 1, "version");
	is_int(m.head_size, sizeof(head) - 1, "size of the head");
	memset(st, 0, http1_ops.state_size);
	m = (struct message){0};
	http1_ops.parse(st, OE_DIR_IN, bytes_of(twice, sizeof(twice) - 1), &m, &used);
	ok(m.http.traceparent_repeated && !m.http.traceparent.len, "two traceparents are none");
	free(st);
}

static void test_adrift(void)
{
	static const char head[] = "GET /long";
	void *st = calloc(1, http1_ops.state_size);
	struct message m = {0};
	uint64_t used = 0;
	size_t n = 0;

	is_int(http1_ops.gap(st, OE_DIR_IN, bytes_of(head, 9), 5000, &m, &used), PARSE_OK,
	       "a cut head is handed out");
	is_int(m.flags, MSG_F_BEGIN | MSG_F_END | MSG_F_TRUNCATED | MSG_F_SIZE_UNKNOWN,
	       "and flagged");
	ok(m.http.target_cut && bytes_eq(m.http.target, BYTES_LIT("/long")),
	   "with the part of the target that is known");
	is_int(used, 5009, "the rest of its direction is used up");
	is_int(http1_ops.parse(st, OE_DIR_IN, bytes_of("tail", 4), &m, &n), PARSE_SKIP,
	       "what follows is not looked at");
	is_int(http1_ops.run_end(st, OE_DIR_IN, &m), PARSE_SKIP, "until the other side speaks");
	is_int(http1_ops.parse(st, OE_DIR_IN, bytes_of(B(GET)), &m, &n), PARSE_OK,
	       "then a new request is one");

	/* a response adrift, with another request waiting: nobody knows which answer comes next */
	memset(st, 0, http1_ops.state_size);
	http1_ops.parse(st, OE_DIR_IN, bytes_of(B(GET GET)), &m, &n);
	http1_ops.parse(st, OE_DIR_IN, bytes_of(B(GET)), &m, &n);
	http1_ops.gap(st, OE_DIR_OUT, bytes_of(B("HTTP/1.1 200 OK\r\nX")), 10, &m, &used);
	is_int(http1_ops.run_end(st, OE_DIR_OUT, &m), PARSE_INVALID,
	       "adrift while pipelining is refused");
	free(st);
}

static void test_waiting_limit(void)
{
	void *st = calloc(1, http1_ops.state_size);
	struct message m = {0};
	size_t used;
	int n = 0;

	while (n < 2000 && http1_ops.parse(st, OE_DIR_IN, bytes_of(B(GET)), &m, &used) == PARSE_OK)
		n++;
	is_int(n, 1024, "more than 1024 requests without an answer are refused");
	memset(st, 0, http1_ops.state_size);
	m = (struct message){0};
	http1_ops.parse(st, OE_DIR_OUT, bytes_of(B(OK5)), &m, &used);
	ok(m.flags & MSG_F_ORPHAN, "a response without a request is an orphan");
	free(st);
	ok(http1_ops.state_size <= 1024, "state of a connection is at most 1 KiB (%zu)",
	   http1_ops.state_size);
}

int main(void)
{
	static struct props_log log;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		props_all(&http1_ops, &cases[i]);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct props_case c = {"", refused[i], "", ""};

		props_run(&http1_ops, &c, 0, 0, &log);
		ok(strstr(log.text, "INVALID"), "refused message %zu", i);
	}
	for (size_t i = 0; i < sizeof(detected) / sizeof(detected[0]); i++) {
		const struct proto_ops *ops = NULL;

		is_int(proto_detect(bytes_of(detected[i].data, detected[i].len), OE_DIR_IN, &ops),
		       detected[i].want, detected[i].name);
	}
	test_fields();
	test_adrift();
	test_waiting_limit();
	return tap_done();
}
