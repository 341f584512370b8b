/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/mysql_wire.h"

static bool take(struct bytes *b, size_t n, struct bytes *ret)
{
	if (b->len < n)
		return false;
	if (ret)
		*ret = bytes_of(b->data, n);
	*b = bytes_from(*b, n);
	return true;
}

bool my_lenenc(struct bytes *b, uint64_t *ret)
{
	size_t n;

	if (!b->len)
		return false;
	switch (b->data[0]) {
	case 0xfb: /* NULL, in rows */
	case 0xff:
		return false;
	case 0xfc:
		n = 2;
		break;
	case 0xfd:
		n = 3;
		break;
	case 0xfe:
		n = 8;
		break;
	default:
		*ret = b->data[0];
		*b = bytes_from(*b, 1);
		return true;
	}
	if (b->len < 1 + n)
		return false;
	*ret = 0;
	for (size_t i = n; i; i--)
		*ret = *ret << 8 | b->data[i];
	*b = bytes_from(*b, 1 + n);
	return true;
}

bool my_lenenc_str(struct bytes *b, struct bytes *ret)
{
	uint64_t n;

	return my_lenenc(b, &n) && n <= b->len && take(b, (size_t)n, ret);
}

bool my_skip_value(struct bytes *b, uint8_t type)
{
	struct bytes value;

	switch (type) {
	case 6: /* NULL */
		return true;
	case 1: /* TINY */
		return take(b, 1, NULL);
	case 2:	 /* SHORT */
	case 13: /* YEAR */
		return take(b, 2, NULL);
	case 3: /* LONG */
	case 4: /* FLOAT */
	case 9: /* INT24 */
		return take(b, 4, NULL);
	case 5: /* DOUBLE */
	case 8: /* LONGLONG */
		return take(b, 8, NULL);
	case 7:	 /* TIMESTAMP */
	case 10: /* DATE */
	case 11: /* TIME */
	case 12: /* DATETIME */
		return b->len && b->data[0] <= 12 && take(b, 1 + (size_t)b->data[0], NULL);
	case 0:	 /* DECIMAL */
	case 15: /* VARCHAR */
	case 16: /* BIT */
		return my_lenenc_str(b, &value);
	default: /* JSON, NEWDECIMAL, ENUM, SET, blobs, strings, GEOMETRY */
		return type >= 245 && my_lenenc_str(b, &value);
	}
}

static bool cstring(struct bytes *b, struct bytes *ret)
{
	const uint8_t *nul = b->len ? memchr(b->data, 0, b->len) : NULL;

	if (!nul)
		return false;
	*ret = bytes_of(b->data, (size_t)(nul - b->data));
	*b = bytes_from(*b, ret->len + 1);
	return true;
}

static bool contains(struct bytes hay, struct bytes needle)
{
	for (size_t i = 0; i + needle.len <= hay.len; i++)
		if (!memcmp(hay.data + i, needle.data, needle.len))
			return true;
	return false;
}

bool my_greeting(struct bytes body, struct my_greeting *ret)
{
	struct bytes version, rest;

	if (body.len < 2 || body.data[0] != 10)
		return false;
	rest = bytes_from(body, 1);
	if (!cstring(&rest, &version) || version.len < 3 || version.len > 128)
		return false;
	for (size_t i = 0; i < version.len; i++)
		if (version.data[i] < 0x20 || version.data[i] > 0x7e)
			return false;
	memset(ret, 0, sizeof(*ret));
	ret->mariadb = contains(version, BYTES_LIT("MariaDB"));
	/* thread 4, salt 8, filler 1, capabilities 2, charset 1, status 2, capabilities 2, length
	 * of the salt 1, reserved 6, MariaDB's capabilities 4 */
	if (rest.len >= 15)
		ret->caps = my_le16(rest.data + 13);
	if (rest.len >= 20)
		ret->caps |= my_le16(rest.data + 18) << 16;
	if (rest.len >= 31 && !(ret->caps & MY_CLIENT_MYSQL))
		ret->extended = my_le32(rest.data + 27);
	return true;
}

bool my_login(struct bytes body, struct my_login *ret)
{
	struct bytes rest, user, auth;

	memset(ret, 0, sizeof(*ret));
	if (body.len < 32)
		return false;
	ret->caps = my_le32(body.data);
	if (!(ret->caps & MY_PROTOCOL_41))
		return false;
	if (!(ret->caps & MY_CLIENT_MYSQL))
		ret->extended = my_le32(body.data + 28);
	ret->encrypts = body.len == 32 && ret->caps & MY_SSL;
	if (ret->encrypts)
		return true;
	rest = bytes_from(body, 32);
	if (!cstring(&rest, &user))
		return true;
	if (ret->caps & MY_PLUGIN_AUTH_LENENC) {
		if (!my_lenenc_str(&rest, &auth))
			return true;
	} else if (ret->caps & MY_SECURE_CONNECTION) {
		if (!rest.len || !take(&rest, 1 + (size_t)rest.data[0], NULL))
			return true;
	} else if (!cstring(&rest, &auth)) {
		return true;
	}
	ret->database_known = true;
	if (ret->caps & MY_CONNECT_WITH_DB)
		ret->database_known = cstring(&rest, &ret->database);
	return true;
}

