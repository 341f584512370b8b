/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's frontend/backend protocol 3.0 and 3.2 (PostgreSQL documentation, "Frontend/Backend
 * Protocol"). Each message is a type byte, a length that counts itself, and a body; the first ones
 * of a client have no type.
 *
 * OPERATIONS. Query, Execute and FunctionCall are operations; so is a Parse that is sent off
 * (Flush, Sync) before anything executes it, and the login: quiet ones, of which only a failure is
 * worth telling. They stand in a queue; the server answers in order. Sync has a place in the queue
 * as well, since after an error the server skips what stands before it: those operations fail with
 * "pipeline_aborted". Execute ends with CommandComplete, but when a Sync follows directly only with
 * ReadyForQuery: the commit happens there, and its failure is the statement's.
 *
 * STATEMENTS AND PORTALS live in one table, under the names that Close and Describe use: 'S' or 'P'
 * and the name. A portal keeps the statement it was bound to. Text is handed out at once (DECLARE)
 * and not kept.
 *
 * FOOTING. A gap inside a message is stepped over; one that hides a boundary makes what is open
 * unknown. A direction finds its footing again at an I/O that is a chain of whole messages.
 * After a loss on the client's side all statements are forgotten: what was lost may have prepared
 * the same name anew.
 */
#include "probes/probe.h"
#include "probes/proto/dbstate.h"
#include "probes/proto/pgsql_wire.h"

#define NEED_MAX    8192u
#define NAMES_MAX   (2 * (NAME_MAX_PG + 1) + 4) /* of a Bind: portal and statement */
#define NAME_MAX_PG 63u /* NAMEDATALEN - 1: longer names are cut by the server */
/* whole messages that make a chain believable though its end is not seen */
#define CHAIN_ENOUGH 3u

enum op_kind { OP_QUERY = 1, OP_EXECUTE, OP_CALL, OP_PARSE, OP_SYNC, OP_LOGIN };

/* db_op.flags */
#define OP_ANNOUNCED 1 /* the caller has its request */
#define OP_ANSWERED  2 /* and its response */

/* Where one direction stands. */
struct pg_dir {
	uint64_t body_left; /* of the current message, to be skipped */
	bool aligned;
	bool lost; /* bytes were missed since it was */
};

struct pg {
	struct db_stmts stmts;
	struct db_ops ops;
	struct pg_dir d[2];
	uint8_t client;	  /* 1 + direction of the client's messages; 0 = not known yet */
	bool startup;	  /* the client's next message has no type */
	bool crypt_asked; /* the server's next byte answers SSLRequest or GSSENCRequest */
	bool opaque;	  /* encrypted from here on, or a CancelRequest */
	bool lost_untold;
	/* db_stmt.mark: of a portal: was executed; of a statement: sent since the last Sync or
	 * Flush, and not executed yet. So many of them: */
	uint32_t parses;
	/* of the operation at the front */
	uint64_t rows, affected, bytes;
	uint32_t results;
	bool rows_come, copying, affected_known, done; /* done: complete, waits for ReadyForQuery */
	bool failed; /* an error came: the server skips everything up to the next Sync */
	char code[6];
	uint8_t database_len;
	char database[NAME_MAX_PG];
};

static enum detect_result pg_detect(struct bytes in, enum oe_dir dir)
{
	switch (pg_classify(in)) {
	case PG_SIDE_NONE:
		return DETECT_NO;
	case PG_SIDE_MAYBE:
		return DETECT_MAYBE;
	default:
		return DETECT_YES;
	}
}

/* -- operations -- */

static void ops_clear(struct pg *s)
{
	struct db_op *op;

	while ((op = db_op_first(&s->ops))) {
		if (op->stmt)
			db_stmt_unref(&s->stmts, op->stmt);
		db_op_pop(&s->ops);
	}
	s->parses = 0;
}

static void front_reset(struct pg *s)
{
	s->rows = s->affected = s->bytes = 0;
	s->results = 0;
	s->rows_come = s->copying = s->affected_known = s->done = false;
	s->code[0] = 0;
}

static void op_pop(struct pg *s)
{
	struct db_op *op = db_op_first(&s->ops);

	if (op->stmt)
		db_stmt_unref(&s->stmts, op->stmt);
	db_op_pop(&s->ops);
}

