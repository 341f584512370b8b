/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three layers, one pass: tokens (sqllex.c), the sanitised text (text_*), the meaning (mean_*).
 *
 * The text is written at a virtual position that may run past the buffer and come back: lists are
 * written as they stand and taken back to one element when the next one turns out to be alike.
 */
#include "userspace/sqltext.h"

#include "userspace/sqllex.h"

#define FRAMES_MAX    48 /* nested brackets understood; deeper ones are only text */
#define TABLES_MAX    16
#define CTES_MAX      16
#define PLAIN_RUN_MAX 8 /* values in a row outside IN and VALUES before they become one */

enum item_kind { ITEM_NONE, ITEM_VALUE, ITEM_CAST, ITEM_GROUP, ITEM_OTHER };
enum rows_state { ROWS_NONE, ROWS_VALUES, ROWS_ROW, ROWS_COMMA };
enum cte_state { CTE_NONE, CTE_NAME, CTE_NAMED, CTE_AS, CTE_BODY, CTE_DONE };
enum name_use { NAME_FROM, NAME_TABLE, NAME_PROCEDURE };

/* What stands between two brackets, or outside all of them. */
struct frame {
	/* the text */
	bool list;	      /* alike elements become one */
	bool mixed;	      /* holds more than values */
	bool first;	      /* begins an element of the frame around it */
	enum item_kind item;  /* the element being read */
	enum item_kind alike; /* of the run of elements before it */
	uint32_t run;	      /* its length */
	size_t item_from, run_from, run_to;
	enum rows_state rows;
	size_t rows_to;
	/* the meaning */
	enum keyword_id stmt;
	bool start;  /* a statement may begin */
	bool outer;  /* it is the one the text is about */
	bool tables; /* in a list of tables */
	bool expect; /* a name comes next */
	bool in_using;
	enum name_use use;
	enum cte_state cte;
};

struct reader {
	struct sql_info *ret;
	struct sql_lexer lx;
	bool cut;
	size_t text_at; /* virtual: may be past the buffer */
	enum token_kind shown;
	bool separator; /* a ; was read and nothing came since */
	struct frame frames[FRAMES_MAX];
	size_t depth;		/* of the frame in use */
	size_t deeper;		/* brackets opened beyond the last frame */
	enum keyword_id before; /* the word right before */
	/* this statement */
	bool begun;
	enum keyword_id op; /* of the outer statement */
	bool typed;	    /* CREATE and the like: the object is still to come */
	bool on_table;	    /* its table comes after ON */
	bool routine;	    /* CREATE PROCEDURE and the like */
	bool quiet;	    /* SELECT, INSERT ... are names of rights or events here */
	bool body;	    /* in the body of a procedure: only text */
	struct bytes cte[CTES_MAX];
	size_t cte_cnt;
	struct bytes cte_next;
	/* the name being read */
	enum { PART_NONE, PART_NAME, PART_DOT } part;
	bool name_cut;
	enum name_use use;
	char name[SQL_NAME_MAX + 1];
	size_t name_len; /* more than SQL_NAME_MAX: too long */
	/* all statements */
	char table[TABLES_MAX][SQL_NAME_MAX + 1];
	uint32_t table_op[TABLES_MAX]; /* the operation it was last named with */
	size_t table_cnt;
	bool more_tables;
	uint32_t ops;
	size_t summary_len;
	bool summary_full;
};

static void put(struct reader *r, struct bytes b)
{
	for (size_t i = 0; i < b.len; i++, r->text_at++)
		if (r->text_at < SQL_TEXT_MAX)
			r->ret->text[r->text_at] = (char)(sql_blank(b.data[i]) ? ' ' : b.data[i]);
}

