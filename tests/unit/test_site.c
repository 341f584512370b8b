/* SPDX-License-Identifier: Apache-2.0 */
/* Sites in small functions made by hand, a rule each; and what is thrown at the readers of foreign
 * files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/elf_make.h"
#include "tests/unit/tap.h"
#include "userspace/site.h"
#include "userspace/site_code.h"

/* what is wanted of a function */
enum wanted { PTR3, INT3, GO, NO_CALLS };

static const struct site_want wants[] = {
	[PTR3] = {.name = "f", .fn = OE_TLS_READ, .arg_mask = 7, .result = true},
	[INT3] = {.name = "f",
		  .fn = OE_TLS_READ,
		  .arg_mask = 7,
		  .arg4_mask = 4,
		  .result = true,
		  .result4 = true},
	[NO_CALLS] = {.name = "f",
		      .fn = OE_TLS_READ,
		      .arg_mask = 7,
		      .no_calls = true,
		      .result = true},
	[GO] = {.name = "f",
		.abi = SITE_ABI_GO,
		.fn = OE_TLS_GO_READ,
		.arg_mask = 7,
		.result = true},
};

static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;
	unsigned v;

	while (sscanf(s + 2 * n, "%2x", &v) == 1)
		out[n++] = (uint8_t)v;
	return n;
}

/*
 * "e4c(14,13,12:4) x2s": an entry site at offset 4, cheap, arguments in these registers, the
 * third's lower half; an exit site at offset 2, stepped. r: return probe. !6: not counted when
 * condition 6 holds.
 */
static void describe(const struct site_set *s, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < s->cnt && n < size; i++) {
		const struct oe_site *k = &s->sites[i].k;

		n += (size_t)snprintf(out + n, size - n, "%s%c%llx%c", i ? " " : "",
				      s->sites[i].cost == SITE_RETURN ? 'r'
				      : k->flags & OE_SITE_EXIT	      ? 'x'
								      : 'e',
				      (unsigned long long)s->sites[i].addr - CODE_AT,
				      "csr"[s->sites[i].cost]);
		if (k->flags & OE_SITE_SKIP && n < size)
			n += (size_t)snprintf(out + n, size - n, "!%u", k->cc);
		for (unsigned a = 0; a < OE_SITE_ARGS && n < size && !(k->flags & OE_SITE_EXIT);
		     a++)
			if (k->arg[a].kind)
				n += (size_t)snprintf(out + n, size - n, "%c%u%s", a ? ',' : '(',
						      k->arg[a].reg,
						      k->arg[a].kind == OE_VAL_REG4 ? ":4" : "");
		if (!(k->flags & OE_SITE_EXIT) && n < size)
			n += (size_t)snprintf(out + n, size - n, ")");
	}
	if (s->forwards_to && n < size)
		snprintf(out + n, size - n, "%s=%s", n ? " " : "", s->forwards_to);
}

static struct file file;

/* "" and -ENOTSUP when there are none. */
static int find(enum elf_machine m, enum wanted w, const uint8_t *code, size_t len, size_t size,
		bool returns, char *out, size_t out_size)
{
	struct elf_func f = {CODE_AT, size};
	struct site_set s = {.cnt = 0};
	struct elf_image *e;
	int err;

	file_make(&file, m, code, len, size);
	err = elf_open_mem(bytes_of(file.b, file.len), &e);
	if (err)
		return err;
	err = site_find(e, &f, &wants[w], returns, &s);
	if (err)
		out[0] = 0;
	else
		describe(&s, out, out_size);
	elf_close(e);
	return err;
}