/* What is open is unknown from here on. */
static enum parse_status lose(struct pg *s, struct message *m)
{
	ops_clear(s);
	front_reset(s);
	s->failed = s->lost_untold = false;
	*m = (struct message){.family = MSG_FAMILY_DB, .kind = MSG_REQUEST, .flags = MSG_F_LOST};
	return PARSE_OK;
}

static enum parse_status lose_footing(struct pg *s, enum oe_dir dir, struct message *m)
{
	struct pg_dir *d = &s->d[dir];

	d->aligned = false;
	d->lost = true;
	d->body_left = 0;
	if (s->client == 1 + dir) {
		s->startup = false;
		db_stmts_clear(&s->stmts);
	}
	return lose(s, m);
}

static struct db_op *op_push(struct pg *s, enum op_kind kind, struct db_stmt *stmt)
{
	struct db_op *op = db_op_push(&s->ops);

	if (!op)
		return NULL;
	op->kind = (uint8_t)kind;
	op->stmt = stmt;
	if (stmt)
		db_stmt_ref(stmt);
	return op;
}

static enum parse_status request(struct pg *s, struct db_op *op, uint64_t size, struct message *m)
{
	op->flags |= OP_ANNOUNCED;
	*m = (struct message){.family = MSG_FAMILY_DB,
			      .kind = MSG_REQUEST,
			      .flags = MSG_F_BEGIN | MSG_F_END,
			      .owner = &op->owner,
			      .head_size = size,
			      .wire_size = size,
			      .db = {.system = DB_SYSTEM_POSTGRESQL,
				     .name_space = bytes_of(s->database, s->database_len)}};
	if (op->stmt)
		m->db.stmt = &op->stmt->owner;
	return PARSE_OK;
}

static enum parse_status response(struct pg *s, struct db_op *op, const char *failed,
				  struct message *m)
{
	bool bad = failed || s->code[0];

	op->flags |= OP_ANSWERED;
	*m = (struct message){.family = MSG_FAMILY_DB,
			      .kind = MSG_RESPONSE,
			      .flags = MSG_F_BEGIN | MSG_F_END,
			      .owner = &op->owner,
			      .wire_size = s->bytes,
			      .db.system = DB_SYSTEM_POSTGRESQL};
	m->db.rows_returned = s->rows_come && !bad ? (int64_t)s->rows : -1;
	m->db.rows_affected = s->affected_known && !bad ? (int64_t)s->affected : -1;
	m->db.results = s->results;
	m->db.code = failed ? BYTES_NONE : bytes_str(s->code);
	m->db.failed = failed;
	return PARSE_OK;
}

/* -- the client's side -- */

/* A NUL-terminated string at the start of `body`. False: its end is not there. */
static bool cstring(struct bytes *body, struct bytes *ret)
{
	const uint8_t *nul = body->len ? memchr(body->data, 0, body->len) : NULL;

	if (!nul)
		return false;
	*ret = bytes_of(body->data, (size_t)(nul - body->data));
	*body = bytes_from(*body, ret->len + 1);
	return true;
}

/* Key of a statement or portal in `buf`. */
static struct bytes key_of(uint8_t what, struct bytes name, uint8_t buf[DB_KEY_MAX])
{
	size_t n = name.len < NAME_MAX_PG ? name.len : NAME_MAX_PG;

	buf[0] = what;
	if (n)
		memcpy(buf + 1, name.data, n);
	return bytes_of(buf, 1 + n);
}

/* The text up to its NUL, or all there is of it. */
static struct bytes text_of(struct bytes body, bool *ret_cut)
{
	struct bytes text;

	*ret_cut = !cstring(&body, &text);
	return *ret_cut ? body : text;
}

static enum parse_status startup_message(struct pg *s, struct bytes body, bool cut, uint64_t size,
					 struct message *m)
{
	struct bytes key, value, user = BYTES_NONE, database = BYTES_NONE;
	struct db_op *op;

