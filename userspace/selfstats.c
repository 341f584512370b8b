/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/selfstats.h"

#include <errno.h>
#include <stddef.h>

/*
 * One row per counter. Rows of the same metric stand together; the attribute tells them
 * apart. In every metric with an `outcome` or `error.type` the rows add up to what was seen.
 */
struct row {
	const char *metric, *unit, *description;
	const char *key, *value; /* attribute; NULL = none */
	size_t at;
};

#define SCOPE	 "otel-ebpf"
#define U(field) offsetof(struct stats, field)
#define K(field) offsetof(struct loader_stats, k.field)

#define IO                                                                                         \
	"otel_ebpf.capture.io", "{operation}",                                                     \
		"Socket operations of watched processes, by what became of them"
#define IOB                                                                                        \
	"otel_ebpf.capture.io.size", "By",                                                         \
		"Bytes that watched processes moved, by what became of them"
#define IOI                                                                                        \
	"otel_ebpf.capture.io.incomplete", "{operation}",                                          \
		"Operations reported with fewer bytes than they had, by cause"
#define AUX                                                                                        \
	"otel_ebpf.capture.records", "{record}",                                                   \
		"Records besides the one that each operation has, by what became of them"
#define TLS                                                                                        \
	"otel_ebpf.capture.tls", "{connection}",                                                   \
		"TLS connections that were not seen from their beginning, or not at all"
#define LOST "otel_ebpf.capture.lost", "{operation}", "What the kernel side could not do, by cause"

static const struct row kernel_rows[] = {
	{IO, "outcome", "emitted", K(io_emitted)},
	{IO, "outcome", "filtered", K(io_filtered)},
	{IO, "outcome", "dropped_ring_full", K(io_dropped)},
	{IO, "outcome", "tls_ciphertext", K(io_tls)},
	{IOB, "outcome", "seen", K(bytes_seen)},
	{IOB, "outcome", "copied", K(bytes_copied)},
	{IOB, "outcome", "dropped_ring_full", K(bytes_dropped)},
	{IOI, "cause", "no_buffer", K(io_nobuf)},
	{IOI, "cause", "page_fault", K(io_fault)},
	{IOI, "cause", "copy_limit", K(io_cut)},
	{AUX, "outcome", "emitted", K(aux_emitted)},
	{AUX, "outcome", "dropped_ring_full", K(aux_dropped)},
	{AUX, "outcome", "emitted_operation_in_parts", K(io_parts)},
	{TLS, "outcome", "plaintext_not_seen", K(tls_unseen)},
	{TLS, "outcome", "met_late", K(tls_late)},
	{LOST, "cause", "hook_recursion", offsetof(struct loader_stats, missed)},
	{LOST, "cause", "no_socket_state", K(state_failed)},
	{LOST, "cause", "tls_call_forgotten", K(tls_lost)},
};

#define REC "otel_ebpf.records", "{record}", "Records taken from the source"
#define STR                                                                                        \
	"otel_ebpf.stream.size", "By", "Bytes of watched streams, by what the parsers made of them"
#define STE "otel_ebpf.stream.events", "{event}", "Breaks in the streams, by kind"
#define MSG "otel_ebpf.messages", "{message}", "Protocol messages parsed"
#define XCH "otel_ebpf.requests", "{request}", "Requests seen, by how they ended"
#define STM                                                                                        \
	"otel_ebpf.db.statements", "{statement}",                                                  \
		"Executions of prepared statements whose text was never seen"
#define KFK                                                                                        \
	"otel_ebpf.kafka.topics", "{topic}",                                                       \
		"Topics of Kafka requests of which something is not known"
#define CON "otel_ebpf.connections", "{connection}", "Connections met, by what became of them"
#define SPN "otel_ebpf.spans", "{span}", "Spans, by what became of them before the exporters"
#define RED "otel_ebpf.red.requests", "{request}", "Requests counted in duration histograms"
#define GAU "otel_ebpf.red.gauges", "{value}", "Values of gauges that are not shown"
#define CTX                                                                                        \
	"otel_ebpf.context.invalid", "{header}",                                                   \
		"Trace context that was ignored because it is not valid"

