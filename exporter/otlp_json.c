/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP JSON from the same tree that is packed as protobuf. One walker reads the
 * generated descriptors instead of one writer per message: a field added to
 * otlp.proto appears in both encodings, and they cannot disagree.
 *
 * What the mapping asks (and protobuf's usual JSON does not in every point):
 * names in lowerCamelCase; ids as hex; other 64-bit integers as strings; enums
 * as numbers (they are int32 in our .proto); NaN and infinities as strings;
 * fields with their default value left out, except in a oneof that is set.
 */
#include "exporter/otlp.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/utf8.h"

/* The schema's own depth is 8; a tree of ours cannot be deeper. */
#define JSON_DEPTH_MAX 16

static int add_escaped(struct buf *out, const uint8_t *p, size_t len)
{
	size_t from = 0, i = 0;
	int err;

	err = buf_add_char(out, '"');
	while (!err && i < len) {
		struct utf8_char c = utf8_next(p + i, len - i);
		char esc[8] = "";

		if (c.cp == '"' || c.cp == '\\')
			snprintf(esc, sizeof(esc), "\\%c", (char)c.cp);
		else if (!c.valid)
			snprintf(esc, sizeof(esc), "\\ufffd");
		else if (c.cp < 0x20 || c.cp == 0x7f || c.cp == 0x2028 || c.cp == 0x2029)
			/* the last two are line ends to JavaScript and to some line readers */
			snprintf(esc, sizeof(esc), "\\u%04x", (unsigned int)c.cp);
		if (esc[0]) {
			err = buf_add(out, p + from, i - from);
			if (!err)
				err = buf_add_str(out, esc);
			from = i + c.len;
		}
		i += c.len;
	}
	if (!err)
		err = buf_add(out, p + from, len - from);
	return err ? err : buf_add_char(out, '"');
}

static int add_hex(struct buf *out, const uint8_t *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	int err = buf_add_char(out, '"');

	for (size_t i = 0; !err && i < len; i++) {
		char pair[2] = {digits[p[i] >> 4], digits[p[i] & 15]};

		err = buf_add(out, pair, sizeof(pair));
	}
	return err ? err : buf_add_char(out, '"');
}

static int add_double(struct buf *out, double d)
{
	char s[40];
	size_t n = 0;

	if (isnan(d))
		return buf_add_str(out, "\"NaN\"");
	if (isinf(d))
		return buf_add_str(out, d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	/* the fewest digits that read back as the same number */
	for (int prec = 15; prec <= 17; prec++) {
		snprintf(s, sizeof(s), "%.*g", prec, d);
		if (strtod(s, NULL) == d)
			break;
	}
	/* a locale may have another decimal point, even one of several bytes */
	for (size_t i = 0; s[i]; i++) {
		if (strchr("0123456789+-e", s[i]))
			s[n++] = s[i];
		else if (!n || s[n - 1] != '.')
			s[n++] = '.';
	}
	return buf_add(out, s, n);
}

/* start_time_unix_nano -> "startTimeUnixNano": */
static int add_name(struct buf *out, const char *name)
{
	int err = buf_add_char(out, '"');
	bool up = false;

	for (; !err && *name; name++) {
		if (*name == '_') {
			up = true;
			continue;
		}
		err = buf_add_char(out,
				   up && *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name);
		up = false;
	}
	return err ? err : buf_add_str(out, "\":");
}

static int add_message(struct buf *out, const ProtobufCMessage *msg, int depth);

static bool is_id(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && !strcmp(name + len - 3, "_id");
}

static int add_value(struct buf *out, const ProtobufCFieldDescriptor *f, const void *p, int depth)
{
	const ProtobufCBinaryData *bd;
	const char *s;

	switch (f->type) {
	case PROTOBUF_C_TYPE_BYTES:
		bd = p;
		return is_id(f->name) ? add_hex(out, bd->data, bd->len)
				      : add_escaped(out, bd->data, bd->len);
	case PROTOBUF_C_TYPE_STRING:
		s = *(const char *const *)p;
		return add_escaped(out, (const uint8_t *)s, s ? strlen(s) : 0);
	case PROTOBUF_C_TYPE_MESSAGE:
		return add_message(out, *(const ProtobufCMessage *const *)p, depth + 1);
	case PROTOBUF_C_TYPE_BOOL:
		return buf_add_str(out, *(const protobuf_c_boolean *)p ? "true" : "false");
	case PROTOBUF_C_TYPE_DOUBLE:
		return add_double(out, *(const double *)p);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_ENUM:
		return buf_printf(out, "%" PRId32, *(const int32_t *)p);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return buf_printf(out, "%" PRIu32, *(const uint32_t *)p);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return buf_printf(out, "\"%" PRId64 "\"", *(const int64_t *)p);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return buf_printf(out, "\"%" PRIu64 "\"", *(const uint64_t *)p);
	default:
		return -EINVAL; /* a type that otlp.proto does not use */
	}
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_STRING:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return 8;
	default:
		return 4;
	}
}

static bool is_default(const ProtobufCFieldDescriptor *f, const void *p)
{
	static const uint8_t zero[8];
	const char *s;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		s = *(const char *const *)p;
		return !s || !*s;
	case PROTOBUF_C_TYPE_MESSAGE:
		return !*(const void *const *)p;
	case PROTOBUF_C_TYPE_BYTES:
		return !((const ProtobufCBinaryData *)p)->len;
	default:
		return !memcmp(p, zero, value_size(f->type));
	}
}

static int add_repeated(struct buf *out, const ProtobufCFieldDescriptor *f, const void *array,
			size_t cnt, int depth)
{
	size_t size = value_size(f->type);
	int err = buf_add_char(out, '[');

	for (size_t i = 0; !err && i < cnt; i++) {
		if (i)
			err = buf_add_char(out, ',');
		if (!err)
			err = add_value(out, f, (const uint8_t *)array + i * size, depth);
	}
	return err ? err : buf_add_char(out, ']');
}

static bool is_set(const ProtobufCFieldDescriptor *f, const uint8_t *base)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(base + f->quantifier_offset) > 0;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		if (*(const uint32_t *)(base + f->quantifier_offset) != f->id)
			return false;
		return f->type != PROTOBUF_C_TYPE_MESSAGE || !is_default(f, base + f->offset);
	}
	return !is_default(f, base + f->offset);
}

static int add_message(struct buf *out, const ProtobufCMessage *msg, int depth)
{
	const uint8_t *base = (const uint8_t *)msg;
	bool first = true;
	int err;

	if (depth > JSON_DEPTH_MAX)
		return -E2BIG;
	err = buf_add_char(out, '{');
	for (unsigned int i = 0; !err && i < msg->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];

		if (!is_set(f, base))
			continue;
		if (!first)
			err = buf_add_char(out, ',');
		first = false;
		if (!err)
			err = add_name(out, f->name);
		if (err)
			return err;
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			err = add_repeated(out, f, *(const void *const *)(base + f->offset),
					   *(const size_t *)(base + f->quantifier_offset), depth);
		else
			err = add_value(out, f, base + f->offset, depth);
	}
	return err ? err : buf_add_char(out, '}');
}

int otlp_json(const ProtobufCMessage *msg, struct buf *out)
{
	size_t before = out->len;
	int err = add_message(out, msg, 0);

	if (err)
		out->len = before;
	return err;
}
