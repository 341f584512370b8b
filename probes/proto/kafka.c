/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apache Kafka's protocol. A frame is a length and a message; requests begin with API key, version,
 * correlation id and client id, responses with the correlation id. Responses come in the order of
 * their requests; a Produce with acks=0 has none.
 *
 * FRAMES are read field by field (kafka_reader.h), record batches by their heads
 * (kafka_records.h): a message need not be in memory as a whole, and what was not captured does
 * no harm inside what is stepped over. Elsewhere in a message it makes the rest of that message
 * unknown, no more, since its end is known. A direction whose frame boundary was missed starts
 * again at bytes that are a request's head, or the head of a response that is awaited.
 *
 * TELLING. When the last byte of a frame has come, what was read is told, one message per topic;
 * the last byte stays unconsumed until the last of them is out.
 *
 * VERSIONS stand in each request. One that the tables do not know is told as the API's name alone.
 *
 * SASL: after a handshake of version 0 tokens come in frames without heads. They are stepped over;
 * nothing of any token is kept.
 */
#include "probes/probe.h"
#include "probes/proto/kafka_head.h"
#include "probes/proto/kafka_ops.h"
#include "probes/proto/kafka_reader.h"
#include "probes/proto/kafka_records.h"

#include <stdlib.h>

#define NEED_MAX      (KAFKA_STR_MAX + 64u)
#define CLIENT_ID_MAX 255u
/* of a first request that is taken for one: Java's limit of a request, socket.request.max.bytes */
#define DETECT_SIZE_MAX (100u << 20)

/* Where one direction stands. */
struct kafka_dir {
	uint64_t left;	 /* of the frame at hand; 0: in front of one */
	uint64_t size;	 /* of that frame, with its length */
	bool aligned;	 /* frame boundaries are known */
	bool reading;	 /* its fields are of interest; else it is stepped over */
	bool incomplete; /* fields of it were missed */
	bool telling; /* all of it but the last byte has been consumed, its messages are not out */
	struct kafka_reader r;
	struct kafka_request *q;    /* request: being read, owned; response: its request, owned */
	struct kafka_topics topics; /* of a response */
	struct kafka_topic *topic, *told;
	struct msg_kafka_part *part;
	struct kafka_batches records;
	bool in_records;
	bool forgotten;
	uint32_t groups; /* that the request names */
	int error;	 /* of the whole response */
};

struct kafka {
	struct kafka_dir d[2];
	uint8_t client; /* 1 + direction of the requests; 0 = not known yet */
	bool sasl_raw;	/* frames may be tokens */
	bool oneway;	/* the request at hand has no response */
	bool group_told;
	int32_t last_id;
	struct kafka_requests requests;
	struct kafka_room room;
	struct hashmap pos;
	uint8_t client_id_len;
	uint8_t group_len;
	char client_id[CLIENT_ID_MAX];
	char group[CLIENT_ID_MAX];
};

static enum detect_result kafka_detect(struct bytes in, enum oe_dir dir)
{
	struct kafka_head h;
	enum detect_result found = kafka_read_head(in, &h);

	if (h.size > DETECT_SIZE_MAX)
		return DETECT_NO;
	/* without a name there is little to go by: then it has to be that one request */
	if (found == DETECT_YES && !h.client_id.len && in.len != 4 + (size_t)h.size)
		return DETECT_NO;
	return found;
}

static enum kafka_op op_of(const struct kafka_request *q)
{
	switch (q->key) {
	case KAFKA_PRODUCE:
		return KAFKA_SEND;
	case KAFKA_FETCH:
		return KAFKA_POLL;
	case KAFKA_OFFSET_COMMIT:
		return KAFKA_COMMIT;
	default:
		return KAFKA_OTHER;
	}
}

/* Does each topic of the request have a place of its own? */
static bool per_topic(const struct kafka_request *q)
{
	return q->topics.first && (q->key == KAFKA_PRODUCE || q->key == KAFKA_OFFSET_COMMIT);
}

/* -- what is told -- */

