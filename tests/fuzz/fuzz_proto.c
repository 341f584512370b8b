/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every parser of the table against hostile connections. The first byte chooses the protocol and
 * whether it is known from the start or has to be detected; the rest is a program of steps, two
 * bytes each: what to do in which direction, and how much. Data stands behind its step.
 *
 * The parser is driven as the connection table drives it (tests/unit/proto_props.h), each input
 * ending at a protected page. What is checked: consumed bytes exist, there is progress, views lie
 * in the input or in the state, one END for one BEGIN; and the same bytes in other pieces give the
 * same messages.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/probe.h"
#include "tests/unit/proto_props.h"

#define STEP_MAX  64u
#define PROTO_MAX 32u

/* step byte 0: 0x01 direction, 0x0e what to do, 0xf0 the upper bits of the length */
static size_t read_program(const uint8_t *p, size_t len, struct props_step *ret)
{
	size_t n = 0, at = 0;

	while (n < STEP_MAX && len - at >= 2) {
		struct props_step *s = &ret[n++];
		uint8_t op = p[at] >> 1 & 7;

		s->dir = p[at] & 1 ? OE_DIR_OUT : OE_DIR_IN;
		s->len = (size_t)(p[at] & 0xf0) << 4 | p[at + 1];
		s->data = NULL;
		at += 2;
		switch (op) {
		case 4: /* rows that the kernel stepped over */
			s->what = PROPS_WHOLE;
			break;
		case 5: /* a gap; the odd ones are huge */
			s->what = PROPS_GAP;
			if (s->len & 1)
				s->len <<= 20;
			break;
		case 6:
			s->what = PROPS_EOF;
			break;
		case 7:
			s->what = PROPS_ABORT;
			break;
		default:
			s->what = PROPS_DATA;
			if (s->len > len - at)
				s->len = len - at;
			s->data = p + at;
			at += s->len;
		}
	}
	return n;
}

static void must_hold(const struct props *p, const char *how)
{
	if (!p->broken[0])
		return;
	fprintf(stderr, "%s, %s: %s\n", p->ops->name, how, p->broken);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const size_t pieces[] = {1, 3};
	static struct props all[PROTO_MAX];
	struct props_step steps[STEP_MAX];
	size_t protos = 0, cnt;
	struct props *p;
	uint64_t hash;
	bool known;

	while (proto_table[protos] && protos < PROTO_MAX)
		protos++;
	if (size < 3)
		return 0;
	p = &all[(input[0] >> 1) % protos];
	known = input[0] & 1;
	if (!p->ops) {
		props_init(p, proto_table[(input[0] >> 1) % protos], known);
		p->record = false;
	}
	cnt = read_program(input + 1, size - 1, steps);
	props_reset(p, known);
	props_run(p, steps, cnt, 0);
	must_hold(p, "as it came");
	hash = p->hash;
	/* finds its footing by where I/Os start: pieces matter */
	if (p->ops->multiplexed || p->ops->whole)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		props_reset(p, known);
		props_run(p, steps, cnt, pieces[i]);
		must_hold(p, "in pieces");
		if (p->hash != hash) {
			fprintf(stderr, "%s: pieces of %zu bytes give other messages\n",
				p->ops->name, pieces[i]);
			abort();
		}
	}
	return 0;
}
