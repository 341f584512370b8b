/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_BUF_H
#define OE_BUF_H
/*
 * Growable byte buffer with a maximum given at birth. An addition that would
 * exceed it fails as a whole (-E2BIG) and changes nothing.
 */
#include <stddef.h>

#include "userspace/base/bytes.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
/* 0, -E2BIG (over the maximum) or -ENOMEM. */
int buf_add(struct buf *b, const void *p, size_t len);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for len more bytes at data + len; the caller raises len. */
int buf_reserve(struct buf *b, size_t len);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Empties; frees the memory when it has grown beyond keep_bytes. */
void buf_clear(struct buf *b, size_t keep_bytes);

static inline struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){b->data, b->len};
}

#endif
