/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_ops.h"

#include <stdlib.h>

struct kafka_request *kafka_request_new(void)
{
	return calloc(1, sizeof(struct kafka_request));
}

void kafka_request_free(struct kafka_request *q)
{
	if (!q)
		return;
	kafka_topics_clear(&q->topics);
	free(q);
}

void kafka_requests_push(struct kafka_requests *l, struct kafka_request *q)
{
	q->next = NULL;
	*(l->last ? &l->last->next : &l->first) = q;
	l->last = q;
	l->cnt++;
}

struct kafka_request *kafka_requests_pop(struct kafka_requests *l)
{
	struct kafka_request *q = l->first;

	if (!q)
		return NULL;
	l->first = q->next;
	if (!l->first)
		l->last = NULL;
	l->cnt--;
	return q;
}

struct kafka_request *kafka_requests_find(const struct kafka_requests *l, int32_t id)
{
	struct kafka_request *q = l->first;

	while (q && (q->raw || q->id != id))
		q = q->next;
	return q;
}

struct kafka_topic *kafka_topics_add(struct kafka_topics *l)
{
	struct kafka_topic *t = l->cnt < KAFKA_TOPICS_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (!t) {
		l->cut = true;
		return NULL;
	}
	t->offset = -1;
	*(l->last ? &l->last->next : &l->first) = t;
	l->last = t;
	l->cnt++;
	return t;
}

void kafka_topics_clear(struct kafka_topics *l)
{
	while (l->first) {
		struct kafka_topic *t = l->first;

		l->first = t->next;
		free(t->parts);
		free(t->links);
		free(t);
	}
	memset(l, 0, sizeof(*l));
}

struct kafka_topic *kafka_topics_find(const struct kafka_topics *l, const uint8_t id[16],
				      struct bytes name)
{
	struct kafka_topic *t = l->first;

	while (t && !(id ? t->by_id && !memcmp(t->id, id, 16)
			 : bytes_eq(name, bytes_of(t->name, t->name_len))))
		t = t->next;
	return t;
}

struct msg_kafka_part *kafka_part_add(struct kafka_topic *t, int32_t partition)
{
	struct msg_kafka_part *p;

	if (t->part_cnt == t->part_cap) {
		uint32_t cap = t->part_cap ? 2 * t->part_cap : 4;

		p = cap <= KAFKA_PARTS_MAX ? realloc(t->parts, cap * sizeof(*p)) : NULL;
		if (!p)
			return NULL;
		t->parts = p;
		t->part_cap = cap;
	}
	p = &t->parts[t->part_cnt++];
	*p = (struct msg_kafka_part){.partition = partition,
				     .high_watermark = -1,
				     .fetch_offset = -1,
				     .next_offset = -1};
	return p;
}

struct msg_kafka_part *kafka_part_find(const struct kafka_topic *t, int32_t partition)
{
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

static uint64_t pos_key(const struct kafka_topic *t, int32_t partition)
{
	return t->by_id ? hash_bytes(t->id, 16, (uint32_t)partition)
			: hash_bytes(t->name, t->name_len, (uint32_t)partition);
}

int64_t kafka_pos_get(const struct hashmap *m, const struct kafka_topic *t, int32_t partition)
{
	const struct position *p = hashmap_get(m, pos_key(t, partition));

	return p ? p->offset : -1;
}

void kafka_pos_set(struct hashmap *m, const struct kafka_topic *t, int32_t partition,
		   int64_t offset)
{
	uint64_t key = pos_key(t, partition);
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

void kafka_pos_clear(struct hashmap *m)
{
	size_t max = m->max;

	HASHMAP_FOREACH (m, slot)
		free(slot->val);
	hashmap_done(m);
	hashmap_init(m, max);
}
