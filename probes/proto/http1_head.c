/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/http1_head.h"

/* RFC 9110 section 5.6.2 */
bool h1_token_char(uint8_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c);
}

static bool target_char(uint8_t c)
{
	/* senders put raw UTF-8 there, though they must not */
	return c > 0x20 && c != 0x7f;
}

size_t h1_head_end(struct bytes in, size_t *scan)
{
	size_t at = *scan;

	while (at < in.len) {
		const uint8_t *nl = memchr(in.data + at, '\n', in.len - at);
		size_t i;

		if (!nl)
			break;
		i = (size_t)(nl - in.data) + 1;
		if (i < in.len && in.data[i] == '\n')
			return i + 1;
		if (i + 1 < in.len && in.data[i] == '\r' && in.data[i + 1] == '\n')
			return i + 2;
		/* the line feed itself must be seen again while what follows it is missing */
		if (i + 1 >= in.len) {
			*scan = i - 1;
			return 0;
		}
		at = i;
	}
	*scan = in.len;
	return 0;
}

/* "HTTP/1." digit at p; as far as `len` reaches. */
static bool version_prefix(const uint8_t *p, size_t len)
{
	static const char v[] = "HTTP/1.";

	if (memcmp(p, v, len < 7 ? len : 7))
		return false;
	return len < 8 || (p[7] >= '0' && p[7] <= '9');
}

static bool request_plausible(struct bytes in)
{
	size_t i = 0, start;

	while (i < in.len && h1_token_char(in.data[i]))
		i++;
	if (i == in.len)
		return i <= 32; /* a method so long is none */
	if (!i || in.data[i] != ' ')
		return false;
	start = ++i;
	while (i < in.len && target_char(in.data[i]))
		i++;
	if (i == in.len)
		return true;
	if (i == start || in.data[i] != ' ')
		return false;
	i++;
	return version_prefix(in.data + i, in.len - i);
}

bool h1_start_plausible(struct bytes in, enum h1_kind kind, enum h1_kind *ret_kind)
{
	if (!in.len)
		return false;
	if (kind != H1_REQUEST && version_prefix(in.data, in.len)) {
		*ret_kind = H1_RESPONSE;
		return true;
	}
	if (kind != H1_RESPONSE && request_plausible(in)) {
		*ret_kind = H1_REQUEST;
		return true;
	}
	return false;
}

/* Next line without its end; false when no line feed is left. */
static bool next_line(struct bytes *in, struct bytes *ret)
{
	const uint8_t *nl = in->len ? memchr(in->data, '\n', in->len) : NULL;
	size_t n;

	if (!nl)
		return false;
	n = (size_t)(nl - in->data);
	*ret = bytes_of(in->data, n && in->data[n - 1] == '\r' ? n - 1 : n);
	*in = bytes_from(*in, n + 1);
	return true;
}

static struct bytes trim(struct bytes b)
{
	while (b.len && (b.data[0] == ' ' || b.data[0] == '\t'))
		b = bytes_from(b, 1);
	while (b.len && (b.data[b.len - 1] == ' ' || b.data[b.len - 1] == '\t'))
		b.len--;
	return b;
}

static bool clean(struct bytes line)
{
	for (size_t i = 0; i < line.len; i++)
		if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f)
			return false;
	return true;
}

/* The authority of an absolute-form target, without credentials; of an authority-form (CONNECT)
 * all. */
static struct bytes target_host(struct bytes method, struct bytes target)
{
	static const struct bytes schemes[] = {{(const uint8_t *)"http://", 7},
					       {(const uint8_t *)"https://", 8}};
	struct bytes rest = BYTES_NONE;

	if (bytes_eq(method, BYTES_LIT("CONNECT")))
		return target;
	for (int i = 0; i < 2; i++)
		if (target.len > schemes[i].len &&
		    bytes_ieq(bytes_head(target, schemes[i].len), schemes[i]))
			rest = bytes_from(target, schemes[i].len);
	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] == '/' || rest.data[i] == '?' || rest.data[i] == '#')
			rest.len = i;
	for (size_t i = rest.len; i > 0; i--)
		if (rest.data[i - 1] == '@')
			return bytes_from(rest, i);
	return rest;
}

