/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_GOSYM_ELF_H
#define OE_GOSYM_ELF_H
/* Programs of Go made by hand: an ELF file with nothing but the tables that gosym.c reads. */
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "userspace/base/bytes.h"

#define GE_MAX	   8192
#define GE_TEXT	   0x1000 /* file offset, and address from the base on */
#define GE_TEXT_SZ 0x400
#define GE_FUNC	   0x40 /* each function is so large */

struct ge_spec {
	uint32_t magic;
	const char *const *names; /* of functions, in order of address */
	unsigned int funcs;
	uint64_t base;
	uint64_t before; /* of other code in .text before Go's */
	uint16_t machine;
	bool pie;	  /* addresses stand in .rela.dyn only */
	bool hidden;	  /* the table is in .data.rel.ro, after other things */
	bool module;	  /* .go.module has the start of the text, the table has 0 */
	bool version_ptr; /* the version is behind pointers */
	const char *version;
};

struct ge {
	uint8_t b[GE_MAX];
	size_t len;
	Elf64_Shdr sh[12];
	unsigned int sh_cnt;
	char names[256];
	size_t names_len;
	Elf64_Rela rela[64];
	unsigned int rela_cnt;
	const struct ge_spec *s;
};

static inline void ge_put(struct ge *g, uint64_t v, size_t size)
{
	memcpy(g->b + g->len, &v, size);
	g->len += size;
}

static inline void ge_str(struct ge *g, const char *s)
{
	memcpy(g->b + g->len, s, strlen(s) + 1);
	g->len += strlen(s) + 1;
}

static inline void ge_align(struct ge *g, size_t to)
{
	g->len = (g->len + to - 1) / to * to;
}

/* An address: as it is, or 0 and a relocation. */
static inline void ge_addr(struct ge *g, uint64_t v)
{
	if (g->s->pie) {
		g->rela[g->rela_cnt++] = (Elf64_Rela){
			g->s->base + g->len,
			g->s->machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE,
			(int64_t)v};
		v = 0;
	}
	ge_put(g, v, 8);
}

static inline void ge_section(struct ge *g, const char *name, size_t from, uint32_t type)
{
	g->sh[g->sh_cnt++] = (Elf64_Shdr){.sh_name = (uint32_t)g->names_len,
					  .sh_type = type,
					  .sh_flags = SHF_ALLOC,
					  .sh_addr = g->s->base + from,
					  .sh_offset = from,
					  .sh_size = g->len - from,
					  .sh_entsize = type == SHT_RELA ? sizeof(Elf64_Rela) : 0};
	memcpy(g->names + g->names_len, name, strlen(name) + 1);
	g->names_len += strlen(name) + 1;
}

static inline uint64_t ge_func(const struct ge_spec *s, unsigned int i)
{
	return s->base + GE_TEXT + s->before + (uint64_t)i * GE_FUNC;
}

static inline void ge_word(struct ge *g, size_t at, uint64_t v)
{
	memcpy(g->b + at, &v, 8);
}

/* pclntab: functions' records after functab, names before or (old) after */
static inline void ge_table(struct ge *g)
{
	const struct ge_spec *s = g->s;
	size_t tab = g->len, name_at[16], rec_at, functab, names;
	bool old = s->magic == 0xfffffffb, offsets = s->magic <= 0xfffffff1;
	unsigned int pc = offsets ? 4 : 8, words = old ? 1 : offsets ? 8 : 7, i;

	ge_put(g, s->magic, 4);
	ge_put(g, s->machine == EM_AARCH64 ? 0x08040000 : 0x08010000, 4);
	ge_put(g, s->funcs, 8);
	for (i = 1; i < words; i++) {
		if (offsets && i == 2 && !s->module)
			ge_addr(g, ge_func(s, 0)); /* runtime.text */
		else
			ge_put(g, 0, 8);
	}
	names = old ? tab : g->len;
	functab = g->len;
	if (!old) {
		for (i = 0; i < s->funcs; i++) {
			name_at[i] = g->len - names;
			ge_str(g, s->names[i]);
		}
		ge_align(g, 8);
		functab = g->len;
		ge_word(g, tab + 8 + (offsets ? 3 : 2) * 8, names - tab);
		ge_word(g, tab + 8 + (words - 1) * 8, functab - tab);
	}
	rec_at = functab + (s->funcs * 2 + 1) * pc;
	if (old)
		for (i = 0, names = rec_at + s->funcs * 16; i < s->funcs; i++) {
			name_at[i] = names - tab;
			names += strlen(s->names[i]) + 1;
		}
	for (i = 0; i <= s->funcs; i++) {
		if (offsets)
			ge_put(g, (uint64_t)i * GE_FUNC, 4);
		else
			ge_addr(g, ge_func(s, i));
		if (i < s->funcs)
			ge_put(g, rec_at + i * 16 - (old ? tab : functab), pc);
	}
	for (i = 0; i < s->funcs; i++) {
		ge_put(g, 0, pc);
		ge_put(g, name_at[i], 4);
		ge_put(g, 0, 12 - pc);
	}
	if (old)
		for (i = 0; i < s->funcs; i++)
			ge_str(g, s->names[i]);
	ge_align(g, 8);
}