static const struct row user_rows[] = {
	{REC, "outcome", "taken", U(records)},
	{REC, "outcome", "malformed", U(records_bad)},
	{STR, "outcome", "parsed", U(bytes_parsed)},
	{STR, "outcome", "unparsed", U(bytes_unparsed)},
	{STR, "outcome", "missing", U(gap_bytes)},
	{STE, "kind", "gap", U(gaps)},
	{STE, "kind", "lost", U(stream_lost)},
	{STE, "kind", "reorder_given_up", U(held_overflow)},
	{CON, "outcome", "met", U(conns)},
	{CON, "outcome", "evicted_table_full", U(conns_evicted)},
	{CON, "outcome", "no_known_protocol", U(conns_other)},
	{MSG, "kind", "request", U(requests)},
	{MSG, "kind", "response", U(responses)},
	{MSG, "kind", "response_without_request", U(responses_orphan)},
	{MSG, "kind", "head_truncated", U(truncated)},
	{XCH, "outcome", "completed", U(completed)},
	{XCH, "outcome", "no_response", U(no_response)},
	{XCH, "outcome", "cut", U(cut)},
	{XCH, "outcome", "unknown_bytes_lost", U(unknown)},
	{XCH, "outcome", "unknown_kind", U(kind_unknown)},
	{XCH, "outcome", "open_at_end", U(open_at_end)},
	{XCH, "outcome", "filtered_housekeeping", U(quiet)},
	{XCH, "outcome", "filtered_server_side", U(other_end)},
	{STM, "kind", "unknown", U(stmt_unknown)},
	{KFK, "kind", "name_unknown", U(kafka_topic_unknown)},
	{KFK, "kind", "records_unknown", U(kafka_records_unknown)},
	{SPN, "outcome", "emitted", U(spans)},
	{SPN, "outcome", "unsampled", U(spans_unsampled)},
	{SPN, "outcome", "dropped_no_memory", U(spans_no_memory)},
	{RED, "outcome", "counted", U(red_counted)},
	{RED, "outcome", "dropped_no_memory", U(red_no_memory)},
	{GAU, "outcome", "dropped_series_limit", U(red_gauges_full)},
	{CTX, "header", "traceparent", U(traceparent_bad)},
	{CTX, "header", "tracestate", U(tracestate_bad)},
};

/* names of the conventions' SDK metrics (semconv otel/metrics.yaml), one set per exporter */
#define QSP                                                                                        \
	"otel.sdk.exporter.span.exported", "{span}",                                               \
		"Spans whose export has finished, successfully or not"
#define QPR "otel.sdk.processor.span.processed", "{span}", "Spans the processor is done with"
#define QMP                                                                                        \
	"otel.sdk.exporter.metric_data_point.exported", "{data_point}",                            \
		"Metric data points whose export has finished, successfully or not"
#define Q(field) offsetof(struct queue_stats, field)

static const struct row queue_rows[] = {
	{QSP, NULL, NULL, Q(spans_exported)},
	{QSP, "error.type", "failed", Q(spans_failed)},
	{QSP, "error.type", "rejected", Q(spans_rejected)},
	{QPR, "error.type", "queue_full", Q(spans_dropped_full)},
	{QMP, NULL, NULL, Q(points_exported)},
	{QMP, "error.type", "failed", Q(points_failed)},
	{QMP, "error.type", "rejected", Q(points_rejected)},
	{QMP, "error.type", "queue_full", Q(points_dropped_full)},
};

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t value_of(const void *base, size_t at)
{
	uint64_t v;

	memcpy(&v, (const char *)base + at, sizeof(v));
	return v;
}

uint32_t selfstats_metric_max(const struct selfstats *s)
{
	return (uint32_t)(CNT(kernel_rows) + CNT(user_rows) + s->queue_cnt * CNT(queue_rows));
}