	while (cstring(&body, &key) && key.len) {
		if (!cstring(&body, &value)) {
			cut = true;
			break;
		}
		if (bytes_eq(key, BYTES_LIT("user")))
			user = value;
		else if (bytes_eq(key, BYTES_LIT("database")))
			database = value;
	}
	if (!database.len && !cut)
		database = user;
	if (database.len <= sizeof(s->database)) {
		s->database_len = (uint8_t)database.len;
		if (database.len)
			memcpy(s->database, database.data, database.len);
	}
	s->startup = false;
	op = op_push(s, OP_LOGIN, NULL);
	if (!op)
		return lose(s, m);
	request(s, op, size, m);
	m->flags |= MSG_F_QUIET;
	m->db.command = "CONNECT";
	return PARSE_OK;
}

/* Messages without a type. cut: all that was captured of it is there. */
static enum parse_status parse_startup(struct pg *s, struct pg_dir *d, struct bytes in, bool cut,
				       struct message *m, size_t *ret_used)
{
	uint32_t len, code;
	size_t n;

	if (in.len < 8)
		return cut ? PARSE_INVALID : PARSE_NEED_MORE;
	if (!pg_is_startup(in.data))
		return PARSE_INVALID;
	len = pg_be32(in.data);
	code = pg_be32(in.data + 4);
	if (in.len < len && !cut && in.len < NEED_MAX)
		return PARSE_NEED_MORE;
	n = in.len < len ? in.len : len;
	*ret_used = n;
	d->body_left = len - n;
	if (code == PG_CODE_SSL || code == PG_CODE_GSS) {
		s->crypt_asked = true;
		return PARSE_SKIP;
	}
	if (code == PG_CODE_CANCEL) {
		s->opaque = true; /* nothing follows, nothing answers */
		return PARSE_SKIP;
	}
	return startup_message(s, bytes_of(in.data + 8, n - 8), n < len, len, m);
}

static enum parse_status on_query(struct pg *s, struct bytes body, uint64_t size, struct message *m)
{
	struct db_op *op = op_push(s, OP_QUERY, NULL);

	if (!op)
		return lose(s, m);
	request(s, op, size, m);
	m->db.text = text_of(body, &m->db.text_cut);
	return PARSE_OK;
}

static enum parse_status on_parse(struct pg *s, struct bytes body, struct message *m)
{
	uint8_t buf[DB_KEY_MAX];
	struct db_stmt *stmt = NULL;
	struct bytes name;

	if (cstring(&body, &name))
		stmt = db_stmt_put(&s->stmts, key_of('S', name, buf));
	else
		db_stmts_clear(&s->stmts); /* which one it replaces was not captured */
	if (!op_push(s, OP_PARSE, stmt))
		return lose(s, m);
	if (!stmt)
		return PARSE_SKIP;
	stmt->mark = true;
	s->parses++;
	*m = (struct message){.family = MSG_FAMILY_DB,
			      .kind = MSG_REQUEST,
			      .flags = MSG_F_DECLARE,
			      .db = {.system = DB_SYSTEM_POSTGRESQL, .stmt = &stmt->owner}};
	m->db.text = text_of(body, &m->db.text_cut);
	return PARSE_OK;
}

static enum parse_status on_bind(struct pg *s, struct bytes body)
{
	struct bytes portal, name;
	uint8_t buf[DB_KEY_MAX];
	struct db_stmt *stmt, *p;

	if (!cstring(&body, &portal)) {
		db_stmts_clear(&s->stmts);
		return PARSE_SKIP;
	}
	db_stmt_drop(&s->stmts, key_of('P', portal, buf));
	stmt = cstring(&body, &name) ? db_stmt_find(&s->stmts, key_of('S', name, buf)) : NULL;
	if (!stmt)
		return PARSE_SKIP;
	db_stmt_ref(stmt); /* putting the portal may push the statement out */
	p = db_stmt_put(&s->stmts, key_of('P', portal, buf));
	if (p)
		p->bound = stmt;
	else
		db_stmt_unref(&s->stmts, stmt);
	return PARSE_SKIP;
}

static enum parse_status on_execute(struct pg *s, struct bytes body, uint64_t size,
				    struct message *m)
{
	uint8_t buf[DB_KEY_MAX];
	struct db_stmt *p = NULL;
	struct bytes portal;
	struct db_op *op;

