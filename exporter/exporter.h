/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_EXPORTER_H
#define OE_EXPORTER_H
/*
 * An exporter turns batches into bytes somewhere. Each instance has one
 * bounded queue and one thread of its own (exporter/queue.h), so a dead
 * collector never holds up the console.
 */
#include <stdio.h>

#include "exporter/telemetry.h"

enum export_result {
	EXPORT_OK = 0,
	EXPORT_RETRY,	 /* transient: the same batch may be sent again (honour *ret_after_ms) */
	EXPORT_REJECTED, /* permanent: drop and count */
};

/* OTLP settings of one signal after all rules of the contract were applied. */
struct otlp_signal_config {
	char *url;     /* full URL to POST to */
	char *headers; /* raw `k1=v1,k2=v2`, NULL = none; secret: never logged */
	bool gzip;
	uint32_t timeout_ms;
	char *ca_file, *client_cert, *client_key; /* NULL = default */
};

struct exporter_config {
	struct otlp_signal_config traces, metrics;
	const char *otlp_file; /* path, or "-" for stdout */
	FILE *out;	       /* console: where to print (stdout) */
	bool color;
	uint32_t queue_max_spans;   /* OTEL_BSP_MAX_QUEUE_SIZE */
	uint32_t batch_max_spans;   /* OTEL_BSP_MAX_EXPORT_BATCH_SIZE */
	uint32_t export_timeout_ms; /* OTEL_BSP_EXPORT_TIMEOUT: budget of one batch with its retries
				     */
	uint32_t metric_timeout_ms; /* OTEL_METRIC_EXPORT_TIMEOUT */
	uint32_t retry_initial_ms, retry_max_ms; /* backoff of the queue; 0 = its defaults */
};

struct export_info {
	char error[256];	 /* why, for the log; no secrets */
	char error_type[32];	 /* low-cardinality: "timeout", "refused", "503", "rejected" ... */
	uint64_t retry_after_ms; /* 0 = the server did not say */
	uint64_t rejected;	 /* partial success: items the server refused, already dropped */
};

struct exporter_ops {
	const char *name; /* as in OTEL_TRACES_EXPORTER */
	bool traces, metrics;
	/* 0 or negative errno; on failure err[] says why in one line. *ret_state may stay NULL. */
	int (*open)(const struct exporter_config *cfg, void **ret_state, char err[256]);
	/*
	 * Called by one thread at a time. `deadline_ns`: CLOCK_MONOTONIC, give up by then.
	 * *ret_info comes zeroed; only what there is to say needs filling.
	 */
	enum export_result (*export_batch)(void *state, const struct batch *b, uint64_t deadline_ns,
					   struct export_info *ret_info);
	void (*close)(void *state);
	/*
	 * May be NULL. Called by another thread: a running export_batch returns as soon as it can,
	 * later ones at once. Only close follows.
	 */
	void (*abort)(void *state);
};

/* From exporters.def; NULL-terminated. */
extern const struct exporter_ops *const exporter_table[];
const struct exporter_ops *exporter_find(const char *name);

#endif
