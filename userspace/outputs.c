/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/outputs.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "userspace/base/clock.h"

/* One queue per exporter and signal: a traces endpoint that hangs does not hold up metrics. */
static int open_signal(const struct exporter_config *cfg, const struct string_list *names,
		       bool traces, struct outputs *o, struct queue **to, uint32_t *cnt,
		       char err[256])
{
	for (uint32_t i = 0; i < names->cnt; i++) {
		const struct exporter_ops *ops;
		struct exporter_config own = *cfg;
		int e;

		if (!strcasecmp(names->v[i], "none"))
			continue;
		ops = exporter_find(names->v[i]);
		if (!ops || *cnt == PIPELINE_QUEUES_MAX) {
			snprintf(err, 256,
				 ops ? "more than %d exporters"
				     : "exporter %.0d'%.60s' is not built in",
				 ops ? PIPELINE_QUEUES_MAX : 0, names->v[i]);
			return -EINVAL;
		}
		if (traces)
			own.metrics.url = NULL;
		else
			own.traces.url = NULL;
		e = queue_open(ops, &own, &to[*cnt], err);
		if (e)
			return e;
		o->queues[o->cnt++] = to[(*cnt)++];
	}
	return 0;
}

int outputs_open(const struct exporter_config *ec, const struct config *cfg, struct outputs *ret,
		 struct pipeline_config *pc, char err[256])
{
	int e;

	memset(ret, 0, sizeof(*ret));
	e = open_signal(ec, &cfg->traces_exporters, true, ret, pc->trace_queues,
			&pc->trace_queue_cnt, err);
	if (!e)
		e = open_signal(ec, &cfg->metrics_exporters, false, ret, pc->metric_queues,
				&pc->metric_queue_cnt, err);
	if (e)
		outputs_close(ret, 0);
	return e;
}

void outputs_flush(struct outputs *o, uint32_t timeout_ms)
{
	uint64_t until = clock_boot_ns() + timeout_ms * NSEC_PER_MSEC;

	for (uint32_t i = 0; i < o->cnt; i++) {
		uint64_t now = clock_boot_ns();

		queue_flush(o->queues[i],
			    now < until ? (uint32_t)((until - now) / NSEC_PER_MSEC) : 0);
	}
}

void outputs_close(struct outputs *o, uint32_t timeout_ms)
{
	uint64_t until = clock_boot_ns() + timeout_ms * NSEC_PER_MSEC;

	for (uint32_t i = 0; i < o->cnt; i++) {
		uint64_t now = clock_boot_ns();

		queue_close(o->queues[i],
			    now < until ? (uint32_t)((until - now) / NSEC_PER_MSEC) : 0, NULL);
	}
	o->cnt = 0;
}
