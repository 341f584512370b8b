/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says: commands, and the login. Each that has a response becomes an operation.
 *
 * STATEMENTS have a number that the server gives, never twice on a connection: they stay known over
 * losses. The text is handed out (DECLARE) when the prepare is seen, under a key of our own that is
 * changed for the number when the response comes.
 *
 * A DATABASE that a command selects is noted, and taken when the command succeeds.
 */
#include "probes/proto/mysql_state.h"

bool my_executes(uint8_t command)
{
	return command == COM_QUERY || command == COM_STMT_EXECUTE ||
	       command == COM_STMT_BULK_EXECUTE;
}

static enum parse_status request(struct my *s, uint8_t command, struct db_stmt *stmt, uint64_t size,
				 struct message *m)
{
	struct db_op *op = db_op_push(&s->ops);

	if (!op)
		return my_lose(s, m);
	op->kind = command;
	op->stmt = stmt;
	*m = (struct message){
		.family = MSG_FAMILY_DB,
		.kind = MSG_REQUEST,
		.flags = MSG_F_BEGIN | MSG_F_END,
		.owner = &op->owner,
		.head_size = size,
		.wire_size = size,
		.db = {.system = s->system, .name_space = bytes_of(s->database, s->database_len)}};
	if (stmt) {
		db_stmt_ref(stmt);
		m->db.stmt = &stmt->owner;
	}
	/* a prepare that fails is its statement failing */
	if (!my_executes(command) && !(command == COM_STMT_PREPARE && stmt))
		m->db.command = command == COM_LOGIN ? "CONNECT" : my_command_name(command);
	switch (command) {
	case COM_LOGIN:
	case COM_STATISTICS:
	case COM_PING:
	case COM_CHANGE_USER:
	case COM_STMT_PREPARE:
	case COM_STMT_RESET:
	case COM_SET_OPTION:
	case COM_RESET_CONNECTION:
		m->flags |= MSG_F_QUIET;
		break;
	default:
		break;
	}
	return PARSE_OK;
}

void my_set_database(char *to, uint8_t *to_len, struct bytes name)
{
	*to_len = name.len <= MY_DATABASE_MAX ? (uint8_t)name.len : 0;
	if (*to_len)
		memcpy(to, name.data, *to_len);
}

/* The command just handed out selects a database if it succeeds. */
static void sets_database(struct my *s, struct bytes name)
{
	struct db_op *op = db_op_at(&s->ops, s->ops.cnt - 1);

	my_set_database(s->next, &s->next_len, name);
	if (op)
		op->flags |= MY_OP_SETS_DATABASE;
}

struct bytes my_number_key(const uint8_t *id)
{
	return bytes_of(id, 4);
}

/* Until the server has given a number: five bytes, no number has as many. */
static struct bytes own_key(uint32_t n, uint8_t buf[5])
{
	buf[0] = 0;
	memcpy(buf + 1, &n, 4);
	return bytes_of(buf, 5);
}

static enum parse_status on_login(struct my *s, struct bytes body, uint64_t size, struct message *m)
{
	enum parse_status ps;
	struct my_login l;

	s->greeted = false;
	if (!my_login(body, &l))
		return PARSE_SKIP;
	s->caps &= l.caps;
	s->extended &= l.extended;
	s->caps_known = true;
	s->eof_form = s->caps & MY_DEPRECATE_EOF ? EOF_LEFT_OUT : EOF_SENT;
	if (l.encrypts) {
		s->opaque = true;
		return PARSE_SKIP;
	}
	ps = request(s, COM_LOGIN, NULL, size, m);
	if (l.database_known && ps == PARSE_OK && m->owner)
		sets_database(s, l.database);
	return ps;
}

static enum parse_status on_query(struct my *s, struct bytes body, bool cut, uint64_t size,
				  struct message *m)
{
	int attributes = !s->caps_known ? -1 : s->caps & MY_QUERY_ATTRIBUTES ? 1 : 0;
	enum parse_status ps = request(s, COM_QUERY, NULL, size, m);
	struct bytes text, name;

	if (ps != PARSE_OK || !m->owner)
		return ps;
	if (!my_query_text(body, attributes, &text)) {
		m->db.stmt_unknown = true;
		return ps;
	}
	m->db.text = text;
	m->db.text_cut = cut;
	if (!cut && my_use(text, &name))
		sets_database(s, name);
	return ps;
}

