/* SPDX-License-Identifier: Apache-2.0 */
/* The table of protocols, and which first bytes belong to which of them, if to any. */
#include "tests/unit/tap.h"

#include <stdlib.h>

#include "probes/probe.h"

#define LIT(s) s, sizeof(s) - 1

struct row {
	const char *name, *text;
	size_t len;
	enum detect_result want;
	const char *proto;
};

#define A16  "aaaaaaaaaaaaaaaa"
#define A128 A16 A16 A16 A16 A16 A16 A16 A16
#define A1K  A128 A128 A128 A128 A128 A128 A128 A128

static const struct row rows[] = {
	{"a request", LIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), DETECT_YES, "http1"},
	{"a request line up to its version", LIT("GET / HTTP/1.1"), DETECT_YES, "http1"},
	{"a request of HTTP/1.0", LIT("POST /x HTTP/1.0\n\n"), DETECT_YES, "http1"},
	{"a request behind an empty line", LIT("\r\nGET / HTTP/1.1\r\n"), DETECT_YES, "http1"},
	{"a method nobody knows", LIT("FROB /x HTTP/1.1\r\n"), DETECT_YES, "http1"},
	{"an odd method", LIT("x-!.~ /x HTTP/1.1\r\n"), DETECT_YES, "http1"},
	{"absolute-form", LIT("GET http://a/ HTTP/1.1\r\n"), DETECT_YES, "http1"},
	{"CONNECT", LIT("CONNECT a:443 HTTP/1.1\r\n"), DETECT_YES, "http1"},
	{"OPTIONS *", LIT("OPTIONS * HTTP/1.1\r\n"), DETECT_YES, "http1"},
	{"a response", LIT("HTTP/1.1 200 OK\r\n"), DETECT_YES, "http1"},
	{"a response up to its version", LIT("HTTP/1.0"), DETECT_YES, "http1"},
	{"a long URL, cut", LIT("GET /" A1K), DETECT_YES, "http1"},
	{"a long absolute URL, cut", LIT("PUT https://h/" A1K), DETECT_YES, "http1"},
	{"a long OPTIONS *, cut", LIT("OPTIONS *" A1K), DETECT_YES, "http1"},
	/* not decided yet */
	{"nothing", LIT(""), DETECT_MAYBE, NULL},
	{"a line end", LIT("\r\n"), DETECT_MAYBE, NULL},
	{"one letter", LIT("G"), DETECT_MAYBE, NULL},
	{"a method", LIT("GET "), DETECT_MAYBE, NULL},
	{"a request line without its end", LIT("GET /abc HTT"), DETECT_MAYBE, NULL},
	{"part of a response", LIT("HTTP/1."), DETECT_MAYBE, NULL},
	{"a long word behind a word nobody knows", LIT("FROB /" A1K), DETECT_MAYBE, NULL},
	{"a long word behind GET that is no target", LIT("GET " A1K), DETECT_MAYBE, NULL},
	{"a long * behind GET", LIT("GET *" A1K), DETECT_MAYBE, NULL},
	{"HTTP/2", LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), DETECT_YES, "http2"},
	{"HTTP/2, the start of it", LIT("PRI * HTTP/2"), DETECT_MAYBE, NULL},
	{"nearly HTTP/2", LIT("PRI * HTTP/2.0\r\n\r\nSN"), DETECT_NO, NULL},
	/* others */
	{"HTTP/2, part of a SETTINGS frame", LIT("\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64"),
	 DETECT_NO, NULL},
	{"HTTP/2 in the clear, its answer", LIT("HTTP/2.0 200\r\n"), DETECT_NO, NULL},
	{"HTTP/0.9", LIT("GET /\r\n"), DETECT_NO, NULL},
	{"RTSP", LIT("OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n"), DETECT_NO, NULL},
	{"RTSP, the answer", LIT("RTSP/1.0 200 OK\r\n"), DETECT_NO, NULL},
	{"SIP", LIT("INVITE sip:a@b SIP/2.0\r\n"), DETECT_NO, NULL},
	{"SIP, the answer", LIT("SIP/2.0 200 OK\r\n"), DETECT_NO, NULL},
	{"ICAP", LIT("REQMOD icap://h/x ICAP/1.0\r\n"), DETECT_NO, NULL},
	{"ICAP, the answer", LIT("ICAP/1.0 204 Unmodified\r\n"), DETECT_NO, NULL},
	{"SSDP's cousin on a stream", LIT("NOTIFY * HTTPU/1.1\r\n"), DETECT_NO, NULL},
	{"TLS ClientHello", LIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), DETECT_NO, NULL},
	{"TLS ServerHello", LIT("\x16\x03\x03\x00\x7a\x02"), DETECT_NO, NULL},
	{"TLS data", LIT("\x17\x03\x03\x01\x00"), DETECT_NO, NULL},
	{"SSH", LIT("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), DETECT_NO, NULL},
	{"SSH without a comment", LIT("SSH-2.0-OpenSSH_9.2\r\n"), DETECT_NO, NULL},
	{"SMTP, the greeting", LIT("220 mail.example ESMTP ready\r\n"), DETECT_NO, NULL},
	{"SMTP, a short greeting", LIT("220 mail ready\r\n"), DETECT_NO, NULL},
	{"SMTP", LIT("EHLO client.example\r\n"), DETECT_NO, NULL},
	{"SMTP, mail", LIT("MAIL FROM:<a@b> SIZE=5\r\n"), DETECT_NO, NULL},
	{"FTP, the greeting", LIT("220 (vsFTPd 3.0.3)\r\n"), DETECT_NO, NULL},
	{"FTP", LIT("USER anonymous\r\n"), DETECT_NO, NULL},
	{"POP3, the greeting", LIT("+OK POP3 ready\r\n"), DETECT_NO, NULL},
	{"IMAP, the greeting", LIT("* OK IMAP4rev1 ready\r\n"), DETECT_NO, NULL},
	{"IMAP", LIT("a1 LOGIN u p\r\n"), DETECT_NO, NULL},
	{"Redis", LIT("*1\r\n$4\r\nPING\r\n"), DETECT_NO, NULL},
	{"Redis, the answer", LIT("+OK\r\n"), DETECT_NO, NULL},
	{"Redis, a short string", LIT("$5\r\nhello\r\n"), DETECT_NO, NULL},
	{"Redis, inline", LIT("GET key\r\n"), DETECT_NO, NULL},
	{"Redis, inline PING", LIT("PING\r\n"), DETECT_NO, NULL},
	{"memcached", LIT("get key\r\n"), DETECT_NO, NULL},
	{"memcached, a value", LIT("VALUE key 0 5\r\nhello\r\nEND\r\n"), DETECT_NO, NULL},
	{"PostgreSQL, SSLRequest", LIT("\0\0\0\x08\x04\xd2\x16\x2f"), DETECT_YES, "pgsql"},
	{"PostgreSQL, startup", LIT("\0\0\0\x29\0\x03\0\0user\0a\0"), DETECT_YES, "pgsql"},
	{"PostgreSQL, startup 3.2", LIT("\0\0\0\x29\0\x03\0\x02user\0a\0"), DETECT_YES, "pgsql"},
	{"PostgreSQL, a query", LIT("Q\0\0\0\x0eSELECT 1;\0"), DETECT_YES, "pgsql"},
	{"PostgreSQL, Parse, and no Sync yet", LIT("P\0\0\0\x12\0SELECT $1;\0\0\0"), DETECT_MAYBE,
	 NULL},
	{"PostgreSQL, Parse and Sync", LIT("P\0\0\0\x12\0SELECT $1;\0\0\0S\0\0\0\x04"), DETECT_YES,
	 "pgsql"},
	{"PostgreSQL, a result", LIT("C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I"), DETECT_YES, "pgsql"},
	{"PostgreSQL, the login's answer", LIT("R\0\0\0\x08\0\0\0\0"), DETECT_MAYBE, NULL},
	{"MySQL, the beginning of a greeting",
	 LIT("\x4a\0\0\0\x0a"
	     "8.0.30\0"),
	 DETECT_MAYBE, NULL},
	{"MariaDB, a greeting",
	 LIT("\x39\0\0\0\x0a"
	     "11.4.2-MariaDB\0\1\0\0\0abcdefgh\0\xfe\xf7\x08\2\0\xff\x81\x15"
	     "\0\0\0\0\0\0\x1d\0\0\0abcdefghi\0"),
	 DETECT_YES, "mysql"},
	{"MySQL, a query", LIT("\x09\0\0\0\x03SELECT 1"), DETECT_YES, "mysql"},
	{"MySQL, a head by itself", LIT("\x09\0\0\0"), DETECT_MAYBE, NULL},
	{"Kafka, the head alone", LIT("\0\0\0\x1a\0\x12\0\x04\0\0\0\x01\0\x05"), DETECT_MAYBE,
	 NULL},
	{"Kafka", LIT("\0\0\0\x11\0\x12\0\0\0\0\0\x01\0\x07rdkafka"), DETECT_YES, "kafka"},
	{"Kafka, Metadata, which begins like PostgreSQL",
	 LIT("\0\0\0\x15\0\x03\0\0\0\0\0\x02\0\x07rdkafka\0\0\0\0"), DETECT_YES, "kafka"},
	{"Kafka, a client without a name", LIT("\0\0\0\x0a\0\x12\0\0\0\0\0\x01\xff\xff"),
	 DETECT_YES, "kafka"},
	{"Kafka, an API there is none of", LIT("\0\0\0\x0a\0\x70\0\0\0\0\0\x01\xff\xff"), DETECT_NO,
	 NULL},
	{"AMQP 0-9-1", LIT("AMQP\0\0\x09\x01"), DETECT_NO, NULL},
	{"AMQP, a frame", LIT("\x01\0\0\0\0\0\x0c"), DETECT_MAYBE, NULL},
	{"AMQP, a whole frame", LIT("\x01\0\0\0\0\0\x0c\0\x0a\0\x0b\0\0\0\0\0"), DETECT_NO, NULL},
	{"MongoDB", LIT("\x3a\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0"), DETECT_NO, NULL},
	{"MQTT", LIT("\x10\x12\0\x04MQTT\x04\x02"), DETECT_NO, NULL},
	{"NATS", LIT("INFO {\"server_id\":\"x\"} \r\n"), DETECT_NO, NULL},
	{"DNS over TCP", LIT("\0\x1d\xab\xcd\x01\0\0\x01"), DETECT_NO, NULL},
	{"gzip", LIT("\x1f\x8b\x08\0\0\0\0\0"), DETECT_NO, NULL},
	{"JSON", LIT("{\"method\":\"GET / HTTP/1.1\"}"), DETECT_NO, NULL},
	{"HTML", LIT("<html><body>GET / HTTP/1.1"), DETECT_NO, NULL},
	{"NUL, which may begin a length", LIT("\0"), DETECT_MAYBE, NULL},
	{"a status line with a status of letters", LIT("HTTP/1.1 abc"), DETECT_NO, NULL},
	{"a status line with a status of four digits", LIT("HTTP/1.1 2000"), DETECT_NO, NULL},
	{"a version that goes on", LIT("GET / HTTP/1.10"), DETECT_NO, NULL},
	{"the end of a body before a request", LIT("endGET / HTTP/1.1\r\n"), DETECT_NO, NULL},
};

/* Once the answer was NO, more bytes do not change it. */
static bool steady(const struct row *r)
{
	enum detect_result before = DETECT_MAYBE;

	for (size_t n = 0; n <= r->len; n++) {
		const struct proto_ops *ops;
		uint8_t *exact = malloc(n ? n : 1); /* ends where the memory does */
		enum detect_result dr;

		if (!exact)
			abort();
		memcpy(exact, r->text, n);
		dr = proto_detect(bytes_of(exact, n), OE_DIR_IN, &ops);
		free(exact);
		if (before == DETECT_NO && dr != before)
			return false;
		before = dr;
	}
	return true;
}

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		for (int dir = 0; dir < 2; dir++) {
			const struct proto_ops *ops = NULL;

			is_int(proto_detect(bytes_of(r->text, r->len), (enum oe_dir)dir, &ops),
			       r->want, r->name);
			is_str(ops ? ops->name : NULL, r->proto, r->name);
		}
		ok(steady(r), "%s: a NO stays one", r->name);
	}
}

