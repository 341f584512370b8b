/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "userspace/assemble_kafka.h"
#include "userspace/base/clock.h"
#include "userspace/base/log.h"
#include "userspace/conn.h"
#include "userspace/loader.h"
#include "userspace/selfstats.h"
#include "userspace/target.h"

#define FLOW_WAIT_MS 30000

struct pipeline {
	struct pipeline_config cfg;
	struct stats stats;
	struct conn_table *conns;
	struct assemble assemble;
	struct target_table targets;
	struct red *red;
	struct resource *self;
	struct batch *spans;	 /* being filled */
	uint64_t spans_since_ns; /* boot time of its first span */
	uint64_t next_metrics_ns;
	uint64_t start_unix_ns;
	uint64_t now_ns; /* time of the newest record (replay), or of the last tick */
	int64_t boot_to_unix_ns;
	bool flow_control;
};

static bool decide(void *ctx, const uint8_t trace_id[16], const struct tracectx *parent)
{
	struct pipeline *p = ctx;

	return sampler_decide(&p->cfg.sampler, trace_id, parent);
}

static void flush_spans(struct pipeline *p)
{
	if (!p->spans || !p->spans->cnt)
		return;
	for (uint32_t i = 0; i < p->cfg.trace_queue_cnt; i++) {
		if (p->flow_control)
			queue_flush(p->cfg.trace_queues[i], FLOW_WAIT_MS);
		queue_add(p->cfg.trace_queues[i], p->spans);
	}
	batch_put(p->spans);
	p->spans = NULL;
}

static int make_span(struct pipeline *p, const struct sem_ops *sem, struct conn *c,
		     const struct exchange *x, const struct identity *id)
{
	struct span *sp;
	int err;

	if (!p->spans) {
		p->spans = batch_new(BATCH_SPANS, p->cfg.batch_max_spans);
		p->spans_since_ns = p->cfg.live ? clock_boot_ns() : p->now_ns;
	}
	sp = p->spans ? batch_add_span(p->spans, c->target->resource) : NULL;
	if (!sp)
		return -ENOMEM;
	memcpy(sp->trace_id, id->trace_id, 16);
	memcpy(sp->span_id, id->span_id, 8);
	memcpy(sp->parent_id, id->parent_id, 8);
	/* OTLP: bit 8 says that bit 9 (the parent is remote) is known */
	sp->flags = id->flags | 0x100u | (id->remote ? 0x200u : 0);
	sp->start_ns = x->start_ns;
	sp->first_byte_ns = x->first_byte_ns;
	sp->end_ns = x->end_ns < x->start_ns ? x->start_ns : x->end_ns;
	if (x->req.tracestate.len)
		sp->tracestate = arena_strndup(&p->spans->arena, x->req.tracestate.data,
					       x->req.tracestate.len);
	err = sem->span(x, &p->cfg.sem, p->spans, sp);
	if (err) {
		/* a half-made span is never sent */
		resource_put(sp->resource);
		p->spans->cnt--;
		return err;
	}
	if (p->spans->cnt >= p->cfg.batch_max_spans)
		flush_spans(p);
	return 0;
}

/* Where things stand, as far as the exchange tells. */
static void on_state(void *ctx, struct conn *c, const struct exchange *x)
{
	struct pipeline *p = ctx;
	const struct sem_ops *sem = sem_find(x->family);
	struct sem_series series;

	if (!sem || !sem->states || !c->target)
		return;
	for (uint32_t i = 0; sem->states(x, &p->cfg.sem, i, &series); i++) {
		int err = red_add(p->red, c->target->resource, &series, x->end_ns);

		if (err)
			*(err == -ENOSPC ? &p->stats.red_gauges_full : &p->stats.red_no_memory) +=
				1;
	}
}

static void on_exchange(void *ctx, struct conn *c, const struct exchange *x,
			const struct identity *id)
{
	struct pipeline *p = ctx;
	const struct sem_ops *sem = sem_find(x->family);
	struct sem_series series;
	uint64_t end = x->end_ns < x->start_ns ? x->start_ns : x->end_ns;

	if (!sem || !c->target) {
		p->stats.spans_no_memory++;
		return;
	}
	for (uint32_t i = 0; sem->series(x, &p->cfg.sem, i, &series); i++) {
		if (!i)
			series.value = (double)(end - x->start_ns) / 1e9;
		if (red_add(p->red, c->target->resource, &series, end))
			p->stats.red_no_memory++;
		else if (!i)
			p->stats.red_counted++;
	}
	on_state(p, c, x);
	if (!id->sampled) {
		p->stats.spans_unsampled++;
		return;
	}
	if (!p->cfg.trace_queue_cnt)
		return;
	if (make_span(p, sem, c, x, id))
		p->stats.spans_no_memory++;
	else
		p->stats.spans++;
}

