/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/assemble_kafka.h"

#include <errno.h>
#include <stdlib.h>

#define TOPICS_MAX 65536u
#define GROUPS_MAX 16384u
#define MARKS_MAX  65536u

/* error codes that are steps of a protocol, no failures */
#define REBALANCE_IN_PROGRESS 27
#define MEMBER_ID_REQUIRED    79

struct topic_name {
	uint8_t id[16];
	uint8_t len;
	char name[];
};

struct group_name {
	uint32_t tgid;
	bool several; /* clients of this name are in different groups */
	uint8_t len;
	char name[];
};

/*
 * Where the consumers of a process's group stand in a partition. Lag is counted from what was
 * committed, as Kafka's own tools do, and before the first commit from where they began; without a
 * group from what is fetched next.
 */
struct mark {
	uint32_t tgid;
	int64_t high_watermark; /* -1 = not known */
	int64_t committed;
};

void kafka_names_init(struct kafka_names *n)
{
	hashmap_init(&n->topics, TOPICS_MAX);
	hashmap_init(&n->groups, GROUPS_MAX);
	hashmap_init(&n->marks, MARKS_MAX);
}

/* A full map is emptied: what is in use will be told again, what is not would stay for ever. False:
 * no memory; val is freed then. */
static bool put(struct hashmap *m, uint64_t key, void *val)
{
	int err = hashmap_put(m, key, val);

	if (err == -ENOSPC) {
		hashmap_free_values(m);
		err = hashmap_put(m, key, val);
	}
	if (err)
		free(val);
	return !err;
}

void kafka_names_done(struct kafka_names *n)
{
	hashmap_free_values(&n->topics);
	hashmap_free_values(&n->groups);
	hashmap_free_values(&n->marks);
	free(n->lags);
	n->lags = NULL;
	n->lag_cap = 0;
}

/* Frees what belongs to the process; both kinds of values begin with it. */
static void forget(struct hashmap *m, uint32_t tgid)
{
	uint64_t *keys = m->len ? malloc(m->len * sizeof(*keys)) : NULL;
	size_t n = 0;

	if (!keys)
		return;
	HASHMAP_FOREACH (m, slot)
		if (*(const uint32_t *)slot->val == tgid)
			keys[n++] = slot->key;
	while (n)
		free(hashmap_take(m, keys[--n]));
	free(keys);
}

void assemble_kafka_process_gone(struct assemble *a, uint32_t tgid)
{
	forget(&a->kafka.groups, tgid);
	forget(&a->kafka.marks, tgid);
}

/* Where our memory is, strangers do not know: they cannot choose names whose keys meet. */
static uint64_t key_of(const struct assemble *a, const void *p, size_t len, uint32_t seed)
{
	return hash_bytes(p, len, (uint64_t)(uintptr_t)a ^ seed);
}

static void declare_topic(struct assemble *a, const uint8_t id[16], struct bytes name)
{
	uint64_t key = key_of(a, id, 16, 0);
	struct topic_name *t = hashmap_get(&a->kafka.topics, key);

	if (name.len > 255 || (t && t->len == name.len && !memcmp(t->name, name.data, name.len)))
		return;
	free(hashmap_take(&a->kafka.topics, key));
	t = malloc(sizeof(*t) + name.len);
	if (!t)
		return;
	memcpy(t->id, id, 16);
	t->len = (uint8_t)name.len;
	memcpy(t->name, name.data, name.len);
	put(&a->kafka.topics, key, t); /* else requests will say that they do not know the name */
}

static uint64_t group_key(const struct assemble *a, uint32_t tgid, struct bytes client_id)
{
	return key_of(a, client_id.data, client_id.len, tgid);
}

static void declare_group(struct assemble *a, uint32_t tgid, struct bytes client_id,
			  struct bytes group)
{
	uint64_t key = group_key(a, tgid, client_id);
	struct group_name *g = hashmap_get(&a->kafka.groups, key);

	if (g) {
		g->several |= g->len != group.len || memcmp(g->name, group.data, group.len);
		return;
	}
	g = group.len <= 255 ? malloc(sizeof(*g) + group.len) : NULL;
	if (!g)
		return;
	*g = (struct group_name){.tgid = tgid, .len = (uint8_t)group.len};
	memcpy(g->name, group.data, group.len);
	put(&a->kafka.groups, key, g);
}

