/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Early exits. On x86-64 a probe on `ret` is single-stepped, and Go repeats the end of a function
 * for every return statement: result to its slot in the frame, deferred calls through a register,
 * results back to registers, ret. Nothing there is cheap. But before it the function mostly asks
 * whether the result is 0, or whether there is more to do, and jumps.
 *
 * A cheap instruction C, with a register R, is an exit if R is what will be returned: follow all
 * copies of R from C on, through registers and slots of the frame; at each return that can be
 * reached the result's register must hold one. A slot is followed only if nothing takes an address
 * at or below it, in the same part of the frame (own, or the caller's): then no call and no other
 * pointer changes it. C must not be reached again from itself. The sites are then C and those of
 * the old ones that C does not lead to; whether every path crosses exactly one is for
 * sites_proven() to say, before any of it is used.
 *
 * What comes between C and the return (deferred calls; a last look for an alert) can block or
 * panic, but not change what was read.
 *
 * The same following, of the arguments from the entry on, shows where they are at an exit: Go keeps
 * them in the caller's frame. An exit that knows them needs no entry, which may have been before we
 * came.
 */
#include <stdio.h>
#include <stdlib.h>

#include "userspace/site_code.h"

#define EARLY_INSNS 2000 /* larger functions are none that we want */
#define EARLY_SLOTS 64
#define RSP	    19
#define RAX	    10

struct locs {
	uint64_t slots; /* by number */
	uint32_t regs;
	bool seen;
};

struct early {
	struct flow *g;
	int64_t slot[EARLY_SLOTS]; /* from the stack pointer at the start */
	size_t slot_cnt;
	struct locs *in; /* above each instruction */
	uint32_t *work;
	bool *waits;
};

/* ---- slots ---- */

static bool same_part(int64_t a, int64_t b)
{
	return (a < 0) == (b < 0);
}

/* From the stack pointer at the start; means nothing when the depth is not known. */
static int64_t frame_at(const struct insn *in)
{
	return (int64_t)in->frame_at - in->depth;
}

static int slot_number(const struct early *e, int64_t at)
{
	for (size_t i = 0; i < e->slot_cnt; i++)
		if (e->slot[i] == at)
			return (int)i;
	return -1;
}

static bool safe(const struct flow *g, int64_t at)
{
	if (at > -8 && at < 8)
		return false; /* the return address */
	for (size_t i = 0; i < g->cnt; i++) {
		int64_t taken = frame_at(&g->v[i]);

		if (g->v[i].frame == FRAME_ADDR && same_part(taken, at) && taken < at + 8)
			return false;
	}
	return true;
}

/* False: the frame is not understood. */
static bool slots_find(struct early *e)
{
	const struct flow *g = e->g;

	for (size_t i = 0; i < g->cnt; i++) {
		const struct insn *in = &g->v[i];
		int64_t at = frame_at(in);

		if (in->frame == FRAME_ANY || (in->depth == DEPTH_UNKNOWN && in->frame))
			return false;
		if ((in->frame == FRAME_STORE || in->frame == FRAME_LOAD) &&
		    slot_number(e, at) < 0 && e->slot_cnt < EARLY_SLOTS && safe(g, at))
			e->slot[e->slot_cnt++] = at;
	}
	return true;
}

static void slots_kill(const struct early *e, int64_t from, int64_t to, struct locs *l)
{
	for (size_t i = 0; i < e->slot_cnt; i++)
		if (e->slot[i] < to && e->slot[i] + 8 > from)
			l->slots &= ~(1ull << i);
}

/* ---- following copies ---- */

static void step(const struct early *e, const struct insn *in, struct locs *l)
{
	int64_t at = frame_at(in);
	int n = in->frame ? slot_number(e, at) : -1;
	bool to_reg = false, to_slot = false;
	int8_t dst = -1;

	if (in->kind == INSN_CALL || in->kind == INSN_CALL_IND) {
		l->regs &= ~abi_clobbers(elf_machine(e->g->e), e->g->abi);
		return;
	}
	if (in->copy_dst >= 0) {
		dst = in->copy_dst;
		to_reg = !in->copy_low && l->regs & 1u << in->copy_src;
	} else if (in->frame == FRAME_LOAD && n >= 0) {
		dst = in->frame_reg;
		to_reg = l->slots & 1ull << n;
	} else if (in->frame == FRAME_STORE && n >= 0) {
		to_slot = l->regs & 1u << in->frame_reg;
	}
	l->regs &= ~in->writes;
	if (in->frame == FRAME_STORE || in->frame == FRAME_WRITE)
		slots_kill(e, at, at + in->frame_size, l);
	if (in->push > 0 && in->depth == DEPTH_UNKNOWN)
		l->slots = 0;
	else if (in->push > 0)
		slots_kill(e, -(int64_t)in->depth - in->push, -(int64_t)in->depth, l);
	if (to_reg)
		l->regs |= 1u << dst;
	if (to_slot)
		l->slots |= 1ull << n;
}

/*
 * Where what stands in `first` above instruction `from` can be found, above all that come after.
 * False: too much work, and e->in is not to be used.
 */
static bool follow(struct early *e, uint32_t from, struct locs first)
{
	const struct flow *g = e->g;
	size_t n = 0;
	uint32_t i = from;
	struct locs out = first;
	bool good = flow_work(e->g, g->cnt / 16 + 1);

	memset(e->in, 0, g->cnt * sizeof(*e->in));
	while (good) {
		step(e, &g->v[i], &out);
		for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1]; k++) {
			struct locs *to = &e->in[g->succ[k]], old = *to;

			to->regs = old.seen ? old.regs & out.regs : out.regs;
			to->slots = old.seen ? old.slots & out.slots : out.slots;
			to->seen = true;
			if ((!old.seen || to->regs != old.regs || to->slots != old.slots) &&
			    !e->waits[g->succ[k]]) {
				e->waits[g->succ[k]] = true;
				e->work[n++] = g->succ[k];
			}
		}
		if (!n)
			return true;
		i = e->work[--n];
		e->waits[i] = false;
		out = e->in[i];
		good = flow_work(e->g, 1);
	}
	memset(e->waits, 0, g->cnt);
	return false;
}