static void fill(const struct kafka *s, struct message *m, enum msg_kind kind,
		 const struct kafka_request *q, const struct kafka_topic *t)
{
	*m = (struct message){.family = MSG_FAMILY_KAFKA,
			      .kind = kind,
			      .kafka = {.op = op_of(q),
					.api = q->api->name,
					.client_id = bytes_of(s->client_id, s->client_id_len),
					.offset = -1}};
	if (!t)
		return;
	m->kafka.topic = bytes_of(t->name, t->name_len);
	m->kafka.topic_id = t->by_id ? t->id : NULL;
	m->kafka.parts = t->parts;
	m->kafka.part_cnt = t->part_cnt;
	m->kafka.bytes = t->bytes;
	m->kafka.offset = t->offset;
	m->kafka.links = t->links;
	m->kafka.link_cnt = t->link_cnt;
	m->kafka.link_lost = t->link_lost;
}

static void dir_reset(struct kafka_dir *d)
{
	kafka_topics_clear(&d->topics);
	d->reading = d->incomplete = d->telling = d->in_records = d->forgotten = false;
	d->topic = d->told = NULL;
	d->part = NULL;
	d->error = 0;
	d->groups = 0;
	d->size = 0;
}

/* The next message about the request whose last byte has come; false: that was the last one. */
static bool tell_request(struct kafka *s, struct kafka_dir *d, struct message *m)
{
	struct kafka_request *q = d->q;
	struct kafka_topic *t = NULL;
	bool last;

	if (s->group_len && !s->group_told) {
		s->group_told = true;
		fill(s, m, MSG_REQUEST, q, NULL);
		m->flags = MSG_F_DECLARE;
		m->kafka.group = bytes_of(s->group, s->group_len);
		return true;
	}
	if (per_topic(q))
		t = d->told = d->told ? d->told->next : q->topics.first;
	last = !t || !t->next;
	fill(s, m, MSG_REQUEST, q, t);
	m->flags = MSG_F_BEGIN | MSG_F_END;
	if (!t)
		m->flags |= MSG_F_QUIET;
	if (s->oneway)
		m->flags |= MSG_F_ONEWAY;
	if (d->incomplete || q->topics.cut)
		m->flags |= MSG_F_TRUNCATED;
	m->owner = t ? &t->owner : &q->owner;
	m->wire_size = last ? d->size : 0;
	return !last;
}

static void response_errors(struct message *m, const struct kafka_topic *t, int error)
{
	const struct msg_kafka_part *bad = NULL;

	m->kafka.error = error;
	if (error)
		m->kafka.error_name = kafka_error_name(error);
	for (uint32_t i = 0; t && i < t->part_cnt; i++) {
		if (!t->parts[i].error)
			continue;
		bad = bad ? bad : &t->parts[i];
		m->kafka.failed++;
	}
	if (!bad)
		return;
	m->kafka.error_name = kafka_error_name(bad->error);
	if (!error)
		m->kafka.error = bad->error;
}

/* Zero ids stand for topics that do not exist. */
static const uint8_t no_id[16];

/* The same about a response. */
static bool tell_response(struct kafka *s, struct kafka_dir *d, struct message *m)
{
	struct kafka_request *q = d->q;
	bool own = per_topic(q);
	struct kafka_topic *t = d->told ? d->told->next : own ? q->topics.first : d->topics.first;
	bool last;

	if (op_of(q) == KAFKA_OTHER) { /* names of ids, then the response itself */
		while (t && !(t->by_id && t->name_len && memcmp(t->id, no_id, 16)))
			t = t->next;
		if (t) {
			d->told = t;
			fill(s, m, MSG_REQUEST, q, t);
			m->flags = MSG_F_DECLARE;
			return true;
		}
	}
	d->told = t;
	last = !t || !t->next;
	fill(s, m, MSG_RESPONSE, q, t);
	response_errors(m, t, d->error);
	m->flags = MSG_F_BEGIN | MSG_F_END | (own || last ? 0 : MSG_F_MORE);
	if (d->incomplete || d->topics.cut || (own && q->topics.cut))
		m->flags |= MSG_F_UNKNOWN;
	m->owner = own ? &t->owner : &q->owner;
	m->wire_size = last ? d->size : 0;
	return !last;
}

/* The last frame of this direction, kept for the views of its messages, is no longer needed. */
static void frame_done(struct kafka_dir *d)
{
	kafka_request_free(d->q);
	d->q = NULL;
	dir_reset(d);
}

/*
 * The frame's last byte is there, `pos` bytes into the input (1 at least). Hands out its next
 * message.
 */
