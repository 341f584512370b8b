/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/http1_head.h"

#include "probes/proto/grpc.h"

#define C_TOKEN 1 /* RFC 9110 section 5.6.2 */
#define C_TARGET                                                                                   \
	2	  /* what stands in targets; also raw UTF-8, which senders put there though they   \
		   */
		  /* must not */
#define C_TEXT	4 /* field values, reason phrases */
#define C_ALL	(C_TOKEN | C_TARGET | C_TEXT)
#define C_NOTOK (C_TARGET | C_TEXT)

static const uint8_t classes[256] = {
	['\t'] = C_TEXT,       [' '] = C_TEXT,		['!'] = C_ALL,
	['"'] = C_NOTOK,       ['#' ... '\''] = C_ALL,	['(' ... ')'] = C_NOTOK,
	['*' ... '+'] = C_ALL, [','] = C_NOTOK,		['-' ... '.'] = C_ALL,
	['/'] = C_NOTOK,       ['0' ... '9'] = C_ALL,	[':' ... '@'] = C_NOTOK,
	['A' ... 'Z'] = C_ALL, ['[' ... ']'] = C_NOTOK, ['^' ... '`'] = C_ALL,
	['a' ... 'z'] = C_ALL, ['{'] = C_NOTOK,		['|'] = C_ALL,
	['}'] = C_NOTOK,       ['~'] = C_ALL,		[0x80 ... 0xff] = C_NOTOK,
};

/* Length of the leading part of b that consists of this class. */
static size_t span_of(struct bytes b, uint8_t class)
{
	size_t i = 0;

	while (i < b.len && classes[b.data[i]] & class)
		i++;
	return i;
}

