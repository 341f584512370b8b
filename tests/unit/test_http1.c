/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1 parser. A row is a conversation as a server sees it and what the parser says to it.
 *
 * Steps: ">bytes" of the client, "<bytes" of the server; "}100" and "{100": so many bytes of the
 * client, of the server were not captured; ")" and "(": the client's, the server's stream ended;
 * ")!" and "(!": broken off.
 *
 * Messages, one line each: direction, then B begin, E end, T truncated, U size unknown, G upgrade,
 * O orphan, A aborted, I interim; for a begin method, target (~ behind it: cut) or status, then the
 * minor version; then what is known of: h host, a user agent, p traceparent (pp: repeated), s
 * tracestate, t content type, u upgrade, n content length; for an end b body size. "lost" stands at
 * the end when the parser said INVALID.
 *
 * Every row is run whole, in pieces of 1, 2, 3 and 7 bytes, and split in two at each byte; inputs
 * end at a protected page. Rows without losses are also run with bytes missing everywhere.
 * A gap of nothing ("}0") says that for this row that is too much: what must be known already is
 * that it shows a body.
 */
#include "tests/unit/tap.h"
#include "tests/unit/proto_props.h"

#define STEPS 12

extern const struct proto_ops http1_ops;

struct row {
	const char *name;
	const char *steps[STEPS];
	const char *want;
};

#define TP	 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define TP2	 "00-11111111111111111111111111111111-2222222222222222-01"
#define R50	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define R250	 R50 R50 R50 R50 R50
#define OK0	 "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK0_SAYS "<BE 200 1 n0 b0\n"

