/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pclntab begins with a magic number, two zeros, the quantum of program counters and the size of a
 * pointer; then words of that size. All offsets are from its beginning:
 *
 *   Go           magic     words                                                  functab: pairs of
 *   1.2 - 1.15   fffffffb  functions; functab follows at once                     64-bit pc, offset
 *   1.16, 1.17   fffffffa  functions, files, names, units, files, pcs, functab    64-bit pc, offset
 *   1.18, 1.19   fffffff0  functions, files, text, names, ..., functab            32-bit pc, offset
 *   1.20 on      fffffff1  the same; `text` is 0 from 1.26 on
 *
 * functab has one pc more than functions: the end of the last. An offset leads to the function's
 * record (from functab; 1.2: from pclntab), which begins with the pc again and the offset of the
 * name. Until 1.17 a pc is an address, later an offset from `text`, the address of the symbol
 * runtime.text. That is not the start of .text when the C linker put its own code before it.
 *
 * In position-independent programs an address in the file may be 0 and stand in the relocation
 * table only. Where 1.26 no longer states `text`, the section .go.module has it: the runtime's
 * moduledata, a word for pclntab, six slices, findfunctab, minpc, maxpc, text. What is there twice
 * is compared, because a probe at a wrong address is worse than none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/gosym.h"

#define VERSION_MAX 128
#define FUNCS_MAX   (1u << 22) /* the largest programs that we know have an eighth of it */
#define WINDOW	    (64u << 10)
#define REFILL	    4 /* times the table's size */
#define TRIES	    64
#define NAME_LEN    256 /* longer ones are not looked for */
#define PLACES	    4	/* where a name may stand; old tables have other things between the names */

#define MODULE_MINPC (20 * 8)
#define MODULE_TEXT  (22 * 8)
#define MODULE_HEAD  (23 * 8)

#define R_X86_64_RELATIVE  8
#define R_AARCH64_RELATIVE 1027

struct layout {
	uint32_t magic;
	uint8_t names, functab; /* which word has the offset of the table; 0: none does */
	uint8_t text;		/* which word has the address; 0: pcs are addresses */
	uint8_t pc_size;
};

static const struct layout layouts[] = {
	{.magic = 0xfffffff1, .names = 3, .functab = 7, .text = 2, .pc_size = 4},
	{.magic = 0xfffffff0, .names = 3, .functab = 7, .text = 2, .pc_size = 4},
	{.magic = 0xfffffffa, .names = 2, .functab = 6, .pc_size = 8},
	{.magic = 0xfffffffb, .pc_size = 8},
};

struct table {
	uint64_t addr, size;
};

struct gosym {
	const struct elf_image *e;
	const struct layout *l;
	struct table tab; /* pclntab, maybe with more behind it */
	struct table names, functab, records;
	uint64_t funcs;
	uint64_t text; /* where pcs are counted from */
	char version[VERSION_MAX];
};

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v; /* both machines are little-endian, as we are */
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool read64(const struct elf_image *e, uint64_t addr, uint64_t *ret)
{
	return elf_read(e, addr, ret, sizeof(*ret));
}

/* ---- windows ---- */

struct window {
	const struct elf_image *e;
	struct table t;
	uint64_t from; /* in the table */
	size_t len;
	uint64_t budget;
	uint8_t *buf;
};

static bool window_init(struct window *w, const struct elf_image *e, struct table t)
{
	*w = (struct window){.e = e, .t = t, .budget = t.size * REFILL + WINDOW};
	w->buf = malloc(WINDOW);
	return w->buf;
}

static void window_done(struct window *w)
{
	free(w->buf);
}

/* need bytes of the table from off on; NULL: not there. need is at most WINDOW. */
static const uint8_t *window_at(struct window *w, uint64_t off, size_t need)
{
	size_t len;

	if (off > w->t.size || need > w->t.size - off)
		return NULL;
	if (off >= w->from && off - w->from <= w->len && need <= w->len - (off - w->from))
		return w->buf + (off - w->from);
	len = w->t.size - off < WINDOW ? w->t.size - off : WINDOW;
	w->len = 0;
	if (len > w->budget || !elf_read(w->e, w->t.addr + off, w->buf, len))
		return NULL;
	w->budget -= len;
	w->from = off;
	w->len = len;
	return w->buf;
}

/* ---- addresses in the file, which may be in its relocation table instead ---- */

struct slot {
	uint64_t addr;
	uint64_t value;
	bool known;
};

