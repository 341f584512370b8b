/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/2 parser.
 *
 * Rows are conversations of hand-made frames; header blocks come from nghttp2's encoder, one per
 * direction, as they would on the wire. What the parser says is written down, one word per message:
 * direction (> request, < response), stream, then B begin, E end, T truncated, U size unknown,
 * I interim, O orphan, P part, ? fields unknown, R reset, L lost, A adopted; for a begin method and
 * path or status, for an end the body size, for a reset its code, g the grpc-status.
 *
 * Then two nghttp2 sessions talk to each other, and the parser must have seen what they saw.
 */
#include <nghttp2/nghttp2.h>

#include "tests/unit/tap.h"
#include "tests/unit/proto_props.h"

extern const struct proto_ops http2_ops;

#define C OE_DIR_IN  /* the client's bytes, as a server sees them */
#define S OE_DIR_OUT /* the server's */

struct talk {
	struct props p;
	nghttp2_hd_deflater *enc[2];
	uint8_t buf[2][1 << 17];
	size_t len[2];
	char said[1 << 16];
	size_t shown;
};

static void talk_init(struct talk *t)
{
	memset(t, 0, sizeof(*t));
	props_init(&t->p, &http2_ops, true);
	for (int i = 0; i < 2; i++)
		nghttp2_hd_deflate_new(&t->enc[i], 4096);
}

static void talk_done(struct talk *t)
{
	props_done(&t->p);
	for (int i = 0; i < 2; i++)
		nghttp2_hd_deflate_del(t->enc[i]);
}

static void put(struct talk *t, int dir, const void *p, size_t len)
{
	if (len)
		memcpy(t->buf[dir] + t->len[dir], p, len);
	t->len[dir] += len;
}

static void frame(struct talk *t, int dir, int type, int flags, uint32_t id, const void *p,
		  size_t len)
{
	uint8_t h[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
			(uint8_t)type,	      (uint8_t)flags,	   (uint8_t)(id >> 24),
			(uint8_t)(id >> 16),  (uint8_t)(id >> 8),  (uint8_t)id};

	put(t, dir, h, 9);
	put(t, dir, p, len);
}

/* GET with a path that stands in the table, newest entry. */
static void get_indexed(struct talk *t, int dir, uint32_t id)
{
	frame(t, dir, 1, 5, id, "\x82\x86\xbe", 3);
}

/* GET with a path that enters the table. */
static void get_indexing(struct talk *t, int dir, uint32_t id, const char *path)
{
	uint8_t b[128] = {0x82, 0x86, 0x44, (uint8_t)strlen(path)};

	memcpy(b + 4, path, strlen(path));
	frame(t, dir, 1, 5, id, b, 4 + strlen(path));
}

/* "name: value" lines -> a block; kept for the caller in `out`. */
static size_t block(struct talk *t, int dir, const char *lines, uint8_t *out, size_t size)
{
	nghttp2_nv nv[32];
	char copy[4096];
	size_t n = 0;
	char *save = NULL;

	snprintf(copy, sizeof(copy), "%s", lines);
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(l + 1, ':');

		*colon = 0;
		nv[n++] = (nghttp2_nv){(uint8_t *)l, (uint8_t *)colon + 2, strlen(l),
				       strlen(colon + 2), NGHTTP2_NV_FLAG_NONE};
	}
	return (size_t)nghttp2_hd_deflate_hd(t->enc[dir], out, size, nv, n);
}

static void headers(struct talk *t, int dir, int flags, uint32_t id, const char *lines)
{
	uint8_t b[8192];
	size_t n = block(t, dir, lines, b, sizeof(b));

	frame(t, dir, 1, flags | 4, id, b, n);
}

#define GET(path) ":method: GET\n:path: " path "\n:scheme: http\n:authority: h:80"
#define POST(path, type)                                                                           \
	":method: POST\n:path: " path "\n:scheme: http\n:authority: h:80\ncontent-type: " type

