/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP spans and metrics as the stable conventions say (semconv/http). What is not known is left
 * out.
 *
 * error.type, the whole list: a status code as text (server: 5xx; client: 4xx and 5xx); for
 * requests without a response "connection_closed", "connection_reset", "connection_aborted",
 * "timeout" or "connection_error"; for responses that broke off the same words; for an HTTP/2
 * stream that was reset the name of its error code ("CANCEL", "REFUSED_STREAM" ...). On the server
 * side a request without a response means that the connection ended first, whoever ended it.
 */
#include <errno.h>
#include <stdio.h>

#include "userspace/sem_attr.h"
#include "userspace/url.h"

#define SCOPE	  "otel-ebpf/http"
#define ROUTE_MAX 256

static const char *const default_methods[] = {"GET",	"HEAD",	   "POST",    "PUT",
					      "DELETE", "CONNECT", "OPTIONS", "TRACE",
					      "PATCH",	"QUERY",   NULL};

/* What both the span and the metric need. */
struct common {
	const char *method; /* known name, "_OTHER", or NULL: not known */
	struct target_parts target;
	const char *scheme;
	struct sem_server server;
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

static void set_error(const struct exchange *x, struct common *c)
{
	int status = x->resp.status;

	if (status >= (x->server ? 500 : 400)) {
		snprintf(c->error_status, sizeof(c->error_status), "%d", status);
		c->error = c->error_status;
	} else if (x->flags & XCHG_RESET) {
		c->error = sem_h2_error(x->reset_code);
	} else if (x->end == EXCHANGE_NO_RESPONSE || x->end == EXCHANGE_CUT) {
		c->error = sem_broken(x->err);
	}
}

/* with_server: host and port are wanted; on the server's side the metric has none. */
static void common_of(const struct exchange *x, const struct sem_config *cfg, bool with_server,
		      struct common *c)
{
	c->server.host = BYTES_NONE;
	c->server.port = 0;
	c->error = NULL;
	c->has_route = false;
	c->method = !x->req.method.len && x->flags & XCHG_REQ_UNKNOWN
			    ? NULL
			    : known_method(cfg, x->req.method);
	target_split(x->req.method, x->req.target, &c->target);
	c->scheme = x->flags & XCHG_TLS || bytes_ieq(c->target.scheme, BYTES_LIT("https")) ||
				    bytes_ieq(x->req.scheme, BYTES_LIT("https"))
			    ? "https"
			    : "http";
	if (with_server)
		sem_server(x, !strcmp(c->scheme, "https") ? 443 : 80, &c->server);
	set_error(x, c);
	c->version = x->req.version_major == 2	 ? "2"
		     : x->req.version_major != 1 ? NULL
		     : x->req.version_minor	 ? "1.1"
						 : "1.0";
	/* a path that is not whole would give a wrong route, unless the cut lies in the query */
	if (x->req.target.len && (!(x->flags & XCHG_TARGET_CUT) || c->target.has_query))
		c->has_route = route_of(cfg->routes, cfg->route_heuristic, c->target.path, c->route,
					sizeof(c->route)) != ROUTE_NONE;
}

static void url_full(struct out *o, const struct exchange *x, const struct common *c,
		     const char *query)
{
	bool v6 = memchr(c->server.host.data ? c->server.host.data : (const uint8_t *)"", ':',
			 c->server.host.len);
	char port[8] = "";
	char *url;

	if (!c->server.host.len || !x->req.target.len)
		return;
	if (c->server.port && c->server.port != (!strcmp(c->scheme, "https") ? 443 : 80))
		snprintf(port, sizeof(port), ":%u", c->server.port);
	url = arena_printf(o->a, "%s://%s%.*s%s%s%.*s%s%s", c->scheme, v6 ? "[" : "",
			   (int)c->server.host.len, c->server.host.data, v6 ? "]" : "", port,
			   (int)c->target.path.len,
			   c->target.path.data ? (const char *)c->target.path.data : "",
			   query ? "?" : "", query ? query : "");
	out_text(o, "url.full", url);
}

static void sizes(struct out *o, const struct exchange *x)
{
	if (!(x->flags & (XCHG_REQ_SIZE_UNKNOWN | XCHG_REQ_TRUNCATED))) {
		out_num(o, "http.request.body.size", (int64_t)x->req_body_size);
		out_num(o, "http.request.size", (int64_t)x->req_wire_size);
	}
	if (x->end == EXCHANGE_COMPLETE &&
	    !(x->flags & (XCHG_RESP_SIZE_UNKNOWN | XCHG_RESP_TRUNCATED))) {
		out_num(o, "http.response.body.size", (int64_t)x->resp_body_size);
		out_num(o, "http.response.size", (int64_t)x->resp_wire_size);
	}
}

/* What of this span is not whole, and what is not known of it. */
static void completeness(struct out *o, const struct exchange *x)
{
	const char *cut[3], *unknown[4];
	uint32_t n = 0, u = 0;

	if (x->flags & XCHG_TARGET_CUT)
		cut[n++] = "url";
	if (x->flags & XCHG_REQ_TRUNCATED)
		cut[n++] = "request.head";
	if (x->flags & XCHG_RESP_TRUNCATED)
		cut[n++] = "response.head";
	out_list(o, "otel_ebpf.truncated", cut, n);
	if (x->flags & XCHG_REQ_UNKNOWN) {
		if (!x->req.method.len)
			unknown[u++] = "http.request.method";
		if (!x->req.target.len)
			unknown[u++] = "url.path";
		unknown[u++] = "request.header";
	}
	if (x->flags & XCHG_RESP_UNKNOWN && x->resp.status < 0)
		unknown[u++] = "http.response.status_code";
	out_list(o, "otel_ebpf.unknown", unknown, u);
}

static int http_span(const struct exchange *x, const struct sem_config *cfg, struct batch *b,
		     struct span *sp)
{
	struct out o;
	const char *query = NULL;
	struct common c;
	const char *verb;

