/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HPACK_H
#define OE_HPACK_H
/*
 * HPACK (RFC 7541), the decoding side of one direction of one connection, for a reader that may
 * have come late. A dynamic table that we did not see grow is unknown: an index counts from the
 * newest entry, so whatever was inserted since we came is found, and what lies beyond is reported
 * as not known, never guessed. After bytes were lost the table is unknown again
 * (hpack_forget). Memory: HPACK_TABLE_MAX at most, as RFC 7541 section 4.1 counts entries; a table
 * that its encoder keeps larger loses its oldest entries here, which are then not known.
 */
#include "userspace/base/bytes.h"

#define HPACK_TABLE_MAX	     65536u
#define HPACK_TABLE_MAX_LATE 16384u /* when the encoder's own limit was never seen */
#define HPACK_TABLE_DEFAULT  4096u  /* SETTINGS_HEADER_TABLE_SIZE, RFC 9113 section 6.5.2 */

struct hpack_entry;

/* Zeroed memory is a decoder that came late; hpack_start() for one that saw the beginning. */
struct hpack {
	struct hpack_entry **ring; /* `cap` slots, a power of two; newest at head - 1 */
	uint32_t cap;
	uint32_t head; /* entries ever inserted into `ring`, modulo 2^32 */
	uint32_t cnt;  /* known entries, newest first */
	uint32_t size; /* of these, as the RFC counts */
	uint32_t max;  /* encoder's limit, valid when max_known */
	bool max_known;
	bool complete; /* nothing is missing from the table: an index beyond it is an error */
};

struct hpack_field {
	struct bytes name, value; /* valid until the callback returns */
	bool name_known;	  /* false: stands in a part of the table that we never saw */
	bool value_known;
	bool cut;	    /* the value did not fit into the scratch memory: a prefix */
	bool never_indexed; /* its sender calls it sensitive */
};

enum hpack_status {
	HPACK_OK = 0,
	HPACK_ERROR, /* not a header block (RFC 7541 section 5 and 6); the table was forgotten */
	HPACK_NOMEM, /* the table was forgotten */
};

typedef void (*hpack_field_fn)(void *ctx, const struct hpack_field *f);

/* The connection is known from its first byte: empty table, default limit. */
void hpack_start(struct hpack *h);
/* Frees; the decoder is one that came late again. */
void hpack_done(struct hpack *h);
/* A header block, or a part of one, went by unseen: nothing of the table is known any more. */
void hpack_forget(struct hpack *h);
/*
 * Decodes one header block and calls fn for each field in order. `cut`: only a prefix of the block
 * was captured; what stands in it whole is decoded, then the table is forgotten.
 * scratch: where strings are decoded (borrowed); a value that does not fit is cut (f->cut), a name
 * that does not fit is not known.
 */
enum hpack_status hpack_decode(struct hpack *h, struct bytes block, bool cut, uint8_t *scratch,
			       size_t scratch_len, hpack_field_fn fn, void *ctx);
/* Bytes of memory held. */
size_t hpack_memory(const struct hpack *h);

#endif
