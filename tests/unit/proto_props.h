/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PROTO_PROPS_H
#define OE_PROTO_PROPS_H
/*
 * What every parser promises, stated once, for unit tests and for the fuzzer.
 *
 * A `struct props` drives one parser as the connection table does: it keeps the incomplete rest of
 * each direction, tells the parser when the other direction begins to speak, hands it gaps, throws
 * its state away on INVALID and starts anew where a run looks like the protocol. Each input is
 * placed so that it ends at a page that must not be touched. What the parser says is checked on the
 * spot: consumed bytes exist, there is progress, views lie in the input or in the state, BEGIN and
 * END alternate. The first broken promise stands in `broken`.
 *
 * On top of it the four properties of a conversation:
 *   props_prefix()  every prefix of a message gives NEED_MORE
 *   props_split()   splitting at any byte gives the same messages
 *   props_gap()     bytes missing anywhere are flagged, never guessed
 * Multiplexed protocols: the same per stream, followed through the place that the parser lends
 * (message.owner). That a message's bytes come in other pieces may not change what is said, but for
 * MSG_F_PART, which says when; where a parser finds its footing by where I/Os start (met late,
 * after a loss) pieces do matter, and nobody should compare. (the protected page needs no function
 * of its own: every input ends there)
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/probe.h"

#define PROPS_ARENA (1u << 18)

enum props_what { PROPS_DATA = 0, PROPS_GAP, PROPS_EOF, PROPS_ABORT, PROPS_WHOLE };

/* One step of a conversation. */
struct props_step {
	enum props_what what;
	enum oe_dir dir;
	const uint8_t *data;
	size_t len; /* of the data, or of the gap */
};

/* One message as it was handed out, with copies of what it showed. */
struct props_msg {
	enum oe_dir dir;
	struct message m;
	struct bytes *views[8]; /* in the order of props_views() */
	char *text;
	unsigned int nr; /* with an owner: of the request */
	char *stmt;	 /* databases: what the prepared statement stands for; NULL: none */
};

/* A stream of a multiplexed protocol, [0] request, [1] response. */
struct props_stream {
	struct props_stream *next;
	void **owner;
	bool begun[2], ended[2];
	unsigned int nr;
};

/* A database's prepared statement: what stands in the parser's place for it. */
struct props_decl {
	struct props_decl *next;
	char *text;
};

struct props_dir {
	uint8_t *rest;
	size_t len;
	bool open;
};

struct props {
	const struct proto_ops *ops;
	uint8_t *state;
	uint8_t *arena; /* PROPS_ARENA bytes, then the protected page */
	struct props_dir dir[2];
	struct props_stream *streams;
	unsigned int requests; /* with an owner, so far */
	unsigned int nr;       /* the one that the message at hand is of */
	struct props_decl *decls;
	int run; /* 1 + direction */
	bool parsing, probing;
	bool unfinished; /* a stream ended inside a head */
	bool record;	 /* keep messages */
	struct props_msg *msgs;
	size_t msg_cnt, msg_cap;
	unsigned int lost;
	uint64_t hash;	   /* over all messages */
	uint64_t ended[2]; /* sum of wire_size of ended messages */
	enum parse_status last;
	char broken[256];
};

__attribute__((format(printf, 2, 3))) static inline void props_broken(struct props *p,
								      const char *fmt, ...)
{
	va_list ap;

	if (p->broken[0])
		return;
	va_start(ap, fmt);
	vsnprintf(p->broken, sizeof(p->broken), fmt, ap);
	va_end(ap);
}

