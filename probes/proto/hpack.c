/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of a table that we did not see from the start? Indexes count from the newest
 * entry, and encoders never refer to an entry that they have evicted. So entries inserted since we
 * came are found by their index whatever stands behind them, and keeping one longer than
 * its encoder does is harmless. An entry larger than the whole table is not inserted but empties it
 * (RFC 7541 section 4.4): where the encoder's limit was never seen, or a size update may have been
 * lost, nothing up to such an entry is known, and what comes after it is.
 */
#include "probes/proto/hpack.h"

#include <stdlib.h>

#include "probes/proto/huffman.h"

#define STATIC_CNT     61u
#define ENTRY_OVERHEAD 32u /* RFC 7541 section 4.1 */
#define RING_MIN       16u
#define INT_MAX_BYTES  5u /* continuation bytes of an integer: 32 bits and a few leading zeros */

struct hpack_entry {
	uint32_t name_len, value_len;
	bool name_known;
	uint8_t data[]; /* name, value */
};

#define S(n, v)                                                                                    \
	{                                                                                          \
		{(const uint8_t *)(n), sizeof(n) - 1},                                             \
		{                                                                                  \
			(const uint8_t *)(v), sizeof(v) - 1                                        \
		}                                                                                  \
	}
/* RFC 7541 appendix A */
static const struct {
	struct bytes name, value;
} static_table[STATIC_CNT] = {
	S(":authority", ""),
	S(":method", "GET"),
	S(":method", "POST"),
	S(":path", "/"),
	S(":path", "/index.html"),
	S(":scheme", "http"),
	S(":scheme", "https"),
	S(":status", "200"),
	S(":status", "204"),
	S(":status", "206"),
	S(":status", "304"),
	S(":status", "400"),
	S(":status", "404"),
	S(":status", "500"),
	S("accept-charset", ""),
	S("accept-encoding", "gzip, deflate"),
	S("accept-language", ""),
	S("accept-ranges", ""),
	S("accept", ""),
	S("access-control-allow-origin", ""),
	S("age", ""),
	S("allow", ""),
	S("authorization", ""),
	S("cache-control", ""),
	S("content-disposition", ""),
	S("content-encoding", ""),
	S("content-language", ""),
	S("content-length", ""),
	S("content-location", ""),
	S("content-range", ""),
	S("content-type", ""),
	S("cookie", ""),
	S("date", ""),
	S("etag", ""),
	S("expect", ""),
	S("expires", ""),
	S("from", ""),
	S("host", ""),
	S("if-match", ""),
	S("if-modified-since", ""),
	S("if-none-match", ""),
	S("if-range", ""),
	S("if-unmodified-since", ""),
	S("last-modified", ""),
	S("link", ""),
	S("location", ""),
	S("max-forwards", ""),
	S("proxy-authenticate", ""),
	S("proxy-authorization", ""),
	S("range", ""),
	S("referer", ""),
	S("refresh", ""),
	S("retry-after", ""),
	S("server", ""),
	S("set-cookie", ""),
	S("strict-transport-security", ""),
	S("transfer-encoding", ""),
	S("user-agent", ""),
	S("vary", ""),
	S("via", ""),
	S("www-authenticate", ""),
};
#undef S

static struct hpack_entry **slot(const struct hpack *h, uint32_t i)
{
	return &h->ring[(h->head - 1 - i) & (h->cap - 1)];
}

static uint32_t entry_size(const struct hpack_entry *e)
{
	return e->name_len + e->value_len + ENTRY_OVERHEAD;
}

static void evict_oldest(struct hpack *h)
{
	struct hpack_entry **e = slot(h, h->cnt - 1);

	h->size -= entry_size(*e);
	free(*e);
	h->cnt--;
}

static void drop_all(struct hpack *h)
{
	while (h->cnt)
		evict_oldest(h);
}

void hpack_forget(struct hpack *h)
{
	drop_all(h);
	h->complete = false;
	h->max_known = false; /* a size update may have gone by as well */
}

void hpack_start(struct hpack *h)
{
	drop_all(h);
	h->max = HPACK_TABLE_DEFAULT;
	h->max_known = h->complete = true;
}

void hpack_done(struct hpack *h)
{
	drop_all(h);
	free(h->ring);
	memset(h, 0, sizeof(*h));
}

size_t hpack_memory(const struct hpack *h)
{
	return h->size + h->cap * sizeof(*h->ring);
}

/* How much is kept: never more than the encoder keeps, nor than our own limit. */
static uint32_t keep_max(const struct hpack *h)
{
	if (!h->max_known)
		return HPACK_TABLE_MAX_LATE;
	return h->max < HPACK_TABLE_MAX ? h->max : HPACK_TABLE_MAX;
}

