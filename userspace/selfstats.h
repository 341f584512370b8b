/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SELFSTATS_H
#define OE_SELFSTATS_H
/*
 * The ledger: everything seen, emitted, filtered and dropped by cause, from the
 * kernel to the exporters, as metrics of the daemon's own resource and as text.
 */
#include <stdio.h>

#include "exporter/queue.h"
#include "userspace/loader.h"
#include "userspace/stats.h"

struct selfstats {
	struct stats s;
	bool have_kernel;
	struct loader_stats k;
	uint32_t queue_cnt;
	struct {
		const char *name;
		struct queue_stats s;
	} queues[8];
};

/* How many metrics selfstats_collect() adds at most. */
uint32_t selfstats_metric_max(const struct selfstats *s);
/* 0 or -ENOMEM. b has room. start_ns: of the daemon. */
int selfstats_collect(const struct selfstats *s, struct batch *b, struct resource *res,
		      uint64_t start_ns, uint64_t now_ns);
void selfstats_print(const struct selfstats *s, FILE *f);

#endif
