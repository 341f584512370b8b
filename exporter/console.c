/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exporter `console`: one readable line per span and per metric point, for
 * people (`otel-ebpf trace`), not for programs: those read otlp_file.
 *
 *   14:03:07.123   12.4ms  SERVER   GET /users/{id}  200  shop[4242]  10.0.0.7:51234  /users/42
 * ttfb=3.1ms  trace=4bf92f35  parent=b7ad6b71
 *
 * The time is the span's end, because lines appear in that order. "parent=... remote" says that
 * the parent lives in another process.
 *
 * Everything printed comes from other programs' traffic. Control characters and the characters
 * that reorder text would let a request write to the operator's terminal, so they are shown as
 * escapes; and each value is cut (with a mark) so that one span cannot fill the screen.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exporter/output.h"
#include "exporter/utf8.h"
#include "userspace/base/buf.h"
#include "userspace/base/clock.h"

#define CONSOLE_LINE_MAX  16384
#define CONSOLE_CHUNK_MAX (256U << 10)
#define CONSOLE_VALUE_MAX 160 /* characters of one value */

struct console {
	FILE *out;
	bool color;
	atomic_bool abort;
	bool mid_line;
	struct buf text;
};

enum color { COLOR_NONE, COLOR_DIM, COLOR_BOLD, COLOR_GREEN, COLOR_CYAN, COLOR_YELLOW, COLOR_RED };

/* One line; additions beyond its end set `cut` instead of failing. */
struct line {
	char s[CONSOLE_LINE_MAX];
	size_t len;
	bool color;
};

/* Space for the reset sequence and the newline stays free. */
static void put(struct line *l, const char *s, size_t len)
{
	if (len < sizeof(l->s) - 16 - l->len) {
		memcpy(l->s + l->len, s, len);
		l->len += len;
	}
}

static void put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

static void put_color(struct line *l, enum color c)
{
	static const char *const seq[] = {"\033[0m",  "\033[2m",  "\033[1m", "\033[32m",
					  "\033[36m", "\033[33m", "\033[31m"};

	if (l->color)
		put_str(l, seq[c]);
}

static void put_pad(struct line *l, size_t used, size_t width)
{
	for (; used < width; used++)
		put(l, " ", 1);
}

/* May change what a terminal does or the order in which it shows text. */
static bool is_hostile(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xe0000 && cp <= 0xe007f);
}

/* Returns the columns used (one per character: good enough to align). */
static size_t put_safe(struct line *l, struct bytes in)
{
	size_t i = 0, cols = 0;

	while (i < in.len) {
		struct utf8_char c = utf8_next(in.data + i, in.len - i);
		char esc[16];
		int n = 0;

		if (cols >= CONSOLE_VALUE_MAX) {
			put_str(l, "\u2026");
			return cols + 1;
		}
		if (!c.valid)
			for (uint32_t k = 0; k < c.len; k++)
				n += snprintf(esc + n, sizeof(esc) - (size_t)n, "\\x%02x",
					      in.data[i + k]);
		else if (is_hostile(c.cp))
			n = snprintf(esc, sizeof(esc),
				     c.cp < 0x100     ? "\\x%02x"
				     : c.cp < 0x10000 ? "\\u%04x"
						      : "\\U%08x",
				     (unsigned int)c.cp);
		if (n)
			put(l, esc, (size_t)n);
		else
			put(l, (const char *)in.data + i, c.len);
		cols += n ? (size_t)n : 1;
		i += c.len;
	}
	return cols;
}

static const struct attr *find_attr(const struct attr *attrs, uint32_t cnt, const char *key)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (!strcmp(attrs[i].key, key))
			return &attrs[i];
	return NULL;
}

static const struct attr *span_attr(const struct span *sp, const char *key)
{
	return find_attr(sp->attrs, sp->attr_cnt, key);
}

