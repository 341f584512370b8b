/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, exchanges out: order, gaps, loss, confirmation, identities (conn.c, assemble.c,
 * parent.c). */
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "userspace/assemble.h"
#include "userspace/base/clock.h"

#define REQ(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define RESP	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

struct world {
	struct conn_table *conns;
	struct assemble a;
	struct stats stats;
	char text[4096]; /* one word per finished exchange */
	struct identity ids[64];
	size_t cnt;
	struct endpoints ep;   /* of the last exchange */
	uint32_t flags;	       /* XCHG_* of it */
	int64_t kafka_records; /* of the last exchange; -1: not known */
	enum db_system db_system;
	char db_name[16];
	uint64_t next[64][2], now;
};

static struct world w;

static bool sample_all(void *ctx, const uint8_t trace_id[16], const struct tracectx *parent)
{
	return true;
}

static void on_exchange(void *ctx, struct conn *c, const struct exchange *x,
			const struct identity *id)
{
	static const char *const ends[] = {"", "!none", "!cut", "!unknown"};
	size_t n = strlen(w.text);

	w.ep = x->ep;
	w.flags = x->flags;
	w.db_system = x->db.system;
	snprintf(w.db_name, sizeof(w.db_name), "%.*s", (int)x->db.name_space.len,
		 (const char *)x->db.name_space.data);
	w.kafka_records = x->kafka.records_unknown ? -1 : (int64_t)x->kafka.records;
	snprintf(w.text + n, sizeof(w.text) - n, "%s%s:%.*s:%d%s", n ? " " : "",
		 x->server ? "S" : "C", (int)x->req.target.len, (const char *)x->req.target.data,
		 x->resp.status, ends[x->end]);
	if (w.cnt < 64)
		w.ids[w.cnt++] = *id;
}

static void on_message(void *ctx, struct conn *c, enum oe_dir dir, const struct message *m,
		       uint64_t first, uint64_t last, uint32_t tid)
{
	assemble_message(&w.a, c, dir, m, first, last, tid);
}

static void on_lost(void *ctx, struct conn *c)
{
	assemble_lost(&w.a, c);
}

static void on_run(void *ctx, struct conn *c, enum oe_dir dir)
{
	assemble_run_start(&w.a, c, dir);
}

static void on_closed(void *ctx, struct conn *c, int err, uint64_t ts, bool evicted)
{
	assemble_closed(&w.a, c, err, ts, evicted);
}

static void on_settle(void *ctx, struct conn *c, uint64_t now)
{
	assemble_settle(&w.a, c, now);
}

static struct target *no_target(void *ctx, uint32_t tgid, struct target *old)
{
	return NULL;
}

static void no_put(void *ctx, struct target *t)
{
}

static const struct conn_ops ops = {on_message, on_lost, on_run, on_closed, no_target, no_put};

static void start(uint32_t max)
{
	struct assemble_config cfg = {
		.propagate = true, .sample = sample_all, .exchange = on_exchange};

	memset(&w, 0, sizeof(w));
	w.now = 1000000000000;
	for (int i = 0; i < 64; i++)
		w.next[i][0] = w.next[i][1] = 1ULL << 33;
	assemble_init(&w.a, &cfg, &w.stats);
	conn_table_new(max, &ops, NULL, &w.stats, &w.conns);
}

/* Ends the world and compares what came of it. */
static void end(const char *want, const char *name)
{
	struct stats *s = &w.stats;

	w.a.stopping = true;
	conn_table_free(w.conns);
	is_str(w.text, want, name);
	is_int(s->completed + s->no_response + s->cut + s->unknown + s->open_at_end + s->quiet,
	       s->requests, "  its books balance");
	assemble_done(&w.a);
}

static int carrier; /* connection + 1 of the socket that carries the one announced; 0: none */
static size_t conn_len = sizeof(struct oe_conn);

static void announce_as(int c, uint8_t role, uint16_t family, uint16_t rport, uint32_t flags)
{
	struct oe_conn r = {.hdr = {OE_EV_CONN, 0, sizeof(r), w.now},
			    .id = (uint64_t)c + 1,
			    .off = {w.next[c][0], w.next[c][1]},
			    .tgid = 1,
			    .family = family,
			    .lport = family ? 80 : 0,
			    .rport = rport,
			    .role = role,
			    .flags = flags,
			    .sk_id = (uint64_t)carrier};

	r.hdr.len = (__u32)conn_len;
	conn_record(w.conns, &r, conn_len);
}