	common_of(x, cfg, true, &c);
	if (!out_init(&o, b, 24, cfg))
		return -ENOMEM;
	verb = c.method && strcmp(c.method, "_OTHER") ? c.method : "HTTP";
	sp->name = c.has_route ? arena_printf(o.a, "%s %s", verb, c.route)
			       : arena_strndup(o.a, verb, strlen(verb));
	if (!sp->name)
		return -ENOMEM;
	sp->scope = SCOPE;
	sp->kind = x->server ? SPAN_SERVER : SPAN_CLIENT;
	sp->status = c.error ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
	if (c.target.has_query)
		query = query_show(o.a, c.target.query, cfg->url_query);
	out_text(&o, "http.request.method", c.method);
	if (c.method && !strcmp(c.method, "_OTHER"))
		out_view(&o, "http.request.method_original", x->req.method);
	if (x->server) {
		out_view(&o, "url.path", c.target.path);
		out_text(&o, "url.scheme", c.scheme);
		out_text(&o, "url.query", query);
		if (c.has_route)
			out_text(&o, "http.route", c.route);
	} else {
		url_full(&o, x, &c, query);
		out_view(&o, "url.path", c.target.path);
	}
	if (x->resp.status >= 0)
		out_num(&o, "http.response.status_code", x->resp.status);
	out_text(&o, "error.type", c.error);
	out_server(&o, &c.server);
	out_peer(&o, x);
	out_text(&o, "network.protocol.version", c.version);
	if (x->server)
		out_view(&o, "user_agent.original", x->req.user_agent);
	if (cfg->body_sizes)
		sizes(&o, x);
	completeness(&o, x);
	out_done(&o, sp);
	return 0;
}

static const struct sem_metric server_duration = {
	.name = "http.server.request.duration",
	.description = "Duration of HTTP server requests.",
	.unit = "s",
	.scope = SCOPE,
};
static const struct sem_metric client_duration = {
	.name = "http.client.request.duration",
	.description = "Duration of HTTP client requests.",
	.unit = "s",
	.scope = SCOPE,
};

static bool http_series(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
			struct sem_series *s)
{
	struct common c;
	size_t at = 0;

	if (i)
		return false;
	common_of(x, cfg, !x->server, &c);
	s->metric = x->server ? &server_duration : &client_duration;
	s->attr_cnt = 0;
	series_static(s, "http.request.method", c.method);
	series_static(s, "url.scheme", c.scheme);
	if (x->resp.status >= 0)
		series_int(s, "http.response.status_code", x->resp.status);
	series_text(s, &at, "error.type", c.error);
	if (c.version)
		series_static(s, "network.protocol.version", c.version);
	if (x->server) {
		if (c.has_route)
			series_text(s, &at, "http.route", c.route);
		return true;
	}
	series_server(s, &at, &c.server);
	return true;
}

const struct sem_ops sem_http_ops = {
	.family = MSG_FAMILY_HTTP,
	.scope = SCOPE,
	.span = http_span,
	.series = http_series,
};
