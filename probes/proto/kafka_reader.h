/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_KAFKA_READER_H
#define OE_KAFKA_READER_H
/*
 * Reads one Kafka message, field by field, from bytes that come in pieces. Between two calls it
 * stands in front of a field or inside bytes that nobody wants (`skip`); what it has read is never
 * needed again, so messages may be of any size, and bytes that were not captured do no harm where
 * they are skipped.
 */
#include <stdbool.h>

#include "probes/proto/kafka_api.h"
#include "userspace/base/bytes.h"

#define KAFKA_DEPTH   4
#define KAFKA_STR_MAX 32767u

enum kafka_event {
	KE_MORE,    /* the next field is not there as a whole: nothing consumed */
	KE_BAD,	    /* cannot be this message */
	KE_SKIP,    /* bytes consumed (or only a step taken), nothing to tell */
	KE_NUM,	    /* field `what` has the value num */
	KE_BYTES,   /* str: a string (data NULL: null), or 16 bytes of an id */
	KE_ARRAY,   /* of num elements follows */
	KE_ELEMENT, /* an element of array `what` ends here */
	KE_RECORDS, /* num bytes of record batches follow: to be taken from the stream before the
		       next call; -1: null */
	KE_DONE,
};

struct kafka_level {
	uint8_t array; /* entry of the array; the element's first one is behind it */
	uint8_t end;   /* behind the element's last entry */
	uint32_t left; /* elements, this one included */
	bool begun;    /* inside an element */
	bool list;     /* elements have no tagged fields */
};

struct kafka_reader {
	const struct kafka_field *fields;
	uint64_t skip; /* bytes not wanted, ahead */
	uint32_t tags; /* tagged fields still to come in the section at hand */
	uint8_t cnt, at, depth, version;
	bool flexible;
	bool tag_section; /* in one: `tags` is known */
	bool tags_due;	  /* in front of one */
	bool done;
	struct kafka_level level[KAFKA_DEPTH];
};

struct kafka_value {
	uint8_t what; /* enum kafka_what */
	int64_t num;
	struct bytes str;
};

/* tags_first: the header's section of tagged fields stands in front. */
void kafka_read_start(struct kafka_reader *r, const struct kafka_field *fields, uint8_t cnt,
		      uint8_t version, bool flexible, bool tags_first);
/* One step from the start of `in`, of which *ret_used bytes are consumed. */
enum kafka_event kafka_read(struct kafka_reader *r, struct bytes in, size_t *ret_used,
			    struct kafka_value *ret);

/* Numbers of the wire; the caller has looked whether they are there. */
static inline int16_t kafka_i16(const uint8_t *p)
{
	return (int16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline int32_t kafka_i32(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

static inline int64_t kafka_i64(const uint8_t *p)
{
	return (int64_t)((uint64_t)(uint32_t)kafka_i32(p) << 32 | (uint32_t)kafka_i32(p + 4));
}

/* Unsigned varint of at most 5 bytes. 1: read; 0: more bytes needed; -1: none. */
int kafka_uvarint(struct bytes in, uint32_t *ret, size_t *ret_len);
/* Zigzag varint of at most 10 bytes, as in records. */
int kafka_varint(struct bytes in, int64_t *ret, size_t *ret_len);

#endif