static void text_token(struct reader *r, const struct token *t)
{
	bool literal = t->kind == T_STRING || t->kind == T_NUMBER;
	bool closing = t->kind == T_CLOSE || t->kind == T_COMMA || t->kind == T_SEMI;

	if (r->separator && r->text_at)
		put(r, BYTES_LIT("; "));
	else if (r->text_at &&
		 ((t->space && r->shown != T_OPEN && !closing) || (literal && r->shown == T_WORD)))
		put(r, BYTES_LIT(" "));
	r->separator = false;
	r->frames[r->depth].item_from =
		r->frames[r->depth].item == ITEM_NONE ? r->text_at : r->frames[r->depth].item_from;
	put(r, literal ? BYTES_LIT("?") : t->raw);
	r->shown = t->kind;
}

/* An element of a list is over: when it is like the ones before it, it goes. */
static void text_item_end(struct reader *r, struct frame *f)
{
	enum item_kind kind = f->item == ITEM_CAST ? ITEM_VALUE : f->item;
	uint32_t most = f->list ? 1 : PLAIN_RUN_MAX;

	f->item = ITEM_NONE;
	if (kind != ITEM_VALUE && kind != ITEM_GROUP)
		f->mixed |= kind != ITEM_NONE;
	if (kind != f->alike || kind == ITEM_OTHER || kind == ITEM_NONE) {
		f->alike = kind;
		f->run = 1;
		f->run_from = f->item_from;
		f->run_to = r->text_at;
		return;
	}
	if (++f->run <= most)
		return;
	if (kind == ITEM_VALUE && (f->run == most + 1)) {
		r->text_at = f->run_from;
		put(r, BYTES_LIT("?"));
		f->run_to = r->text_at;
	}
	r->text_at = f->run_to;
}

static void text_item(struct frame *f, const struct token *t, const struct keyword *kw)
{
	bool value = t->kind == T_STRING || t->kind == T_NUMBER || t->kind == T_PLACEHOLDER ||
		     kw->flags & KW_VALUE;

	if (f->item == ITEM_NONE)
		f->item = value ? ITEM_VALUE : ITEM_OTHER;
	else if (f->item == ITEM_VALUE && t->kind == T_OP && bytes_eq(t->raw, BYTES_LIT("::")))
		f->item = ITEM_CAST;
	else if (f->item != ITEM_CAST ||
		 (t->kind != T_WORD && t->kind != T_QUOTED && t->kind != T_DOT))
		f->item = ITEM_OTHER;
}

static void summary_add(struct reader *r, const char *part, bool is_name)
{
	size_t len = strlen(part), at = r->summary_len;
	bool quote = is_name && strchr(part, ' ');

	if (r->summary_full || len + (at > 0) + (quote ? 2 : 0) > SQL_SUMMARY_MAX - at) {
		r->summary_full = true;
		return;
	}
	if (at)
		r->ret->summary[at++] = ' ';
	if (quote)
		r->ret->summary[at++] = '"';
	memcpy(r->ret->summary + at, part, len);
	at += len;
	if (quote)
		r->ret->summary[at++] = '"';
	r->summary_len = at;
}

/* A word of an operation; `more`: it belongs to the one before. */
static void op_add(struct reader *r, const struct keyword *kw, bool names, bool more)
{
	char *op = r->ret->operation;
	size_t at = strlen(op), len = strlen(kw->name);

	r->ops += !more;
	summary_add(r, kw->name, false);
	/* operations of two words are only compared where they stand alone */
	if (names && r->ret->statements > 1 && strcmp(op, kw->name) != 0)
		r->ret->operations_differ = true;
	if (!names || r->ret->statements != 1 || at + 1 + len >= sizeof(r->ret->operation))
		return;
	if (at)
		op[at++] = ' ';
	memcpy(op + at, kw->name, len + 1);
}

static struct bytes unquoted(struct bytes raw)
{
	if (raw.len > 4 && raw.data[1] == '&')
		raw = bytes_from(raw, 2);
	if (raw.len >= 2 && (raw.data[0] == '"' || raw.data[0] == '`'))
		raw = bytes_head(bytes_from(raw, 1), raw.len - 2);
	return raw;
}

