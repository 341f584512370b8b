/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CONFIG_H
#define OE_CONFIG_H
/*
 * The effective configuration. One table (config_table.c) states every option's flag, variable,
 * file key, type and help; command line > configuration file > environment > default. A
 * configuration file silences the environment, except where it refers to it (${VAR}).
 * docs/configuration.md tells the user.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "exporter/exporter.h"
#include "userspace/loader.h"
#include "userspace/sample.h"
#include "userspace/select.h"
#include "userspace/sem.h"

enum command { CMD_RUN, CMD_TRACE, CMD_DOCTOR, CMD_RECORD, CMD_REPLAY, CMD_CONFIG };

enum otlp_protocol { OTLP_UNSET = 0, OTLP_HTTP_PROTOBUF, OTLP_GRPC, OTLP_HTTP_JSON };
enum compression { COMPRESSION_NONE, COMPRESSION_GZIP };
enum temporality_preference { PREFER_CUMULATIVE, PREFER_DELTA, PREFER_LOWMEMORY };
enum histogram_aggregation { HISTOGRAM_EXPLICIT, HISTOGRAM_BASE2 };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum sampler_name {
	SAMPLER_NAME_PARENT_ON,
	SAMPLER_NAME_ON,
	SAMPLER_NAME_OFF,
	SAMPLER_NAME_RATIO,
	SAMPLER_NAME_PARENT_OFF,
	SAMPLER_NAME_PARENT_RATIO,
};

#define CONFIG_LIST_MAX 64
struct string_list {
	char *v[CONFIG_LIST_MAX + 1]; /* NULL-terminated */
	uint32_t cnt;
};

/* OTLP settings as they were given: base ones in [0], then traces, metrics. NULL, 0: not given. */
enum { OTLP_BASE, OTLP_TRACES, OTLP_METRICS, OTLP_CNT };
struct otlp_given {
	char *endpoint, *headers, *certificate, *client_key, *client_certificate;
	uint32_t protocol, compression; /* compression: 1 + enum compression */
	uint32_t timeout_ms;		/* UINT32_MAX: not given, 0: no limit */
	bool insecure;			/* accepted: only gRPC would look at it */
};

#define CONFIG_OPTIONS_MAX 96

struct config {
	enum command command;
	char *file; /* replay: what to play; config --check: what to check */
	bool check; /* config --check */
	struct selector selectors[CONFIG_LIST_MAX];
	uint32_t selector_cnt;
	uint32_t hooks; /* enum hooks */
	uint32_t capture_bytes, ring_mib, max_connections;
	uint64_t duration_s; /* 0: until a signal */
	char *output;	     /* record -o */
	struct string_list traces_exporters, metrics_exporters;
	struct string_list logs_exporters; /* accepted; there are no logs */
	char *otlp_file;
	struct otlp_given otlp[OTLP_CNT];
	uint32_t bsp_delay_ms, bsp_timeout_ms, bsp_queue, bsp_batch;
	uint32_t metric_interval_ms, metric_timeout_ms;
	uint32_t sampler; /* enum sampler_name */
	char *sampler_arg;
	struct string_list propagators;
	char *service_name, *resource_attributes;
	bool disabled;
	uint32_t log_level; /* enum log_level */
	uint32_t verbose;   /* -v: the ledger at exit; -vv: debug */
	bool quiet;
	uint32_t attr_value_max, attr_count_max, span_attr_value_max,
		span_attr_count_max; /* UINT32_MAX: unlimited / not given */
	struct string_list known_methods;
	uint32_t temporality; /* enum temporality_preference */
	uint32_t histogram;   /* enum histogram_aggregation */
	struct string_list semconv_opt_in;
	struct string_list routes;
	bool route_heuristic;
	uint32_t url_query; /* enum query_mode */
	bool body_sizes;
	uint32_t db_statement; /* enum statement_mode */
	bool db_server;
	bool kafka_broker;
	bool tls, uretprobes;
	uint32_t color;
	char *proc_root;
	bool target_env;
	uint32_t shutdown_timeout_ms;
	char *config_file;
	char *experimental_config_file;
	/* where each option's value comes from, by its place in the table */
	char *origin[CONFIG_OPTIONS_MAX]; /* NULL: default */
};

enum config_result {
	CONFIG_OK = 0,
	CONFIG_FAILED = 1,
	CONFIG_USAGE = 2,
	CONFIG_EXIT_OK /* --help, --version */
};

/* Messages go to stderr (one clear line), help to stdout. ret is to be given to config_done() in
 * every case. */
enum config_result config_load(int argc, char **argv, struct config *ret);
void config_done(struct config *c);

/* Effective values as YAML with their origin; secrets hidden. */
void config_print(const struct config *c, FILE *f);
/* Help of the whole program, from the table; of one command: only the options that mean something
 * to it. */
void config_help(FILE *f);
void config_usage(FILE *f, enum command cmd);

/* Derived settings. The strings in ret belong to the caller: exporter_config_done(). 0 or -EINVAL
 * with err[]. */
int config_exporter(const struct config *c, struct exporter_config *ret, char err[256]);
void exporter_config_done(struct exporter_config *e);
void config_sampler(const struct config *c, struct sampler *ret);
/* ret->routes is to be freed by the caller. */
int config_sem(const struct config *c, struct sem_config *ret, char err[256]);
bool config_propagates(const struct config *c);

#endif
