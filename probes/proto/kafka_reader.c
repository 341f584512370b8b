/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_reader.h"

int kafka_uvarint(struct bytes in, uint32_t *ret, size_t *ret_len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 5; i++) {
		if (i >= in.len)
			return 0;
		v |= (uint64_t)(in.data[i] & 0x7f) << (7 * i);
		if (in.data[i] & 0x80)
			continue;
		if (v > UINT32_MAX)
			return -1;
		*ret = (uint32_t)v;
		*ret_len = i + 1;
		return 1;
	}
	return -1;
}

int kafka_varint(struct bytes in, int64_t *ret, size_t *ret_len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 10; i++) {
		if (i >= in.len)
			return 0;
		v |= (uint64_t)(in.data[i] & 0x7f) << (7 * i);
		if (in.data[i] & 0x80)
			continue;
		*ret = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
		*ret_len = i + 1;
		return 1;
	}
	return -1;
}

void kafka_read_start(struct kafka_reader *r, const struct kafka_field *fields, uint8_t cnt,
		      uint8_t version, bool flexible, bool tags_first)
{
	memset(r, 0, sizeof(*r));
	r->fields = fields;
	r->cnt = cnt;
	r->version = version;
	r->flexible = flexible;
	r->tags_due = tags_first;
}

/* A length or count: int16 or int32 with -1 for null, or a varint of it plus one. */
static int read_len(const struct kafka_reader *r, struct bytes in, size_t fixed, int64_t *ret,
		    size_t *used)
{
	uint32_t v;
	int got;

	if (r->flexible) {
		got = kafka_uvarint(in, &v, used);
		if (got > 0)
			*ret = (int64_t)v - 1;
		return got > 0 && *ret > INT32_MAX ? -1 : got;
	}
	if (in.len < fixed)
		return 0;
	*ret = fixed == 2 ? kafka_i16(in.data) : kafka_i32(in.data);
	*used = fixed;
	return *ret < -1 ? -1 : 1;
}

/* A step through a section of tagged fields: tag, size, bytes, each. */
static enum kafka_event read_tags(struct kafka_reader *r, struct bytes in, size_t *used)
{
	uint32_t tag, size;
	size_t a, b;
	int got;

	if (!r->tag_section) {
		got = kafka_uvarint(in, &r->tags, used);
		if (got <= 0)
			return got ? KE_BAD : KE_MORE;
		r->tags_due = false;
		r->tag_section = r->tags;
		return KE_SKIP;
	}
	got = kafka_uvarint(in, &tag, &a);
	if (got > 0)
		got = kafka_uvarint(bytes_from(in, a), &size, &b);
	if (got <= 0)
		return got ? KE_BAD : KE_MORE;
	*used = a + b;
	r->skip = size;
	r->tag_section = --r->tags;
	return KE_SKIP;
}

static enum kafka_event read_number(struct kafka_reader *r, const struct kafka_field *f,
				    struct bytes in, size_t *used, struct kafka_value *ret)
{
	static const uint8_t sizes[] = {[KT_I8] = 1, [KT_I16] = 2, [KT_I32] = 4, [KT_I64] = 8};
	size_t size = sizes[f->type];

	if (!f->what) {
		r->skip = size;
		r->at++;
		return KE_SKIP;
	}
	if (in.len < size)
		return KE_MORE;
	ret->num = size == 1   ? (int8_t)in.data[0]
		   : size == 2 ? kafka_i16(in.data)
		   : size == 4 ? kafka_i32(in.data)
			       : kafka_i64(in.data);
	*used = size;
	r->at++;
	return KE_NUM;
}

static enum kafka_event read_string(struct kafka_reader *r, const struct kafka_field *f,
				    struct bytes in, size_t *used, struct kafka_value *ret)
{
	int64_t len = 0;
	size_t n = 0;
	int got = read_len(r, in, 2, &len, &n);

