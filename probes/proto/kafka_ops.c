/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_ops.h"

#include <stdlib.h>

#define FEW 16u /* so many are looked through one by one */

/*
 * Keys of the maps below. Peers choose ids, names and partitions: what they do not know is where
 * our memory is, so they cannot make keys that meet.
 */
static uint64_t key_of(const void *list, uint32_t number)
{
	return (uint64_t)(uintptr_t)list ^ number;
}

static uint64_t topic_key(const struct kafka_topics *l, const uint8_t *id, const void *name,
			  size_t name_len)
{
	return id ? hash_bytes(id, 16, (uintptr_t)l) : hash_bytes(name, name_len, (uintptr_t)l);
}

struct kafka_request *kafka_request_new(struct kafka_room *room)
{
	struct kafka_request *q = calloc(1, sizeof(struct kafka_request));

	if (q)
		q->topics.room = room;
	return q;
}

void kafka_request_free(struct kafka_request *q)
{
	if (!q)
		return;
	kafka_topics_clear(&q->topics);
	free(q);
}

void kafka_requests_init(struct kafka_requests *l)
{
	hashmap_init(&l->by_id, KAFKA_OPS_MAX);
}

void kafka_requests_clear(struct kafka_requests *l)
{
	struct kafka_request *q;

	while ((q = kafka_requests_pop(l)))
		kafka_request_free(q);
	hashmap_done(&l->by_id);
}

void kafka_requests_push(struct kafka_requests *l, struct kafka_request *q)
{
	uint64_t key = key_of(l, (uint32_t)q->id);
	struct kafka_request *same;

	q->next = NULL;
	*(l->last ? &l->last->next : &l->first) = q;
	l->last = q;
	l->cnt++;
	if (q->raw)
		return;
	same = hashmap_get(&l->by_id, key);
	if (same) {
		same->same_last->same_next = q;
		same->same_last = q;
		return;
	}
	q->same_last = q;
	/* no memory: nobody will find it, and it is given up when a later one is answered */
	(void)hashmap_put(&l->by_id, key, q);
}

struct kafka_request *kafka_requests_pop(struct kafka_requests *l)
{
	struct kafka_request *q = l->first;
	uint64_t key;

	if (!q)
		return NULL;
	l->first = q->next;
	if (!l->first)
		l->last = NULL;
	l->cnt--;
	key = key_of(l, (uint32_t)q->id);
	if (q->raw || hashmap_get(&l->by_id, key) != q)
		return q;
	if (q->same_next) {
		q->same_next->same_last = q->same_last;
		(void)hashmap_put(&l->by_id, key, q->same_next); /* replaces */
	} else {
		hashmap_take(&l->by_id, key);
	}
	return q;
}

struct kafka_request *kafka_requests_find(const struct kafka_requests *l, int32_t id)
{
	return hashmap_get(&l->by_id, key_of(l, (uint32_t)id));
}

struct kafka_topic *kafka_topics_add(struct kafka_topics *l)
{
	struct kafka_topic *t = NULL;

	if (l->cnt < KAFKA_TOPICS_MAX && l->room->topics < KAFKA_TOPICS_ALL_MAX)
		t = calloc(1, sizeof(*t));
	if (!t) {
		l->cut = true;
		return NULL;
	}
	t->offset = -1;
	*(l->last ? &l->last->next : &l->first) = t;
	l->last = t;
	l->cnt++;
	l->room->topics++;
	return t;
}

void kafka_topics_drop_first(struct kafka_topics *l)
{
	struct kafka_topic *t = l->first;

	hashmap_done(&l->index);
	l->first = t->next;
	if (!l->first)
		l->last = NULL;
	l->cnt--;
	l->room->topics--;
	l->room->parts -= t->part_cap;
	hashmap_done(&t->by_partition);
	free(t->parts);
	free(t->links);
	free(t);
}

void kafka_topics_clear(struct kafka_topics *l)
{
	while (l->first)
		kafka_topics_drop_first(l);
	l->cut = false;
}

static bool is_topic(const struct kafka_topic *t, const uint8_t *id, struct bytes name)
{
	return id ? t->by_id && !memcmp(t->id, id, 16)
		  : !t->by_id && bytes_eq(name, bytes_of(t->name, t->name_len));
}

/* False: no memory. */
static bool make_index(struct kafka_topics *l)
{
	if (l->index.len)
		return true;
	hashmap_init(&l->index, KAFKA_TOPICS_MAX);
	for (struct kafka_topic *t = l->first; t; t = t->next) {
		uint64_t key = topic_key(l, t->by_id ? t->id : NULL, t->name, t->name_len);

		if (!hashmap_get(&l->index, key) && hashmap_put(&l->index, key, t)) {
			hashmap_done(&l->index);
			return false;
		}
	}
	return true;
}

