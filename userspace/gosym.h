/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_GOSYM_H
#define OE_GOSYM_H
/*
 * Functions of Go programs by name, from the table that the runtime itself needs (pclntab):
 * stripping does not take it away. Section headers must be there. The file belongs to the watched
 * program.
 */
#include "userspace/elfimg.h"

struct gosym; /* borrows the image, which must outlive it */

struct gosym_want {
	const char *name; /* "crypto/tls.(*Conn).Read" */
	bool found;
	struct elf_func func;
};

/*
 * 0; -ENOENT: not a Go program; -ENOTSUP: one of Go, but its table has a form that we do not know,
 * or is damaged; -ENOMEM.
 */
int gosym_open(const struct elf_image *e, struct gosym **ret);
void gosym_close(struct gosym *s);

/* "go1.26.4", as the program's build information has it; "" = not known. */
const char *gosym_version(const struct gosym *s);

/* Do functions take their arguments in registers? Since 1.17, on arm64 since 1.18. */
bool gosym_in_registers(const struct gosym *s);

/*
 * Looks all of them up in one pass and says how many were found. Two functions of one name
 * (wrappers of assembly) are none. A size reaches to the next function, so it may include padding.
 */
#define GOSYM_WANT_MAX 32 /* more are not looked for */
size_t gosym_find_many(const struct gosym *s, struct gosym_want *want, size_t cnt);
bool gosym_find(const struct gosym *s, const char *name, struct elf_func *ret);

/*
 * The name of the function that addr lies in, or its beginning; false: none. Not in
 * position-independent programs before Go 1.18.
 */
#define GOSYM_NAME_MAX 128
bool gosym_at(const struct gosym *s, uint64_t addr, char ret[GOSYM_NAME_MAX]);

#endif
