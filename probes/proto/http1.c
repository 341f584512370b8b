/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0 and HTTP/1.1 (RFC 9112).
 *
 * Each direction walks through its messages: a head, parsed as a whole, then a body whose end
 * follows from the head. Body bytes are counted, never looked at. The two directions share one
 * thing: the kinds of the requests still waiting for their response (HEAD and CONNECT change how
 * the response is framed), in a bounded queue.
 *
 * What is deliberately not done: contents, multipart, trailers' meaning, folded fields' values.
 *
 * When bytes are missing. Inside a body of known length or inside a chunk nothing is lost. If the
 * gap hides where the message ends (a chunk border, the rest of a head), the direction is `adrift`:
 * what follows cannot be told apart until the other direction speaks, which on a connection without
 * pipelining is the end of the message; run_end() then says END|SIZE_UNKNOWN. With requests still
 * waiting behind it (pipelining) it says INVALID instead. A request whose head was cut says END at
 * once: its body cannot be told from its head.
 *
 * Heads beyond NEED_MAX are treated as if the rest had not been captured.
 */
#include "probes/probe.h"
#include "probes/proto/http1_head.h"

#define NEED_MAX       65536u
#define LINE_MAX_CHUNK 4096u
#define WAITING_MAX    1024u
#define LONG_TARGET    1024u

enum phase {
	PHASE_HEAD = 0,
	PHASE_LENGTH,
	PHASE_CHUNK_SIZE,
	PHASE_CHUNK_DATA,
	PHASE_CHUNK_END,
	PHASE_TRAILER,
	PHASE_CLOSE,  /* body ends with the stream */
	PHASE_ADRIFT, /* see above */
	PHASE_TUNNEL, /* no longer HTTP */
};

/* What a waiting request was. */
enum waiting { WAIT_OTHER = 0, WAIT_HEAD, WAIT_CONNECT };

struct h1_dir {
	uint64_t left; /* of the body, or of the chunk */
	uint64_t body, wire;
	size_t scan;
	uint8_t phase;
	uint8_t kind; /* enum h1_kind, once known */
	bool open;    /* BEGIN was said, END not yet */
};

struct h1 {
	struct h1_dir dir[2];
	uint16_t first, cnt;		  /* of waiting */
	uint8_t waiting[WAITING_MAX / 4]; /* two bits each */
	uint8_t scratch[H1_SCRATCH];
};

static bool waiting_push(struct h1 *h, enum waiting w)
{
	unsigned int at = (h->first + h->cnt) % WAITING_MAX, shift = at % 4 * 2;

	if (h->cnt == WAITING_MAX)
		return false;
	h->waiting[at / 4] =
		(uint8_t)((h->waiting[at / 4] & ~(3u << shift)) | (unsigned int)w << shift);
	h->cnt++;
	return true;
}

static enum waiting waiting_pop(struct h1 *h)
{
	unsigned int at = h->first;

	h->first = (uint16_t)((h->first + 1) % WAITING_MAX);
	h->cnt--;
	return (enum waiting)(h->waiting[at / 4] >> at % 4 * 2 & 3);
}