static const struct row rows[] = {
	/* --- plain messages --- */
	{"GET and an empty answer",
	 {">GET /a HTTP/1.1\r\nHost: x\r\n\r\n", OK0, ")", "("},
	 ">BE GET /a 1 hx b0\n" OK0_SAYS},
	{"all fields that are asked for",
	 {">POST /p?q=1 HTTP/1.1\r\nHOST: h:80\r\nuser-AGENT:  c/1 (x) \r\nTraceparent: " TP
	  "\r\ntracestate: a=1\r\nContent-Type: text/x\r\nX-Y: z\r\nContent-Length: 3\r\n\r\nabc",
	  "<HTTP/1.1 201 Created\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nok"},
	 ">B POST /p?q=1 1 hh:80 ac/1 (x) p" TP " sa=1 ttext/x n3\n>E b3\n"
	 "<B 201 1 ta/b n2\n<E b2\n"},
	{"HTTP/1.0, the body ends with the stream",
	 {">GET / HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\n\r\nabc", "<def", "("},
	 ">BE GET / 0 b0\n<B 200 0\n<E b6\n"},
	{"a body that ends with the stream, broken off",
	 {">GET / HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\n\r\nabc", "(!"},
	 ">BE GET / 0 b0\n<B 200 0\n<EA b3\n"},
	{"an empty body that ends with the stream",
	 {">GET / HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\n\r\n", "("},
	 ">BE GET / 0 b0\n<B 200 0\n<E b0\n"},
	{"a higher minor version is understood as 1.1",
	 {">GET / HTTP/1.7\r\n\r\n", "<HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n"},
	 ">BE GET / 1 b0\n" OK0_SAYS},
	{"keep-alive",
	 {">GET /1 HTTP/1.1\r\n\r\n", OK0, ">GET /2 HTTP/1.1\r\n\r\n", OK0},
	 ">BE GET /1 1 b0\n" OK0_SAYS ">BE GET /2 1 b0\n" OK0_SAYS},
	{"pipelining",
	 {">GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nPUT /3 HTTP/1.1\r\nContent-Length: "
	  "2\r\n\r\nxy"
	  "GET /4 HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: "
	  "9\r\n\r\n"
	  "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"},
	 ">BE GET /1 1 b0\n>BE HEAD /2 1 b0\n>B PUT /3 1 n2\n>E b2\n>BE GET /4 1 b0\n"
	 "<B 200 1 n1\n<E b1\n<BE 200 1 n9 b0\n<BE 204 1 b0\n<B 200 1 n1\n<E b1\n"},
	{"a method nobody knows, of all characters a token may have",
	 {">aZ09!#$%&'*+-.^_`|~ / HTTP/1.1\r\n\r\n", OK0},
	 ">BE aZ09!#$%&'*+-.^_`|~ / 1 b0\n" OK0_SAYS},
	{"OPTIONS *", {">OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"}, ">BE OPTIONS * 1 hx b0\n"},
	{"raw UTF-8 in the target",
	 {">GET /\xc3\xa4 HTTP/1.1\r\n\r\n"},
	 ">BE GET /\xc3\xa4 1 b0\n"},
	/* --- messages without a body --- */
	{"HEAD: no body whatever the fields say",
	 {">HEAD / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	  ">HEAD / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n", OK0},
	 ">BE HEAD / 1 b0\n<BE 200 1 b0\n>BE HEAD / 1 b0\n<BE 200 1 b0\n>BE GET / 1 b0\n" OK0_SAYS},
	{"head, in small letters, is another method",
	 {">head / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"},
	 ">BE head / 1 b0\n<B 200 1 n2\n<E b2\n"},
	{"204 and 304 have no body",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 No Content\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n",
	  OK0},
	 ">BE GET / 1 b0\n<BE 204 1 b0\n>BE GET / 1 b0\n<BE 304 1 n55 b0\n>BE GET / 1 "
	 "b0\n" OK0_SAYS},
	{"1xx are not the answer",
	 {">PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
	  "<HTTP/1.1 100 Continue\r\n\r\n", ">ab",
	  "<HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
	  "0\r\n\r\n"},
	 ">B PUT / 1 n2\n<BEI 100 1 b0\n>E b2\n<BEI 103 1 b0\n" OK0_SAYS},
	/* --- leaving HTTP --- */
	{"101 Upgrade",
	 {">GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	  "<HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x",
	  ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", "{99", "(", ")"},
	 ">BE GET /ws 1 uwebsocket b0\n<BEG 101 1 uwebsocket b0\n"},
	{"CONNECT with 2xx is a tunnel",
	 {">CONNECT db.x:443 HTTP/1.1\r\nHost: other\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n",
	  ">\x16\x03\x01", "<\x16\x03\x03", "}7", ")", "("},
	 ">BE CONNECT db.x:443 1 hdb.x:443 b0\n<BEG 200 1 b0\n"},
	{"CONNECT refused stays HTTP",
	 {">CONNECT a:1 HTTP/1.1\r\n\r\n", "<HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
	  ">GET / HTTP/1.1\r\n\r\n", OK0},
	 ">BE CONNECT a:1 1 ha:1 b0\n<B 403 1 n2\n<E b2\n>BE GET / 1 b0\n" OK0_SAYS},
	{"an upgrade before the request's body was through",
	 {">POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
	  "<HTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n", ">defghi", ")", "("},
	 ">B POST / 1 n9\n<BEG 101 1 uh2c b0\n>EU b3\n"},
	{"the same, then the end",
	 {">POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
	  "<HTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n", ")", "("},
	 ">B POST / 1 n9\n<BEG 101 1 uh2c b0\n>EU b3\n"},
	/* --- chunked --- */
	{"chunked",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: "
	  "chunked\r\n\r\n4\r\nabcd\r\n0A\r\n0123456789\r\n0\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\ntransfer-encoding:Chunked\r\n\r\n1\r\nx\r\n00\r\n\r\n"},
	 ">B POST / 1\n>E b14\n<B 200 1\n<E b1\n"},
	{"chunk extensions and trailers",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d e\"\r\nabc\r\n"
	  "000 ; last\r\nX-Sum: 1\r\nY:\r\n folded\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
	 ">B POST / 1\n>E b3\n>BE GET / 1 b0\n"},
	{"chunks with bare line feeds",
	 {">POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\n0\nX: y\n\nGET / HTTP/1.1\n\n"},
	 ">B POST / 1\n>E b3\n>BE GET / 1 b0\n"},
	{"upper-case and lower-case hex",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: "
	  "chunked\r\n\r\nA\r\n0123456789\r\nb\r\n0123456789a\r\n"
	  "0\r\n\r\n"},
	 ">B POST / 1\n>E b21\n"},
	{"a chunk size that is none",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
	 ">B POST / 1\nlost\n"},
	{"a negative chunk size",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"},
	 ">B POST / 1\nlost\n"},
	{"0x is no hex here",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n"},
	 ">B POST / 1\nlost\n"},
	{"a chunk size that overflows",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"},
	 ">B POST / 1\nlost\n"},
	{"chunk data longer than its size",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"},
	 ">B POST / 1\nlost\n"},
	{"a control character in a chunk extension",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;\x01\r\nab\r\n0\r\n\r\n"},
	 ">B POST / 1\nlost\n"},
	{"a bare CR in a chunk line",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\rX\nab\r\n0\r\n\r\n"},
	 ">B POST / 1\nlost\n"},
	{"a trailer that is no field",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n"},
	 ">B POST / 1\nlost\n"},
	{"bytes behind the end of a stream are looked at anew",
	 {">GET / HTTP/1.1\r\nHost: a long and incomplete head", ")",
	  ">GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
	 ">BE GET / 1 hh b0\n"},
	/* --- how the length is told --- */
	{"Transfer-Encoding beats Content-Length",
	 {">POST / HTTP/1.1\r\nContent-Length: 99\r\nTransfer-Encoding: "
	  "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
	  "GET / HTTP/1.1\r\n\r\n"},
	 ">B POST / 1\n>E b1\n>BE GET / 1 b0\n"},
	{"several codings, the last is chunked",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: x , "
	  "chunked\r\n\r\n0\r\n\r\n"},
	 ">B POST / 1\n>E b0\n"},
	{"a response whose last coding is not chunked ends with the stream",
	 {">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\nContent-Length: 1\r\n\r\nabc",
	  "("},
	 ">BE GET / 1 b0\n<B 200 1\n<E b3\n"},
	{"a request whose last coding is not chunked",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc"},
	 "lost\n"},
	{"identity is no coding",
	 {">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na",
	  ">GET / HTTP/1.1\r\n\r\n", OK0},
	 ">BE GET / 1 b0\n<B 200 1 n1\n<E b1\n>BE GET / 1 b0\n" OK0_SAYS},
	{"the same length twice",
	 {">PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length:2\r\n\r\nab"},
	 ">B PUT / 1 n2\n>E b2\n"},
	{"the same length as a list",
	 {">PUT / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nab"},
	 ">B PUT / 1 n2\n>E b2\n"},
	{"two lengths",
	 {">PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab"},
	 "lost\n"},
	{"two lengths as a list", {">PUT / HTTP/1.1\r\nContent-Length: 2, 3\r\n\r\nab"}, "lost\n"},
	{"a negative length", {">PUT / HTTP/1.1\r\nContent-Length: -2\r\n\r\nab"}, "lost\n"},
	{"a length with a sign", {">PUT / HTTP/1.1\r\nContent-Length: +2\r\n\r\nab"}, "lost\n"},
	{"an empty length", {">PUT / HTTP/1.1\r\nContent-Length:\r\n\r\n"}, "lost\n"},
	{"a length in hex", {">PUT / HTTP/1.1\r\nContent-Length: 0x2\r\n\r\nab"}, "lost\n"},
	{"a length with a letter", {">PUT / HTTP/1.1\r\nContent-Length: 1x\r\n\r\na"}, "lost\n"},
	{"a folded length of two numbers",
	 {">PUT / HTTP/1.1\r\nContent-Length: 1\r\n 2\r\n\r\nab"},
	 "lost\n"},
	{"a length of twenty digits",
	 {">PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nab"},
	 "lost\n"},
	{"a length beyond 63 bits",
	 {">PUT / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\nab"},
	 "lost\n"},
	{"a length of 2^62, never to be reached",
	 {">PUT / HTTP/1.1\r\nContent-Length: 0004611686018427387904\r\n\r\nab", ")!"},
	 ">B PUT / 1 n4611686018427387904\n>EA b2\n"},
	{"a request without length has no body",
	 {">POST / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
	 ">BE POST / 1 b0\n>BE GET / 1 b0\n"},
	{"Content-Length: 0 ends at once",
	 {">POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"},
	 ">BE POST / 1 n0 b0\n"},
	{"a stream that ends inside a body",
	 {">PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", ")"},
	 ">B PUT / 1 n5\n>EA b2\n"},
	{"a stream that ends between chunks",
	 {">PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", ")"},
	 ">B PUT / 1\n>EA b2\n"},
	/* --- lines --- */
	{"bare line feeds",
	 {">GET / HTTP/1.1\nHost: x\nUser-Agent: y\n\n", OK0},
	 ">BE GET / 1 hx ay b0\n" OK0_SAYS},
	{"mixed line ends",
	 {">GET / HTTP/1.1\r\nHost: x\n\r\nGET / HTTP/1.1\nHost: y\r\n\n"},
	 ">BE GET / 1 hx b0\n>BE GET / 1 hy b0\n"},
	{"empty lines before a request",
	 {">\r\n\n\r\nGET / HTTP/1.1\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"},
	 ">BE GET / 1 b0\n>BE GET / 1 b0\n"},
	{"empty lines between responses",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 N\r\n\r\n\r\nHTTP/1.1 204 N\r\n\r\n"},
	 ">BE GET / 1 b0\n<BE 204 1 b0\nlost\n"},
	{"a folded field nobody asks for",
	 {">GET / HTTP/1.1\r\nX: a\r\n b\r\n\tc\r\nHost: x\r\n\r\n"},
	 ">BE GET / 1 hx b0\n"},
	{"a folded field is put together again",
	 {">GET / HTTP/1.1\r\nUser-Agent: a \r\n  b\r\n\tc \r\nHost:\r\n x\r\nContent-Length: \r\n "
	  "1\r\n\r\nz"},
	 ">B GET / 1 hx aa b c n1\n>E b1\n"},
	{"a folded field of blanks only",
	 {">GET / HTTP/1.1\r\nUser-Agent: a\r\n \r\n b\r\nHost: x\r\n\r\n"},
	 ">BE GET / 1 hx aa b b0\n"},
	{"a field folded up to the limit",
	 {">GET / HTTP/1.1\r\nUser-Agent: " R50 R50 R50 "\r\n " R50 R50 R50 "\r\n " R50 R50 R50
	  "\r\n\r\n"},
	 ">BE GET / 1 a" R50 R50 R50 " " R50 R50 R50 " " R50 R50 R50 " b0\n"},
	{"a folded field too long to put together is unknown",
	 {">GET / HTTP/1.1\r\nUser-Agent: " R250 "\r\n " R250 "\r\n " R50 "\r\nHost: x\r\n\r\n"},
	 ">BE GET / 1 hx b0\n"},
	{"a folded coding",
	 {">POST / HTTP/1.1\r\nTransfer-Encoding: gzip,\r\n chunked\r\n\r\n0\r\n\r\n"},
	 ">B POST / 1\n>E b0\n"},
	{"a fold behind the request line", {">GET / HTTP/1.1\r\n x\r\n\r\n"}, "lost\n"},
	{"a fold behind the status line",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 N\r\n x: y\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	{"a blank before the colon of a request",
	 {">GET / HTTP/1.1\r\nHost : x\r\n\r\n"},
	 "lost\n"},
	{"a blank before the colon of a response",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length \t: 2\r\n\r\nab"},
	 ">BE GET / 1 b0\n<B 200 1 n2\n<E b2\n"},
	{"blanks within a name", {">GET / HTTP/1.1\r\nHo st: x\r\n\r\n"}, "lost\n"},
	{"a field without a colon", {">GET / HTTP/1.1\r\nHost\r\n\r\n"}, "lost\n"},
	{"a field without a name", {">GET / HTTP/1.1\r\n: x\r\n\r\n"}, "lost\n"},
	{"a control character in a value", {">GET / HTTP/1.1\r\nX: a\x01b\r\n\r\n"}, "lost\n"},
	{"a control character far into a value",
	 {">GET / HTTP/1.1\r\nX: 0123456789abcdef\x1f"
	  "23456789\r\n\r\n"},
	 "lost\n"},
	{"DEL in a value",
	 {">GET / HTTP/1.1\r\nX: 01234\x7f"
	  "56789abcdef\r\n\r\n"},
	 "lost\n"},
	{"tabs and obs-text in a value",
	 {">GET / HTTP/1.1\r\nUser-Agent: a\t\xff\x80\xe9 01234567\t\x9f\r\n\r\n"},
	 ">BE GET / 1 aa\t\xff\x80\xe9 01234567\t\x9f b0\n"},
	{"a bare CR in a value", {">GET / HTTP/1.1\r\nX: a\rb\r\n\r\n"}, "lost\n"},
	{"a control character in the target", {">GET /\x01 HTTP/1.1\r\n\r\n"}, "lost\n"},
	{"a control character in the reason",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 O\x02K\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	/* --- start lines --- */
	{"a status line without a reason",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 204\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 204 \r\n\r\n"},
	 ">BE GET / 1 b0\n<BE 204 1 b0\n>BE GET / 1 b0\n<BE 204 1 b0\n"},
	{"statuses nobody knows",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n"},
	 ">BE GET / 1 b0\n<BE 999 1 n0 b0\n"},
	{"a status of two digits",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 20 X\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	{"a status of four digits",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 2000 X\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	{"a status below 100",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 099 X\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	{"HTTP/2.0 in a request line", {">GET / HTTP/2.0\r\n\r\n"}, "lost\n"},
	{"HTTP/0.9", {">GET /\r\n\r\n"}, "lost\n"},
	{"a blank before the method", {"> GET / HTTP/1.1\r\n\r\n"}, "lost\n"},
	{"nothing but a method and a line end", {">GET\r\n\r\n"}, "lost\n"},
	{"a word behind the version", {">GET / HTTP/1.1 x\r\n\r\n"}, "lost\n"},
	{"two blanks in a request line", {">GET  / HTTP/1.1\r\n\r\n"}, "lost\n"},
	{"a blank in the target", {">GET /a b HTTP/1.1\r\n\r\n"}, "lost\n"},
	{"a version of two digits", {">GET / HTTP/1.10\r\n\r\n"}, "lost\n"},
	{"a method longer than any",
	 {">AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n\r\n"},
	 "lost\n"},
	{"a response where requests come",
	 {">GET / HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	{"a request where responses come",
	 {">GET / HTTP/1.1\r\n\r\n", "<GET / HTTP/1.1\r\n\r\n"},
	 ">BE GET / 1 b0\nlost\n"},
	{"bytes of another protocol behind a request",
	 {">GET / HTTP/1.1\r\n\r\n\x16\x03\x01"},
	 ">BE GET / 1 b0\nlost\n"},
	/* --- host --- */
	{"absolute-form: the target names the host",
	 {">GET http://u:p@a.b:8080/x?y#z HTTP/1.1\r\nHost: other\r\n\r\n"},
	 ">BE GET http://u:p@a.b:8080/x?y#z 1 ha.b:8080 b0\n"},
	{"absolute-form without a path",
	 {">GET HTTPS://a?b HTTP/1.1\r\nHost: c\r\n\r\n"},
	 ">BE GET HTTPS://a?b 1 ha b0\n"},
	{"absolute-form of another scheme",
	 {">GET ftp://f/x HTTP/1.1\r\nHost: c\r\n\r\n"},
	 ">BE GET ftp://f/x 1 hf b0\n"},
	{"absolute-form with two @",
	 {">GET http://a@b@c/ HTTP/1.1\r\n\r\n"},
	 ">BE GET http://a@b@c/ 1 hc b0\n"},
	{"absolute-form with an address of IPv6",
	 {">GET http://[::1]:80/ HTTP/1.1\r\n\r\n"},
	 ">BE GET http://[::1]:80/ 1 h[::1]:80 b0\n"},
	{"an @ in the path is no credentials",
	 {">GET http://a/@b HTTP/1.1\r\n\r\n"},
	 ">BE GET http://a/@b 1 ha b0\n"},
	{"origin-form with a URL inside",
	 {">GET /r?u=http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
	 ">BE GET /r?u=http://b/ 1 ha b0\n"},
	{"an address of IPv6",
	 {">GET / HTTP/1.1\r\nHost: [fe80::1]:8080\r\n\r\n"},
	 ">BE GET / 1 h[fe80::1]:8080 b0\n"},
	{"the same host twice",
	 {">GET / HTTP/1.1\r\nHost: a\r\nHost: A\r\n\r\n"},
	 ">BE GET / 1 ha b0\n"},
	{"two hosts are none",
	 {">GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
	 ">BE GET / 1 b0\n"},
	{"an empty host, then another",
	 {">GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n"},
	 ">BE GET / 1 b0\n"},
	/* --- trace context --- */
	{"traceparent twice",
	 {">GET / HTTP/1.1\r\ntraceparent: " TP "\r\ntraceparent: " TP2 "\r\n\r\n"},
	 ">BE GET / 1 pp b0\n"},
	{"traceparent three times",
	 {">GET / HTTP/1.1\r\ntraceparent: " TP "\r\ntraceparent: " TP "\r\ntraceparent: " TP
	  "\r\n\r\n"},
	 ">BE GET / 1 pp b0\n"},
	{"traceparent empty, then set",
	 {">GET / HTTP/1.1\r\ntraceparent:\r\ntraceparent: " TP "\r\n\r\n"},
	 ">BE GET / 1 pp b0\n"},
	{"traceparent folded",
	 {">GET / HTTP/1.1\r\ntraceparent:\r\n " TP "\r\n\r\n"},
	 ">BE GET / 1 p" TP " b0\n"},
	{"tracestate joined in order",
	 {">GET / HTTP/1.1\r\ntracestate: a=1\r\nX: y\r\nTracestate: b=2,c=3\r\ntracestate:\r\n"
	  "TRACESTATE: d=4\r\n\r\n"},
	 ">BE GET / 1 sa=1,b=2,c=3,d=4 b0\n"},
	{"tracestate joined and folded",
	 {">GET / HTTP/1.1\r\ntracestate: a=1,\r\n b=2\r\nUser-Agent: x\r\n y\r\ntracestate: "
	  "c=3,\r\n d=4\r\n"
	  "\r\n"},
	 ">BE GET / 1 ax y sa=1, b=2,c=3, d=4 b0\n"},
	{"tracestate too long to join: the first ones",
	 {">GET / HTTP/1.1\r\ntracestate: a=" R250 "\r\ntracestate: b=" R250
	  "\r\ntracestate: c=" R250 "\r\ntracestate: d=1\r\n\r\n"},
	 ">BE GET / 1 sa=" R250 ",b=" R250 " b0\n"},
	{"tracestate joined up to the limit",
	 {">GET / HTTP/1.1\r\ntracestate: a=" R50 R50 R50 "\r\ntracestate: b=" R50 R50 R50
	  "\r\ntracestate: c=" R50 R50 R50 "\r\n\r\n"},
	 ">BE GET / 1 sa=" R50 R50 R50 ",b=" R50 R50 R50 ",c=" R50 R50 R50 " b0\n"},
	{"one tracestate may have any length",
	 {">GET / HTTP/1.1\r\ntracestate: a=" R250 R250 R250 "\r\n\r\n"},
	 ">BE GET / 1 sa=" R250 R250 R250 " b0\n"},
	/* --- orphans --- */
	{"a response before any request",
	 {"<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", ">GET / HTTP/1.1\r\n\r\n", OK0},
	 "<BO 200 1 n2\n<E b2\n>BE GET / 1 b0\n" OK0_SAYS},
	{"one response too many",
	 {">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 204 N\r\n\r\nHTTP/1.1 408 T\r\nContent-Length: 0\r\n\r\n"},
	 ">BE GET / 1 b0\n<BE 204 1 b0\n<BEO 408 1 n0 b0\n"},
	{"an orphan that must have answered HEAD: the client goes on",
	 {"<HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", ">GET / HTTP/1.1\r\n\r\n", OK0},
	 "<BO 200 1 n2000\n<EU b0\n>BE GET / 1 b0\n" OK0_SAYS},
	{"an orphan that must have answered HEAD: another response follows",
	 {"<HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n"},
	 "<BO 200 1 n2000\nlost\n"},
	{"an orphan whose body begins almost like a response",
	 {"<HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/1.",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 8\r\n"
	  "\r\nHTTP/2.0"},
	 "<BO 200 1 n7\n<E b7\n<BO 200 1 n8\n<E b8\n"},
	{"an orphan with chunks",
	 {"<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
	 "<BO 200 1\n<E b1\n"},
	{"an orphan that upgrades",
	 {"<HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n???", ">!!!"},
	 "<BEOG 101 1 ux b0\n"},
	{"an orphan whose body was not captured",
	 {"<HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", "{20"},
	 "<BO 200 1 n20\nlost\n"},
	{"a response while the request's head is on its way",
	 {">GET / HTT", "<HTTP/1.1 408 T\r\nContent-Length: 0\r\n\r\n"},
	 "<BEO 408 1 n0 b0\n"},
	{"a response before the end of its request",
	 {">PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
	  "<HTTP/1.1 413 L\r\nContent-Length: 0\r\n\r\n", ">defghi", ">GET / HTTP/1.1\r\n\r\n",
	  OK0},
	 ">B PUT / 1 n9\n<BE 413 1 n0 b0\n>E b9\n>BE GET / 1 b0\n" OK0_SAYS},
	{"a body's last word before a request is no part of its method",
	 {"<HTTP/1.1 413 L\r\nContent-Length: 0\r\n\r\n", ">endGET / HTTP/1.1\r\n\r\n"},
	 "<BEO 413 1 n0 b0\nlost\n"},
	{"a method that ends like another, where it must be one",
	 {">GET / HTTP/1.1\r\n\r\nTARGET / HTTP/1.1\r\n\r\n"},
	 ">BE GET / 1 b0\n>BE TARGET / 1 b0\n"},
	/* --- gaps --- */
	{"a body of known length that was not captured",
	 {">PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nab", "}90",
	  ">12345678GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n", "{5000000000", OK0},
	 ">B PUT / 1 n100\n>E b100\n>BE GET / 1 b0\n<B 200 1 n5000000000\n<E "
	 "b5000000000\n" OK0_SAYS},
	{"a gap beyond the end of a body",
	 {">PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "}6"},
	 ">B PUT / 1 n5\n>E b5\nlost\n"},
	{"a gap inside a chunk",
	 {">PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n", "}99", ">x\r\n0\r\n\r\n"},
	 ">B PUT / 1\n>E b100\n"},
	{"a gap over a chunk border: sizes are unknown, the next message is not",
	 {">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc", "{200",
	  "<x\r\n0\r\n\r\n", ">GET /2 HTTP/1.1\r\n\r\n", OK0},
	 ">BE GET / 1 b0\n<B 200 1\n<EU b100\n>BE GET /2 1 b0\n" OK0_SAYS},
	{"a gap over a chunk border of a request",
	 {">PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n", "}6", ">0\r\n\r\n", OK0,
	  ">GET / HTTP/1.1\r\n\r\n", OK0},
	 ">B PUT / 1\n>EU b2\n" OK0_SAYS ">BE GET / 1 b0\n" OK0_SAYS},
	{"a gap over a chunk border, then the end",
	 {">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc", "{200", "("},
	 ">BE GET / 1 b0\n<B 200 1\n<EU b100\n"},
	{"a gap over a chunk border, then a break",
	 {">GET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc", "{200", "(!"},
	 ">BE GET / 1 b0\n<B 200 1\n<EUA b100\n"},
	{"a gap over a chunk border with a request waiting behind it",
	 {">GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc", "{200",
	  ">GET /3 HTTP/1.1\r\n\r\n"},
	 ">BE GET / 1 b0\n>BE GET / 1 b0\n<B 200 1\n>BE GET /3 1 b0\nlost\n"},
	{"a gap in a body that ends with the stream",
	 {">GET / HTTP/1.0\r\n\r\n", "<HTTP/1.0 200 OK\r\n\r\nabc", "{10", "<de", "("},
	 ">BE GET / 0 b0\n<B 200 0\n<E b15\n"},
	{"a gap between messages", {">GET / HTTP/1.1\r\n\r\n", "}1"}, ">BE GET / 1 b0\nlost\n"},
	{"a target that was cut",
	 {">GET /abc", "}400", OK0, ">GET /2 HTTP/1.1\r\n\r\n", OK0},
	 ">BETU GET /abc~ 1? b0\n" OK0_SAYS ">BE GET /2 1 b0\n" OK0_SAYS},
	{"a target that is whole, the version was cut",
	 {">GET http://h/abc HT", "}400"},
	 ">BETU GET http://h/abc 1? hh b0\n"},
	{"a request line that is whole", {">GET /abc HTTP/1.1\r", "}400"}, ">BETU GET /abc 1 b0\n"},
	{"fields that were cut: complete ones count",
	 {">POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nUser-Agent: half", "}40", OK0},
	 ">BETU POST / 1 hh b0\n" OK0_SAYS},
	{"a field before the cut may have been folded",
	 {">GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\r\n", "}40"},
	 ">BETU GET / 1 hh b0\n"},
	{"a folded field that was cut",
	 {">GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\r\n b", "}40"},
	 ">BETU GET / 1 hh b0\n"},
	{"a HEAD that was cut still has no body",
	 {">HEAD /abc", "}40", "<HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
	  ">GET / HTTP/1.1\r\n\r\n"},
	 ">BETU HEAD /abc~ 1? b0\n<BE 200 1 n5 b0\n>BE GET / 1 b0\n"},
	{"a method that was cut", {">GE", "}40"}, "lost\n"},
	{"nothing but a method", {">GET ", "}40"}, "lost\n"},
	{"a response head that was cut",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 404 Not", "{500", "<more",
	  ">GET /2 HTTP/1.1\r\n\r\n", OK0},
	 ">BE GET / 1 b0\n<BT 404 1\n<EU b0\n>BE GET /2 1 b0\n" OK0_SAYS},
	{"a response head that was cut, then the end",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 404 Not", "{500", "("},
	 ">BE GET / 1 b0\n<BT 404 1\n<EU b0\n"},
	{"a response head that was cut, pipelined",
	 {">GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 404 Not", "{500",
	  ">GET / HTTP/1.1\r\n\r\n"},
	 ">BE GET / 1 b0\n>BE GET / 1 b0\n<BT 404 1\n>BE GET / 1 b0\nlost\n"},
	{"a status that was cut",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 40", "{500"},
	 ">BE GET / 1 b0\nlost\n"},
	{"an interim response that was cut",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 103 Early\r\nLink: ", "{500"},
	 ">BE GET / 1 b0\nlost\n"},
	{"an upgrade that was cut",
	 {">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 101 S\r\nUpgrade: websocket\r\nX: ", "{500",
	  "<\x81", ">\x82"},
	 ">BE GET / 1 b0\n<BETUG 101 1 uwebsocket b0\n"},
	{"a body behind a request that was cut is not taken for one",
	 {">POST / HTTP/1.1\r\nX: ", "}40", ">GET /evil HTTP/1.1\r\n\r\n", OK0,
	  ">GET /2 HTTP/1.1\r\n\r\n"},
	 ">BETU POST / 1 b0\n" OK0_SAYS ">BE GET /2 1 b0\n"},
	{"nor is it one that follows a 100 Continue",
	 {">POST / HTTP/1.1\r\nX: ", "}40", "<HTTP/1.1 100 C\r\n\r\n",
	  ">GET /evil HTTP/1.1\r\n\r\n", OK0, ">GET /2 HTTP/1.1\r\n\r\n", OK0},
	 ">BETU POST / 1 b0\n<BEI 100 1 b0\n" OK0_SAYS ">BE GET /2 1 b0\n" OK0_SAYS},
	{"nor one whose head went by before we came",
	 {"<HTTP/1.1 100 C\r\n\r\n", ">GET /evil HTTP/1.1\r\n\r\n",
	  "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ">GET /2 HTTP/1.1\r\n\r\n", OK0, "}0"},
	 "<BEI 100 1 b0\n<BEO 200 1 n0 b0\n>BE GET /2 1 b0\n" OK0_SAYS},
	/* --- after a loss --- */
	{"found again at the next run",
	 {">GET /1 HTTP/1.1\r\n\r\n\x01\x02", "<HTTP/1.1 200 OK\r\n\r\n",
	  ">GET /2 HTTP/1.1\r\n\r\n", OK0},
	 ">BE GET /1 1 b0\n<BO 200 1\n<EU b0\n>BE GET /2 1 b0\n" OK0_SAYS "lost\n"},
};

static size_t put_bytes(char *to, size_t room, char what, struct bytes b)
{
	int n = b.len ? snprintf(to, room, " %c%.*s", what, (int)b.len, (const char *)b.data) : 0;

	return n > 0 ? (size_t)n : 0;
}

static size_t put_head(char *to, size_t room, const struct message *m)
{
	const struct msg_http *h = &m->http;
	size_t n = 0;

	if (m->kind == MSG_REQUEST)
		n += (size_t)snprintf(to, room, " %.*s %.*s%s", (int)h->method.len,
				      (const char *)h->method.data, (int)h->target.len,
				      (const char *)h->target.data, h->target_cut ? "~" : "");
	else
		n += (size_t)snprintf(to, room, " %d", h->status);
	n += (size_t)snprintf(to + n, room - n, h->version_major == 1 ? " %d" : " 1?",
			      h->version_minor);
	n += put_bytes(to + n, room - n, 'h', h->host);
	n += put_bytes(to + n, room - n, 'a', h->user_agent);
	n += put_bytes(to + n, room - n, 'p', h->traceparent);
	if (h->traceparent_repeated)
		n += (size_t)snprintf(to + n, room - n, " pp");
	n += put_bytes(to + n, room - n, 's', h->tracestate);
	n += put_bytes(to + n, room - n, 't', h->content_type);
	n += put_bytes(to + n, room - n, 'u', h->upgrade);
	if (h->content_length >= 0)
		n += (size_t)snprintf(to + n, room - n, " n%" PRId64, h->content_length);
	return n;
}

static void describe(const struct props *p, char *to, size_t room)
{
	static const struct {
		uint32_t flag;
		char letter;
	} letters[] = {{MSG_F_BEGIN, 'B'},	  {MSG_F_END, 'E'},    {MSG_F_TRUNCATED, 'T'},
		       {MSG_F_SIZE_UNKNOWN, 'U'}, {MSG_F_ORPHAN, 'O'}, {MSG_F_UPGRADE, 'G'},
		       {MSG_F_ABORTED, 'A'},	  {MSG_F_INTERIM, 'I'}};
	size_t n = 0;

	to[0] = 0;
	for (size_t i = 0; i < p->msg_cnt && n + 4096 < room; i++) {
		const struct message *m = &p->msgs[i].m;

		to[n++] = p->msgs[i].dir == OE_DIR_IN ? '>' : '<';
		for (size_t k = 0; k < sizeof(letters) / sizeof(letters[0]); k++)
			if (m->flags & letters[k].flag)
				to[n++] = letters[k].letter;
		if (m->flags & MSG_F_BEGIN)
			n += put_head(to + n, room - n, m);
		if (m->flags & MSG_F_END)
			n += (size_t)snprintf(to + n, room - n, " b%" PRIu64, m->body_size);
		n += (size_t)snprintf(to + n, room - n, "\n");
	}
	if (p->lost)
		snprintf(to + n, room - n, "lost\n");
}

static size_t read_steps(const char *const *texts, struct props_step *ret)
{
	size_t n = 0;

	for (; n < STEPS && texts[n]; n++) {
		const char *t = texts[n];
		enum oe_dir dir = strchr(">})", t[0]) ? OE_DIR_IN : OE_DIR_OUT;

		if (t[0] == '>' || t[0] == '<')
			ret[n] = (struct props_step){PROPS_DATA, dir, (const uint8_t *)t + 1,
						     strlen(t + 1)};
		else if (t[0] == '}' || t[0] == '{')
			ret[n] = (struct props_step){PROPS_GAP, dir, NULL,
						     strtoull(t + 1, NULL, 10)};
		else
			ret[n] = (struct props_step){t[1] == '!' ? PROPS_ABORT : PROPS_EOF, dir,
						     NULL, 0};
	}
	return n;
}

/* Where nothing was lost every byte belongs to a message. */
static bool sizes_add_up(const struct props *p, const struct props_step *s, size_t cnt,
			 const char *want)
{
	uint64_t fed[2] = {0, 0};

	if (strpbrk(want, "UAGT~") || strstr(want, "lost"))
		return true;
	for (size_t i = 0; i < cnt; i++) {
		uint64_t blank = 0;

		if (s[i].what != PROPS_DATA && s[i].what != PROPS_GAP)
			return true;
		/* a message not yet over, or empty lines before one */
		for (; s[i].what == PROPS_DATA && blank < s[i].len; blank++)
			if (s[i].data[blank] != '\r' && s[i].data[blank] != '\n')
				break;
		if (blank || p->dir[0].open || p->dir[1].open || p->dir[0].len || p->dir[1].len)
			return true;
		fed[s[i].dir] += s[i].len;
	}
	return fed[0] == p->ended[0] && fed[1] == p->ended[1];
}

static void test_rows(void)
{
	static char got[1 << 16];
	struct props p, truth;

	props_init(&p, &http1_ops, true);
	props_init(&truth, &http1_ops, true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct props_step s[STEPS];
		size_t cnt = read_steps(rows[i].steps, s);
		bool whole = !strstr(rows[i].want, "lost");

		props_reset(&p, true);
		props_run(&p, s, cnt, 0);
		describe(&p, got, sizeof(got));
		is_str(got, rows[i].want, rows[i].name);
		ok(!p.broken[0], "%s: contract %s", rows[i].name, p.broken);
		ok(sizes_add_up(&p, s, cnt, rows[i].want), "%s: sizes add up", rows[i].name);
		ok(props_split(&p, s, cnt, 1, true), "%s: split anywhere %s", rows[i].name,
		   p.broken);
		for (size_t k = 0; k < cnt; k++)
			whole &= s[k].what != PROPS_GAP;
		props_reset(&p, true);
		props_run(&p, s, cnt, 0);
		whole &= !p.unfinished && !p.dir[0].len &&
			 !p.dir[1].len; /* a head without end is no message yet */
		if (whole)
			ok(props_gap(&p, &truth, s, cnt), "%s: bytes missing anywhere %s",
			   rows[i].name, p.broken);
	}
	props_done(&p);
	props_done(&truth);
}

static const char *const prefix_rows[][3] = {
	{"a request", ">GET /abc?d=e HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n"},
	{"a request with bare line feeds", ">GET /abc HTTP/1.1\nHost: x\nA: b\n\n"},
	{"a request with a long method",
	 ">UPDATEREDIRECTREF-AND-EVEN-MORE-THAN-THAT / HTTP/1.0\r\n\r\n"},
	{"absolute-form", ">GET http://a@b:1/c HTTP/1.1\r\n\r\n"},
	{"a response", ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 No Content\r\nServer: y\r\n\r\n"},
	{"a response first", "<HTTP/1.0 304\r\nServer: y\r\n\r\n"},
	{"an interim response", ">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 100 C\r\n\r\n"},
};

static void test_prefixes(void)
{
	struct props p;

	props_init(&p, &http1_ops, true);
	for (size_t i = 0; i < sizeof(prefix_rows) / sizeof(prefix_rows[0]); i++) {
		const char *texts[STEPS] = {prefix_rows[i][1], prefix_rows[i][2]};
		struct props_step s[STEPS];
		size_t cnt = read_steps(texts, s);
		bool detected = true;

		ok(props_prefix(&p, s, cnt), "every prefix of %s asks for more %s",
		   prefix_rows[i][0], p.broken);
		for (size_t n = 1; n <= s[cnt - 1].len; n++)
			detected &= http1_ops.detect(props_place(&p, s[cnt - 1].data, n),
						     s[cnt - 1].dir) != DETECT_NO;
		ok(detected, "no prefix of %s is refused", prefix_rows[i][0]);
	}
	props_done(&p);
}

/* NUL cannot stand in a row. */
static void test_nul(void)
{
	static const struct {
		const char *name, *text;
		size_t len;
	} nuls[] = {
		{"in a value", "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26},
		{"in a long value", "GET / HTTP/1.1\r\nX: 0123456789\0abcdef\r\n\r\n", 40},
		{"in a name", "GET / HTTP/1.1\r\nX\0: ab\r\n\r\n", 26},
		{"in the target", "GET /\0 HTTP/1.1\r\n\r\n", 19},
		{"in the method", "G\0T / HTTP/1.1\r\n\r\n", 18},
		{"behind the version", "GET / HTTP/1.1\0\r\n\r\n", 19},
		{"in a status line", "HTTP/1.1 200 \0\r\n\r\n", 18},
		{"behind a chunk size",
		 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\0\r\na\r\n0\r\n\r\n", 60},
	};
	struct props p;

	props_init(&p, &http1_ops, true);
	for (size_t i = 0; i < sizeof(nuls) / sizeof(nuls[0]); i++) {
		props_reset(&p, true);
		props_data(&p, OE_DIR_IN, (const uint8_t *)nuls[i].text, nuls[i].len);
		ok(p.lost == 1 && !p.broken[0], "NUL %s is invalid", nuls[i].name);
	}
	props_done(&p);
}

static void test_methods(void)
{
	static const char *const methods[] = {
		"GET",	 "POST",  "PUT",      "DELETE",	  "OPTIONS",	     "PATCH",
		"TRACE", "QUERY", "PRI",      "PROPFIND", "MKCOL",	     "LOCK",
		"X",	 "get",	  "M-SEARCH", "PURGE",	  "BASELINE-CONTROL"};
	struct props p;

	props_init(&p, &http1_ops, true);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n\r\n", methods[i]);

		props_reset(&p, true);
		props_data(&p, OE_DIR_IN, (const uint8_t *)text, (size_t)n);
		ok(p.msg_cnt == 1 && p.msgs[0].m.flags == (MSG_F_BEGIN | MSG_F_END) &&
			   bytes_eq(p.msgs[0].m.http.method, bytes_str(methods[i])) &&
			   p.msgs[0].m.head_size == (uint64_t)n &&
			   p.msgs[0].m.wire_size == (uint64_t)n,
		   "method %s", methods[i]);
	}
	props_done(&p);
}

static void test_pipeline(void)
{
	static const char req[] = "GET /%04d HTTP/1.1\r\n\r\n",
			  head[] = "HEAD /%d HTTP/1.1\r\n\r\n";
	static const char resp[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
	struct props p;
	char text[64];
	bool right = true;

	props_init(&p, &http1_ops, true);
	/* three times around the queue, every third a HEAD, never more than 1024 waiting */
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1024; i++) {
			int n = snprintf(text, sizeof(text), i % 3 ? req : head, i);

			props_data(&p, OE_DIR_IN, (const uint8_t *)text, (size_t)n);
		}
		for (int i = 0; i < 1024; i++) {
			props_data(&p, OE_DIR_OUT, (const uint8_t *)resp, sizeof(resp) - 1);
			if (i % 3)
				props_data(&p, OE_DIR_OUT, (const uint8_t *)"HTT", 3);
		}
	}
	for (size_t i = 0; i < p.msg_cnt; i++)
		right &= !(p.msgs[i].m.flags & (MSG_F_ORPHAN | MSG_F_SIZE_UNKNOWN));
	/* a request is one message, a response to HEAD is one, to GET two */
	is_int(p.msg_cnt, 3 * (1024 + 342 + 2 * 682), "1024 requests at a time: all messages");
	ok(right && !p.lost && !p.broken[0], "1024 requests at a time: all right %s", p.broken);
	props_reset(&p, true);
	for (int i = 0; i < 1025; i++) {
		int n = snprintf(text, sizeof(text), req, i);

		props_data(&p, OE_DIR_IN, (const uint8_t *)text, (size_t)n);
	}
	is_int(p.msg_cnt, 1024, "1025 requests without an answer: 1024 are told");
	is_int(p.lost, 1, "1025 requests without an answer: then the footing is lost");
	props_done(&p);
}

static uint8_t *long_head(size_t total, const char *start)
{
	uint8_t *b = malloc(total);
	size_t n = strlen(start);

	if (!b)
		abort();
	memset(b, 'a', total);
	memcpy(b, start, n);
	return b;
}

/* Heads beyond what may be kept are cut as if the rest had not been captured. */
static void test_oversize(void)
{
	static const char *const starts[] = {"GET /", "GET / HTTP/1.1\r\nHost: h\r\nCookie: "};
	static const size_t pieces[] = {65536, 70000, 1000, 65535};
	struct props p;

	props_init(&p, &http1_ops, true);
	for (size_t i = 0; i < 2; i++) {
		uint8_t *b = long_head(100000, starts[i]);

		for (size_t k = 0; k < 4; k++) {
			struct props_step s[] = {
				{PROPS_DATA, OE_DIR_IN, b, 100000},
				{PROPS_DATA, OE_DIR_OUT, (const uint8_t *)OK0 + 1, sizeof(OK0) - 2},
				{PROPS_DATA, OE_DIR_IN, (const uint8_t *)"GET /2 HTTP/1.1\r\n\r\n",
				 19},
			};
			const struct msg_http *h;

			props_reset(&p, true);
			props_run(&p, s, 3, pieces[k]);
			is_int(p.msg_cnt, 3, "a head of 100,000 bytes: three messages");
			if (p.msg_cnt != 3 || p.lost)
				continue;
			h = &p.msgs[0].m.http;
			is_int(p.msgs[0].m.flags,
			       MSG_F_BEGIN | MSG_F_END | MSG_F_TRUNCATED | MSG_F_SIZE_UNKNOWN,
			       "a head of 100,000 bytes: its flags");
			ok(h->target_cut == (i == 0) && bytes_eq(h->method, BYTES_LIT("GET")) &&
				   bytes_eq(h->host, i ? BYTES_LIT("h") : BYTES_NONE),
			   "a head of 100,000 bytes: what is known");
			ok(p.msgs[0].m.head_size <= 65536 + pieces[k] && !p.broken[0],
			   "a head of 100,000 bytes: a lower bound %s", p.broken);
			ok(bytes_eq(p.msgs[2].m.http.target, BYTES_LIT("/2")),
			   "a head of 100,000 bytes: the next one is whole");
		}
		free(b);
	}
	/* lines of a chunked body have limits of their own, in one piece or in many */
	for (size_t i = 0; i < 4; i++) {
		static const char post[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
		static const size_t sizes[] = {4096, 4097, 32768, 32769};
		const char *start = i < 2 ? "5;" : "X:";
		size_t total = sizes[i] + (i < 2 ? 1 : 0);
		uint8_t *b = long_head(total, start);

		b[total - 1] = i < 2 ? '\n' : 'a';
		for (size_t piece = 0; piece < 2000; piece += 999) {
			struct props_step s[] = {
				{PROPS_DATA, OE_DIR_IN, (const uint8_t *)post, sizeof(post) - 1},
				{PROPS_DATA, OE_DIR_IN, (const uint8_t *)"0\r\n", i < 2 ? 0 : 3},
				{PROPS_DATA, OE_DIR_IN, b, total},
				{PROPS_DATA, OE_DIR_IN, (const uint8_t *)"\n", i < 2 ? 0 : 1},
			};

			props_reset(&p, true);
			props_run(&p, s, 4, piece);
			ok(p.lost == i % 2 && !p.broken[0], "a line of %zu bytes, piece %zu %s",
			   sizes[i], piece, p.broken);
		}
		free(b);
	}
	props_done(&p);
}

/*
 * A head or a line shown byte by byte is searched for its end once: what was shown before is
 * overwritten with line ends, and a parser that searches it again finds them.
 */
static void test_linear(void)
{
	static const char *const starts[] = {
		"GET / HTTP/1.1\r\nCookie: ",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=",
	};
	static const size_t totals[] = {30000, 30000, 4000};

	for (size_t i = 0; i < 3; i++) {
		uint8_t *b = long_head(totals[i], starts[i]);
		void *st = calloc(1, http1_ops.state_size);
		size_t at = 0, ended = 0;

		if (!st)
			abort();
		for (size_t n = 1; n <= totals[i] && !ended; n++) {
			struct message m;
			size_t used = 0;
			enum parse_status ps;

			if (n - at > 300)
				memset(b + at + 150, '\n', n - at - 160);
			ps = http1_ops.parse(st, OE_DIR_IN, bytes_of(b + at, n - at), &m, &used);
			if (ps != PARSE_NEED_MORE && n - at > 300)
				ended = n;
			else if (ps != PARSE_NEED_MORE)
				at += used;
		}
		is_int(ended, 0,
		       i == 0	? "a head byte by byte: no byte is searched twice"
		       : i == 1 ? "a trailer byte by byte: no byte is searched twice"
				: "a chunk line byte by byte: no byte is searched twice");
		free(st);
		free(b);
	}
}

int main(void)
{
	ok(http1_ops.state_size <= 1024, "the state is small (%zu bytes)", http1_ops.state_size);
	test_rows();
	test_prefixes();
	test_nul();
	test_methods();
	test_pipeline();
	test_oversize();
	test_linear();
	return tap_done();
}
