/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka's parser against frames that Apache's own library wrote (tests/golden/kafka_vectors.txt:
 * every version of what is decoded), whole, in two pieces at any byte, and with bytes missing; and
 * against peers that mean harm.
 */
#include "tap.h"

#include <stdlib.h>

#include "probes/probe.h"
#include "probes/proto/kafka_api.h"
#include "probes/proto/kafka_ops.h"
#include "probes/proto/kafka_reader.h"

extern const struct proto_ops kafka_ops;

#define OUT_MAX	  65536u
#define FRAME_CAP (1u << 20)

/* A connection as the table keeps one: what is left over stays for the next call. */
struct talk {
	void *st;
	uint8_t *rest[2];
	size_t len[2];
	char out[OUT_MAX]; /* what was told, in lines */
	size_t out_len;
	bool broken;
	/* instead of lines */
	bool counting;
	unsigned int requests, responses, lost, declared, more, failed, incomplete;
	struct msg_kafka_part part; /* the first one of the last message */
	size_t client_id_len;
};

__attribute__((format(printf, 2, 3))) static void say(struct talk *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->out_len += (size_t)vsnprintf(t->out + t->out_len, OUT_MAX - t->out_len, fmt, ap);
	va_end(ap);
}

static void say_topic(struct talk *t, const struct msg_kafka *k)
{
	say(t, " ");
	if (k->topic.len)
		say(t, "%.*s ", (int)k->topic.len, k->topic.data);
	else
		say(t, "- ");
	for (int i = 0; k->topic_id && i < 16; i++)
		say(t, "%02x", k->topic_id[i]);
	if (!k->topic_id)
		say(t, "-");
}

static void count(struct talk *t, const struct message *m)
{
	if (m->flags & MSG_F_DECLARE) {
		t->declared++;
		return;
	}
	if (m->flags & MSG_F_LOST) {
		t->lost++;
		*m->owner = NULL;
		return;
	}
	t->incomplete += (m->flags & (MSG_F_UNKNOWN | MSG_F_TRUNCATED)) != 0;
	t->more += (m->flags & MSG_F_MORE) != 0;
	t->failed += m->kafka.error != 0;
	t->client_id_len = m->kafka.client_id.len;
	if (m->kafka.part_cnt)
		t->part = m->kafka.parts[0];
	*(m->kind == MSG_REQUEST ? &t->requests : &t->responses) += 1;
	if (m->owner)
		*m->owner = m->kind == MSG_REQUEST ? t : NULL;
}

/* In the form of the truth. */
static void hear(struct talk *t, const struct message *m)
{
	const struct msg_kafka *k = &m->kafka;

	if (t->counting) {
		count(t, m);
		return;
	}
	if (m->flags & MSG_F_DECLARE) {
		if (k->group.len) {
			say(t, "G %.*s\n", (int)k->group.len, k->group.data);
			return;
		}
		say(t, "M");
		say_topic(t, k);
		say(t, "\n");
		return;
	}
	if (m->flags & (MSG_F_UNKNOWN | MSG_F_TRUNCATED))
		say(t, "incomplete\n");
	if (m->kind == MSG_REQUEST)
		*m->owner = t;
	for (uint32_t i = 0; i < k->part_cnt; i++) {
		const struct msg_kafka_part *p = &k->parts[i];

		if (m->kind == MSG_REQUEST)
			say(t, k->op == KAFKA_SEND ? "T" : "O");
		else
			say(t, k->op == KAFKA_POLL ? "F" : k->op == KAFKA_SEND ? "R" : "E");
		say_topic(t, k);
		say(t, " %d", p->partition);
		if (m->kind == MSG_RESPONSE)
			say(t, " %d", p->error);
		if (k->op == KAFKA_POLL)
			say(t, " %" PRId64, p->high_watermark);
		if (k->op == KAFKA_POLL || (k->op == KAFKA_SEND && m->kind == MSG_REQUEST)) {
			if (p->records_unknown)
				say(t, " ?");
			else
				say(t, " %" PRIu64, p->records);
		}
		if (k->op == KAFKA_POLL)
			say(t, " %" PRId64, p->next_offset);
		say(t, "\n");
	}
	if (m->kind == MSG_RESPONSE && k->error && !k->failed)
		say(t, "S %d\n", k->error);
	for (uint32_t i = 0; i < k->link_cnt; i++)
		say(t, "L %.*s\n", k->links[i].len, k->links[i].text);
	if (m->kind == MSG_RESPONSE && m->owner && !(m->flags & MSG_F_MORE))
		*m->owner = NULL;
}

