/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_KAFKA_RECORDS_H
#define OE_KAFKA_RECORDS_H
/*
 * Record batches (magic 2) and message sets (magic 0 and 1): counted by their heads; of records
 * only headers named "traceparent" are looked at, as far as captured. Keys and values are stepped
 * over. Layout: Kafka documentation, "Message Format"; clients/.../record/DefaultRecordBatch.java.
 */
#include "probes/proto/kafka_reader.h"

#define KAFKA_BATCH_HEAD 61u /* of magic 2 */
#define KAFKA_ZIP_MAX                                                                              \
	4096u /* compressed batches up to here are looked into for headers; bpf/kafka.bpf.h copies \
		 as much */

/* Where the reading of one partition's records stands, and what they were. */
struct kafka_batches {
	uint64_t left;	     /* bytes of the area */
	uint64_t batch_left; /* of the batch at hand; 0: in front of one */
	uint64_t skip;	     /* bytes not wanted, ahead */
	int64_t from;	     /* records below this offset do not count; -1: all do */
	uint32_t records_left, headers_left;
	uint8_t state; /* what comes next in a record */
	uint8_t zip;   /* codec of the batch at hand, to be looked into; 0: none */
	bool wanted;   /* the header at hand is a trace context */
	/* results */
	uint64_t records;
	int64_t first_offset; /* of the first batch with records; -1: none */
	int64_t last_offset;  /* of the last whole batch; -1: none */
	uint64_t start;	      /* size of the area */
	bool unknown;	      /* not all records could be counted */
};

void kafka_batches_start(struct kafka_batches *b, uint64_t size, int64_t from);
/* Gets the text of each trace context, valid during the call. */
typedef void kafka_link_fn(void *ctx, struct bytes text);
/* One step: KE_SKIP, KE_MORE, or KE_DONE when all of the area is consumed. */
enum kafka_event kafka_batches_read(struct kafka_batches *b, struct bytes in, size_t *ret_used,
				    kafka_link_fn *link, void *ctx);
/* `len` bytes, at most what is left, were not captured. */
void kafka_batches_gap(struct kafka_batches *b, uint64_t len);

#endif