static void announce(int c, uint8_t role, bool fresh)
{
	announce_as(c, role, OE_AF_INET, 4000, fresh ? OE_CONN_FRESH : 0);
}

/* io_len beyond the text: bytes that were not captured. at: offset from the expected one. */
static void bytes_at(int c, int dir, const void *p, uint32_t n, uint32_t missing, uint32_t tid,
		     int64_t at)
{
	_Alignas(8) uint8_t mem[sizeof(struct oe_data) + 4096];
	struct oe_data *d = (void *)mem;

	w.now += 1000000;
	*d = (struct oe_data){
		.hdr = {OE_EV_DATA, (__u16)(dir ? OE_F_OUT : 0), (__u32)sizeof(*d) + n, w.now},
		.id = (uint64_t)c + 1,
		.off = w.next[c][dir] + (uint64_t)at,
		.io_len = n + missing,
		.cap_len = n,
		.tgid = 1,
		.tid = tid};
	memcpy(d->payload, p, n);
	if (d->off + d->io_len > w.next[c][dir])
		w.next[c][dir] = d->off + d->io_len;
	conn_record(w.conns, d, d->hdr.len);
}

static void data_at(int c, int dir, const char *text, uint32_t missing, uint32_t tid, int64_t at)
{
	bytes_at(c, dir, text, (uint32_t)strlen(text), missing, tid, at);
}

static void in(int c, const char *text)
{
	data_at(c, 0, text, 0, 1, 0);
}

static void out(int c, const char *text)
{
	data_at(c, 1, text, 0, 1, 0);
}

static void close_conn(int c, uint32_t what, uint32_t err)
{
	struct oe_close r = {.hdr = {OE_EV_CLOSE, 0, sizeof(r), w.now},
			     .id = (uint64_t)c + 1,
			     .off = {w.next[c][0], w.next[c][1]},
			     .what = what,
			     .err = err};

	conn_record(w.conns, &r, sizeof(r));
}

static void later(uint64_t ms)
{
	w.now += ms * NSEC_PER_MSEC;
	conn_sweep(w.conns, w.now, on_settle);
}

static void test_pairing(void)
{
	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, REQ("/1"));
	out(0, RESP);
	in(0, REQ("/2") REQ("/3"));
	out(0, NOT_FOUND RESP);
	end("S:/1:200 S:/2:404 S:/3:200", "keep-alive and pipelining on a server");

	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	out(0, REQ("/c"));
	in(0, RESP);
	end("C:/c:200", "a client by direction");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, "POST /early HTTP/1.1\r\nContent-Length: 10\r\n\r\n01");
	out(0, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
	is_str(w.text, "", "a response before the end of its request waits for it");
	in(0, "23456789");
	end("S:/early:413", "and then they belong together");
}

static void test_ends(void)
{
	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, REQ("/x"));
	close_conn(0, OE_CLOSE_ALL, 104);
	later(100);
	end("S:/x:-1!none", "a reset before the response");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, REQ("/x"));
	close_conn(0, OE_CLOSE_ALL, 104);
	out(0, RESP);
	later(100);
	end("S:/x:200", "a response that crosses the reset still counts");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, REQ("/x"));
	out(0, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
	close_conn(0, OE_CLOSE_ALL, 104);
	later(100);
	end("S:/x:200!cut", "a reset inside the response");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, "GET /old HTTP/1.0\r\n\r\n");
	out(0, "HTTP/1.0 200 OK\r\n\r\nbody");
	is_str(w.text, "", "delimited by close: not ended yet");
	close_conn(0, OE_CLOSE_OUT, 0);
	is_str(w.text, "S:/old:200", "the FIN ends it");
	end("S:/old:200", "once");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, "GET /half HTTP/1.1\r\nHos");
	close_conn(0, OE_CLOSE_ALL, 104);
	later(100);
	end("", "a head that was never finished is no request");
}

