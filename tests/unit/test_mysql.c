/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's and MariaDB's protocol, packet by packet: who asked what, and what became of it. */
#include <zlib.h>

#include "probes/proto/mysql_wire.h"
#include "tests/unit/db_log.h"

extern const struct proto_ops mysql_ops;

#define C OE_DIR_OUT /* the client's packets */
#define S OE_DIR_IN

static struct talk t;
static uint8_t seq;
static bool eofs; /* the old form: EOF behind definitions */

static void says(enum oe_dir dir)
{
	talk_step(&t, PROPS_DATA, dir, 0);
	if (dir == C)
		seq = 0;
}

static void packet(const void *body, size_t len)
{
	uint8_t head[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), seq++};

	talk_put(&t, head, 4);
	talk_put(&t, body, len);
}

#define PACKET(lit) packet(lit, sizeof(lit) - 1)

static void command(uint8_t cmd, const void *arg, size_t len)
{
	uint8_t b[1024] = {cmd};

	seq = 0;
	memcpy(b + 1, arg, len);
	packet(b, 1 + len);
}

static void query_like(uint8_t cmd, const char *text)
{
	command(cmd, text, strlen(text));
}

static void query(const char *text)
{
	query_like(3, text);
}

static void okay(uint8_t affected, uint8_t status)
{
	uint8_t b[7] = {0, affected, 0, status, 0, 0, 0};

	packet(b, 7);
}

/* What ends rows: EOF, or OK in its place. */
static void end(uint8_t status)
{
	uint8_t eof[5] = {0xfe, 0, 0, status, 0}, ok[7] = {0xfe, 0, 0, status, 0, 0, 0};

	packet(eofs ? eof : ok, eofs ? 5 : 7);
}

static void fails(uint16_t code)
{
	uint8_t b[32] = {0xff, (uint8_t)code, (uint8_t)(code >> 8)};

	memcpy(b + 3, "#42S02the 'secret'", 18);
	packet(b, 21);
}

static void def(void)
{
	PACKET("\3def\0\1t\1t\1a\1a\x0c\x3f\0\x0b\0\0\0\3\0\0\0\0\0");
}

static void columns(uint8_t n)
{
	packet(&n, 1);
	for (int i = 0; i < n; i++)
		def();
	if (eofs)
		PACKET("\xfe\0\0\2\0");
}

static void row(void)
{
	PACKET("\1\x31");
}

static void greeting(const char *version, uint32_t caps, uint32_t extended)
{
	uint8_t b[128] = {10};
	size_t n = 1 + strlen(version) + 1;

	seq = 0;
	memcpy(b + 1, version, n - 1);
	b[n + 13] = (uint8_t)caps;
	b[n + 14] = (uint8_t)(caps >> 8);
	b[n + 18] = (uint8_t)(caps >> 16);
	b[n + 19] = (uint8_t)(caps >> 24);
	memcpy(b + n + 27, &extended, 4);
	packet(b, n + 31 + 13);
}

static void response_to_greeting(uint32_t caps, uint32_t extended, const char *db)
{
	uint8_t b[128] = {0};
	size_t n = 32;

	memcpy(b, &caps, 4);
	memcpy(b + 28, &extended, 4);
	memcpy(b + n, "u\0\3xyz", 6);
	n += 6;
	if (db)
		n += (size_t)snprintf((char *)b + n, sizeof(b) - n, "%s", db) + 1;
	packet(b, n);
}

#define CAPS (MY_CLIENT_MYSQL | MY_CONNECT_WITH_DB | MY_PROTOCOL_41 | MY_SECURE_CONNECTION)

static void login_as(const char *version, uint32_t caps, uint32_t extended)
{
	eofs = !(caps & MY_DEPRECATE_EOF);
	says(S);
	greeting(version, caps, extended);
	talk_step(&t, PROPS_DATA, C, 0);
	response_to_greeting(caps, extended, "shop");
	talk_step(&t, PROPS_DATA, S, 0);
	okay(0, 2);
}

