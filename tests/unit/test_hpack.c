/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HPACK against nghttp2's encoder, for a reader that saw everything and for readers that came late,
 * lost blocks, or got them in part; and against its decoder for what is not valid. Examples are
 * those of RFC 7541 appendix C. Every input ends at a protected page.
 */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/proto/hpack.h"
#include "tests/unit/tap.h"

#define FIELDS_MAX 40
#define ARENA	   (1u << 18)

static uint8_t *arena; /* ends at a protected page */

static struct bytes place(const void *p, size_t len)
{
	uint8_t *at = arena + ARENA - len;

	if (len)
		memcpy(at, p, len);
	return bytes_of(at, len);
}

static unsigned int seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

/* ---- what a block says, as text ---- */

struct text {
	char s[8192];
	size_t len;
};

static void add(struct text *t, const char *fmt, int len, const void *p)
{
	int n = snprintf(t->s + t->len, sizeof(t->s) - t->len, fmt, len, (const char *)p);

	if (n > 0 && t->len + (size_t)n < sizeof(t->s))
		t->len += (size_t)n;
}

static void to_text(void *ctx, const struct hpack_field *f)
{
	struct text *t = ctx;

	if (f->name_known)
		add(t, "%.*s=", (int)f->name.len, f->name.data);
	else
		add(t, "?%.*s=", 0, "");
	if (f->value_known)
		add(t, "%.*s", (int)f->value.len, f->value.data);
	else
		add(t, "?%.*s", 0, "");
	if (f->never_indexed)
		add(t, "!%.*s", 0, "");
	add(t, "%.*s", 1, "\n");
}

struct example {
	const char *name;
	uint32_t max; /* of the table, when it is not the default */
	struct {
		const char *hex, *fields;
		uint32_t size; /* of the table afterwards */
	} blocks[3];
};

static const struct example examples[] = {
	{"C.2.1 literal with indexing",
	 0,
	 {{"400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key=custom-header\n",
	   55}}},
	{"C.2.2 literal without indexing",
	 0,
	 {{"040c2f73616d706c652f70617468", ":path=/sample/path\n", 0}}},
	{"C.2.3 never indexed",
	 0,
	 {{"100870617373776f726406736563726574", "password=secret!\n", 0}}},
	{"C.2.4 indexed", 0, {{"82", ":method=GET\n", 0}}},
	{"C.4 requests with Huffman",
	 0,
	 {{"828684418cf1e3c2e5f23a6ba0ab90f4ff",
	   ":method=GET\n:scheme=http\n:path=/\n:authority=www.example.com\n", 57},
	  {"828684be5886a8eb10649cbf",
	   ":method=GET\n:scheme=http\n:path=/"
	   "\n:authority=www.example.com\ncache-control=no-cache\n",
	   110},
	  {"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
	   ":method=GET\n:scheme=https\n:path=/index.html\n:authority=www.example.com\n"
	   "custom-key=custom-value\n",
	   164}}},
	{"C.6 responses, entries are evicted",
	 256,
	 {{"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c"
	   "78f"
	   "0b97c8e9ae82ae43d3",
	   ":status=302\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\n"
	   "location=https://www.example.com\n",
	   222},
	  {"4883640effc1c0bf",
	   ":status=307\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\n"
	   "location=https://www.example.com\n",
	   222},
	  {"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b33"
	   "5df"
	   "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
	   ":status=200\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:22 GMT\n"
	   "location=https://www.example.com\ncontent-encoding=gzip\n"
	   "set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n",
	   215}}},
};

static size_t unhex(const char *s, uint8_t *to)
{
	size_t n = 0;

	for (unsigned int v; s[2 * n] && sscanf(s + 2 * n, "%2x", &v) == 1; n++)
		to[n] = (uint8_t)v;
	return n;
}

static void test_examples(void)
{
	uint8_t raw[1024], scratch[512];

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		struct hpack h = {0};

		hpack_start(&h);
		if (e->max) { /* a size update: 001xxxxx */
			static const uint8_t update[] = {0x3f, 0xe1, 0x01};

			hpack_decode(&h, place(update, 3), false, scratch, sizeof(scratch), to_text,
				     &(struct text){.len = 0});
			is_int(h.max, e->max, "table size update");
		}
		for (int b = 0; b < 3 && e->blocks[b].hex; b++) {
			struct text t = {.len = 0};
			size_t n = unhex(e->blocks[b].hex, raw);

			is_int(hpack_decode(&h, place(raw, n), false, scratch, sizeof(scratch),
					    to_text, &t),
			       HPACK_OK, e->name);
			is_str(t.s, e->blocks[b].fields, e->name);
			is_int(h.size, e->blocks[b].size, e->name);
		}
		hpack_done(&h);
	}
}