bool my_query_text(struct bytes body, int attributes, struct bytes *ret)
{
	struct bytes types, name, nulls;
	uint64_t count, sets;

	*ret = body;
	if (!attributes)
		return true;
	if (attributes < 0) {
		/* no statement begins with a byte like that */
		if (!body.len || body.data[0] > 1)
			return true;
		if (body.data[0] || body.len < 2 || body.data[1] != 1)
			return false;
		*ret = bytes_from(body, 2);
		return true;
	}
	if (!my_lenenc(&body, &count) || !my_lenenc(&body, &sets) || sets != 1 || count > 65535)
		return false;
	if (count) {
		if (!take(&body, (size_t)(count + 7) / 8, &nulls) || !take(&body, 1, &name) ||
		    name.data[0] != 1)
			return false;
		types = body;
		for (uint64_t i = 0; i < count; i++)
			if (!take(&body, 2, NULL) || !my_lenenc_str(&body, &name))
				return false;
		for (uint64_t i = 0; i < count; i++) {
			uint8_t type = types.data[0];

			take(&types, 2, NULL);
			my_lenenc_str(&types, &name);
			if (!(nulls.data[i / 8] >> i % 8 & 1) && !my_skip_value(&body, type))
				return false;
		}
	}
	*ret = body;
	return true;
}

/* Where the quoted text or comment that begins at `at` ends; `at` itself where none does. */
static size_t skip_quoted(struct bytes t, size_t at)
{
	uint8_t c = t.data[at], next = at + 1 < t.len ? t.data[at + 1] : 0;

	if (c == '\'' || c == '"' || c == '`') {
		while (++at < t.len && t.data[at] != c)
			at += t.data[at] == '\\' && c != '`';
		return at + 1;
	}
	if (c == '#' || (c == '-' && next == '-')) {
		while (at < t.len && t.data[at] != '\n')
			at++;
	} else if (c == '/' && next == '*') {
		for (at += 2; at + 1 < t.len && (t.data[at] != '*' || t.data[at + 1] != '/');)
			at++;
		return at + 2;
	}
	return at;
}

uint32_t my_placeholders(struct bytes text)
{
	uint32_t n = 0;

	for (size_t at = 0; at < text.len;) {
		size_t to = skip_quoted(text, at);

		n += to == at && text.data[at] == '?';
		at = to == at ? at + 1 : to;
	}
	return n;
}

uint32_t my_bulk_count(struct bytes body, uint32_t params)
{
	struct bytes types;
	uint32_t n = 0;

	/* statement 4, flags 2: 0x80 = types are sent along */
	if (!params || body.len < 6 || !(body.data[4] & 0x80))
		return 0;
	body = bytes_from(body, 6);
	if (!take(&body, 2 * (size_t)params, &types))
		return 0;
	for (; body.len; n++) {
		for (uint32_t i = 0; i < params; i++) {
			if (!body.len || body.data[0] > 3)
				return 0;
			/* 0: a value follows; NULL, default, ignore */
			if (body.data[0] == 0) {
				body = bytes_from(body, 1);
				if (!my_skip_value(&body, types.data[2 * (size_t)i]))
					return 0;
			} else {
				body = bytes_from(body, 1);
			}
		}
	}
	return n;
}

static bool space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool my_use(struct bytes text, struct bytes *ret)
{
	uint8_t quote = 0;
	size_t n = 0;

	while (text.len && space(text.data[0]))
		text = bytes_from(text, 1);
	if (text.len < 5 || !bytes_ieq(bytes_head(text, 3), BYTES_LIT("use")) ||
	    (!space(text.data[3]) && text.data[3] != '`'))
		return false;
	text = bytes_from(text, 3);
	while (text.len && space(text.data[0]))
		text = bytes_from(text, 1);
	if (text.len && text.data[0] == '`') {
		quote = '`';
		text = bytes_from(text, 1);
	}
	while (n < text.len &&
	       (quote ? text.data[n] != quote : !space(text.data[n]) && text.data[n] != ';'))
		n++;
	if (!n || (quote && n == text.len))
		return false;
	*ret = bytes_head(text, n);
	text = bytes_from(text, n + (quote ? 1 : 0));
	while (text.len && (space(text.data[0]) || text.data[0] == ';'))
		text = bytes_from(text, 1);
	return !text.len;
}

const char *my_command_name(uint8_t command)
{
	static const char *const names[] = {
		"SLEEP",
		"QUIT",
		"INIT DB",
		"QUERY",
		"FIELD LIST",
		"CREATE DB",
		"DROP DB",
		"REFRESH",
		"SHUTDOWN",
		"STATISTICS",
		"PROCESS INFO",
		"CONNECT",
		"PROCESS KILL",
		"DEBUG",
		"PING",
		"TIME",
		"DELAYED INSERT",
		"CHANGE USER",
		"BINLOG DUMP",
		"TABLE DUMP",
		"CONNECT OUT",
		"REGISTER SLAVE",
		"PREPARE",
		"EXECUTE",
		"SEND LONG DATA",
		"CLOSE STATEMENT",
		"RESET STATEMENT",
		"SET OPTION",
		"FETCH",
		"DAEMON",
		"BINLOG DUMP GTID",
		"RESET CONNECTION",
	};

	if (command < sizeof(names) / sizeof(names[0]))
		return names[command];
	return command == 0xfa ? "BULK EXECUTE" : NULL;
}

