/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 (RFC 9113): frames of both directions -> messages of streams.
 *
 * MET LATE. A connection whose preface we did not see is recognised by its frames: an I/O that
 * starts with the header of a plausible frame. From there on frames follow each other. Its header
 * tables are not known (hpack.h), so fields may be unknown: MSG_F_UNKNOWN. Status, method and path
 * from static and literal fields are right at once. Which direction is the client's says the first
 * header block that has a pseudo field.
 *
 * LOSS. Bytes that were not captured are stepped over inside DATA. Elsewhere they hide frames: what
 * is open can no longer be followed (MSG_F_LOST), the header table of this direction is unknown
 * from here on, and parsing goes on at the next I/O that starts with a frame. The other
 * direction keeps its table.
 *
 * STREAMS. At most H2_STREAMS_MAX are followed; the oldest goes first and is told as lost. A pushed
 * stream is nobody's request: its header blocks are decoded for the table's sake and that is all.
 * An extended CONNECT (RFC 8441) and CONNECT end with their response head: what follows is another
 * protocol's.
 *
 * MEMORY per connection: the state, two header tables (hpack.h), streams (http2_stream.h), a header
 * block that comes in pieces (H2_BLOCK_MAX) and the fields of the last one.
 */
#include "bpf/sniff.h"
#include "probes/probe.h"
#include "probes/proto/http2_fields.h"
#include "probes/proto/http2_stream.h"

#define H2_BLOCK_MAX  65536u
#define H2_FIELDS_MAX 32768u
#define FRAME_HEAD    9u
#define H2_NEED_MAX   64u
#define KEEP	      1024u

/* RFC 9113 section 6 */
enum frame_type {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_RST_STREAM = 3,
	FRAME_PUSH_PROMISE = 5,
	FRAME_GOAWAY = 7,
	FRAME_CONTINUATION = 9,
};

#define FLAG_END_STREAM	 0x01
#define FLAG_END_HEADERS 0x04
#define FLAG_PADDED	 0x08
#define FLAG_PRIORITY	 0x20

#define REFUSED_STREAM 7u

static const struct bytes preface = BYTES_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

struct h2_dir {
	struct hpack hpack;
	struct buf
		block;	 /* a header block in pieces: whole frames before, the current one behind */
	uint32_t before; /* of block: from earlier frames, stripped */
	uint32_t left;	 /* payload of the current frame still to come */
	uint32_t id;
	uint32_t block_wire; /* bytes of the block's frames on the wire */
	uint8_t type, flags; /* of the current frame */
	uint8_t first_flags; /* of the frame that began the block */
	bool aligned;	     /* the next byte is known to be the start of a frame, or inside one */
	bool in_frame, in_block;
	bool pushed;	/* the block is a PUSH_PROMISE's */
	bool block_cut; /* parts of the block are missing */
	bool pad_next;	/* the next payload byte is the length of the padding */
	uint8_t pad;
};

struct h2 {
	struct h2_dir dir[2];
	struct buf fields;
	struct h2_streams streams;
	uint32_t first_id, last_id;	 /* of the requests seen */
	uint32_t unseen_from, unseen_to; /* of those that the last jump of ids left out; 0: none */
	uint8_t client;			 /* 1 + direction of requests, 0 = not known yet */
	bool ready, adopt;
	bool doomed; /* all streams are lost; freed by the next call, since the caller lets go of
			their owners now */
};

/* ---- what is said ---- */

static bool from_client(const struct h2 *h, enum oe_dir dir)
{
	return h->client == 1 + dir;
}

static void fill(struct message *m, struct h2_stream *s, bool request, uint32_t flags)
{
	memset(m, 0, sizeof(*m));
	m->family = s->family;
	m->kind = request ? MSG_REQUEST : MSG_RESPONSE;
	m->flags = flags;
	m->stream_id = s->id;
	m->owner = &s->owner;
	m->http.status = m->rpc.status = -1;
	m->http.content_length = -1;
}

