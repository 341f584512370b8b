/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/config_table.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/base/log.h"

static const struct opt_word hooks_words[] = {
	{"auto", HOOKS_AUTO}, {"sock", HOOKS_SOCK}, {"syscall", HOOKS_SYSCALL}, {0}};
static const struct opt_word protocol_words[] = {{"http/protobuf", OTLP_HTTP_PROTOBUF},
						 {"grpc", OTLP_GRPC},
						 {"http/json", OTLP_HTTP_JSON},
						 {0}};
static const struct opt_word compression_words[] = {
	{"none", 1 + COMPRESSION_NONE}, {"gzip", 1 + COMPRESSION_GZIP}, {0}};
static const struct opt_word sampler_words[] = {
	{"parentbased_always_on", SAMPLER_NAME_PARENT_ON},
	{"always_on", SAMPLER_NAME_ON},
	{"always_off", SAMPLER_NAME_OFF},
	{"traceidratio", SAMPLER_NAME_RATIO},
	{"parentbased_always_off", SAMPLER_NAME_PARENT_OFF},
	{"parentbased_traceidratio", SAMPLER_NAME_PARENT_RATIO},
	{0}};
static const struct opt_word level_words[] = {{"none", LOG_NONE},   {"error", LOG_ERROR},
					      {"warn", LOG_WARN},   {"info", LOG_INFO},
					      {"debug", LOG_DEBUG}, {0}};
static const struct opt_word temporality_words[] = {{"cumulative", PREFER_CUMULATIVE},
						    {"delta", PREFER_DELTA},
						    {"lowmemory", PREFER_LOWMEMORY},
						    {0}};
static const struct opt_word query_words[] = {
	{"redact", QUERY_REDACT}, {"raw", QUERY_RAW}, {"drop", QUERY_DROP}, {0}};
static const struct opt_word color_words[] = {
	{"auto", COLOR_AUTO}, {"always", COLOR_ALWAYS}, {"never", COLOR_NEVER}, {0}};

#define AT(field) offsetof(struct config, field)
#define OWN	  "distribution.otel_ebpf."
#define BATCH	  "tracer_provider.processors[].batch."
#define READER	  "meter_provider.readers[].periodic."

/* One OTLP setting for all signals and for each: names differ by an infix. */
#define OTLP3(word, ENV, field, typ, argument, text, ...)                                          \
	{.name = "exporter-otlp-" word,                                                            \
	 .env = "OTEL_EXPORTER_OTLP_" ENV,                                                         \
	 .type = typ,                                                                              \
	 .at = AT(otlp[OTLP_BASE].field),                                                          \
	 .arg = argument,                                                                          \
	 .help = text,                                                                             \
	 __VA_ARGS__},                                                                             \
		{.name = "exporter-otlp-traces-" word,                                             \
		 .env = "OTEL_EXPORTER_OTLP_TRACES_" ENV,                                          \
		 .key = BATCH "exporter.otlp_http." word,                                          \
		 .type = typ,                                                                      \
		 .at = AT(otlp[OTLP_TRACES].field),                                                \
		 .arg = argument,                                                                  \
		 .help = "the same for traces only",                                               \
		 __VA_ARGS__},                                                                     \
	{                                                                                          \
		.name = "exporter-otlp-metrics-" word, .env = "OTEL_EXPORTER_OTLP_METRICS_" ENV,   \
		.key = READER "exporter.otlp_http." word, .type = typ,                             \
		.at = AT(otlp[OTLP_METRICS].field), .arg = argument,                               \
		.help = "the same for metrics only", __VA_ARGS__                                   \
	}

