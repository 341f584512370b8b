/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/utf8.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define R "\xef\xbf\xbd"

static const struct {
	const char *what, *in;
	size_t len;
	const char *want;
} rows[] = {
	{"empty", "", 0, ""},
	{"ASCII", "hello, world 0123456789", 23, "hello, world 0123456789"},
	{"two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
	 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"the last code point", "\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf"},
	{"past the last code point", "\xf4\x90\x80\x80", 4, R R R R},
	{"a surrogate", "\xed\xa0\x80", 3, R R R},
	{"an overlong slash", "\xc0\xaf", 2, R R},
	{"an overlong of three", "\xe0\x80\xaf", 3, R R R},
	{"a lone continuation", "a\x80z", 3, "a" R "z"},
	{"0xff and 0xfe", "\xff\xfe", 2, R R},
	{"cut after two of three", "x\xe2\x82", 3, "x" R},
	{"cut after three of four, then text", "\xf0\x9f\x98z", 4, R "z"},
	{"Latin-1", "caf\xe9 au lait", 12, "caf" R " au lait"},
	{"broken after eight good bytes",
	 "12345678\xff"
	 "9",
	 10, "12345678" R "9"},
	{"two leads in a row", "\xc3\xc3\xa9", 3, R "\xc3\xa9"},
};

int main(void)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* exact memory, so that a sanitizer sees one byte too many */
		uint8_t *in = malloc(rows[i].len ? rows[i].len : 1);
		struct bytes out = BYTES_NONE;
		const char *s = NULL;
		bool same = rows[i].len == strlen(rows[i].want) &&
			    !memcmp(rows[i].in, rows[i].want, rows[i].len);

		memcpy(in, rows[i].in, rows[i].len);
		ok(!utf8_repair(&a, bytes_of(in, rows[i].len), &out) &&
			   bytes_eq(out, bytes_str(rows[i].want)),
		   "repair: %s", rows[i].what);
		ok((out.data == in) == same, "%s: copied only when broken", rows[i].what);
		ok((utf8_valid_len(in, rows[i].len) == rows[i].len) == same, "%s: validity",
		   rows[i].what);
		ok(!utf8_repair_str(&a, rows[i].in, &s) && s && !strcmp(s, rows[i].want),
		   "C string: %s", rows[i].what);
		free(in);
	}
	{
		struct bytes out;
		const char *s = "x";

		ok(!utf8_repair(&a, bytes_of("a\0b", 3), &out) && out.len == 3,
		   "a NUL is a character");
		ok(!utf8_repair_str(&a, NULL, &s) && !s, "NULL stays NULL");
		arena_done(&a);
		arena_init(&a, 8);
		is_int(utf8_repair(&a, BYTES_LIT("\xff\xff\xff\xff"), &out), -12,
		       "out of arena: -ENOMEM");
	}
	arena_done(&a);
	srand(1);
	arena_init(&a, 1 << 20);
	for (int i = 0; i < 20000; i++) {
		uint8_t in[24];
		size_t len = (size_t)rand() % sizeof(in);
		struct bytes out;

		for (size_t k = 0; k < len; k++)
			in[k] = (uint8_t)((rand() & 3) ? 0x80 + (rand() & 0x7f) : rand());
		if (utf8_repair(&a, bytes_of(in, len), &out) ||
		    utf8_valid_len(out.data, out.len) != out.len) {
			ok(false, "random bytes become valid (round %d)", i);
			break;
		}
		if (i == 19999)
			ok(true, "20000 random inputs become valid");
		arena_reset(&a);
	}
	arena_done(&a);
	return tap_done();
}
