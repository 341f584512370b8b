/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Early exits of Go's functions, on variations of this, which is what the compiler makes of
 * crypto/tls's Read:
 *
 * f: cmp 16(%r14),%rsp; jbe 9f; push %rbp; mov %rsp,%rbp; sub $0x30,%rsp; mov %rax,0x40(%rsp);
 *    mov %rbx,0x48(%rsp); mov %rcx,0x50(%rsp); lea 0x18(%rsp),%rdi; mov %rdi,0x28(%rsp); call g;
 *    test %rax,%rax; jne 8f; call g; mov %rax,%rcx; test %rcx,%rcx; je 1f; mov %rcx,0x10(%rsp);
 *    call g; mov 0x10(%rsp),%rcx
 * 1: mov %rcx,8(%rsp); mov 0x28(%rsp),%rdx; call *(%rdx); mov 8(%rsp),%rax; add $0x30,%rsp;
 *    pop %rbp; ret
 * 8: movq $0,8(%rsp); mov 0x28(%rsp),%rdx; call *(%rdx); mov 8(%rsp),%rax; add $0x30,%rsp;
 *    pop %rbp; ret
 * 9: mov %rax,8(%rsp); call g; mov 8(%rsp),%rax; jmp f
 */
#include <stdlib.h>

#include "tests/unit/gosym_elf.h"
#include "tests/unit/tap.h"
#include "userspace/gosym.h"
#include "userspace/site.h"

/* exits: OFFSET, cheap or stepped, register of the result, (where the arguments are from the stack
 * pointer on) */
static const struct {
	const char *name, *hex;
	bool go; /* the names of what is called are known */
	const char *exits;
} rows[] = {
	{"a jump on the result, before all that follows",
	 "493b66107679554889e54883ec30488944244048895c244848894c2450488d7c241848897c2428e8"
	 "d40000004885c07533e8ca0000004889c14885c9740f48894c2410e8b8000000488b4c241048894c"
	 "2408488b542428ff12488b4424084883c4305dc348c744240800000000488b542428ff12488b4424"
	 "084883c4305dc34889442408e877000000488b442408e96dffffff",
	 false, "7es,10(8,10,18) 3cc,11(40,48,50)"},
	{"the result's slot may be changed through a pointer",
	 "493b66107679554889e54883ec30488944244048895c244848894c2450488d7c240848897c2428e8"
	 "d40000004885c07533e8ca0000004889c14885c9740f48894c2410e8b8000000488b4c241048894c"
	 "2408488b542428ff12488b4424084883c4305dc348c744240800000000488b542428ff12488b4424"
	 "084883c4305dc34889442408e877000000488b442408e96dffffff",
	 false, "63s,10(8,10,18) 7es,10(8,10,18)"},
	{"the result is changed after the deferred call",
	 "493b6610767f554889e54883ec30488944244048895c244848894c2450488d7c241848897c2428e8"
	 "d40000004885c07539e8ca0000004889c14885c9740f48894c2410e8b8000000488b4c241048894c"
	 "2408488b542428ff12488344240801488b4424084883c4305dc348c744240800000000488b542428"
	 "ff12488b4424084883c4305dc34889442408e871000000488b442408e967ffffff",
	 false, "69s,10(8,10,18) 84s,10(8,10,18)"},
	{"... or another takes its place",
	 "493b6610767e554889e54883ec30488944244048895c244848894c2450488d7c241848897c2428e8"
	 "d40000004885c07538e8ca0000004889c14885c9740f48894c2410e8b8000000488b4c241048894c"
	 "2408488b542428ff1248895c2408488b4424084883c4305dc348c744240800000000488b542428ff"
	 "12488b4424084883c4305dc34889442408e872000000488b442408e968ffffff",
	 false, "68s,10(8,10,18) 83s,10(8,10,18)"},
	{"... or half of it",
	 "493b66100f8681000000554889e54883ec30488944244048895c244848894c2450488d7c24184889"
	 "7c2428e8d00000004885c0753be8c60000004889c14885c9740f48894c2410e8b4000000488b4c24"
	 "1048894c2408488b542428ff12c744240c01000000488b4424084883c4305dc348c7442408000000"
	 "00488b542428ff12488b4424084883c4305dc34889442408e86b000000488b442408e961ffffff",
	 false, "6fs,10(8,10,18) 8as,10(8,10,18)"},
	{"... or something somewhere in the frame: nothing is known of that",
	 "493b6610767d554889e54883ec30488944244048895c244848894c2450488d7c241848897c2428e8"
	 "d40000004885c07537e8ca0000004889c14885c9740f48894c2410e8b8000000488b4c241048894c"
	 "2408488b542428ff12488904dc488b4424084883c4305dc348c744240800000000488b542428ff12"
	 "488b4424084883c4305dc34889442408e873000000488b442408e969ffffff",
	 false, "67s,10 82s,10"},
	{"the jump is in a loop",
	 "493b6610767f554889e54883ec30488944244048895c244848894c2450488d7c241848897c2428e8"
	 "d40000004885c07539e8ca0000004889c14885c9741548894c2410e8b8000000488b4c24104883f9"
	 "057cde48894c2408488b542428ff12488b4424084883c4305dc348c744240800000000488b542428"
	 "ff12488b4424084883c4305dc34889442408e871000000488b442408e967ffffff",
	 false, "69s,10(8,10,18) 84s,10(8,10,18)"},
	{"a panic behind which other code stands",
	 "493b66100f8684000000554889e54883ec30488944244048895c244848894c2450488d7c24184889"
	 "7c2428e8d00000004885c0753ee8c60000004889c14885c9741548894c2410e8b4000000488b4c24"
	 "104883f907771748894c2408488b542428ff12488b4424084883c4305dc3e84d00000048c7442408"
	 "00000000488b542428ff12488b4424084883c4305dc34889442408e868000000488b442408e95eff"
	 "ffffccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc3",
	 false, "6ds,10(8,10,18) 8ds,10(8,10,18)"},
	{"... and which does not come back, by its name",
	 "493b66100f8684000000554889e54883ec30488944244048895c244848894c2450488d7c24184889"
	 "7c2428e8d00000004885c0753ee8c60000004889c14885c9741548894c2410e8b4000000488b4c24"
	 "104883f907771748894c2408488b542428ff12488b4424084883c4305dc3e84d00000048c7442408"
	 "00000000488b542428ff12488b4424084883c4305dc34889442408e868000000488b442408e95eff"
	 "ffffccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc3",
	 true, "8ds,10(8,10,18) 40c,11(40,48,50)"},
};