/* Rows of one metric become its points. */
static int collect_rows(const struct row *rows, size_t cnt, const void *base, const char *exporter,
			struct batch *b, struct resource *res, uint64_t start_ns, uint64_t now_ns)
{
	for (size_t i = 0, n; i < cnt; i += n) {
		struct metric *m = batch_add_metric(b, res);
		struct metric_point *pts;

		for (n = 1; i + n < cnt && rows[i + n].metric == rows[i].metric;)
			n++;
		pts = m ? arena_alloc(&b->arena, n * sizeof(*pts)) : NULL;
		if (!pts)
			return -ENOMEM;
		m->name = rows[i].metric;
		m->unit = rows[i].unit;
		m->description = rows[i].description;
		m->scope = SCOPE;
		m->type = METRIC_SUM;
		m->temporality = METRIC_CUMULATIVE;
		m->monotonic = true;
		for (size_t k = 0; k < n; k++) {
			struct attr *at = arena_alloc(&b->arena, 2 * sizeof(*at));
			uint32_t ac = 0;

			if (!at)
				return -ENOMEM;
			if (rows[i + k].key)
				at[ac++] = (struct attr){.key = rows[i + k].key,
							 .type = ATTR_STR,
							 .len = (uint32_t)strlen(rows[i + k].value),
							 .s = rows[i + k].value};
			if (exporter)
				at[ac++] = (struct attr){.key = "otel.component.name",
							 .type = ATTR_STR,
							 .len = (uint32_t)strlen(exporter),
							 .s = exporter};
			pts[k] =
				(struct metric_point){.attrs = at,
						      .attr_cnt = ac,
						      .start_ns = start_ns,
						      .time_ns = now_ns,
						      .is_int = true,
						      .i = (int64_t)value_of(base, rows[i + k].at)};
		}
		m->points = pts;
		m->point_cnt = (uint32_t)n;
		b->point_cnt += (uint32_t)n;
	}
	return 0;
}

int selfstats_collect(const struct selfstats *s, struct batch *b, struct resource *res,
		      uint64_t start_ns, uint64_t now_ns)
{
	int err = collect_rows(user_rows, CNT(user_rows), &s->s, NULL, b, res, start_ns, now_ns);

	if (!err && s->have_kernel)
		err = collect_rows(kernel_rows, CNT(kernel_rows), &s->k, NULL, b, res, start_ns,
				   now_ns);
	for (uint32_t i = 0; !err && i < s->queue_cnt; i++)
		err = collect_rows(queue_rows, CNT(queue_rows), &s->queues[i].s, s->queues[i].name,
				   b, res, start_ns, now_ns);
	return err;
}

static void print_rows(const struct row *rows, size_t cnt, const void *base, FILE *f)
{
	for (size_t i = 0; i < cnt; i++) {
		if (!i || rows[i].metric != rows[i - 1].metric)
			fprintf(f, "%s  %-40s", i ? "\n" : "", rows[i].metric);
		fprintf(f, " %s=%llu", rows[i].value ? rows[i].value : "ok",
			(unsigned long long)value_of(base, rows[i].at));
	}
	fprintf(f, "\n");
}

void selfstats_print(const struct selfstats *s, FILE *f)
{
	fprintf(f, "otel-ebpf: ledger\n");
	if (s->have_kernel) {
		fprintf(f, "  %-40s seen=%llu\n", "otel_ebpf.capture.io",
			(unsigned long long)s->k.k.io_seen);
		print_rows(kernel_rows, CNT(kernel_rows), &s->k, f);
	}
	print_rows(user_rows, CNT(user_rows), &s->s, f);
	for (uint32_t i = 0; i < s->queue_cnt; i++) {
		fprintf(f, "  exporter %s\n", s->queues[i].name);
		print_rows(queue_rows, CNT(queue_rows), &s->queues[i].s, f);
	}
}