/* ---- random blocks of nghttp2's encoder ---- */

struct truth {
	nghttp2_nv nv[FIELDS_MAX];
	size_t cnt, at;
	int wrong, unknown;
	bool late; /* not everything needs to be known */
};

static void compare(void *ctx, const struct hpack_field *f)
{
	struct truth *t = ctx;
	const nghttp2_nv *nv = &t->nv[t->at];

	if (t->at++ >= t->cnt) {
		t->wrong++;
		return;
	}
	if (f->name_known)
		t->wrong += !bytes_eq(f->name, bytes_of(nv->name, nv->namelen));
	if (f->value_known && !f->cut)
		t->wrong += !bytes_eq(f->value, bytes_of(nv->value, nv->valuelen));
	if (f->cut)
		t->wrong += f->value.len >= nv->valuelen ||
			    memcmp(f->value.data, nv->value, f->value.len);
	t->unknown += !f->name_known || !f->value_known;
	t->wrong += f->never_indexed != ((nv->flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0);
}

static char pool[64][3100];
static size_t pool_len[64];

static void make_pool(void)
{
	for (size_t i = 0; i < 64; i++) {
		pool_len[i] = i < 60 ? 1 + rnd(i % 10 ? 40 : 300) : rnd(3000);
		for (size_t k = 0; k < pool_len[i]; k++)
			pool[i][k] = (char)(i % 3 ? 'a' + rnd(26) : rnd(256));
	}
}

static size_t next_block(nghttp2_hd_deflater *d, struct truth *t, uint8_t *out, size_t size)
{
	t->cnt = 1 + rnd(15);
	t->at = 0;
	for (size_t i = 0; i < t->cnt; i++) {
		uint32_t a = rnd(64), b = rnd(64);

		t->nv[i] = (nghttp2_nv){(uint8_t *)pool[a], (uint8_t *)pool[b], pool_len[a],
					pool_len[b],
					rnd(12) ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX};
	}
	if (rnd(60) == 0)
		nghttp2_hd_deflate_change_table_size(d, rnd(3) ? rnd(9000) : 0);
	return (size_t)nghttp2_hd_deflate_hd(d, out, size, t->nv, t->cnt);
}

static void test_random(void)
{
	static uint8_t out[ARENA], scratch[65536];
	struct truth t = {.cnt = 0};
	int errors = 0, blocks = 0, unknown = 0, after = 0;
	size_t most = 0;

	for (int conn = 0; conn < 60; conn++) {
		struct hpack whole = {0}, late = {0};
		nghttp2_hd_deflater *d;
		int from = (int)rnd(40);

		make_pool();
		nghttp2_hd_deflate_new(&d, 1 + rnd(70000));
		hpack_start(&whole);
		for (int b = 0; b < 120; b++, blocks++) {
			size_t n = next_block(d, &t, out, sizeof(out));

			t.unknown = 0;
			errors += hpack_decode(&whole, place(out, n), false, scratch,
					       sizeof(scratch), compare, &t) != HPACK_OK;
			errors += t.at != t.cnt || t.unknown;
			if (b < from)
				continue;
			if (rnd(50) == 0)
				hpack_forget(&late);
			t.at = 0;
			if (rnd(30) == 0) { /* a part of the block: what is whole in it is right */
				hpack_decode(&late, place(out, rnd((uint32_t)n)), true, scratch,
					     sizeof(scratch), compare, &t);
				continue;
			}
			errors += hpack_decode(&late, place(out, n), false, scratch,
					       sizeof(scratch), compare, &t) != HPACK_OK;
			errors += t.at != t.cnt;
			unknown += t.unknown;
			if (hpack_memory(&whole) > most)
				most = hpack_memory(&whole);
		}
		/* emptied, the table is known again */
		nghttp2_hd_deflate_change_table_size(d, 0);
		nghttp2_hd_deflate_change_table_size(d, 4096);
		for (int b = 0; b < 5; b++) {
			size_t n = next_block(d, &t, out, sizeof(out));

			t.unknown = 0;
			errors += hpack_decode(&late, place(out, n), false, scratch,
					       sizeof(scratch), compare, &t) != HPACK_OK;
			after += t.unknown;
		}
		hpack_done(&whole);
		hpack_done(&late);
		nghttp2_hd_deflate_del(d);
	}
	is_int(blocks, 7200, "blocks");
	is_int(t.wrong, 0, "no field was wrong, neither for the late reader");
	is_int(errors, 0, "nothing was an error, nothing unknown to who saw all");
	ok(unknown > 100, "the late reader did not know %d fields", unknown);
	is_int(after, 0, "a table that was emptied is known");
	ok(most <= HPACK_TABLE_MAX + 4096 * sizeof(void *), "memory: %zu bytes at most", most);
}

static void test_scratch(void)
{
	static uint8_t out[ARENA];
	uint8_t scratch[64];
	struct truth t = {.cnt = 0};
	nghttp2_hd_deflater *d;
	struct hpack h = {0};
	int errors = 0;

	nghttp2_hd_deflate_new(&d, 0); /* nothing is inserted: all goes through the scratch */
	hpack_start(&h);
	make_pool();
	for (int b = 0; b < 300; b++) {
		size_t n = next_block(d, &t, out, sizeof(out));

		errors += hpack_decode(&h, place(out, n), false, scratch, sizeof(scratch), compare,
				       &t) != HPACK_OK;
	}
	is_int(errors, 0, "small scratch memory is no error");
	is_int(t.wrong, 0, "what is shown is a right prefix");
	hpack_done(&h);
	nghttp2_hd_deflate_del(d);
}

static void test_invalid(void)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {
		{"index 0", "80"},
		{"an index beyond the table", "be"},
		{"a name's index beyond the table", "7f8001"},
		{"an integer without end", "ffffffffffffffffffffff"},
		{"an integer of more than 32 bits", "7f8080808010"},
		{"a string beyond the block", "000161056162"},
		{"a name beyond the block", "0005616263"},
		{"Huffman: padding of eight bits", "00016181ff"},
		{"Huffman: padding of zeroes", "0001618118"},
		{"Huffman: EOS inside", "00016184ffffffff"},
		{"a size update behind a field", "823f01"},
		{"nothing behind a name", "000161"},
	};
	uint8_t raw[64], scratch[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = unhex(rows[i].hex, raw);
		struct text t = {.len = 0};
		struct hpack h = {0};

		hpack_start(&h);
		is_int(hpack_decode(&h, place(raw, n), false, scratch, sizeof(scratch), to_text,
				    &t),
		       HPACK_ERROR, rows[i].name);
		is_int(h.cnt, 0, "  the table was forgotten");
		hpack_done(&h);
	}
}

