/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PROTO_PROPS_H
#define OE_PROTO_PROPS_H
/*
 * The four properties that every parser has (design: parsers): a prefix of a message asks for more;
 * splitting anywhere changes nothing; missing bytes are flagged, never guessed; input that ends at
 * a protected page is safe. A parser's test states its messages and calls these.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/probe.h"
#include "tests/unit/tap.h"

/* What came out, as text: one word per message part. */
struct props_log {
	char text[16384];
	size_t len;
};

static inline void props_add(struct props_log *l, const struct message *m)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {{MSG_F_BEGIN, "B"},	{MSG_F_END, "E"},     {MSG_F_TRUNCATED, "t"},
		     {MSG_F_SIZE_UNKNOWN, "s"}, {MSG_F_UPGRADE, "u"}, {MSG_F_ORPHAN, "o"},
		     {MSG_F_ABORTED, "a"},	{MSG_F_INTERIM, "i"}};
	char flags[16] = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (m->flags & names[i].flag)
			strncat(flags, names[i].name, sizeof(flags) - strlen(flags) - 1);
	l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s[%s",
				   m->kind == MSG_REQUEST ? "Q" : "R", flags);
	if (m->flags & MSG_F_BEGIN && m->kind == MSG_REQUEST)
		l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, " %.*s %.*s",
					   (int)m->http.method.len, m->http.method.data,
					   (int)m->http.target.len, m->http.target.data);
	if (m->flags & MSG_F_BEGIN && m->kind == MSG_RESPONSE)
		l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, " %d",
					   m->http.status);
	if (m->flags & MSG_F_END)
		l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, " %llu",
					   (unsigned long long)m->body_size);
	l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "]");
}

/* One direction as the caller of a parser sees it. */
struct props_dir {
	uint8_t rest[1 << 17];
	size_t len;
	bool lost;
};

/* Feeds n bytes; the unparsed rest is kept, as the contract says. */
static inline void props_feed(const struct proto_ops *ops, void *st, enum oe_dir dir,
			      struct props_dir *d, const void *p, size_t n, struct props_log *log)
{
	size_t at = 0;

	if (d->lost)
		return;
	memcpy(d->rest + d->len, p, n);
	d->len += n;
	while (at < d->len) {
		struct message m = {0};
		size_t used = 0;
		/* the input ends exactly where the memory does: ASan sees a read beyond */
		uint8_t *exact = malloc(d->len - at);
		enum parse_status ps;

		memcpy(exact, d->rest + at, d->len - at);
		ps = ops->parse(st, dir, bytes_of(exact, d->len - at), &m, &used);
		if (ps == PARSE_OK)
			props_add(log, &m);
		free(exact);
		at += used;
		if (ps == PARSE_NEED_MORE)
			break;
		if (ps == PARSE_INVALID) {
			d->lost = true;
			log->len += (size_t)snprintf(log->text + log->len,
						     sizeof(log->text) - log->len, "INVALID");
			return;
		}
		if (ps == PARSE_SKIP && !used) {
			log->len += (size_t)snprintf(log->text + log->len,
						     sizeof(log->text) - log->len, "STUCK");
			return;
		}
	}
	memmove(d->rest, d->rest + at, d->len - at);
	d->len -= at;
}

static inline void props_gap(const struct proto_ops *ops, void *st, enum oe_dir dir,
			     struct props_dir *d, uint64_t n, struct props_log *log)
{
	while (!d->lost && (n || d->len)) {
		struct message m = {0};
		uint64_t used = 0;
		enum parse_status ps = ops->gap(st, dir, bytes_of(d->rest, d->len), n, &m, &used);

		if (ps == PARSE_OK)
			props_add(log, &m);
		if (ps == PARSE_INVALID || (!used && !(m.flags & MSG_F_END))) {
			d->lost = true;
			log->len += (size_t)snprintf(log->text + log->len,
						     sizeof(log->text) - log->len, "INVALID");
			return;
		}
		n -= used > d->len ? used - d->len : 0;
		d->len = 0;
	}
}

static inline void props_eof(const struct proto_ops *ops, void *st, enum oe_dir dir, bool aborted,
			     struct props_log *log)
{
	struct message m = {0};

	if (ops->eof(st, dir, aborted, &m) == PARSE_OK)
		props_add(log, &m);
}

/* A request and its response, whole. */
struct props_case {
	const char *name, *req, *resp;
	const char *want; /* of the undisturbed run */
};

static inline void props_run(const struct proto_ops *ops, const struct props_case *c,
			     size_t cut_req, size_t cut_resp, struct props_log *log)
{
	void *st = calloc(1, ops->state_size);
	struct props_dir *d = calloc(2, sizeof(*d));
	size_t rn = strlen(c->req), sn = strlen(c->resp);

	memset(log, 0, sizeof(*log));
	props_feed(ops, st, OE_DIR_IN, &d[0], c->req, cut_req, log);
	props_feed(ops, st, OE_DIR_IN, &d[0], c->req + cut_req, rn - cut_req, log);
	props_feed(ops, st, OE_DIR_OUT, &d[1], c->resp, cut_resp, log);
	props_feed(ops, st, OE_DIR_OUT, &d[1], c->resp + cut_resp, sn - cut_resp, log);
	props_eof(ops, st, OE_DIR_OUT, false, log);
	free(st);
	free(d);
}

