/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SITE_H
#define OE_SITE_H
/*
 * Where inside a function to put probes. The kernel executes some instructions by itself when
 * a probe stands on them (x86: nop, push, call, jmp, conditional jumps; arm64: nop, branches,
 * ret, adr, literal loads) and single-steps all others, which costs 2 to 20 times more. So: of the
 * instructions at which the arguments (or the result) are still in known places, one
 * that is cheap; on every path exactly one. See the essay in site.c for how that is shown.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "bpf/tls.h"
#include "userspace/elfimg.h"

#define SITES_MAX 32 /* of one function */

struct gosym;

enum site_abi { SITE_ABI_C, SITE_ABI_GO };

enum site_cost {
	SITE_CHEAP = 0, /* the kernel emulates the instruction */
	SITE_STEPPED,	/* single-stepped out of line */
	SITE_RETURN,	/* a return probe: changes the return address on the stack */
};

struct site_want {
	const char *name; /* of the function, for messages */
	enum site_abi abi;
	uint8_t fn;		/* OE_TLS_*: copied into each oe_site */
	uint8_t arg_mask;	/* bit i: argument i is wanted at the entry sites */
	uint8_t arg4_mask;	/* those of them that are C ints: their low 32 bits count */
	const struct gosym *go; /* the program's, for names of what is called; may be NULL */
	bool no_calls;		/* no site on a call instruction */
	bool result;		/* exit sites are wanted */
	bool result4;		/* the result is a C int: its low 32 bits count */
};

struct site {
	uint64_t addr;	 /* of the instruction, virtual */
	uint64_t offset; /* in the file */
	enum site_cost cost;
	struct oe_site k;
	char text[64]; /* "jne 0x3f5ae", for people */
};

struct site_set {
	struct site sites[SITES_MAX];
	size_t cnt;
	/*
	 * All that it does is to jump to another exported function, of this name: where that one is
	 * probed as well, its sites see these calls too, and those here, if any, must not be used.
	 * Into another file (or what could be one) the end cannot be followed: with a result wanted
	 * there are none here. Points into the image.
	 */
	const char *forwards_to;
	char why[96]; /* why not a better choice (single-stepped, or a return probe); "" = the best
		       */
};

/*
 * The sites of the function at `f`. 0; -ENOTSUP: its code cannot be followed and, without
 * `returns`, it cannot be probed (why says); other negative errno. With `returns` a
 * return probe is the last resort for C functions, never for Go's (their stacks move).
 */
int site_find(const struct elf_image *e, const struct elf_func *f, const struct site_want *want,
	      bool returns, struct site_set *ret);

#endif
