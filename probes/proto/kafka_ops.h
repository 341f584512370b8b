/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_KAFKA_OPS_H
#define OE_KAFKA_OPS_H
/* Requests on their way, with the topics they are about; and where the consumer stands in each
 * partition that it fetches. */
#include "probes/message.h"
#include "probes/proto/kafka_api.h"
#include "userspace/base/hashmap.h"

/*
 * MEMORY of a connection, at most, where a peer does its worst: topics with their links 11 MiB,
 * partitions 5 MiB, what finds them 8 MiB, positions 2 MiB, requests 1 MiB; a few KiB else. What
 * does not fit is left out, and the message says that something is missing.
 */
#define KAFKA_OPS_MAX	     4096u   /* requests in flight per connection */
#define KAFKA_TOPICS_MAX     4096u   /* topics of one message, */
#define KAFKA_TOPICS_ALL_MAX 8192u   /* and of all that is in flight or being read */
#define KAFKA_PARTS_MAX	     65536u  /* partitions of one topic, */
#define KAFKA_PARTS_ALL_MAX  131072u /* and of all topics */
#define KAFKA_POS_MAX	     16384u  /* positions per connection */
#define KAFKA_NAME_MAX	     249u    /* Topic.MAX_NAME_LENGTH */

/* What a connection has taken of its maximum. */
struct kafka_room {
	uint32_t topics, parts;
};

/* A topic of a request or of a response. Never moves: `owner` is the caller's. */
struct kafka_topic {
	struct kafka_topic *next;
	void *owner;
	struct msg_kafka_part *parts;
	struct msg_kafka_link *links;
	struct hashmap by_partition; /* of many; made when first asked */
	uint32_t part_cnt, part_cap;
	uint32_t link_cnt, link_lost;
	uint64_t bytes;
	int64_t offset;
	bool by_id;
	uint8_t id[16];
	uint8_t name_len;
	char name[KAFKA_NAME_MAX];
};

struct kafka_topics {
	struct kafka_topic *first, *last;
	struct kafka_room *room;
	struct hashmap index; /* of many; made when first asked */
	uint32_t cnt;
	bool cut; /* there were more topics, or partitions of one, than fit */
};

struct kafka_request {
	struct kafka_request *next;
	struct kafka_request *same_next, *same_last; /* with the same id; last: in the first's */
	void *owner;				     /* where topics have none of their own */
	const struct kafka_api *api;
	int32_t id; /* correlation id */
	uint8_t key, version;
	bool raw; /* a SASL token without a head: its response has none either */
	struct kafka_topics topics;
};

/* In the order of sending. */
struct kafka_requests {
	struct kafka_request *first, *last;
	struct hashmap by_id; /* the first one of each id */
	uint32_t cnt;
};

struct kafka_request *kafka_request_new(struct kafka_room *room);
void kafka_request_free(struct kafka_request *q);
void kafka_requests_init(struct kafka_requests *l);
void kafka_requests_clear(struct kafka_requests *l);
void kafka_requests_push(struct kafka_requests *l, struct kafka_request *q);
struct kafka_request *kafka_requests_pop(struct kafka_requests *l);
/* The oldest with that id; NULL: not there. */
struct kafka_request *kafka_requests_find(const struct kafka_requests *l, int32_t id);

/* A new topic at the end; NULL: too many, or no memory (`cut` is set). */
struct kafka_topic *kafka_topics_add(struct kafka_topics *l);
void kafka_topics_clear(struct kafka_topics *l);
void kafka_topics_drop_first(struct kafka_topics *l);
/* By id, or by name, in a list that is complete. NULL: not there. */
struct kafka_topic *kafka_topics_find(struct kafka_topics *l, const uint8_t id[16],
				      struct bytes name);
/* NULL: too many, or no memory (`cut` is set). */
struct msg_kafka_part *kafka_part_add(struct kafka_topics *l, struct kafka_topic *t,
				      int32_t partition);
/* In a topic that is complete. */
struct msg_kafka_part *kafka_part_find(struct kafka_topic *t, int32_t partition);
/* A context that some record carries; each is kept once. */
void kafka_link_add(struct kafka_topic *t, struct bytes text);

/* The offset that a consumer fetches next; -1 = not known. */
int64_t kafka_pos_get(const struct hashmap *m, const struct kafka_topic *t, int32_t partition);
void kafka_pos_set(struct hashmap *m, const struct kafka_topic *t, int32_t partition,
		   int64_t offset);

#endif
