/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_BYTES_H
#define OE_BYTES_H
/* A borrowed view of bytes: never owns, never NUL-terminated. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

#define BYTES_NONE   ((struct bytes){NULL, 0})
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct bytes bytes_of(const void *p, size_t len)
{
	return (struct bytes){p, len};
}

static inline struct bytes bytes_str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static inline uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* ASCII case-insensitive. */
static inline bool bytes_ieq(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
			return false;
	return true;
}

static inline bool bytes_starts(struct bytes a, struct bytes prefix)
{
	return a.len >= prefix.len && !memcmp(a.data, prefix.data, prefix.len);
}

/* The view from `from` on; empty when from is past the end. */
static inline struct bytes bytes_from(struct bytes a, size_t from)
{
	if (from >= a.len)
		return (struct bytes){a.data ? a.data + a.len : NULL, 0};
	return (struct bytes){a.data + from, a.len - from};
}

static inline struct bytes bytes_head(struct bytes a, size_t len)
{
	return (struct bytes){a.data, len < a.len ? len : a.len};
}

#endif
