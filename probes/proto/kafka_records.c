/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_records.h"

#include <stdlib.h>

#include "probes/proto/kafka_zip.h"

#define UNZIPPED_MAX   65536u
#define UNZIPPED_RATIO 32u /* of contexts: they hardly shrink; who sends more wants our time */

#define SET_HEAD 18u /* of a message set's entry, magic 0: up to the attributes */

/* attributes of a batch */
#define ATTR_CODEC   0x07
#define ATTR_CONTROL 0x20

enum record_state { RS_LENGTH = 0, RS_VALUE, RS_HEADERS, RS_HEADER_KEY, RS_HEADER_VALUE };

void kafka_batches_start(struct kafka_batches *b, uint64_t size, int64_t from)
{
	memset(b, 0, sizeof(*b));
	b->left = b->start = size;
	b->from = from;
	b->first_offset = b->last_offset = -1;
}

static void eat(struct kafka_batches *b, uint64_t n)
{
	b->left -= n;
	b->batch_left -= b->batch_left < n ? b->batch_left : n;
	b->skip -= b->skip < n ? b->skip : n;
}

static void skip_batch(struct kafka_batches *b)
{
	b->skip = b->batch_left;
	b->zip = 0;
}

/* Nothing of the rest will be understood. */
static enum kafka_event skip_all(struct kafka_batches *b)
{
	b->batch_left = b->skip = b->left;
	b->zip = 0;
	return KE_SKIP;
}

/* Not the last one that there is: the next one has to be a number, too. */
static bool is_offset(int64_t offset)
{
	return offset >= 0 && offset < INT64_MAX;
}

/* `cnt` records with offsets from base to last; senders may write anything there. */
static void count(struct kafka_batches *b, int64_t base, int64_t last, uint64_t cnt)
{
	if (!is_offset(base) || !is_offset(last)) {
		b->records += cnt;
		return;
	}
	b->last_offset = last;
	if (b->from > last)
		return;
	if (b->from > base) {
		/* all there are if none was compacted away */
		uint64_t rest = (uint64_t)(last - b->from) + 1;

		cnt = rest < cnt ? rest : cnt;
		base = b->from;
	}
	b->records += cnt;
	if (b->first_offset < 0)
		b->first_offset = base;
}

/* Entry of a message set: one message, unless it wraps a compressed set. */
static enum kafka_event read_set_entry(struct kafka_batches *b, const uint8_t *p, uint64_t total)
{
	int64_t offset = kafka_i64(p);

	if (p[17] & ATTR_CODEC) { /* its offset is that of the last message inside */
		b->unknown = true;
		if (is_offset(offset))
			b->last_offset = offset;
	} else {
		count(b, offset, offset, 1);
	}
	b->batch_left = b->skip = total;
	return KE_SKIP;
}

static enum kafka_event read_batch_head(struct kafka_batches *b, struct bytes in, size_t *used)
{
	const uint8_t *p = in.data;
	uint64_t total;
	int64_t base;
	int32_t len, cnt, last;
	uint16_t attrs;

	if (b->left < SET_HEAD) /* the rest of a batch that did not fit */
		return skip_all(b);
	if (in.len < SET_HEAD)
		return KE_MORE;
	len = kafka_i32(p + 8);
	total = 12 + (uint64_t)(len < 0 ? 0 : len);
	if (p[16] > 2 || len < (int32_t)(SET_HEAD - 12)) {
		b->unknown = true;
		return skip_all(b);
	}
	if (total > b->left)
		return skip_all(b); /* did not fit: comes again with the next fetch */
	if (p[16] < 2)
		return read_set_entry(b, p, total);
	if (total < KAFKA_BATCH_HEAD) {
		b->unknown = true;
		return skip_all(b);
	}
	if (in.len < KAFKA_BATCH_HEAD)
		return KE_MORE;
	base = kafka_i64(p);
	attrs = (uint16_t)kafka_i16(p + 21);
	last = kafka_i32(p + 23);
	cnt = kafka_i32(p + 57);
	b->batch_left = total;
	*used = KAFKA_BATCH_HEAD;
	eat(b, KAFKA_BATCH_HEAD);
	if (last < 0 || cnt < 0 || base > INT64_MAX - last) {
		b->unknown = true;
		skip_batch(b);
		return KE_SKIP;
	}
	if (attrs & ATTR_CONTROL) {
		if (is_offset(base) && is_offset(base + last))
			b->last_offset = base + last;
		skip_batch(b);
		return KE_SKIP;
	}
	count(b, base, base + last, (uint64_t)cnt);
	b->records_left = (uint32_t)cnt;
	b->state = RS_LENGTH;
	b->zip = attrs & ATTR_CODEC;
	if (!cnt || (b->zip && b->batch_left > KAFKA_ZIP_MAX))
		skip_batch(b);
	return KE_SKIP;
}

static bool is_traceparent(struct bytes key)
{
	return bytes_ieq(key, BYTES_LIT("traceparent"));
}

/* How far the machine went in `in`; 0 bytes: more are needed. -1: no record. */
static int read_varints(struct bytes in, size_t at, unsigned int n, int64_t *last, size_t *ret_at)
{
	for (unsigned int i = 0; i < n; i++) {
		size_t len;
		int got = kafka_varint(bytes_from(in, at), last, &len);

		if (got <= 0)
			return got;
		at += len;
	}
	*ret_at = at;
	return 1;
}