void assemble_kafka_declare(struct assemble *a, struct conn *c, const struct message *m)
{
	if (m->kafka.topic_id)
		declare_topic(a, m->kafka.topic_id, m->kafka.topic);
	else
		declare_group(a, c->tgid, m->kafka.client_id, m->kafka.group);
}

static void keep_topic(struct assemble *a, struct txn *t, const struct msg_kafka *k)
{
	struct bytes topic = k->topic;

	if (!topic.len && k->topic_id) {
		const struct topic_name *n =
			hashmap_get(&a->kafka.topics, key_of(a, k->topic_id, 16, 0));

		if (n && !memcmp(n->id, k->topic_id, 16))
			topic = bytes_of(n->name, n->len);
		t->x.kafka.topic_unknown = !topic.len;
		a->stats->kafka_topic_unknown += t->x.kafka.topic_unknown;
	}
	t->x.kafka.topic = txn_keep(t, topic);
}

static void keep_group(struct assemble *a, struct conn *c, struct txn *t)
{
	const struct group_name *g =
		hashmap_get(&a->kafka.groups, group_key(a, c->tgid, t->x.kafka.client_id));

	if (!g || t->x.kafka.group.len)
		return;
	if (g->several)
		t->x.kafka.group_unknown = true;
	else
		t->x.kafka.group = txn_keep(t, bytes_of(g->name, g->len));
}

/* Contexts of records, each once, oldest first. */
static void keep_links(struct txn *t, const struct msg_kafka *k)
{
	struct exchange_kafka *x = &t->x.kafka;
	struct tracectx *links = k->link_cnt ? malloc(k->link_cnt * sizeof(*links)) : NULL;

	free(t->text);
	t->text = (uint8_t *)links;
	x->links = links;
	x->link_cnt = 0;
	x->link_lost = k->link_lost + (links ? 0 : k->link_cnt);
	for (uint32_t i = 0; links && i < k->link_cnt; i++) {
		struct tracectx ctx;
		bool seen = false;

		if (!tracectx_parse(bytes_of(k->links[i].text, k->links[i].len), &ctx))
			continue;
		for (uint32_t n = 0; n < x->link_cnt && !seen; n++)
			seen = !memcmp(links[n].trace_id, ctx.trace_id, 16) &&
			       !memcmp(links[n].span_id, ctx.span_id, 8);
		if (!seen)
			links[x->link_cnt++] = ctx;
	}
}

/* `cut`: not all of the message was read. */
static void keep_parts(struct assemble *a, struct txn *t, const struct msg_kafka *k, bool cut)
{
	struct exchange_kafka *x = &t->x.kafka;

	x->part_cnt = k->part_cnt;
	x->partition = k->part_cnt == 1 ? k->parts[0].partition : -1;
	x->records = x->records_failed = 0;
	x->records_unknown = cut && k->part_cnt;
	for (uint32_t i = 0; i < k->part_cnt; i++) {
		x->records += k->parts[i].records;
		x->records_unknown |= k->parts[i].records_unknown;
		if (k->parts[i].error)
			x->records_failed += k->parts[i].records;
	}
	x->bytes = k->bytes;
	a->stats->kafka_records_unknown += x->records_unknown;
}

static struct mark *mark_get(struct assemble *a, uint32_t tgid, const struct exchange_kafka *x,
			     int32_t partition)
{
	uint64_t seed = hash_u64((uint64_t)tgid << 32 | (uint32_t)partition);
	uint64_t key = hash_bytes(x->topic.data, x->topic.len,
				  hash_bytes(x->group.data, x->group.len, (uintptr_t)a ^ seed));
	struct mark *k = hashmap_get(&a->kafka.marks, key);

	if (k)
		return k;
	k = malloc(sizeof(*k));
	if (!k)
		return NULL;
	*k = (struct mark){.tgid = tgid, .high_watermark = -1, .committed = -1};
	return put(&a->kafka.marks, key, k) ? k : NULL;
}