static void login(uint32_t more)
{
	login_as("8.0.36", CAPS | more, 0);
}

/* The server's answer to the one command at hand. */
static void answers(void)
{
	talk_step(&t, PROPS_DATA, S, 0);
	seq = 1;
}

#define LOGIN "1 ~CONNECT\n1:\n"

static void is(const char *want, const char *name)
{
	talk_is(&mysql_ops, &t, true, true, want, name);
}

static void test_login(void)
{
	login(0);
	is(LOGIN, "login");
	says(S);
	greeting("5.5.5-10.11.6-MariaDB", CAPS, 0);
	talk_step(&t, PROPS_DATA, C, 0);
	response_to_greeting(CAPS, 0, "shop");
	talk_step(&t, PROPS_DATA, S, 0);
	PACKET("\xfemysql_clear_password\0");
	talk_step(&t, PROPS_DATA, C, 0);
	PACKET("secret\0");
	talk_step(&t, PROPS_DATA, S, 0);
	fails(1045);
	is("1 ~CONNECT\n1: error 1045\n", "a refused login, with another way to authenticate");
	says(S);
	greeting("8.0.36", CAPS | MY_SSL, 0);
	talk_step(&t, PROPS_DATA, C, 0);
	{
		uint32_t caps = CAPS | MY_SSL;
		uint8_t b[32] = {0};

		memcpy(b, &caps, 4);
		packet(b, 32);
	}
	talk_put(&t, "\x16\3\1\0\5hello", 10);
	is("", "TLS: nothing is read any more");
}

/* Inside of TLS: the greeting went before, in the clear. */
static void test_tls(void)
{
	for (int i = 0; i < 2; i++) {
		eofs = i;
		talk_step(&t, PROPS_DATA, C, 0);
		seq = 2;
		response_to_greeting(CAPS | MY_SSL | (eofs ? 0 : MY_DEPRECATE_EOF), 0, "shop");
		talk_step(&t, PROPS_DATA, S, 0);
		okay(0, 2);
		says(C);
		query("select a");
		answers();
		columns(2);
		row();
		end(2);
		talk_is(&mysql_ops, &t, false, true, LOGIN "2 select a @shop\n2: rows 1\n",
			eofs ? "a login over TLS, with EOFs" : "a login over TLS");
	}
	talk_step(&t, PROPS_DATA, C, 0);
	seq = 2;
	response_to_greeting(CAPS | MY_SSL, 0, "shop");
	talk_step(&t, PROPS_DATA, S, 0);
	fails(1045);
	talk_is(&mysql_ops, &t, false, true, "1 ~CONNECT\n1: error 1045\n",
		"a login over TLS that is refused");
}