static void test_midlife(void)
{
	start(16);
	announce(0, OE_ROLE_UNKNOWN, false);
	in(0, REQ("/1"));
	out(0, RESP);
	is_str(w.text, "", "met in mid-life: kept back until it is certain");
	in(0, REQ("/2"));
	is_str(w.text, "S:/1:200", "the next request confirms");
	out(0, RESP);
	end("S:/1:200 S:/2:200", "from then on at once");

	start(16);
	announce(0, OE_ROLE_UNKNOWN, false);
	in(0, REQ("/1"));
	out(0, RESP);
	later(1500);
	is_str(w.text, "S:/1:200", "a second without traffic confirms too");
	end("S:/1:200", "once");

	start(16);
	announce(0, OE_ROLE_UNKNOWN, false);
	out(0, "end of something\r\n");
	out(0, NOT_FOUND);
	in(0, REQ("/1"));
	out(0, RESP);
	in(0, REQ("/2"));
	out(0, RESP);
	end("S:/1:200 S:/2:200", "bytes of an older response are nobody's");

	/* two requests were under way before we came: their answers must not be taken for later
	 * ones */
	start(16);
	announce(0, OE_ROLE_UNKNOWN, false);
	in(0, REQ("/3"));
	out(0, RESP);
	out(0, NOT_FOUND);
	out(0, RESP);
	in(0, REQ("/4"));
	out(0, NOT_FOUND);
	in(0, REQ("/5"));
	end("S:/4:404", "pipelined in mid-life: unknown instead of wrong");
	is_int(w.stats.unknown, 1, "  and counted");

	/* an answer was missed where the hooks came on: each later one is paired with the request
	 * before its own, and one request is left over */
	start(16);
	announce(0, OE_ROLE_UNKNOWN, false);
	in(0, REQ("/1"));
	in(0, REQ("/2"));
	out(0, RESP);
	in(0, REQ("/3"));
	out(0, NOT_FOUND);
	close_conn(0, OE_CLOSE_ALL, 0);
	later(100);
	end("", "off by one to the end: unknown instead of wrong");
	is_int(w.stats.unknown, 3, "  and counted");
}

static void test_order(void)
{
	start(16);
	announce(0, OE_ROLE_SERVER, true);
	/* two threads read in turn and their hooks swapped */
	data_at(0, 0, "GET /swap HT", 0, 1, 0);
	w.next[0][0] += 9;
	data_at(0, 0, "Host: h\r\n\r\n", 0, 2, 0);
	data_at(0, 0, "TP/1.1\r\nX", 0, 1, -20);
	w.next[0][0] = (1ULL << 33) + 32;
	end("", "swapped but not whole: nothing is said");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	{
		const char *text = REQ("/swapped");
		char a[64] = "", b[64] = "", c[64] = "";
		uint64_t base = w.next[0][0];

		memcpy(a, text, 10);
		memcpy(b, text + 10, 12);
		snprintf(c, sizeof(c), "%s", text + 22);
		data_at(0, 0, a, 0, 1, 0);
		data_at(0, 0, c, 0, 2, 12);
		w.next[0][0] = base;
		data_at(0, 0, b, 0, 1, 10);
		w.next[0][0] = base + strlen(text);
	}
	out(0, RESP);
	end("S:/swapped:200", "swapped records of two threads are put in order");

	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	{
		uint64_t base = w.next[0][1];

		/* the reader's hook came before the writer's */
		data_at(0, 0, RESP, 0, 2, 0);
		w.next[0][1] = base;
		data_at(0, 1, REQ("/fast"), 0, 1, 0);
	}
	later(30);
	end("C:/fast:200", "a response whose hook overtook its request's");
}

