/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing sites. Three questions, each answered by a pass over the graph (site_flow.c):
 *
 * Where may an entry site be? Where every wanted argument is still in some register, on every path
 * there, and nothing has been called: track() follows the copies.
 *
 * Where may an exit site be? Where all paths lead to a return (or to abort) without writing the
 * result's register or calling anything: settle().
 *
 * Which of those, so that each path crosses exactly one? A cut: every point of the code is
 * either before or after the site. An edge joins two points of the same side, an instruction that
 * is no site has the same side above and below it, the start is before, the ends are after. So the
 * points fall into classes of one side (union-find), and a possible site is the only thing that may
 * stand between two classes: above it "before", below it "after", never the other way round. What a
 * site in a loop would need is a contradiction, and so is one on only some of the paths: no rule
 * for those cases is needed. What remains free is decided as early as possible for entries, as late
 * as possible for exits.
 *
 * The cheapest kind of site for which there is a cut wins. Entry: cheap, with calls, any. Exit:
 * cheap, with some of the returns, all the returns; for Go there may be better ones, earlier
 * (site_early.c).
 *
 * An exit site may be passed by the callers of another function, where ours jumps to that one as
 * its last act: the kernel's side pairs exits with the entries of the same thread and ignores what
 * has none.
 *
 * Not done: exit sites inside the last function called, where ours only hands its result on
 * (SSL_read_ex, ssl_read_internal). In every OpenSSL from 1.1.1 to 3.6 that one ends in a tail call
 * by pointer, so its ends are not known.
 *
 * What was chosen is then proven anew by site_prove.c.
 */
#include "userspace/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "userspace/site_code.h"

struct where {
	uint32_t full[OE_SITE_ARGS]; /* registers that hold argument i */
	uint32_t low[OE_SITE_ARGS];  /* ... or at least its low 32 bits */
	bool seen, called;
};

struct choice {
	struct flow g;
	const struct site_want *want;
	struct where *at; /* above each instruction */
	bool *live;	  /* an end can be reached from here */
	bool *settled;	  /* below it, the result is final */
	bool *to_restart; /* Go: the function may begin anew after it */
	uint8_t *side;	  /* by a cut: bit 0 above, bit 1 below: "after" */
	uint32_t *parent; /* classes of points: 2i above, 2i + 1 below */
	bool *may;	  /* this cut's possible sites */
	bool *force;	  /* returns that are exit sites themselves */
	bool read;	  /* all of these are there */
};

/* ---- where the arguments are ---- */

static void where_start(const struct choice *c, struct where *w)
{
	enum elf_machine m = elf_machine(c->g.e);

	memset(w, 0, sizeof(*w));
	w->seen = true;
	for (unsigned i = 0; i < OE_SITE_ARGS; i++)
		if (c->want->arg_mask & 1u << i)
			w->full[i] = w->low[i] = 1u << abi_arg(m, c->want->abi, i);
}

static void where_after(const struct choice *c, const struct insn *in, struct where *w)
{
	bool call = in->kind == INSN_CALL || in->kind == INSN_CALL_IND;
	uint32_t killed = in->writes | (call ? abi_clobbers(elf_machine(c->g.e), c->want->abi) : 0);

	w->called |= call;
	for (unsigned i = 0; i < OE_SITE_ARGS; i++) {
		bool full = in->copy_dst >= 0 && !in->copy_low && w->full[i] & 1u << in->copy_src;
		bool low = in->copy_dst >= 0 && w->low[i] & 1u << in->copy_src;

		w->full[i] &= ~killed;
		w->low[i] &= ~killed;
		if (full)
			w->full[i] |= 1u << in->copy_dst;
		if (low)
			w->low[i] |= 1u << in->copy_dst;
	}
}

/* What holds on both paths; did it change? */
static bool where_meet(struct where *w, const struct where *other)
{
	struct where old = *w;

	if (!w->seen) {
		*w = *other;
		return true;
	}
	w->called |= other->called;
	for (unsigned i = 0; i < OE_SITE_ARGS; i++) {
		w->full[i] &= other->full[i];
		w->low[i] &= other->low[i];
	}
	return memcmp(&old, w, sizeof(old));
}

