/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is not mapped: whoever may write it could cut it short while we read, and a mapping
 * would then kill us with SIGBUS. Instead room for all of it is reserved, and what is asked for is
 * read into its place, a chunk at a time; views stay valid for the life of the image. A program of
 * 90 MB of which we look at some tables and functions costs those.
 *
 * All offsets and counts come from the file. Every read goes through file_at(), which checks them
 * against the size that the file had when it was opened; structures are copied out, since nothing
 * promises that they are aligned.
 */
#include "userspace/elfimg.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK	  (64u << 10)
#define FILE_MAX  (4ull << 30)
#define PHDRS_MAX 64
#define SHDRS_MAX 512
#define SLOTS_MAX (1u << 20)
#define FDES_MAX  (4u << 20)
#define SYMS_MAX  (4u << 20)
#define NAMES_MAX (256u << 20)

struct symtab {
	uint64_t off, cnt; /* Elf64_Sym */
	Elf64_Shdr strings;
	struct bytes names; /* ends with a NUL; read when first needed */
};

struct slot {
	uint64_t addr;
	uint32_t sym; /* in .dynsym */
};

struct elf_image {
	enum elf_machine machine;
	int fd; /* -1: all is there */
	uint8_t *mem;
	size_t len;
	uint8_t *have; /* one for each chunk */
	Elf64_Phdr ph[PHDRS_MAX];
	size_t ph_cnt;
	Elf64_Shdr sh[SHDRS_MAX];
	size_t sh_cnt;
	struct bytes sh_names;
	struct symtab *dyn, *sym; /* of two */
	struct slot *slots;	  /* by address */
	size_t slot_cnt;
};

