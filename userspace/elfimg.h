/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ELFIMG_H
#define OE_ELFIMG_H
/*
 * An ELF file, x86-64 or arm64, read with suspicion: it belongs to the watched program, which may even
 * change it under us. Every view is checked against the file's size; what is out of bounds is
 * not there. Addresses are the file's own virtual ones (st_value), before relocation.
 */
#include <stdint.h>

#include "userspace/base/bytes.h"

enum elf_machine { ELF_OTHER = 0, ELF_X86_64, ELF_ARM64 };

struct elf_image; /* owns its copy of what was read */

struct elf_func {
	uint64_t addr;
	uint64_t size; /* 0 = not known */
};

/* Opens the file of fd (which stays the caller's and may be closed; the image has its own). 0; -ENOEXEC:
 * no ELF file that we read; or another negative errno. */
int elf_open(int fd, struct elf_image **ret);
/* The same of memory that outlives the image; for tests. */
int elf_open_mem(struct bytes file, struct elf_image **ret);
void elf_close(struct elf_image *e);
enum elf_machine elf_machine(const struct elf_image *e);

/* Function `name` defined here: .dynsym first, then, if `symtab`, .symtab. A version suffix in the
 * table is not part of the name. */
bool elf_find_func(const struct elf_image *e, const char *name, bool symtab, struct elf_func *ret);
/* The function whose symbol covers or starts at addr; name may be NULL. For messages and for the
 * extent of code that has no name we know. */
bool elf_func_at(const struct elf_image *e, uint64_t addr, struct elf_func *ret,
		 const char **ret_name);
/* The name under which .dynsym exports the function that starts at addr; NULL: none. */
const char *elf_export_at(const struct elf_image *e, uint64_t addr);
/* At most max file bytes that will stand at addr, not beyond its segment; .len 0: none. */
struct bytes elf_at(const struct elf_image *e, uint64_t addr, uint64_t max);
/* The same for tables that are read once: copied out and not kept. false: not all of it is there.
 */
bool elf_read(const struct elf_image *e, uint64_t addr, void *dst, size_t len);
/* Is addr in an executable segment? */
bool elf_is_code(const struct elf_image *e, uint64_t addr);
/* Offset of addr in the file, as uprobes want it. */
bool elf_offset(const struct elf_image *e, uint64_t addr, uint64_t *ret_off);
/* A section's bytes by name (".go.buildinfo", ".gopclntab", ".text"), and its address. .len 0:
 * there is none. */
struct bytes elf_section(const struct elf_image *e, const char *name, uint64_t *ret_addr);
/* Where it will stand, without reading it. */
bool elf_section_at(const struct elf_image *e, const char *name, uint64_t *ret_addr,
		    uint64_t *ret_size);
/* addr is a PLT stub, or slot is a GOT slot that the dynamic linker fills: name of the symbol that
 * it leads to. NULL: neither. */
const char *elf_plt_name(const struct elf_image *e, uint64_t addr);
const char *elf_got_name(const struct elf_image *e, uint64_t slot);

#endif
