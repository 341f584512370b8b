/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph of all instructions that a function's start leads to without calls.
 *
 * Jumps out of the function are followed as those inside: to its .cold part, or into another
 * function as the last act of this one (a tail call), whose ends are then ends of ours too. Not
 * followed: calls, and jumps to what the dynamic linker resolves (END_FORWARD).
 *
 * An indirect jump is a switch, or a tail call by pointer. A switch is recognised by its table:
 * the code of compilers leaves a bound, a table's address, a load, perhaps an addition. What is not
 * recognised is a tail call if the stack stands as at the start, and otherwise (it cannot be one,
 * the frame is still there) may lead to any instruction of its function at which the stack is
 * as deep as at the jump: those are found by reading the function from end to end.
 */
#include "userspace/gosym.h"
#include "userspace/site_code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int flow_fail(struct flow *g, const char *what, uint64_t addr)
{
	snprintf(g->why, sizeof(g->why), "%s at 0x%llx", what, (unsigned long long)addr);
	return -ENOTSUP;
}

bool flow_work(struct flow *g, uint64_t steps)
{
	g->work += steps;
	return g->work < FLOW_WORK_MAX;
}

/* ---- nodes and edges ---- */

static uint32_t *index_at(const struct flow *g, uint64_t addr)
{
	size_t mask = g->index_cap - 1, i = (addr * 0x9e3779b97f4a7c15ull >> 32) & mask;

	while (g->index[i] && g->v[g->index[i] - 1].addr != addr)
		i = (i + 1) & mask;
	return &g->index[i];
}

int64_t flow_find(const struct flow *g, uint64_t addr)
{
	return (int64_t)*index_at(g, addr) - 1;
}