static void fill_end(struct message *m, struct h2_side *side)
{
	m->flags |= MSG_F_END | (side->unknown ? MSG_F_SIZE_UNKNOWN : 0);
	m->body_size = side->body;
	m->wire_size = side->wire;
	m->rpc.messages = side->scan.messages;
	m->rpc.message_bytes = side->scan.bytes;
	m->rpc.messages_unknown = !grpc_scan_whole(&side->scan);
	side->ended = true;
}

/* Nothing more will be said about it, or needs to be looked at. */
static bool over(const struct h2_stream *s)
{
	return s->side[0].ended && s->side[1].ended;
}

/* All streams are lost, and the place in this direction's stream. */
static enum parse_status lost(struct h2 *h, struct h2_dir *d, struct message *m)
{
	hpack_forget(&d->hpack);
	buf_clear(&d->block, KEEP);
	d->aligned = d->in_frame = d->in_block = d->pad_next = false;
	d->before = d->left = 0;
	h->adopt = false;
	if (!h->streams.oldest)
		return PARSE_SKIP;
	h->doomed = true;
	memset(m, 0, sizeof(*m));
	m->kind = MSG_REQUEST;
	m->flags = MSG_F_LOST;
	m->http.status = m->rpc.status = -1;
	return PARSE_OK;
}

/* The oldest goes to make room. */
static enum parse_status evict(struct h2 *h, struct message *m)
{
	struct h2_stream *s = h->streams.oldest;

	fill(m, s, true, MSG_F_LOST);
	h2_stream_end(&h->streams, s);
	return PARSE_OK;
}

/*
 * Which family? gRPC is a POST whose content type says so. Where fields of unknown name may be the
 * content type the answer waits for the response; the end of the stream decides by structure.
 */
static void classify(struct h2_stream *s, const struct h2_fields *f)
{
	if (s->family != MSG_FAMILY_NONE)
		return;
	if (grpc_content_type(f->http.content_type))
		s->family = MSG_FAMILY_GRPC;
	else if (f->http.content_type.len || !f->unknown || !s->post)
		s->family = MSG_FAMILY_HTTP;
}

/* Only gRPC has a status in trailers, and bodies of both sides that are whole messages. */
static void classify_at_end(struct h2_stream *s, const struct h2_fields *trailers)
{
	if (s->family != MSG_FAMILY_NONE)
		return;
	if (trailers && trailers->has_status)
		s->family = MSG_FAMILY_GRPC;
	else if (trailers && s->side[0].scan.messages && grpc_scan_whole(&s->side[0].scan) &&
		 grpc_scan_whole(&s->side[1].scan))
		s->family = MSG_FAMILY_GRPC;
	else if (trailers ? !trailers->unknown : s->side[1].scan.lost || !s->side[1].scan.messages)
		s->family = MSG_FAMILY_HTTP;
}

static void fill_fields(struct message *m, const struct h2_fields *f)
{
	m->http = f->http;
	m->rpc = f->rpc;
	if (f->unknown)
		m->flags |= MSG_F_UNKNOWN;
}

static enum parse_status request_head(struct h2 *h, struct h2_dir *d, const struct h2_fields *f,
				      struct message *m)
{
	struct h2_stream *s = h2_stream_find(&h->streams, d->id);
	bool end = d->first_flags & FLAG_END_STREAM;

	if (!s) {
		if (!f->request && !(f->unknown && d->id > h->last_id))
			return PARSE_SKIP; /* the trailers of a request from before our time */
		s = h2_stream_new(&h->streams, d->id);
		if (!s)
			return PARSE_INVALID;
		if (!h->first_id)
			h->first_id = d->id;
		if (h->last_id && d->id > h->last_id + 2) {
			h->unseen_from = h->last_id + 2;
			h->unseen_to = d->id - 2;
		}
		if (d->id > h->last_id)
			h->last_id = d->id;
		s->post = !f->http.method.len || bytes_eq(f->http.method, BYTES_LIT("POST"));
		s->connect = bytes_eq(f->http.method, BYTES_LIT("CONNECT"));
		classify(s, f);
		s->side[0].begun = true;
		s->side[0].wire = d->block_wire;
		fill(m, s, true, MSG_F_BEGIN | (d->block_cut ? MSG_F_TRUNCATED : 0));
		fill_fields(m, f);
		m->head_size = d->block_wire;
		if (f->protocol.len)
			m->http.upgrade = f->protocol;
	} else {
		if (s->side[0].ended)
			return PARSE_SKIP;
		s->side[0].wire += d->block_wire;
		end = true;
		fill(m, s, true, 0);
	}
	if (end)
		fill_end(m, &s->side[0]);
	if (over(s))
		h2_stream_end(&h->streams, s);
	return PARSE_OK;
}