const struct option_row option_table[] = {
	{.group = "Selection (what to watch; repeatable, combined with OR)",
	 .name = "pid",
	 .letter = 'p',
	 .type = OPT_SELECTOR,
	 .min = SELECT_PID,
	 .key = OWN "selection[].pid",
	 .arg = "N",
	 .help = "a process and its descendants, present and future"},
	{.name = "exe",
	 .type = OPT_SELECTOR,
	 .min = SELECT_EXE,
	 .key = OWN "selection[].exe",
	 .arg = "GLOB",
	 .help = "processes whose executable matches; a pattern without / is compared with the "
		 "file's name"},
	{.name = "port",
	 .type = OPT_SELECTOR,
	 .min = SELECT_PORT,
	 .key = OWN "selection[].port",
	 .arg = "N[-M]",
	 .help = "processes that listen on, or connect to, a TCP port"},
	{.name = "cgroup",
	 .type = OPT_SELECTOR,
	 .min = SELECT_CGROUP,
	 .key = OWN "selection[].cgroup",
	 .arg = "PATH",
	 .help = "processes in a cgroup v2 directory or below it"},
	{.name = "all",
	 .type = OPT_SELECTOR,
	 .min = SELECT_ALL,
	 .key = OWN "selection[].all",
	 .help = "every process of this host"},

	{.group = "Capture",
	 .name = "hooks",
	 .env = "OTEL_EBPF_HOOKS",
	 .key = OWN "hooks",
	 .type = OPT_ENUM,
	 .at = AT(hooks),
	 .arg = "WHICH",
	 .words = hooks_words,
	 .help = "auto, sock (Linux 6.3) or syscall"},
	{.name = "capture-bytes",
	 .env = "OTEL_EBPF_CAPTURE_BYTES",
	 .key = OWN "capture_bytes",
	 .type = OPT_U32,
	 .at = AT(capture_bytes),
	 .arg = "N",
	 .min = 256,
	 .max = 16384,
	 .help = "largest copy of one socket operation (16384)"},
	{.name = "ring-size",
	 .env = "OTEL_EBPF_RING_SIZE",
	 .key = OWN "ring_size",
	 .type = OPT_U32,
	 .at = AT(ring_mib),
	 .arg = "MIB",
	 .min = 1,
	 .max = 64,
	 .help = "ring buffer, a power of two (8)"},
	{.name = "max-connections",
	 .env = "OTEL_EBPF_MAX_CONNECTIONS",
	 .key = OWN "max_connections",
	 .type = OPT_U32,
	 .at = AT(max_connections),
	 .arg = "N",
	 .min = 16,
	 .max = 1000000,
	 .help = "connections remembered at a time (20000)"},
	{.name = "duration",
	 .env = "OTEL_EBPF_DURATION",
	 .key = OWN "duration",
	 .type = OPT_U64,
	 .at = AT(duration_s),
	 .arg = "SECONDS",
	 .max = 31536000,
	 .help = "stop by itself after that time"},
	{.name = "output",
	 .letter = 'o',
	 .type = OPT_STR,
	 .at = AT(output),
	 .arg = "FILE",
	 .help = "record: where to write (- for stdout)"},

	{.group = "Spans and metrics",
	 .name = "route",
	 .env = "OTEL_EBPF_ROUTES",
	 .key = OWN "routes",
	 .type = OPT_LIST,
	 .at = AT(routes),
	 .arg = "PATTERN",
	 .help = "a route like /users/{id} or /static/{rest...}; repeatable"},
	{.name = "route-heuristic",
	 .env = "OTEL_EBPF_ROUTE_HEURISTIC",
	 .key = OWN "route_heuristic",
	 .type = OPT_ONOFF,
	 .at = AT(route_heuristic),
	 .arg = "on|off",
	 .help = "guess routes from paths, where certain (on)"},
	{.name = "url-query",
	 .env = "OTEL_EBPF_URL_QUERY",
	 .key = OWN "url_query",
	 .type = OPT_ENUM,
	 .at = AT(url_query),
	 .arg = "HOW",
	 .words = query_words,
	 .help = "redact (values hidden, default), raw or drop"},
	{.name = "body-sizes",
	 .env = "OTEL_EBPF_BODY_SIZES",
	 .key = OWN "body_sizes",
	 .type = OPT_BOOL,
	 .at = AT(body_sizes),
	 .help = "add http.request/response.body.size and .size"},
	{.name = "instrumentation-http-known-methods",
	 .env = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
	 .type = OPT_LIST,
	 .at = AT(known_methods),
	 .arg = "LIST",
	 .help = "methods that are not _OTHER; replaces the default list"},
	{.name = "service-name",
	 .env = "OTEL_SERVICE_NAME",
	 .type = OPT_STR,
	 .at = AT(service_name),
	 .arg = "NAME",
	 .help = "service.name: of the one --pid given, else only where the process has no name of "
		 "its own"},
	{.name = "resource-attributes",
	 .env = "OTEL_RESOURCE_ATTRIBUTES",
	 .key = "resource.attributes_list",
	 .type = OPT_STR,
	 .at = AT(resource_attributes),
	 .arg = "K=V,...",
	 .help = "added to every resource"},
	{.name = "target-env",
	 .env = "OTEL_EBPF_TARGET_ENV",
	 .key = OWN "target_env",
	 .type = OPT_ONOFF,
	 .at = AT(target_env),
	 .arg = "on|off",
	 .help = "honour OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES of watched processes (on)"},
	{.name = "propagators",
	 .env = "OTEL_PROPAGATORS",
	 .key = "propagator.composite_list",
	 .type = OPT_LIST,
	 .at = AT(propagators),
	 .arg = "LIST",
	 .help = "trace context that is read: tracecontext or none"},
	{.name = "traces-sampler",
	 .env = "OTEL_TRACES_SAMPLER",
	 .key = OWN "traces_sampler",
	 .type = OPT_ENUM,
	 .at = AT(sampler),
	 .arg = "NAME",
	 .words = sampler_words,
	 .help = "parentbased_always_on (default), always_on, always_off, traceidratio, "
		 "parentbased_..."},
	{.name = "traces-sampler-arg",
	 .env = "OTEL_TRACES_SAMPLER_ARG",
	 .key = OWN "traces_sampler_arg",
	 .type = OPT_STR,
	 .at = AT(sampler_arg),
	 .arg = "RATIO",
	 .help = "0.0 to 1.0 for the ratio samplers"},
	{.name = "attribute-value-length-limit",
	 .env = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
	 .key = "attribute_limits.attribute_value_length_limit",
	 .type = OPT_U32,
	 .at = AT(attr_value_max),
	 .arg = "N",
	 .max = INT_MAX,
	 .help = "longest attribute value, in bytes (no limit)"},
	{.name = "attribute-count-limit",
	 .env = "OTEL_ATTRIBUTE_COUNT_LIMIT",
	 .key = "attribute_limits.attribute_count_limit",
	 .type = OPT_U32,
	 .at = AT(attr_count_max),
	 .arg = "N",
	 .max = INT_MAX,
	 .help = "most attributes (128)"},
	{.name = "span-attribute-value-length-limit",
	 .env = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
	 .key = "tracer_provider.limits.attribute_value_length_limit",
	 .type = OPT_U32,
	 .at = AT(span_attr_value_max),
	 .arg = "N",
	 .max = INT_MAX,
	 .help = "the same for spans only"},
	{.name = "span-attribute-count-limit",
	 .env = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
	 .key = "tracer_provider.limits.attribute_count_limit",
	 .type = OPT_U32,
	 .at = AT(span_attr_count_max),
	 .arg = "N",
	 .max = INT_MAX,
	 .help = "the same for spans only"},
	{.name = "semconv-stability-opt-in",
	 .env = "OTEL_SEMCONV_STABILITY_OPT_IN",
	 .type = OPT_LIST,
	 .at = AT(semconv_opt_in),
	 .arg = "LIST",
	 .help = "http is what is emitted; http/dup is not built yet"},

	{.group = "Export",
	 .name = "traces-exporter",
	 .env = "OTEL_TRACES_EXPORTER",
	 .key = OWN "traces_exporter",
	 .type = OPT_LIST,
	 .at = AT(traces_exporters),
	 .arg = "LIST",
	 .help = "otlp (default), console, otlp_file, none"},
	{.name = "metrics-exporter",
	 .env = "OTEL_METRICS_EXPORTER",
	 .key = OWN "metrics_exporter",
	 .type = OPT_LIST,
	 .at = AT(metrics_exporters),
	 .arg = "LIST",
	 .help = "the same for metrics"},
	{.name = "logs-exporter",
	 .env = "OTEL_LOGS_EXPORTER",
	 .type = OPT_LIST,
	 .at = AT(logs_exporters),
	 .arg = "LIST",
	 .help = "accepted; there are no logs to export"},
	{.name = "otlp-file",
	 .env = "OTEL_EBPF_OTLP_FILE",
	 .key = OWN "otlp_file",
	 .type = OPT_STR,
	 .at = AT(otlp_file),
	 .arg = "PATH",
	 .help = "where otlp_file writes OTLP JSON lines (- for stdout)"},
	OTLP3("endpoint", "ENDPOINT", endpoint, OPT_STR, "URL",
	      "collector (http://localhost:4318); /v1/traces and /v1/metrics are added"),
	OTLP3("protocol", "PROTOCOL", protocol, OPT_ENUM, "P",
	      "http/protobuf (grpc and http/json are not built yet)", .words = protocol_words),
	OTLP3("headers", "HEADERS", headers, OPT_STR, "K=V,...",
	      "sent with every export; never shown", .secret = true),
	OTLP3("timeout", "TIMEOUT", timeout_ms, OPT_U32, "MS", "of one request (10000)",
	      .max = INT_MAX),
	OTLP3("compression", "COMPRESSION", compression, OPT_ENUM, "C", "none (default) or gzip",
	      .words = compression_words),
	OTLP3("certificate", "CERTIFICATE", certificate, OPT_STR, "FILE",
	      "CA certificates to trust"),
	OTLP3("client-key", "CLIENT_KEY", client_key, OPT_STR, "FILE", "private key of mutual TLS"),
	OTLP3("client-certificate", "CLIENT_CERTIFICATE", client_certificate, OPT_STR, "FILE",
	      "certificate of mutual TLS"),
	{.name = "exporter-otlp-insecure",
	 .env = "OTEL_EXPORTER_OTLP_INSECURE",
	 .type = OPT_BOOL,
	 .at = AT(otlp_insecure),
	 .help = "only means something to grpc; accepted"},
	{.name = "exporter-otlp-metrics-temporality-preference",
	 .env = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
	 .key = READER "exporter.otlp_http.temporality_preference",
	 .type = OPT_ENUM,
	 .at = AT(temporality),
	 .arg = "T",
	 .words = temporality_words,
	 .help = "cumulative (default), delta, lowmemory"},
	{.name = "bsp-schedule-delay",
	 .env = "OTEL_BSP_SCHEDULE_DELAY",
	 .key = BATCH "schedule_delay",
	 .type = OPT_U32,
	 .at = AT(bsp_delay_ms),
	 .arg = "MS",
	 .max = INT_MAX,
	 .help = "longest time a span waits for its batch (5000)"},
	{.name = "bsp-export-timeout",
	 .env = "OTEL_BSP_EXPORT_TIMEOUT",
	 .key = BATCH "export_timeout",
	 .type = OPT_U32,
	 .at = AT(bsp_timeout_ms),
	 .arg = "MS",
	 .min = 1,
	 .max = INT_MAX,
	 .help = "of one batch, retries included (30000)"},
	{.name = "bsp-max-queue-size",
	 .env = "OTEL_BSP_MAX_QUEUE_SIZE",
	 .key = BATCH "max_queue_size",
	 .type = OPT_U32,
	 .at = AT(bsp_queue),
	 .arg = "N",
	 .min = 1,
	 .max = 10000000,
	 .help = "spans waiting for export (2048)"},
	{.name = "bsp-max-export-batch-size",
	 .env = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
	 .key = BATCH "max_export_batch_size",
	 .type = OPT_U32,
	 .at = AT(bsp_batch),
	 .arg = "N",
	 .min = 1,
	 .max = 65536,
	 .help = "spans of one export (512)"},
	{.name = "metric-export-interval",
	 .env = "OTEL_METRIC_EXPORT_INTERVAL",
	 .key = READER "interval",
	 .type = OPT_U32,
	 .at = AT(metric_interval_ms),
	 .arg = "MS",
	 .min = 1,
	 .max = INT_MAX,
	 .help = "(60000)"},
	{.name = "metric-export-timeout",
	 .env = "OTEL_METRIC_EXPORT_TIMEOUT",
	 .key = READER "timeout",
	 .type = OPT_U32,
	 .at = AT(metric_timeout_ms),
	 .arg = "MS",
	 .min = 1,
	 .max = INT_MAX,
	 .help = "(30000)"},
	{.name = "shutdown-timeout",
	 .env = "OTEL_EBPF_SHUTDOWN_TIMEOUT",
	 .key = OWN "shutdown_timeout",
	 .type = OPT_U32,
	 .at = AT(shutdown_timeout_ms),
	 .arg = "MS",
	 .max = 600000,
	 .help = "for the last flush (10000)"},
	{.name = "console-color",
	 .env = "OTEL_EBPF_CONSOLE_COLOR",
	 .key = OWN "console_color",
	 .type = OPT_ENUM,
	 .at = AT(color),
	 .arg = "WHEN",
	 .words = color_words,
	 .help = "auto, always or never"},

	{.group = "General",
	 .name = "config",
	 .letter = 'c',
	 .env = "OTEL_CONFIG_FILE",
	 .type = OPT_STR,
	 .at = AT(config_file),
	 .arg = "FILE",
	 .help = "declarative configuration (YAML); silences OTEL_* variables"},
	{.name = "experimental-config-file",
	 .env = "OTEL_EXPERIMENTAL_CONFIG_FILE",
	 .type = OPT_STR,
	 .at = AT(experimental_config_file),
	 .arg = "FILE",
	 .help = "the older name of --config"},
	{.name = "sdk-disabled",
	 .env = "OTEL_SDK_DISABLED",
	 .key = "disabled",
	 .type = OPT_BOOL,
	 .at = AT(disabled),
	 .help = "load no probes, export nothing, exit 0"},
	{.name = "log-level",
	 .env = "OTEL_LOG_LEVEL",
	 .key = "log_level",
	 .type = OPT_ENUM,
	 .at = AT(log_level),
	 .arg = "LEVEL",
	 .words = level_words,
	 .help = "none, error, warn, info (default) or debug"},
	{.name = "proc-root",
	 .env = "OTEL_EBPF_PROC_ROOT",
	 .key = OWN "proc_root",
	 .type = OPT_STR,
	 .at = AT(proc_root),
	 .arg = "PATH",
	 .help = "the host's /proc, when mounted elsewhere"},
	{.name = "verbose",
	 .letter = 'v',
	 .type = OPT_COUNT,
	 .at = AT(verbose),
	 .help = "print the ledger at exit; twice: debug log"},
	{.name = "quiet",
	 .letter = 'q',
	 .type = OPT_BOOL,
	 .at = AT(quiet),
	 .help = "warnings and errors only"},
};
const size_t option_cnt = sizeof(option_table) / sizeof(option_table[0]);
_Static_assert(sizeof(option_table) / sizeof(option_table[0]) <= CONFIG_OPTIONS_MAX,
	       "raise CONFIG_OPTIONS_MAX");