/* Each step only takes away: at most a few hundred visits of each instruction, mostly one. */
static int track(struct choice *c)
{
	const struct flow *g = &c->g;
	uint32_t *work = calloc(g->cnt + 1, sizeof(*work));
	bool *waits = calloc(g->cnt, 1);
	size_t n = 0;
	int err = work && waits ? 0 : -ENOMEM;

	if (!err) {
		where_start(c, &c->at[0]);
		work[n++] = 0;
	}
	while (n && flow_work(&c->g, 4)) {
		uint32_t i = work[--n];
		struct where w = c->at[i];

		waits[i] = false;
		where_after(c, &g->v[i], &w);
		for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1]; k++) {
			uint32_t to = g->succ[k];

			if (where_meet(&c->at[to], &w) && !waits[to]) {
				waits[to] = true;
				work[n++] = to;
			}
		}
	}
	if (n)
		err = -ENOTSUP;
	free(work);
	free(waits);
	return err;
}

static bool args_known(const struct choice *c, size_t i)
{
	const struct where *w = &c->at[i];

	for (unsigned k = 0; k < OE_SITE_ARGS; k++)
		if (c->want->arg_mask & 1u << k &&
		    !(c->want->arg4_mask & 1u << k ? w->low[k] : w->full[k]))
			return false;
	return w->seen && !w->called;
}

/* ---- where the result is final, what can end, what begins anew ---- */

/* Marks all from which a marked one can be reached. */
static void spread_back(const struct flow *g, bool *mark, uint32_t *work)
{
	size_t n = 0;

	for (uint32_t i = 0; i < g->cnt; i++)
		if (mark[i])
			work[n++] = i;
	while (n) {
		uint32_t i = work[--n];

		for (uint32_t k = g->pred_at[i]; k < g->pred_at[i + 1]; k++)
			if (!mark[g->pred[k]]) {
				mark[g->pred[k]] = true;
				work[n++] = g->pred[k];
			}
	}
}

static bool is_end(const struct insn *in)
{
	return in->end == END_RET || in->end == END_FORWARD || in->end == END_UNKNOWN;
}

/* All successors that live are settled, and it does nothing itself: until nothing is new. */
static void settle(struct choice *c)
{
	const struct flow *g = &c->g;
	uint32_t result = 1u << abi_result(elf_machine(g->e));
	bool more = true;

	while (more && flow_work(&c->g, g->cnt)) {
		more = false;
		for (size_t i = g->cnt; i--;) {
			const struct insn *in = &g->v[i];
			bool all = in->end != END_FORWARD && in->end != END_UNKNOWN && c->live[i];

			if (c->settled[i] || in->writes & result || in->kind == INSN_CALL ||
			    in->kind == INSN_CALL_IND)
				continue;
			for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1] && all; k++)
				all = c->settled[g->succ[k]] || !c->live[g->succ[k]];
			more |= all;
			c->settled[i] = all;
		}
	}
}

/* ---- cuts ---- */

static uint32_t class_of(struct choice *c, uint32_t p)
{
	while (c->parent[p] != p) {
		c->parent[p] = c->parent[c->parent[p]];
		p = c->parent[p];
	}
	return p;
}

static void join(struct choice *c, uint32_t p, uint32_t q)
{
	c->parent[class_of(c, p)] = class_of(c, q);
}

/*
 * Sides of all points, given the possible sites. Early: all is "after" that need not be "before";
 * late: the reverse. False: a contradiction.
 */