/* The byte views that a message shows. */
static inline void props_views(struct message *m, struct bytes *ret[8])
{
	static struct bytes none;
	struct msg_http *h = &m->http;
	struct msg_db *b = &m->db;
	struct bytes *db[8] = {&b->name_space, &b->text, &b->code, &none,
			       &none,	       &none,	 &none,	   &none};
	struct bytes *v[8] = {&h->method,      &h->target,     &h->host,	 &h->user_agent,
			      &h->traceparent, &h->tracestate, &h->content_type, &h->upgrade};

	none = BYTES_NONE;
	struct bytes *kafka[8] = {&m->kafka.client_id,
				  &m->kafka.group,
				  &m->kafka.topic,
				  &none,
				  &none,
				  &none,
				  &none,
				  &none};

	memcpy(ret,
	       m->family == MSG_FAMILY_DB      ? db
	       : m->family == MSG_FAMILY_KAFKA ? kafka
					       : v,
	       sizeof(v));
}

static inline void props_streams_free(struct props *p)
{
	while (p->streams) {
		struct props_stream *s = p->streams;

		p->streams = s->next;
		free(s);
	}
}

static inline void props_stream_free(struct props *p, struct props_stream *s)
{
	struct props_stream **at = &p->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	*s->owner = NULL;
	free(s);
}

static inline void props_decls_free(struct props *p)
{
	while (p->decls) {
		struct props_decl *d = p->decls;

		p->decls = d->next;
		free(d->text);
		free(d);
	}
}

static inline void props_declare(struct props *p, const struct message *m)
{
	struct props_decl *d = *m->db.stmt;

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			abort();
		d->next = p->decls;
		p->decls = d;
		*m->db.stmt = d;
	}
	free(d->text);
	d->text = strndup((const char *)m->db.text.data, m->db.text.len);
}

static inline void props_msg_free(struct props_msg *k)
{
	free(k->text);
	free(k->stmt);
}

static inline void props_new_state(struct props *p)
{
	props_streams_free(p);
	props_decls_free(p);
	if (p->state && p->ops->state_done)
		p->ops->state_done(p->state);
	free(p->state);
	p->state = calloc(1, p->ops->state_size);
	if (!p->state)
		abort();
}

/* `parsing`: the protocol is known from the start; else it has to be detected. */
static inline void props_init(struct props *p, const struct proto_ops *ops, bool parsing)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *mem = mmap(NULL, PROPS_ARENA + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 0, sizeof(*p));
	if (mem == MAP_FAILED || mprotect(mem + PROPS_ARENA, page, PROT_NONE))
		abort();
	p->ops = ops;
	p->arena = mem;
	p->parsing = parsing;
	p->record = true;
	for (int d = 0; d < 2; d++)
		if (!(p->dir[d].rest = malloc(PROPS_ARENA)))
			abort();
	props_new_state(p);
}

static inline void props_done(struct props *p)
{
	props_streams_free(p);
	props_decls_free(p);
	for (size_t i = 0; i < p->msg_cnt; i++)
		props_msg_free(&p->msgs[i]);
	free(p->msgs);
	for (int d = 0; d < 2; d++)
		free(p->dir[d].rest);
	if (p->ops->state_done)
		p->ops->state_done(p->state);
	free(p->state);
	munmap(p->arena, PROPS_ARENA + (size_t)sysconf(_SC_PAGESIZE));
}

/* As new, without the cost of it. */
static inline void props_reset(struct props *p, bool parsing)
{
	for (size_t i = 0; i < p->msg_cnt; i++)
		props_msg_free(&p->msgs[i]);
	p->msg_cnt = 0;
	p->requests = 0;
	for (int d = 0; d < 2; d++) {
		p->dir[d].len = 0;
		p->dir[d].open = false;
		p->ended[d] = 0;
	}
	p->run = 0;
	p->parsing = parsing;
	p->probing = false;
	p->lost = 0;
	p->unfinished = false;
	p->hash = 0;
	p->broken[0] = 0;
	props_new_state(p);
}

static inline void props_lose(struct props *p)
{
	p->lost++;
	p->parsing = p->probing = false;
	for (int d = 0; d < 2; d++) {
		p->dir[d].len = 0;
		p->dir[d].open = false;
	}
	props_new_state(p);
}

static inline struct bytes props_place(struct props *p, const uint8_t *data, size_t len)
{
	uint8_t *at = p->arena + PROPS_ARENA - len;

	if (len)
		memcpy(at, data, len);
	return bytes_of(at, len);
}