static void write_down(struct talk *t)
{
	char *to = t->said;
	size_t room = sizeof(t->said);

	*to = 0;
	for (size_t i = t->shown; i < t->p.msg_cnt && room > 200; i++) {
		const struct message *m = &t->p.msgs[i].m;
		uint32_t f = m->flags;
		int n = snprintf(to, room, "%s%c%u%s%s%s%s%s%s%s%s%s%s%s", i > t->shown ? " " : "",
				 m->kind == MSG_REQUEST ? '>' : '<', (unsigned int)m->stream_id,
				 f & MSG_F_BEGIN ? "B" : "", f & MSG_F_END ? "E" : "",
				 f & MSG_F_TRUNCATED ? "T" : "", f & MSG_F_SIZE_UNKNOWN ? "U" : "",
				 f & MSG_F_INTERIM ? "I" : "", f & MSG_F_ORPHAN ? "O" : "",
				 f & MSG_F_PART ? "P" : "", f & MSG_F_UNKNOWN ? "?" : "",
				 f & MSG_F_RESET ? "R" : "", f & MSG_F_LOST ? "L" : "",
				 f & MSG_F_ADOPT ? "A" : "");

		to += n;
		room -= (size_t)n;
		if (f & MSG_F_BEGIN && m->kind == MSG_REQUEST)
			n = snprintf(to, room, ":%.*s:%.*s", (int)m->http.method.len,
				     m->http.method.data, (int)m->http.target.len,
				     m->http.target.data);
		else if (f & MSG_F_BEGIN)
			n = snprintf(to, room, ":%d", m->http.status);
		else
			n = 0;
		to += n;
		room -= (size_t)n;
		n = 0;
		if (f & MSG_F_END && !(f & MSG_F_INTERIM))
			n = snprintf(to, room, ":%llu", (unsigned long long)m->body_size);
		to += n;
		room -= (size_t)n;
		n = 0;
		if (f & MSG_F_RESET)
			n = snprintf(to, room, ":%u", m->reset_code);
		to += n;
		room -= (size_t)n;
		n = 0;
		if (m->rpc.status >= 0)
			n = snprintf(to, room, ":g%d", m->rpc.status);
		to += n;
		room -= (size_t)n;
	}
	t->shown = t->p.msg_cnt;
}

/* Gives the parser what one side wrote since, as one I/O. */
static void say(struct talk *t, int dir)
{
	props_data(&t->p, (enum oe_dir)dir, t->buf[dir], t->len[dir]);
	t->len[dir] = 0;
}

static void heard(struct talk *t, const char *want, const char *name)
{
	write_down(t);
	is_str(t->said, want, name);
	is_str(t->p.broken, "", name);
}

