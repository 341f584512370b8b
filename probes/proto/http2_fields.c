/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/http2_fields.h"

#include "probes/proto/grpc.h"

#define SCRATCH	       8192u
#define STORE_KEEP     1024u /* kept between blocks */
#define TRACESTATE_MAX 1024u /* joined; more is of no use (W3C: 512 must be carried) */

enum field {
	F_NONE = 0,
	F_METHOD,
	F_PATH,
	F_SCHEME,
	F_AUTHORITY,
	F_HOST,
	F_USER_AGENT,
	F_TRACEPARENT,
	F_TRACESTATE,
	F_CONTENT_TYPE,
	F_PROTOCOL,
	F_GRPC_MESSAGE,
	F_GRPC_TRACE_BIN,
	F_KEPT, /* fields before this one are kept as they are */
	F_STATUS,
	F_CONTENT_LENGTH,
	F_GRPC_STATUS,
	F_GRPC_TIMEOUT,
};

struct span_of {
	uint32_t off, len;
};

struct reading {
	struct h2_fields *out;
	struct buf *store;
	struct span_of at[F_KEPT];
	bool seen[F_KEPT];
};

static enum field field_of(struct bytes n)
{
	static const struct {
		struct bytes name;
		enum field field;
	} names[] = {
#define N(s, f) {{(const uint8_t *)(s), sizeof(s) - 1}, f}
		N(":method", F_METHOD),
		N(":path", F_PATH),
		N(":scheme", F_SCHEME),
		N(":authority", F_AUTHORITY),
		N(":status", F_STATUS),
		N(":protocol", F_PROTOCOL),
		N("host", F_HOST),
		N("user-agent", F_USER_AGENT),
		N("traceparent", F_TRACEPARENT),
		N("tracestate", F_TRACESTATE),
		N("content-type", F_CONTENT_TYPE),
		N("content-length", F_CONTENT_LENGTH),
		N("grpc-status", F_GRPC_STATUS),
		N("grpc-message", F_GRPC_MESSAGE),
		N("grpc-timeout", F_GRPC_TIMEOUT),
		N("grpc-trace-bin", F_GRPC_TRACE_BIN),
#undef N
	};

	if (n.len < 4 || n.len > 14)
		return F_NONE;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].name.len == n.len && !memcmp(names[i].name.data, n.data, n.len))
			return names[i].field;
	return F_NONE;
}

static int status_of(struct bytes v)
{
	int n = 0;

	if (v.len != 3)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return -1;
		n = n * 10 + (v.data[i] - '0');
	}
	return n >= 100 ? n : -1;
}

static int64_t length_of(struct bytes v)
{
	int64_t n = 0;

	if (!v.len || v.len > 18)
		return -1;
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return -1;
		n = n * 10 + (v.data[i] - '0');
	}
	return n;
}

/* Keeps a value; a second one of the same name only where the meaning says so. */
static void keep(struct reading *r, enum field id, const struct hpack_field *f)
{
	struct span_of *at = &r->at[id];
	bool join = id == F_TRACESTATE && r->seen[id];

	if (r->seen[id] && id == F_TRACEPARENT)
		r->out->http.traceparent_repeated = true;
	if (r->seen[id] && !join)
		return;
	r->seen[id] = true;
	if (id == F_PATH && f->cut)
		r->out->http.target_cut = true;
	/* what is not kept is not known: a lost content-type would make a call a plain request */
	if (f->cut && id != F_PATH && id != F_TRACESTATE)
		r->out->unknown = true;
	if ((f->cut && id != F_PATH) || (join && at->len + f->value.len > TRACESTATE_MAX))
		return;
	if (join) {
		struct span_of old = *at;

		/* behind everything else, so that it is contiguous */
		if (buf_reserve(r->store, old.len + 1 + f->value.len))
			return;
		at->off = (uint32_t)r->store->len;
		buf_add(r->store, r->store->data + old.off, old.len);
		buf_add(r->store, ",", 1);
	} else {
		at->off = (uint32_t)r->store->len;
	}
	if (buf_add(r->store, f->value.data, f->value.len)) {
		*at = (struct span_of){0, 0};
		if (id == F_PATH)
			r->out->http.target_cut = true;
		else if (id != F_TRACESTATE)
			r->out->unknown = true;
		return;
	}
	at->len = (uint32_t)(r->store->len - at->off);
}

static void on_field(void *ctx, const struct hpack_field *f)
{
	struct reading *r = ctx;
	struct h2_fields *o = r->out;
	enum field id;

	if (!f->name_known) {
		o->unknown = true;
		return;
	}
	id = field_of(f->name);
	switch (id) {
	case F_NONE:
		return;
	case F_STATUS:
		o->response = true;
		o->http.status = status_of(f->value);
		return;
	case F_CONTENT_LENGTH:
		o->http.content_length = length_of(f->value);
		return;
	case F_GRPC_STATUS:
		o->has_status = true;
		o->rpc.status = grpc_status(f->value);
		return;
	case F_GRPC_TIMEOUT:
		o->rpc.timeout_ns = grpc_timeout_ns(f->value);
		return;
	case F_METHOD:
	case F_PATH:
	case F_SCHEME:
	case F_AUTHORITY:
		o->request = true;
		break;
	default:
		break;
	}
	keep(r, id, f);
}

static struct bytes view(const struct reading *r, enum field id)
{
	return r->at[id].len ? bytes_of(r->store->data + r->at[id].off, r->at[id].len) : BYTES_NONE;
}

enum hpack_status h2_fields_read(struct hpack *h, struct bytes block, bool cut, struct buf *store,
				 struct h2_fields *ret)
{
	struct reading r = {.out = ret, .store = store};
	uint8_t scratch[SCRATCH];
	enum hpack_status st;

	memset(ret, 0, sizeof(*ret));
	ret->http.status = ret->rpc.status = -1;
	ret->http.content_length = -1;
	ret->http.version_major = 2;
	buf_clear(store, STORE_KEEP);
	st = hpack_decode(h, block, cut, scratch, sizeof(scratch), on_field, &r);
	ret->http.method = view(&r, F_METHOD);
	ret->http.target = view(&r, F_PATH);
	ret->http.scheme = view(&r, F_SCHEME);
	ret->http.host = view(&r, r.seen[F_AUTHORITY] ? F_AUTHORITY : F_HOST);
	ret->http.user_agent = view(&r, F_USER_AGENT);
	if (!ret->http.traceparent_repeated)
		ret->http.traceparent = view(&r, F_TRACEPARENT);
	ret->http.tracestate = view(&r, F_TRACESTATE);
	ret->http.content_type = view(&r, F_CONTENT_TYPE);
	ret->protocol = view(&r, F_PROTOCOL);
	ret->rpc.status_text = view(&r, F_GRPC_MESSAGE);
	ret->rpc.trace_bin = view(&r, F_GRPC_TRACE_BIN);
	return st;
}
