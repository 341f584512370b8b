/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SITE_CODE_H
#define OE_SITE_CODE_H
/* Between the parts of the site finder only: instructions (site_decode.c), their graph
 * (site_flow.c), the proof. */
#include "userspace/site.h"

#define CODE_REGS 32 /* numbered as in struct oe_val */

enum insn_kind {
	INSN_PLAIN = 0,
	INSN_JCC,      /* goes to target or on */
	INSN_JMP,      /* goes to target */
	INSN_JMP_IND,  /* goes where `slot`, or a register, says */
	INSN_CALL,     /* calls target and goes on */
	INSN_CALL_IND, /* calls what we do not know (or the kernel) and goes on */
	INSN_RET,
	INSN_TRAP, /* nothing comes after it */
};

/* What a probe on it means, best first. */
enum insn_cost {
	COST_CHEAP = 0,
	COST_CALL,    /* emulated as well, but a shadow stack would not learn of it: only if nothing
			 else is */
	COST_STEPPED, /* single-stepped */
	COST_NEVER,   /* refused by the kernel, or by us */
};

enum insn_op {
	OP_OTHER = 0,
	OP_ADDR,
	OP_LOAD_INDEX,
	OP_ADD,
	OP_ADD_IMM,
	OP_CMP,
	OP_LOAD_EXCLUSIVE,
	OP_STORE_EXCLUSIVE
};

/* What it does to memory at a distance from the stack pointer (x86 only). */
enum insn_frame {
	FRAME_NONE = 0,
	FRAME_STORE, /* all 8 bytes become the register */
	FRAME_LOAD,  /* the register becomes all 8 bytes */
	FRAME_WRITE, /* become something else */
	FRAME_ADDR,  /* its address is taken: what begins there may change at any time */
	FRAME_ANY,   /* something somewhere there becomes something */
};

struct insn {
	uint64_t addr;
	uint64_t target; /* of JCC, JMP, CALL */
	uint64_t slot;	 /* JMP_IND and CALL_IND through memory at a fixed address */
	uint64_t imm; /* OP_ADDR: the address, OP_CMP: compared with, OP_ADD_IMM: added to r2, into
			 r1 */
	uint32_t
		writes; /* registers of which any bit may change (calls: what they do themselves) */
	int32_t depth;	/* bytes that the stack has grown since the start; DEPTH_UNKNOWN */
	int32_t push;	/* by how much this instruction lets it grow; PUSH_UNKNOWN */
	uint8_t len;
	uint8_t kind; /* enum insn_kind */
	uint8_t cost; /* enum insn_cost */
	uint8_t cc;   /* JCC */
	/* dst becomes src: all of it, or (copy_low) the low 32 bits and anything above */
	int8_t copy_dst, copy_src; /* -1: no copy */
	bool copy_low;
	/* pieces of jump tables */
	uint8_t op;	   /* enum insn_op */
	int8_t r1, r2, r3; /* ADDR: dst; LOAD_INDEX: dst, base, index; ADD: dst, added (r3: both);
			      JMP_IND: by */
	uint8_t esize; /* LOAD_INDEX: bytes of an entry; JMP_IND: 8 = through a table of addresses
			  at `imm` */
	bool esigned;
	uint8_t shift; /* ADD: of the added register */
	uint8_t frame; /* enum insn_frame */
	uint8_t frame_size;
	int8_t frame_reg;
	int32_t frame_at; /* from the stack pointer */
	/* set by the flow */
	uint8_t end; /* enum insn_end */
	bool skip;   /* JCC whose taken edge leads to a new start of the function (Go) */
	bool overlaps;
};

enum insn_end {
	END_NONE = 0, /* has successors */
	END_RET,
	END_FORWARD, /* jumps to a function of another file, or by its name to one of this */
	END_UNKNOWN, /* an indirect jump that nothing explains: may be a tail call */
	END_DEAD,    /* never comes back */
	END_RESTART, /* Go: the stack has grown, and the function begins anew */
};

#define DEPTH_UNKNOWN INT32_MIN
#define PUSH_UNKNOWN  INT32_MIN
#define PUSH_RESET    (INT32_MIN + 1) /* back to 0 */

struct decoder;

int decoder_new(enum elf_machine m, struct decoder **ret);
void decoder_free(struct decoder *d);
/* The instruction that begins `code`, which stands at addr; text may be NULL. False: none that we
 * know. */
bool insn_decode(struct decoder *d, struct bytes code, uint64_t addr, struct insn *ret, char *text,
		 size_t size);
/* Registers that a called function need not preserve. */
uint32_t abi_clobbers(enum elf_machine m, enum site_abi abi);
/* The register of argument i, of the result, of the stack; -1: on the stack. */
int abi_arg(enum elf_machine m, enum site_abi abi, unsigned i);
int abi_result(enum elf_machine m);

#define FLOW_INSNS_MAX	 49152
#define FLOW_EDGES_MAX	 (4 * FLOW_INSNS_MAX)
#define FLOW_REGIONS_MAX 512
#define FLOW_TABLE_MAX	 1024
#define FLOW_SWEEP_MAX	 (1u << 20) /* bytes of a function that is read from end to end */
/* Steps that code made to be hard may cost us in all, about a second. */
#define FLOW_WORK_MAX (32u << 20)

struct edge {
	uint32_t from, to;
};

struct flow {
	const struct elf_image *e;
	const struct gosym *go; /* of a Go program: names of what is called; may be NULL */
	struct decoder *d;
	enum site_abi abi;
	struct insn *v; /* v[0] is the start */
	size_t cnt, cap;
	uint32_t *index; /* address -> number + 1 */
	size_t index_cap;
	struct edge *edges;
	size_t edge_cnt, edge_cap, table_edge_cnt;
	/* the edges again, by their ends: those out of i are succ[succ_at[i]..succ_at[i + 1]] */
	uint32_t *succ, *succ_at, *pred, *pred_at;
	struct elf_func
		regions[FLOW_REGIONS_MAX]; /* functions, and parts of them, that we have entered */
	size_t region_cnt;
	uint64_t work;
	char why[96];
};

/* All that can be reached from f's start without calls. -ENOTSUP: `why` of ret, which is to be
 * freed in any case. */
int flow_build(const struct elf_image *e, const struct elf_func *f, const struct site_want *want,
	       struct flow *ret);
void flow_done(struct flow *g);
/* Counts steps; false when there have been too many. */
bool flow_work(struct flow *g, uint64_t steps);
/* The number of the instruction at addr; -1: none was found there. */
int64_t flow_find(const struct flow *g, uint64_t addr);

/*
 * Go on x86-64, where a return is single-stepped: replaces exit sites of the set by earlier, cheap
 * ones at which the result already stands somewhere, as far as that can be shown; and notes at all
 * exits where the arguments still are. entered[i]: an entry site has been crossed below i.
 */
void early_exits(struct flow *g, const struct site_want *want, const uint8_t *entered,
		 struct site_set *s);

/*
 * Shows, from the sites alone, that every path from the start to an end crosses one entry site and
 * then, if `exits`, one exit site. A path that never ends or returns crosses at most one of each.
 */
bool sites_proven(const struct flow *g, const struct site_set *s, bool exits);

#endif