/* An entry of which nobody knows whether it fitted; and a limit that may have changed unseen. */
static void test_doubt(void)
{
	static uint8_t raw[6000], scratch[8192];
	static const uint8_t insert[] = {0x40, 1, 'a', 1, 'b'}, ref[] = {0xbe}, older[] = {0xbf},
			     zero[] = {0x20};
	struct hpack h = {0};
	struct text t = {.len = 0};
	size_t n = 0;

	hpack_decode(&h, place(insert, sizeof(insert)), false, scratch, sizeof(scratch), to_text,
		     &t);
	raw[n++] = 0x40;
	raw[n++] = 1;
	raw[n++] = 'x';
	raw[n++] = 0x7f; /* 127 + 4873 */
	raw[n++] = 0x89;
	raw[n++] = 0x26;
	memset(raw + n, 'v', 5000);
	n += 5000;
	is_int(hpack_decode(&h, place(raw, n), false, scratch, sizeof(scratch), to_text, &t),
	       HPACK_OK, "a large entry, the limit is not known");
	t.len = 0;
	hpack_decode(&h, place(ref, 1), false, scratch, sizeof(scratch), to_text, &t);
	is_str(t.s, "?=?\n", "nothing up to it is known");
	hpack_decode(&h, place(insert, sizeof(insert)), false, scratch, sizeof(scratch), to_text,
		     &t);
	t.len = 0;
	hpack_decode(&h, place(ref, 1), false, scratch, sizeof(scratch), to_text, &t);
	hpack_decode(&h, place(older, 1), false, scratch, sizeof(scratch), to_text, &t);
	is_str(t.s, "a=b\n?=?\n", "what comes after it is");
	hpack_done(&h);
	hpack_start(&h);
	hpack_decode(&h, place(zero, 1), false, scratch, sizeof(scratch), to_text, &t);
	hpack_forget(&h); /* and with it an update to 4096 */
	hpack_decode(&h, place(insert, sizeof(insert)), false, scratch, sizeof(scratch), to_text,
		     &t);
	t.len = 0;
	is_int(hpack_decode(&h, place(ref, 1), false, scratch, sizeof(scratch), to_text, &t),
	       HPACK_OK, "a size update that was lost");
	is_str(t.s, "a=b\n", "is no error");
	hpack_done(&h);
}

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	arena = mmap(NULL, ARENA + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (arena == MAP_FAILED || mprotect(arena + ARENA, page, PROT_NONE))
		return 1;
	test_examples();
	test_random();
	test_scratch();
	test_invalid();
	test_doubt();
	return tap_done();
}