/* Eight bytes at a time: most of a head is text that nobody asked for. */
bool h1_text_valid(struct bytes text)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

	while (text.len >= 8) {
		uint64_t x, del;

		memcpy(&x, text.data, 8);
		del = x ^ ones * 0x7f;
		/* a byte below 0x20, or 0x7f; may cry wolf, never misses */
		if ((((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & tops)
			if (span_of(bytes_head(text, 8), C_TEXT) != 8)
				return false;
		text = bytes_from(text, 8);
	}
	return span_of(text, C_TEXT) == text.len;
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

static enum h1_start request_start(struct bytes in)
{
	size_t method = span_of(bytes_head(in, H1_METHOD_MAX + 1), C_TOKEN), target;

	if (method > H1_METHOD_MAX)
		return H1_START_NO;
	if (method == in.len)
		return H1_START_MAYBE;
	if (!method || in.data[method] != ' ')
		return H1_START_NO;
	in = bytes_from(in, method + 1);
	target = span_of(in, C_TARGET);
	if (target == in.len)
		return H1_START_MAYBE;
	if (!target || in.data[target] != ' ')
		return H1_START_NO;
	in = bytes_from(in, target + 1);
	if (!version_prefix(in.data, in.len))
		return H1_START_NO;
	if (in.len > 8 && in.data[8] != '\r' && in.data[8] != '\n')
		return H1_START_NO;
	return in.len < 8 ? H1_START_MAYBE : H1_START_YES;
}

static enum h1_start response_start(struct bytes in)
{
	if (!version_prefix(in.data, in.len))
		return H1_START_NO;
	if (in.len > 8 && in.data[8] != ' ')
		return H1_START_NO;
	for (size_t i = 9; i < in.len && i < 12; i++)
		if (in.data[i] < '0' || in.data[i] > '9')
			return H1_START_NO;
	if (in.len > 12 && in.data[12] != ' ' && in.data[12] != '\r' && in.data[12] != '\n')
		return H1_START_NO;
	return in.len < 8 ? H1_START_MAYBE : H1_START_YES;
}

enum h1_start h1_start_line(struct bytes in, enum h1_kind kind, enum h1_kind *ret_kind)
{
	enum h1_start s = H1_START_NO;

	if (!in.len)
		return H1_START_NO;
	if (kind != H1_REQUEST)
		s = response_start(in);
	if (s != H1_START_NO) {
		*ret_kind = H1_RESPONSE;
		return s;
	}
	if (kind != H1_RESPONSE)
		s = request_start(in);
	if (s != H1_START_NO)
		*ret_kind = H1_REQUEST;
	return s;
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

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
	while (b.len && blank(b.data[0]))
		b = bytes_from(b, 1);
	while (b.len && blank(b.data[b.len - 1]))
		b.len--;
	return b;
}

/* Takes the next element off a comma-separated list. False: none left. */
static bool next_element(struct bytes *list, struct bytes *ret)
{
	const uint8_t *comma;
	size_t n;

	if (!list->data)
		return false;
	comma = list->len ? memchr(list->data, ',', list->len) : NULL;
	n = comma ? (size_t)(comma - list->data) : list->len;
	*ret = trim(bytes_head(*list, n));
	*list = comma ? bytes_from(*list, n + 1) : BYTES_NONE;
	return true;
}

/*
 * The authority that a target names, without credentials: of an absolute-form, whatever its scheme,
 * or the whole of CONNECT's authority-form.
 */
static struct bytes target_host(struct bytes method, struct bytes target)
{
	struct bytes rest;
	size_t i = 0;

	if (bytes_eq(method, BYTES_LIT("CONNECT")))
		return target;
	if (target.data[0] == '/')
		return BYTES_NONE;
	while (i < target.len && classes[target.data[i]] & C_TOKEN)
		i++;
	rest = bytes_from(target, i);
	if (!i || !bytes_starts(rest, BYTES_LIT("://")))
		return BYTES_NONE;
	rest = bytes_from(rest, 3);
	for (i = 0; i < rest.len; i++)
		if (rest.data[i] == '/' || rest.data[i] == '?' || rest.data[i] == '#')
			rest.len = i;
	for (i = rest.len; i > 0; i--)
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
	size_t n = span_of(line, C_TOKEN);
	struct bytes rest;

	if (n == line.len)
		return cut && n <= H1_METHOD_MAX;
	if (!n || n > H1_METHOD_MAX || line.data[n] != ' ')
		return false;
	m->method = bytes_head(line, n);
	rest = bytes_from(line, n + 1);
	n = span_of(rest, C_TARGET);
	m->target = bytes_head(rest, n);
	if (n == rest.len) {
		m->target_cut = cut;
		return cut;
	}
	if (!n || rest.data[n] != ' ')
		return false;
	m->host = target_host(m->method, m->target);
	rest = bytes_from(rest, n + 1);
	if (cut && rest.len && rest.data[rest.len - 1] == '\r')
		rest.len--; /* only the line feed is missing */
	return version(rest, m) || (cut && rest.len < 8 && version_prefix(rest.data, rest.len));
}

static bool status_line(struct bytes line, bool cut, struct msg_http *m)
{
	if (cut && line.len && line.data[line.len - 1] == '\r')
		line.len--;
	if (line.len < 12)
		return cut && version_prefix(line.data, line.len);
	if (!version(bytes_head(line, 8), m) || line.data[8] != ' ' || !h1_text_valid(line))
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
	struct bytes one;

	if (!v.len)
		return false;
	while (next_element(&v, &one)) {
		int64_t n = 0;

		if (!one.len)
			return false;
		for (size_t i = 0; i < one.len; i++) {
			if (one.data[i] < '0' || one.data[i] > '9' || n > INT64_MAX / 10 - 1)
				return false;
			n = n * 10 + (one.data[i] - '0');
		}
		if (*len >= 0 && *len != n)
			return false;
		*len = n;
	}
	return true;
}

/* Several fields are one list, and its last coding decides. */
static void transfer_encoding(struct bytes v, enum h1_coding *coding)
{
	struct bytes one;

	while (next_element(&v, &one)) {
		/* "identity" stood for no coding at all in RFC 2616 and is still met */
		if (!one.len || bytes_ieq(one, BYTES_LIT("identity")))
			continue;
		*coding =
			bytes_ieq(one, BYTES_LIT("chunked")) ? H1_CODING_CHUNKED : H1_CODING_OTHER;
	}
}

enum field_id {
	F_NONE = 0, /* nobody asks for it */
	F_HOST,
	F_UPGRADE,
	F_USER_AGENT,
	F_TRACESTATE,
	F_TRACEPARENT,
	F_CONTENT_TYPE,
	F_CONTENT_LENGTH,
	F_TRANSFER_ENCODING,
	F_GRPC_STATUS, /* gRPC-Web */
	F_GRPC_MESSAGE,
	F_GRPC_TIMEOUT,
};

static enum field_id field_id(struct bytes name)
{
	switch (name.len) {
	case 4:
		return bytes_ieq(name, BYTES_LIT("host")) ? F_HOST : F_NONE;
	case 7:
		return bytes_ieq(name, BYTES_LIT("upgrade")) ? F_UPGRADE : F_NONE;
	case 10:
		if (bytes_ieq(name, BYTES_LIT("user-agent")))
			return F_USER_AGENT;
		return bytes_ieq(name, BYTES_LIT("tracestate")) ? F_TRACESTATE : F_NONE;
	case 11:
		if (bytes_ieq(name, BYTES_LIT("grpc-status")))
			return F_GRPC_STATUS;
		return bytes_ieq(name, BYTES_LIT("traceparent")) ? F_TRACEPARENT : F_NONE;
	case 12:
		if (bytes_ieq(name, BYTES_LIT("grpc-message")))
			return F_GRPC_MESSAGE;
		if (bytes_ieq(name, BYTES_LIT("grpc-timeout")))
			return F_GRPC_TIMEOUT;
		return bytes_ieq(name, BYTES_LIT("content-type")) ? F_CONTENT_TYPE : F_NONE;
	case 14:
		return bytes_ieq(name, BYTES_LIT("content-length")) ? F_CONTENT_LENGTH : F_NONE;
	case 17:
		return bytes_ieq(name, BYTES_LIT("transfer-encoding")) ? F_TRANSFER_ENCODING
								       : F_NONE;
	}
	return F_NONE;
}

/* A field section on its way. */
struct section {
	struct h1_head *head;
	enum h1_kind kind;
	uint8_t *scratch;
	size_t used;	   /* of scratch */
	uint32_t seen;	   /* 1 << enum field_id */
	bool target_named; /* the target names the host: the Host field does not count */
	bool full;	   /* tracestate: later members did not fit */
};

/* Several tracestate fields are one list (W3C Trace Context section 3.3.1). */
static void tracestate(struct section *s, struct bytes v, bool known)
{
	struct bytes *ts = &s->head->msg.tracestate;
	size_t len = ts->len + 1 + v.len;
	uint8_t *to = s->scratch + s->used;

	if (!known)
		s->full = true;
	if (s->full || !v.len)
		return;
	if (!ts->len) {
		*ts = v;
		return;
	}
	/* what was joined before may be the last thing in the scratch: then it grows in place */
	if (ts->data + ts->len == to)
		to -= ts->len;
	if (len > (size_t)(s->scratch + H1_SCRATCH - to)) {
		s->full = true; /* the first ones count, and none behind a missing one */
		return;
	}
	memmove(to, ts->data, ts->len);
	to[ts->len] = ',';
	memmove(to + ts->len + 1, v.data, v.len);
	*ts = bytes_of(to, len);
	s->used = (size_t)(to + len - s->scratch);
}

/*
 * One field. known: false when its value could not be put together. False: the field makes the
 * whole message invalid.
 */
static bool apply(struct section *s, enum field_id id, struct bytes v, bool known)
{
	struct msg_http *m = &s->head->msg;
	bool again = s->seen & 1u << id;

	s->seen |= 1u << id;
	if (!known)
		v = BYTES_NONE;
	switch (id) {
	case F_NONE:
		break;
	case F_HOST:
		if (s->kind != H1_REQUEST || s->target_named)
			break;
		/* two that differ: nobody can say which one the server takes, if any */
		if (!again)
			m->host = v;
		else if (!bytes_ieq(m->host, v))
			m->host = BYTES_NONE;
		break;
	case F_UPGRADE:
		if (!again)
			m->upgrade = v;
		break;
	case F_USER_AGENT:
		if (!again)
			m->user_agent = v;
		break;
	case F_TRACESTATE:
		tracestate(s, v, known);
		break;
	case F_TRACEPARENT:
		m->traceparent = again ? BYTES_NONE : v;
		m->traceparent_repeated = again;
		break;
	case F_CONTENT_TYPE:
		if (!again)
			m->content_type = v;
		break;
	case F_GRPC_STATUS:
		s->head->rpc.status = grpc_status(v);
		break;
	case F_GRPC_MESSAGE:
		s->head->rpc.status_text = v;
		break;
	case F_GRPC_TIMEOUT:
		s->head->rpc.timeout_ns = grpc_timeout_ns(v);
		break;
	case F_CONTENT_LENGTH:
		return known && content_length(v, &m->content_length);
	case F_TRANSFER_ENCODING:
		if (!known)
			return false;
		transfer_encoding(v, &s->head->coding);
		break;
	}
	return true;
}

/* name ":" value; blanks before the colon are for the caller to judge. */
static bool split_field(struct bytes line, struct bytes *ret_name, struct bytes *ret_value)
{
	size_t n = span_of(line, C_TOKEN), colon = n;

	while (colon < line.len && blank(line.data[colon]))
		colon++;
	if (!n || colon == line.len || line.data[colon] != ':')
		return false;
	*ret_name = bytes_head(line, n);
	*ret_value = bytes_from(line, colon + 1);
	return h1_text_valid(*ret_value);
}

bool h1_field_line_valid(struct bytes line)
{
	struct bytes name, value;

	if (line.len && blank(line.data[0]))
		return h1_text_valid(line);
	return split_field(line, &name, &value);
}

/*
 * Appends a continuation line (obsolete folding) to a value: one space stands for the fold. The
 * first one moves the value into the scratch. False: no room.
 */
static bool unfold(struct section *s, struct bytes *value, struct bytes line)
{
	uint8_t *to = s->scratch + s->used;
	struct bytes more = trim(line);

	if (!more.len)
		return true;
	if (!value->len) {
		*value = more;
		return true;
	}
	if (value->data + value->len == to)
		to -= value->len;
	if (value->len + 1 + more.len > (size_t)(s->scratch + H1_SCRATCH - to))
		return false;
	memmove(to, value->data, value->len);
	to[value->len] = ' ';
	memcpy(to + value->len + 1, more.data, more.len);
	*value = bytes_of(to, value->len + 1 + more.len);
	s->used = (size_t)(to + value->len - s->scratch);
	return true;
}

/* All fields up to the empty line; cut: up to the end of what is there. */
static bool fields(struct section *s, struct bytes in, bool cut)
{
	struct bytes line, name, value;

	while (next_line(&in, &line) && line.len) {
		enum field_id id;
		bool known = true;

		if (!split_field(line, &name, &value))
			return false;
		/* RFC 9112 section 5.1: an error in requests, to be overlooked in responses */
		if (s->kind == H1_REQUEST && name.data + name.len + 1 != value.data)
			return false;
		id = field_id(name);
		value = trim(value);
		while (in.len && blank(in.data[0])) {
			if (!next_line(&in, &line))
				return cut;
			if (!h1_text_valid(line))
				return false;
			if (id != F_NONE && known)
				known = unfold(s, &value, line);
		}
		/* the value may go on where we cannot see it */
		if (cut && !in.len)
			return true;
		if (id != F_NONE && !apply(s, id, value, known))
			return false;
	}
	return true;
}

bool h1_head_parse(struct bytes in, enum h1_kind kind, bool cut, uint8_t *scratch,
		   struct h1_head *ret)
{
	struct section s = {.head = ret, .kind = kind, .scratch = scratch};
	struct bytes line;

	memset(ret, 0, sizeof(*ret));
	ret->msg.status = ret->rpc.status = -1;
	ret->msg.content_length = -1;
	if (!next_line(&in, &line)) {
		/* cut inside the start line */
		return cut && (kind == H1_REQUEST ? request_line(in, true, &ret->msg)
						  : status_line(in, true, &ret->msg));
	}
	if (!(kind == H1_REQUEST ? request_line(line, false, &ret->msg)
				 : status_line(line, false, &ret->msg)))
		return false;
	s.target_named = ret->msg.host.len != 0;
	if (!fields(&s, in, cut))
		return false;
	/* RFC 9112 section 6.3: what Content-Length says does not count beside a coding */
	if (ret->coding != H1_CODING_NONE)
		ret->msg.content_length = -1;
	return true;
}