/* Was a request of this number never seen, though we were there? */
static bool unseen(const struct h2 *h, uint32_t id)
{
	return (id & 1) &&
	       (id > h->last_id || (h->unseen_from && id >= h->unseen_from && id <= h->unseen_to));
}

static enum parse_status response_head(struct h2 *h, struct h2_dir *d, const struct h2_fields *f,
				       struct message *m)
{
	struct h2_stream *s = h2_stream_find(&h->streams, d->id);
	bool end = d->first_flags & FLAG_END_STREAM;
	struct h2_side *side;

	if (!s) {
		struct h2_stream none = {.id = d->id, .family = MSG_FAMILY_HTTP};

		/* of a request from before our time, or one that was lost; others were reset, and
		 * what still comes is nobody's */
		if (!f->response || f->http.status < 200 ||
		    (h->first_id && d->id >= h->first_id && !unseen(h, d->id)))
			return PARSE_SKIP;
		fill(m, &none, false, MSG_F_BEGIN | MSG_F_END | MSG_F_ORPHAN);
		m->owner = NULL;
		fill_fields(m, f);
		return PARSE_OK;
	}
	side = &s->side[1];
	if (side->ended)
		return PARSE_SKIP;
	side->wire += d->block_wire;
	if (side->begun) {
		classify_at_end(s, f);
		fill(m, s, false, 0);
		m->rpc = f->rpc;
		m->flags |= f->unknown ? MSG_F_UNKNOWN : 0;
		end = true;
	} else if (f->http.status >= 100 && f->http.status < 200) {
		fill(m, s, false, MSG_F_BEGIN | MSG_F_END | MSG_F_INTERIM);
		fill_fields(m, f);
		return PARSE_OK;
	} else {
		classify(s, f);
		if (end)
			classify_at_end(s, f);
		side->begun = true;
		fill(m, s, false, MSG_F_BEGIN | (d->block_cut ? MSG_F_TRUNCATED : 0));
		fill_fields(m, f);
		m->head_size = d->block_wire;
		if (s->connect && f->http.status >= 200 && f->http.status < 300) {
			side->unknown = true;
			end = true;
		}
	}
	if (end)
		fill_end(m, side);
	if (over(s))
		h2_stream_end(&h->streams, s);
	return PARSE_OK;
}

/* ---- header blocks ---- */

/* A block is complete: `block` without padding and priority. */
static enum parse_status block_done(struct h2 *h, enum oe_dir dir, struct bytes block,
				    struct message *m)
{
	struct h2_dir *d = &h->dir[dir];
	struct h2_fields f;
	enum hpack_status st = h2_fields_read(&d->hpack, block, d->block_cut, &h->fields, &f);

	d->in_block = false;
	if (st == HPACK_ERROR)
		return PARSE_INVALID;
	if (st == HPACK_NOMEM || d->block_cut)
		f.unknown = true;
	if (d->pushed)
		return PARSE_SKIP;
	if (!h->client && (f.request || f.response))
		h->client = (uint8_t)(f.request ? 1 + dir : 2 - dir);
	if (!h->client || !(d->id & 1))
		return PARSE_SKIP;
	return from_client(h, dir) ? request_head(h, d, &f, m) : response_head(h, d, &f, m);
}

