/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP spans and metrics as the stable conventions say (semconv/http). What is not known is left
 * out.
 *
 * error.type, the whole list: a status code as text (server: 5xx; client: 4xx and 5xx); for
 * requests without a response "connection_closed", "connection_reset", "connection_aborted",
 * "timeout" or "connection_error"; for responses that broke off the same words. On the server side
 * a request without a response means that the connection ended first, whoever ended it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "userspace/sem.h"
#include "userspace/url.h"
#include "userspace/source.h"

#define SCOPE	  "otel-ebpf/http"
#define ROUTE_MAX 256

static const char *const default_methods[] = {"GET",	"HEAD",	   "POST",    "PUT",
					      "DELETE", "CONNECT", "OPTIONS", "TRACE",
					      "PATCH",	"QUERY",   NULL};

/* What both the span and the metric need. */
struct common {
	const char *method; /* known name, or "_OTHER" */
	struct target_parts target;
	const char *scheme;
	struct bytes host; /* server.address, may be empty */
	uint16_t port;	   /* server.port, 0 = unknown */
	char addr[INET6_ADDRSTRLEN];
	const char *error;
	char error_status[12];
	const char *version;
	bool has_route;
	char route[ROUTE_MAX];
};

static const char *known_method(const struct sem_config *cfg, struct bytes m)
{
	const char *const *names =
		cfg->known_methods ? (const char *const *)cfg->known_methods : default_methods;

	for (; *names; names++)
		if (bytes_eq(m, bytes_str(*names)))
			return *names;
	return "_OTHER";
}

static const char *address(const uint8_t *a, uint16_t family, char buf[INET6_ADDRSTRLEN])
{
	if (family != OE_AF_INET && family != OE_AF_INET6)
		return NULL;
	return inet_ntop(family == OE_AF_INET ? AF_INET : AF_INET6, a, buf, INET6_ADDRSTRLEN);
}

static const char *broken(int err)
{
	switch (err) {
	case 0:
		return "connection_closed";
	case ECONNRESET:
	case EPIPE:
		return "connection_reset";
	case ECONNABORTED:
		return "connection_aborted";
	case ETIMEDOUT:
		return "timeout";
	default:
		return "connection_error";
	}
}

static void set_error(const struct exchange *x, struct common *c)
{
	int status = x->resp.status;

	if (status >= (x->server ? 500 : 400)) {
		snprintf(c->error_status, sizeof(c->error_status), "%d", status);
		c->error = c->error_status;
	} else if (x->end == EXCHANGE_NO_RESPONSE || x->end == EXCHANGE_CUT) {
		c->error = broken(x->err);
	}
}

/* Host or authority; else, since never invented, the address at the server's end of the connection.
 */
static void set_server(const struct exchange *x, struct common *c)
{
	const struct endpoints *ep = &x->ep;
	bool inet = ep->family == OE_AF_INET || ep->family == OE_AF_INET6;

	if (authority_split(x->req.host, &c->host, &c->port)) {
		if (!c->port)
			c->port = !strcmp(c->scheme, "https") ? 443 : 80;
		return;
	}
	c->port = 0;
	if (inet) {
		c->host =
			bytes_str(address(x->server ? ep->laddr : ep->raddr, ep->family, c->addr));
		c->port = x->server ? ep->lport : ep->rport;
	} else if (ep->path) {
		c->host = bytes_str(ep->path);
	}
}

static void common_of(const struct exchange *x, const struct sem_config *cfg, struct common *c)
{
	c->host = BYTES_NONE;
	c->error = NULL;
	c->has_route = false;
	c->method = known_method(cfg, x->req.method);
	target_split(x->req.method, x->req.target, &c->target);
	c->scheme = x->flags & XCHG_TLS || bytes_ieq(c->target.scheme, BYTES_LIT("https")) ? "https"
											   : "http";
	set_server(x, c);
	set_error(x, c);
	c->version = x->req.version_major == 1 ? (x->req.version_minor ? "1.1" : "1.0") : NULL;
	/* a path that is not whole would give a wrong route, unless the cut lies in the query */
	if (!(x->flags & XCHG_TARGET_CUT) || c->target.has_query)
		c->has_route = route_of(cfg->routes, cfg->route_heuristic, c->target.path, c->route,
					sizeof(c->route)) != ROUTE_NONE;
}