static int whole_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret, char why[200])
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!*text || *end || errno || strchr(text, '-') || text[0] == ' ' || text[0] == '+') {
		snprintf(why, 200, "'%.60s' is not a whole number", text);
		return -EINVAL;
	}
	if (n < min || (max && n > max)) {
		snprintf(why, 200, "%llu is not between %llu and %llu", n, (unsigned long long)min,
			 (unsigned long long)max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int set_str(char **to, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

static void list_clear(struct string_list *l)
{
	for (uint32_t i = 0; i < l->cnt; i++)
		free(l->v[i]);
	memset(l, 0, sizeof(*l));
}

static int list_add(struct string_list *l, const char *text, char why[200])
{
	while (*text) {
		size_t n = strcspn(text, ","), skip = n + (text[n] == ',');
		const char *s = text;

		for (; n && (*s == ' ' || *s == '\t'); n--)
			s++;
		while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
			n--;
		if (n) {
			if (l->cnt == CONFIG_LIST_MAX) {
				snprintf(why, 200, "more than %d entries", CONFIG_LIST_MAX);
				return -EINVAL;
			}
			l->v[l->cnt] = strndup(s, n);
			if (!l->v[l->cnt])
				return -ENOMEM;
			l->cnt++;
		}
		text += skip;
	}
	return 0;
}

static int add_selector(struct config *c, const struct option_row *o, const char *text,
			char why[200])
{
	struct selector s = {.kind = (enum selector_kind)o->min};
	const char *dash = strchr(text, '-');
	uint64_t lo, hi;
	char first[24];
	int err = 0;

	switch (s.kind) {
	case SELECT_PID:
		err = whole_number(text, 1, 4194304, &lo, why);
		s.pid = err ? 0 : (pid_t)lo;
		break;
	case SELECT_PORT:
		snprintf(first, sizeof(first), "%.*s",
			 dash ? (int)(dash - text < 20 ? dash - text : 20) : 20, text);
		err = whole_number(first, 1, 65535, &lo, why);
		hi = lo;
		if (!err && dash)
			err = whole_number(dash + 1, 1, 65535, &hi, why);
		if (!err && hi < lo) {
			snprintf(why, 200, "'%.60s' ends before it begins", text);
			err = -EINVAL;
		}
		if (!err) {
			s.lo = (uint16_t)lo;
			s.hi = (uint16_t)hi;
		}
		break;
	case SELECT_ALL:
		break;
	case SELECT_EXE:
	case SELECT_CGROUP:
		if (!*text) {
			snprintf(why, 200, "must not be empty");
			return -EINVAL;
		}
		s.text = strdup(text);
		err = s.text ? 0 : -ENOMEM;
		break;
	}
	if (!err && c->selector_cnt == CONFIG_LIST_MAX) {
		snprintf(why, 200, "more than %d selections", CONFIG_LIST_MAX);
		err = -EINVAL;
	}
	if (err) {
		free(s.text);
		return err;
	}
	c->selectors[c->selector_cnt++] = s;
	return 0;
}

static int set_enum(uint32_t *to, const struct opt_word *words, const char *text, char why[200])
{
	size_t n;

	for (const struct opt_word *w = words; w->word; w++)
		if (!strcasecmp(w->word, text)) {
			*to = w->val;
			return 0;
		}
	n = (size_t)snprintf(why, 200, "'%.40s' is not one of", text);
	for (const struct opt_word *w = words; w->word && n < 190; w++)
		n += (size_t)snprintf(why + n, 200 - n, "%s %s", w == words ? "" : ",", w->word);
	return -EINVAL;
}

int option_set(struct config *c, const struct option_row *o, const char *text, bool replace,
	       char why[200])
{
	void *to = (char *)c + o->at;
	uint64_t n;
	int err;

	why[0] = 0;
	switch (o->type) {
	case OPT_STR:
		return set_str(to, text);
	case OPT_BOOL:
		/* "Only case-insensitive true is true"; anything else but false is worth a word by
		 * the caller */
		*(bool *)to = !strcasecmp(text, "true");
		if (!*(bool *)to && strcasecmp(text, "false")) {
			snprintf(why, 200, "'%.40s' is neither true nor false", text);
			return -EINVAL;
		}
		return 0;
	case OPT_ONOFF:
		if (strcasecmp(text, "on") && strcasecmp(text, "off") && strcasecmp(text, "true") &&
		    strcasecmp(text, "false")) {
			snprintf(why, 200, "'%.40s' is neither on nor off", text);
			return -EINVAL;
		}
		*(bool *)to = !strcasecmp(text, "on") || !strcasecmp(text, "true");
		return 0;
	case OPT_U32:
		err = whole_number(text, o->min, o->max, &n, why);
		if (!err && !strcmp(o->name, "ring-size") && (n & (n - 1))) {
			snprintf(why, 200, "%llu is not a power of two", (unsigned long long)n);
			err = -EINVAL;
		}
		if (!err)
			*(uint32_t *)to = (uint32_t)n;
		return err;
	case OPT_U64:
		return whole_number(text, o->min, o->max, to, why);
	case OPT_ENUM:
		return set_enum(to, o->words, text, why);
	case OPT_LIST:
		if (replace)
			list_clear(to);
		return list_add(to, text, why);
	case OPT_SELECTOR:
		return add_selector(c, o, text, why);
	case OPT_COUNT:
		(*(uint32_t *)to)++;
		return 0;
	}
	return -EINVAL;
}

void option_origin(struct config *c, const struct option_row *o, const char *origin)
{
	char **to = &c->origin[o - option_table];

	free(*to);
	*to = strdup(origin);
}

void config_defaults(struct config *c)
{
	*c = (struct config){
		.capture_bytes = 16384,
		.ring_mib = 8,
		.max_connections = 20000,
		.bsp_delay_ms = 5000,
		.bsp_timeout_ms = 30000,
		.bsp_queue = 2048,
		.bsp_batch = 512,
		.metric_interval_ms = 60000,
		.metric_timeout_ms = 30000,
		.log_level = LOG_INFO,
		.attr_value_max = UINT32_MAX,
		.attr_count_max = UINT32_MAX,
		.span_attr_value_max = UINT32_MAX,
		.span_attr_count_max = UINT32_MAX,
		.route_heuristic = true,
		.target_env = true,
		.shutdown_timeout_ms = 10000,
	};
}

void config_done(struct config *c)
{
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		void *at = (char *)c + o->at;

		if (o->type == OPT_STR) {
			free(*(char **)at);
			*(char **)at = NULL;
		} else if (o->type == OPT_LIST) {
			list_clear(at);
		}
		free(c->origin[i]);
		c->origin[i] = NULL;
	}
	for (uint32_t i = 0; i < c->selector_cnt; i++)
		free(c->selectors[i].text);
	c->selector_cnt = 0;
	free(c->file);
	c->file = NULL;
}