/* Returns that are reached from c with the result in reg above it; 0: none, or it may not be used.
 */
static unsigned int returns_with(struct early *e, uint32_t c, unsigned int reg)
{
	unsigned int cnt = 0;

	if (!follow(e, c, (struct locs){.regs = 1u << reg, .seen = true}) || e->in[c].seen)
		return 0;
	for (size_t i = 0; i < e->g->cnt; i++) {
		uint8_t end = e->g->v[i].end;

		if (!e->in[i].seen)
			continue;
		if (end == END_FORWARD || end == END_UNKNOWN || end == END_RESTART ||
		    (end == END_RET && !(e->in[i].regs & 1u << RAX)))
			return 0;
		cnt += end == END_RET;
	}
	return cnt;
}

/* ---- the sites ---- */

static bool site_make(const struct early *e, uint32_t c, unsigned int reg,
		      const struct site_want *want, struct site *ret)
{
	const struct insn *in = &e->g->v[c];
	struct insn again;

	*ret = (struct site){.addr = in->addr, .cost = SITE_CHEAP};
	ret->k.fn = want->fn;
	ret->k.flags = OE_SITE_EXIT;
	ret->k.result = (struct oe_val){.kind = OE_VAL_REG, .reg = (uint8_t)reg};
	return elf_offset(e->g->e, in->addr, &ret->offset) &&
	       insn_decode(e->g->d, elf_at(e->g->e, in->addr, 16), in->addr, &again, ret->text,
			   sizeof(ret->text));
}

/* The set with c in the place of those that it leads to. False: not one of these was dear, or it
 * cannot be proven. */
