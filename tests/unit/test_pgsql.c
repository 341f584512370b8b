/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's protocol, message by message: who asked what, and what became of it. */
#include "tests/unit/db_log.h"

extern const struct proto_ops pgsql_ops;

#define C OE_DIR_OUT /* the client's messages */
#define S OE_DIR_IN

static struct talk t;

static void says(enum oe_dir dir)
{
	talk_step(&t, PROPS_DATA, dir, 0);
}

static void put32(uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	talk_put(&t, b, 4);
}

static void msg(char type, const void *body, size_t len)
{
	if (type)
		talk_put(&t, &type, 1);
	put32((uint32_t)len + 4);
	talk_put(&t, body, len);
}

#define MSG(type, lit) msg(type, lit, sizeof(lit) - 1)

static void query(const char *text)
{
	msg('Q', text, strlen(text) + 1);
}

static void parse(const char *name, const char *text)
{
	char b[512];
	size_t n = (size_t)snprintf(b, sizeof(b), "%s", name) + 1;

	n += (size_t)snprintf(b + n, sizeof(b) - n, "%s", text) + 1;
	memset(b + n, 0, 2);
	msg('P', b, n + 2);
}

static void bind_to(const char *portal, const char *stmt)
{
	char b[256];
	size_t n = (size_t)snprintf(b, sizeof(b), "%s", portal) + 1;

	n += (size_t)snprintf(b + n, sizeof(b) - n, "%s", stmt) + 1;
	memset(b + n, 0, 6);
	msg('B', b, n + 6);
}

static void execute(const char *portal)
{
	char b[128];
	size_t n = (size_t)snprintf(b, sizeof(b), "%s", portal) + 1;

	memset(b + n, 0, 4);
	msg('E', b, n + 4);
}

static void sync_all(void)
{
	MSG('S', "");
}

static void done(const char *tag)
{
	msg('C', tag, strlen(tag) + 1);
}

static void ready(char state)
{
	msg('Z', &state, 1);
}

static void row(void)
{
	MSG('D', "\0\1\0\0\0\1x");
}

static void fails(const char *code)
{
	char b[128] = "SERROR\0VERROR\0C";
	size_t n = 15;

	memcpy(b + n, code, 6);
	n += 6;
	memcpy(b + n, "Mthe 'secret' is out", 21);
	n += 21;
	b[n++] = 0;
	msg('E', b, n);
}

static void startup(const char *params, size_t len)
{
	char b[256] = "\0\3\0";

	b[3] = 0;
	memcpy(b + 4, params, len);
	msg(0, b, 4 + len);
}

/* A login that went well, so that the rest starts on firm ground. */
static void login(void)
{
	says(C);
	startup("user\0u\0database\0shop\0\0", 22);
	says(S);
	MSG('R', "\0\0\0\0");
	MSG('S', "client_encoding\0UTF8\0");
	MSG('K', "\0\0\0\1\0\0\0\2");
	ready('I');
}

#define LOGIN "1 ~CONNECT @shop\n1:\n"

static void is(const char *want, const char *name)
{
	talk_is(&pgsql_ops, &t, true, true, want, name);
}

static void test_login(void)
{
	login();
	is(LOGIN, "login");
	says(C);
	startup("user\0u\0\0", 8);
	says(S);
	MSG('R', "\0\0\0\x0aSCRAM-SHA-256\0\0");
	says(C);
	MSG('p', "SCRAM-SHA-256\0\0\0\0\5hello");
	says(S);
	MSG('R', "\0\0\0\0");
	ready('I');
	says(C);
	query("select 1");
	is("1 ~CONNECT @u\n1:\n2 select 1 @u\n", "the database is the user's where none is named");
	says(C);
	startup("user\0u\0\0", 8);
	says(S);
	fails("28P01");
	is("1 ~CONNECT @u\n1: error 28P01\n", "a refused login");
	says(C);
	MSG(0, "\x04\xd2\x16\x2f");
	says(S);
	talk_put(&t, "N", 1);
	login();
	is(LOGIN, "SSLRequest, declined");
	says(C);
	MSG(0, "\x04\xd2\x16\x30");
	says(S);
	talk_put(&t, "G", 1);
	says(C);
	talk_put(&t, "Q\0\0\0\x0dselect 1", 14);
	is("", "GSSENCRequest, agreed: nothing is read any more");
	says(C);
	MSG(0, "\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2");
	is("", "CancelRequest");
}