static void read_relocs(const struct elf_image *e, const char *section, struct slot *slots,
			size_t cnt)
{
	uint32_t relative = elf_machine(e) == ELF_ARM64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
	uint64_t lo = UINT64_MAX, hi = 0;
	const uint8_t *r;
	struct window w;
	struct table t;

	for (size_t i = 0; i < cnt; i++) {
		lo = slots[i].addr < lo ? slots[i].addr : lo;
		hi = slots[i].addr > hi ? slots[i].addr : hi;
	}
	if (!elf_section_at(e, section, &t.addr, &t.size) || !window_init(&w, e, t))
		return;
	for (uint64_t off = 0; (r = window_at(&w, off, 24)); off += 24) {
		uint64_t at = get64(r);

		if (at < lo || at > hi || get64(r + 8) != relative)
			continue;
		for (size_t i = 0; i < cnt; i++)
			if (slots[i].addr == at) {
				slots[i].value = get64(r + 16);
				slots[i].known = true;
			}
	}
	window_done(&w);
}

static void read_slots(const struct elf_image *e, struct slot *slots, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		slots[i].known = read64(e, slots[i].addr, &slots[i].value);
	read_relocs(e, ".rela.dyn", slots, cnt);
	read_relocs(e, ".rela", slots, cnt); /* as Go's own linker calls it */
}

static bool read_slot(const struct elf_image *e, uint64_t addr, uint64_t *ret)
{
	struct slot s = {.addr = addr};

	read_slots(e, &s, 1);
	if (s.known)
		*ret = s.value;
	return s.known;
}

/* ---- the version ---- */

static void set_version(struct gosym *s, uint64_t addr, uint64_t len)
{
	char v[VERSION_MAX];

	if (!len || len >= sizeof(v) || !elf_read(s->e, addr, v, len))
		return;
	for (size_t i = 0; i < len; i++)
		if (v[i] < ' ' || v[i] > '~')
			return;
	memcpy(s->version, v, len);
	s->version[len] = 0;
}

static void read_version(struct gosym *s, uint64_t addr)
{
	uint64_t str, ptr, len;
	uint8_t b[34];

	if (!elf_read(s->e, addr, b, sizeof(b)) || memcmp(b, "\xff Go buildinf:", 14))
		return;
	if (b[15] & 2) { /* 1.18: here, after its length; two bytes of that are enough for us */
		len = b[32] & 0x80 ? (b[32] & 0x7f) | (uint64_t)b[33] << 7 : b[32];
		set_version(s, addr + (b[32] & 0x80 ? 34 : 33), len);
		return;
	}
	/* a pointer to a string, which is a pointer and a length */
	if (b[14] == 8 && !(b[15] & 1) && read_slot(s->e, addr + 16, &str) &&
	    read_slot(s->e, str, &ptr) && read64(s->e, str + 8, &len))
		set_version(s, ptr, len);
}

/* ---- the table ---- */

static const struct layout *layout_of(const uint8_t head[8])
{
	if (head[4] || head[5] || (head[6] != 1 && head[6] != 4) || head[7] != 8)
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].magic == get32(head))
			return &layouts[i];
	return NULL;
}

static bool rest_of(struct table t, uint64_t off, struct table *ret)
{
	if (off >= t.size)
		return false;
	*ret = (struct table){t.addr + off, t.size - off};
	return true;
}

static bool read_header(struct gosym *s, struct table t)
{
	uint64_t names = 0, functab = 16, size;
	uint8_t head[8];

	if (t.size < 16 || !elf_read(s->e, t.addr, head, sizeof(head)))
		return false;
	s->l = layout_of(head);
	if (!s->l || !read64(s->e, t.addr + 8, &s->funcs) || !s->funcs || s->funcs > FUNCS_MAX)
		return false;
	if (s->l->functab && (!read64(s->e, t.addr + 8 + s->l->names * 8, &names) ||
			      !read64(s->e, t.addr + 8 + s->l->functab * 8, &functab)))
		return false;
	size = (s->funcs * 2 + 1) * s->l->pc_size;
	if (!rest_of(t, names, &s->names) || !rest_of(t, functab, &s->functab) ||
	    size > s->functab.size)
		return false;
	s->tab = t;
	s->records = s->l->functab ? s->functab : t;
	if (names < functab && s->l->functab)
		s->names.size = functab - names; /* they are before */
	s->functab.size = size;
	return true;
}