/* Attribute values never begin or end the line's own words: strings with spaces stay readable. */
static size_t put_attr_value(struct line *l, const struct attr *a)
{
	char num[40];
	size_t cols = 0;

	switch (a->type) {
	case ATTR_STR:
		return put_safe(l, bytes_of(a->s, a->len));
	case ATTR_INT:
		snprintf(num, sizeof(num), "%" PRId64, a->i);
		break;
	case ATTR_DOUBLE:
		snprintf(num, sizeof(num), "%.6g", a->d);
		break;
	case ATTR_BOOL:
		snprintf(num, sizeof(num), "%s", a->b ? "true" : "false");
		break;
	case ATTR_STR_ARRAY:
		put_str(l, "[");
		for (uint32_t i = 0; i < a->len; i++) {
			if (i)
				put_str(l, " ");
			cols += 1 + put_safe(l, bytes_str(a->sv[i]));
		}
		put_str(l, "]");
		return cols + 1;
	default:
		return 0;
	}
	put_str(l, num);
	return strlen(num);
}

static void put_time(struct line *l, uint64_t unix_ns)
{
	time_t sec = (time_t)(unix_ns / NSEC_PER_SEC);
	unsigned int ms = (unsigned int)(unix_ns % NSEC_PER_SEC / NSEC_PER_MSEC);
	struct tm tm;
	char s[32];

	if (!localtime_r(&sec, &tm))
		memset(&tm, 0, sizeof(tm));
	snprintf(s, sizeof(s), "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
	put_color(l, COLOR_DIM);
	put_str(l, s);
	put_color(l, COLOR_NONE);
}

/* Three or four significant digits: 850us 12.4ms 1.204s 312s. */
static void format_duration(char s[24], uint64_t from_ns, uint64_t to_ns)
{
	double us = to_ns >= from_ns ? (double)(to_ns - from_ns) / 1e3 : -1;

	if (us < 0)
		snprintf(s, 24, "?");
	else if (us < 999.5)
		snprintf(s, 24, "%.0fus", us);
	else if (us < 99950)
		snprintf(s, 24, "%.1fms", us / 1e3);
	else if (us < 999500)
		snprintf(s, 24, "%.0fms", us / 1e3);
	else if (us < 99.95e6)
		snprintf(s, 24, "%.2fs", us / 1e6);
	else
		snprintf(s, 24, "%.0fs", us / 1e6);
}

static const char *kind_name(enum span_kind kind)
{
	static const char *const names[] = {"?",      "INTERNAL", "SERVER",
					    "CLIENT", "PRODUCER", "CONSUMER"};

	return (unsigned int)kind <= SPAN_CONSUMER ? names[kind] : names[0];
}

/* The answer's code, or why there was none. */
static void put_status(struct line *l, const struct span *sp)
{
	static const char *const keys[] = {"http.response.status_code", "rpc.response.status_code",
					   "rpc.grpc.status_code", "error.type",
					   "db.response.status_code"};
	enum color color = sp->status == SPAN_STATUS_ERROR ? COLOR_RED : COLOR_GREEN;
	const struct attr *a = NULL;
	size_t cols;

	for (size_t i = 0; !a && i < sizeof(keys) / sizeof(keys[0]); i++)
		a = span_attr(sp, keys[i]);
	if (a && a->type == ATTR_INT && sp->status != SPAN_STATUS_ERROR && a->i >= 300 &&
	    a->i < 600)
		color = a->i < 400 ? COLOR_CYAN : COLOR_YELLOW;
	put_color(l, color);
	if (a)
		cols = put_attr_value(l, a);
	else
		cols = put_safe(l, bytes_str(sp->status == SPAN_STATUS_ERROR ? "ERROR" : "-"));
	put_color(l, COLOR_NONE);
	put_pad(l, cols, 5);
}

static size_t put_service(struct line *l, const struct resource *r)
{
	const struct attr *name = NULL, *pid = NULL;
	size_t cols = 0;

	if (r) {
		name = find_attr(r->attrs, r->attr_cnt, "service.name");
		pid = find_attr(r->attrs, r->attr_cnt, "process.pid");
	}
	put_color(l, COLOR_BOLD);
	cols += name ? put_attr_value(l, name) : put_safe(l, bytes_str("?"));
	put_color(l, COLOR_NONE);
	if (pid) {
		put_str(l, "[");
		cols += 2 + put_attr_value(l, pid);
		put_str(l, "]");
	}
	return cols;
}

/* Whom the process talked to: the socket's other end, else the name the protocol gave. */
static size_t put_peer(struct line *l, const struct span *sp)
{
	bool serves = sp->kind == SPAN_SERVER || sp->kind == SPAN_CONSUMER;
	const struct attr *addr = span_attr(sp, "network.peer.address");
	const struct attr *port = span_attr(sp, "network.peer.port");
	bool v6;
	size_t cols;

	if (!addr) {
		addr = span_attr(sp, serves ? "client.address" : "server.address");
		port = span_attr(sp, serves ? "client.port" : "server.port");
	}
	if (!addr)
		return put_safe(l, bytes_str("-"));
	v6 = port && addr->type == ATTR_STR && addr->len && memchr(addr->s, ':', addr->len);
	if (v6)
		put_str(l, "[");
	cols = put_attr_value(l, addr) + (v6 ? 2 : 0);
	if (v6)
		put_str(l, "]");
	if (port) {
		put_str(l, ":");
		cols += 1 + put_attr_value(l, port);
	}
	return cols;
}

/* What was asked for, unless the name already ends with it. */
static void put_detail(struct line *l, const struct span *sp)
{
	static const char *const keys[] = {"url.path", "url.full", "db.query.text",
					   "messaging.destination.name"};
	size_t name_len = sp->name ? strlen(sp->name) : 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct attr *a = span_attr(sp, keys[i]);

		if (!a || a->type != ATTR_STR || !a->len)
			continue;
		if (a->len <= name_len && !memcmp(sp->name + name_len - a->len, a->s, a->len))
			return;
		put_str(l, "  ");
		put_safe(l, bytes_of(a->s, a->len));
		return;
	}
}