static void test_simple(void)
{
	login();
	says(C);
	query("select 1");
	says(S);
	MSG('T', "\0\1x\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0");
	row();
	done("SELECT 1");
	ready('I');
	says(C);
	query("insert into t values (1),(2)");
	says(S);
	MSG('N', "SNOTICE\0C01000\0\0");
	done("INSERT 0 2");
	ready('T');
	is(LOGIN "2 select 1 @shop\n2: rows 1\n3 insert into t values (1),(2) @shop\n"
		 "3: affected 2\n",
	   "simple queries");
	login();
	says(C);
	query("select 1; update t set a = 1; select 2");
	says(S);
	row();
	done("SELECT 1");
	done("UPDATE 7");
	row();
	row();
	done("SELECT 2");
	ready('I');
	is(LOGIN "2 select 1; update t set a = 1; select 2 @shop\n2: rows 3 affected 7 results 3\n",
	   "several statements at once");
	login();
	says(C);
	query("select 1; select nosuch");
	says(S);
	row();
	done("SELECT 1");
	fails("42703");
	ready('I');
	says(C);
	query("");
	says(S);
	MSG('I', "");
	ready('I');
	is(LOGIN "2 select 1; select nosuch @shop\n2: error 42703\n3  @shop\n3:\n",
	   "an error in the second of two; then nothing at all");
	login();
	says(C);
	query("copy t from stdin");
	says(S);
	MSG('G', "\0\0\1\0\0");
	says(C);
	MSG('d', "1\tx\n");
	MSG('d', "2\ty\n");
	MSG('c', "");
	says(S);
	done("COPY 2");
	ready('I');
	says(C);
	query("copy t to stdout");
	says(S);
	MSG('H', "\0\0\1\0\0");
	MSG('d', "1\tx\n");
	MSG('c', "");
	done("COPY 1");
	ready('I');
	is(LOGIN "2 copy t from stdin @shop\n2: affected 2\n3 copy t to stdout @shop\n"
		 "3: affected 1\n",
	   "COPY both ways");
	login();
	says(C);
	MSG('F', "\0\0\0\1\0\0\0\0\0\0");
	says(S);
	MSG('V', "\0\0\0\0");
	ready('I');
	is(LOGIN "2 FUNCTION CALL @shop\n2:\n", "FunctionCall");
}