static void name_part(struct reader *r, const struct token *t)
{
	struct bytes b = unquoted(t->raw);
	uint8_t quote = t->kind == T_QUOTED ? t->raw.data[t->raw.len - 1] : 0;

	if (r->part == PART_NONE)
		r->name_len = 0;
	else if (r->name_len < SQL_NAME_MAX)
		r->name[r->name_len++] = '.';
	for (size_t i = 0; i < b.len && r->name_len <= SQL_NAME_MAX; i++) {
		if (r->name_len == SQL_NAME_MAX)
			r->name_len++;
		else
			r->name[r->name_len++] = (char)(sql_blank(b.data[i]) ? ' ' : b.data[i]);
		if (quote && b.data[i] == quote)
			i++;
	}
	r->name[r->name_len <= SQL_NAME_MAX ? r->name_len : 0] = 0;
	r->name_cut = t->at_end && r->cut;
	r->part = PART_NAME;
}

static void table_add(struct reader *r)
{
	size_t i = 0;

	while (i < r->table_cnt && strcmp(r->table[i], r->name))
		i++;
	if (i == TABLES_MAX) {
		r->more_tables = true;
		return;
	}
	if (i == r->table_cnt)
		memcpy(r->table[r->table_cnt++], r->name, r->name_len + 1);
	else if (r->table_op[i] == r->ops)
		return;
	r->table_op[i] = r->ops;
	summary_add(r, r->name, true);
}

static void name_end(struct reader *r, enum token_kind next)
{
	bool whole =
		r->part == PART_NAME && r->name_len && r->name_len <= SQL_NAME_MAX && !r->name_cut;
	struct bytes name = bytes_of(r->name, r->name_len);

	r->part = PART_NONE;
	if (!whole)
		return;
	if (r->use == NAME_PROCEDURE) {
		if (!r->ret->procedure[0])
			memcpy(r->ret->procedure, r->name, r->name_len + 1);
		table_add(r);
		return;
	}
	if (r->use == NAME_FROM &&
	    (next == T_OPEN || (!r->lx.pg && bytes_ieq(name, BYTES_LIT("dual")))))
		return;
	for (size_t i = 0; i < r->cte_cnt; i++)
		if (bytes_ieq(unquoted(r->cte[i]), name))
			return;
	table_add(r);
}

static void expect(struct frame *f, enum name_use use, bool tables)
{
	f->expect = true;
	f->use = use;
	f->tables = tables;
}

static void mean_start(struct reader *r, struct frame *f, const struct keyword *kw)
{
	bool names = f->outer && !r->op;

	f->start = false;
	f->tables = f->expect = f->in_using = false;
	f->stmt = kw->id == K_REPLACE ? K_INSERT : kw->id;
	op_add(r, kw, names, false);
	if (f->outer && !r->op)
		r->op = kw->id;
	switch (kw->id) {
	case K_EXPLAIN:
		f->start = true;
		break;
	case K_DESC:
	case K_DESCRIBE:
		f->start = true;
		expect(f, NAME_TABLE, false);
		break;
	case K_UPDATE:
		expect(f, NAME_FROM, true);
		break;
	case K_INSERT:
	case K_REPLACE:
	case K_MERGE:
	case K_COPY:
	case K_TABLE:
		expect(f, NAME_TABLE, false);
		break;
	case K_ANALYSE:
	case K_ANALYZE:
	case K_CHECK:
	case K_CLUSTER:
	case K_LOCK:
	case K_OPTIMIZE:
	case K_REPAIR:
	case K_TRUNCATE:
	case K_VACUUM:
		expect(f, NAME_TABLE, true);
		break;
	case K_CALL:
	case K_EXEC:
	case K_EXECUTE:
		expect(f, NAME_PROCEDURE, false);
		break;
	case K_ALTER:
	case K_CREATE:
	case K_DROP:
	case K_LOAD:
	case K_REFRESH:
	case K_REINDEX:
	case K_RENAME:
	case K_START:
		r->typed = true;
		break;
	case K_FETCH:
	case K_GRANT:
	case K_MOVE:
	case K_REVOKE:
		r->quiet = true;
		break;
	default:
		break;
	}
}

