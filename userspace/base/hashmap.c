/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/base/hashmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 64

uint64_t hash_u64(uint64_t x)
{
	/* the finaliser of splitmix64 */
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return x;
}

uint64_t hash_bytes(const void *p, size_t len, uint64_t seed)
{
	const uint8_t *b = p;
	uint64_t h = seed ^ (len * 0x9e3779b97f4a7c15ULL);

	for (; len >= 8; len -= 8, b += 8) {
		uint64_t w;

		memcpy(&w, b, 8);
		h = hash_u64(h ^ w);
	}
	if (len) {
		uint64_t w = 0;

		memcpy(&w, b, len);
		h = hash_u64(h ^ w);
	}
	return h;
}

void hashmap_init(struct hashmap *m, size_t max_entries)
{
	*m = (struct hashmap){.max = max_entries};
}

void hashmap_done(struct hashmap *m)
{
	free(m->slots);
	m->slots = NULL;
	m->cap = m->len = 0;
}

static size_t slot_of(const struct hashmap *m, uint64_t key)
{
	size_t i = hash_u64(key) & (m->cap - 1);

	while (m->slots[i].val && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int resize(struct hashmap *m, size_t cap)
{
	struct hashmap_slot *old = m->slots, *s;
	size_t old_cap = m->cap;

	s = calloc(cap, sizeof(*s));
	if (!s)
		return -ENOMEM;
	m->slots = s;
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].val)
			m->slots[slot_of(m, old[i].key)] = old[i];
	free(old);
	return 0;
}

void *hashmap_get(const struct hashmap *m, uint64_t key)
{
	return m->cap ? m->slots[slot_of(m, key)].val : NULL;
}

int hashmap_put(struct hashmap *m, uint64_t key, void *val)
{
	size_t i;
	int err;

	if (m->cap) {
		i = slot_of(m, key);
		if (m->slots[i].val) {
			m->slots[i].val = val;
			return 0;
		}
	}
	if (m->len >= m->max)
		return -ENOSPC;
	if ((m->len + 1) * 4 > m->cap * 3) {
		err = resize(m, m->cap ? m->cap * 2 : CAP_MIN);
		if (err)
			return err;
	}
	i = slot_of(m, key);
	m->slots[i] = (struct hashmap_slot){key, val};
	m->len++;
	return 0;
}

void *hashmap_take(struct hashmap *m, uint64_t key)
{
	size_t mask = m->cap - 1, i, j;
	void *val;

	if (!m->cap)
		return NULL;
	i = slot_of(m, key);
	val = m->slots[i].val;
	if (!val)
		return NULL;
	/* close the hole: move back every later entry that may stand here */
	for (j = (i + 1) & mask; m->slots[j].val; j = (j + 1) & mask) {
		size_t home = hash_u64(m->slots[j].key) & mask;

		if (((j - home) & mask) >= ((j - i) & mask)) {
			m->slots[i] = m->slots[j];
			i = j;
		}
	}
	m->slots[i].val = NULL;
	m->len--;
	/* a failed shrink costs memory only */
	if (m->cap > CAP_MIN && m->len * 8 < m->cap)
		(void)resize(m, m->cap / 2);
	return val;
}

void hashmap_free_values(struct hashmap *m)
{
	size_t max = m->max;

	HASHMAP_FOREACH(m, slot)
		free(slot->val);
	hashmap_done(m);
	hashmap_init(m, max);
}
