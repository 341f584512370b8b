/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_KAFKA_API_H
#define OE_KAFKA_API_H
/*
 * Kafka's messages as tables. Facts: the protocol guide and the message definitions of Apache Kafka
 * 4.1 (clients/src/main/resources/common/message), older versions from 3.9's.
 *
 * A table lists the fields of a message in order; a field exists in versions min to max. An array
 * is followed by the `items` entries of its element. In flexible versions every struct ends with a
 * section of tagged fields, lengths are varints; the reader knows (kafka_reader.h).
 */
#include <stdint.h>

enum kafka_type {
	KT_I8 = 1,
	KT_I16,
	KT_I32,
	KT_I64,
	KT_UUID,
	KT_STR,	    /* nullable or not */
	KT_RECORDS, /* bytes that hold record batches */
	KT_ARRAY,   /* of structs */
	KT_LIST,    /* of primitives: one entry follows */
};

/* What a field means; 0: read past. */
enum kafka_what {
	KW_NONE = 0,
	KW_ACKS,
	KW_SESSION_EPOCH,
	KW_TOPICS, /* arrays: an element is a topic, */
	KW_PARTS,  /* a partition of it, */
	KW_FORGOTTEN,
	KW_FORGOTTEN_PARTS,
	KW_TOPIC,
	KW_TOPIC_ID,
	KW_PARTITION,
	KW_ERROR,     /* of a topic or partition, */
	KW_ERROR_TOP, /* of the request */
	KW_OFFSET,    /* fetch, committed, or base offset */
	KW_HIGH_WATERMARK,
	KW_STABLE_OFFSET,
	KW_RECORDS,
	KW_GROUP,
};

#define KAFKA_NEVER 0xff /* min of a field that is not there (any more), max of one that stays */

struct kafka_field {
	uint8_t type;
	uint8_t what;
	uint8_t min, max;
	uint8_t items; /* KT_ARRAY, KT_LIST: entries of the element */
};

enum kafka_key {
	KAFKA_PRODUCE = 0,
	KAFKA_FETCH = 1,
	KAFKA_METADATA = 3,
	KAFKA_OFFSET_COMMIT = 8,
	KAFKA_SASL_HANDSHAKE = 17,
	KAFKA_API_VERSIONS = 18,
};

struct kafka_api {
	const char *name;
	uint8_t max;	  /* newest version known */
	uint8_t flexible; /* first flexible version; KAFKA_NEVER: none */
	uint8_t req_cnt, resp_cnt;
	const struct kafka_field *req, *resp; /* NULL: the body does not matter */
};

/* NULL: no such API. */
const struct kafka_api *kafka_api(int key);
/* Upper-case name of an error code, as Kafka's Errors enumerates them; NULL: not known. */
const char *kafka_error_name(int code);

#endif