static void test_extended(void)
{
	login();
	says(C);
	parse("", "select $1");
	bind_to("", "");
	MSG('D', "P\0");
	execute("");
	sync_all();
	says(S);
	MSG('1', "");
	MSG('2', "");
	MSG('n', "");
	row();
	done("SELECT 1");
	ready('I');
	is(LOGIN "declare select $1\n2 (select $1) @shop\n2: rows 1\n", "extended, all at once");
	login();
	says(C);
	parse("s1", "select $1");
	MSG('D', "Ss1\0");
	sync_all();
	says(S);
	MSG('1', "");
	MSG('t', "\0\1\0\0\0\x17");
	MSG('n', "");
	ready('I');
	says(C);
	bind_to("", "s1");
	execute("");
	bind_to("", "s1");
	execute("");
	sync_all();
	says(S);
	MSG('2', "");
	row();
	done("SELECT 1");
	MSG('2', "");
	done("SELECT 0");
	ready('I');
	is(LOGIN "declare select $1\n2 ~(select $1) @shop\n2:\n3 (select $1) @shop\n"
		 "4 (select $1) @shop\n3: rows 1\n4: rows 0\n",
	   "prepared by itself, then executed twice in a pipeline");
	login();
	says(C);
	parse("s1", "selct");
	sync_all();
	says(S);
	fails("42601");
	ready('I');
	says(C);
	bind_to("", "s1");
	execute("");
	sync_all();
	says(S);
	fails("26000");
	ready('I');
	is(LOGIN "declare selct\n2 ~(selct) @shop\n2: error 42601\n3 ? @shop\n"
		 "3: error 26000\n",
	   "a prepare that fails is told, and prepares nothing");
	login();
	says(C);
	parse("", "a");
	bind_to("", "");
	execute("");
	parse("", "b");
	bind_to("", "");
	execute("");
	parse("", "c");
	bind_to("", "");
	execute("");
	sync_all();
	says(S);
	MSG('1', "");
	MSG('2', "");
	done("UPDATE 1");
	fails("42601");
	ready('E');
	is(LOGIN "declare a\n2 (a) @shop\ndeclare b\n3 (b) @shop\ndeclare c\n4 (c) @shop\n"
		 "2: affected 1\n3: error 42601\n4: failed pipeline_aborted\n",
	   "an error in a pipeline: what comes behind it is skipped");
	login();
	says(C);
	parse("", "insert");
	bind_to("", "");
	execute("");
	sync_all();
	says(S);
	MSG('1', "");
	MSG('2', "");
	done("INSERT 0 1");
	fails("23503");
	ready('I');
	is(LOGIN "declare insert\n2 (insert) @shop\n2: error 23503\n",
	   "a commit that fails behind CommandComplete");
	login();
	says(C);
	parse("", "select g");
	bind_to("p", "");
	execute("p");
	sync_all();
	says(S);
	MSG('1', "");
	MSG('2', "");
	row();
	MSG('s', "");
	ready('T');
	says(C);
	execute("p");
	sync_all();
	says(S);
	row();
	row();
	done("SELECT 2");
	ready('T');
	is(LOGIN "declare select g\n2 (select g) @shop\n2: rows 1\n3 (select g) FETCH @shop\n"
		 "3: rows 2\n",
	   "a portal that is fetched from");
	login();
	says(C);
	parse("s", "one");
	bind_to("p", "s");
	parse("s", "two");
	bind_to("", "s");
	execute("p");
	execute("");
	MSG('C', "Ss\0");
	sync_all();
	bind_to("", "s");
	execute("");
	sync_all();
	is(LOGIN "declare one\ndeclare two\n2 (one) @shop\n3 (two) @shop\n4 ? @shop\n",
	   "a portal keeps its statement; a closed one is not known");
}

static void test_loss(void)
{
	static char big[20000];

	login();
	says(C);
	memset(big, 'x', sizeof(big));
	memcpy(big, "select '", 8);
	big[sizeof(big) - 1] = 0;
	msg('Q', big, sizeof(big));
	t.step[t.cnt - 1].len = 105; /* of which so many were captured */
	talk_step(&t, PROPS_GAP, C, sizeof(big) + 5 - 105);
	says(S);
	done("SELECT 0");
	ready('I');
	{
		char want[512];

		snprintf(want, sizeof(want), LOGIN "2 %.100s... @shop\n2: rows 0\n", big);
		talk_is(&pgsql_ops, &t, true, false, want,
			"a statement that was not captured whole");
	}
	login();
	says(C);
	query("select g");
	says(S);
	MSG('T', "\0\1x\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0");
	talk_step(&t, PROPS_WHOLE, S, 1600);
	says(S);
	row();
	talk_step(&t, PROPS_WHOLE, S, 160);
	says(S);
	done("SELECT 111");
	ready('I');
	talk_is(&pgsql_ops, &t, true, false, LOGIN "2 select g @shop\n2: rows 111\n",
		"rows that the kernel stepped over are counted");
	login();
	says(C);
	query("copy t to stdout");
	says(S);
	MSG('H', "\0\0\1\0\0");
	talk_step(&t, PROPS_WHOLE, S, 1600);
	says(S);
	MSG('c', "");
	done("COPY 100");
	ready('I');
	talk_is(&pgsql_ops, &t, true, false, LOGIN "2 copy t to stdout @shop\n2: affected 100\n",
		"copied data is no rows");
	login();
	says(C);
	parse("s", "one");
	bind_to("", "s");
	execute("");
	sync_all();
	says(S);
	talk_step(&t, PROPS_GAP, S, 30);
	says(C);
	bind_to("", "s");
	execute("");
	sync_all();
	says(S);
	MSG('2', "");
	done("SELECT 0");
	ready('I');
	says(C);
	bind_to("", "s");
	execute("");
	sync_all();
	says(S);
	MSG('2', "");
	done("SELECT 0");
	ready('I');
	talk_is(&pgsql_ops, &t, true, false,
		LOGIN "declare one\n2 (one) @shop\nlost\n3 (one) @shop\nlost\norphan\n"
		      "4 (one) @shop\n4: rows 0\n",
		"answers lost: unknown, then sound again, statements still known");
	login();
	says(C);
	parse("s", "one");
	bind_to("", "s");
	execute("");
	sync_all();
	says(S);
	MSG('1', "");
	MSG('2', "");
	done("SELECT 0");
	ready('I');
	talk_step(&t, PROPS_GAP, C, 30);
	says(C);
	bind_to("", "s");
	execute("");
	sync_all();
	says(S);
	MSG('2', "");
	done("SELECT 0");
	ready('I');
	talk_is(&pgsql_ops, &t, true, false,
		LOGIN "declare one\n2 (one) @shop\n2: rows 0\nlost\n3 ? @shop\n3: rows 0\n",
		"requests lost: what they prepared may be another statement");
}