/* Bytes before and behind the fragment in a HEADERS or PUSH_PROMISE frame. False: malformed. */
static bool strip(const struct h2_dir *d, struct bytes *frame)
{
	size_t front = 0, back = 0;

	if (d->type == FRAME_CONTINUATION)
		return true;
	if (d->flags & FLAG_PADDED) {
		if (!frame->len)
			return d->block_cut;
		front = 1;
		back = frame->data[0];
	}
	if (d->type == FRAME_PUSH_PROMISE)
		front += 4;
	else if (d->flags & FLAG_PRIORITY)
		front += 5;
	if (d->block_cut) /* the padding is not there */
		back = 0;
	if (frame->len < front + back) {
		*frame = BYTES_NONE;
		return d->block_cut;
	}
	back = frame->len - front - back;
	*frame = bytes_head(bytes_from(*frame, front), back);
	return true;
}

/* A frame of a header block has ended; its payload is d->block from d->before on, or `whole`. */
static enum parse_status block_frame_end(struct h2 *h, enum oe_dir dir, const struct bytes *whole,
					 struct message *m)
{
	struct h2_dir *d = &h->dir[dir];
	struct bytes frame = whole ? *whole : bytes_from(buf_bytes(&d->block), d->before);
	enum parse_status ps;

	d->in_frame = false;
	if (!strip(d, &frame))
		return PARSE_INVALID;
	if (!whole) {
		if (frame.len)
			memmove(d->block.data + d->before, frame.data, frame.len);
		d->block.len = d->before + frame.len;
		d->before = (uint32_t)d->block.len;
		frame = buf_bytes(&d->block);
	}
	if (!(d->flags & FLAG_END_HEADERS))
		return PARSE_SKIP;
	ps = block_done(h, dir, frame, m);
	if (!whole) {
		buf_clear(&d->block, KEEP);
		d->before = 0;
	}
	return ps;
}

/* Payload of a HEADERS, PUSH_PROMISE or CONTINUATION frame, in pieces. */
static enum parse_status block_bytes(struct h2 *h, enum oe_dir dir, struct bytes in,
				     struct message *m)
{
	struct h2_dir *d = &h->dir[dir];

	d->left -= (uint32_t)in.len;
	if (!d->block_cut && buf_add(&d->block, in.data, in.len))
		d->block_cut = true; /* larger than any server accepts */
	return d->left ? PARSE_SKIP : block_frame_end(h, dir, NULL, m);
}

/* ---- DATA ---- */

/* Payload of a DATA frame; data NULL: `len` bytes that were not captured. */
static enum parse_status data_bytes(struct h2 *h, enum oe_dir dir, const uint8_t *data, size_t len,
				    struct message *m)
{
	struct h2_dir *d = &h->dir[dir];
	bool client = from_client(h, dir);
	struct h2_stream *s = h->client ? h2_stream_find(&h->streams, d->id) : NULL;
	struct h2_side *side = s ? &s->side[client ? 0 : 1] : NULL;
	uint32_t body, began = 0;

	if (side && (side->ended || !side->begun))
		side = NULL; /* what comes before its head is nobody's either */
	if (side)
		side->wire += len;
	if (d->pad_next && len) {
		d->pad_next = false;
		d->left--;
		len--;
		if (data)
			d->pad = *data++;
		else if (side) {
			side->unknown = side->scan.lost = true;
			/* so that the size is a lower bound */
			d->pad = d->left < 255 ? (uint8_t)d->left : 255;
		}
		if (d->pad > d->left)
			return PARSE_INVALID;
	}
	/* of these bytes, those before the padding */
	body = d->left - d->pad < len ? d->left - d->pad : (uint32_t)len;
	if (d->left < d->pad)
		body = 0;
	d->left -= (uint32_t)len;
	if (d->left < d->pad)
		d->pad = (uint8_t)d->left;
	if (side) {
		side->body += body;
		if (s->family != MSG_FAMILY_HTTP) {
			if (data)
				began = grpc_scan(&side->scan, bytes_of(data, body));
			else
				grpc_scan_gap(&side->scan, body);
		}
	}
	if (!d->left)
		d->in_frame = false;
	if (!side)
		return PARSE_SKIP;
	if (d->left || !(d->flags & FLAG_END_STREAM)) {
		if (!began)
			return PARSE_SKIP;
		fill(m, s, client, MSG_F_PART);
		return PARSE_OK;
	}
	if (!client)
		classify_at_end(s, NULL);
	fill(m, s, client, began ? MSG_F_PART : 0);
	fill_end(m, side);
	if (over(s))
		h2_stream_end(&h->streams, s);
	return PARSE_OK;
}

