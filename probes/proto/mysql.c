/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of MySQL and MariaDB. A client sends commands, one at a time or (MariaDB's clients)
 * several in a row; each has a response of one or more packets, in order. The login is a quiet
 * operation of which only a failure is worth telling; so are prepares, pings and the like.
 * Here are packets and responses; what the client says is in mysql_cmd.c.
 *
 * RESULTS are a count of columns, so many definitions, an EOF unless both sides agreed to leave it
 * out, rows, and EOF or OK; where that says so another result follows. Where the login was not seen
 * the packets themselves tell: an EOF of five bytes behind the definitions is the old form.
 *
 * FOOTING. A gap that hides a boundary of the server's packets leaves the outcome of what is open
 * unknown: it ends with the run. On the client's side commands may have been lost with it. Either
 * way the next run begins with a packet whose number is known: 0 or 1.
 */
#include "probes/proto/mysql_state.h"

#define NEED_MAX 8192u

static enum detect_result my_detect(struct bytes in, enum oe_dir dir)
{
	switch (my_classify(in)) {
	case MY_SIDE_NONE:
		return DETECT_NO;
	case MY_SIDE_MAYBE:
		return DETECT_MAYBE;
	default:
		return DETECT_YES;
	}
}

static bool my_greets(struct bytes in)
{
	if (in.len == MY_HEAD) /* read by itself */
		return !in.data[3] && my_le24(in.data) > 20 && my_le24(in.data) < 1024;
	return in.len > MY_HEAD && my_classify(in) == MY_SIDE_GREETING;
}

static void response_reset(struct my *s)
{
	s->expect = EXPECT_HEAD;
	s->began = s->failed = s->rows_come = s->rows_unknown = s->affected_known = false;
	s->outcome_unknown = false;
	s->eofs = 0;
	s->defs = s->results = 0;
	s->rows = s->affected = s->bytes = 0;
}

static void op_pop(struct my *s)
{
	struct db_op *op = db_op_first(&s->ops);

	if (op->stmt)
		db_stmt_unref(&s->stmts, op->stmt);
	db_op_pop(&s->ops);
}

enum parse_status my_lose(struct my *s, struct message *m)
{
	while (db_op_first(&s->ops))
		op_pop(s);
	response_reset(s);
	s->lost_untold = false;
	*m = (struct message){.family = MSG_FAMILY_DB, .kind = MSG_REQUEST, .flags = MSG_F_LOST};
	return PARSE_OK;
}

static enum parse_status lose_footing(struct my *s, enum oe_dir dir, struct message *m)
{
	struct my_dir *d = &s->d[dir];

	d->aligned = d->goes_on = false;
	d->left = 0;
	if (s->client == 1 + dir)
		return my_lose(s, m); /* commands may be among what was missed */
	s->outcome_unknown = s->ops.cnt > 0;
	return PARSE_SKIP;
}

/* -- the server's side -- */

static enum parse_status finish(struct my *s, struct message *m)
{
	struct db_op *op = db_op_first(&s->ops);
	bool failed = s->failed, unknown = s->outcome_unknown;

	*m = (struct message){.family = MSG_FAMILY_DB,
			      .kind = MSG_RESPONSE,
			      .flags = MSG_F_BEGIN | MSG_F_END |
				       (unknown ? MSG_F_UNKNOWN | MSG_F_SIZE_UNKNOWN : 0),
			      .owner = &op->owner,
			      .wire_size = s->bytes,
			      .db.system = s->system};
	m->db.rows_returned =
		s->rows_come && !s->rows_unknown && !failed && !unknown ? (int64_t)s->rows : -1;
	m->db.rows_affected = s->affected_known && !failed && !unknown ? (int64_t)s->affected : -1;
	m->db.results = s->results;
	m->db.code = failed ? bytes_str(s->code) : BYTES_NONE;
	m->db.failed = failed && !s->code[0] ? "_OTHER" : NULL;
	if (!failed && !unknown && op->flags & MY_OP_SETS_DATABASE) {
		memcpy(s->database, s->next, s->next_len);
		s->database_len = s->next_len;
	} else if (unknown && op->flags & MY_OP_SETS_DATABASE) {
		s->database_len = 0;
	}
	if (op->kind == COM_LOGIN && !failed && !unknown) {
		s->zipped = s->caps & MY_COMPRESS;
		s->opaque = !s->zipped && s->caps & MY_ZSTD;
	}
	if (op->kind == COM_RESET_CONNECTION || op->kind == COM_CHANGE_USER) {
		if (!failed)
			db_stmts_clear(&s->stmts);
	} else if (op->kind == COM_STMT_PREPARE && op->stmt && op->stmt->keyed && failed) {
		db_stmt_drop(&s->stmts, bytes_of(op->stmt->key, op->stmt->key_len));
	}
	op_pop(s);
	response_reset(s); /* but for the code, which is in *m */
	return PARSE_OK;
}

static enum parse_status on_err(struct my *s, struct bytes body, struct message *m)
{
	uint32_t v = body.len >= 3 ? my_le16(body.data + 1) : 0;
	char *to = s->code;

	if (v == 0xffff)
		return PARSE_SKIP; /* MariaDB's progress report */
	for (uint32_t div = 10000; div; div /= 10)
		if (v >= div)
			*to++ = (char)('0' + v / div % 10);
	*to = 0;
	s->failed = true;
	return finish(s, m);
}

/* A schema among what the session tracker says. */
static void on_session_state(struct my *s, struct bytes state)
{
	struct bytes data, name;

	while (state.len > 1) {
		uint8_t type = state.data[0];

		state = bytes_from(state, 1);
		if (!my_lenenc_str(&state, &data))
			return;
		if (type == 1 && my_lenenc_str(&data, &name))
			my_set_database(s->database, &s->database_len, name);
	}
}

/* OK, also in the place of an EOF. */
static enum parse_status on_ok(struct my *s, struct bytes body, struct message *m)
{
	struct bytes rest = bytes_from(body, 1), info, state;
	uint64_t affected, id;
	uint32_t status = 0;

	s->results++;
	if (my_lenenc(&rest, &affected) && my_lenenc(&rest, &id) && rest.len >= 4) {
		status = my_le16(rest.data);
		if (body.data[0] == 0) {
			s->affected += affected;
			s->affected_known = my_executes(db_op_first(&s->ops)->kind);
		}
		rest = bytes_from(rest, 4);
		if (s->caps_known && s->caps & MY_SESSION_TRACK &&
		    status & MY_STATUS_STATE_CHANGED && my_lenenc_str(&rest, &info) &&
		    my_lenenc_str(&rest, &state))
			on_session_state(s, state);
	}
	s->expect = EXPECT_HEAD;
	return status & MY_STATUS_MORE_RESULTS ? PARSE_SKIP : finish(s, m);
}

/* EOF of five bytes, or OK in its place. */
static enum parse_status on_eof(struct my *s, struct bytes body, uint64_t len, struct message *m)
{
	uint32_t status;

	if (len != 5)
		return on_ok(s, body, m);
	status = body.len >= 5 ? my_le16(body.data + 3) : 0;
	s->results++;
	s->expect = EXPECT_HEAD;
	return status & MY_STATUS_MORE_RESULTS ? PARSE_SKIP : finish(s, m);
}

static enum parse_status on_prepared(struct my *s, struct bytes body, struct message *m)
{
	struct db_op *op = db_op_first(&s->ops);
	uint32_t columns, params;

	if (body.len < 9)
		return finish(s, m);
	columns = my_le16(body.data + 5);
	params = my_le16(body.data + 7);
	if (op->stmt && op->stmt->keyed) {
		op->stmt->params = (uint16_t)params;
		op->stmt->columns = (uint16_t)columns;
		db_stmt_rekey(&s->stmts, op->stmt, my_number_key(body.data + 1));
	}
	s->expect = EXPECT_PREPARED;
	if (s->caps_known && s->caps & MY_OPTIONAL_METADATA && body.len >= 13 && !body.data[12])
		params = columns = 0; /* definitions are not sent */
	s->defs = params + columns;
	s->eofs = s->eof_form == EOF_SENT ? (params > 0) + (columns > 0) : 0;
	return s->defs ? PARSE_SKIP : finish(s, m);
}

/* A definition behind a prepare's OK, or the EOF behind some of them. */
static enum parse_status on_prepare_def(struct my *s, struct bytes body, uint64_t len,
					struct message *m)
{
	if (body.data[0] == 0xfe && len == 5) {
		/* not known to be sent: of the two there may be, the first; the second one is a
		 * straggler then */
		s->eof_form = EOF_SENT;
		s->eofs -= s->eofs > 0;
	} else if (s->defs) {
		s->defs--;
	}
	return s->defs || s->eofs ? PARSE_SKIP : finish(s, m);
}

/* First packet of a response, or of its next result. */
static enum parse_status on_head(struct my *s, struct bytes body, uint64_t len, struct message *m)
{
	const struct db_op *op = db_op_first(&s->ops);
	struct bytes rest = body;
	uint64_t columns;
	bool metadata = true;

	switch (op->kind) {
	case COM_STATISTICS:
		return finish(s, m);
	case COM_LOGIN:
	case COM_CHANGE_USER:
		/* AuthSwitchRequest, AuthMoreData: not looked at */
		return body.data[0] == 0 ? on_ok(s, body, m) : PARSE_SKIP;
	case COM_STMT_PREPARE:
		return body.data[0] == 0 ? on_prepared(s, body, m) : PARSE_SKIP;
	case COM_FIELD_LIST:
		return body.data[0] == 0xfe ? on_eof(s, body, len, m) : PARSE_SKIP;
	case COM_STMT_FETCH:
		s->rows_come = true;
		s->expect = EXPECT_ROWS;
		if (body.data[0] == 0xfe && len < MY_PACKET_MAX)
			return on_eof(s, body, len, m);
		s->rows++;
		return PARSE_SKIP;
	case COM_BINLOG_DUMP:
	case COM_BINLOG_DUMP_GTID:
		return body.data[0] == 0xfe && len < 9 ? on_eof(s, body, len, m) : PARSE_SKIP;
	default:
		break;
	}
	if (body.data[0] == 0)
		return on_ok(s, body, m);
	if (body.data[0] == 0xfe)
		return on_eof(s, body, len, m);
	if (body.data[0] == 0xfb) {
		s->expect = EXPECT_FILE;
		return PARSE_SKIP;
	}
	if (s->caps_known && s->caps & MY_OPTIONAL_METADATA) {
		metadata = rest.data[0];
		rest = bytes_from(rest, 1);
	}
	if (!my_lenenc(&rest, &columns) || !columns || columns > 65535)
		return PARSE_INVALID;
	if (s->caps_known && s->extended & MY_MARIADB_CACHE_METADATA && rest.len)
		metadata = rest.data[0];
	s->rows_come = true;
	s->defs = metadata ? (uint32_t)columns : 0;
	s->expect = s->defs ? EXPECT_DEFS : EXPECT_DEFS_EOF;
	return PARSE_SKIP;
}

/* Behind the definitions. */
static enum parse_status on_defs_end(struct my *s, struct bytes body, uint64_t len,
				     struct message *m)
{
	bool eof = body.data[0] == 0xfe && len == 5;

	s->expect = EXPECT_ROWS;
	if (eof && s->eof_form != EOF_LEFT_OUT) {
		s->eof_form = EOF_SENT;
		/* with a cursor the rows are fetched by other commands */
		if (body.len >= 5 && my_le16(body.data + 3) & MY_STATUS_CURSOR) {
			s->rows_come = false;
			return on_eof(s, body, len, m);
		}
		return PARSE_SKIP;
	}
	if (s->eof_form == EOF_UNKNOWN)
		s->eof_form = EOF_LEFT_OUT;
	if (body.data[0] == 0xfe && len < MY_PACKET_MAX)
		return on_eof(s, body, len, m);
	s->rows++;
	return PARSE_SKIP;
}

/* A packet of the operation at the front. */
static enum parse_status on_packet(struct my *s, struct bytes body, uint64_t len, struct message *m)
{
	if (!s->began) {
		s->began = true;
		s->code[0] = 0;
	}
	if (body.data[0] == 0xff)
		return on_err(s, body, m);
	switch (s->expect) {
	case EXPECT_DEFS:
		if (!--s->defs)
			s->expect = EXPECT_DEFS_EOF;
		return PARSE_SKIP;
	case EXPECT_DEFS_EOF:
		return on_defs_end(s, body, len, m);
	case EXPECT_ROWS:
		if (body.data[0] == 0xfe && len < MY_PACKET_MAX)
			return on_eof(s, body, len, m);
		s->rows++;
		return PARSE_SKIP;
	case EXPECT_PREPARED:
		return on_prepare_def(s, body, len, m);
	case EXPECT_FILE:
	case EXPECT_HEAD:
		break;
	}
	s->expect = EXPECT_HEAD;
	return on_head(s, body, len, m);
}

/* A response that nobody asked for, as far as we saw. */
static enum parse_status orphan(struct my *s, struct message *m)
{
	*m = (struct message){.family = MSG_FAMILY_DB,
			      .kind = MSG_RESPONSE,
			      .flags = MSG_F_BEGIN | MSG_F_END | MSG_F_ORPHAN,
			      .db = {.rows_returned = -1, .rows_affected = -1}};
	return PARSE_OK;
}

static enum parse_status from_server(struct my *s, struct bytes body, uint64_t len, uint8_t seq,
				     struct message *m)
{
	const struct db_op *op = db_op_first(&s->ops);
	struct my_greeting g;

	if (!seq && my_greeting(body, &g)) {
		s->system = g.mariadb ? DB_SYSTEM_MARIADB : DB_SYSTEM_MYSQL;
		s->caps = g.caps;
		s->extended = g.extended;
		s->greeted = true;
		return PARSE_SKIP;
	}
	s->bytes += MY_HEAD + len;
	if (!op)
		return seq == 1 && !s->greeted ? orphan(s, m) : PARSE_SKIP;
	/* what follows a response that was taken for complete: a late EOF of a prepare */
	if (!s->began && seq != 1 && op->kind != COM_LOGIN && op->kind != COM_CHANGE_USER)
		return PARSE_SKIP;
	if (s->outcome_unknown)
		return PARSE_SKIP; /* until the run ends */
	return on_packet(s, body, len, m);
}

/* -- bytes -- */

static bool begin(struct my *s, enum oe_dir dir, struct bytes in)
{
	enum oe_dir other = dir == OE_DIR_IN ? OE_DIR_OUT : OE_DIR_IN;

	if (!s->inherited)
		s->system = DB_SYSTEM_MYSQL_LIKE;
	switch (my_classify(in)) {
	case MY_SIDE_GREETING:
		s->client = (uint8_t)(1 + other);
		s->d[other].aligned = true;
		break;
	case MY_SIDE_LOGIN:
		/* what both sides can is what the client says: it has seen the greeting */
		if (!s->inherited)
			s->caps = s->extended = UINT32_MAX;
		s->greeted = s->d[other].aligned = true;
		s->client = (uint8_t)(1 + dir);
		break;
	case MY_SIDE_CLIENT:
		s->client = (uint8_t)(1 + dir);
		break;
	default:
		return false;
	}
	s->d[dir].aligned = true;
	return true;
}

/* How much of the body must be there to understand the packet. */
static uint64_t wanted(const struct my *s, bool client, const uint8_t *p, uint64_t len)
{
	if (!len)
		return 0;
	if (!client) {
		/* rows and definitions by their first byte */
		bool plain = s->expect == EXPECT_ROWS || s->expect == EXPECT_DEFS;

		return plain && p[MY_HEAD] < 0xfe ? 1 : len < 512 ? len : 512;
	}
	if (p[3]) /* login; passwords and files are not looked at */
		return s->greeted ? len : 0;
	switch (p[MY_HEAD]) {
	case COM_INIT_DB:
	case COM_QUERY:
	case COM_CHANGE_USER:
	case COM_STMT_PREPARE:
	case COM_STMT_BULK_EXECUTE:
		return len;
	default:
		return len < 16 ? len : 16;
	}
}

/* One packet. cut: what was captured of it is there. */
static enum parse_status one_packet(struct my *s, enum oe_dir dir, struct bytes in, bool cut,
				    struct message *m, size_t *ret_used)
{
	bool client = s->client == 1 + dir, again = false, continued;
	struct my_dir *d = &s->d[dir];
	enum parse_status ps = PARSE_SKIP;
	uint64_t len, body;

	if (in.len < MY_HEAD || (in.len == MY_HEAD && my_le24(in.data))) {
		if (!cut)
			return PARSE_NEED_MORE;
		*ret_used = in.len;
		return lose_footing(s, dir, m);
	}
	len = my_le24(in.data);
	if (in.len - MY_HEAD < wanted(s, client, in.data, len) && !cut && in.len < NEED_MAX)
		return PARSE_NEED_MORE;
	body = in.len - MY_HEAD < len ? in.len - MY_HEAD : len;
	continued = d->goes_on;
	if (!continued && len && client)
		ps = my_from_client(s, bytes_of(in.data + MY_HEAD, body), len, in.data[3], m,
				    &again);
	else if (!continued && len)
		ps = from_server(s, bytes_of(in.data + MY_HEAD, body), len, in.data[3], m);
	if (ps == PARSE_INVALID) {
		*ret_used = in.len;
		return lose_footing(s, dir, m);
	}
	if (again)
		return ps; /* *ret_used 0: once more */
	d->goes_on = len == MY_PACKET_MAX;
	*ret_used = MY_HEAD + body;
	d->left = len - body;
	return ps;
}

/* Does the direction stand at the start of a packet again? */
static enum parse_status align(struct my *s, enum oe_dir dir, struct bytes in)
{
	bool client = s->client == 1 + dir;

	if (s->zipped) {
		if (!my_zip_begins(in, client ? 0 : 1))
			return PARSE_SKIP;
		my_zip_reset(&s->zip[dir]);
	} else if (client) {
		switch (my_classify(in)) {
		case MY_SIDE_CLIENT:
			break;
		case MY_SIDE_MAYBE:
			return PARSE_NEED_MORE;
		default:
			return PARSE_SKIP;
		}
	} else {
		if (in.len < MY_HEAD)
			return PARSE_NEED_MORE;
		if (!my_response_begins(in) || s->outcome_unknown)
			return PARSE_SKIP;
	}
	s->d[dir].aligned = true;
	return PARSE_OK;
}

static enum parse_status plain(struct my *s, enum oe_dir dir, struct bytes in, struct message *m,
			       size_t *ret_used)
{
	struct my_dir *d = &s->d[dir];

	if (d->left) {
		*ret_used = d->left < in.len ? (size_t)d->left : in.len;
		d->left -= *ret_used;
		return PARSE_SKIP;
	}
	return one_packet(s, dir, in, false, m, ret_used);
}

/* Bytes of the compressed protocol: inflated in portions, of which plain() takes packets. */
static enum parse_status zipped(struct my *s, enum oe_dir dir, struct bytes in, struct message *m,
				size_t *ret_used)
{
	struct my_zip *z = &s->zip[dir];
	size_t read = z->debt, used;
	enum parse_status ps;
	bool ok = true;

	z->debt = false;
	for (;;) {
		struct bytes out = my_zip_out(z);

		used = 0;
		ps = out.len && s->d[dir].aligned ? plain(s, dir, out, m, &used) : PARSE_NEED_MORE;
		my_zip_take(z, used);
		if (ps == PARSE_OK) {
			/* there may be more to say of what was read: a byte stays for the next call
			 */
			if (read) {
				z->debt = true;
				read--;
			}
			*ret_used = read;
			return ps;
		}
		if (ps == PARSE_SKIP && s->d[dir].aligned)
			continue;
		if (read == in.len || !s->d[dir].aligned)
			break;
		read += my_zip_read(z, bytes_from(in, read), &ok);
		if (!ok) {
			ps = lose_footing(s, dir, m);
			*ret_used = in.len;
			return ps;
		}
	}
	*ret_used = s->d[dir].aligned ? read : in.len;
	return PARSE_SKIP;
}

static enum parse_status my_parse(void *st, enum oe_dir dir, struct bytes in, struct message *m,
				  size_t *ret_used)
{
	struct my *s = st;
	struct my_dir *d = &s->d[dir];
	enum parse_status ps;

	*ret_used = 0;
	if (s->lost_untold)
		return my_lose(s, m);
	if (s->opaque)
		goto skip;
	if (!s->client && !begin(s, dir, in))
		return my_classify(in) == MY_SIDE_MAYBE ? PARSE_NEED_MORE : PARSE_INVALID;
	if (!d->aligned) {
		ps = align(s, dir, in);
		if (ps == PARSE_NEED_MORE && in.len < NEED_MAX)
			return ps;
		if (ps != PARSE_OK)
			goto skip;
	}
	return s->zipped ? zipped(s, dir, in, m, ret_used) : plain(s, dir, in, m, ret_used);
skip:
	*ret_used = in.len;
	return PARSE_SKIP;
}

static enum parse_status my_gap(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				struct message *m, uint64_t *ret_used)
{
	struct my *s = st;
	struct my_dir *d = &s->d[dir];
	enum parse_status ps;
	size_t used = 0;

	*ret_used = in.len + len;
	if (s->opaque || !s->client)
		return PARSE_SKIP;
	if (!d->aligned) { /* answers, or what they answer, may have been among them */
		s->outcome_unknown = s->ops.cnt > 0;
		return PARSE_SKIP;
	}
	if (s->zipped)
		return lose_footing(s, dir, m);
	if (in.len) {
		ps = one_packet(s, dir, in, true, m, &used);
		if (!d->aligned)
			return ps; /* lost: the rest and the gap are gone with it */
		*ret_used = used;
		return ps;
	}
	if (d->left) {
		*ret_used = d->left < len ? d->left : len;
		d->left -= *ret_used;
		return PARSE_SKIP;
	}
	return lose_footing(s, dir, m);
}

static enum parse_status my_whole(void *st, enum oe_dir dir, uint64_t len, uint64_t msgs)
{
	struct my *s = st;
	struct my_dir *d = &s->d[dir];

	if (s->opaque || !d->aligned || !s->client)
		return PARSE_SKIP;
	if (s->client == 1 + dir || d->left || s->zipped) { /* cannot be */
		struct message m = {0};

		if (lose_footing(s, dir, &m) == PARSE_OK)
			s->lost_untold = true;
		return PARSE_SKIP;
	}
	s->bytes += len;
	if (s->expect == EXPECT_DEFS_EOF) {
		s->expect = EXPECT_ROWS;
		if (s->eof_form == EOF_UNKNOWN)
			s->eof_form = EOF_LEFT_OUT;
	} else if (s->expect == EXPECT_HEAD && s->ops.cnt) {
		s->expect = EXPECT_ROWS; /* rows that a FETCH asked for */
		s->began = s->rows_come = true;
	} else if (s->expect != EXPECT_ROWS) {
		s->rows_unknown = true;
	}
	s->rows += msgs;
	return PARSE_SKIP;
}

/* The client begins anew: what the server said last is over. */
static enum parse_status my_run_end(void *st, enum oe_dir dir, struct message *m)
{
	struct my *s = st;

	if (s->client == 1 + dir || !s->client || !s->outcome_unknown || !s->ops.cnt)
		return PARSE_SKIP;
	if (s->ops.cnt > 1)
		return my_lose(s, m); /* which of them were answered? */
	return finish(s, m);
}

static enum parse_status my_eof(void *st, enum oe_dir dir, bool aborted, struct message *m)
{
	return PARSE_SKIP;
}

/* The plaintext side ended with the client's wish for TLS, which says what both sides can. */
static void my_inherit(void *st, const void *plain_state)
{
	const struct my *plain_side = plain_state;
	struct my *s = st;

	if (!plain_side->opaque || !plain_side->caps_known)
		return;
	s->inherited = s->caps_known = true;
	s->system = plain_side->system;
	s->caps = plain_side->caps;
	s->extended = plain_side->extended;
	s->eof_form = plain_side->eof_form;
}

static void my_done(void *st)
{
	struct my *s = st;

	while (db_op_first(&s->ops))
		op_pop(s);
	db_ops_done(&s->ops);
	db_stmts_done(&s->stmts);
	for (int i = 0; i < 2; i++)
		my_zip_done(&s->zip[i]);
}

const struct proto_ops mysql_ops = {
	.name = "mysql",
	.state_size = sizeof(struct my),
	.need_max = NEED_MAX,
	.detect = my_detect,
	.parse = my_parse,
	.gap = my_gap,
	.whole = my_whole,
	.eof = my_eof,
	.greets = my_greets,
	.run_end = my_run_end,
	.inherit = my_inherit,
	.state_done = my_done,
};