static const char *const names[] = {"f", "f1", "f2", "runtime.panicBounds", "g"};

static struct ge ge;

static void describe(const struct site_set *s, uint64_t base, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < s->cnt; i++) {
		const struct oe_site *k = &s->sites[i].k;

		if (!(k->flags & OE_SITE_EXIT))
			continue;
		n += (size_t)snprintf(out + n, size - n, "%s%x%c,%u", n ? " " : "",
				      (unsigned)(s->sites[i].addr - base), "csr"[s->sites[i].cost],
				      k -> result.reg);
		if (!(k->flags & OE_SITE_WHOLE))
			continue;
		for (unsigned a = 0; a < 3; a++) {
			bool mem = k->arg[a].kind == OE_VAL_MEM;

			n += (size_t)snprintf(
				out + n, size - n, "%c%s%x%s", a ? ',' : '(', mem ? "" : "r",
				mem ? (unsigned)k->arg[a].off : k->arg[a].reg, a < 2 ? "" : ")");
		}
	}
}

/* Programs of one form, and what is wanted of their first function. */
static const struct ge_spec spec = {.magic = 0xfffffff1,
				    .names = names,
				    .funcs = 5,
				    .base = 0x400000,
				    .machine = EM_X86_64,
				    .version = "go1.99"};
static const struct site_want read_want = {
	.name = "f", .abi = SITE_ABI_GO, .fn = OE_TLS_GO_READ, .arg_mask = 7, .result = true};

/* The program with the function of row i. */
static void program(size_t i)
{
	unsigned int v;

	ge_make(&ge, &spec);
	for (size_t k = 0; sscanf(rows[i].hex + 2 * k, "%2x", &v) == 1; k++)
		ge.b[GE_TEXT + k] = (uint8_t)v;
	ge.b[GE_TEXT + 0x100] = 0xc3;
}

static void check(size_t i)
{
	struct elf_func f = {.addr = ge_func(&spec, 0), .size = strlen(rows[i].hex) / 2};
	struct site_set set = {0};
	struct gosym *go = NULL;
	struct elf_image *e;
	struct site_want want = read_want;
	char got[256];
	int err;

	program(i);
	if (f.size > 0xc0)
		f.size = 0xc0;
	if (elf_open_mem(bytes_of(ge.b, ge.len), &e) || gosym_open(e, &go))
		abort();
	want.go = rows[i].go ? go : NULL;
	err = site_find(e, &f, &want, false, &set);
	describe(&set, f.addr, got, sizeof(got));
	is_str(err ? strerror(-err) : got, rows[i].exits, rows[i].name);
	gosym_close(go);
	elf_close(e);
}

/* Each byte of the functions becomes something else: whatever is found then, it ends. */
static void damaged(size_t i)
{
	struct elf_func f = {.addr = ge_func(&spec, 0), .size = 0xc0};
	unsigned int found = 0, noise = 1;
	struct site_set set;
	struct elf_image *e;

	program(i);
	if (elf_open_mem(bytes_of(ge.b, ge.len), &e))
		abort();
	for (size_t k = 0; k < f.size * 8; k++) {
		uint8_t was = ge.b[GE_TEXT + k / 8];

		noise = noise * 1103515245 + 12345;
		ge.b[GE_TEXT + k / 8] = (uint8_t)(noise >> 16);
		found += !site_find(e, &f, &read_want, false, &set);
		ge.b[GE_TEXT + k / 8] = was;
	}
	elf_close(e);
	ok(found, "damaged: sites in %u of %u", found, (unsigned)f.size * 8);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(i);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		damaged(i);
	return tap_done();
}