	if (cstring(&body, &portal))
		p = db_stmt_find(&s->stmts, key_of('P', portal, buf));
	op = op_push(s, OP_EXECUTE, p ? p->bound : NULL);
	if (!op)
		return lose(s, m);
	request(s, op, size, m);
	m->db.stmt_unknown = !op->stmt;
	if (p && p->mark)
		m->db.command = "FETCH";
	if (p)
		p->mark = true;
	if (op->stmt && op->stmt->mark) {
		op->stmt->mark = false;
		s->parses -= s->parses > 0;
	}
	return PARSE_OK;
}

/* Flush or Sync: what was prepared and not executed is an operation of its own. */
static bool announce_parse(struct pg *s, struct message *m)
{
	struct db_op *op;

	for (uint32_t i = 0; s->parses && (op = db_op_at(&s->ops, i)); i++) {
		if (op->kind != OP_PARSE || op->flags & OP_ANNOUNCED || !op->stmt ||
		    !op->stmt->mark)
			continue;
		op->stmt->mark = false;
		s->parses--;
		request(s, op, 0, m);
		m->flags |= MSG_F_QUIET;
		return true;
	}
	s->parses = 0;
	return false;
}

static enum parse_status on_close(struct pg *s, struct bytes body)
{
	uint8_t what = body.len ? body.data[0] : 0, buf[DB_KEY_MAX];
	struct bytes rest = bytes_from(body, 1), name;

	if (what && cstring(&rest, &name))
		db_stmt_drop(&s->stmts, key_of(what, name, buf));
	else
		db_stmts_clear(&s->stmts);
	return PARSE_SKIP;
}

static enum parse_status front(struct pg *s, uint8_t type, struct bytes body, uint64_t size,
			       struct message *m)
{
	struct db_op *op;

	switch (type) {
	case 'Q':
		return on_query(s, body, size, m);
	case 'P':
		return on_parse(s, body, m);
	case 'B':
		return on_bind(s, body);
	case 'E':
		return on_execute(s, body, size, m);
	case 'C':
		return on_close(s, body);
	case 'S':
		return op_push(s, OP_SYNC, NULL) ? PARSE_SKIP : lose(s, m);
	case 'F':
		op = op_push(s, OP_CALL, NULL);
		if (!op)
			return lose(s, m);
		request(s, op, size, m);
		m->db.command = "FUNCTION CALL";
		return PARSE_OK;
	default: /* Describe, Flush, Terminate, copy data; passwords are not looked at */
		return PARSE_SKIP;
	}
}

/* -- the server's side -- */

/* Number at the end of a command tag; -1: none. */
static int64_t tag_number(struct bytes tag)
{
	size_t i = tag.len;
	int64_t v = 0;

	while (i && tag.data[i - 1] >= '0' && tag.data[i - 1] <= '9')
		i--;
	if (i == tag.len || tag.len - i > 18 || !i || tag.data[i - 1] != ' ')
		return -1;
	for (; i < tag.len; i++)
		v = v * 10 + (tag.data[i] - '0');
	return v;
}

static void read_tag(struct pg *s, struct bytes body)
{
	struct bytes tag;
	int64_t n;

	s->results++;
	if (!cstring(&body, &tag))
		return;
	n = tag_number(tag);
	if (bytes_starts(tag, BYTES_LIT("SELECT ")) || bytes_starts(tag, BYTES_LIT("FETCH ")))
		s->rows_come = true;
	else if (n >= 0) {
		s->affected += (uint64_t)n;
		s->affected_known = true;
	}
}

/* SQLSTATE of an ErrorResponse: fields of a letter and a string each. */
static void read_error(struct pg *s, struct bytes body)
{
	struct bytes value;

	s->code[0] = 0;
	while (body.len && body.data[0]) {
		uint8_t field = body.data[0];

		body = bytes_from(body, 1);
		if (!cstring(&body, &value))
			return;
		if (field == 'C' && value.len == 5) {
			memcpy(s->code, value.data, 5);
			s->code[5] = 0;
			return;
		}
	}
}

static const char *error_type(const struct pg *s)
{
	return s->code[0] ? NULL : "_OTHER";
}