/* ---- frames ---- */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum parse_status reset(struct h2 *h, enum oe_dir dir, uint32_t code, struct message *m)
{
	struct h2_dir *d = &h->dir[dir];
	struct h2_stream *s = h->client ? h2_stream_find(&h->streams, d->id) : NULL;

	if (!s)
		return PARSE_SKIP;
	fill(m, s, from_client(h, dir), MSG_F_RESET);
	m->reset_code = code;
	h2_stream_end(&h->streams, s);
	return PARSE_OK;
}

/* Streams that the server says it will not answer; one at a time. */
static enum parse_status refused(struct h2 *h, enum oe_dir dir, uint32_t last, struct message *m)
{
	struct h2_stream *s = h->streams.newest;

	if (!h->client || from_client(h, dir))
		return PARSE_SKIP;
	while (s && (s->id <= last || s->side[1].begun))
		s = s->older;
	if (!s)
		return PARSE_SKIP;
	fill(m, s, false, MSG_F_RESET);
	m->reset_code = REFUSED_STREAM;
	h2_stream_end(&h->streams, s);
	return PARSE_OK;
}

/* A frame's header is there. Consumes it, and what of the payload is needed at once. */
static enum parse_status frame(struct h2 *h, enum oe_dir dir, struct bytes in, struct message *m,
			       size_t *ret_used)
{
	struct h2_dir *d = &h->dir[dir];
	uint32_t len = (uint32_t)in.data[0] << 16 | (uint32_t)in.data[1] << 8 | in.data[2];
	uint8_t type = in.data[3], flags = in.data[4];
	uint32_t id = be32(in.data + 5) & 0x7fffffff;
	struct bytes payload = bytes_head(bytes_from(in, FRAME_HEAD), len);
	struct h2_stream *s;
	enum parse_status ps;

	if (!oe_h2_frame_ok(len, type, id) || d->in_block != (type == FRAME_CONTINUATION) ||
	    (d->in_block && id != d->id))
		return PARSE_INVALID;
	if ((type == FRAME_RST_STREAM || type == FRAME_GOAWAY) && payload.len < 4)
		return PARSE_NEED_MORE;
	if (type == FRAME_HEADERS && h->streams.cnt >= H2_STREAMS_MAX && from_client(h, dir) &&
	    !h2_stream_find(&h->streams, id)) {
		*ret_used = 0;
		return evict(h, m);
	}
	if (type == FRAME_GOAWAY) {
		ps = refused(h, dir, be32(payload.data) & 0x7fffffff, m);
		*ret_used = 0;
		if (ps == PARSE_OK)
			return ps;
	}
	d->type = type;
	d->flags = flags;
	d->id = id;
	d->left = len;
	d->in_frame = true;
	*ret_used = FRAME_HEAD;
	switch (type) {
	case FRAME_DATA:
		d->pad = 0;
		d->pad_next = flags & FLAG_PADDED;
		s = h->client ? h2_stream_find(&h->streams, id) : NULL;
		if (s)
			s->side[from_client(h, dir) ? 0 : 1].wire += FRAME_HEAD;
		if (!len)
			return data_bytes(h, dir, in.data, 0, m);
		return PARSE_SKIP;
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
		d->first_flags = flags;
		d->pushed = type == FRAME_PUSH_PROMISE;
		d->block_cut = false;
		d->block_wire = 0;
		d->in_block = true;
		/* fall through */
	case FRAME_CONTINUATION:
		d->block_wire += FRAME_HEAD + len;
		if (payload.len == len && type != FRAME_CONTINUATION &&
		    (flags & FLAG_END_HEADERS)) {
			*ret_used = FRAME_HEAD + len;
			d->left = 0;
			return block_frame_end(h, dir, &payload, m);
		}
		return len ? PARSE_SKIP : block_frame_end(h, dir, NULL, m);
	case FRAME_RST_STREAM:
		ps = reset(h, dir, be32(payload.data), m);
		break;
	default:
		ps = PARSE_SKIP;
		break;
	}
	*ret_used += payload.len;
	d->left -= (uint32_t)payload.len;
	d->in_frame = d->left > 0;
	return ps;
}