static inline bool props_inside(struct bytes v, const uint8_t *p, size_t len)
{
	return v.data >= p && v.data <= p + len && v.len <= (size_t)(p + len - v.data);
}

static inline void props_keep(struct props *p, enum oe_dir dir, const struct message *m)
{
	struct props_msg *k;
	struct bytes *v[8];
	size_t sum = 0;
	char *to;

	if (p->msg_cnt == p->msg_cap) {
		p->msg_cap = p->msg_cap ? 2 * p->msg_cap : 64;
		p->msgs = realloc(p->msgs, p->msg_cap * sizeof(*p->msgs));
		if (!p->msgs)
			abort();
	}
	k = &p->msgs[p->msg_cnt++];
	k->dir = dir;
	k->m = *m;
	k->nr = p->nr;
	k->stmt = NULL;
	if (m->family == MSG_FAMILY_DB && m->db.stmt && *m->db.stmt)
		k->stmt = strdup(((struct props_decl *)*m->db.stmt)->text);
	props_views(&k->m, v);
	for (int i = 0; i < 8; i++)
		sum += v[i]->len;
	k->text = to = malloc(sum + 1);
	if (!to)
		abort();
	for (int i = 0; i < 8; i++) {
		if (!v[i]->len)
			continue;
		memcpy(to, v[i]->data, v[i]->len);
		v[i]->data = (const uint8_t *)to;
		to += v[i]->len;
	}
}

static inline void props_hash(struct props *p, const void *data, size_t len)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++)
		p->hash = (p->hash ^ b[i]) * 0x100000001b3u;
}

static inline void props_hash_db(struct props *p, enum oe_dir dir, struct message *m)
{
	const struct msg_db *b = &m->db;
	int64_t sums[] = {dir,	     m->kind,	       m->flags,	 (int64_t)m->wire_size,
			  b->system, b->text_cut,      b->stmt_unknown,	 b->stmt != NULL,
			  b->batch,  b->rows_returned, b->rows_affected, b->results};
	struct bytes *v[8];

	props_views(m, v);
	props_hash(p, sums, sizeof(sums));
	for (int i = 0; i < 3; i++) {
		props_hash(p, &v[i]->len, sizeof(v[i]->len));
		props_hash(p, v[i]->data, v[i]->len);
	}
	if (b->command)
		props_hash(p, b->command, strlen(b->command));
	if (b->failed)
		props_hash(p, b->failed, strlen(b->failed));
}

static inline void props_hash_kafka(struct props *p, enum oe_dir dir, struct message *m)
{
	const struct msg_kafka *k = &m->kafka;
	int64_t sums[] = {dir,	    m->kind,	 m->flags,  (int64_t)m->wire_size,
			  k->op,    k->part_cnt, k->offset, (int64_t)k->bytes,
			  k->error, k->link_cnt, k->failed, k->link_lost};
	struct bytes *v[8];

	props_views(m, v);
	props_hash(p, sums, sizeof(sums));
	for (int i = 0; i < 3; i++)
		props_hash(p, v[i]->data, v[i]->len);
	for (uint32_t i = 0; i < k->part_cnt; i++) {
		props_hash(p, &k->parts[i].partition, sizeof(int32_t));
		props_hash(p, &k->parts[i].records, sizeof(uint64_t));
		props_hash(p, &k->parts[i].next_offset, sizeof(int64_t));
	}
	for (uint32_t i = 0; i < k->link_cnt; i++)
		props_hash(p, k->links[i].text, k->links[i].len);
}

