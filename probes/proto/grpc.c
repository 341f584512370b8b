/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/grpc.h"

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
