/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0 and HTTP/1.1 (RFC 9112).
 *
 * Each direction walks through its messages: a head, parsed as a whole, then a body whose end
 * follows from the head. Body bytes are counted, never looked at, but for those of gRPC-Web, whose
 * messages are counted and whose last part has the status of the call. The two directions share two
 * things: which of them carries requests (the first message tells), and the kinds of the requests
 * still waiting for their response (HEAD and CONNECT change how the response is framed), in a
 * bounded queue. A queue that overflows is INVALID: from there on no response could be framed for
 * sure.
 *
 * What is deliberately not done: contents, multipart, trailers' meaning.
 *
 * Every BEGIN is followed by exactly one END in its direction, unless INVALID comes between: then
 * the caller throws the whole state away and knows what was open.
 *
 * When bytes are missing. Inside a body of known length or inside a chunk nothing is lost. If the
 * gap hides where the message ends (a chunk border, the rest of a head), the direction is `adrift`:
 * what follows cannot be told apart until the other direction speaks, which on a connection without
 * pipelining is the end of the message; run_end() then says END|SIZE_UNKNOWN. With requests still
 * waiting behind it (pipelining) it says INVALID instead. A request whose head was cut says END at
 * once: its body cannot be told from its head. Sizes of a message that went adrift are lower
 * bounds: bytes that may be framing, or another message, are not counted. A message is never
 * searched for in the middle of a run: a body may hold anything, also what looks like a message.
 *
 * What is said of a cut head is what complete fields say. That none of them stands a second time in
 * the lost part is not proven; only content_length, which frames, is withheld for that reason.
 *
 * Heads beyond NEED_MAX are treated as if the rest had not been captured.
 *
 * An orphan (a response to a request that was never seen) may answer a HEAD request, and then
 * nothing follows its head whatever the fields say. Its body is believed only as long as it does
 * not begin like another response.
 */
#include <stdlib.h>

#include "probes/probe.h"
#include "probes/proto/grpc.h"
#include "probes/proto/http1_head.h"

#define NEED_MAX       65536u
#define LINE_MAX_CHUNK 4096u
#define WAITING_MAX    1024u
#define LONG_TARGET    1024u
#define ORPHAN_LOOK    8u /* "HTTP/1.1" */
#define START_LOOK     128u

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
	struct grpc_web *web; /* of a gRPC-Web message, until the next head */
	size_t scan;	      /* of an incomplete head or line: so much was searched for its end */
	uint8_t phase;
	uint8_t kind;  /* enum h1_kind, once known */
	uint8_t doubt; /* orphan: first bytes of its body still to be looked at */
	bool open;     /* BEGIN was said, END not yet */
	bool rpc;      /* the message is gRPC-Web's */
	bool sure;     /* PHASE_HEAD: here a message ended, so here the next one begins */
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

enum method {
	METHOD_OTHER = 0,
	METHOD_KNOWN,
	METHOD_STUCK, /* a known one with something before it */
};

static enum method method_of(struct bytes m)
{
	static const char *const names[] = {"GET",     "POST",	"PUT",	 "HEAD",    "DELETE",
					    "OPTIONS", "PATCH", "TRACE", "CONNECT", "QUERY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bytes name = bytes_str(names[i]);

		if (m.len >= name.len && bytes_eq(bytes_from(m, m.len - name.len), name))
			return m.len == name.len ? METHOD_KNOWN : METHOD_STUCK;
	}
	return METHOD_OTHER;
}

/* A first line longer than what is there: only what cannot be anything else counts. */
static bool surely_long_request(struct bytes method, struct bytes target)
{
	if (target.len < LONG_TARGET || method_of(method) != METHOD_KNOWN)
		return false;
	return target.data[0] == '/' || bytes_starts(target, BYTES_LIT("http://")) ||
	       bytes_starts(target, BYTES_LIT("https://")) ||
	       (target.data[0] == '*' && bytes_eq(method, BYTES_LIT("OPTIONS")));
}

static enum detect_result http1_detect(struct bytes in, enum oe_dir dir)
{
	enum h1_kind kind = H1_UNKNOWN;
	enum h1_start start;
	struct bytes method;
	const uint8_t *sp;

