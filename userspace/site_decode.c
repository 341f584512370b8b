/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction: where it goes, what it writes, what the kernel makes of a probe on it.
 *
 * That last one is decided on the bytes themselves, as the kernel does it:
 *
 * x86-64 (arch/x86/kernel/uprobes.c). Emulated on all kernels from 5.10 on: 90 with any prefix but
 * REX.B, push of a register with no prefix or 41, e8, e9, eb, 70..7f, 0f 80..8f. The longer nops
 * (0f 1f) only from 6.18 on: stepped for us. Refused: lock and the segment prefixes es, cs,
 * ss, ds (so notrack jumps), branches with 66, what faults or talks to devices, EVEX. The
 * emulated call does not write a shadow stack (CET): see COST_CALL.
 *
 * arm64 (arch/arm64/kernel/probes/decode-insn.c). Simulated: b, bl, b.cond, cbz, tbz, br, blr, ret,
 * adr, adrp. nop only from 6.13 on: stepped for us. Refused: literal loads (simulated, wrongly, up
 * to 6.11), exclusive loads and stores, branches with pointer authentication, exceptions, msr, most
 * hints.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <capstone/capstone.h>

#include "userspace/site_code.h"

struct decoder {
	enum elf_machine machine;
	csh cs;
	cs_insn *insn;
};

enum {
	X_R15,
	X_R14,
	X_R13,
	X_R12,
	X_RBP,
	X_RBX,
	X_R11,
	X_R10,
	X_R9,
	X_R8,
	X_RAX,
	X_RCX,
	X_RDX,
	X_RSI,
	X_RDI,
	X_RSP = 19
};

#define BIT(r) (1u << (r))

int decoder_new(enum elf_machine m, struct decoder **ret)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->machine = m;
	if (cs_open(m == ELF_X86_64 ? CS_ARCH_X86 : CS_ARCH_ARM64,
		    m == ELF_X86_64 ? CS_MODE_64 : CS_MODE_LITTLE_ENDIAN, &d->cs) != CS_ERR_OK) {
		free(d);
		return -ENOTSUP;
	}
	cs_option(d->cs, CS_OPT_DETAIL, CS_OPT_ON);
	d->insn = cs_malloc(d->cs);
	if (!d->insn) {
		decoder_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	if (d->insn)
		cs_free(d->insn, 1);
	cs_close(&d->cs);
	free(d);
}

uint32_t abi_clobbers(enum elf_machine m, enum site_abi abi)
{
	if (abi == SITE_ABI_GO)
		return UINT32_MAX;
	if (m == ELF_ARM64)
		return 0x4007ffff; /* x0..x18, x30 */
	return BIT(X_RAX) | BIT(X_RCX) | BIT(X_RDX) | BIT(X_RSI) | BIT(X_RDI) | BIT(X_R8) |
	       BIT(X_R9) | BIT(X_R10) | BIT(X_R11);
}

int abi_arg(enum elf_machine m, enum site_abi abi, unsigned i)
{
	static const int8_t c[] = {X_RDI, X_RSI, X_RDX, X_RCX, X_R8},
			    go[] = {X_RAX, X_RBX, X_RCX, X_RDI, X_RSI};

	if (m == ELF_ARM64)
		return (int)i;
	return abi == SITE_ABI_GO ? go[i] : c[i];
}

int abi_result(enum elf_machine m)
{
	return m == ELF_ARM64 ? 0 : X_RAX;
}

/* ---- x86-64 ---- */