static const struct {
	const char *name;
	enum elf_machine machine;
	enum wanted want;
	const char *hex;
	size_t size;
	const char *sites;
} rows[] = {
	/*
	 * sub $24,%rsp; mov %fs:0x28,%rax; mov %rax,8(%rsp); xor %eax,%eax; test %edx,%edx; js 2f;
	 * movslq %edx,%rdx; call g; 1: mov 8(%rsp),%rdx; sub %fs:0x28,%rdx; jne 3f; add $24,%rsp;
	 * ret; 2: mov
	 * $-1,%eax; jmp 1b; 3: call g; g: ret
	 */
	{"two conditional jumps, as in SSL_read", ELF_X86_64, INT3,
	 "4883ec1864488b042528000000488944240831c085d2781d4863d2e821000000488b54240864482b"
	 "142528000000750c4883c418c3b8ffffffffebe4e800000000c3",
	 65, "e16c(14,13,12:4) x2ec"},
	/* push %rbx; mov %rdi,%rbx; call g; pop %rbx; ret; g: ret */
	{"a push comes first", ELF_X86_64, PTR3, "534889fbe8020000005bc3c3", 11,
	 "e0c(14,13,12) xas"},
	/* sub $8,%rsp; call g; add $8,%rsp; ret; g: ret */
	{"a call if there is nothing else", ELF_X86_64, PTR3, "4883ec08e8050000004883c408c3c3", 14,
	 "e4c(14,13,12) xds"},
	{"not with shadow stacks", ELF_X86_64, NO_CALLS, "4883ec08e8050000004883c408c3c3", 14,
	 "e0s(14,13,12) xds"},
	/* mov %rdi,%rax; ret */
	{"nothing cheap at all", ELF_X86_64, PTR3, "4889f8c3", 4, "e0s(14,13,12) x3s"},
	/* endbr64; push %rbp; mov %rdi,%rbp; call g; pop %rbp; ret; g: ret */
	{"endbr64 is stepped, the push behind it is not", ELF_X86_64, PTR3,
	 "f30f1efa554889fde8020000005dc3c3", 15, "e4c(14,13,12) xes"},
	/* test %rdi,%rdi; je 1f; push %rbx; call g; pop %rbx; ret; 1: xor %eax,%eax; ret; g: ret */
	{"an early return", ELF_X86_64, PTR3, "4885ff740853e8050000005bc331c0c3c3", 16,
	 "e3c(14,13,12) xcs xfs"},
	/* 1: add $1,%rax; cmp %rdi,%rax; jne 1b; push %rbx; call g; pop %rbx; ret; g: ret */
	{"a loop is no place", ELF_X86_64, PTR3, "4883c0014839f875f753e8020000005bc3c3", 17,
	 "e9c(14,13,12) x10s"},
	/* 1: push %rbx; pop %rbx; sub $1,%rax; jne 1b; call g; ret; g: ret */
	{"a jump back to the start forbids what it covers", ELF_X86_64, PTR3,
	 "535b4883e80175f8e801000000c3c3", 14, "e8c(14,13,12) xds"},
	/* 1: sub $1,%rdi; mov %rsi,%rdi; jne 1b; call g; ret; g: ret */
	{"the only place with the arguments is in a loop", ELF_X86_64, PTR3,
	 "4883ef014889f775f7e801000000c3c3", 15, ""},
	/*
	 * mov %rdi,%rbx; mov %rsi,%rdi; mov %rdx,%r12; xor %edx,%edx; test %rbx,%rbx; je 1f; call
	 * g; 1: ret; g: ret
	 */
	{"arguments are followed from register to register", ELF_X86_64, PTR3,
	 "4889fb4889f74989d431d24885db7405e801000000c3c3", 22, "eec(5,13,3) x15s"},
	/* movslq %edx,%rcx; xor %edx,%edx; test %ecx,%ecx; je 1f; call g; 1: ret; g: ret */
	{"the lower half of an int", ELF_X86_64, INT3, "4863ca31d285c97405e801000000c3c3", 15,
	 "e7c(14,13,11:4) xes"},
	/* mov %edx,%ecx; xor %edx,%edx; test %ecx,%ecx; je 1f; call g; 1: ret; g: ret */
	{"the lower half of a pointer is none", ELF_X86_64, PTR3, "89d131d285c97405e801000000c3c3",
	 14, "e0s(14,13,12) xds"},
	/* mov $1,%dil; je 1f; call g; 1: ret; g: ret */
	{"a write to a part is a write", ELF_X86_64, PTR3, "40b7017405e801000000c3c3", 11,
	 "e0s(14,13,12) xas"},
	/* jrcxz 1f; push %rbx; call g; pop %rbx; ret; 1: push %rbp; call g; pop %rbp; ret; g: ret
	 */
	{"one site on each path", ELF_X86_64, PTR3, "e30853e80a0000005bc355e8020000005dc3c3", 18,
	 "e2c(14,13,12) eac(14,13,12) x9s x11s"},
	/* jrcxz 1f; add $1,%rax; 1: push %rbx; call g; pop %rbx; ret; g: ret */
	{"paths that meet before a cheap instruction", ELF_X86_64, PTR3,
	 "e3044883c00153e8020000005bc3c3", 14, "e6c(14,13,12) xds"},
	/* nopl 0(%rax); xchg %ax,%ax; call *%rax; ret */
	{"nop, but not its longer forms", ELF_X86_64, PTR3, "0f1f006690ffd0c3", 8,
	 "e3c(14,13,12) x7s"},
	/* nopl 0(%rax); call *%rax; ret */
	{"a longer nop is stepped", ELF_X86_64, PTR3, "0f1f00ffd0c3", 6, "e0s(14,13,12) x5s"},
	/* rex.w push %rbx; push %r12; call *%rax; pop %r12; pop %rbx; ret */
	{"push of r8 to r15, but no other prefix", ELF_X86_64, PTR3, "48534154ffd0415c5bc3", 10,
	 "e2c(14,13,12) x9s"},
	/* xchg %rax,%r8; pause; call *%rax; ret */
	{"pause is a nop to the kernel, xchg r8 is not", ELF_X86_64, PTR3, "4990f390ffd0c3", 7,
	 "e2c(14,13,12) x6s"},
	/* push %rbx; pop %rbx; jmp g; g: mov $1,%eax; ret */
	{"a jump into a function of the same file: its returns", ELF_X86_64, PTR3,
	 "535beb00b801000000c3", 4, "e0c(14,13,12) x9s"},
	/* push %rbx; call g; test %eax,%eax; je 1f; nop; 1: movslq %eax,%rax; pop %rbx; ret; g: ret
	 */
	{"the result is not final above what writes it", ELF_X86_64, PTR3,
	 "53e80a00000085c07401904863c05bc3c3", 16, "e0c(14,13,12) xfs"},
	/* push %rbx; call g; test %ebx,%ebx; jne 1f; pop %rbx; ret; 1: ud2; g: ret */
	{"a branch whose other edge never returns", ELF_X86_64, PTR3,
	 "53e80800000085db75025bc30f0bc3", 14, "e0c(14,13,12) x8c"},
	/* push %rbx; call g; test %ebx,%ebx; jne 1f; 2: pop %rbx; ret; 1: call g; .byte 0x66; jmp
	   2b; g: ret */
	{"a branch whose other edge does something", ELF_X86_64, PTR3,
	 "53e80e00000085db75025bc3e80300000066ebf6c3", 20, "e0c(14,13,12) xbs"},
	/*
	 * push %rbx; call g; test %ebx,%ebx; jne 1f; xor %eax,%eax; pop %rbx; ret; 1: call g; test
	 * %ebx,%ebx; jne 2f; pop %rbx; ret; 2: pop %rbx; ret; g: ret
	 */
	{"returns, one below a branch, one not", ELF_X86_64, PTR3,
	 "53e81500000085db750431c05bc3e80800000085db75025bc35bc3c3", 27, "e0c(14,13,12) xds x15c"},
	/*
	 * push %rbx; cmp $2,%esi; ja 3f; mov %esi,%esi; lea tab(%rip),%rcx; movslq
	 * (%rcx,%rsi,4),%rax; add %rcx,%rax; notrack jmp *%rax; 0: mov $1,%eax; pop %rbx; ret; 1:
	 * mov $2,%eax; pop %rbx; ret; 2: call g; 3: pop %rbx; ret; g: ret; .balign 4; tab: .long
	 * 0b-tab; .long 1b-tab; .long 2b-tab; .long 0x7fffffff
	 */
	{"a switch", ELF_X86_64, PTR3,
	 "5383fe02772689f6488d0d21000000486304b14801c83effe0b8010000005bc3b8020000005bc3e8"
	 "020000005bc3c390e9fffffff0fffffff7ffffffffffff7f",
	 46, "e0c(14,13,12) x2ds x1fs x26s"},
	/*
	 * the nearest bound is not the table's: push %rbx; cmp $2,%esi; ja 3f; mov %esi,%esi;
	 * cmp $0,%edx; ja 3f; lea tab(%rip),%rcx; movslq (%rcx,%rsi,4),%rax; add %rcx,%rax; jmp
	 * *%rax; 0: ... ret; 1: ... ret; 2: call g; 3: pop %rbx; ret; g: ret; tab: ...
	 */
	{"a switch with more cases than were found", ELF_X86_64, PTR3,
	 "5383fe02772a89f683fa007723488d0d20000000486304b14801c8ffe0b8010000005bc3b8020000"
	 "005bc3e8020000005bc3c390e9fffffff0fffffff7ffffffffffff7f",
	 50, ""},
	/*
	 * push %rbx; cmp $1,%rsi; ja 3f; jmp *tab(,%rsi,8); 0: mov $1,%eax; pop %rbx; ret; 1: mov
	 * $2,%eax; 3: pop %rbx; ret; .balign 8; tab: .quad 0b-code+0x1000; .quad 1b-code+0x1000
	 */
	{"a switch with addresses, as in a program at a fixed place", ELF_X86_64, PTR3,
	 "534883fe017713ff24f520100000b8010000005bc3b8020000005bc30f1f40000e10000000000000"
	 "1510000000000000",
	 28, "e0c(14,13,12) x1bs x14s"},
	/*
	 * push %rbx; lea tab(%rip),%rcx; add (%rcx,%rsi,8),%rcx; jmp *%rcx; 0: mov $1,%eax; pop
	 * %rbx; ret; 1: mov $2,%eax; pop %rbx; ret; .balign 8; tab: .quad 0b-tab; .quad 1b-tab
	 */
	{"a switch that is not understood: all returns", ELF_X86_64, PTR3,
	 "53488d0d1800000048030cf1ffe1b8010000005bc3b8020000005bc30f1f4000eeffffffffffffff"
	 "f5ffffffffffffff",
	 28, "e0c(14,13,12) x14s x1bs"},
	/* push %rbx; mov (%rdi),%rax; pop %rbx; jmp *%rax */
	{"a tail call by pointer", ELF_X86_64, PTR3, "53488b075bffe0", 7, ""},
	/* mov %rdi,%rax; .byte 0x75,0x01; .byte 0xb8; push %rbx; pop %rbx; nop; nop; ret */
	{"instructions inside others", ELF_X86_64, PTR3, "4889f87501b8535b9090c3", 11,
	 "e3c(10,13,12) xas"},
	/* cmp %rsi,%rdi; je 1f; 1: mov $1,%eax; ret */
	{"jumps from a jump's own end", ELF_X86_64, PTR3, "4839f77400b801000000c3", 11,
	 "e3c(14,13,12) xas"},
	/*
	 * 1: cmp 16(%r14),%rsp; jbe 2f; push %rbp; mov %rsp,%rbp; call g; pop %rbp; ret; 2: mov
	 * %rax,8(%rsp); call g; mov 8(%rsp),%rax; jmp 1b; g: ret
	 */
	{"Go: the push behind the check of the stack", ELF_X86_64, GO,
	 "493b6610760b554889e5e8130000005dc34889442408e807000000488b442408ebdec3", 34,
	 "e6c(10,5,11) x10s"},
	/*
	 * 1: cmp 16(%r14),%rsp; jbe 2f; sub $8,%rsp; mov %rbx,%rax; call g; add $8,%rsp; ret; 2:
	 * mov %rax,8(%rsp); call g; mov 8(%rsp),%rax; jmp 1b; g: ret
	 */
	{"Go: the check itself, when not taken", ELF_X86_64, GO,
	 "493b661076114883ec084889d8e8160000004883c408c34889442408e807000000488b442408ebd8"
	 "c3",
	 40, "e4c!6(10,5,11) x16s"},
	/*
	 * 1: mov %rsp,%rdx; sub $4096,%rdx; jb 2f; cmp 16(%r14),%rdx; jbe 2f; sub $8,%rsp; mov
	 * %rbx,%rax; call g; add $8,%rsp; ret; 2: mov %rax,8(%rsp); call g; mov 8(%rsp),%rax; jmp
	 * 1b; g: ret
	 */
	{"Go: two checks, the last one counts", ELF_X86_64, GO,
	 "4889e24881ea001000007217493b561076114883ec084889d8e8160000004883c408c34889442408"
	 "e807000000488b442408ebccc3",
	 52, "e10c!6(10,5,11) x22s"},
	/* push %rbp; call g; pop %rbp; ret; call g; mov 8(%rsp),%rax; pop %rbp; ret; int3; g: ret
	 */
	{"Go: the return behind a recovered panic", ELF_X86_64, GO,
	 "55e80f0000005dc3e808000000488b4424085dc3ccc3", 21, "e0c(10,5,11) x7s x13s"},
	/* stp x29,x30,[sp,#-16]!; mov x29,sp; cbz x0,1f; bl g; 1: ldp x29,x30,[sp],#16; ret; g: ret
	 */
	{"arm64: a branch on zero, and ret is cheap", ELF_ARM64, PTR3,
	 "fd7bbfa9fd030091400000b403000094fd7bc1a8c0035fd6c0035fd6", 24, "e8c(0,1,2) x14c"},
	/*
	 * paciasp; stp x29,x30,[sp,#-16]!; .inst 0x90000003; mov w20,w2; bl g; ldp
	 * x29,x30,[sp],#16; autiasp; ret; g: ret
	 */
	{"arm64: adrp", ELF_ARM64, INT3,
	 "3f2303d5fd7bbfa903000090f403022a04000094fd7bc1a8bf2303d5c0035fd6c0035fd6", 32,
	 "e8c(0,1,2:4) x1cc"},
	/* mov w20,w2; sxtw x3,w20; mov x2,xzr; mov w20,wzr; cbnz w3,1f; bl g; 1: ret; g: ret */
	{"arm64: an int moved, sign-extended", ELF_ARM64, INT3,
	 "f403022a837e4093e2031faaf4031f2a4300003502000094c0035fd6c0035fd6", 28,
	 "e10c(0,1,3:4) x18c"},
	/* ldr x9,lit; nop; bl g; ret; g: ret; lit: .quad 0 */
	{"arm64: literal loads and nop are no places", ELF_ARM64, PTR3,
	 "a90000581f2003d502000094c0035fd6c0035fd60000000000000000", 16, "e8c(0,1,2) xcc"},
	/* bl g; retaa; g: ret */
	{"arm64: an authenticated return cannot be probed", ELF_ARM64, PTR3,
	 "02000094ff0b5fd6c0035fd6", 8, ""},
	/* ldr x0,[x1],#8; cbz x2,1f; bl g; 1: ret; g: ret */
	{"arm64: loads and their write-back", ELF_ARM64, PTR3,
	 "208440f8420000b402000094c0035fd6c0035fd6", 16, "e0s(0,1,2) xcc"},
	/*
	 * stp x29,x30,[sp,#-16]!; cmp w1,#2; b.hi 3f; .inst 0x90000003; add x3,x3,#(tab-code); ldrb
	 * w1,[x3,w1,uxtw]; adr x3,0f; add x1,x3,w1,sxtb #2; br x1; 0: mov w0,#1; b 3f; 1: mov
	 * w0,#2; b 3f; 2: bl g; 3: ldp x29,x30,[sp],#16; ret; g: ret; tab: .byte (0b-0b)/4; .byte
	 * (1b-0b)/4; .byte (2b-0b)/4; .byte 0
	 */
	{"arm64: a switch of bytes", ELF_ARM64, PTR3,
	 "fd7bbfa93f08007188010054030000906310019161486138630000106188218b20001fd620008052"
	 "04000014400080520200001403000094fd7bc1a8c0035fd6c0035fd600020400",
	 64, "e8c(0,1,2) x3cc"},
	/*
	 * cmp w1,#1; b.hi 2f; adr x3,tab; ldrsw x1,[x3,w1,uxtw #2]; add x1,x1,x3; br x1; 0: mov
	 * w0,#1; ret; 1: mov w0,#2; 2: ret; .balign 4; tab: .word 0b-tab; .word 1b-tab
	 */
	{"arm64: a switch of words", ELF_ARM64, PTR3,
	 "3f04007108010054030100106158a1b82100038b20001fd620008052c0035fd640008052c0035fd6"
	 "f0fffffff8ffffff",
	 40, "e4c(0,1,2) x24c x1cc"},
	/*
	 * 1: ldr x16,[x28,#16]; cmp sp,x16; b.ls 2f; str x30,[sp,#-16]!; mov x0,x1; bl g; ldr
	 * x30,[sp],#16; ret; 2: mov x3,x30; bl g; b 1b; g: ret
	 */
	{"arm64: Go's check of the stack", ELF_ARM64, GO,
	 "900b40f9ff6330ebc9000054fe0f1ff8e00301aa06000094fe0741f8c0035fd6e3031eaa02000094"
	 "f6ffff17c0035fd6",
	 44, "e8c!9(0,1,2) x1cc"},
};