static void on_message(void *ctx, struct conn *c, enum oe_dir dir, const struct message *m,
		       uint64_t first_ts, uint64_t last_ts, uint32_t tid)
{
	assemble_message(&((struct pipeline *)ctx)->assemble, c, dir, m, first_ts, last_ts, tid);
}

static void on_lost(void *ctx, struct conn *c)
{
	assemble_lost(&((struct pipeline *)ctx)->assemble, c);
}

static void on_run_start(void *ctx, struct conn *c, enum oe_dir dir)
{
	assemble_run_start(&((struct pipeline *)ctx)->assemble, c, dir);
}

static void on_closed(void *ctx, struct conn *c, int err, uint64_t ts, bool evicted)
{
	assemble_closed(&((struct pipeline *)ctx)->assemble, c, err, ts, evicted);
}

static void on_settle(void *ctx, struct conn *c, uint64_t now_ns)
{
	assemble_settle(&((struct pipeline *)ctx)->assemble, c, now_ns);
}

static struct target *on_target(void *ctx, uint32_t tgid, struct target *old)
{
	return target_get(&((struct pipeline *)ctx)->targets, tgid, old);
}

static void on_target_put(void *ctx, struct target *t)
{
	target_put(&((struct pipeline *)ctx)->targets, t);
}

static void on_retired(void *ctx, struct resource *r)
{
	red_retire(((struct pipeline *)ctx)->red, r);
}

static const struct conn_ops conn_callbacks = {
	.message = on_message,
	.lost = on_lost,
	.run_start = on_run_start,
	.closed = on_closed,
	.target = on_target,
	.target_put = on_target_put,
};