/* -1: no general register. Parts count as the whole. */
static int gpr(unsigned r)
{
	switch (r) {
	case X86_REG_AL:
	case X86_REG_AH:
	case X86_REG_AX:
	case X86_REG_EAX:
	case X86_REG_RAX:
		return X_RAX;
	case X86_REG_BL:
	case X86_REG_BH:
	case X86_REG_BX:
	case X86_REG_EBX:
	case X86_REG_RBX:
		return X_RBX;
	case X86_REG_CL:
	case X86_REG_CH:
	case X86_REG_CX:
	case X86_REG_ECX:
	case X86_REG_RCX:
		return X_RCX;
	case X86_REG_DL:
	case X86_REG_DH:
	case X86_REG_DX:
	case X86_REG_EDX:
	case X86_REG_RDX:
		return X_RDX;
	case X86_REG_SIL:
	case X86_REG_SI:
	case X86_REG_ESI:
	case X86_REG_RSI:
		return X_RSI;
	case X86_REG_DIL:
	case X86_REG_DI:
	case X86_REG_EDI:
	case X86_REG_RDI:
		return X_RDI;
	case X86_REG_BPL:
	case X86_REG_BP:
	case X86_REG_EBP:
	case X86_REG_RBP:
		return X_RBP;
	case X86_REG_SPL:
	case X86_REG_SP:
	case X86_REG_ESP:
	case X86_REG_RSP:
		return X_RSP;
	case X86_REG_R8B:
	case X86_REG_R8W:
	case X86_REG_R8D:
	case X86_REG_R8:
		return X_R8;
	case X86_REG_R9B:
	case X86_REG_R9W:
	case X86_REG_R9D:
	case X86_REG_R9:
		return X_R9;
	case X86_REG_R10B:
	case X86_REG_R10W:
	case X86_REG_R10D:
	case X86_REG_R10:
		return X_R10;
	case X86_REG_R11B:
	case X86_REG_R11W:
	case X86_REG_R11D:
	case X86_REG_R11:
		return X_R11;
	case X86_REG_R12B:
	case X86_REG_R12W:
	case X86_REG_R12D:
	case X86_REG_R12:
		return X_R12;
	case X86_REG_R13B:
	case X86_REG_R13W:
	case X86_REG_R13D:
	case X86_REG_R13:
		return X_R13;
	case X86_REG_R14B:
	case X86_REG_R14W:
	case X86_REG_R14D:
	case X86_REG_R14:
		return X_R14;
	case X86_REG_R15B:
	case X86_REG_R15W:
	case X86_REG_R15D:
	case X86_REG_R15:
		return X_R15;
	default:
		return -1;
	}
}

/* What the kernel's analysis says of these bytes. */
static enum insn_cost x86_cost(const uint8_t *b, size_t len)
{
	bool any = false, opsize = false;
	uint8_t rex = 0, op, op2;
	size_t i = 0;

	for (; i < len; i++) {
		if (b[i] == 0xf0 || b[i] == 0x2e || b[i] == 0x36 || b[i] == 0x3e || b[i] == 0x26)
			return COST_NEVER;
		if (b[i] == 0x66)
			opsize = true;
		else if (b[i] != 0xf2 && b[i] != 0xf3 && b[i] != 0x64 && b[i] != 0x65 &&
			 b[i] != 0x67)
			break;
		any = true;
	}
	if (i < len && (b[i] & 0xf0) == 0x40)
		rex = b[i++];
	if (i >= len)
		return COST_NEVER;
	op = b[i];
	op2 = i + 1 < len ? b[i + 1] : 0;
	if (op == 0x90)
		return rex & 1 ? COST_STEPPED : COST_CHEAP;
	if (op >= 0x50 && op <= 0x57)
		return !any && (!rex || rex == 0x41) ? COST_CHEAP : COST_STEPPED;
	if (op == 0xe8 || op == 0xe9 || op == 0xeb || (op & 0xf0) == 0x70 ||
	    (op == 0x0f && (op2 & 0xf0) == 0x80)) {
		if (any || rex)
			return opsize ? COST_NEVER : COST_STEPPED;
		return op == 0xe8 ? COST_CALL : COST_CHEAP;
	}
	/* faults, devices, VEX and EVEX, jcxz and loop (which would jump from the copy), far ones
	 */
	if (op == 0x62 || op == 0xc4 || op == 0xc5 || (op >= 0x6c && op <= 0x6f) ||
	    (op >= 0xca && op <= 0xcf) || (op >= 0xe0 && op <= 0xe7) ||
	    (op >= 0xea && op <= 0xef) || op == 0xf1 || op == 0xf4 || op == 0xfa || op == 0xfb ||
	    op == 0x9c || op == 0x9d || op == 0x8e || op == 0xc8)
		return COST_NEVER;
	if (op == 0x0f && op2 != 0x1e && op2 != 0x1f && (op2 & 0xf0) != 0x40 && op2 != 0xb6 &&
	    op2 != 0xb7 && op2 != 0xbe && op2 != 0xbf && op2 != 0x10 && op2 != 0x11 &&
	    op2 != 0x28 && op2 != 0x29 && op2 != 0xef && op2 != 0xaf)
		return COST_NEVER;
	return COST_STEPPED;
}