static int node_add(struct flow *g, const struct insn *in)
{
	if (g->cnt == FLOW_INSNS_MAX)
		return flow_fail(g, "too much code", in->addr);
	if (g->cnt == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 512;
		struct insn *v = realloc(g->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		g->v = v;
		g->cap = cap;
	}
	if (2 * g->cnt >= g->index_cap) {
		size_t cap = g->index_cap ? 4 * g->index_cap : 2048;
		uint32_t *index = calloc(cap, sizeof(*index));

		if (!index)
			return -ENOMEM;
		free(g->index);
		g->index = index;
		g->index_cap = cap;
		for (size_t i = 0; i < g->cnt; i++)
			*index_at(g, g->v[i].addr) = (uint32_t)i + 1;
	}
	g->v[g->cnt++] = *in;
	*index_at(g, in->addr) = (uint32_t)g->cnt;
	return 0;
}

static int edge_add(struct flow *g, size_t from, size_t to)
{
	if (g->edge_cnt == FLOW_EDGES_MAX)
		return flow_fail(g, "too many branches", g->v[from].addr);
	if (g->edge_cnt == g->edge_cap) {
		size_t cap = g->edge_cap ? 2 * g->edge_cap : 1024;
		struct edge *edges = realloc(g->edges, cap * sizeof(*edges));

		if (!edges)
			return -ENOMEM;
		g->edges = edges;
		g->edge_cap = cap;
	}
	g->edges[g->edge_cnt++] = (struct edge){(uint32_t)from, (uint32_t)to};
	return 0;
}

static int ends_index(const struct flow *g, bool by_from, uint32_t **ret_at, uint32_t **ret_other)
{
	uint32_t *at = calloc(g->cnt + 2, sizeof(*at)),
		 *other = calloc(g->edge_cnt + 1, sizeof(*other));

	*ret_at = at;
	*ret_other = other;
	if (!at || !other)
		return -ENOMEM;
	for (size_t i = 0; i < g->edge_cnt; i++)
		at[(by_from ? g->edges[i].from : g->edges[i].to) + 2]++;
	for (size_t i = 2; i < g->cnt + 2; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < g->edge_cnt; i++) {
		const struct edge *x = &g->edges[i];

		other[at[(by_from ? x->from : x->to) + 1]++] = by_from ? x->to : x->from;
	}
	return 0;
}

/* ---- reading ---- */

static const struct elf_func *region_of(struct flow *g, uint64_t addr)
{
	struct elf_func f;

	for (size_t i = g->region_cnt; i--;)
		if (addr >= g->regions[i].addr && addr - g->regions[i].addr < g->regions[i].size)
			return &g->regions[i];
	if (g->region_cnt == FLOW_REGIONS_MAX || !elf_func_at(g->e, addr, &f, NULL) || !f.size)
		return NULL;
	g->regions[g->region_cnt] = f;
	return &g->regions[g->region_cnt++];
}

static bool never_returns(const char *name)
{
	static const char *const names[] = {
		"__stack_chk_fail", "abort",	      "exit",		"_exit",
		"__assert_fail",    "__assert",	      "__chk_fail",	"__fortify_fail",
		"OPENSSL_die",	    "longjmp",	      "_longjmp",	"siglongjmp",
		"__longjmp_chk",    "pthread_exit",   "_Unwind_Resume", "__cxa_throw",
		"__cxa_rethrow",    "_ZSt9terminatev"};

	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* Go's runtime: panics, and what they end in. Their names are there in stripped programs, too. */
static bool go_never_returns(const struct gosym *go, uint64_t target)
{
	static const char *const names[] = {"runtime.panic", "runtime.goPanic", "runtime.gopanic",
					    "runtime.throw", "runtime.fatal",	"runtime.goexit"};
	char name[GOSYM_NAME_MAX];

	if (!go || !gosym_at(go, target, name))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Does code go on behind this call? Not when the function ends there, or a trap stands there. */
static bool call_is_last(struct flow *g, const struct insn *in)
{
	const char *name = in->kind == INSN_CALL ? elf_plt_name(g->e, in->target)
			   : in->slot		 ? elf_got_name(g->e, in->slot)
						 : NULL;
	uint64_t next = in->addr + in->len;
	const struct elf_func *r;
	struct insn after;

	if (never_returns(name) || (in->kind == INSN_CALL && go_never_returns(g->go, in->target)))
		return true;
	r = region_of(g, in->addr);
	if (r && next - r->addr >= r->size)
		return true;
	return insn_decode(g->d, elf_at(g->e, next, 16), next, &after, NULL, 0) &&
	       after.kind == INSN_TRAP;
}

static void flow_end(struct flow *g, struct insn *in)
{
	const char *name;

	switch (in->kind) {
	case INSN_RET:
		in->end = END_RET;
		break;
	case INSN_TRAP:
		in->end = END_DEAD;
		break;
	case INSN_CALL:
	case INSN_CALL_IND:
		in->end = call_is_last(g, in) ? END_DEAD : END_NONE;
		break;
	case INSN_JMP:
		name = elf_plt_name(g->e, in->target);
		if (name)
			in->end = never_returns(name) ? END_DEAD : END_FORWARD;
		else if (g->abi == SITE_ABI_GO && g->cnt && in->target == g->v[0].addr)
			in->end = END_RESTART;
		break;
	case INSN_JMP_IND:
		name = in->slot ? elf_got_name(g->e, in->slot) : NULL;
		in->end = never_returns(name) ? END_DEAD : name ? END_FORWARD : END_UNKNOWN;
		break;
	default:
		break;
	}
}

struct todo {
	uint64_t *addr;
	size_t cnt, cap;
};

static int todo_add(struct todo *t, uint64_t addr)
{
	if (t->cnt == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		uint64_t *a = realloc(t->addr, cap * sizeof(*a));

		if (!a)
			return -ENOMEM;
		t->addr = a;
		t->cap = cap;
	}
	t->addr[t->cnt++] = addr;
	return 0;
}

/* Decodes from addr on until the path ends or meets what is known. */
static int run_read(struct flow *g, struct todo *t, uint64_t addr)
{
	int exclusive = 0, err = 0;

	while (!err && flow_find(g, addr) < 0) {
		struct insn in;

		if (!elf_is_code(g->e, addr) ||
		    !insn_decode(g->d, elf_at(g->e, addr, 16), addr, &in, NULL, 0))
			return flow_fail(g, "no instruction that we know", addr);
		flow_end(g, &in);
		/* arm64: an exception between the two would let the store fail, each time anew */
		exclusive = in.op == OP_LOAD_EXCLUSIVE	  ? 16
			    : in.op == OP_STORE_EXCLUSIVE ? 0
							  : exclusive;
		if (exclusive && exclusive--)
			in.cost = COST_NEVER;
		err = node_add(g, &in);
		if (err || in.end != END_NONE)
			return err;
		if (in.kind == INSN_JCC || in.kind == INSN_JMP)
			err = todo_add(t, in.target);
		if (in.kind == INSN_JMP)
			return err;
		addr += in.len;
	}
	return err;
}

static int todo_read(struct flow *g, struct todo *t)
{
	int err = 0;

	while (!err && t->cnt) {
		t->cnt--;
		err = run_read(g, t, t->addr[t->cnt]);
	}
	return err;
}

/* All edges anew: those of tables are kept, they come first. */
static int edges_make(struct flow *g)
{
	int err = flow_work(g, 8 * g->cnt) ? 0 : flow_fail(g, "too much work", g->v[0].addr);

	g->edge_cnt = g->table_edge_cnt;
	for (size_t i = 0; i < g->cnt && !err; i++) {
		const struct insn *in = &g->v[i];
		int64_t next = flow_find(g, in->addr + in->len);
		int64_t to = in->target ? flow_find(g, in->target) : -1;

		if (in->end != END_NONE || in->kind == INSN_JMP_IND)
			continue;
		if (in->kind == INSN_JMP || in->kind == INSN_JCC) {
			if (to < 0)
				return flow_fail(g, "a lost branch", in->addr);
			err = edge_add(g, i, (size_t)to);
		}
		if (!err && in->kind != INSN_JMP && (in->kind != INSN_JCC || to != next)) {
			if (next < 0)
				return flow_fail(g, "a lost path", in->addr);
			err = edge_add(g, i, (size_t)next);
		}
	}
	free(g->succ_at);
	free(g->succ);
	free(g->pred_at);
	free(g->pred);
	g->succ_at = g->succ = g->pred_at = g->pred = NULL;
	if (!err)
		err = ends_index(g, true, &g->succ_at, &g->succ);
	if (!err)
		err = ends_index(g, false, &g->pred_at, &g->pred);
	return err;
}

/* ---- tables ---- */

/* The one instruction from which control comes to i; -1: there are more, or none. */
static int64_t only_pred(const struct flow *g, size_t i)
{
	return g->pred_at[i + 1] - g->pred_at[i] == 1 ? (int64_t)g->pred[g->pred_at[i]] : -1;
}

struct table {
	uint64_t at, base; /* of the entries; what is added to them */
	uint64_t cnt;
	uint8_t esize, shift;
	bool esigned;
};

/* The address that register r holds above i: what all paths to there have put into it, if that is
 * the same. */
static bool address_in(struct flow *g, size_t i, int8_t r, int depth, uint64_t *ret)
{
	uint32_t *work = calloc(g->edge_cnt + 1, sizeof(*work)), bit = 1u << r;
	uint8_t *seen = calloc(g->cnt, 1);
	bool good = work && seen && flow_work(g, g->cnt), found = false;
	size_t n = 0;

	if (good)
		work[n++] = (uint32_t)i;
	while (good && n) {
		uint32_t at = work[--n];

		good = at != 0;
		for (uint32_t k = g->pred_at[at]; k < g->pred_at[at + 1] && good; k++) {
			const struct insn *in = &g->v[g->pred[k]];
			bool call = in->kind == INSN_CALL || in->kind == INSN_CALL_IND;

			if ((in->op == OP_ADDR || in->op == OP_ADD_IMM) && in->r1 == r) {
				uint64_t v = 0;

				if (in->op == OP_ADD_IMM)
					good = depth < 3 &&
					       address_in(g, g->pred[k], in->r2, depth + 1, &v);
				v += in->imm;
				good = good && (!found || *ret == v);
				*ret = v;
				found = true;
			} else if (in->writes & bit ||
				   (call && abi_clobbers(elf_machine(g->e), g->abi) & bit)) {
				good = false;
			} else if (!seen[g->pred[k]]) {
				seen[g->pred[k]] = 1;
				work[n++] = g->pred[k];
			}
		}
	}
	free(work);
	free(seen);
	return good && found;
}

#define TABLE_BACK 24

static bool jcc_above(const struct flow *g, const struct insn *in)
{
	return in->cc == (elf_machine(g->e) == ELF_X86_64 ? 7 : 8); /* ja, b.hi */
}

static bool jcc_below_equal(const struct flow *g, const struct insn *in)
{
	return in->cc == (elf_machine(g->e) == ELF_X86_64 ? 6 : 9); /* jbe, b.ls */
}

/* cmp above i, and the branch between them, that let at most *ret_cnt values through to `after`. */
static bool bound_find(const struct flow *g, size_t i, const struct insn *after, uint64_t *ret_cnt)
{
	const struct insn *in = &g->v[i];
	bool taken = in->target == after->addr;
	int64_t c = (int64_t)i;

	if (taken ? !jcc_below_equal(g, in) : !jcc_above(g, in))
		return false;
	for (int n = 0; n < 4; n++) {
		c = only_pred(g, (size_t)c);
		if (c < 0 || g->v[c].kind != INSN_PLAIN)
			return false;
		if (g->v[c].op == OP_CMP) {
			*ret_cnt = g->v[c].imm + 1;
			return g->v[c].imm < FLOW_TABLE_MAX;
		}
	}
	return false;
}

/*
 * Walks back from the jump: what adds, what loads, where the table is, how many entries. It is
 * compilers' code that this knows, not a proof for any code: entries must all lead to code.
 */
static bool table_find(struct flow *g, size_t jump, struct table *ret)
{
	const struct insn *j = &g->v[jump];
	int8_t reg = j->r1, base = -1;
	struct table t = {.esize = 0};
	int64_t i = (int64_t)jump, load = -1;

	if (j->esize == 8) {
		t.at = j->imm;
		t.esize = 8;
		load = i;
	} else if (reg < 0) {
		return false;
	}
	for (int n = 0; n < TABLE_BACK; n++) {
		const struct insn *after = &g->v[i], *in;

		i = only_pred(g, (size_t)i);
		if (i < 0)
			return false;
		in = &g->v[i];
		if (in->kind == INSN_CALL || in->kind == INSN_CALL_IND)
			return false;
		if (load >= 0) {
			if (in->kind == INSN_JCC && bound_find(g, (size_t)i, after, &t.cnt)) {
				*ret = t;
				return true;
			}
			continue;
		}
		if (in->op == OP_ADD && in->r1 == reg && base < 0) {
			/* the address and the entry; on x86 in either order */
			bool first = address_in(g, (size_t)i, in->r3, 0, &t.base);

			if (!first && (in->shift || !address_in(g, (size_t)i, in->r2, 0, &t.base)))
				return false;
			base = first ? in->r3 : in->r2;
			reg = first ? in->r2 : in->r3;
			t.shift = in->shift;
			t.esigned = in->esigned;
		} else if (in->op == OP_LOAD_INDEX && in->r1 == reg && base >= 0) {
			if (!address_in(g, (size_t)i, in->r2, 0, &t.at))
				return false;
			t.esize = in->esize;
			t.esigned |= in->esigned;
			load = i;
		} else if (in->writes & (1u << reg)) {
			return false;
		}
	}
	return false;
}

static bool table_entry(const struct flow *g, const struct table *t, uint64_t i, uint64_t *ret)
{
	struct bytes b = elf_at(g->e, t->at + i * t->esize, t->esize);
	uint64_t v = 0;

	if (b.len < t->esize)
		return false;
	memcpy(&v, b.data, t->esize);
	if (t->esigned && t->esize < 8)
		v = (uint64_t)((int64_t)(v << (64 - 8 * t->esize)) >> (64 - 8 * t->esize));
	*ret = t->base + (v << t->shift);
	return elf_is_code(g->e, *ret);
}

/* Follows a table that can be read to its end. */
static int table_follow(struct flow *g, struct todo *t, size_t i, const struct table *tab,
			bool *ret_more)
{
	uint64_t to;
	int err = 0;

	for (uint64_t k = 0; k < tab->cnt; k++)
		if (!table_entry(g, tab, k, &to))
			return 0;
	g->v[i].end = END_NONE;
	*ret_more = true;
	for (uint64_t k = 0; k < tab->cnt && !err; k++) {
		table_entry(g, tab, k, &to);
		err = todo_add(t, to);
		if (!err)
			err = todo_read(g, t);
		if (!err)
			err = edge_add(g, i, (size_t)flow_find(g, to));
	}
	g->table_edge_cnt = g->edge_cnt;
	return err;
}

/* One at a time: each changes the graph. */
static int tables_follow(struct flow *g, struct todo *t, bool *ret_more)
{
	int err = edges_make(g);

	for (size_t i = 0; i < g->cnt && !err; i++) {
		struct table tab;

		if (g->v[i].end != END_UNKNOWN || !table_find(g, i, &tab))
			continue;
		g->edge_cnt = g->table_edge_cnt;
		err = table_follow(g, t, i, &tab, ret_more);
		if (!err)
			err = edges_make(g);
	}
	return err;
}

/* ---- all together ---- */

static int by_addr(const void *a, const void *b, void *flow)
{
	const struct flow *g = flow;
	uint64_t x = g->v[*(const uint32_t *)a].addr, y = g->v[*(const uint32_t *)b].addr;

	return x < y ? -1 : x > y;
}

/* Instructions that share bytes: a probe on one would be in the other. */
static int overlaps_mark(struct flow *g)
{
	uint32_t *order = calloc(g->cnt, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < g->cnt; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, g->cnt, sizeof(*order), by_addr, g);
	for (size_t i = 1; i < g->cnt; i++) {
		struct insn *a = &g->v[order[i - 1]], *b = &g->v[order[i]];

		if (a->addr + a->len > b->addr)
			a->overlaps = b->overlaps = true;
	}
	free(order);
	return 0;
}

/* How deep the stack is at each instruction; what disagrees is unknown. */
static int depths_find(struct flow *g)
{
	uint32_t *work = calloc(g->cnt + 1, sizeof(*work));
	uint8_t *seen = calloc(g->cnt, 1); /* 1: has a depth, 2: waits */
	size_t n = 0;
	int err;

	for (size_t i = 0; i < g->cnt; i++)
		g->v[i].depth = i ? DEPTH_UNKNOWN : 0;
	if (work && seen) {
		work[n++] = 0;
		seen[0] = 3;
	}
	while (n && flow_work(g, 1)) {
		uint32_t i = work[--n];
		const struct insn *in = &g->v[i];
		int64_t out = in->depth;

		seen[i] &= (uint8_t)~2;
		if (in->push == PUSH_RESET)
			out = 0;
		else if (in->push == PUSH_UNKNOWN || in->depth == DEPTH_UNKNOWN)
			out = DEPTH_UNKNOWN;
		else
			out += in->push;
		if (out > INT32_MAX || out < INT32_MIN / 2)
			out = DEPTH_UNKNOWN;
		for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1]; k++) {
			uint32_t to = g->succ[k];

			if (seen[to] & 1 &&
			    (g->v[to].depth == out || g->v[to].depth == DEPTH_UNKNOWN))
				continue;
			g->v[to].depth = seen[to] & 1 ? DEPTH_UNKNOWN : (int32_t)out;
			if (!(seen[to] & 2))
				work[n++] = to;
			seen[to] = 3;
		}
	}
	err = !work || !seen ? -ENOMEM : n ? flow_fail(g, "too much work", g->v[0].addr) : 0;
	free(work);
	free(seen);
	return err;
}

/*
 * A bound that was taken for a table's and was not leaves cases out. Their returns would be seen by
 * reading the function from end to end, and nowhere else.
 */
static int tables_complete(struct flow *g)
{
	struct insn in;

	for (size_t i = 0; i < g->cnt; i++) {
		const struct elf_func *r = NULL;

		if (g->v[i].kind == INSN_JMP_IND && g->v[i].end == END_NONE)
			r = region_of(g, g->v[i].addr);
		if (!r || r->size > FLOW_SWEEP_MAX)
			continue;
		if (!flow_work(g, 8 * r->size))
			return flow_fail(g, "too much work", g->v[0].addr);
		for (uint64_t at = r->addr; at - r->addr < r->size; at += in.len) {
			if (!insn_decode(g->d, elf_at(g->e, at, 16), at, &in, NULL, 0))
				break;
			if (in.kind == INSN_RET && flow_find(g, at) < 0)
				return flow_fail(g, "a switch with more cases than were found",
						 g->v[i].addr);
		}
	}
	return 0;
}

/* ---- jumps that are not understood ---- */

/* Do the instructions of r, read from end to end, include all that were found by following jumps?
 */
static bool sweep_fits(struct flow *g, const struct elf_func *r)
{
	size_t met = 0, known = 0;
	struct insn in;

	if (r->size > FLOW_SWEEP_MAX || !flow_work(g, g->cnt + 8 * r->size))
		return false;

	for (size_t i = 0; i < g->cnt; i++)
		known += g->v[i].addr - r->addr < r->size;
	for (uint64_t at = r->addr; at - r->addr < r->size; at += in.len) {
		if (!insn_decode(g->d, elf_at(g->e, at, 16), at, &in, NULL, 0))
			return false;
		met += flow_find(g, at) >= 0;
	}
	return met == known;
}

/*
 * The jump i may lead to all of its function r at which the stack is as deep: through one
 * node without code, so that several such jumps and many targets are no product.
 */
static int sweep(struct flow *g, struct todo *t, size_t i, const struct elf_func *r)
{
	struct insn hub = {
		.addr = g->v[i].addr | 1ull << 63, .kind = INSN_JMP_IND, .cost = COST_NEVER};
	int32_t depth = g->v[i].depth;
	size_t reached = g->cnt, at;
	int err = 0;

	for (uint64_t addr = r->addr; addr - r->addr < r->size && !err;) {
		int64_t n = flow_find(g, addr);

		if (n < 0) {
			err = run_read(g, t, addr);
			continue;
		}
		addr += g->v[n].len;
	}
	if (!err)
		err = todo_read(g, t);
	at = g->cnt;
	if (!err)
		err = node_add(g, &hub);
	if (!err)
		err = edge_add(g, i, at);
	for (size_t k = 0; k < at && !err; k++) {
		const struct insn *in = &g->v[k];

		if (in->addr - r->addr < r->size &&
		    (k >= reached || in->depth == depth || in->depth == DEPTH_UNKNOWN))
			err = edge_add(g, at, k);
	}
	g->v[i].end = END_NONE;
	g->table_edge_cnt = g->edge_cnt;
	return err;
}

static int sweeps(struct flow *g, struct todo *t)
{
	int err = depths_find(g);

	for (size_t i = 0, cnt = g->cnt; i < cnt && !err; i++) {
		const struct elf_func *r;
		struct elf_func f;

		if (g->v[i].end != END_UNKNOWN || g->v[i].depth == DEPTH_UNKNOWN ||
		    g->v[i].depth <= 0)
			continue;
		r = region_of(g, g->v[i].addr);
		if (!r || !sweep_fits(g, r))
			continue;
		f = *r;
		g->edge_cnt = g->table_edge_cnt;
		err = sweep(g, t, i, &f);
		if (!err)
			err = edges_make(g);
		if (!err)
			err = depths_find(g);
	}
	return err;
}

int flow_build(const struct elf_image *e, const struct elf_func *f, const struct site_want *want,
	       struct flow *ret)
{
	struct flow *g = ret;
	struct todo t = {0};
	bool more = true;
	int err;

	memset(g, 0, sizeof(*g));
	g->e = e;
	g->abi = want->abi;
	g->go = want->go;
	g->index_cap = 2048;
	g->index = calloc(g->index_cap, sizeof(*g->index));
	err = g->index ? decoder_new(elf_machine(e), &g->d) : -ENOMEM;
	if (!err && f->size)
		g->regions[g->region_cnt++] = *f;
	if (!err)
		err = todo_add(&t, f->addr);
	if (!err)
		err = todo_read(g, &t);
	while (!err && more) {
		more = false;
		err = tables_follow(g, &t, &more);
	}
	if (!err)
		err = tables_complete(g);
	if (!err)
		err = sweeps(g, &t);
	if (!err)
		err = overlaps_mark(g);
	free(t.addr);
	return err;
}

void flow_done(struct flow *g)
{
	decoder_free(g->d);
	free(g->v);
	free(g->index);
	free(g->edges);
	free(g->succ);
	free(g->succ_at);
	free(g->pred);
	free(g->pred_at);
}
