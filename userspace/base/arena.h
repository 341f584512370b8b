/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ARENA_H
#define OE_ARENA_H
/*
 * Bump allocator in linked blocks. Everything dies together with
 * arena_done() or arena_reset(). Not thread-safe: one owner at a time.
 */
#include <stddef.h>

#include "userspace/base/bytes.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;		    /* bytes handed out in total */
	size_t max;		    /* limit of `used`; 0 = none */
};

/* max_bytes: above it allocations fail (NULL); 0 = no limit. */
void arena_init(struct arena *a, size_t max_bytes);
/* Zeroed memory, 8-byte aligned; NULL when out of memory or over the limit. */
void *arena_alloc(struct arena *a, size_t size);
/* Copies with a terminating NUL; NULL as arena_alloc. */
char *arena_strndup(struct arena *a, const void *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forgets everything but keeps one block for reuse. */
void arena_reset(struct arena *a);
void arena_done(struct arena *a);

#endif