static void x86_stack(const cs_insn *c, struct insn *in)
{
	const cs_x86_op *o = c->detail->x86.operands;
	bool sp =
		c->detail->x86.op_count == 2 && o[0].type == X86_OP_REG && o[0].reg == X86_REG_RSP;

	if (c->id == X86_INS_PUSH || c->id == X86_INS_PUSHFQ)
		in->push = c->detail->x86.op_count && o[0].size == 2 ? 2 : 8;
	else if (c->id == X86_INS_POP || c->id == X86_INS_POPFQ)
		in->push = gpr(o[0].reg) == X_RSP ? PUSH_UNKNOWN : -8;
	else if (sp && o[1].type == X86_OP_IMM && c->id == X86_INS_SUB &&
		 o[1].imm == (int32_t)o[1].imm)
		in->push = (int32_t)o[1].imm;
	else if (sp && o[1].type == X86_OP_IMM && c->id == X86_INS_ADD &&
		 -o[1].imm == (int32_t)-o[1].imm)
		in->push = (int32_t)-o[1].imm;
	else if (sp && c->id == X86_INS_LEA && o[1].mem.base == X86_REG_RSP &&
		 o[1].mem.index == X86_REG_INVALID && o[1].mem.disp == (int32_t)o[1].mem.disp)
		in->push = (int32_t)-o[1].mem.disp;
	else if (c->id == X86_INS_LEAVE)
		in->push = PUSH_RESET;
	else if (in->writes & BIT(X_RSP) && in->kind == INSN_PLAIN)
		in->push = PUSH_UNKNOWN;
}

/* Of Go's frames: all is at the stack pointer; the frame pointer is for others to look at. */
static void x86_frame(const cs_insn *c, struct insn *in)
{
	const cs_x86_op *o = c->detail->x86.operands;
	bool two = c->detail->x86.op_count == 2;

	if (two && o[0].type == X86_OP_REG && o[1].type == X86_OP_REG && o[1].reg == X86_REG_RSP &&
	    o[0].reg != X86_REG_RBP && c->id == X86_INS_MOV)
		in->frame = FRAME_ADDR;
	for (uint8_t i = 0; i < c->detail->x86.op_count; i++) {
		bool reads = i || c->id == X86_INS_CMP || c->id == X86_INS_TEST ||
			     c->id == X86_INS_PUSH || c->id == X86_INS_NOP || c->id == X86_INS_BT ||
			     c->id == X86_INS_CALL;
		bool sp = o[i].type == X86_OP_MEM && o[i].mem.base == X86_REG_RSP,
		     bp = o[i].type == X86_OP_MEM && o[i].mem.base == X86_REG_RBP,
		     mov = c->id == X86_INS_MOV && two && o[i].size == 8 &&
			   o[1 - i].type == X86_OP_REG && o[1 - i].size == 8 &&
			   gpr(o[1 - i].reg) >= 0;

		if ((!sp && !bp) || o[i].mem.disp != (int32_t)o[i].mem.disp)
			continue;
		in->frame_at = (int32_t)o[i].mem.disp;
		in->frame_size = o[i].size;
		if (c->id == X86_INS_LEA)
			in->frame = bp			     ? FRAME_ANY
				    : gpr(o[0].reg) == X_RBP ? FRAME_NONE
							     : FRAME_ADDR;
		else if (o[i].mem.index != X86_REG_INVALID || bp || c->id == X86_INS_POP)
			in->frame = reads ? FRAME_NONE : FRAME_ANY;
		else if (mov)
			in->frame = i ? FRAME_LOAD : FRAME_STORE;
		else if (!reads || c->id == X86_INS_XCHG || c->id == X86_INS_XADD)
			in->frame = FRAME_WRITE;
		if (mov)
			in->frame_reg = (int8_t)gpr(o[1 - i].reg);
	}
}