/* Where this answer leaves the consumer. */
static void keep_lags(struct assemble *a, struct conn *c, struct txn *t, const struct msg_kafka *k)
{
	struct exchange_kafka *x = &t->x.kafka;
	struct exchange_lag *lags = a->kafka.lags;

	x->lag_cnt = 0;
	if (!x->topic.len || x->group_unknown || c->server)
		return;
	if (a->kafka.lag_cap < k->part_cnt) {
		lags = realloc(lags, k->part_cnt * sizeof(*lags));
		if (!lags)
			return;
		a->kafka.lags = lags;
		a->kafka.lag_cap = k->part_cnt;
	}
	x->lags = lags;
	for (uint32_t i = 0; i < k->part_cnt; i++) {
		const struct msg_kafka_part *p = &k->parts[i];
		struct mark *m = p->error ? NULL : mark_get(a, c->tgid, x, p->partition);
		int64_t at;

		if (!m)
			continue;
		if (x->op == KAFKA_COMMIT) {
			m->committed = p->next_offset;
		} else {
			if (p->high_watermark >= 0)
				m->high_watermark = p->high_watermark;
			if (m->committed < 0 && x->group.len)
				m->committed = p->fetch_offset;
		}
		at = m->committed >= 0 ? m->committed : p->next_offset;
		if (m->high_watermark < 0 || at < 0)
			continue;
		lags[x->lag_cnt++] = (struct exchange_lag){
			p->partition, m->high_watermark > at ? m->high_watermark - at : 0};
	}
}

void assemble_kafka_request(struct assemble *a, struct conn *c, struct txn *t,
			    const struct message *m, struct tracectx *ret_ctx, bool *ret_has_ctx)
{
	struct exchange_kafka *x = &t->x.kafka;

	x->op = m->kafka.op;
	x->api = m->kafka.api;
	x->partition = -1;
	x->offset = -1;
	x->client_id = txn_keep(t, m->kafka.client_id);
	keep_topic(a, t, &m->kafka);
	if (x->op == KAFKA_POLL || x->op == KAFKA_COMMIT)
		keep_group(a, c, t);
	keep_parts(a, t, &m->kafka, x->op == KAFKA_SEND && m->flags & MSG_F_TRUNCATED);
	if (x->op == KAFKA_COMMIT && x->part_cnt == 1)
		x->offset = m->kafka.offset;
	*ret_has_ctx = false;
	if (x->op != KAFKA_SEND || !a->cfg.propagate)
		return;
	keep_links(t, &m->kafka);
	/* a message by itself: what its header says is this span. Several messages may come in
	 * several requests, and no two spans have one id. */
	if (x->link_cnt == 1 && x->records == 1 && !x->records_unknown) {
		*ret_ctx = x->links[0];
		*ret_has_ctx = true;
		x->link_cnt = 0;
	}
}

void assemble_kafka_response(struct assemble *a, struct conn *c, struct txn *t,
			     const struct message *m)
{
	struct exchange_kafka *x = &t->x.kafka;
	const struct msg_kafka *k = &m->kafka;

	x->error = k->error;
	x->error_name = k->error_name;
	x->failed = k->failed;
	if (x->op == KAFKA_SEND) {
		x->records_failed = 0;
		for (uint32_t i = 0; i < k->part_cnt; i++)
			x->records_failed += k->parts[i].error ? k->parts[i].records : 0;
		if (x->part_cnt == 1 && k->offset >= 0)
			x->offset = k->offset;
	}
	if (x->op == KAFKA_COMMIT)
		keep_lags(a, c, t, k);
	if (x->op != KAFKA_POLL)
		return;
	t->store_used = (uint32_t)x->client_id.len;
	x->group = BYTES_NONE;
	x->topic_unknown = x->group_unknown = false;
	keep_topic(a, t, k);
	keep_group(a, c, t);
	keep_parts(a, t, k, m->flags & MSG_F_UNKNOWN);
	keep_lags(a, c, t, k);
	x->offset = k->part_cnt == 1 ? k->offset : -1;
	if (a->cfg.propagate)
		keep_links(t, k);
}

bool assemble_kafka_brought(const struct exchange *x)
{
	return x->kafka.records || x->kafka.records_unknown || x->kafka.error;
}

bool assemble_kafka_hidden(const struct exchange *x)
{
	return (x->kafka.op == KAFKA_SEND || x->kafka.op == KAFKA_COMMIT) && !x->kafka.part_cnt;
}

bool assemble_kafka_fine(const struct exchange *x)
{
	if (x->end != EXCHANGE_COMPLETE) /* polls are under way whenever a client stops */
		return x->end != EXCHANGE_UNKNOWN && !x->err;
	return !x->kafka.error || x->kafka.error == REBALANCE_IN_PROGRESS ||
	       x->kafka.error == MEMBER_ID_REQUIRED;
}
