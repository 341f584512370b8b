/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_RED_H
#define OE_RED_H
/*
 * Histograms per resource and series, counted before sampling. Owned by the capture
 * thread. Series beyond the limit per metric and resource are counted in one overflow point
 * (otel.metric.overflow=true).
 */
#include "exporter/telemetry.h"
#include <stdio.h>

#include "userspace/sem.h"

struct red;

struct red_config {
	const double *bounds; /* seconds, rising, of metrics without bounds of their own; NULL =
				 the conventions' recommended 14 */
	uint32_t bound_cnt;
	uint32_t series_max; /* per metric and resource, overflow point included; default 2000 */
	enum metric_temporality temporality;
};

int red_new(const struct red_config *cfg, struct red **ret);
void red_free(struct red *r);
/* Counts one measurement. 0, -ENOMEM, or -ENOSPC: a gauge beyond the limit of series (the caller
 * counts the loss). */
int red_add(struct red *r, struct resource *res, const struct sem_series *series,
	    uint64_t now_unix_ns);
/*
 * Everything as metrics, added to b (which must be a BATCH_METRICS batch with room for
 * red_metric_cnt() more). Cumulative: kept. Delta: series restart and empty ones are forgotten.
 */
uint32_t red_metric_cnt(const struct red *r);
int red_collect(struct red *r, struct batch *b, uint64_t now_unix_ns);
/*
 * Forgets the series of a resource whose process ended, after they were collected once more:
 * the next red_collect() still reports them, then they are freed.
 */
void red_retire(struct red *r, const struct resource *res);
/* Readable table (rate, errors, p50, p95, p99 per operation) on f; used by trace's and demo's end.
 */
void red_print(const struct red *r, FILE *f);

#endif