/* The text first, as a message of its own; the request follows with the same packet. */
static enum parse_status declare(struct my *s, struct bytes text, bool cut, struct message *m)
{
	struct db_stmt *stmt;
	uint8_t buf[5];

	stmt = db_stmt_put(&s->stmts, own_key(++s->prepares, buf));
	if (!stmt)
		return PARSE_SKIP;
	if (!cut) /* a bulk execution may be sent before the server has said it */
		stmt->params = (uint16_t)my_placeholders(text);
	*m = (struct message){
		.family = MSG_FAMILY_DB,
		.kind = MSG_REQUEST,
		.flags = MSG_F_DECLARE,
		.db = {.system = s->system, .stmt = &stmt->owner, .text = text, .text_cut = cut}};
	return PARSE_OK;
}

static enum parse_status on_execute(struct my *s, uint8_t command, struct bytes body, bool cut,
				    uint64_t size, struct message *m)
{
	struct db_stmt *stmt = NULL;
	enum parse_status ps;
	uint8_t buf[5];

	if (body.len >= 4)
		stmt = db_stmt_find(&s->stmts, my_number_key(body.data));
	if (body.len >= 4 && my_le32(body.data) == UINT32_MAX) /* MariaDB: the last one prepared */
		stmt = db_stmt_find(&s->stmts, own_key(s->prepares, buf));
	ps = request(s, command, stmt, size, m);
	if (ps != PARSE_OK || !m->owner)
		return ps;
	m->db.stmt_unknown = !stmt;
	if (command == COM_STMT_BULK_EXECUTE && stmt && !cut)
		m->db.batch = my_bulk_count(body, stmt->params);
	return ps;
}

static void on_change_user(struct my *s, struct bytes body)
{
	const uint8_t *nul = body.len ? memchr(body.data, 0, body.len) : NULL;
	size_t at = nul ? (size_t)(nul - body.data) + 1 : body.len;

	if (at < body.len)
		at += 1 + (size_t)body.data[at];
	body = bytes_from(body, at);
	nul = body.len ? memchr(body.data, 0, body.len) : NULL;
	sets_database(s, nul ? bytes_of(body.data, (size_t)(nul - body.data)) : BYTES_NONE);
}

static enum parse_status on_command(struct my *s, struct bytes body, bool cut, uint64_t size,
				    struct message *m, bool *ret_again)
{
	uint8_t command = body.data[0], buf[5];
	struct bytes rest = bytes_from(body, 1);
	enum parse_status ps;

	switch (command) {
	case COM_QUIT:
	case COM_STMT_SEND_LONG_DATA:
		return PARSE_SKIP; /* no response */
	case COM_STMT_CLOSE:
		if (rest.len >= 4)
			db_stmt_drop(&s->stmts, my_number_key(rest.data));
		return PARSE_SKIP;
	case COM_QUERY:
		return on_query(s, rest, cut, size, m);
	case COM_STMT_PREPARE:
		if (!s->declared) {
			ps = declare(s, rest, cut, m);
			if (ps == PARSE_OK) {
				s->declared = *ret_again = true;
				return ps;
			}
		}
		s->declared = false;
		return request(s, command, db_stmt_find(&s->stmts, own_key(s->prepares, buf)), size,
			       m);
	case COM_STMT_EXECUTE:
	case COM_STMT_BULK_EXECUTE:
	case COM_STMT_FETCH:
	case COM_STMT_RESET:
		return on_execute(s, command, rest, cut, size, m);
	default:
		if (!my_command_name(command))
			return PARSE_INVALID;
		ps = request(s, command, NULL, size, m);
		if (ps != PARSE_OK || !m->owner)
			return ps;
		if (command == COM_INIT_DB && !cut)
			sets_database(s, rest);
		else if (command == COM_CHANGE_USER)
			on_change_user(s, rest);
		return ps;
	}
}

enum parse_status my_from_client(struct my *s, struct bytes body, uint64_t len, uint8_t seq,
				 struct message *m, bool *ret_again)
{
	if (s->greeted && seq)
		return on_login(s, body, MY_HEAD + len, m);
	if (seq || !len)
		return PARSE_SKIP; /* of a login, or a file */
	s->greeted = false;
	return on_command(s, body, body.len < len, MY_HEAD + len, m, ret_again);
}