/* Payload of a frame whose header was consumed before. */
static enum parse_status payload_bytes(struct h2 *h, enum oe_dir dir, struct bytes in,
				       struct message *m, size_t *ret_used)
{
	struct h2_dir *d = &h->dir[dir];

	in = bytes_head(in, d->left);
	*ret_used = in.len;
	switch (d->type) {
	case FRAME_DATA:
		return data_bytes(h, dir, in.data, in.len, m);
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
	case FRAME_CONTINUATION:
		return block_bytes(h, dir, in, m);
	default:
		d->left -= (uint32_t)in.len;
		d->in_frame = d->left > 0;
		return PARSE_SKIP;
	}
}

/*
 * Do these bytes start with frames? Every header in view must be plausible, and the last frame must
 * end with the bytes or reach beyond them. `strong`: nothing else says that this is HTTP/2.
 */
static bool frames_ahead(struct bytes in, bool strong)
{
	unsigned int heads = 0;
	size_t at = 0;

	while (in.len - at >= FRAME_HEAD) {
		const uint8_t *p = in.data + at;
		uint32_t len = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		if (oe_sniff_h2(p, FRAME_HEAD) != OE_SNIFF_YES)
			return false;
		heads++;
		if (len > in.len - at - FRAME_HEAD)
			return heads > 1 || (!strong && p[3] != FRAME_DATA);
		at += FRAME_HEAD + len;
	}
	return heads > 1 || (heads == 1 && (at == in.len || !strong));
}

static void make_ready(struct h2 *h)
{
	if (h->ready)
		return;
	h->ready = true;
	buf_init(&h->fields, H2_FIELDS_MAX);
	for (int i = 0; i < 2; i++)
		buf_init(&h->dir[i].block, H2_BLOCK_MAX);
}

/* Looks for the place where frames start. */
static enum parse_status align(struct h2 *h, enum oe_dir dir, struct bytes in, size_t *ret_used)
{
	struct h2_dir *d = &h->dir[dir];

	if (bytes_starts(preface, bytes_head(in, preface.len))) {
		if (in.len < preface.len)
			return PARSE_NEED_MORE;
		if (!h->client) { /* known from its first byte */
			h->client = (uint8_t)(1 + dir);
			hpack_start(&h->dir[0].hpack);
			hpack_start(&h->dir[1].hpack);
		}
		d->aligned = true;
		*ret_used = preface.len;
		return PARSE_SKIP;
	}
	if (in.len < FRAME_HEAD && in.data[0] == 0)
		return PARSE_NEED_MORE;
	*ret_used = in.len;
	if (!frames_ahead(in, false)) {
		hpack_forget(&d->hpack);
		return PARSE_SKIP;
	}
	d->aligned = true;
	return PARSE_OK;
}

static void bury_doomed(struct h2 *h)
{
	if (!h->doomed)
		return;
	h->doomed = false;
	h2_streams_end(&h->streams);
}

static enum parse_status h2_parse(void *st, enum oe_dir dir, struct bytes in,
				  struct message *ret_msg, size_t *ret_used)
{
	struct h2 *h = st;
	struct h2_dir *d = &h->dir[dir];
	enum parse_status ps;
	size_t at = 0;

	make_ready(h);
	bury_doomed(h);
	if (h->adopt) {
		struct h2_stream *s = h2_stream_find(&h->streams, 1);

		h->adopt = false;
		if (s) {
			fill(ret_msg, s, true, MSG_F_ADOPT);
			*ret_used = 0;
			return PARSE_OK;
		}
	}
	if (!d->aligned) {
		ps = align(h, dir, in, ret_used);
		if (ps != PARSE_OK)
			return ps;
	}
	while (at < in.len) {
		size_t used = 0;

		if (d->in_frame)
			ps = payload_bytes(h, dir, bytes_from(in, at), ret_msg, &used);
		else if (in.len - at < FRAME_HEAD)
			break;
		else
			ps = frame(h, dir, bytes_from(in, at), ret_msg, &used);
		if (ps == PARSE_INVALID)
			return ps;
		if (ps == PARSE_NEED_MORE)
			break;
		at += used;
		if (ps == PARSE_OK) {
			*ret_used = at;
			return ps;
		}
	}
	*ret_used = at;
	return at ? PARSE_SKIP : PARSE_NEED_MORE;
}