/* one at a time */
static void talk_init(struct talk *t)
{
	static uint8_t rests[2][FRAME_CAP];

	memset(t, 0, sizeof(*t));
	t->st = calloc(1, kafka_ops.state_size);
	t->rest[0] = rests[0];
	t->rest[1] = rests[1];
}

static void talk_done(struct talk *t)
{
	kafka_ops.state_done(t->st);
	free(t->st);
}

static void feed(struct talk *t, enum oe_dir dir, const uint8_t *p, size_t len)
{
	size_t at = 0;

	memcpy(t->rest[dir] + t->len[dir], p, len);
	t->len[dir] += len;
	while (at < t->len[dir] && !t->broken) {
		struct message m = {0};
		size_t used = 0;
		enum parse_status ps = kafka_ops.parse(
			t->st, dir, bytes_of(t->rest[dir] + at, t->len[dir] - at), &m, &used);

		if (ps == PARSE_NEED_MORE)
			break;
		if (ps == PARSE_INVALID || used > t->len[dir] - at) {
			t->broken = true;
			break;
		}
		at += used;
		if (ps == PARSE_OK)
			hear(t, &m);
	}
	memmove(t->rest[dir], t->rest[dir] + at, t->len[dir] - at);
	t->len[dir] -= at;
}

static void miss(struct talk *t, enum oe_dir dir, uint64_t len)
{
	while ((len || t->len[dir]) && !t->broken) {
		struct message m = {0};
		uint64_t used = 0, rest = t->len[dir];
		enum parse_status ps =
			kafka_ops.gap(t->st, dir, bytes_of(t->rest[dir], rest), len, &m, &used);

		if ((ps != PARSE_OK && ps != PARSE_SKIP) || used > rest + len) {
			t->broken = true;
			break;
		}
		if (ps == PARSE_OK)
			hear(t, &m);
		if (used < rest) {
			memmove(t->rest[dir], t->rest[dir] + used, rest - used);
			t->len[dir] -= used;
		} else {
			t->len[dir] = 0;
			len -= used - rest;
		}
	}
}

/* -- requests for responses that stand alone -- */

struct writer {
	uint8_t b[FRAME_CAP];
	size_t n;
	bool flexible;
};

static void put(struct writer *w, uint64_t v, int size)
{
	while (size--)
		w->b[w->n++] = (uint8_t)(v >> (8 * size));
}

/* of an array (4 bytes) or a string (2), or compact */
static void put_len(struct writer *w, size_t len, int size)
{
	if (!w->flexible) {
		put(w, len, size);
		return;
	}
	for (len++; len > 0x7f; len >>= 7)
		w->b[w->n++] = (uint8_t)(len | 0x80);
	w->b[w->n++] = (uint8_t)len;
}

static void put_tags(struct writer *w)
{
	if (w->flexible)
		put(w, 0, 1);
}

struct vector {
	bool request;
	int key, version, id;
	uint8_t *frame;
	size_t len;
	char *truth[140]; /* lines, cut into words in place */
	int lines;
};

static char *word(const char *line, int i, char buf[320])
{
	while (i--) {
		line = strchr(line, ' ');
		if (!line)
			return NULL;
		line++;
	}
	snprintf(buf, 320, "%s", line);
	buf[strcspn(buf, " ")] = 0;
	return buf;
}

static void put_hex(struct writer *w, const char *hex)
{
	unsigned int b;

	for (; sscanf(hex, "%2x", &b) == 1; hex += 2)
		put(w, b, 1);
}

