/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/grpc.h"

#include "userspace/base/base64.h"

#define FLAG_COMPRESSED 0x01
#define FLAG_TRAILERS	0x80 /* gRPC-Web */

static void begin(struct grpc_scan *s, uint32_t *n)
{
	if (s->head[0] & ~(FLAG_COMPRESSED | FLAG_TRAILERS)) {
		s->lost = true; /* no message starts like this */
		return;
	}
	s->have = 0;
	s->left = (uint32_t)s->head[1] << 24 | (uint32_t)s->head[2] << 16 |
		  (uint32_t)s->head[3] << 8 | s->head[4];
	s->trailers = s->head[0] & FLAG_TRAILERS;
	if (!s->trailers) {
		s->messages++;
		s->bytes += s->left;
		(*n)++;
	}
}

uint32_t grpc_scan(struct grpc_scan *s, struct bytes in)
{
	uint32_t n = 0;
	size_t at = 0;

	while (at < in.len && !s->lost) {
		if (s->left) {
			size_t step = in.len - at < s->left ? in.len - at : s->left;

			s->left -= (uint32_t)step;
			at += step;
			continue;
		}
		s->head[s->have++] = in.data[at++];
		if (s->have == sizeof(s->head))
			begin(s, &n);
	}
	return n;
}

void grpc_scan_gap(struct grpc_scan *s, uint64_t len)
{
	if (len > s->left)
		s->lost = true;
	else
		s->left -= (uint32_t)len;
}

bool grpc_scan_whole(const struct grpc_scan *s)
{
	return !s->lost && !s->left && !s->have;
}

/* Bytes of the body, base64 taken off. */
static void web_binary(struct grpc_web *w, struct bytes in)
{
	size_t at = 0;

	while (at < in.len && !w->scan.lost) {
		size_t n = 1;

		if (w->scan.left)
			n = in.len - at < w->scan.left ? in.len - at : w->scan.left;
		if (w->scan.left && w->scan.trailers) {
			size_t room = sizeof(w->trailers) - w->len, take = n < room ? n : room;

			memcpy(w->trailers + w->len, in.data + at, take);
			w->len += (uint16_t)take;
		}
		grpc_scan(&w->scan, bytes_of(in.data + at, n));
		at += n;
	}
}

static void web_text(struct grpc_web *w, struct bytes in)
{
	uint8_t out[256];
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		int v = base64_digit(in.data[i]);

		if (v < 0) { /* padding ends a piece */
			w->digits = 0;
			continue;
		}
		w->acc = w->acc << 6 | (uint32_t)v;
		if (++w->digits > 1) /* the second to fourth digit complete a byte */
			out[n++] = (uint8_t)(w->acc >> (8 - 2 * w->digits));
		w->digits &= 3;
		if (n + 1 >= sizeof(out)) {
			web_binary(w, bytes_of(out, n));
			n = 0;
		}
	}
	web_binary(w, bytes_of(out, n));
}

void grpc_web_body(struct grpc_web *w, struct bytes in)
{
	if (w->text)
		web_text(w, in);
	else
		web_binary(w, in);
}

void grpc_web_gap(struct grpc_web *w, uint64_t len)
{
	if (w->text || w->scan.trailers)
		w->scan.lost = true;
	else
		grpc_scan_gap(&w->scan, len);
}

struct bytes grpc_web_field(const struct grpc_web *w, struct bytes name)
{
	struct bytes rest = bytes_of(w->trailers, w->len);

	while (rest.len) {
		const uint8_t *nl = memchr(rest.data, '\n', rest.len);
		struct bytes line = bytes_head(rest, nl ? (size_t)(nl - rest.data) : rest.len);

		rest = nl ? bytes_from(rest, line.len + 1) : BYTES_NONE;
		if (!nl && w->len == sizeof(w->trailers))
			break; /* cut off */
		if (line.len <= name.len || line.data[name.len] != ':' ||
		    !bytes_ieq(bytes_head(line, name.len), name))
			continue;
		line = bytes_from(line, name.len + 1);
		while (line.len && line.data[0] == ' ')
			line = bytes_from(line, 1);
		while (line.len &&
		       (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' '))
			line.len--;
		return line;
	}
	return BYTES_NONE;
}

bool grpc_content_type(struct bytes v)
{
	static const struct bytes name = BYTES_LIT("application/grpc");

	if (v.len < name.len || !bytes_ieq(bytes_head(v, name.len), name))
		return false;
	v = bytes_from(v, name.len);
	return !v.len || v.data[0] == '+' || v.data[0] == ';' || v.data[0] == ' ';
}

bool grpc_web_content_type(struct bytes v)
{
	static const struct bytes name = BYTES_LIT("application/grpc-web");

	return v.len >= name.len && bytes_ieq(bytes_head(v, name.len), name);
}

uint64_t grpc_timeout_ns(struct bytes v)
{
	uint64_t n = 0, unit;

	if (v.len < 2 || v.len > 9)
		return 0;
	for (size_t i = 0; i + 1 < v.len; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(v.data[i] - '0');
	}
	switch (v.data[v.len - 1]) {
	case 'H':
		unit = 3600000000000ULL;
		break;
	case 'M':
		unit = 60000000000ULL;
		break;
	case 'S':
		unit = 1000000000ULL;
		break;
	case 'm':
		unit = 1000000ULL;
		break;
	case 'u':
		unit = 1000ULL;
		break;
	case 'n':
		unit = 1;
		break;
	default:
		return 0;
	}
	return n > UINT64_MAX / unit ? UINT64_MAX : n * unit;
}

int grpc_status(struct bytes v)
{
	int n = 0;

	if (!v.len || v.len > 2)
		return -1;
	for (size_t i = 0; i < v.len; i++) {
		if (v.data[i] < '0' || v.data[i] > '9')
			return -1;
		n = n * 10 + (v.data[i] - '0');
	}
	return n;
}