/* The object of CREATE and the like. */
static void mean_type(struct reader *r, struct frame *f, const struct keyword *kw)
{
	op_add(r, kw, r->op == f->stmt && f->outer, true);
	r->typed = kw->id == K_MATERIALIZED || kw->id == K_FOREIGN;
	if (kw->id == K_TABLE || kw->id == K_VIEW)
		expect(f, NAME_TABLE, f->stmt == K_DROP);
	r->on_table = kw->id == K_INDEX || kw->id == K_TRIGGER || kw->id == K_POLICY;
	r->quiet = kw->id == K_TRIGGER || kw->id == K_POLICY || kw->id == K_RULE;
	r->routine = kw->id == K_FUNCTION || kw->id == K_PROCEDURE || kw->id == K_TRIGGER ||
		     kw->id == K_EVENT;
}

/* true: the word was part of WITH name AS ( */
static bool mean_cte(struct reader *r, struct frame *f, const struct token *t,
		     const struct keyword *kw)
{
	switch (f->cte) {
	case CTE_NAME:
		if (kw->id == K_RECURSIVE)
			return true;
		r->cte_next = t->raw;
		f->cte = CTE_NAMED;
		return true;
	case CTE_NAMED:
		f->cte = kw->id == K_AS ? CTE_AS : CTE_NONE;
		return kw->id == K_AS;
	case CTE_AS:
		if (kw->id == K_NOT || kw->id == K_MATERIALIZED)
			return true;
		break;
	default:
		break;
	}
	f->cte = kw->id == K_WITH ? CTE_NAME : CTE_NONE;
	return kw->id == K_WITH;
}

/* Where a name is expected: true: the word is one, or stands before one. */
static bool mean_expected(struct reader *r, struct frame *f, const struct token *t,
			  const struct keyword *kw)
{
	if (kw->id == K_INTO && (f->stmt == K_INSERT || f->stmt == K_MERGE))
		return true;
	if (kw->flags & KW_SKIP)
		return true;
	f->expect = false;
	if (kw->flags & KW_ENDS || kw->id == K_SELECT || kw->id == K_FROM || kw->id == K_ON ||
	    kw->id == K_USING || kw->id == K_JOIN || kw->id == K_AS || kw->id == K_ROWS ||
	    kw->id == K_TO || (f->start && kw->flags & KW_START))
		return false;
	f->start = false;
	r->use = f->use;
	name_part(r, t);
	return true;
}

static void mean_clause(struct reader *r, struct frame *f, const struct keyword *kw)
{
	if (kw->flags & KW_ENDS)
		f->tables = false;
	switch (kw->id) {
	case K_FROM:
		if ((f->stmt == K_SELECT || f->stmt == K_DELETE || f->stmt == K_UPDATE) &&
		    r->before != K_DISTINCT && r->before != K_ROWS)
			expect(f, NAME_FROM, true);
		break;
	case K_JOIN:
	case K_STRAIGHT_JOIN:
		if (f->tables)
			expect(f, NAME_FROM, true);
		break;
	case K_USING:
		if ((f->stmt == K_DELETE || f->stmt == K_MERGE) && !f->in_using) {
			f->in_using = true;
			expect(f, NAME_FROM, true);
		}
		break;
	case K_INTO:
		if (f->stmt == K_LOAD || (f->stmt == K_SELECT && r->lx.pg))
			expect(f, NAME_TABLE, false);
		break;
	default:
		break;
	}
}