static inline void props_hash_message(struct props *p, enum oe_dir dir, struct message *m)
{
	int64_t sums[] = {dir,
			  m->kind,
			  m->flags & ~(uint32_t)MSG_F_PART,
			  (int64_t)m->stream_id,
			  m->rpc.status,
			  m->rpc.messages,
			  (int64_t)m->rpc.message_bytes,
			  (int64_t)m->head_size,
			  (int64_t)m->body_size,
			  (int64_t)m->wire_size,
			  m->http.status,
			  m->http.content_length,
			  m->http.version_minor,
			  m->http.target_cut,
			  m->http.traceparent_repeated};
	struct bytes *v[8];

	props_views(m, v);
	props_hash(p, sums, sizeof(sums));
	for (int i = 0; i < 8; i++) {
		props_hash(p, &v[i]->len, sizeof(v[i]->len));
		props_hash(p, v[i]->data, v[i]->len);
	}
}

/* The same for a message of a multiplexed protocol. */
static inline void props_stream_message(struct props *p, struct message *m)
{
	struct props_stream *s = m->owner ? *m->owner : NULL;
	int side = m->kind == MSG_REQUEST ? 0 : 1;

	if (m->flags & MSG_F_LOST && !m->owner) {
		props_streams_free(p);
		return;
	}
	if (!m->owner) {
		if (!(m->flags & MSG_F_ORPHAN))
			props_broken(p, "no owner, and no orphan");
		return;
	}
	if ((m->flags & MSG_F_ADOPT) || (m->kind == MSG_REQUEST && (m->flags & MSG_F_BEGIN))) {
		if (s)
			props_broken(p, "a stream begins twice");
		s = calloc(1, sizeof(*s));
		if (!s)
			abort();
		*s = (struct props_stream){.next = p->streams, .owner = m->owner};
		s->nr = ++p->requests;
		s->begun[0] = true;
		s->ended[0] = m->flags & MSG_F_ADOPT;
		p->streams = s;
		*m->owner = s;
	}
	if (!s) {
		props_broken(p, "a message of a stream that never began");
		return;
	}
	p->nr = s->nr;
	if (s->owner != m->owner)
		props_broken(p, "the owner's place has moved");
	if (m->flags & (MSG_F_RESET | MSG_F_LOST)) {
		props_stream_free(p, s);
		return;
	}
	if (m->flags & (MSG_F_INTERIM | MSG_F_ADOPT))
		return;
	if (m->flags & MSG_F_MORE) /* one of several answers */
		return;
	if (m->flags & MSG_F_ONEWAY) {
		props_stream_free(p, s);
		return;
	}
	if (side && (m->flags & MSG_F_BEGIN) && s->begun[1])
		props_broken(p, "a response begins twice");
	s->begun[side] |= (m->flags & MSG_F_BEGIN) != 0;
	if (!s->begun[side] && (m->flags & MSG_F_END))
		props_broken(p, "END without BEGIN");
	if (s->ended[side])
		props_broken(p, "a message of what has ended");
	s->ended[side] |= (m->flags & MSG_F_END) != 0;
	if (s->ended[0] && s->ended[1])
		props_stream_free(p, s);
}

/* A message came out: does it keep the contract? */
static inline void props_message(struct props *p, enum oe_dir dir, struct message *m,
				 struct bytes in)
{
	struct props_dir *d = &p->dir[dir];
	bool db = m->family == MSG_FAMILY_DB;
	struct bytes *v[8];