/* Produce and OffsetCommit: about the topics and partitions of the truth. */
static void put_topics(struct writer *w, const struct vector *v)
{
	size_t cnt = 0, parts;
	char a[320], b[320], c[320];
	const char *topic;

	for (int i = 0; i < v->lines; i++)
		cnt += !i || strncmp(v->truth[i], v->truth[i - 1],
				     (size_t)(strchr(strchr(v->truth[i] + 2, ' ') + 1, ' ') -
					      v->truth[i]));
	put_len(w, cnt, 4);
	for (int i = 0; i < v->lines; i += (int)parts) {
		bool by_id;

		topic = word(v->truth[i], 1, a);
		word(v->truth[i], 2, b);
		by_id = strcmp(b, "-") != 0;
		for (parts = 1; i + (int)parts < v->lines; parts++) {
			char x[320], y[320];

			if (strcmp(word(v->truth[i + (int)parts], 1, x), a) ||
			    strcmp(word(v->truth[i + (int)parts], 2, y), b))
				break;
		}
		if (by_id) {
			put_hex(w, b);
		} else {
			put_len(w, strlen(topic), 2);
			memcpy(w->b + w->n, topic, strlen(topic));
			w->n += strlen(topic);
		}
		put_len(w, parts, 4);
		for (size_t k = 0; k < parts; k++) {
			put(w, (uint64_t)atoi(word(v->truth[i + (int)k], 3, c)), 4);
			if (v->key == KAFKA_PRODUCE) {
				if (w->flexible)
					put(w, 0, 1); /* null */
				else
					put(w, 0xffffffff, 4);
			} else {
				put(w, 7, 8);
				if (v->version >= 6)
					put(w, 0, 4);
				if (v->version == 1)
					put(w, 0, 8);
				put_len(w, 0, 2);
			}
			put_tags(w);
		}
		put_tags(w);
	}
}

static void put_request(struct writer *w, const struct vector *v)
{
	const struct kafka_api *api = kafka_api(v->key);

	memset(w, 0, sizeof(*w));
	put(w, 0, 4);
	put(w, (uint64_t)v->key, 2);
	put(w, (uint64_t)v->version, 2);
	put(w, (uint64_t)v->id, 4);
	put(w, 0xffff, 2); /* no client id */
	w->flexible = v->version >= api->flexible;
	put_tags(w);
	if (v->key == KAFKA_PRODUCE) {
		if (v->version >= 3)
			put_len(w, 0, 2);
		put(w, 1, 2);
		put(w, 0, 4);
		put_topics(w, v);
	} else if (v->key == KAFKA_OFFSET_COMMIT) {
		put_len(w, 0, 2);
		if (v->version >= 1) {
			put(w, 0, 4);
			put_len(w, 0, 2);
		}
		if (v->version >= 7)
			put_len(w, 0, 2);
		if (v->version >= 2 && v->version <= 4)
			put(w, 0, 8);
		put_topics(w, v);
	}
	put_tags(w);
	w->b[2] = (uint8_t)((w->n - 4) >> 8);
	w->b[3] = (uint8_t)(w->n - 4);
}

/* -- the truth -- */

/* What the parser should tell of a vector; '?' stands for what cannot be known without unpacking.
 */
static void truth(const struct vector *v, char *out, size_t size)
{
	char w[24][320];
	size_t n = 0;
	int error = 0;

	out[0] = 0;
	for (int i = 0; i < v->lines; i++) {
		const char *l = v->truth[i];

		for (int k = 0; k < 24; k++)
			if (!word(l, k, w[k]))
				w[k][0] = 0;
		switch (l[0]) {
		case 'T':
			/* entries of old sets that wrap others */
			n += (size_t)snprintf(out + n, size - n, "T %s %s %s %s\n", w[1], w[2],
					      w[3], strcmp(w[4], w[8]) ? "?" : w[4]);
			break;
		case 'R':
		case 'E':
			n += (size_t)snprintf(out + n, size - n, "%s %s %s %s %s\n", w[0], w[1],
					      w[2], w[3], w[4]);
			break;
		case 'F': {
			long long last = atoll(w[16]);

			n += (size_t)snprintf(out + n, size - n, "F %s %s %s %s %s %s %lld\n", w[1],
					      w[2], w[3], w[4], w[5],
					      strcmp(w[7], w[10]) ? "?" : w[7],
					      last < 0 ? -1 : last + 1);
			break;
		}
		case 'S':
			if (strcmp(w[1], "0"))
				n += (size_t)snprintf(out + n, size - n, "S %s\n", w[1]);
			break;
		case 'M':
			error = error ? error : atoi(w[3]);
			if (strcmp(w[2], "-") && strcmp(w[1], "-") && strspn(w[2], "0") != 32)
				n += (size_t)snprintf(out + n, size - n, "M %s %s\n", w[1], w[2]);
			break;
		case 'G':
			n += (size_t)snprintf(out + n, size - n, "G %s\n", w[1]);
			break;
		case 'O':
			n += (size_t)snprintf(out + n, size - n, "O %s %s %s\n", w[1], w[2], w[3]);
			break;
		default:
			break;
		}
	}
	/* the first error of a topic is the response's */
	if (error)
		snprintf(out + n, size - n, "S %d\n", error);
}

