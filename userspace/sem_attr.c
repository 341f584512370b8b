/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/sem_attr.h"

#include <errno.h>

#include "userspace/url.h"

bool out_init(struct out *o, struct batch *b, uint32_t cap, const struct sem_config *cfg)
{
	*o = (struct out){.a = &b->arena,
			  .cap = cap,
			  .value_max = cfg->attr_value_max,
			  .count_max = cfg->attr_count_max};
	o->attrs = arena_alloc(o->a, cap * sizeof(*o->attrs));
	return o->attrs;
}

void out_done(const struct out *o, struct span *sp)
{
	sp->attrs = o->attrs;
	sp->attr_cnt = o->cnt;
	sp->attr_dropped = o->dropped;
}

struct attr *out_next(struct out *o, const char *key, enum attr_type type)
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

void out_str(struct out *o, const char *key, const char *s, size_t len)
{
	struct attr *at = s && len ? out_next(o, key, ATTR_STR) : NULL;

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

void out_view(struct out *o, const char *key, struct bytes b)
{
	out_str(o, key, (const char *)b.data, b.len);
}

void out_text(struct out *o, const char *key, const char *s)
{
	out_str(o, key, s, s ? strlen(s) : 0);
}

void out_num(struct out *o, const char *key, int64_t v)
{
	struct attr *at = out_next(o, key, ATTR_INT);

	if (at)
		at->i = v;
}

void out_peer(struct out *o, const struct exchange *x)
{
	char buf[INET6_ADDRSTRLEN];
	const char *a = sem_address(x->ep.raddr, x->ep.family, buf);

	if (a) {
		out_text(o, "network.peer.address", a);
		out_num(o, "network.peer.port", x->ep.rport);
		if (x->server)
			out_text(o, "client.address", a);
	} else if (x->ep.family == OE_AF_UNIX) {
		out_text(o, "network.transport", "unix");
		out_text(o, "network.peer.address", x->ep.path);
	}
}

void out_list(struct out *o, const char *key, const char *const *names, uint32_t n)
{
	const char **sv = n ? arena_alloc(o->a, n * sizeof(*sv)) : NULL;
	struct attr *at = sv ? out_next(o, key, ATTR_STR_ARRAY) : NULL;

	if (!at)
		return;
	memcpy(sv, names, n * sizeof(*sv));
	at->sv = sv;
	at->len = n;
}

void series_str(struct sem_series *s, const char *key, const char *v, size_t len)
{
	if (v && len && s->attr_cnt < SEM_ATTRS_MAX)
		s->attrs[s->attr_cnt++] =
			(struct attr){.key = key, .type = ATTR_STR, .len = (uint32_t)len, .s = v};
}

void series_view(struct sem_series *s, const char *key, struct bytes b)
{
	series_str(s, key, (const char *)b.data, b.len);
}

void series_static(struct sem_series *s, const char *key, const char *v)
{
	series_str(s, key, v, v ? strlen(v) : 0);
}

void series_text(struct sem_series *s, size_t *at, const char *key, const char *v)
{
	size_t n = v ? strlen(v) : 0;

	if (!n || *at + n + 1 > sizeof(s->scratch))
		return;
	memcpy(s->scratch + *at, v, n + 1);
	series_str(s, key, s->scratch + *at, n);
	*at += n + 1;
}

void series_int(struct sem_series *s, const char *key, int64_t v)
{
	if (s->attr_cnt < SEM_ATTRS_MAX)
		s->attrs[s->attr_cnt++] = (struct attr){.key = key, .type = ATTR_INT, .i = v};
}

/* As inet_ntop() writes it, which goes through printf. */
static const char *ipv4(const uint8_t *a, char *buf)
{
	char *p = buf;

	for (int i = 0; i < 4; i++) {
		if (a[i] >= 100)
			*p++ = (char)('0' + a[i] / 100);
		if (a[i] >= 10)
			*p++ = (char)('0' + a[i] / 10 % 10);
		*p++ = (char)('0' + a[i] % 10);
		*p++ = i < 3 ? '.' : 0;
	}
	return buf;
}

const char *sem_address(const uint8_t *a, uint16_t family, char buf[INET6_ADDRSTRLEN])
{
	if (family == OE_AF_INET)
		return ipv4(a, buf);
	return family == OE_AF_INET6 ? inet_ntop(AF_INET6, a, buf, INET6_ADDRSTRLEN) : NULL;
}

const char *sem_broken(int err)
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

void sem_server(const struct exchange *x, uint16_t default_port, struct sem_server *ret)
{
	const struct endpoints *ep = &x->ep;

	ret->host = BYTES_NONE;
	ret->port = 0;
	if (authority_split(x->req.host, &ret->host, &ret->port)) {
		if (!ret->port)
			ret->port = default_port;
		return;
	}
	ret->port = 0;
	if (ep->family == OE_AF_INET || ep->family == OE_AF_INET6) {
		ret->host = bytes_str(
			sem_address(x->server ? ep->laddr : ep->raddr, ep->family, ret->addr));
		ret->port = x->server ? ep->lport : ep->rport;
	} else if (ep->path) {
		ret->host = bytes_str(ep->path);
	}
}

void out_server(struct out *o, const struct sem_server *server)
{
	out_view(o, "server.address", server->host);
	if (server->host.len && server->port)
		out_num(o, "server.port", server->port);
}

void series_server(struct sem_series *s, size_t *at, const struct sem_server *server)
{
	if (server->host.data == (const uint8_t *)server->addr)
		series_text(s, at, "server.address", server->addr);
	else
		series_view(s, "server.address", server->host);
	if (server->host.len && server->port)
		series_int(s, "server.port", server->port);
}

const char *sem_h2_error(uint32_t code)
{
	static const char *const names[] = {
		"NO_ERROR",
		"PROTOCOL_ERROR",
		"INTERNAL_ERROR",
		"FLOW_CONTROL_ERROR",
		"SETTINGS_TIMEOUT",
		"STREAM_CLOSED",
		"FRAME_SIZE_ERROR",
		"REFUSED_STREAM",
		"CANCEL",
		"COMPRESSION_ERROR",
		"CONNECT_ERROR",
		"ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY",
		"HTTP_1_1_REQUIRED",
	};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "UNKNOWN_ERROR_CODE";
}