static void mean_word(struct reader *r, struct frame *f, const struct token *t,
		      const struct keyword *kw)
{
	if (mean_cte(r, f, t, kw))
		return;
	if (r->routine && kw->id == K_BEGIN) {
		r->body = true;
		return;
	}
	if (r->on_table && kw->id == K_ON) {
		r->on_table = false;
		expect(f, NAME_TABLE, false);
		return;
	}
	if (r->typed && kw->id != K_SELECT) {
		if (kw->id == K_DEFAULT)
			r->typed = false;
		else if (kw->flags & KW_TYPE)
			mean_type(r, f, kw);
		return;
	}
	if (f->expect && mean_expected(r, f, t, kw))
		return;
	if (r->quiet)
		return;
	r->typed = false;
	if (f->start && r->op == K_EXPLAIN && kw->flags & KW_SKIP && kw->id != K_TABLE)
		return;
	if (kw->id == K_SELECT || (f->start && kw->flags & KW_START))
		mean_start(r, f, kw);
	else
		mean_clause(r, f, kw);
	f->start &= r->op == K_EXPLAIN;
}

/* What a token says, before it is in the text. */
static void mean(struct reader *r, const struct token *t, const struct keyword *kw)
{
	struct frame *f = &r->frames[r->depth];

	if (r->part == PART_NAME && t->kind == T_DOT) {
		r->part = PART_DOT;
		return;
	}
	if (r->part == PART_DOT && (t->kind == T_WORD || t->kind == T_QUOTED)) {
		name_part(r, t);
		return;
	}
	if (r->part != PART_NONE)
		name_end(r, t->kind);
	switch (t->kind) {
	case T_WORD:
	case T_QUOTED:
		mean_word(r, f, t, kw);
		break;
	case T_COMMA:
		f->cte = f->cte == CTE_DONE ? CTE_NAME : CTE_NONE;
		f->expect |= f->tables;
		break;
	case T_OPEN:
	case T_CLOSE:
	case T_DOT:
		break;
	default:
		f->expect = false;
	}
}

/* Opens the frame of a bracket; `list`: what it holds becomes one element. */
static void frame_open(struct reader *r, bool list, bool first)
{
	struct frame *f = &r->frames[r->depth], *child;

	if (r->depth + 1 == FRAMES_MAX) {
		r->deeper = 1;
		return;
	}
	child = &r->frames[++r->depth];
	*child = (struct frame){.list = list, .first = first};
	if (f->cte == CTE_AS) {
		if (r->cte_cnt < CTES_MAX)
			r->cte[r->cte_cnt++] = r->cte_next;
		f->cte = CTE_BODY;
		child->start = true;
	} else if (f->cte == CTE_NAME) {
		f->cte = CTE_NONE;
	} else if (f->cte == CTE_NONE || f->cte == CTE_DONE) {
		child->start = child->outer = f->start && f->outer && r->op != K_EXPLAIN;
	}
	if (f->expect && f->use == NAME_FROM) {
		f->expect = false;
		if (r->before != K_USING)
			expect(child, NAME_FROM, true);
	}
	f->expect &= f->stmt == K_VACUUM || f->stmt == K_ANALYZE || f->stmt == K_REINDEX;
}

static void text_rows(struct frame *f, const struct token *t, const struct keyword *kw)
{
	if (f->rows == ROWS_ROW)
		f->rows = t->kind == T_COMMA ? ROWS_COMMA : ROWS_NONE;
	else if (f->rows != ROWS_NONE && t->kind != T_OPEN && kw->id != K_ROW)
		f->rows = ROWS_NONE;
	if (kw->id == K_VALUES || kw->id == K_VALUE)
		f->rows = ROWS_VALUES;
}

static void text_close(struct reader *r, const struct token *t)
{
	struct frame *child = &r->frames[r->depth], *f = child - 1;

	text_item_end(r, child);
	r->depth--;
	text_token(r, t);
	if (child->list && child->first && !child->mixed)
		f->item = ITEM_GROUP;
	if (f->rows == ROWS_VALUES)
		f->rows_to = r->text_at;
	else if (f->rows == ROWS_COMMA)
		r->text_at = f->rows_to;
	if (f->rows != ROWS_NONE)
		f->rows = ROWS_ROW;
	if (f->cte == CTE_BODY)
		f->cte = CTE_DONE;
}