static void put_id(struct line *l, const char *what, const uint8_t *id)
{
	char s[32];

	snprintf(s, sizeof(s), "  %s=%02x%02x%02x%02x", what, id[0], id[1], id[2], id[3]);
	put_str(l, s);
}

static void put_span(struct line *l, const struct span *sp)
{
	static const uint8_t no_id[8];
	char s[24];
	size_t cols;

	put_time(l, sp->end_ns);
	format_duration(s, sp->start_ns, sp->end_ns);
	put_pad(l, strlen(s), 9);
	put_str(l, s);
	put_str(l, "  ");
	put_str(l, kind_name(sp->kind));
	put_pad(l, strlen(kind_name(sp->kind)), 8);
	put_str(l, " ");
	cols = put_safe(l, bytes_str(sp->name ? sp->name : "?"));
	put_pad(l, cols, 28);
	put_str(l, " ");
	put_status(l, sp);
	put_str(l, " ");
	cols = put_service(l, sp->resource);
	put_pad(l, cols, 20);
	put_str(l, " ");
	cols = put_peer(l, sp);
	put_pad(l, cols, 21);
	put_detail(l, sp);
	put_color(l, COLOR_DIM);
	if (sp->first_byte_ns) {
		format_duration(s, sp->start_ns, sp->first_byte_ns);
		put_str(l, "  ttfb=");
		put_str(l, s);
	}
	put_id(l, "trace", sp->trace_id);
	if (memcmp(sp->parent_id, no_id, sizeof(no_id))) {
		put_id(l, "parent", sp->parent_id);
		/* OTLP: bit 8 says that bit 9 is known, bit 9 that the parent is remote */
		if ((sp->flags & 0x300) == 0x300)
			put_str(l, " remote");
	}
	put_color(l, COLOR_NONE);
}

static void put_numbers(struct line *l, const struct metric *m, const struct metric_point *p)
{
	char s[128];

	if (m->type == METRIC_HISTOGRAM && p->count)
		snprintf(s, sizeof(s), " count=%" PRIu64 " sum=%.6g min=%.6g max=%.6g", p->count,
			 p->sum, p->min, p->max);
	else if (m->type == METRIC_HISTOGRAM)
		snprintf(s, sizeof(s), " count=0");
	else if (p->is_int)
		snprintf(s, sizeof(s), " value=%" PRId64, p->i);
	else
		snprintf(s, sizeof(s), " value=%.6g", p->d);
	put_str(l, s);
}