static bool file_read(const struct elf_image *e, uint64_t off, void *dst, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(e->fd, (uint8_t *)dst + got, len - got, (off_t)(off + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

static bool chunk_get(const struct elf_image *e, size_t i)
{
	size_t off = i * CHUNK, len = e->len - off < CHUNK ? e->len - off : CHUNK;

	if (!e->have[i])
		e->have[i] = file_read(e, off, e->mem + off, len) ? 1 : 2;
	return e->have[i] == 1;
}

/* NULL: not in the file. */
static const uint8_t *file_at(const struct elf_image *e, uint64_t off, uint64_t len)
{
	if (off > e->len || len > e->len - off)
		return NULL;
	if (e->fd >= 0 && len)
		for (size_t i = off / CHUNK; i <= (off + len - 1) / CHUNK; i++)
			if (!chunk_get(e, i))
				return NULL;
	return e->mem + off;
}

static struct bytes file_view(const struct elf_image *e, uint64_t off, uint64_t len)
{
	const uint8_t *p = file_at(e, off, len);

	return p ? bytes_of(p, len) : BYTES_NONE;
}

static bool file_copy(const struct elf_image *e, uint64_t off, void *dst, size_t len)
{
	const uint8_t *p = file_at(e, off, len);

	if (p)
		memcpy(dst, p, len);
	return p;
}

static const Elf64_Phdr *segment(const struct elf_image *e, uint64_t addr)
{
	for (size_t i = 0; i < e->ph_cnt; i++)
		if (addr >= e->ph[i].p_vaddr && addr - e->ph[i].p_vaddr < e->ph[i].p_filesz)
			return &e->ph[i];
	return NULL;
}

struct bytes elf_at(const struct elf_image *e, uint64_t addr, uint64_t max)
{
	const Elf64_Phdr *p = segment(e, addr);
	uint64_t in, left;

	if (!p)
		return BYTES_NONE;
	in = addr - p->p_vaddr;
	left = p->p_filesz - in;
	return file_view(e, p->p_offset + in, left < max ? left : max);
}

bool elf_read(const struct elf_image *e, uint64_t addr, void *dst, size_t len)
{
	const Elf64_Phdr *p = segment(e, addr);
	uint64_t off;

	if (!p || len > p->p_filesz - (addr - p->p_vaddr))
		return false;
	off = p->p_offset + (addr - p->p_vaddr);
	if (e->fd < 0)
		return file_copy(e, off, dst, len);
	return file_read(e, off, dst, len);
}

bool elf_is_code(const struct elf_image *e, uint64_t addr)
{
	const Elf64_Phdr *p = segment(e, addr);

	return p && p->p_flags & PF_X;
}

bool elf_offset(const struct elf_image *e, uint64_t addr, uint64_t *ret_off)
{
	const Elf64_Phdr *p = segment(e, addr);

	if (!p)
		return false;
	*ret_off = p->p_offset + (addr - p->p_vaddr);
	return true;
}

enum elf_machine elf_machine(const struct elf_image *e)
{
	return e->machine;
}

/* A table of names that does not end is none. */
static struct bytes names_of(const struct elf_image *e, const Elf64_Shdr *s)
{
	struct bytes b = s->sh_type == SHT_STRTAB && s->sh_size <= NAMES_MAX
				 ? file_view(e, s->sh_offset, s->sh_size)
				 : BYTES_NONE;

	return b.len && !b.data[b.len - 1] ? b : BYTES_NONE;
}

static const char *name_at(struct bytes names, uint64_t off)
{
	return off < names.len ? (const char *)names.data + off : NULL;
}

struct bytes elf_section(const struct elf_image *e, const char *name, uint64_t *ret_addr)
{
	for (size_t i = 0; i < e->sh_cnt; i++) {
		const Elf64_Shdr *s = &e->sh[i];
		const char *n = name_at(e->sh_names, s->sh_name);
		struct bytes b;

		if (!n || strcmp(n, name) || s->sh_type == SHT_NOBITS)
			continue;
		b = file_view(e, s->sh_offset, s->sh_size);
		if (b.len && ret_addr)
			*ret_addr = s->sh_addr;
		return b;
	}
	return BYTES_NONE;
}

bool elf_section_at(const struct elf_image *e, const char *name, uint64_t *ret_addr,
		    uint64_t *ret_size)
{
	for (size_t i = 0; i < e->sh_cnt; i++) {
		const Elf64_Shdr *s = &e->sh[i];
		const char *n = name_at(e->sh_names, s->sh_name);

		if (!n || strcmp(n, name) || s->sh_type == SHT_NOBITS || !s->sh_size)
			continue;
		*ret_addr = s->sh_addr;
		*ret_size = s->sh_size;
		return true;
	}
	return false;
}

/* ---- symbols ---- */

static bool sym_at(const struct elf_image *e, const struct symtab *t, uint64_t i, Elf64_Sym *ret)
{
	return i < t->cnt && file_copy(e, t->off + i * sizeof(*ret), ret, sizeof(*ret));
}

static bool sym_is_func(const struct elf_image *e, const Elf64_Sym *s)
{
	return ELF64_ST_TYPE(s->st_info) == STT_FUNC && s->st_shndx != SHN_UNDEF && s->st_value &&
	       elf_is_code(e, s->st_value);
}

/* Are there names to look for? */
static bool symtab_use(const struct elf_image *e, struct symtab *t)
{
	if (t->cnt && !t->names.len)
		t->names = names_of(e, &t->strings);
	if (!t->names.len)
		t->cnt = 0;
	return t->cnt;
}

static bool find_in(const struct elf_image *e, struct symtab *t, const char *name,
		    struct elf_func *ret)
{
	size_t len = strlen(name) + 1;
	Elf64_Sym s;

	if (!symtab_use(e, t))
		return false;
	for (uint64_t i = 0; i < t->cnt; i++) {
		if (!sym_at(e, t, i, &s))
			return false;
		if (s.st_name >= t->names.len || t->names.len - s.st_name < len ||
		    memcmp(t->names.data + s.st_name, name, len) || !sym_is_func(e, &s))
			continue;
		*ret = (struct elf_func){s.st_value, s.st_size};
		return true;
	}
	return false;
}

bool elf_find_func(const struct elf_image *e, const char *name, bool symtab, struct elf_func *ret)
{
	return find_in(e, e->dyn, name, ret) || (symtab && find_in(e, e->sym, name, ret));
}

static bool sym_covering(const struct elf_image *e, struct symtab *t, uint64_t addr,
			 struct elf_func *ret, const char **ret_name)
{
	Elf64_Sym s;

	if (!symtab_use(e, t))
		return false;
	for (uint64_t i = 0; i < t->cnt; i++) {
		if (!sym_at(e, t, i, &s))
			return false;
		if (addr < s.st_value || (addr != s.st_value && addr - s.st_value >= s.st_size) ||
		    !sym_is_func(e, &s))
			continue;
		*ret = (struct elf_func){s.st_value, s.st_size};
		*ret_name = name_at(t->names, s.st_name);
		return true;
	}
	return false;
}

const char *elf_export_at(const struct elf_image *e, uint64_t addr)
{
	Elf64_Sym s;

	if (!symtab_use(e, e->dyn))
		return NULL;
	for (uint64_t i = 0; i < e->dyn->cnt; i++) {
		if (!sym_at(e, e->dyn, i, &s))
			return NULL;
		if (s.st_value == addr && sym_is_func(e, &s))
			return name_at(e->dyn->names, s.st_name);
	}
	return NULL;
}

/* ---- .eh_frame: where functions without a name begin and end ---- */

#define EH_ABS4 0x03 /* udata4 */
#define EH_PC4	0x1b /* pcrel sdata4: what compilers write in position-independent code */
#define EH_DATA 0x3b /* datarel sdata4: the sorted table of .eh_frame_hdr */

static bool eh_i32(const struct elf_image *e, uint64_t addr, int32_t *ret)
{
	struct bytes b = elf_at(e, addr, 4);

	if (b.len < 4)
		return false;
	memcpy(ret, b.data, 4);
	return true;
}

/* The pointer encoding of an FDE, from its CIE's augmentation "zR", "zPLR", ... */
static bool cie_encoding(const struct elf_image *e, uint64_t cie, uint8_t *ret)
{
	struct bytes b = elf_at(e, cie + 8, 64);
	size_t at = 1, skip;
	const char *aug;

	if (b.len < 32)
		return false;
	aug = (const char *)b.data + 1;
	while (at < b.len && b.data[at])
		at++;
	at++;
	for (skip = 3; skip && at < b.len; at++) /* code and data alignment, return register */
		skip -= !(b.data[at] & 0x80);
	if (aug[0] != 'z')
		return false;
	at++; /* length of the augmentation: short */
	for (aug++; *aug && at < b.len; aug++) {
		if (*aug == 'R') {
			*ret = b.data[at];
			return true;
		}
		if (*aug == 'L')
			at++;
		else if (*aug == 'P' && b.data[at] != 0 && (b.data[at] & 0xf) != 0xc &&
			 (b.data[at] & 0xf) != 4)
			at += 5;
		else if (*aug == 'P')
			at += 9;
		else if (*aug != 'S' && *aug != 'B')
			return false;
	}
	return false;
}

static bool fde_at(const struct elf_image *e, uint64_t fde, struct elf_func *ret)
{
	int32_t len, cie, start, size;
	uint8_t enc;

	if (!eh_i32(e, fde, &len) || len < 12 || !eh_i32(e, fde + 4, &cie) || !cie ||
	    !cie_encoding(e, fde + 4 - (uint64_t)(int64_t)cie, &enc) ||
	    !eh_i32(e, fde + 8, &start) || !eh_i32(e, fde + 12, &size) || size <= 0)
		return false;
	if (enc == EH_PC4)
		ret->addr = fde + 8 + (uint64_t)(int64_t)start;
	else if (enc == EH_ABS4)
		ret->addr = (uint32_t)start;
	else
		return false;
	ret->size = (uint64_t)size;
	return true;
}

static bool eh_covering(const struct elf_image *e, uint64_t addr, struct elf_func *ret)
{
	uint64_t hdr = 0, lo = 0, hi;
	struct elf_func f;
	int32_t v;
	uint32_t cnt;
	struct bytes b = elf_section(e, ".eh_frame_hdr", &hdr);

	if (b.len < 12 || b.data[0] != 1 || b.data[2] != EH_ABS4 || b.data[3] != EH_DATA)
		return false;
	memcpy(&cnt, b.data + 8, 4);
	if (cnt > FDES_MAX || (b.len - 12) / 8 < cnt)
		return false;
	for (hi = cnt; lo < hi;) {
		uint64_t mid = lo + (hi - lo) / 2;

		memcpy(&v, b.data + 12 + mid * 8, 4);
		if (hdr + (uint64_t)(int64_t)v <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	memcpy(&v, b.data + 12 + (lo - 1) * 8 + 4, 4);
	if (!fde_at(e, hdr + (uint64_t)(int64_t)v, &f) || addr < f.addr || addr - f.addr >= f.size)
		return false;
	*ret = f;
	return true;
}

bool elf_func_at(const struct elf_image *e, uint64_t addr, struct elf_func *ret,
		 const char **ret_name)
{
	const char *name = NULL;
	bool found;

	/* without a name wanted, the sorted table is the faster */
	found = (!ret_name && eh_covering(e, addr, ret)) ||
		sym_covering(e, e->sym, addr, ret, &name) ||
		sym_covering(e, e->dyn, addr, ret, &name) || eh_covering(e, addr, ret);
	if (found && ret_name)
		*ret_name = name;
	return found;
}

/* ---- slots that the dynamic linker fills ---- */

static int slot_order(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool rela_names(enum elf_machine m, uint32_t type)
{
	if (m == ELF_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

/* Two passes over the relocations: count, keep. */
static int slots_read(struct elf_image *e)
{
	for (int pass = 0; pass < 2; pass++) {
		size_t n = 0;

		for (size_t i = 0; i < e->sh_cnt; i++) {
			uint64_t cnt = e->sh[i].sh_size / sizeof(Elf64_Rela);
			Elf64_Rela r;

			if (e->sh[i].sh_type != SHT_RELA || !(e->sh[i].sh_flags & SHF_ALLOC))
				continue;
			for (uint64_t k = 0; k < cnt && n < SLOTS_MAX; k++) {
				if (!file_copy(e, e->sh[i].sh_offset + k * sizeof(r), &r,
					       sizeof(r)))
					break;
				if (!rela_names(e->machine, ELF64_R_TYPE(r.r_info)))
					continue;
				if (pass && n < e->slot_cnt)
					e->slots[n] =
						(struct slot){r.r_offset, ELF64_R_SYM(r.r_info)};
				n++;
			}
		}
		if (!pass) {
			e->slot_cnt = n;
			e->slots = calloc(n + 1, sizeof(*e->slots));
			if (!e->slots)
				return -ENOMEM;
		}
	}
	qsort(e->slots, e->slot_cnt, sizeof(*e->slots), slot_order);
	return 0;
}

const char *elf_got_name(const struct elf_image *e, uint64_t slot)
{
	struct slot key = {.addr = slot}, *s;
	const char *name;
	Elf64_Sym sym;

	s = bsearch(&key, e->slots, e->slot_cnt, sizeof(key), slot_order);
	if (!s || !symtab_use(e, e->dyn) || !sym_at(e, e->dyn, s->sym, &sym))
		return NULL;
	name = name_at(e->dyn->names, sym.st_name);
	return name && *name ? name : NULL;
}

/* endbr64? bnd? jmp *slot(%rip) */
static bool plt_x86(struct bytes b, uint64_t addr, uint64_t *ret_slot)
{
	size_t at = 0;
	int32_t rel;

	if (b.len >= 4 && !memcmp(b.data, "\xf3\x0f\x1e\xfa", 4))
		at = 4;
	if (at < b.len && b.data[at] == 0xf2)
		at++;
	if (b.len < at + 6 || b.data[at] != 0xff || b.data[at + 1] != 0x25)
		return false;
	memcpy(&rel, b.data + at + 2, 4);
	*ret_slot = addr + at + 6 + (uint64_t)(int64_t)rel;
	return true;
}

/* bti? adrp x16, page; ldr x17, [x16, off]; add; br x17 */
static bool plt_arm64(struct bytes b, uint64_t addr, uint64_t *ret_slot)
{
	uint32_t w[5] = {0};
	size_t i = 0;
	int64_t page;

	if (b.len < sizeof(w) - 4)
		return false;
	memcpy(w, b.data, b.len < sizeof(w) ? b.len : sizeof(w));
	if ((w[0] & 0xffffff3f) == 0xd503241f)
		i++;
	if ((w[i] & 0x9f00001f) != 0x90000010 || (w[i + 1] & 0xffc003ff) != 0xf9400211)
		return false;
	page = (int64_t)(((uint64_t)(w[i] >> 5 & 0x7ffff) << 2 | (w[i] >> 29 & 3)) << 43) >> 43;
	*ret_slot = ((addr + i * 4) & ~0xfffull) + ((uint64_t)page << 12) +
		    (w[i + 1] >> 10 & 0xfff) * 8;
	return true;
}

const char *elf_plt_name(const struct elf_image *e, uint64_t addr)
{
	struct bytes b;
	uint64_t slot;

	if (!elf_is_code(e, addr))
		return NULL;
	b = elf_at(e, addr, 20);
	if (!(e->machine == ELF_X86_64 ? plt_x86 : plt_arm64)(b, addr, &slot))
		return NULL;
	return elf_got_name(e, slot);
}

/* ---- opening ---- */

static int segments_read(struct elf_image *e, const Elf64_Ehdr *h)
{
	Elf64_Phdr p;

	if (h->e_phentsize != sizeof(p) || h->e_phnum > 4096)
		return -ENOEXEC;
	for (size_t i = 0; i < h->e_phnum && e->ph_cnt < PHDRS_MAX; i++) {
		if (!file_copy(e, h->e_phoff + i * sizeof(p), &p, sizeof(p)))
			return -ENOEXEC;
		if (p.p_type == PT_LOAD && p.p_offset <= e->len &&
		    p.p_filesz <= e->len - p.p_offset && p.p_vaddr <= UINT64_MAX / 2)
			e->ph[e->ph_cnt++] = p;
	}
	return e->ph_cnt ? 0 : -ENOEXEC;
}

static void symtab_read(struct elf_image *e, const Elf64_Shdr *s, struct symtab *ret)
{
	if (s->sh_entsize != sizeof(Elf64_Sym) || s->sh_link >= e->sh_cnt ||
	    s->sh_offset > e->len || s->sh_size > e->len - s->sh_offset)
		return;
	ret->strings = e->sh[s->sh_link];
	ret->off = s->sh_offset;
	ret->cnt = s->sh_size / sizeof(Elf64_Sym);
	if (ret->cnt > SYMS_MAX)
		ret->cnt = 0;
}

/* A file without sections has functions without names: that is no error. */
static void sections_read(struct elf_image *e, const Elf64_Ehdr *h)
{
	if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum > SHDRS_MAX)
		return;
	for (; e->sh_cnt < h->e_shnum; e->sh_cnt++)
		if (!file_copy(e, h->e_shoff + e->sh_cnt * sizeof(Elf64_Shdr), &e->sh[e->sh_cnt],
			       sizeof(Elf64_Shdr)))
			break;
	if (h->e_shstrndx < e->sh_cnt)
		e->sh_names = names_of(e, &e->sh[h->e_shstrndx]);
	for (size_t i = 0; i < e->sh_cnt; i++) {
		if (e->sh[i].sh_type == SHT_DYNSYM && !e->dyn->cnt)
			symtab_read(e, &e->sh[i], e->dyn);
		else if (e->sh[i].sh_type == SHT_SYMTAB && !e->sym->cnt)
			symtab_read(e, &e->sh[i], e->sym);
	}
}

static int image_read(struct elf_image *e)
{
	Elf64_Ehdr h;
	int err;

	e->dyn = calloc(2, sizeof(*e->dyn));
	if (!e->dyn)
		return -ENOMEM;
	e->sym = e->dyn + 1;
	if (!file_copy(e, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (h.e_type != ET_DYN && h.e_type != ET_EXEC))
		return -ENOEXEC;
	e->machine = h.e_machine == EM_X86_64	 ? ELF_X86_64
		     : h.e_machine == EM_AARCH64 ? ELF_ARM64
						 : ELF_OTHER;
	if (e->machine == ELF_OTHER)
		return -ENOEXEC;
	err = segments_read(e, &h);
	if (err)
		return err;
	sections_read(e, &h);
	return slots_read(e);
}

void elf_close(struct elf_image *e)
{
	if (!e)
		return;
	free(e->slots);
	free(e->dyn);
	if (e->fd >= 0) {
		free(e->have);
		if (e->mem)
			munmap(e->mem, e->len);
		close(e->fd);
	}
	free(e);
}

int elf_open_mem(struct bytes file, struct elf_image **ret)
{
	struct elf_image *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->fd = -1;
	e->mem = (uint8_t *)(uintptr_t)file.data; /* read only */
	e->len = file.len;
	err = image_read(e);
	if (err)
		elf_close(e);
	else
		*ret = e;
	return err;
}

int elf_open(int fd, struct elf_image **ret)
{
	struct elf_image *e;
	struct stat st;
	void *mem;
	int err = 0;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > FILE_MAX)
		return -ENOEXEC;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (e->fd < 0) {
		err = -errno;
		free(e);
		return err;
	}
	e->len = (size_t)st.st_size;
	e->have = calloc(e->len / CHUNK + 1, 1);
	mem = mmap(NULL, e->len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem != MAP_FAILED)
		e->mem = mem;
	err = e->have && e->mem ? image_read(e) : -ENOMEM;
	if (err)
		elf_close(e);
	else
		*ret = e;
	return err;
}