/* Moves between registers, and what jump tables are made of. */
static void x86_data(const cs_insn *c, struct insn *in)
{
	const cs_x86_op *o = c->detail->x86.operands;
	bool two = c->detail->x86.op_count == 2, dst = two && o[0].type == X86_OP_REG;

	if (dst && o[1].type == X86_OP_REG && gpr(o[0].reg) >= 0 && gpr(o[1].reg) >= 0 &&
	    o[0].size >= 4 && o[1].size >= 4 && (c->id == X86_INS_MOV || c->id == X86_INS_MOVSXD)) {
		in->copy_dst = (int8_t)gpr(o[0].reg);
		in->copy_src = (int8_t)gpr(o[1].reg);
		in->copy_low = o[1].size != 8 || o[0].size != 8;
	}
	if (dst && c->id == X86_INS_LEA && o[1].mem.base == X86_REG_RIP &&
	    o[1].mem.index == X86_REG_INVALID) {
		in->op = OP_ADDR;
		in->r1 = (int8_t)gpr(o[0].reg);
		in->imm = c->address + c->size + (uint64_t)o[1].mem.disp;
	} else if (dst && c->id == X86_INS_MOVSXD && o[1].type == X86_OP_MEM &&
		   o[1].mem.scale == 4 && !o[1].mem.disp && gpr(o[1].mem.base) >= 0 &&
		   gpr(o[1].mem.index) >= 0) {
		in->op = OP_LOAD_INDEX;
		in->r1 = (int8_t)gpr(o[0].reg);
		in->r2 = (int8_t)gpr(o[1].mem.base);
		in->r3 = (int8_t)gpr(o[1].mem.index);
		in->esize = 4;
		in->esigned = true;
	} else if (dst && c->id == X86_INS_ADD && o[1].type == X86_OP_REG && o[0].size == 8) {
		in->op = OP_ADD;
		in->r1 = in->r3 = (int8_t)gpr(o[0].reg);
		in->r2 = (int8_t)gpr(o[1].reg);
	} else if (two && c->id == X86_INS_CMP && o[1].type == X86_OP_IMM) {
		in->op = OP_CMP;
		in->imm = (uint64_t)o[1].imm;
	}
}

static void x86_branch(const cs_insn *c, struct insn *in)
{
	const cs_x86_op *o = c->detail->x86.operands;
	bool call = c->id == X86_INS_CALL,
	     direct = c->detail->x86.op_count && o[0].type == X86_OP_IMM;

	in->kind = call ? (direct ? INSN_CALL : INSN_CALL_IND) : direct ? INSN_JMP : INSN_JMP_IND;
	if (direct) {
		in->target = (uint64_t)o[0].imm;
	} else if (o[0].type == X86_OP_REG) {
		in->r1 = (int8_t)gpr(o[0].reg);
	} else if (o[0].type == X86_OP_MEM && o[0].mem.base == X86_REG_RIP &&
		   o[0].mem.index == X86_REG_INVALID) {
		in->slot = c->address + c->size + (uint64_t)o[0].mem.disp;
	} else if (o[0].type == X86_OP_MEM && o[0].mem.base == X86_REG_INVALID &&
		   o[0].mem.scale == 8 && o[0].mem.segment == X86_REG_INVALID &&
		   o[0].mem.disp > 0) {
		in->esize = 8;
		in->imm = (uint64_t)o[0].mem.disp;
	}
}

static bool x86_decode(const cs_insn *c, struct insn *in)
{
	const cs_x86 *x = &c->detail->x86;

	switch (c->id) {
	case X86_INS_CALL:
	case X86_INS_JMP:
		x86_branch(c, in);
		break;
	case X86_INS_RET:
		in->kind = INSN_RET;
		break;
	case X86_INS_INT3:
	case X86_INS_INT1:
	case X86_INS_HLT:
	case X86_INS_UD2:
		in->kind = INSN_TRAP;
		break;
	case X86_INS_SYSCALL:
	case X86_INS_SYSENTER:
	case X86_INS_INT:
		in->kind = INSN_CALL_IND;
		break;
	case X86_INS_LJMP:
	case X86_INS_LCALL:
	case X86_INS_RETF:
	case X86_INS_RETFQ:
	case X86_INS_IRET:
	case X86_INS_IRETD:
	case X86_INS_IRETQ:
	case X86_INS_SYSRET:
	case X86_INS_SYSEXIT:
	case X86_INS_XBEGIN:
		return false;
	case X86_INS_LOOP:
	case X86_INS_LOOPE:
	case X86_INS_LOOPNE:
	case X86_INS_JCXZ:
	case X86_INS_JECXZ:
	case X86_INS_JRCXZ:
	case X86_INS_JAE:
	case X86_INS_JA:
	case X86_INS_JBE:
	case X86_INS_JB:
	case X86_INS_JE:
	case X86_INS_JGE:
	case X86_INS_JG:
	case X86_INS_JLE:
	case X86_INS_JL:
	case X86_INS_JNE:
	case X86_INS_JNO:
	case X86_INS_JNP:
	case X86_INS_JNS:
	case X86_INS_JO:
	case X86_INS_JP:
	case X86_INS_JS:
		if (x->op_count != 1 || x->operands[0].type != X86_OP_IMM)
			return false;
		in->kind = INSN_JCC;
		in->target = (uint64_t)x->operands[0].imm;
		in->cc = (x->opcode[0] == 0x0f ? x->opcode[1] : x->opcode[0]) & 0xf;
		break;
	default:
		x86_data(c, in);
	}
	x86_stack(c, in);
	x86_frame(c, in);
	in->cost = (uint8_t)x86_cost(c->bytes, c->size);
	if (in->kind == INSN_TRAP || in->kind == INSN_CALL_IND)
		in->cost = COST_NEVER;
	return true;
}