static enum parse_status tell(struct kafka *s, enum oe_dir dir, size_t pos, struct message *m,
			      size_t *used)
{
	struct kafka_dir *d = &s->d[dir];
	bool request = s->client == 1 + dir;

	d->telling = request ? tell_request(s, d, m) : tell_response(s, d, m);
	*used = d->telling ? pos - 1 : pos;
	if (!d->telling && request && !s->oneway) {
		if (!per_topic(d->q))
			kafka_topics_clear(&d->q->topics);
		kafka_requests_push(&s->requests, d->q);
		d->q = NULL;
		dir_reset(d);
	}
	return PARSE_OK;
}

/* Gives up the request, or its next topic, whose response cannot come any more. False: none left.
 */
static bool give_up(struct kafka_request *q, struct message *m)
{
	struct kafka_topic *t;

	while (per_topic(q) && !q->topics.first->owner)
		kafka_topics_drop_first(&q->topics);
	t = q->topics.first;
	if (!(t ? t->owner : q->owner))
		return false;
	*m = (struct message){.family = MSG_FAMILY_KAFKA,
			      .kind = MSG_REQUEST,
			      .flags = MSG_F_LOST,
			      .owner = t ? &t->owner : &q->owner};
	return true;
}

/* The oldest request will not be answered any more. True: *m says so of one of its places, which
 * the caller empties; to be called again. */
static bool drop_oldest(struct kafka *s, struct message *m)
{
	if (give_up(s->requests.first, m))
		return true;
	kafka_request_free(kafka_requests_pop(&s->requests));
	return false;
}

/* -- fields -- */

static void set_client_id(struct kafka *s, struct bytes id)
{
	if (id.len > sizeof(s->client_id))
		id = BYTES_NONE;
	if (bytes_eq(id, bytes_of(s->client_id, s->client_id_len)))
		return;
	s->client_id_len = (uint8_t)id.len;
	if (id.len)
		memcpy(s->client_id, id.data, id.len);
	s->group_told = false;
}

/* Empty: a request about several says nothing about its client. */
static void set_group(struct kafka *s, struct bytes g)
{
	if (g.len > sizeof(s->group))
		g = BYTES_NONE;
	if (bytes_eq(g, bytes_of(s->group, s->group_len)))
		return;
	s->group_len = (uint8_t)g.len;
	if (g.len)
		memcpy(s->group, g.data, g.len);
	s->group_told = false;
}

/* The topic that a name or an id in a message begins. */
static void on_topic(struct kafka_dir *d, bool request, const struct kafka_value *v)
{
	bool by_id = v->what == KW_TOPIC_ID;
	bool match = !request && (op_of(d->q) == KAFKA_SEND || op_of(d->q) == KAFKA_COMMIT);
	struct kafka_topic *t = d->topic;

	if (match) { /* errors of what was asked; of topics that were missed, the request's */
		d->topic = kafka_topics_find(&d->q->topics, by_id ? v->str.data : NULL, v->str);
		return;
	}
	if (!t) {
		t = kafka_topics_add(request ? &d->q->topics : &d->topics);
		d->topic = t;
	}
	if (!t)
		return;
	if (by_id) {
		t->by_id = true;
		memcpy(t->id, v->str.data, 16);
	} else if (v->str.len <= sizeof(t->name)) {
		t->name_len = (uint8_t)v->str.len;
		if (v->str.len)
			memcpy(t->name, v->str.data, v->str.len);
	}
}

static void on_number(struct kafka *s, struct kafka_dir *d, bool request,
		      const struct kafka_value *v)
{
	struct kafka_topic *t = d->topic;

	switch (v->what) {
	case KW_ACKS:
		s->oneway = !v->num;
		break;
	case KW_SESSION_EPOCH:
		if (v->num <= 0) /* a new session, or none */
			hashmap_free_values(&s->pos);
		break;
	case KW_PARTITION:
		if (!t || d->forgotten)
			d->part = NULL;
		else if (!request && per_topic(d->q))
			d->part = kafka_part_find(t, (int32_t)v->num);
		else
			d->part = kafka_part_add(request ? &d->q->topics : &d->topics, t,
						 (int32_t)v->num);
		break;
	case KW_ERROR:
		if (d->part)
			d->part->error = (int16_t)v->num;
		else if (op_of(d->q) != KAFKA_POLL && !per_topic(d->q) && !d->error)
			d->error = (int)v->num;
		break;
	case KW_ERROR_TOP:
		if (!d->error)
			d->error = (int)v->num;
		break;
	case KW_OFFSET:
		if (d->q->key == KAFKA_FETCH && d->part)
			kafka_pos_set(&s->pos, t, d->part->partition, v->num);
		else if (d->q->key != KAFKA_FETCH && t && t->offset < 0)
			t->offset = v->num;
		if (d->q->key == KAFKA_OFFSET_COMMIT && d->part)
			d->part->next_offset = v->num;
		break;
	case KW_HIGH_WATERMARK:
		if (d->part) {
			d->part->high_watermark = v->num;
			d->part->fetch_offset = kafka_pos_get(&s->pos, t, d->part->partition);
			d->part->next_offset = d->part->fetch_offset;
		}
		break;
	default:
		break;
	}
}