static void test_queries(void)
{
	for (int deprecate = 0; deprecate < 2; deprecate++) {
		const char *how = deprecate ? "without EOF" : "with EOF";
		char name[64];

		login(deprecate ? MY_DEPRECATE_EOF : 0);
		says(C);
		query("select a from t");
		answers();
		columns(2);
		row();
		row();
		end(2);
		says(C);
		query("insert into t values (1)");
		answers();
		okay(3, 2);
		says(C);
		query("select nosuch");
		answers();
		fails(1054);
		snprintf(name, sizeof(name), "queries, %s", how);
		is(LOGIN "2 select a from t @shop\n2: rows 2\n3 insert into t values (1) @shop\n"
			 "3: affected 3\n4 select nosuch @shop\n4: error 1054\n",
		   name);
		login(deprecate ? MY_DEPRECATE_EOF : 0);
		says(C);
		query("call p()");
		answers();
		columns(1);
		row();
		end(2 | 8);
		okay(1, 2 | 8);
		columns(1);
		end(2 | 8);
		okay(0, 2);
		says(C);
		query("select b");
		answers();
		columns(1);
		row();
		fails(1317);
		snprintf(name, sizeof(name), "several results, an error behind rows, %s", how);
		is(LOGIN "2 call p() @shop\n2: rows 1 affected 1 results 4\n"
			 "3 select b @shop\n3: error 1317\n",
		   name);
		login(deprecate ? MY_DEPRECATE_EOF : 0);
		says(C);
		command(0x16, "select ?", 8);
		answers();
		PACKET("\0\7\0\0\0\1\0\1\0\0\0\0");
		def();
		if (eofs)
			PACKET("\xfe\0\0\2\0");
		def();
		if (eofs)
			PACKET("\xfe\0\0\2\0");
		says(C);
		command(0x17, "\7\0\0\0\0\1\0\0\0\0\1\3\0\5\0\0\0", 17);
		answers();
		columns(1);
		PACKET("\0\0\5\0\0\0");
		end(2);
		says(C);
		command(0x19, "\7\0\0\0", 4);
		command(0x17, "\7\0\0\0\0\1\0\0\0\0\1\3\0\5\0\0\0", 17);
		answers();
		fails(1243);
		snprintf(name, sizeof(name), "a prepared statement, %s", how);
		is(LOGIN "declare select ?\n2 ~(select ?) @shop\n2:\n3 (select ?) @shop\n"
			 "3: rows 1\n4 ? @shop\n4: error 1243\n",
		   name);
	}
}

static void test_commands(void)
{
	login(0);
	says(C);
	command(0x0e, "", 0);
	answers();
	okay(0, 2);
	says(C);
	command(0x02, "other", 5);
	answers();
	okay(0, 2);
	says(C);
	query("use `third` ;");
	answers();
	okay(0, 2);
	says(C);
	query("use nosuch");
	answers();
	fails(1049);
	says(C);
	command(0x09, "", 0);
	answers();
	PACKET("Uptime: 5");
	says(C);
	command(0x1b, "\0\0", 2);
	answers();
	PACKET("\xfe\0\0\2\0");
	says(C);
	command(0x01, "", 0);
	is(LOGIN "2 ~PING @shop\n2:\n3 INIT DB @shop\n3:\n"
		 "4 use `third` ; @other\n4: affected 0\n5 use nosuch @third\n5: error 1049\n"
		 "6 ~STATISTICS @third\n6:\n7 ~SET OPTION @third\n7:\n",
	   "commands, and what database the connection is in");
	login(0);
	says(C);
	query("load data local infile 'x' into table t");
	answers();
	PACKET("\xfbx");
	talk_step(&t, PROPS_DATA, C, 0);
	PACKET("1,2\n");
	PACKET("");
	talk_step(&t, PROPS_DATA, S, 0);
	okay(1, 2);
	is(LOGIN "2 load data local infile 'x' into table t @shop\n2: affected 1\n",
	   "LOCAL INFILE");
	login(MY_QUERY_ATTRIBUTES);
	says(C);
	command(3, "\0\1select 1", 10);
	answers();
	okay(0, 2);
	says(C);
	command(3, "\1\1\0\1\xfe\0\1n\6secretselect 2", 23);
	answers();
	okay(0, 2);
	is(LOGIN "2 select 1 @shop\n2: affected 0\n3 select 2 @shop\n3: affected 0\n",
	   "attributes in front of the text are not text");
	login_as("5.5.5-10.11.6-MariaDB", CAPS & ~MY_CLIENT_MYSQL, 0);
	says(C);
	command(0x16, "insert into t values (?)", 24);
	answers();
	PACKET("\0\7\0\0\0\0\0\1\0\0\0\0");
	def();
	PACKET("\xfe\0\0\2\0");
	says(C);
	command(0xfa, "\7\0\0\0\x80\0\x0f\0\0\1a\1\0\2bb", 16);
	answers();
	okay(3, 2);
	is(LOGIN "declare insert into t values (?)\n2 ~(insert into t values (?)) @shop\n"
		 "2:\n3 (insert into t values (?)) x3 @shop\n3: affected 3\n",
	   "MariaDB's bulk execution: three sets of parameters");
	login_as("5.5.5-10.11.6-MariaDB", CAPS & ~MY_CLIENT_MYSQL, 0);
	says(C);
	query_like(0x16, "insert into t values (?, '?', 'it\\'s ?') /* ? */ -- ?");
	command(0xfa, "\xff\xff\xff\xff\x80\0\x0f\0\0\1a\0\2bb", 15);
	is(LOGIN "declare insert into t values (?, '?', 'it\\'s ?') /* ? */ -- ?\n"
		 "2 ~(insert into t values (?, '?', 'it\\'s ?') /* ? */ -- ?) @shop\n"
		 "3 (insert into t values (?, '?', 'it\\'s ?') /* ? */ -- ?) x2 @shop\n",
	   "the same before the server has answered");
	login_as("5.5.5-10.11.6-MariaDB", CAPS & ~MY_CLIENT_MYSQL, 0);
	says(C);
	command(0x16, "select 7", 8);
	command(0x17, "\xff\xff\xff\xff\0\1\0\0\0", 9);
	answers();
	PACKET("\0\7\0\0\0\1\0\0\0\0\0\0");
	def();
	PACKET("\xfe\0\0\2\0");
	seq = 1;
	columns(1);
	PACKET("\0\0\7");
	end(2);
	is(LOGIN "declare select 7\n2 ~(select 7) @shop\n3 (select 7) @shop\n2:\n"
		 "3: rows 1\n",
	   "prepared and executed in one go");
}