/* Another thread's hook reports its read after the connection was seen to close. */
static void test_late_bytes(void)
{
	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	out(0, REQ("/late"));
	w.next[0][0] += sizeof(RESP) - 1;
	close_conn(0, OE_CLOSE_ALL, 0);
	data_at(0, 0, RESP, 0, 1, -(int64_t)(sizeof(RESP) - 1));
	later(100);
	is_int(w.stats.gaps + w.stats.stream_lost, 0, "the last bytes may come after the end");
	end("C:/late:200", "of the connection");

	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	out(0, REQ("/never"));
	in(0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
	w.next[0][0] += 3;
	close_conn(0, OE_CLOSE_ALL, 0);
	later(100);
	is_int(w.stats.gaps, 1, "those that never come are missing");
	end("C:/never:200", "which a body does not mind");
}

/* A version that came after our tables: what it says is unknown, and counted so. */
static void packet(int c, int dir, uint8_t seq, const void *body, size_t len)
{
	uint8_t b[256] = {(uint8_t)len, (uint8_t)(len >> 8), 0, seq};

	memcpy(b + 4, body, len);
	bytes_at(c, dir, b, 4 + (uint32_t)len, 0, 1, 0);
}

/* MySQL begins in the clear: what the server said there belongs to what follows inside of TLS. */
static void test_tls_inherits(void)
{
	static const char version[] = "5.5.5-10.11.6-MariaDB";
	/* PROTOCOL_41, SSL, SECURE_CONNECTION, CONNECT_WITH_DB, DEPRECATE_EOF */
	uint8_t greeting[1 + sizeof(version) + 44] = {10}, login[43] = {8, 0x8a, 0, 1};

	memcpy(greeting + 1, version, sizeof(version));
	memcpy(greeting + 1 + sizeof(version) + 13, "\x08\x8a", 2);
	memcpy(greeting + 1 + sizeof(version) + 18, "\0\1", 2);
	memcpy(login + 32, "u\0\3xyzshop", 11);
	for (int i = 0; i < 3; i++) {
		start(64);
		announce(0, OE_ROLE_CLIENT, true);
		packet(0, 0, 0, greeting, sizeof(greeting));
		packet(0, 1, 1, login, 32); /* the wish for TLS */
		/* 1: no word of the socket; 2: a recording of before there were any */
		carrier = i != 1;
		conn_len = i == 2 ? offsetof(struct oe_conn, sk_id) : sizeof(struct oe_conn);
		announce_as(1, OE_ROLE_CLIENT, OE_AF_INET, 3306, OE_CONN_TLS | OE_CONN_FRESH);
		carrier = 0;
		conn_len = sizeof(struct oe_conn);
		packet(1, 1, 2, login, sizeof(login));
		packet(1, 0, 3, "\0\0\0\2\0\0\0", 7);
		packet(1, 1, 0, "\3select 1", 9);
		packet(1, 0, 1, "\0\1\0\2\0\0\0", 7);
		is_int(w.db_system, i ? DB_SYSTEM_MYSQL_LIKE : DB_SYSTEM_MARIADB,
		       i ? "MySQL over TLS, its socket not known: some system of that kind"
			 : "MySQL over TLS: the system that greeted in the clear");
		is_str(w.db_name, "shop", "  and the database of the login");
		end("C::-1", "  one statement");
	}
}

/* The plaintext of TLS connections, whose sockets may become known late, or never. */
static void test_tls(void)
{
	start(64);
	announce_as(0, OE_ROLE_UNKNOWN, 0, 0, OE_CONN_TLS | OE_CONN_FRESH);
	in(0, REQ("/a"));
	announce_as(0, OE_ROLE_SERVER, OE_AF_INET, 4001, OE_CONN_TLS);
	out(0, RESP);
	is_int(w.ep.rport, 4001,
	       "TLS: the socket is found between request and response: its address");
	ok(w.flags & XCHG_TLS, "  marked as TLS");
	in(0, REQ("/b"));
	out(0, RESP);
	end("S:/a:200 S:/b:200", "  announced twice, a connection is the same one");

	start(64);
	announce_as(0, OE_ROLE_UNKNOWN, 0, 0, OE_CONN_TLS | OE_CONN_FRESH);
	in(0, REQ("/a"));
	out(0, RESP);
	is_int(w.ep.family, 0, "TLS: a socket that is never found: no address");
	in(0, REQ("/b"));
	conn_process_gone(w.conns, 1, w.now);
	is_int(conn_count(w.conns), 0, "  its end is the process's");
	end("S:/a:200 S:/b:-1!none", "  which leaves its last request without a response");

	start(64);
	announce_as(0, OE_ROLE_SERVER, OE_AF_INET, 4001, OE_CONN_TLS | OE_CONN_FRESH);
	in(0, REQ("/a"));
	conn_process_gone(w.conns, 1, w.now);
	is_int(conn_count(w.conns), 1, "TLS: a known socket tells of its end by itself");
	out(0, RESP);
	end("S:/a:200", "  so nothing is lost before");
}

static void test_kafka_version(void)
{
	static const char request[] = "\0\0\0\x15\0\0\0\x14\0\0\0\x01\0\x07rdkafkaabcd",
			  response[] = "\0\0\0\x08\0\0\0\x01wxyz";

	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	bytes_at(0, 1, request, sizeof(request) - 1, 0, 1, 0);
	bytes_at(0, 0, response, sizeof(response) - 1, 0, 1, 0);
	is_int(w.stats.unknown, 1, "a Produce of version 20 is unknown,");
	is_int(w.stats.quiet, 0, "no housekeeping");
	end("", "and nothing is told of it");
}

/* Batches that were not captured are not counted, and that is counted. */
static void test_kafka_records(void)
{
	static const char request[] = "\0\0\0\x8e\0\0\0\0\0\0\0\x01\0\x07rdkafka\0\x01\0\0\0\0"
				      "\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\x64",
			  response[] = "\0\0\0\x1d\0\0\0\x01\0\0\0\x01\0\x01t\0\0\0\x01"
				       "\0\0\0\0\0\0\0\0\0\0\0\0\0\x05";

	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	bytes_at(0, 1, request, sizeof(request) - 1, 100, 1, 0);
	bytes_at(0, 0, response, sizeof(response) - 1, 0, 1, 0);
	is_int(w.stats.kafka_records_unknown, 1, "records that were not captured are unknown");
	is_int(w.stats.completed, 1, "the request is not");
	is_int(w.kafka_records, -1, "their number is not told");
	conn_table_free(w.conns);
	assemble_done(&w.a);
}

static void test_loss(void)
{
	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, REQ("/1"));
	data_at(0, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 5000, 1, 0);
	in(0, REQ("/2"));
	out(0, RESP);
	end("S:/1:200 S:/2:200", "a body that was not captured is stepped over");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	in(0, REQ("/1"));
	data_at(0, 1, "", 500, 1, 0); /* the whole response, sent by sendfile: status unknown */
	in(0, REQ("/2"));
	out(0, RESP);
	in(0, REQ("/3"));
	end("S:/2:200", "an unseen response makes its request unknown, the next one is right");
	is_int(w.stats.unknown, 1, "  and counted");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	data_at(0, 0, "GET /cut/in/the/head HTTP/1.1\r\nHost: h\r\nX: ", 3000, 1, 0);
	out(0, RESP);
	in(0, REQ("/next"));
	out(0, RESP);
	end("S:/cut/in/the/head:200 S:/next:200",
	    "a head cut by the copy limit keeps what is known");
	is_int(w.stats.truncated, 1, "  and is flagged");

	start(2);
	for (int i = 0; i < 4; i++) {
		announce(i, OE_ROLE_SERVER, true);
		in(i, REQ("/e"));
	}
	end("", "a full table forgets the least recently used");
	is_int(w.stats.conns_evicted, 2, "  counted");
	is_int(w.stats.unknown, 2, "  their requests as unknown");
	is_int(w.stats.open_at_end, 2, "  what was open at the end as that");
}

