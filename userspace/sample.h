/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SAMPLE_H
#define OE_SAMPLE_H
/* Head sampling by trace id and parent, as OTEL_TRACES_SAMPLER says. Pure. */
#include <stdbool.h>
#include <stdint.h>

#include "userspace/tracectx.h"

enum sampler_kind { SAMPLER_ALWAYS_ON, SAMPLER_ALWAYS_OFF, SAMPLER_TRACEIDRATIO };

struct sampler {
	enum sampler_kind root;
	bool parent_based; /* a parent's decision (flags bit 0) comes first */
	double ratio;	   /* [0,1], SAMPLER_TRACEIDRATIO */
};

/* parent: NULL for a root span. The threshold compare uses the low 8 bytes of the trace id. */
bool sampler_decide(const struct sampler *s, const uint8_t trace_id[16],
		    const struct tracectx *parent);

#endif