static bool replace(const struct early *e, uint32_t c, unsigned int reg,
		    const struct site_want *want, const struct site_set *s, struct site_set *ret)
{
	bool saves = false;

	*ret = *s;
	ret->cnt = 0;
	for (size_t i = 0; i < s->cnt; i++) {
		int64_t at = flow_find(e->g, s->sites[i].addr);
		bool exit = s->sites[i].k.flags & OE_SITE_EXIT;

		if (at == c)
			return false;
		if (exit && at >= 0 && e->in[at].seen)
			saves |= s->sites[i].cost == SITE_STEPPED;
		else
			ret->sites[ret->cnt++] = s->sites[i];
	}
	return saves && ret->cnt < SITES_MAX &&
	       site_make(e, c, reg, want, &ret->sites[ret->cnt++]) && sites_proven(e->g, ret, true);
}

/* The one that stands for most returns; of several the last. */
static bool improve(struct early *e, const struct site_want *want, const uint8_t *entered,
		    struct site_set *s)
{
	unsigned int best = 0;
	struct site_set better, found;

	for (uint32_t c = 0; c < e->g->cnt; c++) {
		const struct insn *in = &e->g->v[c];

		if (in->cost != COST_CHEAP || in->overlaps || in->end == END_RET || !entered[c])
			continue;
		for (unsigned int reg = 0; reg < 16; reg++) {
			unsigned int cnt = returns_with(e, c, reg);

			if (cnt >= best && cnt && replace(e, c, reg, want, s, &better)) {
				best = cnt;
				found = better;
			}
		}
	}
	if (best) {
		*s = found;
		snprintf(s->why, sizeof(s->why),
			 "before some of the returns nothing cheap has the result");
	}
	return best;
}

static bool where_is(const struct early *e, const struct insn *in, const struct locs *l,
		     struct oe_val *ret)
{
	if (l->seen && l->regs) {
		*ret = (struct oe_val){.kind = OE_VAL_REG, .reg = (uint8_t)__builtin_ctz(l->regs)};
		return true;
	}
	for (size_t i = 0; l->seen && i < e->slot_cnt; i++) {
		int64_t off = e->slot[i] + in->depth;

		if (!(l->slots & 1ull << i) || in->depth == DEPTH_UNKNOWN || off != (int16_t)off)
			continue;
		*ret = (struct oe_val){.kind = OE_VAL_MEM, .reg = RSP, .off = (int16_t)off};
		return true;
	}
	return false;
}

/* Where the arguments are, at each exit. */
static void args_note(struct early *e, const struct site_want *want, struct site_set *s)
{
	for (size_t n = 0; n < s->cnt; n++)
		if (s->sites[n].k.flags & OE_SITE_EXIT)
			s->sites[n].k.flags |= OE_SITE_WHOLE;
	for (unsigned int k = 0; k < OE_SITE_ARGS; k++) {
		struct locs first = {.regs = 1u << abi_arg(ELF_X86_64, SITE_ABI_GO, k),
				     .seen = true};
		bool good;

		if (!(want->arg_mask & 1u << k))
			continue;
		good = follow(e, 0, first);

		for (size_t n = 0; n < s->cnt; n++) {
			struct oe_site *p = &s->sites[n].k;
			int64_t at = flow_find(e->g, s->sites[n].addr);

			if (!(p->flags & OE_SITE_WHOLE))
				continue;
			if (!good || at < 0 || !where_is(e, &e->g->v[at], &e->in[at], &p->arg[k]))
				p->flags &= (uint8_t)~OE_SITE_WHOLE;
		}
	}
}

void early_exits(struct flow *g, const struct site_want *want, const uint8_t *entered,
		 struct site_set *s)
{
	struct early e = {.g = g};

	/* only where data moves is it worth it */
	if (elf_machine(g->e) != ELF_X86_64 || g->cnt > EARLY_INSNS || !(want->arg_mask & 2))
		return;
	e.in = calloc(g->cnt, sizeof(*e.in));
	e.work = calloc(g->cnt + 1, sizeof(*e.work));
	e.waits = calloc(g->cnt, 1);
	if (e.in && e.work && e.waits && slots_find(&e)) {
		for (int tries = 0; tries < 4 && improve(&e, want, entered, s); tries++)
			;
		args_note(&e, want, s);
	}
	free(e.in);
	free(e.work);
	free(e.waits);
}
