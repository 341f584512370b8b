/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_KAFKA_HEAD_H
#define OE_KAFKA_HEAD_H
/* The head of a Kafka request, which says what it is. */
#include "probes/probe.h"
#include "probes/proto/kafka_api.h"

#define KAFKA_FRAME_MAX (1u << 30)

struct kafka_head {
	uint32_t size; /* of the frame, without its length */
	const struct kafka_api *api;
	uint8_t key, version;
	int32_t id;
	struct bytes client_id;
	bool known; /* this version is in the tables */
	bool flexible;
	size_t len; /* up to the end of the client id, with the frame's length */
};

/* Could these bytes be the head of a request as clients write them? MAYBE: too short to say. */
enum detect_result kafka_read_head(struct bytes in, struct kafka_head *h);

#endif