static bool known_method(struct bytes m)
{
	static const char *const names[] = {"GET",     "POST",	"PUT",	 "HEAD",    "DELETE",
					    "OPTIONS", "PATCH", "TRACE", "CONNECT", "QUERY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bytes_eq(m, bytes_str(names[i])))
			return true;
	return false;
}

/* A first line longer than what is there: only what cannot be anything else counts. */
static bool surely_long_request(struct bytes in)
{
	const uint8_t *sp = memchr(in.data, ' ', in.len);
	struct bytes target;

	if (!sp || !known_method(bytes_of(in.data, (size_t)(sp - in.data))))
		return false;
	target = bytes_from(in, (size_t)(sp - in.data) + 1);
	return target.len >= LONG_TARGET &&
	       (target.data[0] == '/' || bytes_starts(target, BYTES_LIT("http")));
}

static enum detect_result http1_detect(struct bytes in, enum oe_dir dir)
{
	enum h1_kind kind = H1_UNKNOWN;
	const uint8_t *nl;

	while (in.len && (in.data[0] == '\r' || in.data[0] == '\n'))
		in = bytes_from(in, 1);
	if (!in.len)
		return DETECT_MAYBE;
	if (!h1_start_plausible(in, H1_UNKNOWN, &kind))
		return DETECT_NO;
	if (kind == H1_RESPONSE)
		return in.len >= 8 ? DETECT_YES : DETECT_MAYBE;
	nl = memchr(in.data, '\n', in.len);
	if (!nl)
		return surely_long_request(in) ? DETECT_YES : DETECT_MAYBE;
	/* plausible up to the line's end means that the version stands there */
	in.len = (size_t)(nl - in.data);
	if (in.len && in.data[in.len - 1] == '\r')
		in.len--;
	return in.len > 9 && in.data[in.len - 9] == ' ' &&
			       bytes_starts(bytes_from(in, in.len - 8), BYTES_LIT("HTTP/1."))
		       ? DETECT_YES
		       : DETECT_NO;
}

static void fill(struct message *m, const struct h1_dir *d, uint32_t flags)
{
	m->family = MSG_FAMILY_HTTP;
	m->kind = d->kind == H1_REQUEST ? MSG_REQUEST : MSG_RESPONSE;
	m->flags |= flags;
	m->body_size = d->body;
	m->wire_size = d->wire;
}

static enum parse_status end_message(struct h1_dir *d, struct message *ret, uint32_t flags)
{
	fill(ret, d, MSG_F_END | flags);
	d->phase = PHASE_HEAD;
	d->open = false;
	d->scan = 0;
	return PARSE_OK;
}

/* What follows the head of a request. */
static bool frame_request(struct h1 *h, struct h1_dir *d, const struct h1_head *head)
{
	enum waiting w = WAIT_OTHER;

	if (head->coding == H1_CODING_OTHER)
		return false; /* RFC 9112 section 6.3: its end cannot be known */
	if (bytes_eq(head->msg.method, BYTES_LIT("HEAD")))
		w = WAIT_HEAD;
	else if (bytes_eq(head->msg.method, BYTES_LIT("CONNECT")))
		w = WAIT_CONNECT;
	if (!waiting_push(h, w))
		return false;
	if (head->coding == H1_CODING_CHUNKED)
		d->phase = PHASE_CHUNK_SIZE;
	else if (head->msg.content_length > 0) {
		d->phase = PHASE_LENGTH;
		d->left = (uint64_t)head->msg.content_length;
	}
	return true;
}

/* What follows the head of a response; sets flags of its message. */
static void frame_response(struct h1 *h, struct h1_dir *d, const struct h1_head *head,
			   uint32_t *flags)
{
	int status = head->msg.status;
	enum waiting w = WAIT_OTHER;

	if (status >= 100 && status < 200 && status != 101) {
		*flags |= MSG_F_INTERIM;
		return;
	}
	if (h->cnt)
		w = waiting_pop(h);
	else
		*flags |= MSG_F_ORPHAN;
	if (status == 101 || (w == WAIT_CONNECT && status >= 200 && status < 300)) {
		*flags |= MSG_F_UPGRADE;
		return;
	}
	if (w == WAIT_HEAD || status == 204 || status == 304)
		return;
	if (head->coding == H1_CODING_CHUNKED) {
		d->phase = PHASE_CHUNK_SIZE;
	} else if (head->coding == H1_CODING_OTHER || head->msg.content_length < 0) {
		d->phase = PHASE_CLOSE;
	} else if (head->msg.content_length > 0) {
		d->phase = PHASE_LENGTH;
		d->left = (uint64_t)head->msg.content_length;
	}
}

static enum parse_status parse_head(struct h1 *h, struct h1_dir *d, struct bytes in,
				    struct message *ret, size_t *ret_used)
{
	enum h1_kind kind = H1_UNKNOWN;
	struct h1_head head;
	uint32_t flags = 0;
	size_t end;

	/* RFC 9112 section 2.2: empty lines before a request line are ignored */
	if (in.data[0] == '\n' || in.data[0] == '\r') {
		if (d->kind == H1_RESPONSE)
			return PARSE_INVALID;
		if (in.data[0] == '\r' && in.len == 1)
			return PARSE_NEED_MORE;
		if (in.data[0] == '\r' && in.data[1] != '\n')
			return PARSE_INVALID;
		*ret_used = in.data[0] == '\r' ? 2 : 1;
		return PARSE_SKIP;
	}
	end = h1_head_end(in, &d->scan);
	if (!end) {
		/* only the start of the line is looked at again and again: bounded */
		return h1_start_plausible(bytes_head(in, 64), (enum h1_kind)d->kind, &kind)
			       ? PARSE_NEED_MORE
			       : PARSE_INVALID;
	}
	d->scan = 0;
	if (!h1_start_plausible(bytes_head(in, end), (enum h1_kind)d->kind, &kind) ||
	    !h1_head_parse(bytes_head(in, end), kind, false, h->scratch, &head))
		return PARSE_INVALID;
	d->kind = (uint8_t)kind;
	d->body = 0;
	d->wire = end;
	if (kind == H1_REQUEST) {
		if (!frame_request(h, d, &head))
			return PARSE_INVALID;
	} else {
		frame_response(h, d, &head, &flags);
	}
	ret->http = head.msg;
	ret->head_size = end;
	*ret_used = end;
	fill(ret, d, MSG_F_BEGIN | flags);
	if (flags & MSG_F_UPGRADE) {
		h->dir[0].phase = h->dir[1].phase = PHASE_TUNNEL;
		ret->flags |= MSG_F_END;
		return PARSE_OK;
	}
	if (d->phase == PHASE_HEAD)
		return end_message(d, ret, 0);
	d->open = true;
	return PARSE_OK;
}

/* chunk-size [ ext ] CRLF */
static enum parse_status parse_chunk_size(struct h1_dir *d, struct bytes in, size_t *ret_used)
{
	const uint8_t *nl = memchr(in.data, '\n', in.len);
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < in.len; i++) {
		uint8_t c = ascii_lower(in.data[i]);

		if (c >= '0' && c <= '9')
			c = (uint8_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			c = (uint8_t)(c - 'a' + 10);
		else
			break;
		if (i >= 15)
			return PARSE_INVALID;
		n = n << 4 | c;
	}
	if (i < in.len && (!i || !strchr("\r\n; \t", in.data[i]) || !in.data[i]))
		return PARSE_INVALID;
	if (!nl)
		return in.len > LINE_MAX_CHUNK ? PARSE_INVALID : PARSE_NEED_MORE;
	*ret_used = (size_t)(nl - in.data) + 1;
	d->wire += *ret_used;
	d->left = n;
	d->phase = n ? PHASE_CHUNK_DATA : PHASE_TRAILER;
	return PARSE_SKIP;
}

/* The line end behind a chunk's data. */
static enum parse_status parse_chunk_end(struct h1_dir *d, struct bytes in, size_t *ret_used)
{
	if (in.data[0] == '\r' && in.len == 1)
		return PARSE_NEED_MORE;
	*ret_used = in.data[0] == '\r' ? 2 : 1;
	if (in.data[*ret_used - 1] != '\n')
		return PARSE_INVALID;
	d->wire += *ret_used;
	d->phase = PHASE_CHUNK_SIZE;
	return PARSE_SKIP;
}

static enum parse_status parse_trailer(struct h1_dir *d, struct bytes in, struct message *ret,
				       size_t *ret_used)
{
	const uint8_t *nl = memchr(in.data, '\n', in.len);

	if (!nl)
		return in.len > NEED_MAX / 2 ? PARSE_INVALID : PARSE_NEED_MORE;
	*ret_used = (size_t)(nl - in.data) + 1;
	d->wire += *ret_used;
	if (*ret_used == 1 || (*ret_used == 2 && in.data[0] == '\r'))
		return end_message(d, ret, 0);
	return PARSE_SKIP;
}

/* `len` body bytes, seen or not. */
static enum parse_status body(struct h1_dir *d, uint64_t len, struct message *ret,
			      uint64_t *ret_used)
{
	uint64_t n = len < d->left ? len : d->left;

	d->left -= n;
	d->body += n;
	d->wire += n;
	*ret_used = n;
	if (d->left)
		return PARSE_SKIP;
	if (d->phase == PHASE_LENGTH)
		return end_message(d, ret, 0);
	d->phase = PHASE_CHUNK_END;
	return PARSE_SKIP;
}

static enum parse_status http1_parse(void *st, enum oe_dir dir, struct bytes in,
				     struct message *ret, size_t *ret_used)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];
	enum parse_status ps;
	uint64_t used = 0;

	*ret_used = 0;
	if (!in.len)
		return PARSE_NEED_MORE;
	switch ((enum phase)d->phase) {
	case PHASE_HEAD:
		return parse_head(h, d, in, ret, ret_used);
	case PHASE_LENGTH:
	case PHASE_CHUNK_DATA:
		ps = body(d, in.len, ret, &used);
		*ret_used = (size_t)used;
		return ps;
	case PHASE_CHUNK_SIZE:
		return parse_chunk_size(d, in, ret_used);
	case PHASE_CHUNK_END:
		return parse_chunk_end(d, in, ret_used);
	case PHASE_TRAILER:
		return parse_trailer(d, in, ret, ret_used);
	case PHASE_CLOSE:
	case PHASE_ADRIFT:
		d->body += in.len;
		d->wire += in.len;
		break;
	case PHASE_TUNNEL:
		break;
	}
	*ret_used = in.len;
	return PARSE_SKIP;
}

