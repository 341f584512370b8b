/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka spans and metrics as the conventions for messaging say (semconv/messaging). Requests become
 * PRODUCER `send`, CONSUMER `poll` and CLIENT `commit`, one per topic; other requests are told only
 * when they fail, by the API's name.
 *
 * error.type, the whole list: the error code's name as Kafka writes it
 * ("UNKNOWN_TOPIC_OR_PARTITION"), its number where we have no name for it; for a connection that
 * ended before its answer what sem_broken() says.
 *
 * Keys, values and headers of messages are never shown.
 */
#include <errno.h>
#include <stdio.h>

#include "userspace/sem_attr.h"

#define SCOPE "otel-ebpf/kafka"

/* What both the span and the metrics need. */
struct op {
	const char *type, *name; /* NULL type: none of the conventions' */
	enum span_kind kind;
	const char *error;
	struct sem_server server;
	char number[16];
};

static void op_of(const struct exchange *x, struct op *o)
{
	const struct exchange_kafka *k = &x->kafka;

	o->type = NULL;
	o->name = k->api;
	o->kind = SPAN_CLIENT;
	if (k->op == KAFKA_SEND) {
		o->type = o->name = "send";
		o->kind = SPAN_PRODUCER;
	} else if (k->op == KAFKA_POLL) {
		o->type = "receive";
		o->name = "poll";
		o->kind = SPAN_CONSUMER;
	} else if (k->op == KAFKA_COMMIT) {
		o->type = "settle";
		o->name = "commit";
	}
	if (x->server)
		o->kind = SPAN_SERVER;
	o->error = NULL;
	if (k->error_name) {
		o->error = k->error_name;
	} else if (k->error) {
		snprintf(o->number, sizeof(o->number), "%d", k->error);
		o->error = o->number;
	} else if (x->end == EXCHANGE_NO_RESPONSE || x->end == EXCHANGE_CUT) {
		o->error = sem_broken(x->err);
	}
	sem_server(x, 0, &o->server);
}

static void completeness(struct out *out, const struct exchange *x)
{
	const struct exchange_kafka *k = &x->kafka;
	const char *unknown[5];
	uint32_t u = 0;

	if (k->topic_unknown)
		unknown[u++] = "messaging.destination.name";
	if (k->group_unknown)
		unknown[u++] = "messaging.consumer.group.name";
	if (k->records_unknown)
		unknown[u++] = "messaging.batch.message_count";
	if (x->flags & XCHG_RESP_UNKNOWN)
		unknown[u++] = "error.type";
	out_list(out, "otel_ebpf.unknown", unknown, u);
}

static int links(const struct exchange_kafka *k, struct batch *b, struct span *sp)
{
	struct span_link *l;

	sp->link_dropped = k->link_lost;
	if (!k->link_cnt)
		return 0;
	l = arena_alloc(&b->arena, k->link_cnt * sizeof(*l));
	if (!l)
		return -ENOMEM;
	for (uint32_t i = 0; i < k->link_cnt; i++) {
		memcpy(l[i].trace_id, k->links[i].trace_id, 16);
		memcpy(l[i].span_id, k->links[i].span_id, 8);
		l[i].flags = k->links[i].flags | 0x300u; /* known to be remote */
	}
	sp->links = l;
	sp->link_cnt = k->link_cnt;
	return 0;
}

static int kafka_span(const struct exchange *x, const struct sem_config *cfg, struct batch *b,
		      struct span *sp)
{
	const struct exchange_kafka *k = &x->kafka;
	struct out o;
	struct op op;
	char number[16];

	op_of(x, &op);
	if (!out_init(&o, b, 22, cfg))
		return -ENOMEM;
	sp->name = k->topic.len ? arena_printf(o.a, "%s %.*s", op.name, (int)k->topic.len,
					       (const char *)k->topic.data)
				: arena_strndup(o.a, op.name, strlen(op.name));
	if (!sp->name || links(k, b, sp))
		return -ENOMEM;
	sp->scope = SCOPE;
	sp->kind = op.kind;
	sp->status = op.error ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
	out_text(&o, "messaging.system", "kafka");
	out_text(&o, "messaging.operation.type", op.type);
	out_text(&o, "messaging.operation.name", op.name);
	out_view(&o, "messaging.destination.name", k->topic);
	if (k->partition >= 0) {
		snprintf(number, sizeof(number), "%d", k->partition);
		out_text(&o, "messaging.destination.partition.id", number);
	}
	out_view(&o, "messaging.client.id", k->client_id);
	out_view(&o, "messaging.consumer.group.name", k->group);
	if ((k->op == KAFKA_SEND || k->op == KAFKA_POLL) && !k->records_unknown)
		out_num(&o, "messaging.batch.message_count", (int64_t)k->records);
	if (k->offset >= 0 && ((k->records == 1 && !k->records_unknown) || k->op == KAFKA_COMMIT))
		out_num(&o, "messaging.kafka.offset", k->offset);
	if (cfg->body_sizes && k->bytes)
		out_num(&o, "messaging.message.envelope.size", (int64_t)k->bytes);
	if (k->failed && k->part_cnt > 1)
		out_num(&o, "otel_ebpf.messaging.kafka.failed_partitions", k->failed);
	out_text(&o, "error.type", op.error);
	out_server(&o, &op.server);
	out_peer(&o, x);
	completeness(&o, x);
	out_done(&o, sp);
	return 0;
}