static bool cut(struct choice *c, bool early)
{
	const struct flow *g = &c->g;
	uint8_t *fixed = calloc(2 * g->cnt, 1); /* of a class; 1: before, 2: after */
	bool more = true, good = fixed && flow_work(&c->g, 4 * g->cnt);

	for (uint32_t p = 0; p < 2 * g->cnt; p++)
		c->parent[p] = p;
	for (uint32_t i = 0; i < g->cnt; i++) {
		if (!c->live[i])
			continue;
		if (!c->may[i])
			join(c, 2 * i, 2 * i + 1);
		for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1]; k++)
			if (c->live[g->succ[k]])
				join(c, 2 * i + 1, 2 * g->succ[k]);
	}
	if (good) {
		fixed[class_of(c, 0)] |= 1;
		for (uint32_t i = 0; i < g->cnt; i++)
			if (c->live[i] && is_end(&g->v[i]))
				fixed[class_of(c, 2 * i + 1)] |= 2;
	}
	while (good && more) {
		more = false;
		good = flow_work(&c->g, g->cnt);
		for (uint32_t i = 0; i < g->cnt; i++) {
			uint8_t *above, *below;

			if (!c->may[i] || !c->live[i])
				continue;
			above = &fixed[class_of(c, 2 * i)];
			below = &fixed[class_of(c, 2 * i + 1)];
			if (*below & 1 && !(*above & 1))
				more = *above |= 1;
			if (*above & 2 && !(*below & 2))
				more = *below |= 2;
		}
	}
	for (uint32_t i = 0; i < g->cnt && good; i++) {
		uint8_t above = fixed[class_of(c, 2 * i)], below = fixed[class_of(c, 2 * i + 1)];

		good = !c->live[i] || (above != 3 && below != 3);
		c->side[i] =
			(uint8_t)((above ? above == 2 : early) | (below ? below == 2 : early) << 1);
	}
	free(fixed);
	return good;
}

static bool is_site(const struct choice *c, size_t i)
{
	return c->may[i] && c->live[i] && c->side[i] == 2;
}

/* ---- from the cut to the sites ---- */

static struct oe_val val_of(uint32_t regs, uint8_t kind)
{
	/* of several the lowest, to be the same each time */
	return (struct oe_val){.kind = kind, .reg = (uint8_t)__builtin_ctz(regs)};
}

static struct oe_val result_of(const struct choice *c)
{
	return val_of(1u << abi_result(elf_machine(c->g.e)),
		      c->want->result4 ? OE_VAL_REG4 : OE_VAL_REG);
}

static int site_add(const struct choice *c, size_t i, bool exit, struct site_set *ret)
{
	const struct insn *in = &c->g.v[i];
	struct site *s;
	struct insn again;

	if (ret->cnt == SITES_MAX) {
		snprintf(ret->why, sizeof(ret->why), "it would take more than %d sites", SITES_MAX);
		return -ENOTSUP;
	}
	s = &ret->sites[ret->cnt];
	memset(s, 0, sizeof(*s));
	s->addr = in->addr;
	s->cost = in->cost <= COST_CALL ? SITE_CHEAP : SITE_STEPPED;
	s->k.fn = c->want->fn;
	if (!elf_offset(c->g.e, in->addr, &s->offset) ||
	    !insn_decode(c->g.d, elf_at(c->g.e, in->addr, 16), in->addr, &again, s->text,
			 sizeof(s->text)))
		return -ENOTSUP;
	if (exit) {
		s->k.flags = OE_SITE_EXIT;
		s->k.result = result_of(c);
	} else {
		for (unsigned k = 0; k < OE_SITE_ARGS; k++) {
			bool low = c->want->arg4_mask & 1u << k;

			if (c->want->arg_mask & 1u << k)
				s->k.arg[k] = val_of(low ? c->at[i].low[k] : c->at[i].full[k],
						     low ? OE_VAL_REG4 : OE_VAL_REG);
		}
		if (in->skip) {
			s->k.flags |= OE_SITE_SKIP;
			s->k.cc = in->cc;
		}
	}
	ret->cnt++;
	return 0;
}

/* Go: is the stack checked no more below i, but for i itself being the check? */
static bool checked_last(const struct choice *c, size_t i)
{
	const struct flow *g = &c->g;

	if (!g->v[i].skip)
		return false;
	for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1]; k++)
		if (g->v[g->succ[k]].addr != g->v[i].target && c->to_restart[g->succ[k]])
			return false;
	return true;
}

static void entries_allow(struct choice *c, enum insn_cost worst, bool skip)
{
	for (size_t i = 0; i < c->g.cnt; i++) {
		const struct insn *in = &c->g.v[i];

		c->may[i] = in->cost <= worst && !in->overlaps && args_known(c, i) &&
			    !(c->want->no_calls && in->kind == INSN_CALL) &&
			    (!c->to_restart[i] || (skip && checked_last(c, i)));
	}
}