	p->nr = 0;
	if (m->family == MSG_FAMILY_KAFKA && m->flags & MSG_F_DECLARE) {
		if (m->flags != MSG_F_DECLARE || !(m->kafka.group.len || m->kafka.topic_id))
			props_broken(p, "a declaration of nothing");
		return;
	}
	if (db && m->flags & MSG_F_DECLARE) {
		if (!m->db.stmt || m->flags != MSG_F_DECLARE)
			props_broken(p, "a declaration of nothing");
		else
			props_declare(p, m);
		goto keep;
	}
	if (m->kind != MSG_REQUEST && m->kind != MSG_RESPONSE)
		props_broken(p, "a message without a kind");
	if (m->family == MSG_FAMILY_NONE && !p->ops->multiplexed)
		props_broken(p, "a message without a family");
	if (!(m->flags & (MSG_F_BEGIN | MSG_F_END)) &&
	    !((p->ops->multiplexed || db) &&
	      (m->flags & (MSG_F_PART | MSG_F_RESET | MSG_F_LOST | MSG_F_ADOPT))))
		props_broken(p, "a message that neither begins nor ends");
	if ((m->flags & MSG_F_TRUNCATED) && !(m->flags & MSG_F_BEGIN))
		props_broken(p, "TRUNCATED belongs to a head");
	if (p->ops->multiplexed || db) {
		props_stream_message(p, m);
	} else {
		if ((m->flags & MSG_F_BEGIN) && d->open)
			props_broken(p, "BEGIN while another message is open");
		if (!(m->flags & MSG_F_BEGIN) && !d->open)
			props_broken(p, "END without BEGIN");
		d->open = !(m->flags & MSG_F_END);
	}
	if (m->flags & MSG_F_END)
		p->ended[dir] += m->wire_size;
	if (m->body_size > m->wire_size)
		props_broken(p, "a body larger than its message");
	props_views(m, v);
	for (int i = 0; i < 8; i++)
		if (v[i]->len && !p->ops->multiplexed && !db &&
		    !props_inside(*v[i], in.data, in.len) &&
		    !props_inside(*v[i], p->state, p->ops->state_size))
			props_broken(p, "view %d points elsewhere", i);
	if (p->broken[0])
		return;
	if (m->flags == MSG_F_PART)
		return;
keep:
	if (db)
		props_hash_db(p, dir, m);
	else if (m->family == MSG_FAMILY_KAFKA)
		props_hash_kafka(p, dir, m);
	else
		props_hash_message(p, dir, m);
	if (p->record)
		props_keep(p, dir, m);
}

/* Everything that can be parsed of the rest. */
static inline void props_parse(struct props *p, enum oe_dir dir)
{
	struct props_dir *d = &p->dir[dir];
	size_t at = 0;
	int idle = 0;

	while (at < d->len && !p->broken[0]) {
		struct bytes in = props_place(p, d->rest + at, d->len - at);
		/* garbage: what the parser leaves unset shows */
		struct message m;
		size_t used = 0;

		memset(&m, 0xa5, sizeof(m));
		p->last = p->ops->parse(p->state, dir, in, &m, &used);
		if (p->last == PARSE_NEED_MORE || p->last == PARSE_INVALID) {
			if (p->last == PARSE_INVALID || in.len > p->ops->need_max) {
				props_lose(p);
				return;
			}
			break;
		}
		if (used > in.len)
			props_broken(p, "consumed %zu of %zu bytes", used, in.len);
		if (p->last == PARSE_SKIP && !used)
			props_broken(p, "SKIP without progress");
		idle = used ? 0 : idle + 1;
		if (idle > (p->ops->multiplexed || p->ops->whole ? 5000 : 2))
			props_broken(p, "messages without progress");
		if (p->last == PARSE_OK)
			props_message(p, dir, &m, in);
		at += used;
	}
	memmove(d->rest, d->rest + at, d->len - at);
	d->len -= at;
}

static inline void props_gap_here(struct props *p, enum oe_dir dir, uint64_t len)
{
	struct props_dir *d = &p->dir[dir];
	int idle = 0;

	while ((len || d->len) && !p->broken[0]) {
		struct bytes in = props_place(p, d->rest, d->len);
		struct message m;
		uint64_t used = 0;
		size_t eaten;

		memset(&m, 0xa5, sizeof(m));
		p->last = p->ops->gap(p->state, dir, in, len, &m, &used);
		if (p->last != PARSE_OK && p->last != PARSE_SKIP) {
			props_lose(p);
			return;
		}
		if (used > in.len + len)
			props_broken(p, "gap: consumed more than there is");
		idle = used ? 0 : idle + 1;
		if (idle > (p->ops->multiplexed || p->ops->whole ? 5000 : 2) ||
		    (p->last == PARSE_SKIP && !used))
			props_broken(p, "gap: no progress");
		if (p->last == PARSE_OK)
			props_message(p, dir, &m, in);
		eaten = used < d->len ? (size_t)used : d->len;
		len -= used - eaten;
		memmove(d->rest, d->rest + eaten, d->len - eaten);
		d->len -= eaten;
	}
}