static const struct sem_metric client_duration = {
	.name = "messaging.client.operation.duration",
	.description =
		"Duration of messaging operation initiated by a producer or consumer client.",
	.unit = "s",
	.scope = SCOPE,
};
/* the conventions have none for the broker's side */
static const struct sem_metric broker_duration = {
	.name = "otel_ebpf.messaging.server.operation.duration",
	.description = "Duration of messaging operations as their broker sees them.",
	.unit = "s",
	.scope = SCOPE,
};
static const struct sem_metric sent = {
	.name = "messaging.client.sent.messages",
	.description = "Number of messages producer attempted to send to the broker.",
	.unit = "{message}",
	.scope = SCOPE,
	.kind = SEM_COUNTER,
};
static const struct sem_metric consumed = {
	.name = "messaging.client.consumed.messages",
	.description = "Number of messages that were delivered to the application.",
	.unit = "{message}",
	.scope = SCOPE,
	.kind = SEM_COUNTER,
};
static const struct sem_metric lag = {
	.name = "otel_ebpf.messaging.kafka.consumer.lag",
	.description = "Messages of a partition that its consumer group has not committed yet.",
	.unit = "{message}",
	.scope = SCOPE,
	.kind = SEM_GAUGE,
};

/* What all series have in common. */
static void common(const struct exchange *x, const struct op *op, struct sem_series *s, size_t *at)
{
	const struct exchange_kafka *k = &x->kafka;

	s->attr_cnt = 0;
	series_static(s, "messaging.system", "kafka");
	series_static(s, "messaging.operation.name", op->name);
	series_view(s, "messaging.destination.name", k->topic);
	series_view(s, "messaging.consumer.group.name", k->group);
	if (x->server)
		return;
	series_server(s, at, &op->server);
}

static bool kafka_series(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
			 struct sem_series *s)
{
	const struct exchange_kafka *k = &x->kafka;
	uint64_t failed = x->end == EXCHANGE_COMPLETE ? k->records_failed : k->records;
	struct op op;
	size_t at = 0;

	if (i && (x->server || k->records_unknown || (k->op != KAFKA_SEND && k->op != KAFKA_POLL)))
		return false;
	if (i > (k->op == KAFKA_SEND && failed ? 2 : 1))
		return false;
	op_of(x, &op);
	common(x, &op, s, &at);
	if (!i) {
		s->metric = x->server ? &broker_duration : &client_duration;
		series_static(s, "messaging.operation.type", op.type);
		series_text(s, &at, "error.type", op.error);
		return true;
	}
	s->metric = k->op == KAFKA_SEND ? &sent : &consumed;
	s->value = (double)k->records;
	if (k->op == KAFKA_SEND && i == 1)
		s->value = (double)(k->records - failed);
	if (i == 2) {
		s->value = (double)failed;
		series_text(s, &at, "error.type", op.error);
	}
	return true;
}

/* Where the consumer stands in the i-th partition. */
static bool kafka_states(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
			 struct sem_series *s)
{
	const struct exchange_kafka *k = &x->kafka;
	char number[16];
	size_t at = 0;

	if (i >= k->lag_cnt || x->server)
		return false;
	s->metric = &lag;
	s->attr_cnt = 0;
	s->value = (double)k->lags[i].messages;
	snprintf(number, sizeof(number), "%d", k->lags[i].partition);
	series_static(s, "messaging.system", "kafka");
	series_view(s, "messaging.destination.name", k->topic);
	series_text(s, &at, "messaging.destination.partition.id", number);
	series_view(s, "messaging.consumer.group.name", k->group);
	return true;
}

const struct sem_ops sem_kafka_ops = {
	.family = MSG_FAMILY_KAFKA,
	.scope = SCOPE,
	.span = kafka_span,
	.series = kafka_series,
	.states = kafka_states,
};
