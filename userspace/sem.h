/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SEM_H
#define OE_SEM_H
/*
 * The stable semantic conventions: exchange -> span fields and metric
 * attributes. One file per family (sem_http.c), one table; nothing here knows connections or
 * queues.
 */
#include "exporter/telemetry.h"
#include "userspace/exchange.h"
#include "userspace/route.h"
#include "userspace/sqlstmt.h"

enum query_mode { QUERY_REDACT, QUERY_RAW, QUERY_DROP };

struct sem_config {
	const struct route_table *routes; /* configured patterns; may be NULL */
	bool route_heuristic;		  /* default true */
	enum query_mode url_query;	  /* default QUERY_REDACT: every value becomes REDACTED */
	bool body_sizes; /* http.{request,response}.body.size, http.{request,response}.size; default
			    false */
	enum statement_mode statements; /* default STATEMENT_SANITIZED */
	bool db_server;	      /* the server's side of a database is shown; default false */
	bool kafka_broker;    /* the same of Kafka brokers */
	char **known_methods; /* NULL-terminated override (OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS);
				 NULL = default list */
	uint32_t
		attr_value_max; /* OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT; UINT32_MAX = unlimited */
	uint32_t attr_count_max; /* default 128 */
};

enum sem_kind {
	SEM_HISTOGRAM = 0,
	SEM_COUNTER, /* values add up */
	SEM_GAUGE,   /* the last value counts, for a while */
};

/* One static object each, its address is its identity. */
struct sem_metric {
	const char *name; /* "http.server.request.duration" ... */
	const char *description;
	const char *unit; /* "s" for durations */
	const char *scope;
	const double *bounds; /* histograms: rising; NULL = the configured ones */
	uint32_t bound_cnt;
	enum sem_kind kind;
};

/* A measurement: attributes of the series it belongs to; strings point into the exchange, the
 * config or static memory. */
#define SEM_ATTRS_MAX 12
struct sem_series {
	const struct sem_metric *metric;
	double value; /* in the metric's unit; a duration is filled in by the caller */
	struct attr attrs[SEM_ATTRS_MAX];
	uint32_t attr_cnt;
	char scratch[512]; /* for strings that had to be made (a route by heuristic) */
};

struct sem_ops {
	enum msg_family family;
	const char *scope; /* "otel-ebpf/http" */
	/* Fills name, kind, status, attributes (in b's arena), scope; ids, times, resource are the
	 * caller's. 0 or -ENOMEM. */
	int (*span)(const struct exchange *x, const struct sem_config *cfg, struct batch *b,
		    struct span *sp);
	/* What this exchange measures, one after the other: i = 0 is the duration that counts every
	 * exchange; false: there is no i-th. */
	bool (*series)(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
		       struct sem_series *ret);
	/* The same of gauges. NULL: the family has none. */
	bool (*states)(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
		       struct sem_series *ret);
};

/* NULL for a family that has none. */
const struct sem_ops *sem_find(enum msg_family family);

#endif
