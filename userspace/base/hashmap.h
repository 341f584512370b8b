/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HASHMAP_H
#define OE_HASHMAP_H
/*
 * Open-addressing map from u64 to a non-NULL pointer. Values are borrowed.
 * Grows up to a maximum given at birth; shrinks when it has become sparse.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap_slot {
	uint64_t key;
	void *val; /* NULL = free */
};

struct hashmap {
	struct hashmap_slot *slots;
	size_t cap; /* power of two, or 0 */
	size_t len;
	size_t max;
};

void hashmap_init(struct hashmap *m, size_t max_entries);
void hashmap_done(struct hashmap *m);
void *hashmap_get(const struct hashmap *m, uint64_t key);
/* Inserts or replaces. 0, -ENOSPC (full) or -ENOMEM. */
int hashmap_put(struct hashmap *m, uint64_t key, void *val);
/* The value that was there, or NULL. */
void *hashmap_take(struct hashmap *m, uint64_t key);
uint64_t hash_u64(uint64_t x);
uint64_t hash_bytes(const void *p, size_t len, uint64_t seed);

/* Frees every value with free() and forgets all; the map may be used again. */
void hashmap_free_values(struct hashmap *m);

/* Do not put or take while iterating. `slot` is declared by the macro. */
#define HASHMAP_FOREACH(m, slot)                                                                   \
	for (struct hashmap_slot *slot = (m)->slots; slot && slot < (m)->slots + (m)->cap; slot++) \
		if (slot->val)

#endif