	while (in.len && (in.data[0] == '\r' || in.data[0] == '\n'))
		in = bytes_from(in, 1);
	if (!in.len)
		return DETECT_MAYBE;
	start = h1_start_line(in, H1_UNKNOWN, &kind);
	if (start == H1_START_NO)
		return DETECT_NO;
	sp = kind == H1_REQUEST ? memchr(in.data, ' ', in.len) : NULL;
	if (sp) {
		method = bytes_of(in.data, (size_t)(sp - in.data));
		/* see stuck() */
		if (method_of(method) == METHOD_STUCK)
			return DETECT_NO;
		if (start == H1_START_MAYBE &&
		    surely_long_request(method, bytes_from(in, method.len + 1)))
			return DETECT_YES;
	}
	return start == H1_START_YES ? DETECT_YES : DETECT_MAYBE;
}

static void fill(struct message *m, const struct h1_dir *d, uint32_t flags)
{
	memset(m, 0, sizeof(*m));
	m->family = d->rpc ? MSG_FAMILY_GRPC : MSG_FAMILY_HTTP;
	m->kind = d->kind == H1_REQUEST ? MSG_REQUEST : MSG_RESPONSE;
	m->flags = flags;
	m->body_size = d->body;
	m->wire_size = d->wire;
	m->http.status = -1;
	m->http.content_length = -1;
	m->rpc.status = -1;
	m->rpc.messages_unknown = true;
}

/* What a gRPC-Web body said. */
static void fill_rpc_end(struct message *m, const struct h1_dir *d)
{
	const struct grpc_web *w = d->web;

	if (!w) {
		/* no memory for its trailers */
		if (d->rpc && m->kind == MSG_RESPONSE)
			m->flags |= MSG_F_UNKNOWN;
		return;
	}
	m->rpc.messages = w->scan.messages;
	m->rpc.message_bytes = w->scan.bytes;
	m->rpc.messages_unknown = !grpc_scan_whole(&w->scan);
	if (m->kind != MSG_RESPONSE)
		return;
	m->rpc.status = grpc_status(grpc_web_field(w, BYTES_LIT("grpc-status")));
	m->rpc.status_text = grpc_web_field(w, BYTES_LIT("grpc-message"));
	/* lost, or behind more than is kept of trailers */
	if ((w->scan.lost || w->len == GRPC_WEB_TRAILERS) && m->rpc.status < 0)
		m->flags |= MSG_F_UNKNOWN;
}

static void start_rpc(struct h1_dir *d, struct bytes content_type)
{
	d->rpc = grpc_web_content_type(content_type);
	if (!d->rpc) {
		free(d->web);
		d->web = NULL;
		return;
	}
	if (!d->web)
		d->web = malloc(sizeof(*d->web));
	if (!d->web)
		return;
	memset(d->web, 0, sizeof(*d->web));
	d->web->text = bytes_starts(content_type, BYTES_LIT("application/grpc-web-text"));
}

static void next_message(struct h1_dir *d)
{
	d->phase = PHASE_HEAD;
	d->open = false;
	d->sure = true;
	d->doubt = 0;
	d->scan = 0;
}

static enum parse_status end_message(struct h1_dir *d, struct message *ret, uint32_t flags)
{
	fill(ret, d, MSG_F_END | flags);
	fill_rpc_end(ret, d);
	next_message(d);
	return PARSE_OK;
}

/*
 * A request that was still open when the response turned the connection into a tunnel: where it
 * ended is not known.
 */
static enum parse_status end_before_tunnel(struct h1_dir *d, struct message *ret)
{
	end_message(d, ret, MSG_F_SIZE_UNKNOWN);
	d->phase = PHASE_TUNNEL;
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
	/* a chunk size cannot be mistaken for a response: such a body needs no doubt */
	if ((*flags & MSG_F_ORPHAN) && (d->phase == PHASE_CLOSE || d->phase == PHASE_LENGTH))
		d->doubt = ORPHAN_LOOK;
}

/* RFC 9112 section 2.2: empty lines before a request line are ignored */
static enum parse_status parse_empty_line(const struct h1_dir *d, struct bytes in, size_t *ret_used)
{
	if (d->kind == H1_RESPONSE)
		return PARSE_INVALID;
	if (in.data[0] == '\n') {
		*ret_used = 1;
		return PARSE_SKIP;
	}
	if (in.len == 1)
		return PARSE_NEED_MORE;
	if (in.data[1] != '\n')
		return PARSE_INVALID;
	*ret_used = 2;
	return PARSE_SKIP;
}

static struct h1_dir *other_dir(struct h1 *h, const struct h1_dir *d)
{
	return d == &h->dir[0] ? &h->dir[1] : &h->dir[0];
}