static void preface(struct talk *t)
{
	put(t, C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	frame(t, C, 4, 0, 0, "\0\3\0\0\0\144", 6);
	say(t, C);
	frame(t, S, 4, 0, 0, "", 0);
	say(t, S);
}

static void test_plain(void)
{
	static struct talk t;

	talk_init(&t);
	preface(&t);
	headers(&t, C, 1, 1, GET("/a"));
	headers(&t, C, 0, 3, POST("/b", "text/x"));
	frame(&t, C, 0, 0, 3, "12345", 5);
	frame(&t, C, 0, 1, 3, "678", 3);
	frame(&t, C, 8, 0, 0, "\0\0\1\0", 4);
	say(&t, C);
	heard(&t, ">1BE:GET:/a:0 >3B:POST:/b >3E:8", "requests, one with a body");
	headers(&t, S, 0, 3, ":status: 201");
	headers(&t, S, 0, 1, ":status: 200\ncontent-length: 4");
	frame(&t, S, 0, 1, 1, "body", 4);
	frame(&t, S, 0, 1, 3, "", 0);
	say(&t, S);
	heard(&t, "<3B:201 <1B:200 <1E:4 <3E:0", "answers out of order");
	headers(&t, C, 1, 5, GET("/a"));
	say(&t, C);
	heard(&t, ">5BE:GET:/a:0", "a path from the table");
	headers(&t, S, 0, 5, ":status: 103\nlink: x");
	headers(&t, S, 0, 5, ":status: 200");
	frame(&t, S, 0, 0, 5, "x", 1);
	headers(&t, S, 1, 5, "etag: z");
	say(&t, S);
	heard(&t, "<5BEI:103 <5B:200 <5E:1", "an interim response, trailers");
	headers(&t, C, 0, 7, POST("/p", "a/b"));
	frame(&t, C, 0, 8, 7, "\3ab\0\0\0", 6);
	frame(&t, C, 0, 9, 7, "\0cd", 3);
	say(&t, C);
	heard(&t, ">7B:POST:/p >7E:4", "padding is no body");
	frame(&t, S, 3, 0, 7, "\0\0\0\2", 4);
	say(&t, S);
	heard(&t, "<7R:2", "reset by the server");
	headers(&t, C, 1, 9, GET("/x"));
	frame(&t, C, 3, 0, 9, "\0\0\0\10", 4);
	say(&t, C);
	heard(&t, ">9BE:GET:/x:0 >9R:8", "reset by the client");
	headers(&t, S, 1, 9, ":status: 200");
	say(&t, S);
	heard(&t, "", "what still comes of a stream that was reset is nobody's");
	headers(&t, C, 1, 11, GET("/y"));
	headers(&t, C, 1, 13, GET("/z"));
	say(&t, C);
	frame(&t, S, 7, 0, 0, "\0\0\0\13\0\0\0\0", 8);
	say(&t, S);
	heard(&t, ">11BE:GET:/y:0 >13BE:GET:/z:0 <13R:7", "GOAWAY: what is above is refused");
	frame(&t, S, 0xfa, 0xff, 99, "grease", 6);
	headers(&t, S, 1, 11, ":status: 404");
	say(&t, S);
	heard(&t, "<11BE:404:0", "unknown frames are stepped over");
	talk_done(&t);
}

static void test_blocks(void)
{
	static struct talk t;
	uint8_t b[4096], padded[4096];
	size_t n;

	talk_init(&t);
	preface(&t);
	n = block(&t, C, GET("/continued"), b, sizeof(b));
	frame(&t, C, 1, 1, 1, b, 2);
	frame(&t, C, 9, 0, 1, b + 2, 5);
	frame(&t, C, 9, 0, 1, "", 0);
	frame(&t, C, 9, 4, 1, b + 7, n - 7);
	say(&t, C);
	heard(&t, ">1BE:GET:/continued:0", "CONTINUATION");
	n = block(&t, C, GET("/padded"), b, sizeof(b));
	padded[0] = 3;
	memcpy(padded + 1, "\0\0\0\0\17", 5);
	memcpy(padded + 6, b, n);
	memset(padded + 6 + n, 0, 3);
	frame(&t, C, 1, 1 | 4 | 8 | 0x20, 3, padded, n + 9);
	say(&t, C);
	heard(&t, ">3BE:GET:/padded:0", "padding and priority");
	n = block(&t, S, GET("/pushed"), b + 4, sizeof(b) - 4);
	memcpy(b, "\0\0\0\2", 4);
	frame(&t, S, 5, 4, 3, b, n + 4);
	headers(&t, S, 1, 2, ":status: 200\nserver: one");
	headers(&t, S, 1, 3, ":status: 200\nserver: one");
	headers(&t, S, 1, 1, ":status: 500\nserver: one");
	say(&t, S);
	heard(&t, "<3BE:200:0 <1BE:500:0", "a pushed stream is silent, the table goes on");
	headers(&t, C, 0, 5, ":method: CONNECT\n:protocol: websocket\n:path: /ws\n:scheme: http");
	say(&t, C);
	headers(&t, S, 0, 5, ":status: 200");
	frame(&t, S, 0, 0, 5, "\1\2\3", 3);
	say(&t, S);
	heard(&t, ">5B:CONNECT:/ws <5BEU:200:0", "extended CONNECT ends with its head");
	frame(&t, C, 0, 1, 5, "\1\2\3", 3);
	say(&t, C);
	heard(&t, ">5E:3", "its stream goes on unseen");
	talk_done(&t);
}

static void test_splits(void)
{
	static struct talk t;
	struct props_step s[5];
	uint8_t client[2048], server[2048];

	talk_init(&t);
	put(&t, C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	frame(&t, C, 4, 0, 0, "\0\3\0\0\0\144", 6);
	headers(&t, C, 0, 1, POST("/s.S/M", "application/grpc"));
	frame(&t, C, 0, 1, 1, "\0\0\0\0\3abc\0\0\0\0\0", 13);
	headers(&t, C, 1, 3, GET("/s"));
	memcpy(client, t.buf[C], t.len[C]);
	frame(&t, S, 4, 0, 0, "", 0);
	headers(&t, S, 0, 1, ":status: 200\ncontent-type: application/grpc");
	frame(&t, S, 0, 0, 1, "\0\0\0\0\1x", 6);
	headers(&t, S, 1, 1, "grpc-status: 5\ngrpc-message: no");
	headers(&t, S, 1, 3, ":status: 304");
	memcpy(server, t.buf[S], t.len[S]);
	s[0] = (struct props_step){PROPS_DATA, C, client, t.len[C]};
	s[1] = (struct props_step){PROPS_DATA, S, server, t.len[S]};
	props_reset(&t.p, true);
	props_run(&t.p, s, 2, 0);
	write_down(&t);
	is_str(t.said, ">1B:POST:/s.S/M >1EP:13 >3BE:GET:/s:0 <1B:200 <1E:6:g5 <3BE:304:0",
	       "a call");
	ok(t.p.msgs[1].m.rpc.messages == 2 && t.p.msgs[1].m.rpc.message_bytes == 3 &&
		   !t.p.msgs[1].m.rpc.messages_unknown,
	   "two messages, three bytes");
	/* frames of the server's direction are recognised by the first I/O: keep that whole */
	s[1].len = 9;
	s[2] = (struct props_step){PROPS_DATA, S, server + 9, t.len[S] - 9};
	for (size_t i = 0; i < 3; i++) {
		static const size_t pieces[] = {1, 2, 7};

		t.shown = 0;
		props_reset(&t.p, true);
		props_run(&t.p, s, 1, pieces[i]);
		props_run(&t.p, s + 1, 1, 0);
		props_run(&t.p, s + 2, 1, pieces[i]);
		ok(t.p.msg_cnt == 6 && !t.p.broken[0] && t.p.msgs[4].m.rpc.status == 5 &&
			   t.p.msgs[1].m.rpc.messages == 2,
		   "pieces of %zu bytes: %zu messages %s", pieces[i], t.p.msg_cnt, t.p.broken);
	}
	for (size_t at = 1; at < s[0].len; at++) {
		struct props_step c[4];
		size_t n = props_cut(s, 2, 0, at, 0, c);

		c[n++] = s[2];
		props_reset(&t.p, true);
		props_run(&t.p, c, n, 0);
		if (t.p.msg_cnt != 6 || t.p.broken[0])
			break;
		if (at + 1 == s[0].len)
			ok(1, "split at every byte");
	}
	talk_done(&t);
}

static void test_loss(void)
{
	static struct talk t;

	talk_init(&t);
	preface(&t);
	headers(&t, C, 1, 1, GET("/one"));
	headers(&t, C, 1, 3, GET("/two"));
	say(&t, C);
	headers(&t, S, 0, 1, ":status: 200\nserver: s");
	frame(&t, S, 0, 1, 1, "0123456789", 10);
	t.len[S] -= 6;
	say(&t, S);
	props_missing(&t.p, S, 6);
	heard(&t, ">1BE:GET:/one:0 >3BE:GET:/two:0 <1B:200 <1E:10", "missing inside DATA");
	headers(&t, S, 0, 3, ":status: 200\nserver: s");
	t.len[S] = 0;
	props_missing(&t.p, S, 100);
	heard(&t, ">0L", "missing where frames stand: what is open is lost");
	headers(&t, C, 1, 5, GET("/one"));
	say(&t, C);
	heard(&t, ">5BE:GET:/one:0", "the other direction's table is whole");
	headers(&t, S, 1, 3, ":status: 200");
	headers(&t, S, 1, 5, ":status: 204\nserver: s");
	say(&t, S);
	heard(&t, "<5BE?:204:0", "footing found again; the table is unknown");
	headers(&t, C, 1, 11, GET("/one"));
	say(&t, C);
	heard(&t, ">11BE:GET:/one:0", "numbers jump");
	headers(&t, S, 1, 9, ":status: 200");
	headers(&t, S, 1, 11, ":status: 200");
	say(&t, S);
	write_down(&t);
	ok(strstr(t.said, "9") && strstr(t.said, "O") && strstr(t.said, "<11BE"),
	   "an answer to a request that was not seen is an orphan: %s", t.said);
	headers(&t, C, 1, 13, GET("/long-enough-to-be-cut"));
	t.len[C] -= 10;
	say(&t, C);
	props_missing(&t.p, C, 10);
	write_down(&t);
	ok(t.p.msg_cnt && !t.p.broken[0] && strstr(t.said, "T") && strstr(t.said, ">13B"),
	   "a head that was cut is flagged: %s %s", t.said, t.p.broken);
	get_indexed(&t, C, 15);
	say(&t, C);
	heard(&t, ">15BE?:GET::0", "behind it what refers to the table is unknown");
	get_indexing(&t, C, 17, "/new");
	get_indexed(&t, C, 19);
	say(&t, C);
	heard(&t, ">17BE:GET:/new:0 >19BE:GET:/new:0", "what is new is known");
	talk_done(&t);
}

static void test_late(void)
{
	static struct talk t;
	uint8_t b[256];
	size_t n;

	talk_init(&t);
	/* before our time */
	block(&t, C, POST("/a.B/C", "application/grpc"), b, sizeof(b));
	block(&t, S, ":status: 200\ncontent-type: application/grpc", b, sizeof(b));
	block(&t, S, "grpc-status: 0", b, sizeof(b));
	get_indexed(&t, C, 101);
	frame(&t, C, 6, 0, 0, "12345678", 8);
	say(&t, C);
	heard(&t, ">101BE?:GET::0", "a path sent before our time is unknown");
	headers(&t, S, 1, 99, ":status: 404");
	headers(&t, S, 1, 101, ":status: 200");
	say(&t, S);
	heard(&t, "<99BEO:404:0 <101BE:200:0", "an answer to nobody; status right at once");
	headers(&t, C, 0, 103, POST("/a.B/C", "application/grpc"));
	frame(&t, C, 0, 1, 103, "\0\0\0\0\1x", 6);
	say(&t, C);
	headers(&t, S, 0, 103, ":status: 200\ncontent-type: application/grpc");
	frame(&t, S, 0, 0, 103, "\0\0\0\0\1x", 6);
	headers(&t, S, 1, 103, "grpc-status: 0");
	say(&t, S);
	heard(&t, ">103B?:POST:/a.B/C >103EP:6 <103B?:200 <103E?:6",
	      "a call of which little is known");
	n = t.p.msg_cnt;
	is_int(t.p.msgs[n - 1].m.family, MSG_FAMILY_GRPC, "by its structure it is a call");
	is_int(t.p.msgs[n - 3].m.family, MSG_FAMILY_NONE, "which nobody could know before");
	headers(&t, C, 0, 105, POST("/a.B/C", "application/grpc"));
	frame(&t, C, 0, 1, 105, "abc", 3);
	say(&t, C);
	headers(&t, S, 1, 105, ":status: 500\ncontent-type: text/plain");
	say(&t, S);
	n = t.p.msg_cnt;
	is_int(t.p.msgs[n - 1].m.family, MSG_FAMILY_HTTP, "a content type that is new tells");
	talk_done(&t);
}

static void test_detect(void)
{
	static struct talk t;
	const struct proto_ops *ops = NULL;

	talk_init(&t);
	frame(&t, C, 8, 0, 0, "\0\0\1\0", 4);
	is_int(proto_detect(bytes_of(t.buf[C], t.len[C]), C, &ops), DETECT_YES, "a whole frame");
	frame(&t, C, 0, 0, 1, "x", 1);
	t.len[C] -= 1;
	is_int(proto_detect(bytes_of(t.buf[C], t.len[C]), C, &ops), DETECT_YES,
	       "a whole frame and a head");
	t.len[C] = 0;
	frame(&t, C, 1, 4, 1, "x", 1); /* without flags it could be one of Kafka's */
	t.len[C] -= 1;
	is_int(proto_detect(bytes_of(t.buf[C], t.len[C]), C, &ops), DETECT_NO, "a head alone");
	talk_done(&t);
}

static void test_invalid(void)
{
	static const struct {
		const char *name;
		int type, flags;
		uint32_t id;
		const char *p;
		size_t len;
	} rows[] = {
		{"RST_STREAM of three bytes", 3, 0, 1, "\0\0\0", 3},
		{"HEADERS on stream 0", 1, 4, 0, "\x82", 1},
		{"CONTINUATION of nothing", 9, 4, 1, "\x82", 1},
		{"padding longer than its frame", 0, 8, 1, "\5ab", 3},
		{"padding longer than its head", 1, 12, 3, "\5ab", 3},
		{"SETTINGS of five bytes", 4, 0, 0, "12345", 5},
		{"DATA on stream 0", 0, 0, 0, "x", 1},
		{"a header block that is none", 1, 5, 3, "\x80", 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct talk t;

		talk_init(&t);
		preface(&t);
		headers(&t, C, 0, 1, GET("/"));
		say(&t, C);
		frame(&t, C, rows[i].type, rows[i].flags, rows[i].id, rows[i].p, rows[i].len);
		say(&t, C);
		is_int(t.p.lost, 1, rows[i].name);
		is_str(t.p.broken, "", rows[i].name);
		talk_done(&t);
	}
}

static void test_many(void)
{
	static struct talk t;
	int lost = 0, ended = 0;
	char path[32];

	talk_init(&t);
	preface(&t);
	for (uint32_t i = 0; i < 1500; i++) {
		char lines[128];

		snprintf(path, sizeof(path), "/%u", i);
		snprintf(lines, sizeof(lines), ":method: GET\n:path: %s\n:scheme: http", path);
		headers(&t, C, 1, 2 * i + 1, lines);
		say(&t, C);
	}
	for (uint32_t i = 0; i < 1500; i++) {
		headers(&t, S, 1, 2 * i + 1, ":status: 200");
		say(&t, S);
	}
	for (size_t i = 0; i < t.p.msg_cnt; i++) {
		lost += (t.p.msgs[i].m.flags & MSG_F_LOST) != 0;
		ended += t.p.msgs[i].m.kind == MSG_RESPONSE;
	}
	is_int(lost, 1500 - 1024, "the oldest streams are given up");
	is_int(ended, 1024, "the others are answered");
	is_str(t.p.broken, "", "many streams");
	talk_done(&t);
}

static void test_upgrade(void)
{
	static struct talk t;

	talk_init(&t);
	http2_ops.upgraded(t.p.state, C);
	frame(&t, S, 4, 0, 0, "", 0);
	headers(&t, S, 0, 1, ":status: 200");
	frame(&t, S, 0, 1, 1, "up", 2);
	say(&t, S);
	heard(&t, ">1A <1B:200 <1E:2", "the request of HTTP/1 is answered on stream 1");
	put(&t, C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	frame(&t, C, 4, 0, 0, "", 0);
	headers(&t, C, 1, 3, GET("/next"));
	say(&t, C);
	heard(&t, ">3BE:GET:/next:0", "and it goes on");
	talk_done(&t);
}

/* Found by reading, each once a fault. */
static void test_faults(void)
{
	static struct talk t;

	talk_init(&t);
	preface(&t);
	headers(&t, C, 1, 1, GET("/"));
	say(&t, C);
	frame(&t, S, 0, 1, 1, "body", 4);
	say(&t, S);
	heard(&t, ">1BE:GET:/:0", "DATA before its head is nobody's");
	headers(&t, S, 1, 1, ":status: 200");
	say(&t, S);
	heard(&t, "<1BE:200:0", "and the head is believed");
	headers(&t, C, 0, 3, POST("/", "a/b"));
	frame(&t, C, 0, 9, 3, "\5body\0\0\0\0\0", 10);
	t.len[C] -= 10;
	say(&t, C);
	props_missing(&t.p, C, 10);
	heard(&t, ">3B:POST:/ >3EU:0", "padding of unknown length: a lower bound");
	talk_done(&t);

	talk_init(&t);
	put(&t, C, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	headers(&t, C, 1, 1, GET("/"));
	say(&t, C);
	frame(&t, S, 4, 0, 0, "\0\3\0\0\0\144", 6);
	put(&t, S, "\0\0", 2);
	say(&t, S);
	t.p.dir[S].len =
		0; /* the rest of that head is not told; what counts is what was not thrown away */
	heard(&t, ">1BE:GET:/:0", "a first I/O that ends inside a frame head");
	is_int(t.p.lost, 0, "is no loss");
	talk_done(&t);

	talk_init(&t);
	http2_ops.upgraded(t.p.state, C);
	props_missing(&t.p, S, 1000);
	headers(&t, C, 1, 3, GET("/"));
	put(&t, C, "", 0);
	say(&t, C);
	is_str(t.p.broken, "", "a gap right behind the Upgrade");
	talk_done(&t);
}

static void test_early(void)
{
	static struct talk t;

	talk_init(&t);
	preface(&t);
	headers(&t, C, 1, 1, GET("/"));
	say(&t, C);
	headers(&t, S, 1, 1, ":status: 200");
	ok(!http2_ops.early(t.p.state, S, bytes_of(t.buf[S], t.len[S])), "answers what was asked");
	headers(&t, S, 1, 3, ":status: 200");
	ok(http2_ops.early(t.p.state, S, bytes_of(t.buf[S], t.len[S])), "answers what was not");
	talk_done(&t);
}

/* ---- two nghttp2 sessions ---- */

#define REQS 400

struct truth {
	size_t req_body, resp_body, req_sent, resp_sent;
	int status;
	char path[24];
	bool reset;
};

struct pair {
	nghttp2_session *s[2]; /* C, S */
	struct talk *t;
	struct truth truth[REQS];
	unsigned int seed;
	int done;
};

static uint32_t rnd(struct pair *p, uint32_t n)
{
	p->seed = p->seed * 1103515245 + 12345;
	return (p->seed >> 8) % n;
}

static struct truth *truth_of(struct pair *p, int32_t id)
{
	return &p->truth[(id - 1) / 2];
}

static ssize_t body(nghttp2_session *s, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
		    nghttp2_data_source *src, void *ctx)
{
	struct pair *p = ctx;
	struct truth *t = truth_of(p, id);
	bool server = s == p->s[S];
	size_t all = server ? t->resp_body : t->req_body;
	size_t *sent = server ? &t->resp_sent : &t->req_sent;
	size_t n = all - *sent;

	if (n > len)
		n = len;
	if (n > 1 && rnd(p, 3) == 0)
		n = 1 + rnd(p, (uint32_t)n);
	memset(buf, 'x', n);
	*sent += n;
	if (*sent == all) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (server && id % 8 == 1) {
			nghttp2_nv nv = {(uint8_t *)"grpc-status", (uint8_t *)"7", 11, 1, 0};

			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			nghttp2_submit_trailer(s, id, &nv, 1);
		}
	}
	return (ssize_t)n;
}

static ssize_t padding(nghttp2_session *s, const nghttp2_frame *f, size_t max, void *ctx)
{
	size_t n = f->hd.length + rnd(ctx, 40);

	return (ssize_t)(n < max ? n : max);
}

#define NV(n, v)                                                                                   \
	{                                                                                          \
		(uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), 0                            \
	}

static int received(nghttp2_session *s, const nghttp2_frame *f, void *ctx)
{
	struct pair *p = ctx;
	char status[8];
	struct truth *t;

	if (s != p->s[S] || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA))
		return 0;
	t = truth_of(p, f->hd.stream_id);
	snprintf(status, sizeof(status), "%d", t->status);
	nghttp2_nv nv[] = {NV(":status", status), NV("server", "n"), NV("x-y", t->path)};
	nghttp2_data_provider dp = {.read_callback = body};

	if (t->reset)
		nghttp2_submit_rst_stream(s, 0, f->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
	else
		nghttp2_submit_response(s, f->hd.stream_id, nv, 3, &dp);
	return 0;
}

static int closed(nghttp2_session *s, int32_t id, uint32_t code, void *ctx)
{
	struct pair *p = ctx;

	p->done += s == p->s[C];
	return 0;
}

/* Moves what one side has to say, in one I/O or several. */
static bool move(struct pair *p, int dir)
{
	const uint8_t *out;
	ssize_t n;
	bool any = false;
	uint32_t want = 1 + rnd(p, 20000);

	while (p->t->len[dir] < want && (n = nghttp2_session_mem_send(p->s[dir], &out)) > 0) {
		put(p->t, dir, out, (size_t)n);
		any = true;
	}
	if (!any)
		return false;
	nghttp2_session_mem_recv(p->s[!dir], p->t->buf[dir], p->t->len[dir]);
	say(p->t, dir);
	return true;
}

static void test_peer(unsigned int seed)
{
	static struct talk t;
	static struct pair p;
	nghttp2_session_callbacks *cb;
	int next = 0, wrong = 0, begun = 0, statuses = 0, resets = 0, trailers = 0;

	talk_init(&t);
	memset(&p, 0, sizeof(p));
	p.t = &t;
	p.seed = seed;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, received);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, closed);
	nghttp2_session_callbacks_set_select_padding_callback(cb, padding);
	nghttp2_session_client_new(&p.s[C], cb, &p);
	nghttp2_session_server_new(&p.s[S], cb, &p);
	nghttp2_submit_settings(p.s[C], 0, NULL, 0);
	nghttp2_submit_settings(p.s[S], 0, NULL, 0);
	while (p.done < REQS) {
		bool any = false;

		while (next < REQS && next - p.done < 90 && rnd(&p, 4)) {
			struct truth *u = &p.truth[next];
			char blob[600];
			nghttp2_data_provider dp = {.read_callback = body};

			u->req_body = rnd(&p, 3) ? 0 : rnd(&p, 40000);
			u->resp_body = rnd(&p, 60000);
			u->status = 200 + (int)rnd(&p, 300);
			if (u->status == 204 || u->status == 304)
				u->status = 200; /* the client resets those with a body */
			u->reset = rnd(&p, 20) == 0;
			snprintf(u->path, sizeof(u->path), "/r/%u", rnd(&p, 200));
			memset(blob, 'a' + (int)rnd(&p, 26), sizeof(blob));
			blob[rnd(&p, sizeof(blob) - 1)] = 0;
			blob[sizeof(blob) - 1] = 0;
			nghttp2_nv nv[] = {NV(":method", u->req_body ? "POST" : "GET"),
					   NV(":path", u->path),
					   NV(":scheme", "http"),
					   NV(":authority", "a"),
					   NV("content-type", "b/c"),
					   NV("x-blob", blob)};

			nghttp2_submit_request(p.s[C], NULL, nv, 6, u->req_body ? &dp : NULL, NULL);
			next++;
		}
		any |= move(&p, C);
		any |= move(&p, S);
		if (!any && next == REQS)
			break;
	}
	for (size_t i = 0; i < t.p.msg_cnt; i++) {
		const struct message *m = &t.p.msgs[i].m;
		struct truth *u = truth_of(&p, (int32_t)m->stream_id);

		if (m->flags & MSG_F_RESET) {
			resets++;
			wrong += !u->reset;
			continue;
		}
		if (m->kind == MSG_REQUEST && m->flags & MSG_F_BEGIN) {
			begun++;
			wrong += !bytes_eq(m->http.target, bytes_str(u->path));
			wrong += m->http.method.len != (u->req_body ? 4 : 3);
		}
		if (m->kind == MSG_REQUEST && m->flags & MSG_F_END)
			wrong += m->body_size != u->req_body;
		if (m->kind == MSG_RESPONSE && m->flags & MSG_F_BEGIN) {
			statuses++;
			wrong += m->http.status != u->status;
		}
		if (m->kind == MSG_RESPONSE && m->flags & MSG_F_END)
			wrong += m->body_size != u->resp_body;
		trailers += m->rpc.status == 7;
	}
	is_int(p.done, REQS, "nghttp2 is through");
	is_int(begun, REQS, "every request was seen");
	is_int(statuses + resets, REQS, "and what became of it");
	ok(resets > 0 && trailers > 0, "resets %d, trailers %d", resets, trailers);
	is_int(wrong, 0, "paths, statuses, body sizes are right");
	is_int(t.p.lost, 0, "footing was never lost");
	is_str(t.p.broken, "", "the contract was kept");
	nghttp2_session_del(p.s[C]);
	nghttp2_session_del(p.s[S]);
	nghttp2_session_callbacks_del(cb);
	talk_done(&t);
}

int main(void)
{
	test_plain();
	test_blocks();
	test_splits();
	test_loss();
	test_late();
	test_detect();
	test_invalid();
	test_many();
	test_upgrade();
	test_early();
	test_faults();
	for (unsigned int i = 1; i <= 5; i++)
		test_peer(i);
	return tap_done();
}