/* This direction speaks now. */
static inline void props_turn(struct props *p, enum oe_dir dir)
{
	enum oe_dir other = dir == OE_DIR_IN ? OE_DIR_OUT : OE_DIR_IN;
	struct message m;
	enum parse_status ps;

	if (p->run == 1 + (int)dir)
		return;
	p->run = 1 + (int)dir;
	if (p->parsing && p->ops->run_end) {
		memset(&m, 0xa5, sizeof(m));
		ps = p->ops->run_end(p->state, other, &m);
		if (ps == PARSE_OK)
			props_message(p, other, &m, BYTES_NONE);
		else if (ps == PARSE_INVALID)
			props_lose(p);
	}
	if (!p->parsing) {
		p->probing = true;
		p->dir[0].len = p->dir[1].len = 0;
	}
}

static inline void props_data(struct props *p, enum oe_dir dir, const uint8_t *data, size_t len)
{
	struct props_dir *d = &p->dir[dir];

	if (!len)
		return;
	props_turn(p, dir);
	if (!p->parsing && !p->probing)
		return;
	if (d->len + len > PROPS_ARENA || d->len >= p->ops->need_max) {
		if (p->parsing)
			props_gap_here(p, dir, len);
		return;
	}
	memcpy(d->rest + d->len, data, len);
	d->len += len;
	if (!p->parsing) {
		switch (p->ops->detect(props_place(p, d->rest, d->len), dir)) {
		case DETECT_YES:
			p->parsing = true;
			p->probing = false;
			break;
		case DETECT_NO:
			p->probing = false;
			d->len = 0;
			return;
		case DETECT_MAYBE:
			return;
		}
	}
	props_parse(p, dir);
}

static inline void props_missing(struct props *p, enum oe_dir dir, uint64_t len)
{
	if (!len)
		return;
	props_turn(p, dir);
	if (p->parsing)
		props_gap_here(p, dir, len);
	p->probing = false;
}

static inline void props_whole(struct props *p, enum oe_dir dir, uint64_t len, uint64_t msgs)
{
	if (!len)
		return;
	props_turn(p, dir);
	if (!p->parsing)
		return;
	if (p->dir[dir].len || !p->ops->whole)
		props_gap_here(p, dir, len);
	else if (p->ops->whole(p->state, dir, len, msgs) == PARSE_INVALID)
		props_lose(p);
}

static inline void props_eof(struct props *p, enum oe_dir dir, bool aborted)
{
	struct message m;

	if (!p->parsing || !p->ops->eof)
		return;
	p->unfinished |= p->dir[dir].len != 0;
	p->dir[dir].len = 0;
	memset(&m, 0xa5, sizeof(m));
	if (p->ops->eof(p->state, dir, aborted, &m) == PARSE_OK)
		props_message(p, dir, &m, BYTES_NONE);
	if (p->dir[dir].open)
		props_broken(p, "a message is still open behind the end of its stream");
	memset(&m, 0xa5, sizeof(m));
	if (p->ops->eof(p->state, dir, aborted, &m) == PARSE_OK)
		props_broken(p, "the second eof() ends something again");
}

/* Runs a conversation; data is cut into pieces of at most `piece` bytes (0: as it is). */
static inline void props_run(struct props *p, const struct props_step *s, size_t cnt, size_t piece)
{
	for (size_t i = 0; i < cnt && !p->broken[0]; i++) {
		switch (s[i].what) {
		case PROPS_DATA:
			for (size_t at = 0; at < s[i].len;) {
				size_t n = s[i].len - at;

				if (piece && n > piece)
					n = piece;
				props_data(p, s[i].dir, s[i].data + at, n);
				at += n;
			}
			break;
		case PROPS_GAP:
			props_missing(p, s[i].dir, s[i].len);
			break;
		case PROPS_WHOLE:
			props_whole(p, s[i].dir, s[i].len, s[i].len / 16);
			break;
		case PROPS_EOF:
		case PROPS_ABORT:
			props_eof(p, s[i].dir, s[i].what == PROPS_ABORT);
			break;
		}
	}
}