static void text(struct reader *r, const struct token *t, const struct keyword *kw)
{
	struct frame *f = &r->frames[r->depth];
	bool first = f->item == ITEM_NONE, list;

	if (r->deeper) {
		r->deeper += t->kind == T_OPEN;
		r->deeper -= t->kind == T_CLOSE;
		text_token(r, t);
		return;
	}
	if (t->kind == T_CLOSE && r->depth) {
		text_close(r, t);
		return;
	}
	text_rows(f, t, kw);
	if (t->kind == T_COMMA) {
		text_item_end(r, f);
		text_token(r, t);
		return;
	}
	list = f->rows != ROWS_NONE || r->before == K_IN || r->before == K_ARRAY ||
	       (f->list && first);
	text_token(r, t);
	text_item(f, t, kw);
	if (t->kind == T_OPEN)
		frame_open(r, list, first);
}

static void statement_end(struct reader *r)
{
	name_end(r, T_END);
	for (;; r->depth--) {
		text_item_end(r, &r->frames[r->depth]);
		if (!r->depth)
			break;
		if (r->frames[r->depth - 1].rows == ROWS_COMMA)
			r->text_at = r->frames[r->depth - 1].rows_to;
	}
	r->frames[0] = (struct frame){.start = true, .outer = true};
	r->deeper = 0;
	r->separator |= r->begun;
	r->begun = r->typed = r->on_table = r->routine = r->quiet = r->body = false;
	r->op = K_NONE;
	r->cte_cnt = 0;
}

/* No piece of a character and no blank at the end. */
static void text_finish(struct sql_info *ret)
{
	uint32_t len = ret->text_len, lead = len;

	while (lead && len - lead < 4 && ((uint8_t)ret->text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead && ret->text_cut) {
		uint8_t c = (uint8_t)ret->text[lead - 1];
		uint32_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

		if (want > len - lead + 1)
			len = lead - 1;
	}
	while (len && ret->text[len - 1] == ' ')
		len--;
	memset(ret->text + len, 0, sizeof(ret->text) - len);
	ret->text_len = len;
}

void sql_read(struct bytes sql, enum sql_dialect dialect, bool cut, struct sql_info *ret)
{
	struct reader r = {.ret = ret,
			   .lx = {.s = sql.data, .len = sql.len, .pg = dialect == SQL_POSTGRESQL},
			   .cut = cut};
	const struct keyword *kw;

	*ret = (struct sql_info){.traceparent = BYTES_NONE};
	r.frames[0] = (struct frame){.start = true, .outer = true};
	for (;;) {
		struct token t = sql_next(&r.lx, &kw);

		if (t.kind == T_END)
			break;
		if (t.kind == T_SEMI && !r.body) {
			statement_end(&r);
			r.before = K_NONE;
			continue;
		}
		if (t.kind == T_STRING && r.shown == T_STRING && !r.separator)
			continue; /* one literal in pieces */
		if (!r.begun)
			ret->statements++;
		r.begun = true;
		if (!r.deeper && !r.body)
			mean(&r, &t, kw);
		text(&r, &t, kw);
		r.before = kw->id;
	}
	statement_end(&r);
	ret->text_cut = cut || r.text_at > SQL_TEXT_MAX;
	ret->text_len = (uint32_t)(r.text_at < SQL_TEXT_MAX ? r.text_at : SQL_TEXT_MAX);
	ret->traceparent = r.lx.traceparent;
	text_finish(ret);
	if (r.table_cnt == 1 && !r.more_tables)
		memcpy(ret->target, r.table[0], sizeof(ret->target));
}