static void rules(void)
{
	static uint8_t code[4096];
	char got[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = unhex(rows[i].hex, code);
		int err = find(rows[i].machine, rows[i].want, code, len, rows[i].size, false, got,
			       sizeof(got));

		is_str(err && err != -ENOTSUP ? strerror(-err) : got, rows[i].sites, rows[i].name);
	}
}

static void one(const char *name, enum wanted w, const char *hex, size_t size, bool returns,
		int want_err, const char *want)
{
	static uint8_t code[4096];
	size_t len = unhex(hex, code);
	char got[512];

	is_int(find(ELF_X86_64, w, code, len, size, returns, got, sizeof(got)), want_err, name);
	is_str(got, want, name);
}

static void forwarding(void)
{
	/* xor %r8d,%r8d; jmp plt; int3...; plt: jmp *slot(%rip) */
	one("all goes to an imported function", PTR3,
	    "4531c0e908000000cccccccccccccccc"
	    "ff25eaf1ffff",
	    8, true, 0, "=imported");
	/* test %edi,%edi; je 1f; jmp plt; 1: ret */
	one("some goes to an imported function", PTR3,
	    "85ff7405e907000000c3cccccccccccc"
	    "ff25eaf1ffff",
	    10, false, -ENOTSUP, "");
	one("... with return probes", PTR3,
	    "85ff7405e907000000c3cccccccccccc"
	    "ff25eaf1ffff",
	    10, true, 0, "e2c(14,13,12) r0r");
	/* call plt; ret: calling it is not forwarding */
	one("calls an imported function", PTR3,
	    "e80b000000c3cccccccccccccccccccc"
	    "ff25eaf1ffff",
	    6, false, 0, "e0c(14,13,12) x5s");
}