static void test_late(void)
{
	says(C);
	query("select 1");
	says(S);
	row();
	done("SELECT 1");
	ready('I');
	talk_is(&pgsql_ops, &t, false, false, "1 select 1\n1: rows 1\n", "met at a query");
	says(S);
	row();
	done("SELECT 1");
	ready('I');
	says(C);
	bind_to("", "P_1");
	execute("");
	sync_all();
	says(S);
	MSG('2', "");
	done("UPDATE 1");
	ready('I');
	talk_is(&pgsql_ops, &t, false, false, "orphan\n1 ?\n1: affected 1\n",
		"met at an answer; a statement prepared before");
	says(S);
	talk_put(&t, "\0\0\0\1x\0\0D\0\0\0", 11);
	talk_step(&t, PROPS_GAP, S, 100);
	says(C);
	query("select 1");
	says(S);
	row();
	done("SELECT 1");
	ready('I');
	talk_is(&pgsql_ops, &t, false, false, "1 select 1\n1: rows 1\n",
		"met in the middle of rows");
}

static void test_many(void)
{
	char name[16], want[64];
	struct props p;
	size_t unknown = 0, lost = 0;

	login();
	props_init(&p, &pgsql_ops, true);
	props_run(&p, t.step, t.cnt, 0);
	t.used = t.cnt = 0;
	for (int i = 0; i < 1500; i++) {
		says(C);
		snprintf(name, sizeof(name), "s%d", i);
		parse(name, "select 1");
		says(S);
		MSG('1', "");
		props_run(&p, t.step, t.cnt, 0);
		t.used = t.cnt = 0;
	}
	for (int i = 0; i < 1500; i += 100) {
		says(C);
		snprintf(name, sizeof(name), "s%d", i);
		bind_to("", name);
		execute("");
		props_run(&p, t.step, t.cnt, 0);
		t.used = t.cnt = 0;
	}
	for (size_t i = 0; i < p.msg_cnt; i++)
		unknown += p.msgs[i].m.kind == MSG_REQUEST && p.msgs[i].m.flags & MSG_F_BEGIN &&
			   p.msgs[i].m.db.stmt_unknown;
	snprintf(want, sizeof(want), "of 1500 statements the oldest are forgotten");
	ok(unknown == 5 && !p.broken[0], "%s (%zu of 15 asked for, %s)", want, unknown, p.broken);
	for (int i = 0; i < 5000; i++) {
		says(C);
		query("select 1");
		props_run(&p, t.step, t.cnt, 0);
		t.used = t.cnt = 0;
	}
	for (size_t i = 0; i < p.msg_cnt; i++)
		lost += (p.msgs[i].m.flags & MSG_F_LOST) != 0;
	ok(lost == 1 && !p.broken[0], "5,000 queries in flight: given up once (%zu, %s)", lost,
	   p.broken);
	props_done(&p);
}

static void test_prefixes(void)
{
	struct props p;

	login();
	says(C);
	query("select 1");
	props_init(&p, &pgsql_ops, true);
	ok(props_prefix(&p, t.step, t.cnt), "every prefix of a Query asks for more (%s)", p.broken);
	props_done(&p);
	t.used = t.cnt = 0;
}

int main(void)
{
	test_login();
	test_simple();
	test_extended();
	test_loss();
	test_late();
	test_many();
	test_prefixes();
	return tap_done();
}