/* Which direction says what is settled by the first message of either. */
static void set_kind(struct h1 *h, struct h1_dir *d, enum h1_kind kind)
{
	d->kind = (uint8_t)kind;
	other_dir(h, d)->kind = kind == H1_REQUEST ? H1_RESPONSE : H1_REQUEST;
}

/*
 * An interim response came (100 Continue), and of the request it belongs to we do not know where it
 * ends, because its head was cut or went by before we came: its body may follow.
 */
static void await_body(struct h1_dir *req)
{
	if (req->phase == PHASE_HEAD && !req->sure)
		req->phase = PHASE_ADRIFT;
}

/*
 * A run may start inside a body whose last bytes happen to be a word, and a request may follow:
 * "endGET / HTTP/1.1". Where no message ended before, such a method is not believed.
 */
static bool stuck(const struct h1_dir *d, struct bytes method)
{
	return !d->sure && method_of(method) == METHOD_STUCK;
}

/* The head's bytes are all there: `in` is exactly the head. */
static enum parse_status whole_head(struct h1 *h, struct h1_dir *d, struct bytes in,
				    struct message *ret)
{
	enum h1_kind kind = H1_UNKNOWN;
	struct h1_head head;
	uint32_t flags = MSG_F_BEGIN;

	if (h1_start_line(in, (enum h1_kind)d->kind, &kind) != H1_START_YES ||
	    !h1_head_parse(in, kind, false, h->scratch, &head) || stuck(d, head.msg.method))
		return PARSE_INVALID;
	set_kind(h, d, kind);
	if (kind == H1_REQUEST || head.msg.status >= 200)
		start_rpc(d, head.msg.content_type);
	d->sure = true;
	d->body = 0;
	d->wire = in.len;
	d->scan = 0;
	if (kind == H1_REQUEST) {
		if (!frame_request(h, d, &head))
			return PARSE_INVALID;
	} else {
		frame_response(h, d, &head, &flags);
		if (flags & MSG_F_INTERIM)
			await_body(other_dir(h, d));
	}
	if (flags & MSG_F_UPGRADE)
		h->dir[0].phase = h->dir[1].phase = PHASE_TUNNEL;
	else
		d->open = d->phase != PHASE_HEAD;
	if (!d->open)
		flags |= MSG_F_END;
	fill(ret, d, flags);
	ret->http = head.msg;
	ret->rpc = head.rpc;
	ret->rpc.messages_unknown = d->rpc && d->open;
	ret->head_size = in.len;
	return PARSE_OK;
}

/* A head whose rest was not captured: what is known of it. */
static enum parse_status cut_head(struct h1 *h, struct h1_dir *d, struct bytes in,
				  struct message *ret)
{
	enum h1_kind kind = H1_UNKNOWN;
	struct h1_head head;
	uint32_t flags = MSG_F_BEGIN | MSG_F_TRUNCATED;

	if (h1_start_line(in, (enum h1_kind)d->kind, &kind) == H1_START_NO ||
	    !h1_head_parse(in, kind, true, h->scratch, &head) || stuck(d, head.msg.method))
		return PARSE_INVALID;
	/* a method or status that is not whole says nothing */
	if (kind == H1_REQUEST ? !head.msg.method.len || !head.msg.target.len : head.msg.status < 0)
		return PARSE_INVALID;
	set_kind(h, d, kind);
	start_rpc(d, head.msg.content_type);
	if (d->web)
		d->web->scan.lost = true;
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
		if (flags & MSG_F_INTERIM)
			return PARSE_INVALID; /* the final response may hide in the same gap */
		if (flags & MSG_F_UPGRADE)
			flags |= MSG_F_END | MSG_F_SIZE_UNKNOWN;
	}
	d->doubt = 0;
	d->open = !(flags & MSG_F_END);
	d->phase = PHASE_ADRIFT;
	if (flags & MSG_F_UPGRADE)
		h->dir[0].phase = h->dir[1].phase = PHASE_TUNNEL;
	fill(ret, d, flags);
	ret->http = head.msg;
	ret->http.content_length = -1; /* another such field may stand in the rest */
	ret->head_size = in.len;
	return PARSE_OK;
}

static enum parse_status parse_head(struct h1 *h, struct h1_dir *d, struct bytes in,
				    struct message *ret, size_t *ret_used)
{
	enum h1_kind kind = H1_UNKNOWN;
	enum parse_status ps;
	size_t end;