/* The statement of a Parse that failed or was skipped does not exist. */
static void unprepare(struct pg *s, const struct db_op *op)
{
	const struct db_stmt *stmt = op->stmt;

	if (op->kind == OP_PARSE && stmt && stmt->keyed)
		db_stmt_drop(&s->stmts, bytes_of(stmt->key, stmt->key_len));
}

static enum parse_status on_error(struct pg *s, struct message *m)
{
	struct db_op *op = db_op_first(&s->ops), *x;

	s->failed = true;
	if (!op)
		return PARSE_SKIP;
	switch (op->kind) {
	case OP_PARSE:
		unprepare(s, op);
		if (op->flags & OP_ANNOUNCED)
			return op->flags & OP_ANSWERED ? PARSE_SKIP
						       : response(s, op, error_type(s), m);
		/* the statement's execution, sent along, is what fails */
		for (uint32_t i = 1; (x = db_op_at(&s->ops, i)) && x->kind != OP_SYNC; i++)
			if (x->kind == OP_EXECUTE && x->stmt == op->stmt &&
			    !(x->flags & OP_ANSWERED))
				return response(s, x, error_type(s), m);
		return PARSE_SKIP;
	case OP_SYNC:
		return PARSE_SKIP; /* a Bind or Describe without an Execute */
	default:
		s->done = false;
		return op->flags & OP_ANSWERED ? PARSE_SKIP : response(s, op, error_type(s), m);
	}
}

/* One operation at the front is over; what of it was not told yet is told. False: nothing was. */
static bool finish(struct pg *s, const char *failed, struct message *m)
{
	struct db_op *op = db_op_first(&s->ops);
	bool tell = op->flags & OP_ANNOUNCED && !(op->flags & OP_ANSWERED);

	if (failed)
		unprepare(s, op);
	if (tell)
		response(s, op, failed, m);
	op_pop(s);
	front_reset(s); /* an error's code has been told before: it is not in *m */
	return tell;
}

static void orphan(struct pg *s, struct message *m)
{
	front_reset(s);
	*m = (struct message){.family = MSG_FAMILY_DB,
			      .kind = MSG_RESPONSE,
			      .flags = MSG_F_BEGIN | MSG_F_END | MSG_F_ORPHAN,
			      .db = {.rows_returned = -1, .rows_affected = -1}};
}

/* ReadyForQuery: ends what Sync, Query, FunctionCall or the login began. *ret_again: there is more
 * to say of the same message. */
static enum parse_status on_ready(struct pg *s, struct message *m, bool *ret_again)
{
	const struct db_op *op = db_op_first(&s->ops);

	if (!op) {
		s->failed = false;
		orphan(s, m);
		return PARSE_OK;
	}
	if (op->kind != OP_EXECUTE && op->kind != OP_PARSE) {
		s->failed = false;
		return finish(s, NULL, m) ? PARSE_OK : PARSE_SKIP;
	}
	if (!s->done && !s->failed)
		return lose(s, m); /* answers were missed */
	*ret_again = true;
	/* what the server skipped after an error fails with it */
	return finish(s, s->done ? NULL : "pipeline_aborted", m) ? PARSE_OK : PARSE_SKIP;
}

/* CommandComplete, EmptyQueryResponse, PortalSuspended. */
static enum parse_status on_complete(struct pg *s, struct message *m)
{
	const struct db_op *op = db_op_first(&s->ops), *next;

	if (!op || op->kind != OP_EXECUTE)
		return PARSE_SKIP; /* of a Query: there may be more statements */
	next = db_op_at(&s->ops, 1);
	s->done = true;
	if (next && next->kind == OP_SYNC)
		return PARSE_SKIP;
	return finish(s, NULL, m) ? PARSE_OK : PARSE_SKIP;
}

/* *ret_again: call again with the same message. */
static enum parse_status back(struct pg *s, uint8_t type, struct bytes body, uint64_t size,
			      struct message *m, bool *ret_again)
{
	struct db_op *op = db_op_first(&s->ops);