static void test_identity(void)
{
	static const char traced[] =
		"GET /t HTTP/1.1\r\ntraceparent: "
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	announce(1, OE_ROLE_CLIENT, true);
	in(0, traced);
	out(1, REQ("/child"));
	in(1, RESP);
	out(0, RESP);
	is_str(w.text, "C:/child:200 S:/t:200", "a call while a request is handled");
	ok(w.ids[1].trace_id[0] == 0x0a && w.ids[1].parent_id[0] == 0xb7 && w.ids[1].remote,
	   "the server continues the wire's trace");
	ok(!memcmp(w.ids[0].trace_id, w.ids[1].trace_id, 16) &&
		   !memcmp(w.ids[0].parent_id, w.ids[1].span_id, 8),
	   "the call of the same thread is its child");
	end("C:/child:200 S:/t:200", "done");

	start(16);
	for (int i = 0; i < 3; i++)
		announce(i, i < 2 ? OE_ROLE_SERVER : OE_ROLE_CLIENT, true);
	in(0, REQ("/a"));
	in(1, REQ("/b"));
	out(2, REQ("/whose"));
	in(2, RESP);
	ok(!w.ids[0].parent_id[0] && !memcmp(w.ids[0].parent_id, w.ids[0].parent_id + 1, 7),
	   "two at once: nobody is the parent");
	out(0, RESP);
	out(2, REQ("/of-b"));
	in(2, RESP);
	out(1, RESP);
	ok(!memcmp(w.ids[2].parent_id, w.ids[3].span_id, 8), "one left: it is the parent");
	end("C:/whose:200 S:/a:200 C:/of-b:200 S:/b:200", "done");

	start(16);
	announce(0, OE_ROLE_CLIENT, true);
	out(0, traced);
	in(0, RESP);
	ok(w.ids[0].span_id[0] == 0xb7 && w.ids[0].trace_id[0] == 0x0a,
	   "a client is who its own header says");
	end("C:/t:200", "done");
}

