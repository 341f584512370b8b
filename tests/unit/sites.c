/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sites [-r] [-w N] FILE FUNCTION...: where probes would go, a line each:
 *   FUNCTION entry|exit|return 0xADDRESS 0xOFFSET cheap|stepped|return fn flags cc VALUES |
 * INSTRUCTION VALUES: argN=KIND:REGISTER or result=KIND:REGISTER. Then "FUNCTION forwards NAME",
 * "FUNCTION none ERROR WHY" or "FUNCTION ok WHY". FUNCTION is a name, NAME@0xADDRESS+SIZE, or
 * go:NAME for Go's ABI. -r: without return probes. Exits 1 if a function has no sites, 2 for other
 * errors; a function that the file lacks is "absent".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <capstone/capstone.h>

#include "probes/target.h"
#include "userspace/site.h"

/* As the daemon wants it. */
static struct site_want want_of(const char *name)
{
	struct site_want w = {.name = name, .fn = OE_TLS_NONE, .arg_mask = 7, .result = true};

	for (size_t i = 0; i < target_lib_count(); i++) {
		const struct target_lib *lib = target_lib_at(i);

		for (size_t k = 0; k < lib->func_cnt; k++) {
			const struct target_func *f = &lib->funcs[k];

			if (strcmp(f->symbol, name))
				continue;
			w.fn = f->fn;
			w.arg_mask = f->arg_mask;
			w.arg4_mask = f->arg4_mask;
			w.result = f->result;
			w.result4 = f->result4;
		}
	}
	return w;
}

static void print_val(const char *name, const struct oe_val *v)
{
	static const char *const kinds[] = {"none", "reg", "reg4", "mem", "mem4"};

	if (v->kind)
		printf(" %s=%s:%u%+d", name, kinds[v->kind], v->reg, v->off);
}

static void print_set(const char *name, const struct site_set *s)
{
	static const char *const costs[] = {"cheap", "stepped", "return"};

	for (size_t i = 0; i < s->cnt; i++) {
		const struct site *p = &s->sites[i];

		printf("%s %s 0x%llx 0x%llx %s %u %u %u", name,
		       p->cost == SITE_RETURN	   ? "return"
		       : p->k.flags & OE_SITE_EXIT ? "exit"
						   : "entry",
		       (unsigned long long)p->addr, (unsigned long long)p->offset, costs[p->cost],
		       p->k.fn, p->k.flags, p->k.cc);
		for (unsigned k = 0; k < OE_SITE_ARGS; k++) {
			char arg[8];

			snprintf(arg, sizeof(arg), "arg%u", k);
			print_val(arg, &p->k.arg[k]);
		}
		print_val("result", &p->k.result);
		printf(" | %s\n", p->text);
	}
}

/* ---- walks: knows nothing of graphs, sides or classes ---- */

#define STEPS_MAX 100000

struct walk {
	const struct elf_image *e;
	csh cs;
	cs_insn *insn;
	uint64_t start;
	const struct site_set *s;
	uint32_t random;
	int entries, exits;
};

/* Takes note of a site at the instruction, from which control goes to `to`. */
static void walk_count(struct walk *w, uint64_t to, uint64_t target)
{
	for (size_t i = 0; i < w->s->cnt; i++) {
		const struct site *p = &w->s->sites[i];

		if (p->addr != w->insn->address || p->cost == SITE_RETURN)
			continue;
		if (p->k.flags & OE_SITE_SKIP && to == target)
			continue;
		if (p->k.flags & OE_SITE_EXIT)
			w->exits++;
		else
			w->entries++;
	}
}

static bool walk_dead_end(const struct walk *w, uint64_t callee)
{
	const char *name = elf_plt_name(w->e, callee);

	return name && (!strcmp(name, "__stack_chk_fail") || !strcmp(name, "abort") ||
			!strcmp(name, "OPENSSL_die") || !strcmp(name, "__assert_fail"));
}

static uint64_t walk_target(const struct walk *w)
{
	const cs_detail *d = w->insn->detail;

	if (elf_machine(w->e) == ELF_X86_64)
		return d->x86.op_count && d->x86.operands[0].type == X86_OP_IMM
			       ? (uint64_t)d->x86.operands[0].imm
			       : 0;
	for (int i = 0; i < d->arm64.op_count; i++)
		if (d->arm64.operands[i].type == ARM64_OP_IMM &&
		    (i == d->arm64.op_count - 1)) /* tbz has a bit number before it */
			return (uint64_t)d->arm64.operands[i].imm;
	return 0;
}

