/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC spans and metrics as the conventions say (semconv/rpc). A call is counted here and not as an
 * HTTP request as well.
 *
 * rpc.response.status_code, when trailers brought none: a reset stream and an HTTP error are mapped
 * as gRPC's own libraries map them (gRPC over HTTP2, "HTTP2 Transport Mapping"; http-grpc status
 * mapping); a connection that ended is UNAVAILABLE for the client, CANCELLED on the server's side.
 * A client that resets a stream with CANCEL when its grpc-timeout has passed gave up because of it:
 * DEADLINE_EXCEEDED (inferred: the code stays inside the client). Where trailers may have held a
 * status that we could not read there is none.
 *
 * rpc.method is what the client asked for; on the server's side, where any scanner can ask for
 * anything, "_OTHER" when the answer is UNIMPLEMENTED.
 */
#include <errno.h>
#include <stdio.h>

#include "userspace/base/clock.h"
#include "userspace/sem_attr.h"

#define SCOPE "otel-ebpf/grpc"

/* RFC 9113 section 7 */
#define H2_REFUSED_STREAM      7u
#define H2_CANCEL	       8u
#define H2_ENHANCE_YOUR_CALM   11u
#define H2_INADEQUATE_SECURITY 12u

enum grpc_code {
	GRPC_NONE = -1, /* not known */
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

static const char *const code_names[] = {
	"OK",
	"CANCELLED",
	"UNKNOWN",
	"INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED",
	"NOT_FOUND",
	"ALREADY_EXISTS",
	"PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION",
	"ABORTED",
	"OUT_OF_RANGE",
	"UNIMPLEMENTED",
	"INTERNAL",
	"UNAVAILABLE",
	"DATA_LOSS",
	"UNAUTHENTICATED",
};

struct call {
	const char *code;  /* NULL: not known */
	const char *error; /* error.type, or NULL */
	struct bytes method, original;
	struct sem_server server;
};

static enum grpc_code of_http(int status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

/* The client's clock started before its first bytes were sent (on a busy machine long before), and
 * what it announces is rounded. */
static bool timed_out(const struct exchange *x)
{
	uint64_t slack = x->rpc.timeout_ns / 10 + 20 * NSEC_PER_MSEC;

	return x->rpc.timeout_ns && x->end_ns - x->start_ns + slack >= x->rpc.timeout_ns;
}

static enum grpc_code of_reset(const struct exchange *x)
{
	switch (x->reset_code) {
	case H2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case H2_CANCEL:
		return timed_out(x) ? GRPC_DEADLINE_EXCEEDED : GRPC_CANCELLED;
	case H2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case H2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

static enum grpc_code code_of(const struct exchange *x)
{
	if (x->rpc.status >= 0)
		return x->rpc.status < (int)(sizeof(code_names) / sizeof(code_names[0]))
			       ? (enum grpc_code)x->rpc.status
			       : GRPC_UNKNOWN;
	if (x->flags & XCHG_RESET)
		return of_reset(x);
	if ((x->end == EXCHANGE_NO_RESPONSE || x->end == EXCHANGE_CUT) && timed_out(x))
		return GRPC_DEADLINE_EXCEEDED; /* gave up, and left without a reset */
	if (x->end == EXCHANGE_NO_RESPONSE || x->end == EXCHANGE_CUT)
		return x->server ? GRPC_CANCELLED : GRPC_UNAVAILABLE;
	if (x->flags & (XCHG_TRAILERS_UNKNOWN | XCHG_RESP_TRUNCATED | XCHG_RESP_SIZE_UNKNOWN))
		return GRPC_NONE;
	return x->resp.status == 200 || x->resp.status < 0 ? GRPC_UNKNOWN : of_http(x->resp.status);
}

static bool is_error(const struct exchange *x, enum grpc_code code)
{
	if (!x->server)
		return code != GRPC_OK;
	switch (code) {
	case GRPC_UNKNOWN:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_UNIMPLEMENTED:
	case GRPC_INTERNAL:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS:
		return true;
	default:
		return false;
	}
}

/* with_server: host and port are wanted; on the server's side the metric has none. */
static void call_of(const struct exchange *x, bool with_server, struct call *c)
{
	enum grpc_code code = code_of(x);
	struct bytes path = x->req.target;

	c->code = code == GRPC_NONE ? NULL : code_names[code];
	c->error = code != GRPC_NONE && is_error(x, code) ? c->code : NULL;
	c->method = c->original = BYTES_NONE;
	if (path.len > 1 && path.data[0] == '/' && !(x->flags & XCHG_TARGET_CUT))
		c->method = bytes_from(path, 1);
	else if (path.len)
		c->method = BYTES_LIT("_OTHER"), c->original = path;
	if (x->server && code == GRPC_UNIMPLEMENTED && c->method.len && !c->original.len) {
		c->original = c->method;
		c->method = BYTES_LIT("_OTHER");
	}
	c->server.host = BYTES_NONE;
	c->server.port = 0;
	if (with_server)
		sem_server(x, 0, &c->server);
}

/* grpc-message is percent-encoded UTF-8; what is no valid escape stays as it is. */
static const char *decoded(struct arena *a, struct bytes in)
{
	char *s = arena_alloc(a, in.len + 1);
	size_t n = 0;

	if (!s)
		return NULL;
	for (size_t i = 0; i < in.len; i++) {
		unsigned int v;
		char hex[3] = {0};

		if (in.data[i] == '%' && in.len - i > 2) {
			memcpy(hex, in.data + i + 1, 2);
			if (strspn(hex, "0123456789abcdefABCDEF") == 2 &&
			    sscanf(hex, "%2x", &v) == 1 && v) {
				s[n++] = (char)v;
				i += 2;
				continue;
			}
		}
		s[n++] = (char)in.data[i];
	}
	s[n] = 0;
	return s;
}

/* Nanoseconds since the call began, as whole microseconds. */
static void delay(struct out *o, const char *key, const struct exchange *x, uint64_t ns)
{
	if (ns >= x->start_ns)
		out_num(o, key, (int64_t)((ns - x->start_ns) / 1000));
}

/*
 * How many messages, how large, and when: for calls that stream, and with body_sizes for all. The
 * conventions have no names for these.
 */
static void messages(struct out *o, const struct exchange *x, const struct sem_config *cfg)
{
	static const char *const keys[2][4] = {
		{"otel_ebpf.rpc.request.message_count", "otel_ebpf.rpc.request.message_bytes",
		 "otel_ebpf.rpc.request.first_message_us", "otel_ebpf.rpc.request.last_message_us"},
		{"otel_ebpf.rpc.response.message_count", "otel_ebpf.rpc.response.message_bytes",
		 "otel_ebpf.rpc.response.first_message_us",
		 "otel_ebpf.rpc.response.last_message_us"},
	};

	if (x->flags & XCHG_MSGS_UNKNOWN)
		return;
	if (x->msgs[0].cnt == 1 && x->msgs[1].cnt <= 1 && !cfg->body_sizes)
		return;
	for (int i = 0; i < 2; i++) {
		out_num(o, keys[i][0], x->msgs[i].cnt);
		out_num(o, keys[i][1], (int64_t)x->msgs[i].bytes);
		if (!x->msgs[i].cnt)
			continue;
		delay(o, keys[i][2], x, x->msgs[i].first_ns);
		delay(o, keys[i][3], x, x->msgs[i].last_ns);
	}
}

static void completeness(struct out *o, const struct exchange *x, const struct call *c)
{
	const char *cut[2], *unknown[4];
	uint32_t n = 0, u = 0;

	if (x->flags & (XCHG_REQ_TRUNCATED | XCHG_TARGET_CUT))
		cut[n++] = "request.head";
	if (x->flags & XCHG_RESP_TRUNCATED)
		cut[n++] = "response.head";
	out_list(o, "otel_ebpf.truncated", cut, n);
	if (!c->method.len)
		unknown[u++] = "rpc.method";
	if (!c->code)
		unknown[u++] = "rpc.response.status_code";
	if (x->flags & XCHG_REQ_UNKNOWN)
		unknown[u++] = "request.header";
	if (x->flags & XCHG_MSGS_UNKNOWN && x->end == EXCHANGE_COMPLETE)
		unknown[u++] = "messages";
	out_list(o, "otel_ebpf.unknown", unknown, u);
}

static int rpc_span(const struct exchange *x, const struct sem_config *cfg, struct batch *b,
		    struct span *sp)
{
	struct out o;
	struct call c;

	call_of(x, true, &c);
	if (!out_init(&o, b, 26, cfg))
		return -ENOMEM;
	sp->name = c.method.len ? arena_strndup(o.a, (const char *)c.method.data, c.method.len)
				: "grpc";
	if (!sp->name)
		return -ENOMEM;
	sp->scope = SCOPE;
	sp->kind = x->server ? SPAN_SERVER : SPAN_CLIENT;
	sp->status = c.error ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
	if (c.error && x->rpc.status_text.len)
		sp->status_msg = decoded(o.a, x->rpc.status_text);
	out_text(&o, "rpc.system.name", "grpc");
	out_view(&o, "rpc.method", c.method);
	out_view(&o, "rpc.method_original", c.original);
	out_text(&o, "rpc.response.status_code", c.code);
	out_text(&o, "error.type", c.error);
	out_server(&o, &c.server);
	out_peer(&o, x);
	if (x->rpc.timeout_ns)
		out_num(&o, "otel_ebpf.rpc.timeout_us", (int64_t)(x->rpc.timeout_ns / 1000));
	messages(&o, x, cfg);
	completeness(&o, x, &c);
	out_done(&o, sp);
	return 0;
}

static const struct sem_metric server_duration = {
	.name = "rpc.server.call.duration",
	.description = "Measures the duration of an incoming Remote Procedure Call (RPC).",
	.unit = "s",
	.scope = SCOPE,
};
static const struct sem_metric client_duration = {
	.name = "rpc.client.call.duration",
	.description = "Measures the duration of an outgoing Remote Procedure Call (RPC).",
	.unit = "s",
	.scope = SCOPE,
};

static bool rpc_series(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
		       struct sem_series *s)
{
	struct call c;
	size_t at = 0;

	if (i)
		return false;
	call_of(x, !x->server, &c);
	s->metric = x->server ? &server_duration : &client_duration;
	s->attr_cnt = 0;
	series_static(s, "rpc.system.name", "grpc");
	series_view(s, "rpc.method", c.method);
	series_static(s, "rpc.response.status_code", c.code);
	series_static(s, "error.type", c.error);
	if (x->server)
		return true;
	series_server(s, &at, &c.server);
	return true;
}

const struct sem_ops sem_rpc_ops = {
	.family = MSG_FAMILY_GRPC,
	.scope = SCOPE,
	.span = rpc_span,
	.series = rpc_series,
};