/* The span's attributes while they are gathered. */
struct out {
	struct arena *a;
	struct attr *attrs;
	uint32_t cnt, cap, dropped;
	uint32_t value_max, count_max;
};

static struct attr *next(struct out *o, const char *key, enum attr_type type)
{
	if (o->cnt >= o->count_max || o->cnt >= o->cap) {
		o->dropped++;
		return NULL;
	}
	o->attrs[o->cnt] = (struct attr){.key = key, .type = type};
	return &o->attrs[o->cnt++];
}

/* Never cuts a UTF-8 character in two. */
static size_t cut_utf8(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static void str(struct out *o, const char *key, const char *s, size_t len)
{
	struct attr *at = s && len ? next(o, key, ATTR_STR) : NULL;

	if (!at)
		return;
	len = cut_utf8(s, len, o->value_max);
	at->s = arena_strndup(o->a, s, len);
	at->len = (uint32_t)len;
	if (!at->s) {
		o->cnt--;
		o->dropped++;
	}
}

static void view(struct out *o, const char *key, struct bytes b)
{
	str(o, key, (const char *)b.data, b.len);
}

static void text(struct out *o, const char *key, const char *s)
{
	str(o, key, s, s ? strlen(s) : 0);
}

static void num(struct out *o, const char *key, int64_t v)
{
	struct attr *at = next(o, key, ATTR_INT);

	if (at)
		at->i = v;
}

static void url_full(struct out *o, const struct exchange *x, const struct common *c,
		     const char *query)
{
	bool v6 = memchr(c->host.data ? c->host.data : (const uint8_t *)"", ':', c->host.len);
	char port[8] = "";
	char *url;

	if (!c->host.len)
		return;
	if (c->port && c->port != (!strcmp(c->scheme, "https") ? 443 : 80))
		snprintf(port, sizeof(port), ":%u", c->port);
	url = arena_printf(o->a, "%s://%s%.*s%s%s%.*s%s%s", c->scheme, v6 ? "[" : "",
			   (int)c->host.len, c->host.data, v6 ? "]" : "", port,
			   (int)c->target.path.len,
			   c->target.path.data ? (const char *)c->target.path.data : "",
			   query ? "?" : "", query ? query : "");
	text(o, "url.full", url);
}

static void peer(struct out *o, const struct exchange *x)
{
	char buf[INET6_ADDRSTRLEN];
	const char *a = address(x->ep.raddr, x->ep.family, buf);

	if (a) {
		text(o, "network.peer.address", a);
		num(o, "network.peer.port", x->ep.rport);
		if (x->server)
			text(o, "client.address", a);
	} else if (x->ep.family == OE_AF_UNIX) {
		text(o, "network.transport", "unix");
		text(o, "network.peer.address", x->ep.path);
	}
}

static void sizes(struct out *o, const struct exchange *x)
{
	if (!(x->flags & (XCHG_REQ_SIZE_UNKNOWN | XCHG_REQ_TRUNCATED))) {
		num(o, "http.request.body.size", (int64_t)x->req_body_size);
		num(o, "http.request.size", (int64_t)x->req_wire_size);
	}
	if (x->end == EXCHANGE_COMPLETE &&
	    !(x->flags & (XCHG_RESP_SIZE_UNKNOWN | XCHG_RESP_TRUNCATED))) {
		num(o, "http.response.body.size", (int64_t)x->resp_body_size);
		num(o, "http.response.size", (int64_t)x->resp_wire_size);
	}
}

/* What of this span is not whole. */
static void completeness(struct out *o, const struct exchange *x)
{
	const char *parts[3];
	uint32_t n = 0;
	const char **sv;
	struct attr *at;

	if (x->flags & XCHG_TARGET_CUT)
		parts[n++] = "url";
	if (x->flags & XCHG_REQ_TRUNCATED)
		parts[n++] = "request.head";
	if (x->flags & XCHG_RESP_TRUNCATED)
		parts[n++] = "response.head";
	if (!n)
		return;
	sv = arena_alloc(o->a, n * sizeof(*sv));
	at = sv ? next(o, "otel_ebpf.truncated", ATTR_STR_ARRAY) : NULL;
	if (!at)
		return;
	memcpy(sv, parts, n * sizeof(*sv));
	at->sv = sv;
	at->len = n;
}

static int http_span(const struct exchange *x, const struct sem_config *cfg, struct batch *b,
		     struct span *sp)
{
	struct out o = {.a = &b->arena,
			.cap = 24,
			.value_max = cfg->attr_value_max,
			.count_max = cfg->attr_count_max};
	const char *query = NULL;
	struct common c;
	const char *verb;

	common_of(x, cfg, &c);
	o.attrs = arena_alloc(o.a, o.cap * sizeof(*o.attrs));
	verb = strcmp(c.method, "_OTHER") ? c.method : "HTTP";
	sp->name = c.has_route ? arena_printf(o.a, "%s %s", verb, c.route)
			       : arena_strndup(o.a, verb, strlen(verb));
	if (!o.attrs || !sp->name)
		return -ENOMEM;
	sp->scope = SCOPE;
	sp->kind = x->server ? SPAN_SERVER : SPAN_CLIENT;
	sp->status = c.error ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
	if (c.target.has_query)
		query = query_show(o.a, c.target.query, cfg->url_query);
	text(&o, "http.request.method", c.method);
	if (!strcmp(c.method, "_OTHER"))
		view(&o, "http.request.method_original", x->req.method);
	if (x->server) {
		view(&o, "url.path", c.target.path);
		text(&o, "url.scheme", c.scheme);
		text(&o, "url.query", query);
		if (c.has_route)
			text(&o, "http.route", c.route);
	} else {
		url_full(&o, x, &c, query);
		view(&o, "url.path", c.target.path);
	}
	if (x->resp.status >= 0)
		num(&o, "http.response.status_code", x->resp.status);
	text(&o, "error.type", c.error);
	view(&o, "server.address", c.host);
	if (c.host.len && c.port)
		num(&o, "server.port", c.port);
	peer(&o, x);
	text(&o, "network.protocol.version", c.version);
	if (x->server)
		view(&o, "user_agent.original", x->req.user_agent);
	if (cfg->body_sizes)
		sizes(&o, x);
	completeness(&o, x);
	sp->attrs = o.attrs;
	sp->attr_cnt = o.cnt;
	sp->attr_dropped = o.dropped;
	return 0;
}

static void add_str(struct sem_series *s, const char *key, const char *v, size_t len)
{
	if (v && len && s->attr_cnt < SEM_ATTRS_MAX)
		s->attrs[s->attr_cnt++] =
			(struct attr){.key = key, .type = ATTR_STR, .len = (uint32_t)len, .s = v};
}

static void add_text(struct sem_series *s, size_t *at, const char *key, const char *v)
{
	size_t n = v ? strlen(v) : 0;

	if (!n || *at + n + 1 > sizeof(s->scratch))
		return;
	memcpy(s->scratch + *at, v, n + 1);
	add_str(s, key, s->scratch + *at, n);
	*at += n + 1;
}

static void add_int(struct sem_series *s, const char *key, int64_t v)
{
	if (s->attr_cnt < SEM_ATTRS_MAX)
		s->attrs[s->attr_cnt++] = (struct attr){.key = key, .type = ATTR_INT, .i = v};
}

static void http_series(const struct exchange *x, const struct sem_config *cfg,
			struct sem_series *s)
{
	struct common c;
	size_t at = 0;

	common_of(x, cfg, &c);
	s->metric = x->server ? "http.server.request.duration" : "http.client.request.duration";
	s->description = x->server ? "Duration of HTTP server requests."
				   : "Duration of HTTP client requests.";
	s->unit = "s";
	s->attr_cnt = 0;
	add_str(s, "http.request.method", c.method, strlen(c.method));
	add_str(s, "url.scheme", c.scheme, strlen(c.scheme));
	if (x->resp.status >= 0)
		add_int(s, "http.response.status_code", x->resp.status);
	add_text(s, &at, "error.type", c.error);
	if (c.version)
		add_str(s, "network.protocol.version", c.version, strlen(c.version));
	if (x->server) {
		if (c.has_route)
			add_text(s, &at, "http.route", c.route);
		return;
	}
	if (c.host.data == (const uint8_t *)c.addr)
		add_text(s, &at, "server.address", c.addr);
	else
		add_str(s, "server.address", (const char *)c.host.data, c.host.len);
	if (c.host.len && c.port)
		add_int(s, "server.port", c.port);
}

const struct sem_ops sem_http_ops = {
	.family = MSG_FAMILY_HTTP,
	.scope = SCOPE,
	.span = http_span,
	.series = http_series,
};
