/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of Go. The first byte: bit 0 clear: the rest is the file. Set: a program made by hand of
 * a kind that the other bits choose, damaged where the rest says: pairs of a position and a byte.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/gosym_elf.h"
#include "userspace/gosym.h"

static const char *const names[] = {
	"go:buildid", "crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write", "twice", "twice",
	"main.main",
};

static const struct ge_spec kinds[] = {
	{.magic = 0xfffffff1, .base = 0x400000, .before = 0x40},
	{.magic = 0xfffffff1, .pie = true},
	{.magic = 0xfffffff1, .pie = true, .hidden = true, .machine = EM_AARCH64},
	{.magic = 0xfffffff1, .pie = true, .module = true},
	{.magic = 0xfffffff0, .base = 0x400000},
	{.magic = 0xfffffffa, .pie = true, .hidden = true, .version_ptr = true},
	{.magic = 0xfffffffa, .base = 0x400000, .version_ptr = true},
	{.magic = 0xfffffffb, .base = 0x400000, .version_ptr = true},
};

/* What comes out lies in code, and the version is text. */
static void look(struct bytes file)
{
	struct gosym_want want[] = {
		{.name = names[1]}, {.name = names[2]}, {.name = "none"}, {.name = ""}};
	char at[GOSYM_NAME_MAX];
	struct elf_image *e;
	struct gosym *s;

	if (elf_open_mem(file, &e))
		return;
	if (!gosym_open(e, &s)) {
		if (strspn(gosym_version(s),
			   " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
			   "abcdefghijklmnopqrstuvwxyz{|}~") != strlen(gosym_version(s)))
			abort();
		gosym_find_many(s, want, 4);
		for (int k = 0; k < 4; k++) {
			if (!want[k].found)
				continue;
			if (!elf_is_code(e, want[k].func.addr) || !want[k].func.size)
				abort();
			if (gosym_at(s, want[k].func.addr, at) && strlen(at) >= sizeof(at))
				abort();
		}
		gosym_close(s);
	}
	elf_close(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct ge g;
	struct ge_spec spec;
	uint8_t *copy;
	size_t len;

	if (size < 1)
		return 0;
	if (!(input[0] & 1)) {
		copy = malloc(size); /* its end is guarded */
		memcpy(copy, input + 1, size - 1);
		look(bytes_of(copy, size - 1));
		free(copy);
		return 0;
	}
	spec = kinds[input[0] >> 1 & 7];
	spec.names = names;
	spec.funcs = sizeof(names) / sizeof(names[0]);
	spec.version = "go1.99";
	if (!spec.machine)
		spec.machine = EM_X86_64;
	len = ge_make(&g, &spec).len;
	if (input[0] & 0x80 && size > 2)
		len -= (size_t)(input[1] | input[2] << 8) % len;
	copy = malloc(len);
	memcpy(copy, g.b, len);
	for (size_t i = 1; i + 3 <= size; i += 3) {
		size_t at = (size_t)(input[i] | input[i + 1] << 8) %
			    (GE_MAX - GE_TEXT - GE_TEXT_SZ + 256);

		/* the headers and all behind the text */
		at = at < 256 ? at : at - 256 + GE_TEXT + GE_TEXT_SZ;
		if (at < len)
			copy[at] = input[i + 2];
	}
	look(bytes_of(copy, len));
	free(copy);
	return 0;
}
