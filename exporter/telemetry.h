/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TELEMETRY_H
#define OE_TELEMETRY_H
/*
 * The contract between the pipeline and the exporters. A batch owns an arena
 * that holds everything it points to, except resources, which are shared and
 * counted. Times are Unix nanoseconds. A batch that has been handed over is
 * read-only; the last batch_put() frees it.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "userspace/base/arena.h"

enum attr_type { ATTR_STR, ATTR_INT, ATTR_DOUBLE, ATTR_BOOL, ATTR_STR_ARRAY };

struct attr {
	const char *key; /* static, or in the owner's arena */
	enum attr_type type;
	uint32_t len; /* ATTR_STR: bytes; ATTR_STR_ARRAY: elements */
	union {
		const char *s;	       /* UTF-8, not necessarily NUL-terminated */
		const char *const *sv; /* NUL-terminated strings */
		int64_t i;
		double d;
		bool b;
	};
};

/* Immutable once published; shared by threads. */
struct resource {
	atomic_int refs;
	uint64_t id; /* unique in this run; never reused */
	const struct attr *attrs;
	uint32_t attr_cnt;
	struct arena arena; /* holds attrs and their strings */
};

/* New, refs = 1, empty arena to fill; NULL when out of memory. */
struct resource *resource_new(void);
struct resource *resource_get(struct resource *r);
void resource_put(struct resource *r);
/* The attribute's string, or NULL. */
const char *resource_str(const struct resource *r, const char *key);

/* Values of OTLP's Span.SpanKind and Status.StatusCode. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER, SPAN_CLIENT, SPAN_PRODUCER, SPAN_CONSUMER };
enum span_status { SPAN_STATUS_UNSET = 0, SPAN_STATUS_OK = 1, SPAN_STATUS_ERROR = 2 };

struct span_link {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint32_t flags;
	const char *tracestate; /* may be NULL */
};

struct span {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t parent_id[8]; /* all zero: root */
	uint32_t flags; /* W3C trace flags in the low byte, and OTLP's is-remote bits 8 and 9 */
	enum span_kind kind;
	enum span_status status;
	const char *status_msg; /* may be NULL */
	const char *name;
	const char *tracestate; /* may be NULL */
	const char *scope;	/* instrumentation scope name, static */
	uint64_t start_ns;
	uint64_t first_byte_ns; /* first byte of the response, 0 = none; not part of OTLP, shown by
				   console */
	uint64_t end_ns;
	const struct attr *attrs;
	uint32_t attr_cnt;
	uint32_t attr_dropped;
	const struct span_link *links;
	uint32_t link_cnt;
	uint32_t link_dropped;
	struct resource *resource; /* one reference held by the batch */
};

enum metric_type { METRIC_SUM, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_temporality { METRIC_DELTA = 1, METRIC_CUMULATIVE = 2 }; /* OTLP's numbers */

struct metric_point {
	const struct attr *attrs;
	uint32_t attr_cnt;
	uint64_t start_ns;
	uint64_t time_ns;
	bool is_int; /* sum, gauge */
	union {
		int64_t i;
		double d;
	};
	/* histogram */
	uint64_t count;
	double sum, min, max;	 /* min and max are valid when count > 0 */
	const double *bounds;	 /* bound_cnt upper bounds */
	const uint64_t *buckets; /* bound_cnt + 1 */
	uint32_t bound_cnt;
};

struct metric {
	const char *name, *unit, *description;
	const char *scope;
	enum metric_type type;
	enum metric_temporality temporality; /* sum, histogram */
	bool monotonic;			     /* sum */
	const struct metric_point *points;
	uint32_t point_cnt;
	struct resource *resource; /* one reference held by the batch */
};

enum batch_type { BATCH_SPANS, BATCH_METRICS };

struct batch {
	atomic_int refs;
	enum batch_type type;
	uint32_t cnt; /* spans, or metrics */
	uint32_t cap;
	uint32_t point_cnt; /* metric points in all */
	union {
		struct span *spans;
		struct metric *metrics;
	};
	struct arena arena;
};

/* Empty, room for cap spans or metrics; NULL when out of memory. */
struct batch *batch_new(enum batch_type type, uint32_t cap);
struct batch *batch_get(struct batch *b);
void batch_put(struct batch *b);
/*
 * Next free slot, zeroed, with a reference taken on `r`; NULL when full. Fill it
 * before the batch is handed over.
 */
struct span *batch_add_span(struct batch *b, struct resource *r);
struct metric *batch_add_metric(struct batch *b, struct resource *r);

/* Items as the ledger counts them: spans, or metric points (summed, not taken from point_cnt). */
uint64_t batch_items(const struct batch *b);

/* Limits of the arenas: an allocation beyond them fails (NULL), the caller counts the loss. */
#define BATCH_ARENA_MAX	   (64U << 20)
#define RESOURCE_ARENA_MAX (1U << 20)

/* Name and version of the instrumentation scope and of telemetry.sdk.*. */
#define OE_SDK_NAME "otel-ebpf"
#ifndef OE_VERSION
#define OE_VERSION "0.1.0"
#endif
/* Version of the conventions that semconv/ states. */
#define OE_SCHEMA_URL "https://opentelemetry.io/schemas/1.44.0"

#endif