/* Sets entered[]: below it the entry site has been crossed. */
static int entries_choose(struct choice *c, struct site_set *ret, uint8_t *entered)
{
	bool found = false;
	int err = 0;

	for (enum insn_cost worst = COST_CHEAP; worst <= COST_STEPPED && !found; worst++)
		for (int skip = 0; skip < 2 && !found; skip++) {
			entries_allow(c, worst, skip);
			found = cut(c, true);
		}
	if (!found) {
		snprintf(ret->why, sizeof(ret->why),
			 "no place where each call passes once with its arguments known");
		return -ENOTSUP;
	}
	for (size_t i = 0; i < c->g.cnt && !err; i++) {
		entered[i] = c->side[i] & 1;
		if (!is_site(c, i))
			continue;
		err = site_add(c, i, false, ret);
		if (!err && ret->sites[ret->cnt - 1].cost == SITE_STEPPED)
			snprintf(ret->why, sizeof(ret->why),
				 "no cheap instruction with the arguments in known places");
	}
	return err;
}

static void exits_allow(struct choice *c, const uint8_t *entered, bool cheap)
{
	for (size_t i = 0; i < c->g.cnt; i++) {
		const struct insn *in = &c->g.v[i];

		c->may[i] = entered[i] && !in->overlaps &&
			    ((in->end == END_RET && in->cost != COST_NEVER &&
			      (c->force[i] || in->cost == COST_CHEAP)) ||
			     (cheap && c->settled[i] && in->cost == COST_CHEAP));
	}
}

/*
 * A cut with cheap sites only; if there is none, with those returns as sites that stand in its way:
 * each alone is tried as forced, then all.
 */
static int exits_choose(struct choice *c, const uint8_t *entered, struct site_set *ret)
{
	bool found, stepped = false;
	int err = 0;

	for (size_t i = 0; i < c->g.cnt; i++)
		if (c->g.v[i].end == END_UNKNOWN || (c->g.v[i].end == END_FORWARD && c->live[i])) {
			snprintf(ret->why, sizeof(ret->why),
				 "it ends in a jump to elsewhere at 0x%llx",
				 (unsigned long long)c->g.v[i].addr);
			return -ENOTSUP;
		}
	exits_allow(c, entered, true);
	found = cut(c, false);
	if (!found) {
		/* a return above which nothing cheap stands on all paths: found by leaving it out
		 */
		size_t returns = 0;

		for (size_t i = 0; i < c->g.cnt; i++)
			returns += c->force[i] = c->g.v[i].end == END_RET;
		for (size_t i = 0; i < c->g.cnt && returns <= SITES_MAX; i++) {
			if (!c->force[i])
				continue;
			c->force[i] = false;
			exits_allow(c, entered, true);
			if (!cut(c, false))
				c->force[i] = true;
		}
		exits_allow(c, entered, true);
		found = cut(c, false);
	}
	if (!found) {
		exits_allow(c, entered, false);
		found = cut(c, false);
	}
	if (!found) {
		snprintf(ret->why, sizeof(ret->why), "no place that each return passes once");
		return -ENOTSUP;
	}
	for (size_t i = 0; i < c->g.cnt && !err; i++) {
		if (!is_site(c, i))
			continue;
		err = site_add(c, i, true, ret);
		stepped |= !err && ret->sites[ret->cnt - 1].cost == SITE_STEPPED;
	}
	if (stepped && !ret->why[0])
		snprintf(ret->why, sizeof(ret->why),
			 "no cheap instruction between the result and the return");
	return err;
}

/* ---- the whole ---- */

static void choice_done(struct choice *c)
{
	flow_done(&c->g);
	free(c->at);
	free(c->live);
	free(c->settled);
	free(c->to_restart);
	free(c->side);
	free(c->parent);
	free(c->may);
	free(c->force);
}