static void zip(struct talk *to, uint8_t number, const void *data, size_t len, bool stored)
{
	uint8_t head[7] = {0}, out[4096];
	uLongf n = sizeof(out);

	if (stored) {
		memcpy(out, data, len);
		n = len;
	} else {
		compress(out, &n, data, len);
		head[4] = (uint8_t)len;
		head[5] = (uint8_t)(len >> 8);
	}
	head[0] = (uint8_t)n;
	head[1] = (uint8_t)(n >> 8);
	head[3] = number;
	talk_put(to, head, 7);
	talk_put(to, out, n);
}

static void test_compressed(void)
{
	static struct talk inner;

	login(MY_COMPRESS);
	for (int i = 0; i < 2; i++) {
		struct talk keep = t;

		/* what would be said plainly */
		t = (struct talk){.cnt = 0};
		says(C);
		query("select a from t where note = 'as long as it takes to be worth it'");
		answers();
		columns(1);
		for (int k = 0; k < 20; k++)
			row();
		end(2);
		inner = t;
		for (size_t k = 0; k < inner.cnt; k++)
			inner.step[k].data = inner.mem + (t.step[k].data - t.mem);
		t = keep;
		talk_step(&t, PROPS_DATA, C, 0);
		zip(&t, 0, inner.step[0].data, inner.step[0].len, i);
		talk_step(&t, PROPS_DATA, S, 0);
		/* packets do not end where compressed ones do */
		zip(&t, 1, inner.step[1].data, 50, i);
		zip(&t, 2, inner.step[1].data + 50, inner.step[1].len - 50, i);
	}
	is(LOGIN "2 select a from t where note = 'as long as it takes to be worth it' @shop\n"
		 "2: rows 20\n"
		 "3 select a from t where note = 'as long as it takes to be worth it' @shop\n"
		 "3: rows 20\n",
	   "compressed, and stored");
}