static void exported(void)
{
	static uint8_t code[0x900] = {0x45, 0x31, 0xc0,
				      0xe9, 0xf8, 0x07}; /* xor %r8d,%r8d; jmp other */
	char got[512];

	code[0x800] = 0xc3;
	is_int(find(ELF_X86_64, PTR3, code, sizeof(code), 8, false, got, sizeof(got)), 0,
	       "all goes to an exported function");
	is_str(got, "e3c(14,13,12) x800s =other",
	       "... which has sites of its own, and ours are not to be used with them");
}

static void resorts(void)
{
	/* push %rbx; mov (%rdi),%rax; pop %rbx; jmp *%rax */
	one("a tail call by pointer, with return probes", PTR3, "53488b075bffe0", 7, true, 0,
	    "e0c(14,13,12) r0r");
	/* sub $8,%rsp; then an instruction that does not exist */
	one("code that cannot be read", PTR3, "4883ec0806", 5, false, -ENOTSUP, "");
	one("... with return probes", PTR3, "4883ec0806", 5, true, 0, "e0s(14,13,12) r0r");
	one("... but never in Go", GO, "4883ec0806", 5, true, -ENOTSUP, "");
	/* lock add %eax,(%rdi); then the same: the kernel refuses the first instruction as well */
	one("nothing can be probed", PTR3, "f0010706", 4, true, -ENOTSUP, "");
}

