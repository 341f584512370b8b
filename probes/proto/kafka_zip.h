/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_KAFKA_ZIP_H
#define OE_KAFKA_ZIP_H
/* Compressed record batches. lz4, snappy and zstd are there when their libraries were at build
 * time (HAVE_LZ4, HAVE_SNAPPY, HAVE_ZSTD). */
#include "userspace/base/bytes.h"

/* Codecs, as the attributes of a batch name them. */
enum kafka_codec { KAFKA_GZIP = 1, KAFKA_SNAPPY = 2, KAFKA_LZ4 = 3, KAFKA_ZSTD = 4 };

/* The first `max` bytes at most of what `in` unpacks to. 0: not this codec's bytes, or no library
 * for it, or no memory. */
size_t kafka_unzip(unsigned int codec, struct bytes in, uint8_t *out, size_t max);

#endif