static void test_loss(void)
{
	login(MY_DEPRECATE_EOF);
	says(C);
	query("select a");
	answers();
	columns(1);
	talk_step(&t, PROPS_WHOLE, S, 1600);
	talk_step(&t, PROPS_DATA, S, 0);
	row();
	end(2);
	talk_is(&mysql_ops, &t, true, false, LOGIN "2 select a @shop\n2: rows 101\n",
		"rows that the kernel stepped over are counted");
	login(0);
	says(C);
	query("select a");
	answers();
	columns(1);
	talk_step(&t, PROPS_GAP, S, 50);
	says(C);
	query("select b");
	answers();
	columns(1);
	row();
	end(2);
	talk_is(&mysql_ops, &t, true, false,
		LOGIN "2 select a @shop\n2: unknown\n3 select b @shop\n3: rows 1\n",
		"the rest of an answer is missing: its outcome is unknown");
	login(0);
	says(C);
	command(0x16, "select ?", 8);
	answers();
	PACKET("\0\7\0\0\0\0\0\0\0\0\0\0");
	talk_step(&t, PROPS_GAP, C, 50);
	says(C);
	command(0x17, "\7\0\0\0\0\1\0\0\0\0\1\3\0\5\0\0\0", 17);
	answers();
	okay(0, 2);
	talk_is(&mysql_ops, &t, true, false,
		LOGIN "declare select ?\n2 ~(select ?) @shop\n2:\nlost\n"
		      "3 (select ?) @shop\n3: affected 0\n",
		"commands lost: statements are still known, their numbers are never used again");
}

static void test_late(void)
{
	eofs = true;
	for (int i = 0; i < 2; i++, eofs = !eofs) {
		says(C);
		query("select a");
		answers();
		columns(2);
		row();
		end(2);
		says(C);
		command(0x16, "select ?", 8);
		answers();
		PACKET("\0\7\0\0\0\1\0\1\0\0\0\0");
		def();
		if (eofs)
			PACKET("\xfe\0\0\2\0");
		def();
		if (eofs)
			PACKET("\xfe\0\0\2\0");
		says(C);
		command(0x17, "\7\0\0\0\0\1\0\0\0\0\1\3\0\5\0\0\0", 17);
		answers();
		okay(0, 2);
		says(C);
		command(0x17, "\6\0\0\0\0\1\0\0\0", 9);
		answers();
		okay(0, 2);
		talk_is(&mysql_ops, &t, false, false,
			"1 select a\n1: rows 1\ndeclare select ?\n2 ~(select ?)\n2:\n"
			"3 (select ?)\n3: affected 0\n4 ?\n4: affected 0\n",
			eofs ? "met late, with EOFs" : "met late, without");
	}
	says(S);
	seq = 4;
	row();
	row();
	end(2);
	says(C);
	command(3, "\0\1select 1", 10);
	answers();
	okay(0, 2);
	talk_is(&mysql_ops, &t, false, false, "1 select 1\n1: affected 0\n",
		"met in the middle of rows");
}

static void test_detect(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = {
#define ROW(n, b) {n, b, sizeof(b) - 1}
		ROW("HTTP", "GET / HTTP/1.1\r\n\r\n"),
		ROW("Kafka", "\0\0\0\x1a\0\x12\0\4\0\0\0\1\0\5"),
		ROW("MongoDB", "\x10\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0"),
		ROW("TLS", "\x16\3\1\0\5hello"),
		ROW("PostgreSQL", "Q\0\0\0\15select 1"),
		ROW("a packet of a file, numbered like a login over TLS",
		    "\x40\0\0\2some,data,of,a,file,that,is,long,enough,for,it"),
		ROW("two lengths that fit nothing", "\5\0\0\0\16xyzw"),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(mysql_ops.detect(bytes_of(rows[i].bytes, rows[i].len), OE_DIR_IN) == DETECT_NO,
		   "%s is not MySQL", rows[i].name);
}

static void test_prefixes(void)
{
	struct props p;

	login(0);
	says(C);
	query("select 1");
	props_init(&p, &mysql_ops, true);
	ok(props_prefix(&p, t.step, t.cnt), "every prefix of a query asks for more (%s)", p.broken);
	props_done(&p);
	t.used = t.cnt = 0;
}

int main(void)
{
	test_login();
	test_tls();
	test_queries();
	test_commands();
	test_compressed();
	test_loss();
	test_late();
	test_detect();
	test_prefixes();
	return tap_done();
}
