/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code of RFC 7541 appendix B is canonical: codes of one length are consecutive numbers in the
 * order of their symbols, and longer codes follow shorter ones. So two tables say it all: the
 * symbols in code order, and for each length where its codes end. A code is found by comparing the
 * next 32 bits, left-aligned, with these ends; common characters have 5 to 8 bits.
 */
#include "probes/proto/huffman.h"

#define EOS 256 /* last in code order; must not appear */

static const uint8_t symbols[EOS] = {
	48,  49,  50,  97,  99,	 101, 105, 111, 115, 116, 32,  37,  45,	 46,  47,  51,	52,  53,
	54,  55,  56,  57,  61,	 65,  95,  98,	100, 102, 103, 104, 108, 109, 110, 112, 114, 117,
	58,  66,  67,  68,  69,	 70,  71,  72,	73,  74,  75,  76,  77,	 78,  79,  80,	81,  82,
	83,  84,  85,  86,  87,	 89,  106, 107, 113, 118, 119, 120, 121, 122, 38,  42,	44,  59,
	88,  90,  33,  34,  40,	 41,  63,  39,	43,  124, 35,  62,  0,	 36,  64,  91,	93,  126,
	94,  125, 60,  96,  123, 92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161,
	167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154,
	156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232,
	233, 1,	  135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165,
	166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9,	 142, 144, 145, 148, 159,
	171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213,
	218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245,
	246, 247, 248, 250, 251, 252, 253, 254, 2,   3,	  4,   5,   6,	 7,   8,   11,	12,  14,
	15,  16,  17,  18,  19,	 20,  21,  23,	24,  25,  26,  27,  28,	 29,  30,  31,	127, 220,
	249, 10,  13,  22,
};

/* Codes of `bits` bits, left-aligned, are below `end`; `base` + code, right-aligned, indexes
 * symbols. */
static const struct level {
	uint64_t end;
	uint32_t bits;
	int32_t base;
} levels[] = {
	{0x50000000ULL, 5, 0},
	{0xb8000000ULL, 6, -10},
	{0xf8000000ULL, 7, -56},
	{0xfe000000ULL, 8, -180},
	{0xff400000ULL, 10, -942},
	{0xffa00000ULL, 11, -1963},
	{0xffc00000ULL, 12, -4008},
	{0xfff00000ULL, 13, -8100},
	{0xfff80000ULL, 14, -16290},
	{0xfffe0000ULL, 15, -32672},
	{0xfffe6000ULL, 19, -524177},
	{0xfffee000ULL, 20, -1048452},
	{0xffff4800ULL, 21, -2097010},
	{0xffffb000ULL, 22, -4194139},
	{0xffffea00ULL, 23, -8388423},
	{0xfffff600ULL, 24, -16777020},
	{0xfffff800ULL, 25, -33554226},
	{0xfffffbc0ULL, 26, -67108642},
	{0xfffffe20ULL, 27, -134217489},
	{0xfffffff0ULL, 28, -268435202},
	{0x100000000ULL, 30, -1073741567},
};

long huffman_decode(struct bytes in, uint8_t *to, size_t max, bool *ret_cut)
{
	uint64_t window = 0; /* `have` bits, right-aligned */
	unsigned int have = 0;
	size_t at = 0, out = 0;

	*ret_cut = false;
	for (;;) {
		const struct level *l = levels;
		uint32_t next;
		int32_t sym;

		while (have <= 32 && at < in.len) {
			window = window << 8 | in.data[at++];
			have += 8;
		}
		if (!have)
			return (long)out;
		/* what is missing behind the end is padding: ones */
		next = have >= 32
			       ? (uint32_t)(window >> (have - 32))
			       : (uint32_t)((window << (32 - have)) | ((1ULL << (32 - have)) - 1));
		while (next >= l->end)
			l++;
		if (l->bits > have)
			/* no whole code is left: up to seven ones (section 5.2) */
			return have < 8 && next == UINT32_MAX ? (long)out : -1;
		sym = l->base + (int32_t)(next >> (32 - l->bits));
		if (sym >= EOS)
			return -1;
		if (out < max)
			to[out++] = symbols[sym];
		else
			*ret_cut = true;
		have -= l->bits;
	}
}
