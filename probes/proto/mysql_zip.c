/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/mysql_zip.h"

#include <stdlib.h>
#include <zlib.h>

#define HEAD sizeof(((struct my_zip *)0)->head)

static bool ready(struct my_zip *z)
{
	if (!z->out)
		z->out = malloc(MY_ZIP_OUT);
	if (!z->z) {
		z->z = calloc(1, sizeof(*z->z));
		if (z->z && inflateInit(z->z) != Z_OK) {
			free(z->z);
			z->z = NULL;
		}
	}
	return z->out && z->z;
}

static uint32_t le24(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

/* Some of the packet's payload; bytes read. */
static size_t payload(struct my_zip *z, struct bytes in, bool *ok)
{
	size_t room = MY_ZIP_OUT - z->out_len, n = in.len < z->left ? in.len : z->left;
	int err;

	if (z->stored) {
		n = n < room ? n : room;
		memcpy(z->out + z->out_len, in.data, n);
		z->out_len += (uint32_t)n;
		z->left -= (uint32_t)n;
		return n;
	}
	z->z->next_in = (uint8_t *)in.data;
	z->z->avail_in = (unsigned int)n;
	z->z->next_out = z->out + z->out_len;
	z->z->avail_out = (unsigned int)room;
	err = inflate(z->z, Z_SYNC_FLUSH);
	n -= z->z->avail_in;
	z->out_len += (uint32_t)(room - z->z->avail_out);
	z->left -= (uint32_t)n;
	*ok = err == Z_OK || err == Z_STREAM_END || (err == Z_BUF_ERROR && !z->z->avail_out);
	if (err == Z_STREAM_END && z->left)
		*ok = false;
	return n;
}

size_t my_zip_read(struct my_zip *z, struct bytes in, bool *ret_ok)
{
	size_t at = 0, n;

	*ret_ok = ready(z);
	if (!*ret_ok)
		return 0;
	if (z->out_at) { /* room at the end */
		memmove(z->out, z->out + z->out_at, z->out_len - z->out_at);
		z->out_len -= z->out_at;
		z->out_at = 0;
	}
	while (at < in.len && *ret_ok && z->out_len < MY_ZIP_OUT) {
		if (!z->left) {
			z->head[z->have++] = in.data[at++];
			if (z->have < HEAD)
				continue;
			z->have = 0;
			z->left = le24(z->head);
			z->stored = !le24(z->head + 4);
			*ret_ok = z->left && inflateReset(z->z) == Z_OK;
			continue;
		}
		n = payload(z, bytes_from(in, at), ret_ok);
		at += n;
		if (!n && z->out_len < MY_ZIP_OUT)
			*ret_ok = false; /* a stream that goes on without giving anything */
	}
	return at;
}

void my_zip_reset(struct my_zip *z)
{
	z->out_at = z->out_len = z->left = 0;
	z->have = 0;
	z->debt = false;
}

void my_zip_done(struct my_zip *z)
{
	if (z->z)
		inflateEnd(z->z);
	free(z->z);
	free(z->out);
	memset(z, 0, sizeof(*z));
}

bool my_zip_begins(struct bytes in, uint8_t seq)
{
	uint32_t len, before;

	if (in.len < HEAD + 2 || in.data[3] != seq)
		return false;
	len = le24(in.data);
	before = le24(in.data + 4);
	if (!len)
		return false;
	if (!before) /* stored: a packet with the same number starts there */
		return len >= 4 && in.len >= HEAD + 4 && in.data[HEAD + 3] == seq;
	/* zlib's two bytes: deflate, and a checksum */
	return (in.data[HEAD] & 0x0f) == 8 && (in.data[HEAD] << 8 | in.data[HEAD + 1]) % 31 == 0;
}
