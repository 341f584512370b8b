/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_DB_LOG_H
#define OE_DB_LOG_H
/*
 * Conversations of databases: built byte by byte, run through a parser, and what it said as lines:
 *   1 select 1            request 1, its statement; `1 PING`, `1 (a statement) FETCH`, `1 ?`
 * unknown 1: rows 1             its response: rows, affected, results where not one, or `error
 * CODE` declare TEXT, lost, orphan Quiet requests have a ~ before them, the connection's database
 * stands behind @.
 */
#include "tests/unit/proto_props.h"
#include "tests/unit/tap.h"

#define TALK_STEPS 40

struct talk {
	uint8_t mem[1 << 16];
	size_t used;
	struct props_step step[TALK_STEPS];
	size_t cnt;
};

/* Which side speaks next; a new step. */
static inline void talk_step(struct talk *t, enum props_what what, enum oe_dir dir, size_t len)
{
	t->step[t->cnt++] = (struct props_step){what, dir, t->mem + t->used, len};
}

static inline void talk_put(struct talk *t, const void *data, size_t len)
{
	if (len)
		memcpy(t->mem + t->used, data, len);
	t->used += len;
	t->step[t->cnt - 1].len += len;
}

static inline void log_line(char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline void log_line(char *out, size_t size, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, size - n, fmt, ap);
	va_end(ap);
}

static inline void log_message(const struct props_msg *k, char *out, size_t size)
{
	const struct msg_db *b = &k->m.db;

	if (k->m.flags & MSG_F_LOST) {
		log_line(out, size, "lost\n");
	} else if (k->m.flags & MSG_F_DECLARE) {
		log_line(out, size, "declare %.*s%s\n", (int)b->text.len, b->text.data,
			 b->text_cut ? "..." : "");
	} else if (k->m.flags & MSG_F_ORPHAN) {
		log_line(out, size, "orphan\n");
	} else if (k->m.kind == MSG_REQUEST) {
		log_line(out, size, "%u ", k->nr);
		if (k->m.flags & MSG_F_QUIET)
			log_line(out, size, "~");
		if (b->stmt_unknown)
			log_line(out, size, "?");
		if (b->text.len)
			log_line(out, size, "%.*s%s", (int)b->text.len, b->text.data,
				 b->text_cut ? "..." : "");
		if (b->stmt)
			log_line(out, size, "(%s)", k->stmt ? k->stmt : "");
		if (b->command)
			log_line(out, size, "%s%s", b->stmt || b->stmt_unknown ? " " : "",
				 b->command);
		if (b->batch)
			log_line(out, size, " x%u", b->batch);
		if (b->name_space.len)
			log_line(out, size, " @%.*s", (int)b->name_space.len, b->name_space.data);
		log_line(out, size, "\n");
	} else {
		log_line(out, size, "%u:", k->nr);
		if (b->code.len)
			log_line(out, size, " error %.*s", (int)b->code.len, b->code.data);
		if (b->failed)
			log_line(out, size, " failed %s", b->failed);
		if (k->m.flags & MSG_F_UNKNOWN)
			log_line(out, size, " unknown");
		if (b->rows_returned >= 0)
			log_line(out, size, " rows %lld", (long long)b->rows_returned);
		if (b->rows_affected >= 0)
			log_line(out, size, " affected %lld", (long long)b->rows_affected);
		if (b->results > 1)
			log_line(out, size, " results %u", b->results);
		log_line(out, size, "\n");
	}
}

/* Runs the talk (from the start, or to be detected) and compares. `splits`: also in pieces. */
static inline void talk_is(const struct proto_ops *ops, struct talk *t, bool known, bool splits,
			   const char *want, const char *name)
{
	char got[8192] = "";
	struct props p;

	props_init(&p, ops, known);
	props_run(&p, t->step, t->cnt, 0);
	for (size_t i = 0; i < p.msg_cnt; i++)
		log_message(&p.msgs[i], got, sizeof(got));
	is_str(got, want, name);
	ok(!p.broken[0], "%s: the contract was kept (%s)", name, p.broken);
	if (splits && t->cnt <= PROPS_STEP_MAX)
		ok(props_split(&p, t->step, t->cnt, 1, known), "%s: pieces of any size (%s)", name,
		   p.broken);
	props_done(&p);
	t->used = t->cnt = 0;
}

#endif