static void on_link(void *ctx, struct bytes text)
{
	struct kafka_dir *d = ctx;

	if (d->topic)
		kafka_link_add(d->topic, text);
}

static void records_end(struct kafka *s, struct kafka_dir *d, bool request)
{
	const struct kafka_batches *b = &d->records;

	d->in_records = false;
	if (!d->topic)
		return;
	d->topic->bytes += b->start;
	if (!d->part)
		return;
	d->part->records = b->records;
	d->part->records_unknown = b->unknown;
	if (request)
		return;
	if (d->topic->offset < 0)
		d->topic->offset = b->first_offset;
	if (b->last_offset >= 0) {
		d->part->next_offset = b->last_offset + 1;
		kafka_pos_set(&s->pos, d->topic, d->part->partition, b->last_offset + 1);
	}
}

/* One step through the fields of a frame. False: more bytes are needed. */
static bool step(struct kafka *s, enum oe_dir dir, struct bytes in, size_t *used)
{
	struct kafka_dir *d = &s->d[dir];
	bool request = s->client == 1 + dir;
	struct kafka_value v = {0};

	in = bytes_head(in, d->left);
	*used = 0;
	if (d->in_records) {
		enum kafka_event e = kafka_batches_read(&d->records, in, used, on_link, d);

		if (e == KE_DONE)
			records_end(s, d, request);
		return e != KE_MORE;
	}
	switch (kafka_read(&d->r, in, used, &v)) {
	case KE_MORE:
		if (in.len == d->left) { /* the frame is too short for what it says */
			d->reading = false;
			d->incomplete = true;
			return true;
		}
		return false;
	case KE_BAD:
		d->reading = false;
		d->incomplete = true;
		break;
	case KE_NUM:
		on_number(s, d, request, &v);
		break;
	case KE_BYTES:
		if (v.what == KW_TOPIC || v.what == KW_TOPIC_ID)
			on_topic(d, request, &v);
		else if (v.what == KW_GROUP && request)
			set_group(s, d->groups++ ? BYTES_NONE : v.str);
		break;
	case KE_ARRAY:
		d->forgotten = v.what == KW_FORGOTTEN || v.what == KW_FORGOTTEN_PARTS;
		break;
	case KE_ELEMENT:
		if (v.what == KW_TOPICS || v.what == KW_FORGOTTEN)
			d->topic = NULL;
		break;
	case KE_RECORDS:
		if (v.num > 0) {
			int64_t from = request || !d->part ? -1 : d->part->next_offset;

			kafka_batches_start(&d->records, (uint64_t)v.num, from);
			d->in_records = true;
			if ((uint64_t)v.num > d->left - *used) {
				d->records.left = d->left - *used;
				d->incomplete = true;
			}
		}
		break;
	case KE_DONE:
		d->reading = false;
		break;
	case KE_SKIP:
		break;
	}
	return true;
}

/* -- frames -- */

static void begin_reading(struct kafka_dir *d, const struct kafka_field *fields, uint8_t cnt,
			  uint8_t version, bool flexible, bool tags_first)
{
	d->reading = fields;
	if (fields)
		kafka_read_start(&d->r, fields, cnt, version, flexible, tags_first);
}

static enum parse_status begin_request(struct kafka *s, enum oe_dir dir, struct bytes in,
				       struct message *m, size_t *used)
{
	struct kafka_dir *d = &s->d[dir];
	struct kafka_head h;
	enum detect_result found = kafka_read_head(in, &h);
	struct kafka_request *q;
	bool token;