/* Property 2: split at any byte, and byte by byte. */
static inline void props_split(const struct proto_ops *ops, const struct props_case *c)
{
	static struct props_log log;
	size_t rn = strlen(c->req), sn = strlen(c->resp), bad = 0;
	void *st = calloc(1, ops->state_size);
	struct props_dir *d = calloc(2, sizeof(*d));

	props_run(ops, c, 0, 0, &log);
	is_str(log.text, c->want, c->name);
	for (size_t i = 0; i <= rn; i++) {
		props_run(ops, c, i, sn / 2, &log);
		bad += strcmp(log.text, c->want) != 0;
	}
	for (size_t i = 0; i <= sn; i++) {
		props_run(ops, c, rn / 2, i, &log);
		bad += strcmp(log.text, c->want) != 0;
	}
	ok(!bad, "%s: the same messages wherever it is split", c->name);
	memset(&log, 0, sizeof(log));
	for (size_t i = 0; i < rn; i++)
		props_feed(ops, st, OE_DIR_IN, &d[0], c->req + i, 1, &log);
	for (size_t i = 0; i < sn; i++)
		props_feed(ops, st, OE_DIR_OUT, &d[1], c->resp + i, 1, &log);
	props_eof(ops, st, OE_DIR_OUT, false, &log);
	is_str(log.text, c->want, "byte by byte");
	free(st);
	free(d);
}

/* Property 1: nothing is said before the head is complete. */
static inline void props_prefix(const struct proto_ops *ops, const struct props_case *c)
{
	size_t head = (size_t)(strstr(c->req, "\r\n\r\n") - c->req) + 4, bad = 0;

	if (c->req[0] == '\r')
		return; /* what stands before the head is skipped at once */

	for (size_t i = 1; i < head; i++) {
		void *st = calloc(1, ops->state_size);
		struct message m = {0};
		size_t used = 0;

		bad += ops->parse(st, OE_DIR_IN, bytes_of(c->req, i), &m, &used) !=
			       PARSE_NEED_MORE ||
		       used;
		free(st);
	}
	ok(!bad, "%s: every prefix of the head asks for more", c->name);
}

/* Property 3: a gap at any byte of the response is flagged or refused; what is said of it is true.
 */
static inline void props_gaps(const struct proto_ops *ops, const struct props_case *c)
{
	size_t sn = strlen(c->resp), bad = 0;
	static struct props_log log, whole;

	props_run(ops, c, 0, 0, &whole);
	for (size_t i = 0; i < sn; i++) {
		for (size_t n = 1; i + n <= sn; n += 7) {
			void *st = calloc(1, ops->state_size);
			struct props_dir *d = calloc(2, sizeof(*d));

			memset(&log, 0, sizeof(log));
			props_feed(ops, st, OE_DIR_IN, &d[0], c->req, strlen(c->req), &log);
			props_feed(ops, st, OE_DIR_OUT, &d[1], c->resp, i, &log);
			props_gap(ops, st, OE_DIR_OUT, &d[1], n, &log);
			props_feed(ops, st, OE_DIR_OUT, &d[1], c->resp + i + n, sn - i - n, &log);
			props_eof(ops, st, OE_DIR_OUT, false, &log);
			/* either nothing was lost by it, or it is marked: t, s, a or INVALID */
			bad += strcmp(log.text, whole.text) && !strpbrk(log.text, "tsa") &&
			       !strstr(log.text, "INVALID");
			free(st);
			free(d);
		}
	}
	ok(!bad, "%s: a gap anywhere is flagged, never guessed", c->name);
}

/* Property 4: input that ends at a protected page. */
static inline void props_page(const struct proto_ops *ops, const struct props_case *c)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = strlen(c->req);
	uint8_t *mem =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool fine = mem != MAP_FAILED && !mprotect(mem + page, page, PROT_NONE) && n < page;

	for (size_t i = 1; fine && i <= n; i++) {
		void *st = calloc(1, ops->state_size);
		struct message m = {0};
		uint64_t used64;
		size_t used;

		memcpy(mem + page - i, c->req, i);
		ops->detect(bytes_of(mem + page - i, i), OE_DIR_IN);
		ops->parse(st, OE_DIR_IN, bytes_of(mem + page - i, i), &m, &used);
		memset(st, 0, ops->state_size);
		ops->gap(st, OE_DIR_IN, bytes_of(mem + page - i, i), 10, &m, &used64);
		free(st);
	}
	ok(fine, "%s: never reads beyond the end", c->name);
	munmap(mem, 2 * page);
}

static inline void props_all(const struct proto_ops *ops, const struct props_case *c)
{
	props_prefix(ops, c);
	props_split(ops, c);
	props_gaps(ops, c);
	props_page(ops, c);
}

#endif