/* A copy of the conversation with step `k` cut at byte `at`; room for cnt + 2 steps. */
static inline size_t props_cut(const struct props_step *s, size_t cnt, size_t k, size_t at,
			       size_t missing, struct props_step *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (i != k) {
			ret[n++] = s[i];
			continue;
		}
		ret[n] = s[i];
		ret[n++].len = at;
		if (missing)
			ret[n++] = (struct props_step){PROPS_GAP, s[i].dir, NULL, missing};
		ret[n] = s[i];
		ret[n].data += at + missing;
		ret[n++].len -= at + missing;
	}
	return n;
}

#define PROPS_STEP_MAX 32

/* Every prefix of the last step's data, a single message, asks for more. */
static inline bool props_prefix(struct props *p, const struct props_step *s, size_t cnt)
{
	const struct props_step *last = &s[cnt - 1];

	for (size_t n = 1; n < last->len && !p->broken[0]; n++) {
		props_reset(p, true);
		props_run(p, s, cnt - 1, 0);
		size_t before = p->msg_cnt;

		props_data(p, last->dir, last->data, n);
		if (p->last != PARSE_NEED_MORE || p->msg_cnt != before)
			props_broken(p, "prefix of %zu bytes: status %d instead of NEED_MORE", n,
				     (int)p->last);
	}
	return !p->broken[0];
}

/* Two pieces at every byte (every `stride`th), then pieces of one, two, three and seven bytes. */
static inline bool props_split(struct props *p, const struct props_step *s, size_t cnt,
			       size_t stride, bool parsing)
{
	static const size_t pieces[] = {1, 2, 3, 7};
	struct props_step cut[PROPS_STEP_MAX + 2];
	uint64_t want;
	unsigned int lost;

	props_reset(p, parsing);
	props_run(p, s, cnt, 0);
	want = p->hash;
	lost = p->lost;
	for (size_t i = 0; i < 4 && !p->broken[0]; i++) {
		props_reset(p, parsing);
		props_run(p, s, cnt, pieces[i]);
		if (p->hash != want || p->lost != lost)
			props_broken(p, "pieces of %zu bytes give other messages", pieces[i]);
	}
	for (size_t k = 0; k < cnt; k++) {
		if (s[k].what != PROPS_DATA)
			continue;
		for (size_t at = 1; at < s[k].len && !p->broken[0]; at += stride) {
			size_t n = props_cut(s, cnt, k, at, 0, cut);

			props_reset(p, parsing);
			props_run(p, cut, n, 0);
			if (p->hash != want || p->lost != lost)
				props_broken(p, "step %zu split at %zu gives other messages", k,
					     at);
		}
	}
	return !p->broken[0];
}

/* Could `got`, seen with bytes missing, be what is known of the true message? */
static inline const char *props_told_wrong(const struct props_msg *got, const struct props_msg *is)
{
	static const char *const names[] = {"method",	    "target",	   "host",
					    "user_agent",   "traceparent", "tracestate",
					    "content_type", "upgrade"};
	const uint32_t known =
		~(uint32_t)(MSG_F_ORPHAN | MSG_F_TRUNCATED | MSG_F_END | MSG_F_SIZE_UNKNOWN);
	bool cut = got->m.flags & MSG_F_TRUNCATED;
	struct bytes *a[8], *b[8];
	struct message gm = got->m, im = is->m;

	if (gm.kind != im.kind || (gm.flags & known) != (im.flags & known))
		return "kind or flags";
	props_views(&gm, a);
	props_views(&im, b);
	for (int i = 0; i < 8; i++) {
		if (i == 1 && gm.http.target_cut) {
			if (!cut || !bytes_starts(*b[i], *a[i]))
				return "target_cut";
			continue;
		}
		if (cut && !a[i]->len)
			continue;
		/* what a second field in the lost part would have changed cannot be known: then a
		 * list is its first part, and what is void by repetition is the first one */
		if (cut && (i == 5 ? bytes_starts(*b[i], *a[i]) : !b[i]->len))
			continue;
		if (!bytes_eq(*a[i], *b[i]))
			return names[i];
	}
	if (gm.http.status != im.http.status)
		return "status";
	if (gm.http.content_length != im.http.content_length &&
	    !(cut && gm.http.content_length < 0))
		return "content_length";
	if (cut ? gm.head_size > im.head_size : gm.head_size != im.head_size)
		return "head_size";
	return NULL;
}