int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret)
{
	struct assemble_config ac = {.propagate = cfg->propagate,
				     .db_server = cfg->sem.db_server,
				     .statements = cfg->sem.statements,
				     .kafka_broker = cfg->sem.kafka_broker,
				     .sample = decide,
				     .state = on_state,
				     .exchange = on_exchange};
	struct pipeline *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	ac.ctx = p;
	assemble_init(&p->assemble, &ac, &p->stats);
	target_table_init(&p->targets, cfg->host, cfg->live);
	p->targets.retired = on_retired;
	p->targets.ctx = p;
	p->start_unix_ns = clock_unix_ns();
	p->now_ns = clock_boot_ns();
	p->next_metrics_ns = p->now_ns + cfg->metric_interval_ms * NSEC_PER_MSEC;
	err = red_new(&cfg->red, &p->red);
	if (!err)
		err = conn_table_new(cfg->max_conns, &conn_callbacks, p, &p->stats, &p->conns);
	if (err) {
		pipeline_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	conn_table_free(p->conns);
	assemble_done(&p->assemble);
	target_table_done(&p->targets);
	red_free(p->red);
	batch_put(p->spans);
	resource_put(p->self);
	free(p);
}

void pipeline_start(void *ctx, const struct source_info *info)
{
	struct pipeline *p = ctx;

	p->boot_to_unix_ns = info->boot_to_unix_ns;
	p->assemble.cfg.boot_to_unix_ns = info->boot_to_unix_ns;
}

/* `record`: the resource goes in front of a process's first record. */
static void record_resource(struct pipeline *p, uint32_t tgid, uint64_t ts)
{
	_Alignas(8) uint8_t mem[8192];
	struct oe_ev_resource *r = (void *)mem;
	struct target *t;
	size_t n;

	if (hashmap_get(&p->targets.map, tgid))
		return;
	t = target_get(&p->targets, tgid, NULL);
	if (!t)
		return;
	memset(mem, 0, sizeof(*r));
	n = proc_resource_to_pairs(t->resource, r->payload, sizeof(mem) - sizeof(*r));
	r->hdr.type = OE_EV_RESOURCE;
	r->hdr.len = (uint32_t)(sizeof(*r) + n);
	r->hdr.ts_ns = ts;
	r->tgid = tgid;
	if (n)
		recorder_add(p->cfg.recorder, r, r->hdr.len);
	target_put(&p->targets, t);
}

static void on_process(struct pipeline *p, const struct oe_proc *r)
{
	if (p->cfg.process)
		p->cfg.process(p->cfg.process_ctx, r);
	if (r->what == OE_PROC_EXEC) {
		target_renew(&p->targets, r->tgid);
	} else if (r->what == OE_PROC_EXIT) {
		conn_process_gone(p->conns, r->tgid, r->hdr.ts_ns);
		assemble_kafka_process_gone(&p->assemble, r->tgid);
		target_gone(&p->targets, r->tgid);
	}
}

static void on_resource(struct pipeline *p, const struct oe_ev_resource *r, size_t len)
{
	struct resource *res = proc_resource_from_pairs(r->payload, len - sizeof(*r));

	if (res)
		target_set(&p->targets, r->tgid, res);
}

void pipeline_record(void *ctx, const void *rec, size_t len)
{
	struct pipeline *p = ctx;
	const struct oe_hdr *h = rec;

	p->stats.records++;
	if (len < sizeof(*h) || h->len < sizeof(*h) || h->len > len) {
		p->stats.records_bad++;
		return;
	}
	len = h->len;
	if (!p->cfg.live) {
		/* time in a replay is the records' own */
		p->now_ns = h->ts_ns;
		if ((p->stats.records & 63) == 0)
			conn_sweep(p->conns, p->now_ns, on_settle);
	}
	if (p->cfg.recorder) {
		if (h->type == OE_EV_DATA && len >= sizeof(struct oe_data))
			record_resource(p, ((const struct oe_data *)rec)->tgid, h->ts_ns);
		recorder_add(p->cfg.recorder, rec, len);
		if (h->type == OE_EV_PROC && len >= sizeof(struct oe_proc) && p->cfg.process)
			p->cfg.process(p->cfg.process_ctx, rec);
		return;
	}
	if (conn_record(p->conns, rec, len))
		return;
	if (h->type == OE_EV_PROC && len >= sizeof(struct oe_proc))
		on_process(p, rec);
	else if (h->type == OE_EV_RESOURCE && len >= sizeof(struct oe_ev_resource))
		on_resource(p, rec, len);
	else if (h->type != OE_EV_LOSS)
		p->stats.records_bad++;
}

void pipeline_ledger(struct pipeline *p, struct selfstats *s)
{
	memset(s, 0, sizeof(*s));
	s->s = p->stats;
	if (p->cfg.kernel_stats) {
		s->have_kernel = true;
		p->cfg.kernel_stats(p->cfg.kernel_ctx, &s->k);
	}
	for (uint32_t i = 0; i < p->cfg.trace_queue_cnt; i++, s->queue_cnt++) {
		s->queues[s->queue_cnt].name = queue_name(p->cfg.trace_queues[i]);
		queue_stats(p->cfg.trace_queues[i], &s->queues[s->queue_cnt].s);
	}
	for (uint32_t i = 0; i < p->cfg.metric_queue_cnt; i++) {
		bool both = false;

		for (uint32_t k = 0; k < p->cfg.trace_queue_cnt; k++)
			both |= p->cfg.trace_queues[k] == p->cfg.metric_queues[i];
		if (both)
			continue;
		s->queues[s->queue_cnt].name = queue_name(p->cfg.metric_queues[i]);
		queue_stats(p->cfg.metric_queues[i], &s->queues[s->queue_cnt++].s);
	}
}

static void flush_metrics(struct pipeline *p)
{
	uint64_t now = clock_unix_ns();
	struct selfstats s;
	struct batch *b;

	if (!p->cfg.metric_queue_cnt)
		return;
	if (!p->self && p->cfg.host)
		p->self = proc_resource(p->cfg.host, getpid());
	pipeline_ledger(p, &s);
	b = batch_new(BATCH_METRICS, red_metric_cnt(p->red) + selfstats_metric_max(&s));
	if (!b ||
	    red_collect(p->red, b, p->cfg.live ? now : p->now_ns + (uint64_t)p->boot_to_unix_ns) ||
	    (p->self && selfstats_collect(&s, b, p->self, p->start_unix_ns, now)))
		p->stats.red_no_memory++;
	for (uint32_t i = 0; b && b->cnt && i < p->cfg.metric_queue_cnt; i++)
		queue_add(p->cfg.metric_queues[i], b);
	batch_put(b);
}

void pipeline_tick(struct pipeline *p)
{
	p->now_ns = clock_boot_ns();
	conn_sweep(p->conns, p->now_ns, on_settle);
	if (p->spans && p->now_ns - p->spans_since_ns >= p->cfg.batch_delay_ms * NSEC_PER_MSEC)
		flush_spans(p);
	if (p->now_ns >= p->next_metrics_ns) {
		p->next_metrics_ns = p->now_ns + p->cfg.metric_interval_ms * NSEC_PER_MSEC;
		flush_metrics(p);
	}
}

void pipeline_flow_control(struct pipeline *p, bool on)
{
	p->flow_control = on;
}

void pipeline_finish(struct pipeline *p)
{
	p->assemble.stopping = true;
	conn_table_free(p->conns);
	p->conns = NULL;
	flush_spans(p);
	flush_metrics(p);
}

const struct stats *pipeline_stats(const struct pipeline *p)
{
	return &p->stats;
}

const struct red *pipeline_red(const struct pipeline *p)
{
	return p->red;
}

size_t pipeline_target_count(const struct pipeline *p)
{
	return target_count(&p->targets);
}