static bool decode_x86(struct decoder *d, struct insn *in)
{
	cs_regs r, w;
	uint8_t rn, wn;

	if (cs_regs_access(d->cs, d->insn, r, &rn, w, &wn) != CS_ERR_OK)
		return false;
	for (size_t i = 0; i < wn; i++)
		if (gpr(w[i]) >= 0)
			in->writes |= BIT(gpr(w[i]));
	return x86_decode(d->insn, in);
}

/* ---- arm64, from the word itself: what matters here are few bits ---- */

#define SP 31

static int64_t bits_signed(uint32_t w, unsigned low, unsigned cnt)
{
	return (int64_t)((uint64_t)w << (64 - low - cnt)) >> (64 - cnt);
}

static uint32_t reg_bit(uint32_t r)
{
	return (r & 31) == 31 ? 0 : BIT(r & 31); /* xzr */
}

static void arm64_hint(uint32_t w, struct insn *in)
{
	/* nop, xpaclri, pac*, aut*, bti: by number, as in the kernel's list */
	static const uint64_t known =
		1ull << 0 | 1ull << 7 | 0x55ull << 8 | 0xffull << 24 | 0x55ull << 32;
	uint32_t n = w >> 5 & 0x7f;

	in->cost = n < 64 && known >> n & 1 ? COST_STEPPED : COST_NEVER;
	if (n != 0 && n < 32)
		in->writes = BIT(16) | BIT(17) | BIT(30);
}

/* Branches, exceptions, system. */
static bool arm64_branch(uint32_t w, struct insn *in)
{
	in->cost = COST_CHEAP;
	if ((w & 0x7c000000) == 0x14000000) {
		in->kind = w >> 31 ? INSN_CALL : INSN_JMP;
		in->target = in->addr + (uint64_t)(bits_signed(w, 0, 26) * 4);
		in->cost = w >> 31 ? COST_CALL : COST_CHEAP;
		in->writes = w >> 31 ? BIT(30) : 0;
	} else if ((w & 0xff000000) == 0x54000000) {
		in->kind = (w & 0xe) == 0xe ? INSN_JMP : INSN_JCC;
		in->cc = w & 0xf;
		in->target = in->addr + (uint64_t)(bits_signed(w, 5, 19) * 4);
		in->cost = w & 0x10 ? COST_NEVER : COST_CHEAP; /* bc.cond */
	} else if ((w & 0x7c000000) == 0x34000000) {
		bool bit = w & 0x02000000; /* tbz, tbnz */

		in->kind = INSN_JCC;
		in->cc = 0xff;
		in->target = in->addr +
			     (uint64_t)((bit ? bits_signed(w, 5, 14) : bits_signed(w, 5, 19)) * 4);
	} else if ((w & 0xfe000000) == 0xd6000000) {
		uint32_t opc = w >> 21 & 7;

		/* with pointer authentication (bit 24, bits 11 and 10): refused */
		in->cost = w & 0x01000c00 ? COST_NEVER : opc == 1 ? COST_CALL : COST_CHEAP;
		in->kind = opc == 0 ? INSN_JMP_IND : opc == 1 ? INSN_CALL_IND : INSN_RET;
		in->r1 = opc == 0 ? (int8_t)(w >> 5 & 31) : -1;
		in->writes = opc == 1 ? BIT(30) : 0;
		return opc <= 2;
	} else if ((w & 0xff000000) == 0xd4000000) {
		in->cost = COST_NEVER;
		in->kind = (w & 0xffe0001f) == 0xd4000001 ? INSN_CALL_IND : INSN_TRAP;
	} else if ((w & 0xfffff01f) == 0xd503201f) {
		arm64_hint(w, in);
	} else if ((w & 0xff000000) == 0xd5000000) {
		in->cost = COST_NEVER;
		in->writes = reg_bit(w);
	} else {
		return false;
	}
	return true;
}

