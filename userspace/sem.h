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

enum query_mode { QUERY_REDACT, QUERY_RAW, QUERY_DROP };

struct sem_config {
	const struct route_table *routes; /* configured patterns; may be NULL */
	bool route_heuristic;		  /* default true */
	enum query_mode url_query;	  /* default QUERY_REDACT: every value becomes REDACTED */
	bool body_sizes; /* http.{request,response}.body.size, http.{request,response}.size; default
			    false */
	char **known_methods; /* NULL-terminated override (OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS);
				 NULL = default list */
	uint32_t
		attr_value_max; /* OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT; UINT32_MAX = unlimited */
	uint32_t attr_count_max; /* default 128 */
};

/* Attributes of a metric series; strings point into the exchange, the config or static memory. */
#define SEM_ATTRS_MAX 12
struct sem_series {
	const char *metric;	 /* "http.server.request.duration" ... static */
	const char *description; /* static */
	const char *unit;	 /* "s" */
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
	/* The duration metric this exchange counts in. */
	void (*series)(const struct exchange *x, const struct sem_config *cfg,
		       struct sem_series *ret);
};

/* NULL for a family that has none. */
const struct sem_ops *sem_find(enum msg_family family);

#endif
