/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_zip.h"

#include <zlib.h>

#include "probes/proto/kafka_reader.h"

#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define GZIP_WINDOW (15 + 16) /* zlib: a gzip header is expected */

static size_t unzip_gzip(struct bytes in, uint8_t *out, size_t max)
{
	z_stream z = {.next_in = (uint8_t *)(uintptr_t)in.data,
		      .avail_in = (uInt)in.len,
		      .next_out = out,
		      .avail_out = (uInt)max};

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return 0;
	inflate(&z, Z_SYNC_FLUSH);
	inflateEnd(&z);
	return z.total_out;
}

#ifdef HAVE_LZ4
static size_t unzip_lz4(struct bytes in, uint8_t *out, size_t max)
{
	LZ4F_dctx *d;
	size_t done = 0;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
		return 0;
	while (in.len && done < max) {
		size_t from = in.len, to = max - done;
		size_t r = LZ4F_decompress(d, out + done, &to, in.data, &from, NULL);

		if (LZ4F_isError(r))
			break;
		done += to;
		in = bytes_from(in, from);
		if (!r || (!from && !to))
			break;
	}
	LZ4F_freeDecompressionContext(d);
	return done;
}
#endif

#ifdef HAVE_SNAPPY
static size_t unzip_snappy_raw(struct bytes in, uint8_t *out, size_t max)
{
	size_t len = max;

	return snappy_uncompress((const char *)in.data, in.len, (char *)out, &len) == SNAPPY_OK
		       ? len
		       : 0;
}

/* Java's stream (xerial): a head of 16 bytes, then blocks with a length each; or one raw block. */
static size_t unzip_snappy(struct bytes in, uint8_t *out, size_t max)
{
	size_t done = 0;

	if (!bytes_starts(in, BYTES_LIT("\x82SNAPPY\0")))
		return unzip_snappy_raw(in, out, max);
	in = bytes_from(in, 16);
	while (in.len > 4) {
		size_t len = (uint32_t)kafka_i32(in.data);
		size_t got;

		in = bytes_from(in, 4);
		if (len > in.len)
			break;
		got = unzip_snappy_raw(bytes_head(in, len), out + done, max - done);
		if (!got)
			break;
		done += got;
		in = bytes_from(in, len);
	}
	return done;
}
#endif

#ifdef HAVE_ZSTD
static size_t unzip_zstd(struct bytes in, uint8_t *out, size_t max)
{
	ZSTD_inBuffer from = {.src = in.data, .size = in.len};
	ZSTD_outBuffer to = {.dst = out, .size = max};
	ZSTD_DStream *d = ZSTD_createDStream();

	if (!d)
		return 0;
	ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, 23);
	while (from.pos < from.size && to.pos < to.size) {
		size_t r = ZSTD_decompressStream(d, &to, &from);

		if (!r || ZSTD_isError(r))
			break;
	}
	ZSTD_freeDStream(d);
	return to.pos;
}
#endif

size_t kafka_unzip(unsigned int codec, struct bytes in, uint8_t *out, size_t max)
{
	switch (codec) {
	case KAFKA_GZIP:
		return unzip_gzip(in, out, max);
#ifdef HAVE_SNAPPY
	case KAFKA_SNAPPY:
		return unzip_snappy(in, out, max);
#endif
#ifdef HAVE_LZ4
	case KAFKA_LZ4:
		return unzip_lz4(in, out, max);
#endif
#ifdef HAVE_ZSTD
	case KAFKA_ZSTD:
		return unzip_zstd(in, out, max);
#endif
	default:
		return 0;
	}
}