static void arm64_immediate(uint32_t w, struct insn *in)
{
	uint32_t rd = w & 31, rn = w >> 5 & 31;
	uint64_t imm = (w >> 10 & 0xfff) << (w >> 22 & 1 ? 12 : 0);

	in->writes = rd == SP ? 0 : BIT(rd);
	if ((w & 0x1f000000) == 0x10000000) {
		int64_t rel = bits_signed(w, 5, 19) * 4 + (w >> 29 & 3);

		in->op = OP_ADDR;
		in->r1 = (int8_t)rd;
		in->imm = w >> 31 ? (in->addr & ~0xfffull) + ((uint64_t)rel << 12)
				  : in->addr + (uint64_t)rel;
		in->cost = COST_CHEAP;
	} else if ((w & 0xbf800000) == 0x91000000 || (w & 0xff800000) == 0xd1000000) {
		bool sub = w & 0x40000000;

		if (rd == SP) {
			in->writes = BIT(SP);
			in->push = rn == SP ? (int32_t)(sub ? imm : -imm) : PUSH_UNKNOWN;
		} else if (!sub) {
			in->op = OP_ADD_IMM;
			in->r1 = (int8_t)rd;
			in->r2 = (int8_t)rn;
			in->imm = imm;
		}
	} else if ((w & 0x7f80001f) == 0x7100001f) {
		in->op = OP_CMP;
		in->imm = imm;
	} else if ((w & 0xfffffc00) == 0x93407c00) { /* sxtw */
		in->copy_dst = (int8_t)rd;
		in->copy_src = (int8_t)rn;
		in->copy_low = true;
	} else if (rd == SP && !(w & 0x20000000) && (w & 0x1f000000) != 0x13000000) {
		in->writes = BIT(SP);
		in->push = PUSH_UNKNOWN;
	}
	if (rd == SP || (in->copy_src == SP))
		in->copy_dst = in->copy_src = -1;
}

static void arm64_register(uint32_t w, struct insn *in)
{
	uint32_t rd = w & 31, rn = w >> 5 & 31, rm = w >> 16 & 31;

	if ((w & 0x1fe00000) == 0x1a400000)
		return; /* ccmp, ccmn */
	in->writes = reg_bit(rd);
	if ((w & 0x7fe0ffe0) == 0x2a0003e0 && rm != 31 && rd != 31) { /* mov */
		in->copy_dst = (int8_t)rd;
		in->copy_src = (int8_t)rm;
		in->copy_low = !(w >> 31);
	} else if ((w & 0xffe00000) == 0x8b200000 || (w & 0xffe00000) == 0x8b000000) {
		bool extended = w & 0x00200000;

		in->op = OP_ADD;
		in->r1 = (int8_t)rd;
		in->r2 = (int8_t)rm;
		in->r3 = (int8_t)rn;
		in->shift = extended ? w >> 10 & 7 : w >> 10 & 0x3f;
		in->esigned = extended && w & 0x8000;
	}
	if (rd == SP && (w & 0x3f200000) == 0x0b200000) {
		in->writes |= BIT(SP);
		in->push = PUSH_UNKNOWN;
	}
}

static void arm64_writeback(uint32_t w, int32_t by, struct insn *in)
{
	uint32_t rn = w >> 5 & 31;

	in->writes |= BIT(rn);
	if (rn == SP)
		in->push = -by;
}