static bool version(struct bytes v, struct msg_http *m)
{
	if (v.len != 8 || !version_prefix(v.data, 8))
		return false;
	m->version_major = 1;
	/* a higher minor version is understood as 1.1 (RFC 9110 section 2.5) */
	m->version_minor = v.data[7] == '0' ? 0 : 1;
	return true;
}

/* method SP target SP version; cut: it may end anywhere. */
static bool request_line(struct bytes line, bool cut, struct msg_http *m)
{
	const uint8_t *sp = memchr(line.data, ' ', line.len);
	struct bytes rest;
	size_t i;

	if (!sp)
		return cut && !line.len;
	m->method = bytes_of(line.data, (size_t)(sp - line.data));
	if (!m->method.len)
		return false;
	for (i = 0; i < m->method.len; i++)
		if (!h1_token_char(m->method.data[i]))
			return false;
	rest = bytes_from(line, m->method.len + 1);
	for (i = 0; i < rest.len && target_char(rest.data[i]);)
		i++;
	m->target = bytes_head(rest, i);
	if (i == rest.len) {
		m->target_cut = cut;
		return cut;
	}
	if (!i || rest.data[i] != ' ')
		return false;
	m->host = target_host(m->method, m->target);
	rest = bytes_from(rest, i + 1);
	return version(rest, m) || (cut && rest.len < 8 && version_prefix(rest.data, rest.len));
}