	if (got <= 0)
		return got ? KE_BAD : KE_MORE;
	if (!f->what) {
		*used = n;
		r->skip = len > 0 ? (uint64_t)len : 0;
		r->at++;
		return KE_SKIP;
	}
	if (len > KAFKA_STR_MAX)
		return KE_BAD;
	if (len > 0 && in.len - n < (size_t)len)
		return KE_MORE;
	ret->str = len < 0 ? BYTES_NONE : bytes_of(in.data + n, (size_t)len);
	*used = n + (len > 0 ? (size_t)len : 0);
	r->at++;
	return KE_BYTES;
}

static enum kafka_event read_array(struct kafka_reader *r, const struct kafka_field *f,
				   struct bytes in, size_t *used, struct kafka_value *ret)
{
	int64_t cnt;
	struct kafka_level *l;
	int got = read_len(r, in, 4, &cnt, used);

	if (got <= 0)
		return got ? KE_BAD : KE_MORE;
	if (r->depth >= KAFKA_DEPTH)
		return KE_BAD;
	if (cnt <= 0) {
		r->at += 1 + f->items;
	} else {
		l = &r->level[r->depth++];
		*l = (struct kafka_level){.array = r->at,
					  .end = (uint8_t)(r->at + 1 + f->items),
					  .left = (uint32_t)cnt,
					  .begun = true,
					  .list = f->type == KT_LIST};
		r->at++;
	}
	ret->num = cnt;
	return f->what ? KE_ARRAY : KE_SKIP;
}

/* The entries of an element, or of the message, are through. */
static enum kafka_event read_end(struct kafka_reader *r, struct kafka_value *ret)
{
	struct kafka_level *l;

	if (!r->depth) {
		r->done = true;
		return KE_DONE;
	}
	l = &r->level[r->depth - 1];
	if (l->begun && r->flexible && !l->list) {
		l->begun = false;
		r->tags_due = true;
		return KE_SKIP;
	}
	ret->what = r->fields[l->array].what;
	if (--l->left) {
		l->begun = true;
		r->at = l->array + 1;
	} else {
		r->at = l->end;
		r->depth--;
	}
	return ret->what ? KE_ELEMENT : KE_SKIP;
}

enum kafka_event kafka_read(struct kafka_reader *r, struct bytes in, size_t *ret_used,
			    struct kafka_value *ret)
{
	const struct kafka_field *f;
	uint8_t end = r->depth ? r->level[r->depth - 1].end : r->cnt;

	*ret_used = 0;
	if (r->skip) {
		*ret_used = r->skip < in.len ? (size_t)r->skip : in.len;
		r->skip -= *ret_used;
		return *ret_used ? KE_SKIP : KE_MORE;
	}
	if (r->done)
		return KE_DONE;
	if (r->tags_due || r->tag_section)
		return read_tags(r, in, ret_used);
	if (r->at >= end)
		return read_end(r, ret);
	f = &r->fields[r->at];
	if (r->version < f->min || (f->max != KAFKA_NEVER && r->version > f->max)) {
		r->at += 1 + f->items;
		return KE_SKIP;
	}
	ret->what = f->what;
	switch (f->type) {
	case KT_STR:
		return read_string(r, f, in, ret_used, ret);
	case KT_UUID:
		if (!f->what) {
			r->skip = 16;
			r->at++;
			return KE_SKIP;
		}
		if (in.len < 16)
			return KE_MORE;
		ret->str = bytes_head(in, 16);
		*ret_used = 16;
		r->at++;
		return KE_BYTES;
	case KT_RECORDS:
		switch (read_len(r, in, 4, &ret->num, ret_used)) {
		case 0:
			return KE_MORE;
		case 1:
			r->at++;
			return KE_RECORDS;
		default:
			return KE_BAD;
		}
	case KT_ARRAY:
	case KT_LIST:
		return read_array(r, f, in, ret_used, ret);
	default:
		return read_number(r, f, in, ret_used, ret);
	}
}