/* A C linker puts the table of a position-independent program into .data.rel.ro, among others. */
/* A C linker puts the table of a position-independent program into .data.rel.ro, among others. */
static bool find_header(struct gosym *s)
{
	int tries = 0;
	bool found = false;
	const uint8_t *p;
	struct window w;
	struct table t;

	if (!elf_section_at(s->e, ".data.rel.ro", &t.addr, &t.size) || !window_init(&w, s->e, t))
		return false;
	for (uint64_t off = -t.addr & 7; !found && tries < TRIES && (p = window_at(&w, off, 8));
	     off += 8) {
		if (p[3] != 0xff || !layout_of(p))
			continue;
		found = read_header(s, (struct table){t.addr + off, t.size - off});
		tries++;
	}
	window_done(&w);
	return found;
}

static bool read_pc(const struct gosym *s, uint64_t i, uint64_t *ret)
{
	*ret = 0;
	return elf_read(s->e, s->functab.addr + i * 2 * s->l->pc_size, ret, s->l->pc_size);
}

static bool read_module(struct gosym *s, uint64_t first)
{
	struct slot slots[3] = {0};
	uint64_t addr, size;

	if (!elf_section_at(s->e, ".go.module", &addr, &size) || size < MODULE_HEAD)
		return false;
	slots[0].addr = addr;
	slots[1].addr = addr + MODULE_MINPC;
	slots[2].addr = addr + MODULE_TEXT;
	read_slots(s->e, slots, 3);
	if (!slots[0].known || !slots[1].known || !slots[2].known ||
	    slots[0].value != s->tab.addr || slots[1].value != slots[2].value + first)
		return false;
	s->text = slots[2].value;
	return true;
}

static bool read_text(struct gosym *s)
{
	uint64_t first;

	if (!s->l->text)
		return true;
	if (!read_pc(s, 0, &first))
		return false;
	if (!read_module(s, first) &&
	    (!read_slot(s->e, s->tab.addr + 8 + s->l->text * 8, &s->text) || !s->text))
		return false;
	return elf_is_code(s->e, s->text + first);
}

int gosym_open(const struct elf_image *e, struct gosym **ret)
{
	struct table info = {0}, note, tab;
	bool has_tab, has_info;
	struct gosym *s;

	has_info = elf_section_at(e, ".go.buildinfo", &info.addr, &info.size);
	has_tab = elf_section_at(e, ".gopclntab", &tab.addr, &tab.size) ||
		  elf_section_at(e, ".data.rel.ro.gopclntab", &tab.addr, &tab.size);
	if (!has_tab && !has_info && !elf_section_at(e, ".note.go.buildid", &note.addr, &note.size))
		return -ENOENT;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->e = e;
	if (has_info)
		read_version(s, info.addr);
	if (!(has_tab ? read_header(s, tab) : find_header(s)) || !read_text(s)) {
		gosym_close(s);
		return -ENOTSUP;
	}
	*ret = s;
	return 0;
}

void gosym_close(struct gosym *s)
{
	free(s);
}

const char *gosym_version(const struct gosym *s)
{
	return s->version;
}

bool gosym_in_registers(const struct gosym *s)
{
	/* 1.16 and 1.17 have the same table */
	return s->l->text || (elf_machine(s->e) == ELF_X86_64 && s->l->functab &&
			      !strncmp(s->version, "go1.17", 6));
}

/* ---- looking up ---- */

struct hit {
	size_t len; /* of the name, with its end */
	uint64_t places[PLACES];
	size_t place_cnt;
	uint64_t index;
	unsigned int times;
};

static void note_name(const uint8_t *p, size_t left, uint64_t off, const struct gosym_want *want,
		      struct hit *hits, size_t cnt)
{
	for (size_t k = 0; k < cnt; k++)
		if (*p == (uint8_t)*want[k].name && left >= hits[k].len &&
		    !memcmp(p, want[k].name, hits[k].len) && hits[k].place_cnt < PLACES)
			hits[k].places[hits[k].place_cnt++] = off;
}

/* A name follows the end of another, in old tables the zero that ends other things. */
static bool find_names(const struct gosym *s, const struct gosym_want *want, struct hit *hits,
		       size_t cnt)
{
	uint64_t off = 0, next;
	struct window w;
	const uint8_t *p;

	if (!window_init(&w, s->e, s->names))
		return false;
	for (; off < s->names.size; off = next) {
		size_t len = s->names.size - off < WINDOW ? s->names.size - off : WINDOW, at = 0;

		p = window_at(&w, off, len);
		if (!p)
			break;
		/* what begins near the end of this window is left to the next */
		next = len < WINDOW ? s->names.size : off + WINDOW - NAME_LEN;
		while (at < len && off + at < next) {
			const uint8_t *end = memchr(p + at, 0, len - at);

			note_name(p + at, len - at, off + at, want, hits, cnt);
			at = end ? (size_t)(end - p) + 1 : len;
		}
	}
	window_done(&w);
	return true;
}

