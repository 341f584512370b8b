/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign files and foreign code. The first byte: bits 0-1 what is wanted, bit 2 with return
 * probes, bit 3 arm64, bit 4: the rest is a whole ELF file; otherwise it is the code of a
 * function in a good one, of as many bytes as the second byte says, times 4 (0: all).
 *
 * What comes out must be in the file, in code, each in a place of its own; the finder's own proof
 * of the rest is part of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/elf_make.h"
#include "userspace/site.h"

static const struct site_want wants[] = {
	{.name = "f", .fn = OE_TLS_READ, .arg_mask = 7, .result = true},
	{.name = "f",
	 .fn = OE_TLS_READ,
	 .arg_mask = 31,
	 .arg4_mask = 4,
	 .result = true,
	 .result4 = true},
	{.name = "f", .abi = SITE_ABI_GO, .fn = OE_TLS_GO_READ, .arg_mask = 7, .result = true},
	{.name = "f", .fn = OE_TLS_FREE, .arg_mask = 1},
};

static void fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	abort();
}

static void set_check(const struct elf_image *e, const struct site_set *s, size_t len)
{
	if (s->cnt > SITES_MAX)
		fail("too many sites");
	for (size_t i = 0; i < s->cnt; i++) {
		const struct site *p = &s->sites[i];
		uint64_t off;

		if (!elf_is_code(e, p->addr) || !elf_offset(e, p->addr, &off) || off != p->offset ||
		    off >= len)
			fail("a site outside of the code");
		for (size_t k = 0; k < i; k++)
			if (s->sites[k].addr == p->addr && p->cost != SITE_RETURN)
				fail("two sites in one place");
		for (size_t k = 0; k < OE_SITE_ARGS; k++)
			if (p->k.arg[k].kind && p->k.arg[k].reg > 31)
				fail("no register");
	}
	if (memchr(s->why, 0, sizeof(s->why)) == NULL)
		fail("why does not end");
}

static void find(const struct elf_image *e, const struct elf_func *f, uint8_t how, size_t len)
{
	struct site_set s = {.cnt = 0};

	if (!site_find(e, f, &wants[how & 3], how & 4, &s))
		set_check(e, &s, len);
	if (s.forwards_to && strlen(s.forwards_to) > len)
		fail("a name outside of the file");
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct file file;
	struct elf_image *e;
	struct elf_func f;
	uint8_t *copy = NULL;
	struct bytes all;

	if (size < 2)
		return 0;
	if (input[0] & 16) {
		copy = malloc(size - 1); /* its end is guarded */
		memcpy(copy, input + 1, size - 1);
		all = bytes_of(copy, size - 1);
	} else {
		size_t len = size - 2 < FILE_SIZE / 2 ? size - 2 : FILE_SIZE / 2;

		file_make(&file, input[0] & 8 ? ELF_ARM64 : ELF_X86_64, input + 2, len,
			  input[1] ? 4u * input[1] : len);
		all = bytes_of(file.b, file.len);
	}
	if (!elf_open_mem(all, &e)) {
		if (elf_find_func(e, "f", true, &f))
			find(e, &f, input[0], all.len);
		if (elf_func_at(e, CODE_AT, &f, NULL))
			find(e, &f, input[0], all.len);
		elf_close(e);
	}
	free(copy);
	return 0;
}