static inline void ge_version(struct ge *g)
{
	const struct ge_spec *s = g->s;
	size_t from = g->len;

	memcpy(g->b + g->len, "\xff Go buildinf:\x08\x02", 16);
	g->b[from + 15] = s->version_ptr ? 0 : 2;
	g->len += 16;
	if (s->version_ptr) {
		ge_addr(g, s->base + from + 32);
		ge_put(g, 0, 8);
		ge_addr(g, s->base + from + 48);
		ge_put(g, strlen(s->version), 8);
	} else {
		ge_put(g, 0, 8);
		ge_put(g, 0, 8);
		ge_put(g, strlen(s->version), 1);
	}
	ge_str(g, s->version);
	ge_align(g, 16);
	ge_section(g, ".go.buildinfo", from, SHT_PROGBITS);
}

static inline void ge_module(struct ge *g, uint64_t tab)
{
	size_t from = g->len;

	ge_addr(g, tab);
	g->len += 19 * 8;
	ge_addr(g, ge_func(g->s, 0));
	ge_addr(g, ge_func(g->s, g->s->funcs));
	ge_addr(g, ge_func(g->s, 0));
	g->len += 64;
	ge_section(g, ".go.module", from, SHT_PROGBITS);
}

static inline void ge_finish(struct ge *g)
{
	size_t from = g->len, names;
	Elf64_Ehdr h = {.e_type = g->s->pie ? ET_DYN : ET_EXEC,
			.e_machine = g->s->machine,
			.e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr)};
	Elf64_Phdr code = {PT_LOAD, PF_R | PF_X, GE_TEXT,    g->s->base + GE_TEXT,
			   0,	    GE_TEXT_SZ,	 GE_TEXT_SZ, 1};
	Elf64_Phdr data = code;

	memcpy(g->b + g->len, g->rela, g->rela_cnt * sizeof(Elf64_Rela));
	g->len += g->rela_cnt * sizeof(Elf64_Rela);
	ge_section(g, ".rela.dyn", from, SHT_RELA);
	data.p_flags = PF_R | PF_W;
	data.p_offset = GE_TEXT + GE_TEXT_SZ;
	data.p_vaddr = g->s->base + data.p_offset;
	data.p_filesz = data.p_memsz = g->len - data.p_offset;
	names = g->len;
	memcpy(g->names + g->names_len, ".shstrtab", 10);
	memcpy(g->b + g->len, g->names, g->names_len + 10);
	g->len += g->names_len + 10;
	ge_section(g, ".shstrtab", names, SHT_STRTAB);
	ge_align(g, 8);
	h.e_shoff = g->len;
	h.e_shnum = (uint16_t)g->sh_cnt;
	h.e_shstrndx = (uint16_t)(g->sh_cnt - 1);
	memcpy(g->b + g->len, g->sh, g->sh_cnt * sizeof(Elf64_Shdr));
	g->len += g->sh_cnt * sizeof(Elf64_Shdr);
	memcpy(h.e_ident, ELFMAG "\x02\x01\x01", 7);
	memcpy(g->b, &h, sizeof(h));
	memcpy(g->b + sizeof(h), &code, sizeof(code));
	memcpy(g->b + sizeof(h) + sizeof(code), &data, sizeof(data));
}

/* The program; *g must be large and lives as long as the result is used. */
static inline struct bytes ge_make(struct ge *g, const struct ge_spec *s)
{
	size_t from;
	uint64_t tab;

	memset(g, 0, sizeof(*g));
	g->s = s;
	g->len = GE_TEXT;
	memset(g->b + g->len, 0x90, GE_TEXT_SZ);
	g->len += GE_TEXT_SZ;
	ge_section(g, ".text", GE_TEXT, SHT_PROGBITS);
	ge_version(g);
	from = g->len;
	if (s->hidden) {
		ge_put(g, 0xfffffff1, 4); /* looks like one, is none */
		ge_put(g, 0x08010000, 4);
		g->len += 104;
	}
	tab = s->base + g->len;
	ge_table(g);
	ge_section(g,
		   s->hidden		  ? ".data.rel.ro"
		   : s->pie && !s->module ? ".data.rel.ro.gopclntab"
					  : ".gopclntab",
		   from, SHT_PROGBITS);
	if (s->module)
		ge_module(g, tab);
	ge_finish(g);
	return bytes_of(g->b, g->len);
}

#endif