/* 1: it returned; 0: it ended otherwise, or took too long; -1: the code cannot be read */
static int walk_once(struct walk *w)
{
	bool arm = elf_machine(w->e) == ELF_ARM64;
	uint64_t pc = w->start;

	w->entries = w->exits = 0;
	for (int n = 0; n < STEPS_MAX; n++) {
		struct bytes b = elf_at(w->e, pc, 16);
		bool jump, call, ret, always;
		uint64_t at = pc, next, target;

		if (!cs_disasm_iter(w->cs, &b.data, &b.len, &at, w->insn))
			return -1;
		jump = cs_insn_group(w->cs, w->insn, CS_GRP_JUMP);
		call = arm ? w->insn->id == ARM64_INS_BL || w->insn->id == ARM64_INS_BLR
			   : cs_insn_group(w->cs, w->insn, CS_GRP_CALL);
		ret = arm ? w->insn->id == ARM64_INS_RET
			  : cs_insn_group(w->cs, w->insn, CS_GRP_RET);
		always = arm ? (w->insn->id == ARM64_INS_B &&
				(w->insn->detail->arm64.cc == ARM64_CC_INVALID ||
				 w->insn->detail->arm64.cc == ARM64_CC_AL)) ||
					 w->insn->id == ARM64_INS_BR
			     : w->insn->id == X86_INS_JMP;
		next = pc + w->insn->size;
		target = walk_target(w);
		if (ret) {
			walk_count(w, 0, 1);
			return 1;
		}
		if (call && walk_dead_end(w, target))
			return 0;
		if (jump && !call) {
			if (!target || elf_plt_name(w->e, target))
				return 0; /* a table, or somewhere else */
			w->random = w->random * 1664525 + 1013904223;
			if (always || w->random >> 16 & 1)
				next = target;
		}
		walk_count(w, next, target);
		if (next == w->start)
			w->entries = w->exits = 0;
		pc = next;
	}
	return 0;
}

static int walks(const struct elf_image *e, const char *name, const struct elf_func *f,
		 const struct site_set *s, bool exits, unsigned n)
{
	bool arm = elf_machine(e) == ELF_ARM64;
	struct walk w = {.e = e, .s = s, .start = f->addr, .random = 1};
	unsigned returned = 0, bad = 0;

	for (size_t i = 0; i < s->cnt; i++)
		exits &= s->sites[i].cost != SITE_RETURN;
	if (cs_open(arm ? CS_ARCH_ARM64 : CS_ARCH_X86, arm ? CS_MODE_LITTLE_ENDIAN : CS_MODE_64,
		    &w.cs) != CS_ERR_OK)
		return 1;
	cs_option(w.cs, CS_OPT_DETAIL, CS_OPT_ON);
	w.insn = cs_malloc(w.cs);
	for (unsigned i = 0; i < n; i++) {
		int r = walk_once(&w);

		if (r < 0)
			break;
		returned += r == 1;
		bad += r == 1 && (w.entries != 1 || w.exits != exits);
	}
	printf("%s walked %u returned %u%s\n", name, n, returned, bad ? " WRONG" : "");
	cs_free(w.insn, 1);
	cs_close(&w.cs);
	return bad ? 1 : 0;
}

/* 0; 1: no sites */
static int one(const struct elf_image *e, char *spec, bool returns, unsigned walk_cnt)
{
	bool go = !strncmp(spec, "go:", 3);
	char *at, *name = go ? spec + 3 : spec;
	struct site_want w;
	struct elf_func f;
	struct site_set s;
	int err;

	at = strstr(name, "@0x");
	if (at) {
		f.addr = strtoull(at + 1, &at, 16);
		f.size = *at == '+' ? strtoull(at + 1, NULL, 0) : 0;
		*strstr(name, "@0x") = 0;
	} else if (!elf_find_func(e, name, true, &f)) {
		printf("%s absent\n", name);
		return 0;
	}
	w = want_of(name);
	if (go) {
		w.abi = SITE_ABI_GO;
		w.fn = OE_TLS_GO_READ;
	}
	err = site_find(e, &f, &w, returns, &s);
	if (err) {
		printf("%s none %s %s\n", name, strerror(-err), s.why);
		return 1;
	}
	print_set(name, &s);
	if (s.forwards_to)
		printf("%s forwards %s\n", name, s.forwards_to);
	if (s.cnt)
		printf("%s ok %s\n", name, s.why);
	return walk_cnt && s.cnt ? walks(e, name, &f, &s, w.result, walk_cnt) : 0;
}

int main(int argc, char **argv)
{
	bool returns = true;
	struct elf_image *e;
	int fd, err, at, bad = 0, opt;
	unsigned walk_cnt = 0;

	while ((opt = getopt(argc, argv, "+rw:")) != -1) {
		if (opt == 'r')
			returns = false;
		else if (opt == 'w')
			walk_cnt = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	at = optind;
	if (argc < at + 2) {
		fprintf(stderr, "usage: sites [-r] [-w N] FILE FUNCTION...\n");
		return 2;
	}
	fd = open(argv[at], O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : elf_open(fd, &e);
	if (fd >= 0)
		close(fd);
	if (err) {
		fprintf(stderr, "sites: %s: %s\n", argv[at], strerror(-err));
		return 2;
	}
	for (int i = at + 1; i < argc; i++)
		bad |= one(e, argv[i], returns, walk_cnt);
	elf_close(e);
	return bad;
}