/* A head whose rest was not captured: what is known of it. */
static enum parse_status cut_head(struct h1 *h, struct h1_dir *d, struct bytes in,
				  struct message *ret)
{
	enum h1_kind kind = H1_UNKNOWN;
	struct h1_head head;
	uint32_t flags = MSG_F_BEGIN | MSG_F_TRUNCATED;

	if (!h1_start_plausible(in, (enum h1_kind)d->kind, &kind) ||
	    !h1_head_parse(in, kind, true, h->scratch, &head))
		return PARSE_INVALID;
	/* a method or status that is not whole says nothing */
	if (kind == H1_REQUEST ? !head.msg.method.len || !head.msg.target.len : head.msg.status < 0)
		return PARSE_INVALID;
	d->kind = (uint8_t)kind;
	d->body = 0;
	d->wire = in.len;
	d->scan = 0;
	if (kind == H1_REQUEST) {
		head.coding = H1_CODING_NONE;
		if (!frame_request(h, d, &head))
			return PARSE_INVALID;
		flags |= MSG_F_END | MSG_F_SIZE_UNKNOWN;
	} else {
		frame_response(h, d, &head, &flags);
		if (flags & (MSG_F_INTERIM | MSG_F_UPGRADE))
			return PARSE_INVALID; /* where it ends, and what comes then, is hidden */
		d->open = true;
	}
	ret->http = head.msg;
	ret->http.content_length = -1; /* another such field may stand in the rest */
	ret->head_size = in.len;
	fill(ret, d, flags);
	d->phase = PHASE_ADRIFT;
	return PARSE_OK;
}