static bool status_line(struct bytes line, bool cut, struct msg_http *m)
{
	if (line.len < 12)
		return cut && version_prefix(line.data, line.len);
	if (!version(bytes_head(line, 8), m) || line.data[8] != ' ')
		return false;
	if (line.len > 12 && line.data[12] != ' ')
		return false;
	for (int i = 9; i < 12; i++)
		if (line.data[i] < '0' || line.data[i] > '9')
			return false;
	m->status = (line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + (line.data[11] - '0');
	return m->status >= 100;
}

/* "5" or, from senders that repeat themselves, "5, 5" (RFC 9110 section 8.6). */
static bool content_length(struct bytes v, int64_t *len)
{
	bool any = false;

	while (v.len || !any) {
		const uint8_t *comma = v.len ? memchr(v.data, ',', v.len) : NULL;
		struct bytes one = trim(bytes_head(v, comma ? (size_t)(comma - v.data) : v.len));
		int64_t n = 0;

		if (!one.len || one.len > 18)
			return false;
		for (size_t i = 0; i < one.len; i++) {
			if (one.data[i] < '0' || one.data[i] > '9')
				return false;
			n = n * 10 + (one.data[i] - '0');
		}
		if (*len >= 0 && *len != n)
			return false;
		*len = n;
		any = true;
		if (!comma)
			break;
		v = bytes_from(v, (size_t)(comma - v.data) + 1);
		if (!v.len)
			return false;
	}
	return true;
}

static void transfer_encoding(struct bytes v, struct h1_head *h)
{
	struct bytes last = v;

	for (size_t i = v.len; i > 0; i--)
		if (v.data[i - 1] == ',') {
			last = bytes_from(v, i);
			break;
		}
	h->coding =
		bytes_ieq(trim(last), BYTES_LIT("chunked")) ? H1_CODING_CHUNKED : H1_CODING_OTHER;
}

/* Several tracestate fields are one list (W3C Trace Context section 3.3.1). */
static void tracestate(struct bytes v, struct h1_head *h, uint8_t *scratch)
{
	struct bytes *ts = &h->msg.tracestate;

	if (!v.len)
		return;
	if (!ts->len) {
		*ts = v;
		return;
	}
	if (ts->len + 1 + v.len > H1_SCRATCH)
		return; /* the first ones count */
	if (ts->data != scratch)
		memcpy(scratch, ts->data, ts->len);
	scratch[ts->len] = ',';
	memcpy(scratch + ts->len + 1, v.data, v.len);
	*ts = bytes_of(scratch, ts->len + 1 + v.len);
}

/* False: the field makes the whole message invalid. */
static bool field(struct bytes name, struct bytes v, enum h1_kind kind, struct h1_head *h,
		  uint8_t *scratch)
{
	struct msg_http *m = &h->msg;

	switch (name.len) {
	case 4:
		if (kind == H1_REQUEST && !m->host.len && bytes_ieq(name, BYTES_LIT("host")))
			m->host = v;
		break;
	case 7:
		if (bytes_ieq(name, BYTES_LIT("upgrade"))) {
			m->upgrade = v;
			h->upgrade_seen = true;
		}
		break;
	case 10:
		if (bytes_ieq(name, BYTES_LIT("user-agent")))
			m->user_agent = v;
		else if (bytes_ieq(name, BYTES_LIT("tracestate")))
			tracestate(v, h, scratch);
		break;
	case 11:
		if (bytes_ieq(name, BYTES_LIT("traceparent"))) {
			if (m->traceparent.len || m->traceparent_repeated) {
				m->traceparent_repeated = true;
				m->traceparent = BYTES_NONE;
			} else {
				m->traceparent = v;
			}
		}
		break;
	case 12:
		if (bytes_ieq(name, BYTES_LIT("content-type")))
			m->content_type = v;
		break;
	case 14:
		if (bytes_ieq(name, BYTES_LIT("content-length")))
			return content_length(v, &m->content_length);
		break;
	case 17:
		if (bytes_ieq(name, BYTES_LIT("transfer-encoding")))
			transfer_encoding(v, h);
		break;
	}
	return true;
}

/* A folded value (obsolete) is not put together again: the field becomes unknown, framing ones
 * invalid. */
static bool folded(struct bytes name, struct h1_head *h)
{
	struct msg_http *m = &h->msg;

	if (bytes_ieq(name, BYTES_LIT("content-length")) ||
	    bytes_ieq(name, BYTES_LIT("transfer-encoding")))
		return false;
	if (bytes_ieq(name, BYTES_LIT("host")))
		m->host = BYTES_NONE;
	else if (bytes_ieq(name, BYTES_LIT("user-agent")))
		m->user_agent = BYTES_NONE;
	else if (bytes_ieq(name, BYTES_LIT("traceparent")))
		m->traceparent = BYTES_NONE;
	else if (bytes_ieq(name, BYTES_LIT("tracestate")))
		m->tracestate = BYTES_NONE;
	else if (bytes_ieq(name, BYTES_LIT("content-type")))
		m->content_type = BYTES_NONE;
	return true;
}

bool h1_head_parse(struct bytes in, enum h1_kind kind, bool cut, uint8_t *scratch,
		   struct h1_head *ret)
{
	struct bytes line, name = BYTES_NONE;

	memset(ret, 0, sizeof(*ret));
	ret->msg.status = -1;
	ret->msg.content_length = -1;
	if (!next_line(&in, &line)) {
		/* cut inside the start line */
		return cut && (kind == H1_REQUEST ? request_line(in, true, &ret->msg)
						  : status_line(in, true, &ret->msg));
	}
	if (!(kind == H1_REQUEST ? request_line(line, false, &ret->msg)
				 : status_line(line, false, &ret->msg)))
		return false;
	while (next_line(&in, &line) && line.len) {
		const uint8_t *colon;

		if (!clean(line))
			return false;
		if (line.data[0] == ' ' || line.data[0] == '\t') {
			if (!name.len || !folded(name, ret))
				return false;
			continue;
		}
		colon = memchr(line.data, ':', line.len);
		if (!colon)
			return false;
		name = bytes_of(line.data, (size_t)(colon - line.data));
		if (kind == H1_RESPONSE)
			name = trim(
				name); /* RFC 9112 section 5.1: a proxy removes it from responses */
		if (!name.len)
			return false;
		for (size_t i = 0; i < name.len; i++)
			if (!h1_token_char(name.data[i]))
				return false;
		if (!field(name, trim(bytes_from(line, (size_t)(colon - line.data) + 1)), kind, ret,
			   scratch))
			return false;
	}
	return true;
}
