/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TARGET_H
#define OE_TARGET_H
/* The watched processes as the pipeline knows them: tgid -> resource. */
#include "exporter/telemetry.h"
#include "userspace/base/hashmap.h"
#include "userspace/proc.h"

struct target {
	uint32_t tgid;
	uint32_t refs; /* the table's own, and one per connection */
	bool gone;     /* the process ended; only connections still refer to it */
	struct resource *resource;
};

struct target_table {
	struct hashmap map;
	const struct proc_host *host;
	bool live; /* look at /proc; else only what a recording told */
	/* called when a resource will get no more data (its process ended or was replaced) */
	void (*retired)(void *ctx, struct resource *r);
	void *ctx;
};

void target_table_init(struct target_table *t, const struct proc_host *host, bool live);
void target_table_done(struct target_table *t);
/* The process of tgid, made on first sight; one reference for the caller, who gives `old` back.
 * NULL: no memory. */
struct target *target_get(struct target_table *t, uint32_t tgid, struct target *old);
void target_put(struct target_table *t, struct target *x);
/* After exec: a new program, a new resource. */
void target_renew(struct target_table *t, uint32_t tgid);
void target_gone(struct target_table *t, uint32_t tgid);
/* From a recording. Takes r over. */
void target_set(struct target_table *t, uint32_t tgid, struct resource *r);
size_t target_count(const struct target_table *t);

#endif