static void put_point(struct line *l, const struct metric *m, const struct metric_point *p)
{
	put_time(l, p->time_ns);
	put_str(l, "  metric  ");
	put_color(l, COLOR_BOLD);
	put_safe(l, bytes_str(m->name ? m->name : "?"));
	put_color(l, COLOR_NONE);
	if (m->unit && *m->unit) {
		put_str(l, " ");
		put_safe(l, bytes_str(m->unit));
	}
	put_numbers(l, m, p);
	put_str(l, "  ");
	put_service(l, m->resource);
	put_str(l, " {");
	for (uint32_t i = 0; i < p->attr_cnt; i++) {
		if (i)
			put_str(l, ", ");
		put_safe(l, bytes_str(p->attrs[i].key));
		put_str(l, "=");
		put_attr_value(l, &p->attrs[i]);
	}
	put_str(l, "}");
}

/* Sends what has gathered. 0 or negative errno. */
static int flush_text(struct console *c, uint64_t deadline_ns)
{
	int fd = fileno(c->out), err = 0;
	size_t written = c->text.len;

	if (!c->text.len)
		return 0;
	if (fd >= 0) {
		err = output_write(fd, buf_bytes(&c->text), deadline_ns, &c->abort, &written);
	} else {
		/* a memory stream */
		written = fwrite(c->text.data, 1, c->text.len, c->out);
		if (written < c->text.len || fflush(c->out))
			err = -EIO;
	}
	if (written)
		c->mid_line = c->text.data[written - 1] != '\n';
	buf_clear(&c->text, CONSOLE_CHUNK_MAX);
	return err;
}

static int end_line(struct console *c, struct line *l, uint64_t deadline_ns)
{
	int err = 0;

	l->s[l->len++] = '\n';
	if (c->text.len + l->len > CONSOLE_CHUNK_MAX)
		err = flush_text(c, deadline_ns);
	if (!err)
		err = buf_add(&c->text, l->s, l->len);
	l->len = 0;
	return err;
}

static enum export_result console_export(void *state, const struct batch *b, uint64_t deadline_ns,
					 struct export_info *ret_info)
{
	struct console *c = state;
	struct line l = {.color = c->color};
	int err = 0;

	buf_clear(&c->text, CONSOLE_CHUNK_MAX);
	/* what the rest of the process printed through stdio comes first */
	fflush(c->out);
	if (c->mid_line)
		end_line(c, &l, deadline_ns);
	for (uint32_t i = 0; !err && i < b->cnt; i++) {
		if (b->type == BATCH_SPANS) {
			put_span(&l, &b->spans[i]);
			err = end_line(c, &l, deadline_ns);
			continue;
		}
		for (uint32_t k = 0; !err && k < b->metrics[i].point_cnt; k++) {
			put_point(&l, &b->metrics[i], &b->metrics[i].points[k]);
			err = end_line(c, &l, deadline_ns);
		}
	}
	if (!err)
		err = flush_text(c, deadline_ns);
	return err ? output_failed(ret_info, "console", err) : EXPORT_OK;
}

static int console_open(const struct exporter_config *cfg, void **ret_state, char err[256])
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c) {
		snprintf(err, 256, "console: out of memory");
		return -ENOMEM;
	}
	c->out = cfg->out ? cfg->out : stdout;
	c->color = cfg->color;
	buf_init(&c->text, CONSOLE_CHUNK_MAX + CONSOLE_LINE_MAX);
	*ret_state = c;
	return 0;
}

static void console_close(void *state)
{
	struct console *c = state;

	if (!c)
		return;
	buf_done(&c->text);
	free(c);
}

static void console_abort(void *state)
{
	struct console *c = state;

	atomic_store(&c->abort, true);
}

const struct exporter_ops exporter_console = {
	.name = "console",
	.traces = true,
	.metrics = true,
	.open = console_open,
	.export_batch = console_export,
	.close = console_close,
	.abort = console_abort,
};