	/* asynchronous: nobody's */
	if (type == 'N' || type == 'A' || type == 'S' || type == 'v')
		return PARSE_SKIP;
	/* complete, and the Sync behind it is not what is answered next: a Close or the like came
	 * between */
	if (s->done && type != 'Z' && type != 'E' && type != '3') {
		*ret_again = true;
		return finish(s, NULL, m) ? PARSE_OK : PARSE_SKIP;
	}
	s->bytes += size;
	switch (type) {
	case '1':
		if (!op || op->kind != OP_PARSE)
			return PARSE_SKIP;
		return finish(s, NULL, m) ? PARSE_OK : PARSE_SKIP;
	case 'T':
		s->rows_come = s->rows_come || (op && op->kind == OP_QUERY);
		return PARSE_SKIP;
	case 'G':
	case 'H':
	case 'W':
		s->copying = true;
		return PARSE_SKIP;
	case 'D':
		s->rows++;
		s->rows_come = true;
		return PARSE_SKIP;
	case 'C':
		read_tag(s, body);
		return on_complete(s, m);
	case 'I':
	case 's':
		s->results++;
		return on_complete(s, m);
	case 'E':
		read_error(s, body);
		return on_error(s, m);
	case 'Z':
		return on_ready(s, m, ret_again);
	default:
		return PARSE_SKIP;
	}
}

/* -- bytes -- */

/* Does the direction stand at the start of a message again? */
static bool align(struct pg *s, enum oe_dir dir, struct bytes in)
{
	bool exact, is_front = s->client == 1 + dir;
	uint8_t last = 0;
	uint32_t n = pg_chain(in, is_front, &last, &exact);

	if (!exact && n < CHAIN_ENOUGH &&
	    !(is_front && in.len > PG_HEAD && in.data[0] == 'Q' && pg_head_ok(in.data, true) &&
	      pg_texty(bytes_from(in, PG_HEAD))))
		return false;
	s->d[dir].aligned = true;
	return true;
}

/* The first bytes of a connection decide which side is which. */
static bool begin(struct pg *s, enum oe_dir dir, struct bytes in)
{
	enum oe_dir other = dir == OE_DIR_IN ? OE_DIR_OUT : OE_DIR_IN;

	switch (pg_classify(in)) {
	case PG_SIDE_STARTUP:
		s->startup = true;
		s->client = (uint8_t)(1 + dir);
		s->d[other].aligned = true;
		break;
	case PG_SIDE_FRONT:
		s->client = (uint8_t)(1 + dir);
		break;
	case PG_SIDE_BACK:
		s->client = (uint8_t)(1 + other);
		break;
	default:
		return false;
	}
	s->d[dir].aligned = true;
	return true;
}

/* How much of the body must be there to understand the message. */
static uint64_t wanted(uint8_t type, bool is_front, uint64_t len)
{
	if (is_front)
		return type == 'Q' || type == 'P' || type == 'B' || type == 'E' || type == 'C' ? len
											       : 0;
	return type == 'C' || type == 'E' || type == 'Z' ? len : 0;
}

static enum parse_status one_message(struct pg *s, enum oe_dir dir, struct bytes in, bool cut,
				     struct message *m, size_t *ret_used)
{
	bool is_front = s->client == 1 + dir, again = false;
	struct pg_dir *d = &s->d[dir];
	enum parse_status ps;
	uint64_t len, want, body;
	uint8_t type;

	if (in.len < PG_HEAD)
		return cut ? lose_footing(s, dir, m) : PARSE_NEED_MORE;
	if (!pg_head_ok(in.data, is_front)) {
		*ret_used = in.len;
		return lose_footing(s, dir, m);
	}
	type = in.data[0];
	len = pg_be32(in.data + 1) - 4;
	want = wanted(type, is_front, len);
	if (in.len - PG_HEAD < want && !cut && in.len < NEED_MAX)
		return PARSE_NEED_MORE;
	body = in.len - PG_HEAD < len ? in.len - PG_HEAD : len;
	if (is_front) {
		if ((type == 'S' || type == 'H') && s->parses && announce_parse(s, m))
			return PARSE_OK; /* *ret_used 0: once more */
		ps = front(s, type, bytes_of(in.data + PG_HEAD, body), PG_HEAD + len, m);
	} else {
		ps = back(s, type, bytes_of(in.data + PG_HEAD, body), PG_HEAD + len, m, &again);
		if (again && ps == PARSE_OK)
			return ps;
		if (again) /* nothing to tell of what was finished: go on with the next */
			return one_message(s, dir, in, cut, m, ret_used);
	}
	*ret_used = PG_HEAD + body;
	d->body_left = len - body;
	return ps;
}

