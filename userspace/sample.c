/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/sample.h"

bool sampler_decide(const struct sampler *s, const uint8_t trace_id[16],
		    const struct tracectx *parent)
{
	uint64_t low = 0;

	if (parent && s->parent_based)
		return parent->flags & 1;
	switch (s->root) {
	case SAMPLER_ALWAYS_ON:
		return true;
	case SAMPLER_ALWAYS_OFF:
		return false;
	case SAMPLER_TRACEIDRATIO:
		break;
	}
	/* 1.0 times 2^64 does not fit */
	if (s->ratio >= 1.0)
		return true;
	if (!(s->ratio > 0.0))
		return false;
	for (int i = 8; i < 16; i++)
		low = low << 8 | trace_id[i];
	return low < (uint64_t)(s->ratio * 18446744073709551616.0);
}
