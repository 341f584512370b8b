/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ELF_MAKE_H
#define OE_ELF_MAKE_H
/* An ELF file around some code. */
#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "userspace/elfimg.h"

#define CODE_AT	  0x1000
#define FILE_SIZE (64u << 10)

struct file {
	uint8_t b[FILE_SIZE];
	size_t len;
};

static inline uint64_t file_put(struct file *f, const void *p, size_t len)
{
	uint64_t at = (f->len + 7) & ~7ull;

	memcpy(f->b + at, p, len);
	f->len = at + len;
	return at;
}

/*
 * Code at CODE_AT, one executable segment over the whole file. Exported: f at the start of the
 * code, of size bytes, and other at CODE_AT + 0x800. `imported` is what the slot at 0x200 is filled
 * with.
 */
static inline void file_make(struct file *f, enum elf_machine m, const uint8_t *code, size_t len,
			     size_t size)
{
	static const char names[] = "\0f\0imported\0other\0", sections[] = "\0.dynsym\0";
	Elf64_Ehdr h = {.e_type = ET_DYN,
			.e_machine = m == ELF_ARM64 ? EM_AARCH64 : EM_X86_64,
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_phnum = 1,
			.e_shnum = 5,
			.e_shstrndx = 4};
	Elf64_Sym syms[] = {
		{0},
		{.st_name = 1,
		 .st_info = STT_FUNC,
		 .st_shndx = 1,
		 .st_value = CODE_AT,
		 .st_size = size},
		{.st_name = 3, .st_info = STT_FUNC},
		{.st_name = 12,
		 .st_info = STT_FUNC,
		 .st_shndx = 1,
		 .st_value = CODE_AT + 0x800,
		 .st_size = 1},
	};
	Elf64_Rela rela = {.r_offset = 0x200,
			   .r_info = ELF64_R_INFO(2ull, m == ELF_ARM64 ? R_AARCH64_JUMP_SLOT
								       : R_X86_64_JUMP_SLOT)};
	Elf64_Shdr sh[5] = {
		[1] = {.sh_type = SHT_DYNSYM,
		       .sh_link = 2,
		       .sh_size = sizeof(syms),
		       .sh_entsize = sizeof(Elf64_Sym),
		       .sh_name = 1},
		[2] = {.sh_type = SHT_STRTAB, .sh_size = sizeof(names)},
		[3] = {.sh_type = SHT_RELA,
		       .sh_flags = SHF_ALLOC,
		       .sh_size = sizeof(rela),
		       .sh_link = 1},
		[4] = {.sh_type = SHT_STRTAB, .sh_size = sizeof(sections)},
	};
	Elf64_Phdr p = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X};

	memset(f, 0, sizeof(*f));
	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	f->len = CODE_AT;
	file_put(f, code, len);
	h.e_phoff = sizeof(h);
	sh[1].sh_offset = file_put(f, syms, sizeof(syms));
	sh[2].sh_offset = file_put(f, names, sizeof(names));
	sh[3].sh_offset = file_put(f, &rela, sizeof(rela));
	sh[4].sh_offset = file_put(f, sections, sizeof(sections));
	h.e_shoff = file_put(f, sh, sizeof(sh));
	/* the code is the end of the segment: nothing behind it can be executed */
	p.p_filesz = p.p_memsz = CODE_AT + len;
	memcpy(f->b, &h, sizeof(h));
	memcpy(f->b + sizeof(h), &p, sizeof(p));
}

#endif