#define MAGIC	 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* POST http: / with a body to come, and a body of 200 bytes in two frames */
#define POST1	      "\0\0\3\1\4\0\0\0\1\x83\x86\x84"
#define BODY1	      "\0\0\x64\0\0\0\0\0\1" HUNDRED "\0\0\x64\0\1\0\0\0\1" HUNDRED
#define TEN	      "0123456789"
#define HUNDRED	      TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define OK1	      "\0\0\1\1\4\0\0\0\1\x88"
#define END1	      "\0\0\1\0\1\0\0\0\1x"
#define BYTES(dir, s) bytes_at(0, dir, s, sizeof(s) - 1, 0, 1, 0)

static void test_http2(void)
{
	static const char talk[] = MAGIC POST1 BODY1;

	uint32_t bad = 0;

	for (uint32_t cut = 1; cut < sizeof(talk) - 1; cut++) {
		start(16);
		announce(0, OE_ROLE_SERVER, true);
		bytes_at(0, 0, talk, cut, 0, 1, 0);
		bytes_at(0, 0, talk + cut, sizeof(talk) - 1 - cut, 0, 1, 0);
		BYTES(1, SETTINGS OK1 END1);
		if ((strcmp(w.text, "S:/:200") || w.stats.gaps || w.stats.unknown) && !bad)
			bad = cut;
		w.a.stopping = true;
		conn_table_free(w.conns);
		assemble_done(&w.a);
	}
	is_int(bad, 0, "HTTP/2 in two I/O, cut anywhere");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	BYTES(0, MAGIC POST1 END1);
	BYTES(1, SETTINGS END1); /* a body before its head */
	BYTES(0, "\0\0\3\1\5\0\0\0\3\x82\x86\x84");
	BYTES(1, "\0\0\1\1\5\0\0\0\3\x8d");
	BYTES(0, "\0\0\3\1\5\0\0\0\5\x82\x86\x84");
	BYTES(1, "\0\0\1\1\5\0\0\0\5\x8d");
	close_conn(0, OE_CLOSE_ALL, 0);
	later(100);
	end("S:/:404 S:/:404 S:/:-1!none", "HTTP/2, a body without a head ends nothing");

	start(16);
	announce(0, OE_ROLE_SERVER, true);
	BYTES(0, MAGIC POST1 END1);
	BYTES(0, "\0\0\3\1\5\0\0\0\3\x82\x86\x84");
	BYTES(1, SETTINGS "\0\0\1\1\5\0\0\0\3\x8d" OK1);
	bytes_at(0, 0, "", 0, 100, 1, 0); /* frames that nobody saw */
	BYTES(1, END1);
	BYTES(0, "\0\0\3\1\5\0\0\0\5\x82\x86\x84");
	BYTES(1, "\0\0\1\1\5\0\0\0\5\x8d");
	end("S:/:404 S:/:404", "HTTP/2, frames lost: what was open is unknown, then it goes on");
	is_int(w.stats.unknown, 1, "  and counted");

	for (int cut = 0; cut < 2; cut++) {
		start(16);
		announce(0, OE_ROLE_SERVER, true);
		in(0, "GET /up HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
		data_at(0, 1, "HTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n", cut ? 500 : 0, 1, 0);
		BYTES(0, MAGIC);
		BYTES(1, SETTINGS OK1 END1);
		BYTES(0, "\0\0\3\1\5\0\0\0\3\x82\x86\x84");
		BYTES(1, "\0\0\1\1\5\0\0\0\3\x8d");
		end(cut ? "S:/:404" : "S:/up:200 S:/:404",
		    cut ? "h2c, what follows 101 was not captured" : "h2c");
	}
}

int main(void)
{
	test_pairing();
	test_ends();
	test_midlife();
	test_order();
	test_late_bytes();
	test_tls();
	test_tls_inherits();
	test_kafka_version();
	test_kafka_records();
	test_loss();
	test_identity();
	test_http2();
	return tap_done();
}