/* What a stream cipher puts out is nobody's protocol. */
static void test_noise(void)
{
	uint64_t x = 0x9e3779b97f4a7c15;
	int yes = 0;

	for (int i = 0; i < 20000; i++) {
		const struct proto_ops *ops;
		uint8_t b[64];

		for (size_t k = 0; k < sizeof(b); k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			b[k] = (uint8_t)(x >> 24);
		}
		yes += proto_detect(bytes_of(b, sizeof(b)), OE_DIR_IN, &ops) == DETECT_YES;
	}
	is_int(yes, 0, "20,000 blocks of noise are no protocol");
}

static void test_table(void)
{
	size_t n = 0;

	for (; proto_table[n]; n++) {
		const struct proto_ops *p = proto_table[n];

		ok(p->name && p->name[0] && p->detect && p->parse && p->gap && p->eof,
		   "protocol %zu has what every protocol needs", n);
		ok(p->state_size && p->state_size <= 65536 && p->need_max &&
			   p->need_max <= 1u << 20,
		   "%s: state and rest are bounded", p->name);
		for (size_t k = 0; k < n; k++)
			ok(strcmp(p->name, proto_table[k]->name) != 0, "%s is there once", p->name);
	}
	ok(n >= 1, "there are protocols");
}

int main(void)
{
	test_table();
	test_rows();
	test_noise();
	return tap_done();
}