static void evict_to(struct hpack *h, uint32_t size)
{
	while (h->cnt && h->size > size) {
		evict_oldest(h);
		if (!h->max_known || h->max > HPACK_TABLE_MAX)
			h->complete = false; /* its encoder may still have it */
	}
}

static int grow(struct hpack *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : RING_MIN;
	struct hpack_entry **ring = malloc(cap * sizeof(struct hpack_entry *));

	if (!ring)
		return -1;
	for (uint32_t i = 0; i < h->cnt; i++)
		ring[(h->head - 1 - i) & (cap - 1)] = *slot(h, i);
	free(h->ring);
	h->ring = ring;
	h->cap = cap;
	return 0;
}

/* Takes e. */
static int insert(struct hpack *h, struct hpack_entry *e)
{
	uint32_t size = entry_size(e);

	if (!h->max_known && size > HPACK_TABLE_DEFAULT) {
		drop_all(h); /* it fitted, or emptied the table: all up to here is unknown */
		h->complete = false;
	} else if (h->max_known && size > h->max) {
		drop_all(h); /* empties the encoder's table as well */
		h->complete = true;
	} else if (size > keep_max(h)) {
		drop_all(h); /* the encoder has it, we have not: all behind it is unknown */
		h->complete = false;
	} else {
		evict_to(h, keep_max(h) - size);
		if (h->cnt == h->cap && grow(h)) {
			free(e);
			hpack_forget(h);
			return -1;
		}
		h->head++;
		h->cnt++;
		h->size += size;
		*slot(h, 0) = e;
		return 0;
	}
	free(e);
	return 0;
}

static void resize(struct hpack *h, uint32_t max)
{
	h->max = max;
	h->max_known = true;
	if (max < ENTRY_OVERHEAD) { /* nothing fits: known to be empty */
		drop_all(h);
		h->complete = true;
	}
	evict_to(h, keep_max(h));
}

/* One block while it is decoded. */
struct reader {
	struct hpack *h;
	struct bytes in;
	size_t at;
	bool more; /* stopped because the input ended */
	uint8_t *scratch;
	size_t scratch_len, scratch_used;
};

/* A string literal as it stands in the block. */
struct raw {
	struct bytes in;
	bool huffman;
};

static bool byte(struct reader *r, uint8_t *ret)
{
	if (r->at >= r->in.len) {
		r->more = true;
		return false;
	}
	*ret = r->in.data[r->at++];
	return true;
}

/* RFC 7541 section 5.1; `first` is the byte that holds the prefix of `bits` bits. */
static bool integer(struct reader *r, uint8_t first, unsigned int bits, uint32_t *ret)
{
	uint32_t mask = (1u << bits) - 1;
	uint64_t v = first & mask;
	uint8_t b;

	if (v == mask) {
		for (unsigned int i = 0;; i++) {
			if (!byte(r, &b))
				return false;
			if (i >= INT_MAX_BYTES)
				return false;
			v += (uint64_t)(b & 0x7f) << (7 * i);
			if (!(b & 0x80))
				break;
		}
		if (v > UINT32_MAX)
			return false;
	}
	*ret = (uint32_t)v;
	return true;
}

static bool string(struct reader *r, struct raw *ret)
{
	uint32_t len;
	uint8_t b;

	if (!byte(r, &b) || !integer(r, b, 7, &len))
		return false;
	if (len > r->in.len - r->at) {
		r->more = true;
		return false;
	}
	ret->in = bytes_of(r->in.data + r->at, len);
	ret->huffman = b & 0x80;
	r->at += len;
	return true;
}

/* A string in readable form: a view of the block, or decoded into scratch. False: invalid. */
static bool readable(struct reader *r, const struct raw *s, struct bytes *ret, bool *ret_cut)
{
	uint8_t *to = r->scratch + r->scratch_used;
	long n;

	*ret_cut = false;
	if (!s->huffman) {
		*ret = s->in;
		return true;
	}
	n = huffman_decode(s->in, to, r->scratch_len - r->scratch_used, ret_cut);
	if (n < 0)
		return false;
	r->scratch_used += (size_t)n;
	*ret = bytes_of(to, (size_t)n);
	return true;
}

static long copy_out(const struct raw *s, uint8_t *to)
{
	bool cut;

	if (s->huffman)
		return huffman_decode(s->in, to, huffman_max(s->in.len), &cut);
	if (s->in.len)
		memcpy(to, s->in.data, s->in.len);
	return (long)s->in.len;
}

static size_t room_for(const struct raw *s)
{
	return s->huffman ? huffman_max(s->in.len) : s->in.len;
}