/* Takes lines away that are compared elsewhere: contexts, errors of metadata. */
static void strip(char *out, const char *kinds)
{
	char *to = out, *next;

	for (char *l = out; *l; l = next) {
		next = strchr(l, '\n');
		next = next ? next + 1 : l + strlen(l);
		if (strchr(kinds, *l))
			continue;
		memmove(to, l, (size_t)(next - l));
		to += next - l;
	}
	*to = 0;
}

static struct writer request;

/* The frame after what has to stand before it, cut at `cut`. */
static void run(struct talk *t, const struct vector *v, size_t cut, size_t missing)
{
	talk_init(t);
	if (!v->request) {
		put_request(&request, v);
		feed(t, OE_DIR_OUT, request.b, request.n);
		t->out_len = 0;
		t->out[0] = 0;
	}
	feed(t, v->request ? OE_DIR_OUT : OE_DIR_IN, v->frame, cut);
	if (missing)
		miss(t, v->request ? OE_DIR_OUT : OE_DIR_IN, missing);
	feed(t, v->request ? OE_DIR_OUT : OE_DIR_IN, v->frame + cut + missing,
	     v->len - cut - missing);
}

static void check(const struct vector *v)
{
	static struct talk t;
	static char want[OUT_MAX], whole[OUT_MAX];
	size_t bad = 0, wrong = 0, at = 0;
	/* coordinators are looked for by others, too
	 */
	const char *skip = v->key == 10 ? "LG" : "L";

	truth(v, want, sizeof(want));
	/* of several groups none is the client's */
	strip(want, v->key == 10 || strchr(want + 1, 'G') ? "G" : "");
	run(&t, v, v->len, 0);
	snprintf(whole, sizeof(whole), "%s", t.out);
	talk_done(&t);
	strip(t.out, skip);
	if (!ok(!t.broken && !strcmp(t.out, want), "%s %s v%d (%d): as the library says",
		kafka_api(v->key)->name, v->request ? "request" : "response", v->version, v->id))
		printf("# got:\n%s# want:\n%s", t.out, want);
	for (size_t cut = 1; cut < v->len; cut += v->len < 600 ? 1 : v->len / 200) {
		run(&t, v, cut, 0);
		talk_done(&t);
		if (t.broken || strcmp(t.out, whole))
			bad++, at = cut;
	}
	ok(!bad, "the same in two pieces (last difference at byte %zu)", at);
	/* what is told with bytes missing is flagged, or the same */
	for (size_t cut = 14; cut + 9 < v->len; cut += v->len < 600 ? 1 : v->len / 200) {
		run(&t, v, cut, 9);
		talk_done(&t);
		strip(t.out, "LG");
		strip(whole, "LG");
		/* nothing at all: the head of the request was hit */
		if (!t.broken && t.out[0] && !strstr(t.out, "incomplete") && !strchr(t.out, '?') &&
		    strcmp(t.out, whole))
			wrong++, at = cut;
	}
	if (!ok(!wrong, "nothing wrong with nine bytes missing")) {
		run(&t, v, at, 9);
		talk_done(&t);
		printf("# at %zu, got:\n%s# want:\n%s", at, t.out, whole);
	}
}

static void vectors(const char *path)
{
	static char line[65536];
	static struct vector v;
	FILE *f = fopen(path, "r");
	unsigned int cnt = 0;

	if (!ok(f != NULL, "vectors: %s", path))
		return;
	for (;;) {
		char *got = fgets(line, sizeof(line), f);

		if (got && line[0] == '#')
			continue;
		if (got)
			line[strcspn(line, "\n")] = 0;
		if ((!got || line[0] == 'V') && v.frame) {
			check(&v);
			cnt++;
			free(v.frame);
			for (int i = 0; i < v.lines; i++)
				free(v.truth[i]);
			memset(&v, 0, sizeof(v));
		}
		if (!got)
			break;
		if (line[0] == 'V') {
			char kind[8];
			int at = 0;

			sscanf(line, "V %7s %d %d %d %n", kind, &v.key, &v.version, &v.id, &at);
			v.request = !strcmp(kind, "req");
			v.frame = malloc(strlen(line));
			for (const char *p = line + at; *p; p += 2) {
				unsigned int b = 0;

				sscanf(p, "%2x", &b);
				v.frame[v.len++] = (uint8_t)b;
			}
		} else if (v.lines < 140 && line[0] != 'H') {
			v.truth[v.lines++] = strdup(line);
		}
	}
	fclose(f);
	ok(cnt >= 300, "%u vectors", cnt);
}