static void hostile(void)
{
	static uint8_t code[FILE_SIZE - CODE_AT - 4096];
	char got[512];

	one("a call at the end of everything", PTR3, "e8fbffff", 4, false, -ENOTSUP, "");
	one("a jump out of the file", PTR3, "e900000070", 5, false, -ENOTSUP, "");
	one("a jump to below 0", PTR3, "e900000080", 5, false, -ENOTSUP, "");
	one("a loop without end", PTR3, "ebfe", 2, false, -ENOTSUP, "");
	one("runs off the end of the code", PTR3, "90909090", 4, false, -ENOTSUP, "");
	one("no code at all", PTR3, "", 0, false, -ENOTSUP, "");
	one("a call of itself", PTR3, "e8fbffffffc3", 6, false, 0, "e0c(14,13,12) x5s");
	one("a size beyond all", PTR3, "53e800000000585bc3", SIZE_MAX, false, 0,
	    "e0c(14,13,12) x8s");
	/* each returns, or goes on */
	for (size_t i = 0; i + 3 < sizeof(code); i += 3)
		memcpy(code + i, "\x74\x01\xc3", 3);
	code[sizeof(code) - 1] = code[sizeof(code) - 2] = code[sizeof(code) - 3] = 0xc3;
	is_int(find(ELF_X86_64, PTR3, code, sizeof(code), sizeof(code), false, got, sizeof(got)),
	       -ENOTSUP, "20000 returns");
	/* all of them jump to all */
	for (size_t i = 0; i + 16 < sizeof(code); i += 2) {
		code[i] = 0x70 | (i / 2 & 0xf);
		code[i + 1] = (uint8_t)(i * 37 & 0x7e);
	}
	find(ELF_X86_64, PTR3, code, sizeof(code), sizeof(code), true, got, sizeof(got));
	ok(true, "only branches, forward and back: it ends");
	/* jumps that nothing explains, each with a frame: push %rax; jmp *%rax */
	for (size_t i = 0; i + 5 < sizeof(code); i += 5)
		memcpy(code + i, "\x74\x03\x50\xff\xe0", 5);
	find(ELF_X86_64, PTR3, code, sizeof(code), sizeof(code), true, got, sizeof(got));
	ok(true, "thousands of jumps to anywhere: it ends");
	for (size_t i = 0; i < sizeof(code); i++)
		code[i] = (uint8_t)(i * 2654435761u >> 13);
	for (int m = ELF_X86_64; m <= ELF_ARM64; m++)
		for (size_t i = 0; i < 1000; i += 4)
			find(m, PTR3, code + i, sizeof(code) - i, 100, true, got, sizeof(got));
	ok(true, "noise: it ends");
}

