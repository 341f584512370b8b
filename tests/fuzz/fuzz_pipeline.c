/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records -> streams -> parser -> pairing -> spans and RED, as a whole. The input is a little
 * program that makes records: several connections, both directions, jumps, repeats, cuts, closes,
 * and raw garbage. After each input the books must balance: every request ended in exactly one way,
 * and what was counted in RED is what was known.
 */
#include <linux/types.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/base/log.h"
#include "userspace/pipeline.h"

static struct proc_host *host;
static struct proc_config proc = {.proc_root = "/nonexistent"};

struct maker {
	const uint8_t *p, *end;
	uint64_t next[4][2];
	uint64_t ts;
};

static uint8_t byte(struct maker *m)
{
	return m->p < m->end ? *m->p++ : 0;
}

static void data(struct maker *m, struct pipeline *p, uint8_t op)
{
	_Alignas(8) uint8_t mem[sizeof(struct oe_data) + 4096];
	struct oe_data *d = (void *)mem;
	unsigned int c = op & 3, dir = op >> 2 & 1;
	uint32_t want = byte(m) | (op & 0x10 ? (uint32_t)byte(m) << 8 : 0);
	uint8_t jump = op & 0x20 ? byte(m) : 0;
	uint32_t have = (uint32_t)(m->end - m->p);

	if (have > want)
		have = want;
	if (have > 4096)
		have = 4096;
	memset(d, 0, sizeof(*d));
	d->hdr = (struct oe_hdr){OE_EV_DATA, (__u16)(dir ? OE_F_OUT : 0), (__u32)sizeof(*d) + have,
				 m->ts};
	d->id = c + 1;
	d->off = m->next[c][dir] + (uint64_t)(int64_t)(int8_t)jump;
	d->io_len = op & 0x08 ? have + want : have;
	d->cap_len = have;
	d->tgid = 7;
	d->tid = 7 + (op >> 6);
	memcpy(d->payload, m->p, have);
	m->p += have;
	m->next[c][dir] = d->off + d->io_len;
	pipeline_record(p, d, d->hdr.len);
}

static void other(struct maker *m, struct pipeline *p, uint8_t op)
{
	unsigned int c = op & 3;

	if (op & 0x10) {
		struct oe_close r = {.hdr = {OE_EV_CLOSE, 0, sizeof(r), m->ts},
				     .id = c + 1,
				     .off = {m->next[c][0], m->next[c][1]},
				     .what = 1u << (byte(m) % 3),
				     .err = byte(m) & 1 ? 104 : 0};

		pipeline_record(p, &r, sizeof(r));
	} else if (op & 0x20) {
		uint8_t family = byte(m), role = byte(m), flags = byte(m);
		struct oe_conn r = {.hdr = {OE_EV_CONN, 0, sizeof(r), m->ts},
				    .id = c + 1,
				    .off = {m->next[c][0], m->next[c][1]},
				    .family = family & 1 ? OE_AF_UNIX : OE_AF_INET,
				    .role = role % 3,
				    .flags = flags & (OE_CONN_FRESH | OE_CONN_TLS),
				    .path_len = byte(m),
				    .sk_id = flags >> 4 & 7};

		pipeline_record(p, &r, sizeof(r));
	} else {
		/* a record of any kind and any content */
		_Alignas(8) uint8_t raw[128];
		size_t n = byte(m) & 127;

		for (size_t i = 0; i < n; i++)
			raw[i] = byte(m);
		pipeline_record(p, raw, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct pipeline_config cfg = {.propagate = true,
				      .max_conns = 16,
				      .batch_max_spans = 64,
				      .metric_interval_ms = 60000,
				      .sem = {.route_heuristic = true,
					      .db_server = size & 1,
					      .kafka_broker = size & 2,
					      .body_sizes = true,
					      .attr_value_max = 200,
					      .attr_count_max = 20}};
	struct maker m = {.p = input, .end = input + size, .ts = 1000000000000};
	struct source_info info = {0};
	struct pipeline *p;
	struct stats s;

	if (!host) {
		log_set_level(LOG_NONE);
		proc_host_new(&proc, &host);
	}
	cfg.host = host;
	if (pipeline_new(&cfg, &p))
		return 0;
	pipeline_start(p, &info);
	for (int c = 0; c < 4; c++)
		m.next[c][0] = m.next[c][1] = 1ULL << 33;
	while (m.p < m.end) {
		uint8_t op = byte(&m);

		m.ts += op & 1 ? 1000 : 30000000;
		if ((op & 0xc0) == 0xc0)
			other(&m, p, op);
		else
			data(&m, p, op);
	}
	pipeline_finish(p);
	s = *pipeline_stats(p);
	if (s.requests != s.completed + s.no_response + s.cut + s.unknown + s.kind_unknown +
				  s.quiet + s.other_end + s.open_at_end)
		abort();
	if (s.red_counted + s.red_no_memory + s.spans_no_memory <
	    s.completed + s.no_response + s.cut)
		abort();
	pipeline_free(p);
	return 0;
}