static enum parse_status http1_gap(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				   struct message *ret, uint64_t *ret_used)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];
	uint64_t all = in.len + len;

	*ret_used = 0;
	switch ((enum phase)d->phase) {
	case PHASE_LENGTH:
	case PHASE_CHUNK_DATA:
		if (in.len)
			return PARSE_INVALID; /* a body leaves no rest */
		return body(d, len, ret, ret_used);
	case PHASE_HEAD:
		if (!in.len)
			return PARSE_INVALID; /* who knows what was there */
		*ret_used = all;
		return cut_head(h, d, in, ret);
	case PHASE_CHUNK_SIZE:
	case PHASE_CHUNK_END:
	case PHASE_TRAILER:
		d->phase = PHASE_ADRIFT;
		break;
	case PHASE_CLOSE:
	case PHASE_ADRIFT:
	case PHASE_TUNNEL:
		break;
	}
	if (d->phase != PHASE_TUNNEL) {
		d->body += all;
		d->wire += all;
	}
	*ret_used = all;
	return PARSE_SKIP;
}

static enum parse_status http1_eof(void *st, enum oe_dir dir, bool aborted, struct message *ret)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];

	if (!d->open)
		return PARSE_SKIP;
	if (d->phase == PHASE_CLOSE)
		return end_message(d, ret, aborted ? MSG_F_ABORTED : 0);
	if (d->phase == PHASE_ADRIFT)
		return end_message(d, ret, MSG_F_SIZE_UNKNOWN | (aborted ? MSG_F_ABORTED : 0));
	return end_message(d, ret, MSG_F_ABORTED);
}

static enum parse_status http1_run_end(void *st, enum oe_dir dir, struct message *ret)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];

	if (d->phase != PHASE_ADRIFT)
		return PARSE_SKIP;
	if (d->kind == H1_RESPONSE && h->cnt)
		return PARSE_INVALID; /* the answers of these may have gone by unseen as well */
	if (d->open)
		return end_message(d, ret, MSG_F_SIZE_UNKNOWN);
	d->phase = PHASE_HEAD;
	return PARSE_SKIP;
}

const struct proto_ops http1_ops = {
	.name = "http1",
	.state_size = sizeof(struct h1),
	.need_max = NEED_MAX,
	.detect = http1_detect,
	.parse = http1_parse,
	.gap = http1_gap,
	.eof = http1_eof,
	.run_end = http1_run_end,
};