static void skips_mark(struct choice *c)
{
	const struct flow *g = &c->g;

	for (size_t i = 0; i < g->cnt; i++)
		for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1] && g->v[i].kind == INSN_JCC;
		     k++)
			if (g->v[g->succ[k]].addr == g->v[i].target && g->v[i].cc != 0xff &&
			    !c->live[g->succ[k]] && c->to_restart[g->succ[k]])
				g->v[i].skip = true;
}

static int choice_read(struct choice *c)
{
	size_t n = c->g.cnt;
	uint32_t *work;
	int err;

	c->at = calloc(n, sizeof(*c->at));
	c->live = calloc(n, 1);
	c->settled = calloc(n, 1);
	c->to_restart = calloc(n, 1);
	c->side = calloc(n, 1);
	c->parent = calloc(2 * n, sizeof(*c->parent));
	c->may = calloc(n, 1);
	c->force = calloc(n, 1);
	work = calloc(n, sizeof(*work));
	err = c->at && c->live && c->settled && c->to_restart && c->side && c->parent && c->may &&
			      c->force && work
		      ? track(c)
		      : -ENOMEM;
	if (!err) {
		for (size_t i = 0; i < n; i++)
			c->live[i] = is_end(&c->g.v[i]);
		spread_back(&c->g, c->live, work);
		for (size_t i = 0; i < n; i++)
			c->to_restart[i] = c->g.v[i].end == END_RESTART;
		spread_back(&c->g, c->to_restart, work);
		skips_mark(c);
		settle(c);
		c->read = true;
	}
	free(work);
	return err;
}

static const char *jumps_to(const struct flow *g, const struct insn *in)
{
	const char *name = NULL;

	if (in->slot)
		return elf_got_name(g->e, in->slot);
	if (in->target)
		name = elf_plt_name(g->e, in->target);
	return name || !in->target ? name : elf_export_at(g->e, in->target);
}

/* Is all that f does a jump to one exported function, of this file or another? */
static const char *forwards(const struct flow *g, const struct elf_func *f)
{
	const char *name = NULL;

	for (size_t i = 0; i < g->cnt; i++) {
		const struct insn *in = &g->v[i];
		bool leaves = (in->kind == INSN_JMP || in->kind == INSN_JCC) &&
			      in->target - f->addr >= f->size;
		const char *to;

		if (in->addr - f->addr >= f->size || (!is_end(in) && !leaves))
			continue;
		to = jumps_to(g, in);
		if (!to || (name && strcmp(name, to)))
			return NULL;
		name = to;
	}
	return name;
}

/*
 * Go: returns that only a recovered panic leads to (behind runtime.deferreturn). No jump shows
 * them, reading the function from end to end does.
 */
static int strays_add(struct choice *c, const struct elf_func *f, struct site_set *ret)
{
	uint64_t at = f->addr;
	struct site s = {.cost = SITE_STEPPED};
	struct insn in;

	while (at - f->addr < f->size) {
		if (f->size > FLOW_SWEEP_MAX ||
		    !insn_decode(c->g.d, elf_at(c->g.e, at, 16), at, &in, s.text, sizeof(s.text))) {
			snprintf(ret->why, sizeof(ret->why), "it cannot be read from end to end");
			return -ENOTSUP;
		}
		if (in.kind == INSN_RET && flow_find(&c->g, at) < 0) {
			if (ret->cnt == SITES_MAX) {
				snprintf(ret->why, sizeof(ret->why),
					 "it would take more than %d sites", SITES_MAX);
				return -ENOTSUP;
			}
			if (in.cost == COST_NEVER || !elf_offset(c->g.e, at, &s.offset))
				return -ENOTSUP;
			s.addr = at;
			s.cost = in.cost <= COST_CALL ? SITE_CHEAP : SITE_STEPPED;
			s.k = (struct oe_site){
				.fn = c->want->fn, .flags = OE_SITE_EXIT, .result = result_of(c)};
			ret->sites[ret->cnt++] = s;
		}
		at += in.len;
	}
	return 0;
}

