/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that the chosen sites are right: it knows nothing of how they were chosen. For every
 * instruction, the set of (entry sites crossed, exit sites crossed) with which control can arrive
 * there, 0, 1 or "2 or more" of each, a bit per pair; propagated until nothing changes.
 */
#include "userspace/site_code.h"

#include <stdlib.h>

#define PAIR(entries, exits) ((uint16_t)(1u << ((entries)*3 + (exits))))

static uint16_t after_entry(uint16_t pairs)
{
	/* (0, x) -> (1, x), (1, x) and (2, x) -> (2, x) */
	return (uint16_t)((pairs & 7) << 3 | (pairs & 0x38) << 3 | (pairs & 0x1c0));
}

static uint16_t after_exit(uint16_t pairs)
{
	return (uint16_t)((pairs & 0x49) << 1 | (pairs & 0x92) << 1 | (pairs & 0x124));
}

/* The pairs with which control leaves an instruction towards `to`, which came with `in`. */
static uint16_t leave(const struct site_set *s, const struct insn *i, uint64_t to, uint16_t in)
{
	for (size_t k = 0; k < s->cnt; k++) {
		const struct oe_site *p = &s->sites[k].k;

		if (s->sites[k].addr != i->addr || s->sites[k].cost == SITE_RETURN)
			continue;
		if (p->flags & OE_SITE_SKIP && to == i->target)
			continue;
		in = p->flags & OE_SITE_EXIT ? after_exit(in) : after_entry(in);
	}
	return in;
}

static bool end_is_right(const struct insn *i, uint16_t pairs, bool exits)
{
	switch (i->end) {
	case END_RET:
		return pairs == PAIR(1, exits);
	case END_FORWARD:
	case END_UNKNOWN:
		return !exits && pairs == PAIR(1, 0);
	case END_RESTART:
		return pairs == PAIR(0, 0);
	default:
		/* nowhere more than one, no exit before the entry */
		return !(pairs & (0x1c0 | 0x124 | PAIR(0, 1)));
	}
}

bool sites_proven(const struct flow *g, const struct site_set *s, bool exits)
{
	uint16_t *in = calloc(g->cnt, sizeof(*in));
	uint32_t *work = calloc(g->cnt * 10 + 1, sizeof(*work)); /* each grows 9 times at most */
	size_t n = 0;
	bool good = in && work && g->cnt;

	/* of two probes in one place none is sure to be the first */
	for (size_t i = 0; i < s->cnt; i++)
		for (size_t k = i + 1; k < s->cnt; k++)
			good = good && (s->sites[i].addr != s->sites[k].addr ||
					s->sites[k].cost == SITE_RETURN);
	if (good) {
		in[0] = PAIR(0, 0);
		work[n++] = 0;
	}
	while (good && n) {
		uint32_t i = work[--n];

		for (uint32_t k = g->succ_at[i]; k < g->succ_at[i + 1]; k++) {
			uint32_t to = g->succ[k];
			uint16_t out = in[to] | leave(s, &g->v[i], g->v[to].addr, in[i]);

			if (out == in[to])
				continue;
			in[to] = out;
			work[n++] = to;
		}
	}
	for (size_t i = 0; i < g->cnt && good; i++)
		good = !in[i] || end_is_right(&g->v[i], leave(s, &g->v[i], 0, in[i]), exits);
	free(in);
	free(work);
	return good;
}