/* The proof must see what a chooser did wrong. */
static bool proven(const char *hex, const uint64_t *entries, size_t entry_cnt,
		   const uint64_t *exits, size_t exit_cnt)
{
	static uint8_t code[4096];
	struct elf_func f = {CODE_AT, 0};
	struct site_set s = {.cnt = 0};
	struct elf_image *e;
	struct flow g;
	bool good = false;

	f.size = unhex(hex, code);
	file_make(&file, ELF_X86_64, code, f.size, f.size);
	if (elf_open_mem(bytes_of(file.b, file.len), &e))
		return false;
	for (size_t i = 0; i < entry_cnt; i++)
		s.sites[s.cnt++] = (struct site){.addr = CODE_AT + entries[i]};
	for (size_t i = 0; i < exit_cnt; i++)
		s.sites[s.cnt++] =
			(struct site){.addr = CODE_AT + exits[i], .k.flags = OE_SITE_EXIT};
	if (!flow_build(e, &f, &wants[PTR3], &g))
		good = sites_proven(&g, &s, exit_cnt > 0);
	flow_done(&g);
	elf_close(e);
	return good;
}

#define AT(...)                                                                                    \
	(const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

static void proofs(void)
{
	/* 0 push; 1 test; 3 je 7; 5 pop; 6 ret; 7 nop; 8 jmp 5 */
	static const char code[] = "5385ff74025bc390ebfb";
	/* 0 push; 1 dec; 3 jne 1; 5 pop; 6 ret */
	static const char loop[] = "53ffcf75fc5bc3";

	ok(proven(code, AT(0), AT(6)), "proof: one entry, one exit");
	ok(proven(code, AT(0), AT(5)), "proof: where the paths have met");
	ok(!proven(code, AT(0, 3), AT(6)), "proof: two entries on a path");
	ok(!proven(code, AT(0), AT(7)), "proof: an exit on one path only");
	ok(!proven(code, AT(0), AT(7, 6)), "proof: two exits on one path");
	ok(!proven(code, AT(7), AT(6)), "proof: an entry on one path only");
	ok(!proven(code, AT(6), AT(0)), "proof: the exit first");
	ok(!proven(code, AT(0), AT(0)),
	   "proof: both in one place, the entry first: not to be relied on");
	ok(!proven(loop, AT(3), AT(6)), "proof: an entry in a loop");
	ok(!proven(loop, AT(0), AT(3)), "proof: an exit in a loop");
	ok(proven(loop, AT(0), AT(5)), "proof: around a loop");
}

static void elf_calls(const uint8_t *b, size_t len)
{
	struct elf_func f, g;
	struct elf_image *e;
	struct site_set s;
	const char *name;
	uint64_t v, size;
	uint8_t copy[64];

	if (elf_open_mem(bytes_of(b, len), &e))
		return;
	elf_section(e, ".dynsym", &v);
	elf_section(e, ".eh_frame_hdr", &v);
	elf_section_at(e, ".dynsym", &v, &size);
	elf_read(e, CODE_AT - 1, copy, sizeof(copy));
	elf_func_at(e, CODE_AT, &g, &name);
	elf_func_at(e, CODE_AT + 1, &g, NULL);
	elf_export_at(e, CODE_AT);
	elf_got_name(e, 0x200);
	if (elf_find_func(e, "f", true, &f)) {
		elf_plt_name(e, f.addr);
		elf_offset(e, f.addr, &v);
		site_find(e, &f, &wants[PTR3], true, &s);
	}
	elf_close(e);
}

/* The file ends at a protected page; each byte of its tables is turned into others. */
static void malformed(void)
{
	static const uint8_t code[] = {0x53, 0xe8, 2,	 0,    0,    0,	   0x5b,
				       0xc3, 0xff, 0x25, 0xf2, 0xf1, 0xff, 0xff};
	uint8_t *mem = mmap(NULL, FILE_SIZE + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		*at;
	uint32_t r = 1;

	mprotect(mem + FILE_SIZE, 4096, PROT_NONE);
	file_make(&file, ELF_X86_64, code, sizeof(code), sizeof(code));
	at = mem + FILE_SIZE - file.len;
	for (size_t len = 0; len <= file.len; len += len < 200 || len > CODE_AT ? 1 : 97) {
		memcpy(mem + FILE_SIZE - len, file.b, len);
		elf_calls(mem + FILE_SIZE - len, len);
	}
	ok(true, "every head of a file");
	memcpy(at, file.b, file.len);
	for (int i = 0; i < 30000; i++) {
		size_t k;
		uint8_t old;

		r = r * 1664525 + 1013904223;
		k = (r >> 8) % (file.len - CODE_AT + 200);
		k = k < 200 ? k : k - 200 + CODE_AT;
		old = at[k];
		at[k] = i & 1 ? (uint8_t)(r >> 24) : i & 2 ? 0xff : (uint8_t)(old + 1);
		elf_calls(at, file.len);
		if (i % 3) /* every third stays for a while */
			at[k] = old;
		if (i % 64 == 0)
			memcpy(at, file.b, file.len);
	}
	ok(true, "30000 changed files");
	munmap(mem, FILE_SIZE + 4096);
}

static void elf_views(void)
{
	static const uint8_t code[] = {0x53, 0xe8, 2,	 0,    0,    0,	   0x5b,
				       0xc3, 0xff, 0x25, 0xf2, 0xf1, 0xff, 0xff};
	struct elf_image *e = NULL;
	char path[] = "/tmp/oe-test-site-XXXXXX";
	struct elf_func f = {0};
	const char *name = NULL;
	uint64_t off = 0;
	int fd;

	file_make(&file, ELF_X86_64, code, sizeof(code), sizeof(code));
	fd = mkstemp(path);
	unlink(path);
	is_int(write(fd, file.b, file.len), (int64_t)file.len, "a file");
	is_int(elf_open(fd, &e), 0, "opens");
	/* cut short under us: what was not read yet is not there, and nothing breaks */
	ok(!ftruncate(fd, CODE_AT), "cut");
	close(fd);
	ok(elf_machine(e) == ELF_X86_64, "machine");
	ok(elf_find_func(e, "f", false, &f) && f.addr == CODE_AT && f.size == sizeof(code),
	   "a function by its name");
	ok(!elf_find_func(e, "imported", true, &f), "not one that is only imported");
	ok(!elf_find_func(e, "", true, &f), "nor the one without a name");
	ok(elf_func_at(e, CODE_AT + 3, &f, &name), "a function by an address in it");
	is_str(name, "f", "its name");
	is_str(elf_export_at(e, CODE_AT + 0x800), NULL,
	       "an export outside of all segments is none");
	is_str(elf_plt_name(e, CODE_AT + 8), "imported", "a stub's name");
	is_str(elf_got_name(e, 0x200), "imported", "a slot's name");
	is_str(elf_got_name(e, 0x208), NULL, "no slot");
	is_str(elf_plt_name(e, CODE_AT), NULL, "no stub");
	ok(elf_offset(e, CODE_AT + 1, &off) && off == CODE_AT + 1, "an offset");
	ok(!elf_offset(e, CODE_AT + sizeof(code), &off), "none behind the segment");
	is_int((int64_t)elf_at(e, CODE_AT + 10, 16).len, 4, "bytes up to the segment's end");
	elf_close(e);
	fd = open("/proc/self/cmdline", O_RDONLY);
	is_int(elf_open(fd, &e), -ENOEXEC, "no ELF file");
	close(fd);
	is_int(elf_open(-1, &e), -EBADF, "no file");
}

int main(void)
{
	rules();
	forwarding();
	exported();
	resorts();
	proofs();
	elf_views();
	hostile();
	malformed();
	return tap_done();
}