/* Bytes that a statement, a name or a driver's comment begins with. */
static bool texty(struct bytes in)
{
	size_t n = in.len < 16 ? in.len : 16;

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (in.data[i] < ' ' && !space(in.data[i]))
			return false;
	return true;
}

/* Could this be a command, as far as it goes? `body`: behind the head. */
static bool command_ok(struct bytes body, uint32_t len)
{
	struct bytes rest = bytes_from(body, 1), text;

	switch (body.data[0]) {
	case 0x02: /* INIT DB */
		return len > 1 && texty(rest);
	case 0x03: /* QUERY */
		return len > 1 && (!rest.len || (rest.len > 1 && rest.data[0] <= 1) ||
				   (my_query_text(rest, -1, &text) && texty(text)));
	case 0x16: /* PREPARE */
		return len > 1 && (!rest.len || texty(rest));
	case 0x01: /* QUIT */
	case 0x09: /* STATISTICS */
	case 0x0a: /* PROCESS INFO */
	case 0x0d: /* DEBUG */
	case 0x0e: /* PING */
	case 0x1f: /* RESET CONNECTION */
		return len == 1;
	case 0x17: /* EXECUTE: id 4, flags 1, iterations 4, always 1 */
		return len >= 10 && (rest.len < 9 || my_le32(rest.data + 5) == 1);
	case 0x18: /* SEND LONG DATA */
		return len >= 7;
	case 0x19: /* CLOSE */
	case 0x1a: /* RESET */
		return len == 5;
	case 0x1b: /* SET OPTION */
		return len == 3;
	case 0x1c: /* FETCH */
		return len == 9;
	case 0xfa: /* BULK EXECUTE */
		return len >= 7;
	default:
		return false;
	}
}

/* Is it the login that follows a greeting and the wish for TLS? */
static enum my_side classify_login(struct bytes in)
{
	uint32_t len = my_le24(in.data), caps;
	size_t at;

	if (len < 32 + 2 || len > 65535)
		return MY_SIDE_NONE;
	/* behind flags 4, largest packet 4, character set 1: zeroes; the last 4 may be MariaDB's
	 * capabilities */
	for (at = MY_HEAD + 9; at < MY_HEAD + 28 && at < in.len; at++)
		if (in.data[at])
			return MY_SIDE_NONE;
	if (in.len < MY_HEAD + 32)
		return MY_SIDE_MAYBE;
	caps = my_le32(in.data + MY_HEAD);
	return caps & MY_PROTOCOL_41 && caps & MY_SSL ? MY_SIDE_LOGIN : MY_SIDE_NONE;
}

enum my_side my_classify(struct bytes in)
{
	struct my_greeting g;
	uint32_t len;
	size_t at = 0;

	if (in.len >= MY_HEAD && in.data[3] == MY_SEQ_TLS_LOGIN)
		return classify_login(in);
	if (in.len < MY_HEAD + 1) {
		/* servers read the head by itself */
		if (in.len > 3 && (in.data[3] || !my_le24(in.data)))
			return MY_SIDE_NONE;
		return in.len > 2 && in.data[2] && in.data[2] != 0xff ? MY_SIDE_NONE
								      : MY_SIDE_MAYBE;
	}
	len = my_le24(in.data);
	if (in.data[3] == 0 && in.data[4] == 10 && len > 20) {
		if (in.len < MY_HEAD + len)
			return len < 1024 ? MY_SIDE_MAYBE : MY_SIDE_NONE;
		return in.len == MY_HEAD + len && my_greeting(bytes_from(in, MY_HEAD), &g)
			       ? MY_SIDE_GREETING
			       : MY_SIDE_NONE;
	}
	while (in.len - at > MY_HEAD) {
		len = my_le24(in.data + at);
		if (!len || in.data[at + 3] || !command_ok(bytes_from(in, at + MY_HEAD), len))
			return MY_SIDE_NONE;
		if (in.len - at - MY_HEAD < len) {
			/* only statements are long */
			if (in.data[at + MY_HEAD] != 3 && in.data[at + MY_HEAD] != 0x16)
				return MY_SIDE_MAYBE;
			return in.len - at > 64 ? MY_SIDE_CLIENT : MY_SIDE_MAYBE;
		}
		at += MY_HEAD + len;
	}
	return at == in.len ? MY_SIDE_CLIENT : MY_SIDE_MAYBE;
}

bool my_response_begins(struct bytes in)
{
	size_t at = 0;

	for (uint8_t seq = 1; in.len - at >= MY_HEAD; seq++) {
		uint32_t len = my_le24(in.data + at);

		if (in.data[at + 3] != seq || !len)
			return false;
		if (in.len - at - MY_HEAD < len)
			return true;
		at += MY_HEAD + len;
	}
	return at > 0;
}