	if (in.data[0] == '\n' || in.data[0] == '\r')
		return parse_empty_line(d, in, ret_used);
	end = h1_head_end(in, &d->scan);
	if (end) {
		ps = whole_head(h, d, bytes_head(in, end), ret);
	} else if (in.len >= NEED_MAX) {
		end = in.len;
		ps = cut_head(h, d, in, ret);
	} else {
		/* only the start of the line is looked at again and again: bounded */
		return h1_start_line(bytes_head(in, START_LOOK), (enum h1_kind)d->kind, &kind) !=
				       H1_START_NO
			       ? PARSE_NEED_MORE
			       : PARSE_INVALID;
	}
	if (ps == PARSE_OK)
		*ret_used = end;
	return ps;
}

/*
 * One line, as far as `max` bytes: *ret_line is set without its end, *ret_used with it. Bytes are
 * searched once only, however often they are shown.
 */
static enum parse_status whole_line(struct h1_dir *d, struct bytes in, size_t max,
				    struct bytes *ret_line, size_t *ret_used)
{
	size_t from = d->scan < in.len ? d->scan : in.len;
	const uint8_t *nl = from < in.len ? memchr(in.data + from, '\n', in.len - from) : NULL;
	size_t n;

	if (!nl) {
		d->scan = in.len;
		return in.len > max ? PARSE_INVALID : PARSE_NEED_MORE;
	}
	d->scan = 0;
	n = (size_t)(nl - in.data);
	if (n > max)
		return PARSE_INVALID;
	*ret_used = n + 1;
	*ret_line = bytes_head(in, n && in.data[n - 1] == '\r' ? n - 1 : n);
	return PARSE_OK;
}

/* The hex digits at the start of a chunk. False: not a number, or one too large. */
static bool chunk_number(struct bytes in, size_t *ret_digits, uint64_t *ret_n)
{
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
		if (n >> 58)
			return false;
		n = n << 4 | c;
	}
	*ret_digits = i;
	*ret_n = n;
	return i > 0;
}

/* chunk-size [ ext ] CRLF */
static enum parse_status parse_chunk_size(struct h1_dir *d, struct bytes in, size_t *ret_used)
{
	struct bytes line;
	enum parse_status ps;
	size_t digits, used = 0;
	uint64_t n;

	/* what cannot be one is told at the first byte, not after a line */
	if (!chunk_number(bytes_head(in, 1), &digits, &n))
		return PARSE_INVALID;
	ps = whole_line(d, in, LINE_MAX_CHUNK, &line, &used);
	if (ps != PARSE_OK)
		return ps;
	if (!chunk_number(line, &digits, &n))
		return PARSE_INVALID;
	if (digits < line.len && line.data[digits] != ';' && line.data[digits] != ' ' &&
	    line.data[digits] != '\t')
		return PARSE_INVALID;
	if (!h1_text_valid(bytes_from(line, digits)))
		return PARSE_INVALID;
	d->wire += used;
	d->left = n;
	d->phase = n ? PHASE_CHUNK_DATA : PHASE_TRAILER;
	*ret_used = used;
	return PARSE_SKIP;
}

/* The line end behind a chunk's data. */
static enum parse_status parse_chunk_end(struct h1_dir *d, struct bytes in, size_t *ret_used)
{
	size_t n = in.data[0] == '\r' ? 2 : 1;

	if (n > in.len)
		return PARSE_NEED_MORE;
	if (in.data[n - 1] != '\n')
		return PARSE_INVALID;
	d->wire += n;
	d->phase = PHASE_CHUNK_SIZE;
	*ret_used = n;
	return PARSE_SKIP;
}