static enum parse_status h2_gap(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				struct message *ret_msg, uint64_t *ret_used)
{
	struct h2 *h = st;
	struct h2_dir *d = &h->dir[dir];
	uint32_t n = len < d->left ? (uint32_t)len : d->left;
	struct message none = {0};

	make_ready(h);
	bury_doomed(h);
	*ret_used = in.len + len;
	if (!len)
		return PARSE_SKIP;
	if (!d->aligned || !d->in_frame || in.len)
		return lost(h, d, ret_msg);
	*ret_used = n;
	switch (d->type) {
	case FRAME_DATA:
		return data_bytes(h, dir, NULL, n, ret_msg);
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
	case FRAME_CONTINUATION:
		d->block_cut = true;
		d->left -= n;
		return d->left ? PARSE_SKIP : block_frame_end(h, dir, NULL, ret_msg);
	default:
		d->left -= n;
		d->in_frame = d->left > 0;
		*ret_msg = none;
		return PARSE_SKIP;
	}
}

static enum parse_status h2_eof(void *st, enum oe_dir dir, bool aborted, struct message *ret_msg)
{
	return PARSE_SKIP; /* streams end by frames; those that did not end with the connection */
}

static bool h2_early(const void *st, enum oe_dir dir, struct bytes in)
{
	const struct h2 *h = st;
	const struct h2_dir *d = &h->dir[dir];
	size_t at = d->in_frame ? d->left : 0;

	if (!d->aligned || !h->client || from_client(h, dir))
		return false;
	if (!h->last_id && !d->hpack.complete)
		return false; /* met late: answers to requests from before our time */
	while (at <= in.len && in.len - at >= FRAME_HEAD) {
		const uint8_t *p = in.data + at;
		uint32_t id = be32(p + 5) & 0x7fffffff;

		if (p[3] == FRAME_HEADERS && (id & 1) && id > h->last_id)
			return true;
		at += FRAME_HEAD + ((size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]);
	}
	return false;
}

static void h2_upgraded(void *st, enum oe_dir request_dir)
{
	struct h2 *h = st;
	struct h2_stream *s;

	make_ready(h);
	h->client = (uint8_t)(1 + request_dir);
	hpack_start(&h->dir[0].hpack);
	hpack_start(&h->dir[1].hpack);
	h->dir[!request_dir].aligned = true;
	s = h2_stream_new(&h->streams, 1);
	if (!s)
		return;
	s->family = MSG_FAMILY_HTTP;
	s->side[0].begun = s->side[0].ended = true;
	h->first_id = h->last_id = 1;
	h->adopt = true;
}

static void h2_done(void *st)
{
	struct h2 *h = st;

	h2_streams_done(&h->streams);
	for (int i = 0; i < 2; i++) {
		hpack_done(&h->dir[i].hpack);
		buf_done(&h->dir[i].block);
	}
	buf_done(&h->fields);
}

static enum detect_result h2_detect(struct bytes in, enum oe_dir dir)
{
	if (bytes_starts(preface, bytes_head(in, preface.len)))
		return in.len < preface.len ? DETECT_MAYBE : DETECT_YES;
	return frames_ahead(in, true) ? DETECT_YES : DETECT_NO;
}

const struct proto_ops http2_ops = {
	.name = "http2",
	.multiplexed = true,
	.state_size = sizeof(struct h2),
	.need_max = H2_NEED_MAX,
	.detect = h2_detect,
	.parse = h2_parse,
	.gap = h2_gap,
	.eof = h2_eof,
	.state_done = h2_done,
	.early = h2_early,
	.upgrade_token = "h2c",
	.upgraded = h2_upgraded,
};