static enum parse_status pg_parse(void *st, enum oe_dir dir, struct bytes in, struct message *m,
				  size_t *ret_used)
{
	struct pg *s = st;
	struct pg_dir *d = &s->d[dir];

	*ret_used = 0;
	if (s->lost_untold)
		return lose(s, m);
	if (s->opaque) {
		*ret_used = in.len;
		return PARSE_SKIP;
	}
	if (!s->client && !begin(s, dir, in))
		return in.len < 8 ? PARSE_NEED_MORE : PARSE_INVALID;
	if (d->body_left) {
		*ret_used = d->body_left < in.len ? (size_t)d->body_left : in.len;
		d->body_left -= *ret_used;
		return PARSE_SKIP;
	}
	if (!d->aligned) {
		bool lost = d->lost;

		if (!align(s, dir, in)) {
			*ret_used = in.len;
			return PARSE_SKIP;
		}
		d->lost = false;
		if (lost && s->ops.cnt)
			return lose(s, m); /* which of them were answered meanwhile? */
	}
	if (s->client == 1 + dir && s->startup)
		return parse_startup(s, d, in, false, m, ret_used);
	if (s->client != 1 + dir && s->crypt_asked) {
		s->crypt_asked = false;
		if (in.data[0] == 'S' || in.data[0] == 'G') {
			s->opaque = true;
		} else if (in.data[0] != 'N') { /* an old server's ErrorResponse */
			return one_message(s, dir, in, false, m, ret_used);
		}
		*ret_used = 1;
		return PARSE_SKIP;
	}
	return one_message(s, dir, in, false, m, ret_used);
}

static enum parse_status pg_gap(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				struct message *m, uint64_t *ret_used)
{
	struct pg *s = st;
	struct pg_dir *d = &s->d[dir];
	enum parse_status ps;
	size_t used = 0;

	*ret_used = in.len + len;
	if (s->opaque)
		return PARSE_SKIP;
	if (!d->aligned) {
		d->lost = true; /* answers may have been among them */
		return PARSE_SKIP;
	}
	if (in.len) {
		ps = s->startup && s->client == 1 + dir ? parse_startup(s, d, in, true, m, &used)
							: one_message(s, dir, in, true, m, &used);
		if (!d->aligned)
			return ps; /* lost: the rest and the gap are gone with it */
		*ret_used = used;
		return ps;
	}
	if (d->body_left) {
		*ret_used = d->body_left < len ? d->body_left : len;
		d->body_left -= *ret_used;
		return PARSE_SKIP;
	}
	return lose_footing(s, dir, m);
}

static enum parse_status pg_whole(void *st, enum oe_dir dir, uint64_t len, uint64_t msgs)
{
	struct pg *s = st;
	struct pg_dir *d = &s->d[dir];
	struct message m = {0};

	if (s->opaque || !d->aligned || !s->client)
		return PARSE_SKIP;
	if (d->body_left || s->startup) {
		lose_footing(s, dir, &m);
		s->lost_untold = true;
		return PARSE_SKIP;
	}
	if (s->client == 1 + dir)
		return PARSE_SKIP; /* copy data */
	s->bytes += len;
	if (s->copying)
		return PARSE_SKIP;
	s->rows += msgs;
	s->rows_come = s->rows_come || msgs;
	return PARSE_SKIP;
}

static enum parse_status pg_eof(void *st, enum oe_dir dir, bool aborted, struct message *m)
{
	return PARSE_SKIP;
}

static void pg_done(void *st)
{
	struct pg *s = st;

	ops_clear(s);
	db_ops_done(&s->ops);
	db_stmts_done(&s->stmts);
}

const struct proto_ops pgsql_ops = {
	.name = "pgsql",
	.state_size = sizeof(struct pg),
	.need_max = NEED_MAX,
	.detect = pg_detect,
	.parse = pg_parse,
	.gap = pg_gap,
	.whole = pg_whole,
	.eof = pg_eof,
	.state_done = pg_done,
};