static enum parse_status parse_trailer(struct h1_dir *d, struct bytes in, struct message *ret,
				       size_t *ret_used)
{
	struct bytes line;
	size_t used = 0;
	enum parse_status ps = whole_line(d, in, NEED_MAX / 2, &line, &used);

	if (ps != PARSE_OK)
		return ps;
	if (line.len && !h1_field_line_valid(line))
		return PARSE_INVALID;
	d->wire += used;
	*ret_used = used;
	return line.len ? PARSE_SKIP : end_message(d, ret, 0);
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

/* False: what should be an orphan's body is another response. */
static bool still_credible(struct h1_dir *d, struct bytes in)
{
	static const char v[] = "HTTP/1.";

	for (size_t i = 0; d->doubt && i < in.len; i++) {
		unsigned int at = ORPHAN_LOOK - d->doubt;

		/* the eighth is the digit: whatever it is, nothing else begins so */
		if (at < 7 && in.data[i] != v[at]) {
			d->doubt = 0;
			break;
		}
		if (--d->doubt == 0)
			return false;
	}
	return true;
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
	if (d->doubt &&
	    !still_credible(d, bytes_head(in, d->phase == PHASE_LENGTH && d->left < in.len
						      ? (size_t)d->left
						      : in.len)))
		return PARSE_INVALID;
	switch ((enum phase)d->phase) {
	case PHASE_HEAD:
		return parse_head(h, d, in, ret, ret_used);
	case PHASE_LENGTH:
	case PHASE_CHUNK_DATA:
		if (d->web)
			grpc_web_body(d->web,
				      d->left < in.len ? bytes_head(in, (size_t)d->left) : in);
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
		if (d->web)
			grpc_web_body(d->web, in);
		d->body += in.len;
		d->wire += in.len;
		break;
	case PHASE_ADRIFT:
		break;
	case PHASE_TUNNEL:
		if (d->open)
			return end_before_tunnel(d, ret);
		break;
	}
	*ret_used = in.len;
	return PARSE_SKIP;
}

static enum parse_status http1_gap(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				   struct message *ret, uint64_t *ret_used)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];
	uint64_t all = in.len + len;
	enum parse_status ps;

	*ret_used = 0;
	if (d->doubt)
		return PARSE_INVALID; /* the bytes that would have told are missing */
	d->scan = 0;
	if (d->web && len)
		grpc_web_gap(d->web, d->phase == PHASE_LENGTH && d->left < len ? d->left : len);
	switch ((enum phase)d->phase) {
	case PHASE_LENGTH:
	case PHASE_CHUNK_DATA:
		if (in.len)
			return PARSE_INVALID; /* a body leaves no rest */
		return body(d, len, ret, ret_used);
	case PHASE_HEAD:
		if (!in.len)
			return PARSE_INVALID; /* who knows what was there */
		ps = cut_head(h, d, in, ret);
		if (ps == PARSE_OK)
			*ret_used = all;
		return ps;
	case PHASE_CHUNK_SIZE:
	case PHASE_CHUNK_END:
	case PHASE_TRAILER:
		d->phase = PHASE_ADRIFT;
		break;
	case PHASE_CLOSE:
		d->body += all;
		d->wire += all;
		break;
	case PHASE_ADRIFT:
		break;
	case PHASE_TUNNEL:
		if (d->open)
			return end_before_tunnel(d, ret);
		break;
	}
	*ret_used = all;
	return PARSE_SKIP;
}

static enum parse_status http1_eof(void *st, enum oe_dir dir, bool aborted, struct message *ret)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];

	d->scan = 0; /* the incomplete rest is gone */
	if (!d->open)
		return PARSE_SKIP;
	switch ((enum phase)d->phase) {
	case PHASE_TUNNEL:
		return end_before_tunnel(d, ret);
	case PHASE_CLOSE:
		return end_message(d, ret, aborted ? MSG_F_ABORTED : 0);
	case PHASE_ADRIFT:
		return end_message(d, ret, MSG_F_SIZE_UNKNOWN | (aborted ? MSG_F_ABORTED : 0));
	default:
		return end_message(d, ret, MSG_F_ABORTED);
	}
}

static enum parse_status http1_run_end(void *st, enum oe_dir dir, struct message *ret)
{
	struct h1 *h = st;
	struct h1_dir *d = &h->dir[dir];
	/* nothing of the body was there: an answer to HEAD, as it seems */
	bool bodiless = d->doubt == ORPHAN_LOOK;

	if (d->phase == PHASE_TUNNEL && d->open)
		return end_before_tunnel(d, ret);
	if (d->phase != PHASE_ADRIFT && !bodiless)
		return PARSE_SKIP;
	if (d->kind == H1_RESPONSE && h->cnt)
		return PARSE_INVALID; /* the answers of these may have gone by unseen as well */
	if (d->open) {
		end_message(d, ret, MSG_F_SIZE_UNKNOWN);
		d->sure = false;
		return PARSE_OK;
	}
	next_message(d);
	d->sure = false;
	return PARSE_SKIP;
}

static void http1_done(void *st)
{
	struct h1 *h = st;

	free(h->dir[0].web);
	free(h->dir[1].web);
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
	.state_done = http1_done,
};
