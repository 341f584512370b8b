/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MYSQL_ZIP_H
#define OE_MYSQL_ZIP_H
/*
 * The compressed protocol of MySQL: packets of 3 bytes of length, a sequence number, 3 bytes of
 * length before compression (0 = stored as it is), and a zlib stream each. They come out here as
 * the bytes that were put in, in portions. Part of mysql.c.
 */
#include "userspace/base/bytes.h"

#define MY_ZIP_OUT 16384u /* bytes that can be held; the parser asks for less */

struct z_stream_s;

/* One direction. All zero = at the start of a packet. */
struct my_zip {
	struct z_stream_s *z;
	uint8_t *out;
	uint32_t out_at, out_len; /* what has not been taken yet */
	uint32_t left;		  /* of the packet, compressed */
	bool stored;
	bool debt; /* the first byte of the next input has been read already */
	uint8_t have;
	uint8_t head[7];
};

/* What there is to take. */
static inline struct bytes my_zip_out(const struct my_zip *z)
{
	return bytes_of(z->out ? z->out + z->out_at : NULL, z->out_len - z->out_at);
}

/* n bytes of it are done with. */
static inline void my_zip_take(struct my_zip *z, size_t n)
{
	z->out_at += (uint32_t)n;
}

/* Reads from `in` until there is no more room. Returns bytes read; *ret_ok false: this is no such
 * stream (or there is no memory). */
size_t my_zip_read(struct my_zip *z, struct bytes in, bool *ret_ok);
/* At the start of a packet again; what was not taken is gone. */
void my_zip_reset(struct my_zip *z);
void my_zip_done(struct my_zip *z);
/* Could a packet of this number begin here? */
bool my_zip_begins(struct bytes in, uint8_t seq);

#endif