static void note_function(struct hit *hits, size_t cnt, uint64_t index, uint64_t name)
{
	for (size_t k = 0; k < cnt; k++)
		for (size_t i = 0; i < hits[k].place_cnt; i++)
			if (hits[k].places[i] == name) {
				hits[k].index = index;
				hits[k].times++;
			}
}

static uint64_t get_pc(const struct gosym *s, const uint8_t *p)
{
	return s->l->pc_size == 4 ? get32(p) : get64(p);
}

static void find_functions(const struct gosym *s, struct hit *hits, size_t cnt)
{
	size_t size = s->l->pc_size;
	struct window functab, records;
	const uint8_t *p, *rec;

	if (window_init(&functab, s->e, s->functab) & window_init(&records, s->e, s->records))
		for (uint64_t i = 0; i < s->funcs; i++) {
			p = window_at(&functab, i * 2 * size, 2 * size);
			if (!p)
				break;
			rec = window_at(&records, get_pc(s, p + size), size + 4);
			if (rec)
				note_function(hits, cnt, i, get32(rec + size));
		}
	window_done(&functab);
	window_done(&records);
}

/* From where to where: pcs, or what the relocation table says is in their place. */
static void read_pcs(const struct gosym *s, const struct hit *hits, struct slot *slots, size_t cnt)
{
	for (size_t k = 0; k < cnt * 2; k++) {
		uint64_t i = hits[k / 2].index + (k & 1);

		slots[k] = (struct slot){.addr = s->functab.addr + i * 2 * s->l->pc_size};
		if (s->l->text) {
			slots[k].known = read_pc(s, i, &slots[k].value);
			slots[k].value += s->text;
		}
	}
	if (!s->l->text)
		read_slots(s->e, slots, cnt * 2);
}

size_t gosym_find_many(const struct gosym *s, struct gosym_want *want, size_t cnt)
{
	struct slot slots[GOSYM_WANT_MAX * 2];
	struct hit hits[GOSYM_WANT_MAX];
	size_t found = 0, n = cnt < GOSYM_WANT_MAX ? cnt : GOSYM_WANT_MAX;

	for (size_t k = 0; k < cnt; k++)
		want[k].found = false;
	for (size_t k = 0; k < n; k++) {
		hits[k] = (struct hit){.len = strlen(want[k].name) + 1};
		if (hits[k].len > NAME_LEN)
			return 0;
	}
	if (!find_names(s, want, hits, n))
		return 0;
	find_functions(s, hits, n);
	read_pcs(s, hits, slots, n);
	for (size_t k = 0; k < n; k++) {
		const struct slot *from = &slots[k * 2], *to = from + 1;

		if (hits[k].times != 1 || !from->known || !to->known || to->value <= from->value ||
		    !elf_is_code(s->e, from->value) || !elf_is_code(s->e, to->value - 1))
			continue;
		want[k].func =
			(struct elf_func){.addr = from->value, .size = to->value - from->value};
		want[k].found = true;
		found++;
	}
	return found;
}

bool gosym_find(const struct gosym *s, const char *name, struct elf_func *ret)
{
	struct gosym_want want = {.name = name};

	if (gosym_find_many(s, &want, 1))
		*ret = want.func;
	return want.found;
}

static bool name_at(const struct gosym *s, uint64_t i, char ret[GOSYM_NAME_MAX])
{
	uint64_t pair = s->functab.addr + i * 2 * s->l->pc_size, rec = 0, left;
	uint32_t name;

	if (!elf_read(s->e, pair + s->l->pc_size, &rec, s->l->pc_size) || rec > s->records.size ||
	    !elf_read(s->e, s->records.addr + rec + s->l->pc_size, &name, sizeof(name)) ||
	    name >= s->names.size)
		return false;
	left = s->names.size - name;
	if (left > GOSYM_NAME_MAX)
		left = GOSYM_NAME_MAX;
	if (!elf_read(s->e, s->names.addr + name, ret, left))
		return false;
	ret[left - 1] = 0;
	return true;
}

bool gosym_at(const struct gosym *s, uint64_t addr, char ret[GOSYM_NAME_MAX])
{
	uint64_t lo = 0, hi = s->funcs, pc = addr - s->text, first, last;

	if (addr < s->text || !read_pc(s, 0, &first) || !read_pc(s, hi, &last) || pc < first ||
	    pc >= last)
		return false;
	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2, at;

		if (!read_pc(s, mid, &at))
			return false;
		if (at <= pc)
			lo = mid;
		else
			hi = mid;
	}
	return name_at(s, lo, ret);
}