struct kafka_topic *kafka_topics_find(struct kafka_topics *l, const uint8_t id[16],
				      struct bytes name)
{
	struct kafka_topic *t = l->first;

	if (l->cnt > FEW && make_index(l)) {
		t = hashmap_get(&l->index, topic_key(l, id, name.data, name.len));
		return t && is_topic(t, id, name) ? t : NULL;
	}
	while (t && !is_topic(t, id, name))
		t = t->next;
	return t;
}

struct msg_kafka_part *kafka_part_add(struct kafka_topics *l, struct kafka_topic *t,
				      int32_t partition)
{
	struct msg_kafka_part *p;

	if (t->part_cnt == t->part_cap) {
		uint32_t cap = t->part_cap ? 2 * t->part_cap : 1, more = cap - t->part_cap;

		p = cap <= KAFKA_PARTS_MAX && more <= KAFKA_PARTS_ALL_MAX - l->room->parts
			    ? realloc(t->parts, cap * sizeof(*p))
			    : NULL;
		if (!p) {
			l->cut = true;
			return NULL;
		}
		t->parts = p;
		t->part_cap = cap;
		l->room->parts += more;
	}
	p = &t->parts[t->part_cnt++];
	*p = (struct msg_kafka_part){.partition = partition,
				     .high_watermark = -1,
				     .fetch_offset = -1,
				     .next_offset = -1};
	return p;
}

static bool index_parts(struct kafka_topic *t)
{
	if (t->by_partition.len)
		return true;
	hashmap_init(&t->by_partition, KAFKA_PARTS_MAX);
	for (uint32_t i = 0; i < t->part_cnt; i++) {
		uint64_t key = key_of(t, (uint32_t)t->parts[i].partition);

		if (!hashmap_get(&t->by_partition, key) &&
		    hashmap_put(&t->by_partition, key, &t->parts[i])) {
			hashmap_done(&t->by_partition);
			return false;
		}
	}
	return true;
}

struct msg_kafka_part *kafka_part_find(struct kafka_topic *t, int32_t partition)
{
	if (t->part_cnt > FEW && index_parts(t))
		return hashmap_get(&t->by_partition, key_of(t, (uint32_t)partition));
	for (uint32_t i = 0; i < t->part_cnt; i++)
		if (t->parts[i].partition == partition)
			return &t->parts[i];
	return NULL;
}

void kafka_link_add(struct kafka_topic *t, struct bytes text)
{
	struct msg_kafka_link *l;

	/* records that were sent together mostly have the same */
	for (uint32_t i = 0; i < t->link_cnt; i++)
		if (bytes_eq(text, bytes_of(t->links[i].text, t->links[i].len)))
			return;
	if (t->link_cnt >= KAFKA_LINKS_MAX || text.len > sizeof(l->text)) {
		t->link_lost++;
		return;
	}
	/* batches of one context, or none, are what there is most */
	if (!t->links || t->link_cnt == 1) {
		l = realloc(t->links, (t->links ? KAFKA_LINKS_MAX : 1) * sizeof(*l));
		if (!l) {
			t->link_lost++;
			return;
		}
		t->links = l;
	}
	l = &t->links[t->link_cnt++];
	l->len = (uint8_t)text.len;
	memcpy(l->text, text.data, text.len);
}

struct position {
	int64_t offset;
};

static uint64_t pos_key(const struct hashmap *m, const struct kafka_topic *t, int32_t partition)
{
	uint64_t seed = hash_u64(key_of(m, (uint32_t)partition));

	return t->by_id ? hash_bytes(t->id, 16, seed) : hash_bytes(t->name, t->name_len, seed);
}

int64_t kafka_pos_get(const struct hashmap *m, const struct kafka_topic *t, int32_t partition)
{
	const struct position *p = hashmap_get(m, pos_key(m, t, partition));

	return p ? p->offset : -1;
}

void kafka_pos_set(struct hashmap *m, const struct kafka_topic *t, int32_t partition,
		   int64_t offset)
{
	uint64_t key = pos_key(m, t, partition);
	struct position *p = hashmap_get(m, key);

	if (!p) {
		p = malloc(sizeof(*p));
		if (!p || hashmap_put(m, key, p)) {
			free(p);
			return;
		}
	}
	p->offset = offset;
}