/* -- peers that mean harm -- */

static struct talk h;
static struct writer w;

static void harm_init(void)
{
	talk_init(&h);
	h.counting = true;
}

static void put_str(const char *s)
{
	put(&w, strlen(s), 2);
	memcpy(w.b + w.n, s, strlen(s));
	w.n += strlen(s);
}

static void frame(void)
{
	w.n = 4;
	w.flexible = false;
}

static void head(int key, int version, int id)
{
	frame();
	put(&w, (uint64_t)key, 2);
	put(&w, (uint64_t)version, 2);
	put(&w, (uint64_t)id, 4);
	put_str("cli");
}

static void send_frame(enum oe_dir dir)
{
	for (int i = 0; i < 4; i++)
		w.b[i] = (uint8_t)((w.n - 4) >> (24 - 8 * i));
	feed(&h, dir, w.b, w.n);
}

/* Produce of version 0 to `topics` topics with `parts` partitions each, without records. */
static void produce(int id, int topics, int parts)
{
	char name[16];

	head(KAFKA_PRODUCE, 0, id);
	put(&w, 1, 2);
	put(&w, 0, 4);
	put(&w, (uint64_t)topics, 4);
	for (int i = 0; i < topics; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		put_str(name);
		put(&w, (uint64_t)parts, 4);
		for (int k = 0; k < parts; k++) {
			put(&w, (uint64_t)k, 4);
			put(&w, 0, 4);
		}
	}
	send_frame(OE_DIR_OUT);
}

/* Its response, last one first; every other partition, or topic with one, has failed. */
static void produced(int id, int topics, int parts)
{
	char name[16];

	frame();
	put(&w, (uint64_t)id, 4);
	put(&w, (uint64_t)topics, 4);
	for (int i = topics; i--;) {
		snprintf(name, sizeof(name), "t%d", i);
		put_str(name);
		put(&w, (uint64_t)parts, 4);
		for (int k = parts; k--;) {
			put(&w, (uint64_t)k, 4);
			put(&w, (i + k) & 1 ? 6 : 0, 2);
			put(&w, 5, 8);
		}
	}
	send_frame(OE_DIR_IN);
}

static void tokens(void)
{
	static const uint8_t empty[4], garbage[16] = {0x3f, 0xff, 0xff, 0xff};

	harm_init();
	head(KAFKA_SASL_HANDSHAKE, 0, 1);
	send_frame(OE_DIR_OUT);
	for (unsigned int i = 0; i < KAFKA_OPS_MAX; i++)
		feed(&h, OE_DIR_OUT, empty, 4);
	ok(!h.broken && h.lost == 1, "tokens without end: at most %u are awaited", KAFKA_OPS_MAX);
	talk_done(&h);

	harm_init();
	head(KAFKA_SASL_HANDSHAKE, 0, 1);
	send_frame(OE_DIR_OUT);
	feed(&h, OE_DIR_OUT, empty, 4);
	miss(&h, OE_DIR_IN, 8);
	feed(&h, OE_DIR_IN, garbage, sizeof(garbage));
	produce(2, 1, 1);
	produced(2, 1, 1);
	ok(!h.broken && h.responses == 1 && h.lost == 1,
	   "where a frame begins is not known: no token of any length is taken for one");
	talk_done(&h);

	harm_init();
	head(KAFKA_SASL_HANDSHAKE, 0, INT32_MAX);
	send_frame(OE_DIR_OUT);
	produce(0, 1, 1);
	ok(!h.broken, "the last correlation id that there is");
	talk_done(&h);
}