static int choose(struct choice *c, struct site_set *ret)
{
	uint8_t *entered = calloc(c->g.cnt, 1);
	int err = entered ? choice_read(c) : -ENOMEM;

	if (!err && !c->live[0]) {
		snprintf(ret->why, sizeof(ret->why), "it never returns");
		err = -ENOTSUP;
	}
	if (!err)
		err = entries_choose(c, ret, entered);
	if (!err && c->want->result)
		err = exits_choose(c, entered, ret);
	if (!err && c->want->result && c->want->abi == SITE_ABI_GO)
		early_exits(&c->g, c->want, entered, ret);
	if (!err && !sites_proven(&c->g, ret, c->want->result)) {
		snprintf(ret->why, sizeof(ret->why), "the sites did not stand up to the proof");
		err = -ENOTSUP;
	}
	free(entered);
	return err;
}

/*
 * The last resort: the kernel itself finds the end of the call, by changing its return address.
 * Goes on with the entry sites if the code could be followed that far, otherwise with the first
 * instruction.
 */
static int return_add(struct choice *c, const struct elf_func *f, struct site_set *ret)
{
	char why[sizeof(ret->why)];
	struct site *s = &ret->sites[0];
	struct insn in;
	int err;

	snprintf(why, sizeof(why), "%s", ret->why);
	if (!c->read || !c->live[0]) {
		*ret = (struct site_set){.cnt = 1};
		if (!insn_decode(c->g.d, elf_at(c->g.e, f->addr, 16), f->addr, &in, s->text,
				 sizeof(s->text)) ||
		    in.cost == COST_NEVER || !elf_offset(c->g.e, f->addr, &s->offset))
			return -ENOTSUP;
		s->addr = f->addr;
		s->cost = in.cost <= COST_CALL ? SITE_CHEAP : SITE_STEPPED;
		s->k.fn = c->want->fn;
		for (unsigned k = 0; k < OE_SITE_ARGS; k++)
			if (c->want->arg_mask & 1u << k)
				s->k.arg[k] = val_of(
					1u << abi_arg(elf_machine(c->g.e), SITE_ABI_C, k),
					c->want->arg4_mask & 1u << k ? OE_VAL_REG4 : OE_VAL_REG);
	} else {
		uint8_t *entered = calloc(c->g.cnt, 1);

		*ret = (struct site_set){.cnt = 0};
		err = entered ? entries_choose(c, ret, entered) : -ENOMEM;
		free(entered);
		if (!err && !sites_proven(&c->g, ret, false))
			err = -ENOTSUP;
		if (err)
			return err;
	}
	if (!c->want->result)
		return 0;
	if (ret->cnt == SITES_MAX)
		return -ENOTSUP;
	s = &ret->sites[ret->cnt++];
	*s = (struct site){.addr = f->addr, .cost = SITE_RETURN, .text = "return"};
	s->k.fn = c->want->fn;
	s->k.flags = OE_SITE_EXIT | OE_SITE_RETURN;
	s->k.result = result_of(c);
	memcpy(ret->why, why, sizeof(why));
	if (!insn_decode(c->g.d, elf_at(c->g.e, f->addr, 16), f->addr, &in, NULL, 0) ||
	    in.cost == COST_NEVER)
		return -ENOTSUP;
	return elf_offset(c->g.e, f->addr, &s->offset) ? 0 : -ENOTSUP;
}

int site_find(const struct elf_image *e, const struct elf_func *f, const struct site_want *want,
	      bool returns, struct site_set *ret)
{
	struct choice c = {.want = want};
	struct site_set set = {.cnt = 0};
	const char *to = NULL;
	int err;

	err = flow_build(e, f, want, &c.g);
	if (!err && want->abi == SITE_ABI_C)
		to = forwards(&c.g, f);
	if (err == -ENOTSUP)
		snprintf(set.why, sizeof(set.why), "%s", c.g.why);
	else if (!err)
		err = choose(&c, &set);
	if (!err && want->abi == SITE_ABI_GO && want->result)
		err = strays_add(&c, f, &set);
	if (err == -ENOTSUP && returns && want->abi == SITE_ABI_C && c.g.d && !to)
		err = return_add(&c, f, &set);
	if (to && err) {
		memset(&set, 0, sizeof(set));
		err = 0;
	}
	set.forwards_to = to;
	choice_done(&c);
	*ret = set;
	return err;
}