/* END of a message: sizes are right, or marked as lower bounds. */
static inline bool props_size_wrong(const struct props_msg *got, const struct props_msg *is)
{
	if (got->m.flags & MSG_F_SIZE_UNKNOWN)
		return got->m.body_size > is->m.body_size || got->m.wire_size > is->m.wire_size;
	return got->m.body_size != is->m.body_size || got->m.wire_size != is->m.wire_size ||
	       (got->m.flags & MSG_F_ABORTED) != (is->m.flags & MSG_F_ABORTED);
}

/* Is everything that was said true of one of the real messages, in their order? */
static inline void props_compare(struct props *p, const struct props *truth)
{
	size_t at[2] = {0, 0}, begun[2] = {0, 0};

	for (size_t i = 0; i < p->msg_cnt && !p->broken[0]; i++) {
		const struct props_msg *g = &p->msgs[i];
		const char *why = "nothing like it was sent";
		size_t k = at[g->dir];

		if (g->m.flags & MSG_F_BEGIN) {
			for (; k < truth->msg_cnt; k++) {
				const struct props_msg *t = &truth->msgs[k];

				if (t->dir != g->dir || !(t->m.flags & MSG_F_BEGIN))
					continue;
				why = props_told_wrong(g, t);
				if (!why)
					break;
			}
			if (why) {
				props_broken(p, "message %zu: %s", i, why);
				return;
			}
			begun[g->dir] = k;
		}
		if (!(g->m.flags & MSG_F_END))
			continue;
		for (k = begun[g->dir]; k < truth->msg_cnt; k++)
			if (truth->msgs[k].dir == g->dir && truth->msgs[k].m.flags & MSG_F_END)
				break;
		if (k == truth->msg_cnt || props_size_wrong(g, &truth->msgs[k]))
			props_broken(p, "message %zu: sizes are wrong and not marked", i);
		at[g->dir] = k + 1;
	}
}

/*
 * Bytes missing anywhere in the conversation. truth: initialised for the same parser; its messages
 * are those of the undamaged conversation afterwards.
 */
static inline bool props_gap(struct props *p, struct props *truth, const struct props_step *s,
			     size_t cnt)
{
	struct props_step cut[PROPS_STEP_MAX + 2];

	props_reset(truth, true);
	props_run(truth, s, cnt, 0);
	for (size_t k = 0; k < cnt; k++) {
		if (s[k].what != PROPS_DATA)
			continue;
		for (size_t at = 0; at < s[k].len; at++) {
			size_t left = s[k].len - at, lens[] = {1, 2, 9, 40, left};

			for (int i = 0; i < 5; i++) {
				char what[sizeof(p->broken)];
				size_t n;

				if (lens[i] > left)
					continue;
				n = props_cut(s, cnt, k, at, lens[i], cut);
				props_reset(p, true);
				props_run(p, cut, n, 0);
				props_compare(p, truth);
				if (!p->broken[0])
					continue;
				memcpy(what, p->broken, sizeof(what));
				p->broken[0] = 0;
				props_broken(p, "step %zu, %zu bytes missing at %zu: %.180s", k,
					     lens[i], at, what);
				return false;
			}
		}
	}
	return true;
}

#endif
