/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/utf8.h"

#include <errno.h>

static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};

struct utf8_char utf8_next(const void *ptr, size_t len)
{
	const uint8_t *p = ptr;
	struct utf8_char bad = {.cp = 0xfffd, .len = 1}, c = {.valid = true};
	/* the range of the second byte excludes overlong forms, surrogates and what is past
	 * U+10FFFF */
	uint8_t lo = 0x80, hi = 0xbf;

	if (p[0] < 0x80)
		return (struct utf8_char){.cp = p[0], .len = 1, .valid = true};
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		c.len = 2;
		c.cp = p[0] & 0x1f;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		c.len = 3;
		c.cp = p[0] & 0x0f;
		lo = p[0] == 0xe0 ? 0xa0 : 0x80;
		hi = p[0] == 0xed ? 0x9f : 0xbf;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		c.len = 4;
		c.cp = p[0] & 0x07;
		lo = p[0] == 0xf0 ? 0x90 : 0x80;
		hi = p[0] == 0xf4 ? 0x8f : 0xbf;
	} else {
		return bad;
	}
	for (uint32_t i = 1; i < c.len; i++) {
		if (i >= len || p[i] < lo || p[i] > hi) {
			bad.len = i;
			return bad;
		}
		c.cp = c.cp << 6 | (p[i] & 0x3f);
		lo = 0x80;
		hi = 0xbf;
	}
	return c;
}

size_t utf8_valid_len(const void *ptr, size_t len)
{
	const uint8_t *p = ptr;
	size_t i = 0;

	while (i < len) {
		struct utf8_char c;
		uint64_t w;

		/* nearly everything is ASCII: eight bytes at a time */
		if (len - i >= sizeof(w)) {
			memcpy(&w, p + i, sizeof(w));
			if (!(w & 0x8080808080808080ULL)) {
				i += sizeof(w);
				continue;
			}
		}
		c = utf8_next(p + i, len - i);
		if (!c.valid)
			return i;
		i += c.len;
	}
	return len;
}

int utf8_repair(struct arena *a, struct bytes in, struct bytes *ret_text)
{
	size_t good = utf8_valid_len(in.data, in.len), broken = 0, n = 0;
	uint8_t *out;

	if (good == in.len) {
		*ret_text = in;
		return 0;
	}
	for (size_t i = good; i < in.len;) {
		struct utf8_char c = utf8_next(in.data + i, in.len - i);

		broken += !c.valid;
		i += c.len;
	}
	out = arena_alloc(a, in.len + broken * sizeof(replacement) + 1);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < in.len;) {
		struct utf8_char c = utf8_next(in.data + i, in.len - i);

		memcpy(out + n, c.valid ? in.data + i : replacement,
		       c.valid ? c.len : sizeof(replacement));
		n += c.valid ? c.len : sizeof(replacement);
		i += c.len;
	}
	*ret_text = bytes_of(out, n);
	return 0;
}

int utf8_repair_str(struct arena *a, const char *in, const char **ret_text)
{
	struct bytes text;
	int err;

	if (!in) {
		*ret_text = NULL;
		return 0;
	}
	err = utf8_repair(a, bytes_str(in), &text);
	if (err)
		return err;
	/* a copy ends with the NUL that the arena's zeroed memory left behind it */
	*ret_text = (const char *)text.data;
	return 0;
}