/* A step through the records of a batch; `in` ends with the batch. The text of a trace context:
 * *ret. */
static int step_record(struct kafka_batches *b, struct bytes in, size_t *at, uint64_t *skip,
		       struct bytes *ret)
{
	int64_t v = 0;
	int got;

	switch (b->state) {
	case RS_LENGTH: /* length, attributes, time, offset, length of the key */
		got = read_varints(in, 0, 1, &v, at);
		if (got > 0)
			got = in.len > *at ? read_varints(in, *at + 1, 3, &v, at) : 0;
		b->state = got > 0 ? RS_VALUE : RS_LENGTH;
		break;
	case RS_VALUE:
		got = read_varints(in, 0, 1, &v, at);
		b->state = got > 0 ? RS_HEADERS : RS_VALUE;
		break;
	case RS_HEADERS:
		got = read_varints(in, 0, 1, &v, at);
		if (got <= 0)
			return got;
		if (v < 0 || v > INT32_MAX)
			return -1;
		b->headers_left = (uint32_t)v;
		b->state = v ? RS_HEADER_KEY : RS_LENGTH;
		b->records_left -= !v;
		return 1;
	case RS_HEADER_KEY:
		got = read_varints(in, 0, 1, &v, at);
		if (got <= 0)
			return got;
		if (v == 11) {
			if (in.len - *at < 11)
				return 0;
			b->wanted = is_traceparent(bytes_of(in.data + *at, 11));
		} else {
			b->wanted = false;
		}
		b->state = RS_HEADER_VALUE;
		break;
	default: /* RS_HEADER_VALUE */
		got = read_varints(in, 0, 1, &v, at);
		if (got <= 0)
			return got;
		if (b->wanted && v == 55) {
			if (in.len - *at < 55)
				return 0;
			*ret = bytes_of(in.data + *at, 55);
		}
		b->state = --b->headers_left ? RS_HEADER_KEY : RS_LENGTH;
		b->records_left -= !b->headers_left;
		break;
	}
	if (got <= 0)
		return got;
	if (v < -1)
		return -1;
	*skip = v > 0 ? (uint64_t)v : 0;
	return 1;
}

static enum kafka_event read_record(struct kafka_batches *b, struct bytes in, size_t *used,
				    kafka_link_fn *link, void *ctx)
{
	struct bytes batch = bytes_head(in, b->batch_left), text = BYTES_NONE;
	uint64_t skip = 0;
	size_t at = 0;
	int got = step_record(b, batch, &at, &skip, &text);

	if (!got && batch.len < b->batch_left)
		return KE_MORE;
	if (got <= 0 || skip > b->batch_left - at) {
		skip_batch(b);
		return KE_SKIP;
	}
	if (text.len)
		link(ctx, text);
	*used = at;
	eat(b, at);
	b->skip = skip;
	return KE_SKIP;
}

/* A compressed batch, when it is there as a whole: its records are read from what it unpacks to. */
static enum kafka_event read_zipped(struct kafka_batches *b, struct bytes in, kafka_link_fn *link,
				    void *ctx)
{
	struct kafka_batches inner;
	enum kafka_event e = KE_SKIP;
	struct bytes rest;
	uint8_t *plain;
	size_t used, max = UNZIPPED_RATIO * (size_t)b->batch_left + 512;

	if (in.len < b->batch_left)
		return KE_MORE;
	if (max > UNZIPPED_MAX)
		max = UNZIPPED_MAX;
	plain = malloc(max);
	in = bytes_head(in, b->batch_left);
	rest = bytes_of(plain, plain ? kafka_unzip(b->zip, in, plain, max) : 0);
	kafka_batches_start(&inner, rest.len, -1);
	inner.batch_left = rest.len;
	inner.records_left = b->records_left;
	while (rest.len && inner.records_left && e == KE_SKIP) {
		if (inner.skip) {
			used = inner.skip < rest.len ? (size_t)inner.skip : rest.len;
			eat(&inner, used);
		} else {
			used = 0;
			e = read_record(&inner, rest, &used, link, ctx);
		}
		rest = bytes_from(rest, used);
	}
	free(plain);
	skip_batch(b);
	return KE_SKIP;
}

enum kafka_event kafka_batches_read(struct kafka_batches *b, struct bytes in, size_t *ret_used,
				    kafka_link_fn *link, void *ctx)
{
	in = bytes_head(in, b->left);
	*ret_used = 0;
	if (!b->left)
		return KE_DONE;
	if (b->skip) {
		size_t n = b->skip < in.len ? (size_t)b->skip : in.len;

		if (!n)
			return KE_MORE;
		*ret_used = n;
		eat(b, n);
		return KE_SKIP;
	}
	if (!b->batch_left)
		return read_batch_head(b, in, ret_used);
	if (!b->records_left) {
		skip_batch(b);
		return KE_SKIP;
	}
	return b->zip ? read_zipped(b, in, link, ctx) : read_record(b, in, ret_used, link, ctx);
}

void kafka_batches_gap(struct kafka_batches *b, uint64_t len)
{
	if (len > b->skip && b->batch_left) {
		/* somewhere in the records: what follows in this batch cannot be told apart */
		skip_batch(b);
	}
	if (len > b->batch_left) { /* heads of batches were missed */
		b->unknown = true;
		skip_all(b);
	}
	eat(b, len);
}