	if (found == DETECT_MAYBE && in.len < NEED_MAX)
		return PARSE_NEED_MORE;
	token = s->sasl_raw && d->aligned && in.len >= 4 &&
		(found != DETECT_YES || h.id - 1 != s->last_id);
	if (!token && found != DETECT_YES) {
		if (d->aligned)
			return PARSE_INVALID;
		*used = in.len;
		return PARSE_SKIP;
	}
	if (s->requests.cnt >= KAFKA_OPS_MAX && drop_oldest(s, m))
		return PARSE_OK;
	if (token && (uint32_t)kafka_i32(in.data) > KAFKA_FRAME_MAX)
		return PARSE_INVALID;
	q = kafka_request_new(&s->room);
	if (!q)
		return PARSE_INVALID;
	if (token) {
		q->raw = true;
		q->api = kafka_api(KAFKA_SASL_HANDSHAKE);
		kafka_requests_push(&s->requests, q);
		d->left = (uint32_t)kafka_i32(in.data);
		d->size = 4 + d->left;
		*used = 4;
		return PARSE_SKIP;
	}
	d->aligned = true;
	s->sasl_raw = h.key == KAFKA_SASL_HANDSHAKE && !h.version;
	s->last_id = h.id;
	set_client_id(s, h.client_id);
	q->api = h.api;
	q->id = h.id;
	q->key = h.key;
	q->version = h.version;
	d->q = q;
	d->size = 4 + (uint64_t)h.size;
	d->left = d->size - h.len;
	s->oneway = false;
	if (h.known)
		begin_reading(d, h.api->req, h.api->req_cnt, h.version, h.flexible, h.flexible);
	else
		d->incomplete = true;
	*used = h.len;
	return PARSE_SKIP;
}

/* The response that stands at the start of `in`: which request does it answer? */
static enum parse_status begin_response(struct kafka *s, enum oe_dir dir, struct bytes in,
					struct message *m, size_t *used)
{
	struct kafka_dir *d = &s->d[dir];
	struct kafka_request *q;
	uint32_t size;
	int32_t id;
	bool flexible;

	if (in.len < 4)
		return PARSE_NEED_MORE;
	size = (uint32_t)kafka_i32(in.data);
	q = s->requests.first;
	if (q && q->raw && d->aligned && size <= KAFKA_FRAME_MAX) { /* a token */
		kafka_request_free(kafka_requests_pop(&s->requests));
		d->size = 4 + (uint64_t)size;
		d->left = size;
		*used = 4;
		return PARSE_SKIP;
	}
	if (size < 4 || size > KAFKA_FRAME_MAX) {
		if (d->aligned)
			return PARSE_INVALID;
		*used = in.len;
		return PARSE_SKIP;
	}
	if (in.len < 8)
		return PARSE_NEED_MORE;
	id = kafka_i32(in.data + 4);
	q = kafka_requests_find(&s->requests, id);
	if (!q && !d->aligned) {
		*used = in.len;
		return PARSE_SKIP;
	}
	d->aligned = true;
	if (q && q != s->requests.first) {
		/* those before it will not be answered any more */
		do {
			if (drop_oldest(s, m))
				return PARSE_OK;
		} while (q != s->requests.first);
	}
	d->size = 4 + (uint64_t)size;
	d->left = size - 4;
	*used = 8;
	if (!q) { /* asked before we came */
		*m = (struct message){.family = MSG_FAMILY_KAFKA,
				      .kind = MSG_RESPONSE,
				      .flags = MSG_F_BEGIN | MSG_F_END | MSG_F_ORPHAN,
				      .wire_size = d->size,
				      .kafka = {.offset = -1}};
		return PARSE_OK;
	}
	d->q = kafka_requests_pop(&s->requests);
	flexible = q->version >= q->api->flexible;
	if (q->version <= q->api->max)
		begin_reading(d, q->api->resp, q->api->resp_cnt, q->version, flexible,
			      flexible && q->key != KAFKA_API_VERSIONS);
	else
		d->incomplete = true;
	return PARSE_SKIP;
}

/* The frame at hand is over: there may be something to tell about it. */
static enum parse_status end_frame(struct kafka *s, enum oe_dir dir, size_t pos, struct message *m,
				   size_t *used)
{
	struct kafka_dir *d = &s->d[dir];

	if (d->in_records)
		records_end(s, d, s->client == 1 + dir);
	if (!d->q) { /* a token, or what answers a request that was not seen */
		dir_reset(d);
		*used = pos;
		return PARSE_SKIP;
	}
	return tell(s, dir, pos, m, used);
}