/* What an index refers to. False: there can be no such entry. */
static bool look_up(const struct hpack *h, uint32_t index, struct hpack_field *f)
{
	const struct hpack_entry *e;

	if (!index)
		return false;
	f->name_known = f->value_known = false;
	f->name = f->value = BYTES_NONE;
	if (index <= STATIC_CNT) {
		f->name = static_table[index - 1].name;
		f->value = static_table[index - 1].value;
		f->name_known = f->value_known = true;
		return true;
	}
	index -= STATIC_CNT + 1;
	if (index >= h->cnt)
		return !h->complete;
	e = *slot(h, index);
	f->name_known = e->name_known;
	f->name = bytes_of(e->data, e->name_len);
	f->value = bytes_of(e->data + e->name_len, e->value_len);
	f->value_known = true;
	return true;
}

/* A literal that enters the table. `f` has the name when it came by index. */
static enum hpack_status insert_literal(struct reader *r, const struct raw *name,
					const struct raw *value, struct hpack_field *f,
					hpack_field_fn fn, void *ctx)
{
	size_t name_room = name ? room_for(name) : f->name.len, room = name_room + room_for(value);
	struct hpack_entry *e = malloc(sizeof(*e) + room), *fit;
	long n = (long)f->name.len, v;

	if (!e)
		return HPACK_NOMEM;
	if (name)
		n = copy_out(name, e->data);
	else if (n)
		memcpy(e->data, f->name.data, f->name.len);
	v = n < 0 ? -1 : copy_out(value, e->data + n);
	if (v < 0) {
		free(e);
		return HPACK_ERROR;
	}
	e->name_known = name || f->name_known;
	e->name_len = (uint32_t)n;
	e->value_len = (uint32_t)v;
	fit = realloc(e, sizeof(*e) + (size_t)(n + v));
	if (fit)
		e = fit;
	f->name_known = e->name_known;
	f->name = bytes_of(e->data, e->name_len);
	f->value = bytes_of(e->data + e->name_len, e->value_len);
	f->value_known = true;
	fn(ctx, f);
	return insert(r->h, e) ? HPACK_NOMEM : HPACK_OK;
}

static enum hpack_status literal(struct reader *r, uint8_t first, unsigned int bits, bool indexing,
				 hpack_field_fn fn, void *ctx)
{
	struct hpack_field f = {.never_indexed = bits == 4 && first & 0x10};
	struct raw name = {BYTES_NONE, false}, value;
	bool by_index, cut = false;
	uint32_t index;

	if (!integer(r, first, bits, &index))
		return HPACK_ERROR;
	by_index = index != 0;
	if (by_index && !look_up(r->h, index, &f))
		return HPACK_ERROR;
	if ((!by_index && !string(r, &name)) || !string(r, &value))
		return HPACK_ERROR;
	if (indexing)
		return insert_literal(r, by_index ? NULL : &name, &value, &f, fn, ctx);
	r->scratch_used = 0;
	if (!by_index) {
		if (!readable(r, &name, &f.name, &cut))
			return HPACK_ERROR;
		f.name_known = !cut;
	}
	if (!readable(r, &value, &f.value, &f.cut))
		return HPACK_ERROR;
	f.value_known = true;
	fn(ctx, &f);
	return HPACK_OK;
}

/* One representation (RFC 7541 section 6). */
static enum hpack_status representation(struct reader *r, bool first_field, bool *ret_field,
					hpack_field_fn fn, void *ctx)
{
	struct hpack_field f = {0};
	uint32_t v;
	uint8_t b;

	*ret_field = true;
	if (!byte(r, &b))
		return HPACK_ERROR;
	if (b & 0x80) {
		if (!integer(r, b, 7, &v) || !look_up(r->h, v, &f))
			return HPACK_ERROR;
		fn(ctx, &f);
		return HPACK_OK;
	}
	if (b & 0x40)
		return literal(r, b, 6, true, fn, ctx);
	if (b & 0x20) {
		*ret_field = false;
		if (!integer(r, b, 5, &v) || !first_field)
			return HPACK_ERROR;
		resize(r->h, v);
		return HPACK_OK;
	}
	return literal(r, b, 4, false, fn, ctx);
}

enum hpack_status hpack_decode(struct hpack *h, struct bytes block, bool cut, uint8_t *scratch,
			       size_t scratch_len, hpack_field_fn fn, void *ctx)
{
	struct reader r = {.h = h, .in = block, .scratch = scratch, .scratch_len = scratch_len};
	enum hpack_status st = HPACK_OK;
	bool first_field = true, field;

	while (r.at < block.len && st == HPACK_OK) {
		st = representation(&r, first_field, &field, fn, ctx);
		if (field)
			first_field = false;
	}
	if (cut && r.more)
		st = HPACK_OK; /* what stands there whole was decoded */
	if (cut || st != HPACK_OK)
		hpack_forget(h);
	return st;
}