static void many(void)
{
	int topics = KAFKA_TOPICS_MAX, half = KAFKA_PARTS_MAX / 4;
	/* the answered one is there until the next answer */
	uint32_t fit = KAFKA_PARTS_ALL_MAX / (uint32_t)half - 2;

	harm_init();
	produce(1, topics, 1);
	produce(2, topics, 1);
	ok(h.requests == 2 * KAFKA_TOPICS_MAX && !h.incomplete, "as many topics as fit");
	produce(3, 5, 1);
	ok(h.incomplete == 1, "more are left out, and it says so");
	produced(1, topics, 1);
	ok(h.responses == KAFKA_TOPICS_MAX && h.failed == KAFKA_TOPICS_MAX / 2 && h.incomplete == 1,
	   "errors find their topics");
	produced(3, 5, 1);
	ok(h.lost == KAFKA_TOPICS_MAX && h.responses == KAFKA_TOPICS_MAX + 1,
	   "what was overtaken is given up, topic by topic");
	produce(4, topics, 1);
	ok(h.incomplete == 1, "room that was given back");
	talk_done(&h);

	harm_init();
	produce(1, 2, half);
	produced(1, 2, half);
	ok(!h.incomplete && h.failed == 2 && h.part.partition == 0 && h.part.error == 6,
	   "errors find their partitions");
	for (int i = 2; i < 16; i++)
		produce(i, 1, half);
	ok(h.requests == 16 && h.incomplete == 14 - fit,
	   "partitions of all that is in flight have a limit");
	produced(15, 1, half);
	ok(h.responses == 3 && h.incomplete == 15 - fit,
	   "errors of what was left out are not known");
	talk_done(&h);

	harm_init();
	for (int i = 0; i < 3; i++)
		produce(1, i + 1, 1);
	for (int i = 0; i < 3; i++)
		produced(1, i + 1, 1);
	ok(h.requests == 6 && h.responses == 6 && h.failed == 2 && !h.lost,
	   "requests with one id are answered in their order");
	produced(1, 1, 1);
	ok(h.responses == 7 && !h.broken, "and the fourth answer to three has no request");
	talk_done(&h);
}

/* A batch of magic 2 with three records, none of which is there. */
static void put_batch(uint64_t base)
{
	put(&w, base, 8);
	put(&w, 49, 4);
	put(&w, 0, 4);
	put(&w, 2, 1);
	put(&w, 0, 4);
	put(&w, 0, 2);
	put(&w, 2, 4);
	w.n += 30;
	put(&w, 3, 4);
}

static void offsets(void)
{
	static const uint64_t bases[] = {INT64_MAX - 2, (uint64_t)INT64_MIN, (uint64_t)-1};

	for (int i = 0; i < 3; i++) {
		harm_init();
		head(KAFKA_FETCH, 0, 1);
		put(&w, 0, 8);
		put(&w, 0, 4);
		put(&w, 0, 4);
		send_frame(OE_DIR_OUT);
		frame();
		memset(w.b, 0, 256);
		put(&w, 1, 4);
		put(&w, 1, 4);
		put_str("t");
		put(&w, 1, 4);
		put(&w, 0, 4);
		put(&w, 0, 2);
		put(&w, 0, 8);
		put(&w, 61, 4);
		put_batch(bases[i]);
		send_frame(OE_DIR_IN);
		ok(!h.broken && h.responses == 1 && h.part.records == 3 && h.part.next_offset == -1,
		   "a batch at offset %" PRId64 " is no position", (int64_t)bases[i]);
		talk_done(&h);
	}
}

static void missed(void)
{
	harm_init();
	head(KAFKA_PRODUCE, 0, 1);
	w.b[3] = 100;
	feed(&h, OE_DIR_OUT, w.b, w.n);
	miss(&h, OE_DIR_OUT, 104 - w.n);
	produced(1, 3, 1);
	ok(h.requests == 1 && h.responses == 1 && !h.more && h.failed == 1,
	   "a request whose topics were missed has one response");
	head(KAFKA_PRODUCE, 0, 2);
	w.n -= 5;
	put(&w, 300, 2);
	memset(w.b + w.n, 'c', 300);
	w.n += 300;
	send_frame(OE_DIR_OUT);
	ok(h.requests == 2 && !h.client_id_len, "a client's name that does not fit is not known");
	talk_done(&h);
}

int main(void)
{
	tokens();
	many();
	offsets();
	missed();
	vectors("tests/golden/kafka_vectors.txt");
	return tap_done();
}