static enum parse_status kafka_parse(void *st, enum oe_dir dir, struct bytes in, struct message *m,
				     size_t *used)
{
	struct kafka *s = st;
	struct kafka_dir *d = &s->d[dir];
	size_t pos = 0, n;

	*used = 0;
	if (!s->client) { /* detect() saw a request here */
		s->client = (uint8_t)(1 + dir);
		s->d[0].topics.room = s->d[1].topics.room = &s->room;
		kafka_requests_init(&s->requests);
		hashmap_init(&s->pos, KAFKA_POS_MAX);
	}
	if (d->telling)
		return tell(s, dir, 1, m, used);
	if (!d->left) {
		enum parse_status ps;

		if (d->q || d->size) /* the last frame's, kept for the views of its message */
			frame_done(d);
		ps = s->client == 1 + dir ? begin_request(s, dir, in, m, used)
					  : begin_response(s, dir, in, m, used);
		if (ps != PARSE_SKIP || d->left || !d->size)
			return ps;
		return end_frame(s, dir, *used, m, used);
	}
	while (d->left && pos < in.len) {
		struct bytes rest = bytes_from(in, pos);

		if (d->reading) {
			if (!step(s, dir, rest, &n))
				break;
		} else {
			n = d->left < rest.len ? (size_t)d->left : rest.len;
		}
		pos += n;
		d->left -= n;
	}
	if (!d->left && pos)
		return end_frame(s, dir, pos, m, used);
	*used = pos;
	return pos ? PARSE_SKIP : PARSE_NEED_MORE;
}

/* How far the reading gets over n missing bytes of the frame at hand. */
static void step_over(struct kafka_dir *d, uint64_t n)
{
	d->left -= n;
	if (!d->reading)
		return;
	if (d->in_records) {
		uint64_t in_records = n < d->records.left ? n : d->records.left;

		kafka_batches_gap(&d->records, in_records);
		n -= in_records;
		if (!n)
			return;
	}
	if (d->r.skip >= n) {
		d->r.skip -= n;
		return;
	}
	d->reading = false;
	d->incomplete = true;
}

static enum parse_status kafka_gap(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				   struct message *m, uint64_t *used)
{
	struct kafka *s = st;
	struct kafka_dir *d = &s->d[dir];
	uint64_t n = in.len + len;
	enum parse_status ps;
	size_t one;

	if (!s->client)
		return PARSE_INVALID;
	if (d->telling) {
		ps = tell(s, dir, 1, m, &one);
		*used = one;
		return ps;
	}
	if (!d->left) { /* a boundary is hidden */
		if (d->q || d->size)
			frame_done(d);
		d->aligned = false;
		*used = n;
		return PARSE_SKIP;
	}
	if (n > d->left)
		n = d->left;
	step_over(d, n);
	*used = n;
	if (d->left)
		return PARSE_SKIP;
	ps = end_frame(s, dir, 1, m, &one);
	*used = n - 1 + one;
	return ps;
}

static enum parse_status kafka_eof(void *st, enum oe_dir dir, bool aborted, struct message *m)
{
	return PARSE_SKIP; /* what is open is the connection's to end */
}

/* A response whose request another thread has just sent. */
static bool kafka_early(const void *st, enum oe_dir dir, struct bytes in)
{
	const struct kafka *s = st;
	const struct kafka_dir *d = &s->d[dir];

	if (!s->client || s->client == 1 + dir || d->left || !d->aligned || in.len < 8)
		return false;
	return !kafka_requests_find(&s->requests, kafka_i32(in.data + 4)) &&
	       !(s->requests.first && s->requests.first->raw);
}

static void kafka_state_done(void *st)
{
	struct kafka *s = st;

	for (int i = 0; i < 2; i++) {
		kafka_topics_clear(&s->d[i].topics);
		kafka_request_free(s->d[i].q);
	}
	kafka_requests_clear(&s->requests);
	hashmap_free_values(&s->pos);
}

const struct proto_ops kafka_ops = {
	.name = "kafka",
	.multiplexed = true,
	.state_size = sizeof(struct kafka),
	.need_max = NEED_MAX,
	.detect = kafka_detect,
	.parse = kafka_parse,
	.gap = kafka_gap,
	.eof = kafka_eof,
	.state_done = kafka_state_done,
	.early = kafka_early,
};
