/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/url.h"

/* Keys whose values are always secrets (semconv url/registry.yaml, case-sensitive). */
static const char *const sensitive[] = {"X-Amz-Signature", "X-Amz-Credential",
					"X-Amz-Security-Token", "sig", "X-Goog-Signature"};

#define REDACTED "REDACTED"

static struct bytes until(struct bytes b, const char *stops)
{
	for (size_t i = 0; i < b.len; i++)
		for (const char *s = stops; *s; s++)
			if (b.data[i] == (uint8_t)*s)
				return bytes_head(b, i);
	return b;
}

void target_split(struct bytes method, struct bytes target, struct target_parts *ret)
{
	*ret = (struct target_parts){.scheme = BYTES_NONE};
	/* a CONNECT with a path is an extended one (RFC 8441) */
	if ((bytes_eq(method, BYTES_LIT("CONNECT")) && !bytes_starts(target, BYTES_LIT("/"))) ||
	    bytes_eq(target, BYTES_LIT("*")))
		return;
	if (target.len && target.data[0] != '/') {
		struct bytes scheme = until(target, ":/?#");

		if (!bytes_starts(bytes_from(target, scheme.len), BYTES_LIT("://")))
			return;
		ret->scheme = scheme;
		target = bytes_from(target, scheme.len + 3);
		target = bytes_from(target, until(target, "/?#").len);
		if (!target.len || target.data[0] != '/')
			ret->path = BYTES_LIT("/");
	}
	target = until(target, "#"); /* not sent by anyone who reads the RFC */
	if (target.len && target.data[0] == '/')
		ret->path = until(target, "?");
	target = bytes_from(target, until(target, "?").len);
	if (target.len) {
		ret->has_query = true;
		ret->query = bytes_from(target, 1);
	}
}

bool authority_split(struct bytes a, struct bytes *ret_host, uint16_t *ret_port)
{
	struct bytes host, port = BYTES_NONE;
	uint32_t n = 0;

	if (!a.len || a.len > 300)
		return false;
	if (a.data[0] == '[') {
		host = until(bytes_from(a, 1), "]");
		port = bytes_from(a, host.len + 2);
		if (host.len + 2 > a.len)
			return false;
		for (size_t i = 0; i < host.len; i++)
			if (!strchr("0123456789abcdefABCDEF:.%", host.data[i]))
				return false;
	} else {
		host = until(a, ":");
		port = bytes_from(a, host.len);
		for (size_t i = 0; i < host.len; i++)
			if (host.data[i] <= 0x20 || host.data[i] >= 0x7f ||
			    strchr("/@?#\\<>\"", host.data[i]))
				return false;
	}
	if (!host.len || (port.len && port.data[0] != ':'))
		return false;
	port = bytes_from(port, 1);
	for (size_t i = 0; i < port.len; i++) {
		if (port.data[i] < '0' || port.data[i] > '9' || port.len > 5)
			return false;
		n = n * 10 + (uint32_t)(port.data[i] - '0');
	}
	if (n > 65535)
		return false;
	*ret_host = host;
	*ret_port = (uint16_t)n;
	return true;
}

static bool is_sensitive(struct bytes key)
{
	for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
		if (bytes_eq(key, bytes_str(sensitive[i])))
			return true;
	return false;
}

const char *query_show(struct arena *a, struct bytes query, enum query_mode mode)
{
	size_t params = 1, at = 0;
	char *out;

	if (mode == QUERY_DROP)
		return NULL;
	for (size_t i = 0; i < query.len; i++)
		params += query.data[i] == '&' || query.data[i] == ';';
	out = arena_alloc(a, query.len + params * (sizeof(REDACTED) - 1) + 1);
	if (!out)
		return NULL;
	for (;;) {
		struct bytes param = until(query, "&;"), key = until(param, "=");
		struct bytes value = bytes_from(param, key.len + 1);
		bool has_value = key.len < param.len;

		/* a parameter without '=' may be the secret itself */
		if (mode == QUERY_REDACT && !has_value) {
			has_value = false;
			value = BYTES_NONE;
			key = param.len ? BYTES_LIT(REDACTED) : param;
		} else if (value.len && (mode == QUERY_REDACT || is_sensitive(key))) {
			value = BYTES_LIT(REDACTED);
		}
		memcpy(out + at, key.data ? key.data : (const uint8_t *)"", key.len);
		at += key.len;
		if (has_value)
			out[at++] = '=';
		memcpy(out + at, value.data ? value.data : (const uint8_t *)"", value.len);
		at += value.len;
		query = bytes_from(query, param.len);
		if (!query.len)
			break;
		out[at++] = (char)query.data[0];
		query = bytes_from(query, 1);
	}
	out[at] = 0;
	return out;
}