static void arm64_memory(uint32_t w, struct insn *in)
{
	bool simd = w & 0x04000000, load = w & 0x00400000;

	if ((w & 0x3b000000) == 0x18000000) { /* literal */
		in->writes = simd ? 0 : reg_bit(w);
		in->cost = COST_NEVER;
	} else if ((w & 0x3a000000) == 0x28000000) { /* pairs */
		unsigned size = simd ? 2 + (w >> 30) : 2 + (w >> 31);

		if (load && !simd)
			in->writes = reg_bit(w) | reg_bit(w >> 10);
		if (w & 0x00800000)
			arm64_writeback(w, (int32_t)(bits_signed(w, 15, 7) * (1 << size)), in);
	} else if ((w & 0x3b200c00) == 0x38200000 && !simd) { /* atomics */
		in->writes = reg_bit(w);
	} else if ((w & 0x3a000000) == 0x38000000) { /* one register */
		if (!simd && (w & 0x00c00000))
			in->writes = reg_bit(w);
		if (!(w & 0x01000000) && (w & 0x00200400) == 0x00000400)
			arm64_writeback(w, (int32_t)bits_signed(w, 12, 9), in);
		else if (!(w & 0x01000000) && (w & 0x00200400) == 0x00200400)
			in->writes |= reg_bit(w) | reg_bit(w >> 5); /* ldraa, ldrab */
		if (!simd && (w & 0x01200c00) == 0x00200800 && (w >> 30 == 0 || w & 0x1000) &&
		    w >> 30 < 3 && (w & 0x00c00000) != 0 &&
		    (w >> 30 == 2 || (w & 0x00c00000) == 0x00400000)) {
			in->op = OP_LOAD_INDEX;
			in->r1 = (int8_t)(w & 31);
			in->r2 = (int8_t)(w >> 5 & 31);
			in->r3 = (int8_t)(w >> 16 & 31);
			in->esize = (uint8_t)(1 << (w >> 30));
			in->esigned = (w & 0x00c00000) == 0x00800000;
		}
	} else if ((w & 0xbe000000) == 0x0c000000) { /* vectors */
		if (w & 0x00800000) {
			in->writes = BIT(w >> 5 & 31);
			in->push = (w >> 5 & 31) == SP ? PUSH_UNKNOWN : 0;
		}
	} else { /* exclusive, ordered, compare and swap, tags, copies */
		if ((w & 0x3f800000) == 0x08000000)
			in->op = load ? OP_LOAD_EXCLUSIVE : OP_STORE_EXCLUSIVE;
		in->writes = reg_bit(w) | reg_bit(w >> 5) | reg_bit(w >> 10) | reg_bit(w >> 16);
		in->cost = COST_NEVER;
	}
}

static bool decode_arm64(uint32_t w, struct insn *in)
{
	in->cost = COST_STEPPED;
	switch (w >> 25 & 0xf) {
	case 0x8:
	case 0x9:
		arm64_immediate(w, in);
		return true;
	case 0xa:
	case 0xb:
		return arm64_branch(w, in);
	case 0x4:
	case 0x6:
	case 0xc:
	case 0xe:
		arm64_memory(w, in);
		return true;
	case 0x5:
	case 0xd:
		arm64_register(w, in);
		return true;
	case 0x7:
	case 0xf:
		/* conversions and moves to general registers; those to floating point count as well
		 */
		if ((w & 0x5f20fc00) == 0x1e200000 || (w & 0x5f200000) == 0x1e000000 ||
		    (w & 0xbfe0ec00) == 0x0e002c00)
			in->writes = reg_bit(w);
		return true;
	case 0x2: /* SVE */
		in->writes = reg_bit(w) | reg_bit(w >> 5);
		in->cost = COST_NEVER;
		return true;
	default:
		in->kind = INSN_TRAP;
		in->cost = COST_NEVER;
		return !(w >> 16); /* udf */
	}
}

bool insn_decode(struct decoder *d, struct bytes code, uint64_t addr, struct insn *ret, char *text,
		 size_t size)
{
	struct insn in = {
		.addr = addr, .copy_dst = -1, .copy_src = -1, .r1 = -1, .r2 = -1, .r3 = -1};
	const uint8_t *p = code.data;
	size_t len = code.len;
	uint64_t at = addr;
	bool known;
	uint32_t w;

	if (d->machine == ELF_ARM64) {
		if (len < 4 || addr & 3)
			return false;
		memcpy(&w, p, sizeof(w));
		in.len = 4;
		if (!decode_arm64(w, &in))
			return false;
		known = text && cs_disasm_iter(d->cs, &p, &len, &at, d->insn);
	} else {
		known = cs_disasm_iter(d->cs, &p, &len, &at, d->insn);
		if (!known)
			return false;
		in.len = (uint8_t)d->insn->size;
		if (!decode_x86(d, &in))
			return false;
	}
	if (text)
		snprintf(text, size, "%s%s%s", known ? d->insn->mnemonic : "?",
			 known && d->insn->op_str[0] ? " " : "", known ? d->insn->op_str : "");
	*ret = in;
	return true;
}
