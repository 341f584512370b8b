/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, the environment, their order, and what is derived from them. */
#include "tests/unit/config_run.h"

#define LIMIT "attribute-value-length-limit: null\nattribute-count-limit: 128\n"

static const struct config_case defaults[] = {
	{"nothing said", "run --all", NULL, NULL, 0,
	 "traces-exporter: [\"otlp\"]  # default\nmetrics-exporter: [\"otlp\"]  # default\n"
	 "traces.url=http://localhost:4318/v1/traces|\nmetrics.url=http://localhost:4318/v1/"
	 "metrics|\n"
	 "traces.timeout=10000|\ntraces.gzip=0|\ntraces.headers=-|\nqueue=2048,512,30000,30000|\n"
	 "bsp-schedule-delay: 5000\nmetric-export-interval: 60000\nsampler=0,1,1|\npropagates=1|\n"
	 "propagators: [\"tracecontext\", \"baggage\"]\nlog-level: info\nshutdown-timeout: 10000\n"
	 "capture-bytes: 16384\nring-size: 2\nmax-connections: 20000\nurl-query: redact\n"
	 "route-heuristic: \"on\"\ntarget-env: \"on\"\nproc-root: \"/proc\"\nsdk-disabled: "
	 "false\n" LIMIT "limits=4294967295,128|",
	 ""},
	{"run is the default command", "--all", NULL, NULL, 0, "- all: true", ""},
	{"trace prints", "trace --all", NULL, NULL, 0,
	 "traces-exporter: [\"console\"]\nmetrics-exporter: [\"none\"]\ntraces.url=-|", ""},
	{"trace prints whatever the environment exports", "trace --all",
	 "OTEL_TRACES_EXPORTER=otlp", NULL, 0, "traces-exporter: [\"otlp\", \"console\"]", ""},
	{"trace prints though the environment says none", "trace --all",
	 "OTEL_TRACES_EXPORTER=none", NULL, 0, "traces-exporter: [\"console\"]", ""},
	{"the command line alone decides what trace does", "trace --all --traces-exporter otlp",
	 NULL, NULL, 0, "traces-exporter: [\"otlp\"]", ""},
	{"replay prints", "replay x.rec", NULL, NULL, 0, "traces-exporter: [\"console\"]", ""},
};

/* Contract 4.1: empty, booleans, enums, numbers. */
static const struct config_case rules[] = {
	{"empty is unset: number", "run --all", "OTEL_BSP_MAX_QUEUE_SIZE=", NULL, 0,
	 "queue=2048,\nbsp-max-queue-size: 2048  # default", ""},
	{"empty is unset: string", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=", NULL, 0,
	 "traces.url=http://localhost:4318/v1/traces|", ""},
	{"empty is unset: per-signal endpoint falls back to the base (G-2)", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://base:1\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=", NULL, 0,
	 "traces.url=http://base:1/v1/traces|", ""},
	{"empty is unset: exporter", "run --all", "OTEL_TRACES_EXPORTER=", NULL, 0,
	 "traces-exporter: [\"otlp\"]  # default", ""},
	{"empty is unset: boolean", "run --all", "OTEL_SDK_DISABLED=", NULL, 0,
	 "sdk-disabled: false", ""},
	{"boolean: true", "run", "OTEL_SDK_DISABLED=true", NULL, 0, "sdk-disabled: true", ""},
	{"boolean: TRUE", "run", "OTEL_SDK_DISABLED=TRUE", NULL, 0, "sdk-disabled: true", ""},
	{"boolean: 1 is false, with a word (G-1)", "run --all", "OTEL_SDK_DISABLED=1", NULL, 0,
	 "sdk-disabled: false", "OTEL_SDK_DISABLED: '1' is neither true nor false; ignored"},
	{"boolean: yes is false, with a word (G-1)", "run --all", "OTEL_SDK_DISABLED=yes", NULL, 0,
	 "sdk-disabled: false", "OTEL_SDK_DISABLED: 'yes'"},
	{"boolean: false says nothing", "run --all", "OTEL_SDK_DISABLED=False", NULL, 0,
	 "sdk-disabled: false", ""},
	{"disabled leaves propagators alone (G-1)", "run", "OTEL_SDK_DISABLED=true", NULL, 0,
	 "propagates=1|", ""},
	{"enum: any case", "run --all", "OTEL_TRACES_SAMPLER=Always_OFF", NULL, 0, "sampler=1,0,1|",
	 ""},
	{"enum: unknown is ignored (G-3)", "run --all", "OTEL_TRACES_SAMPLER=foo", NULL, 0,
	 "sampler=0,1,1|",
	 "OTEL_TRACES_SAMPLER: 'foo' is not one of parentbased_always_on\nignored"},
	{"enum: xray is ignored", "run --all", "OTEL_TRACES_SAMPLER=xray", NULL, 0,
	 "sampler=0,1,1|", "OTEL_TRACES_SAMPLER: 'xray'"},
	{"enum: per-signal falls back to the base", "run --all",
	 "OTEL_EXPORTER_OTLP_COMPRESSION=gzip\nOTEL_EXPORTER_OTLP_TRACES_COMPRESSION=brotli", NULL,
	 0, "traces.gzip=1|\nmetrics.gzip=1|", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'brotli'"},
	{"number: junk behind it (G-3)", "run --all", "OTEL_BSP_MAX_QUEUE_SIZE=512x", NULL, 0,
	 "queue=2048,", "OTEL_BSP_MAX_QUEUE_SIZE: '512x' is not a whole number; ignored"},
	{"number: negative", "run --all", "OTEL_BSP_SCHEDULE_DELAY=-1", NULL, 0,
	 "bsp-schedule-delay: 5000",
	 "OTEL_BSP_SCHEDULE_DELAY: '-1' is not a whole number; ignored"},
	{"number: blank in front", "run --all", "OTEL_BSP_SCHEDULE_DELAY= 5", NULL, 0,
	 "bsp-schedule-delay: 5000", "OTEL_BSP_SCHEDULE_DELAY: ' 5' is not"},
	{"number: fraction", "run --all", "OTEL_EXPORTER_OTLP_TIMEOUT=1.5", NULL, 0,
	 "traces.timeout=10000|", "OTEL_EXPORTER_OTLP_TIMEOUT: '1.5'"},
	{"number: with a unit (G-5)", "run --all", "OTEL_EXPORTER_OTLP_TIMEOUT=5s", NULL, 0,
	 "traces.timeout=10000|", "OTEL_EXPORTER_OTLP_TIMEOUT: '5s'"},
	{"number: larger than 64 bits", "run --all", "OTEL_BSP_MAX_QUEUE_SIZE=99999999999999999999",
	 NULL, 0, "queue=2048,",
	 "OTEL_BSP_MAX_QUEUE_SIZE: 99999999999999999999 is not between 1 and"},
	{"number: queue 0 (G-4)", "run --all", "OTEL_BSP_MAX_QUEUE_SIZE=0", NULL, 0,
	 "queue=2048,512", "OTEL_BSP_MAX_QUEUE_SIZE: 0 is not between"},
	{"number: batch 0 (G-4)", "run --all", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=0", NULL, 0,
	 "queue=2048,512", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 0 is not between"},
	{"number: batch above queue is clamped (G-4)", "run --all", "OTEL_BSP_MAX_QUEUE_SIZE=100",
	 NULL, 0, "queue=100,100",
	 "OTEL_BSP_MAX_EXPORT_BATCH_SIZE 512 is larger than the queue: 100 is used"},
	{"number: 0 ms is no limit", "run --all",
	 "OTEL_EXPORTER_OTLP_TIMEOUT=0\nOTEL_BSP_EXPORT_TIMEOUT=0\nOTEL_METRIC_EXPORT_TIMEOUT=0",
	 NULL, 0, "traces.timeout=2147483647|\nqueue=2048,512,2147483647,2147483647|", ""},
	{"milliseconds (G-5)", "run --all",
	 "OTEL_BSP_SCHEDULE_DELAY=250\nOTEL_BSP_EXPORT_TIMEOUT=1000\nOTEL_METRIC_EXPORT_INTERVAL="
	 "10000\n"
	 "OTEL_METRIC_EXPORT_TIMEOUT=2000\nOTEL_EXPORTER_OTLP_METRICS_TIMEOUT=3000",
	 NULL, 0,
	 "bsp-schedule-delay: 250  # environment "
	 "OTEL_BSP_SCHEDULE_DELAY\nqueue=2048,512,1000,2000|\n"
	 "metric-export-interval: 10000\ntraces.timeout=10000|\nmetrics.timeout=3000|",
	 ""},
	{"limits: general ones reach spans", "run --all",
	 "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=100\nOTEL_ATTRIBUTE_COUNT_LIMIT=10", NULL, 0,
	 "limits=100,10|", ""},
	{"limits: those of spans win", "run --all",
	 "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=100\nOTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=0\n"
	 "OTEL_ATTRIBUTE_COUNT_LIMIT=10\nOTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=64",
	 NULL, 0, "limits=0,64|", ""},
	{"sampler: ratio", "run --all",
	 "OTEL_TRACES_SAMPLER=parentbased_traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25", NULL, 0,
	 "sampler=2,1,0.25|", ""},
	{"sampler: ratio without an argument", "run --all", "OTEL_TRACES_SAMPLER=traceidratio",
	 NULL, 0, "sampler=2,0,1|", ""},
	{"sampler: ratio out of range (G-3)", "run --all",
	 "OTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=1.01", NULL, 0,
	 "sampler=2,0,1|",
	 "OTEL_TRACES_SAMPLER_ARG: '1.01' is not a ratio between 0.0 and 1.0; ignored"},
	{"sampler: ratio nan", "run --all",
	 "OTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=nan", NULL, 0, "sampler=2,0,1|",
	 "'nan' is not a ratio"},
	{"sampler: ratio negative", "run --all",
	 "OTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=-0.1", NULL, 0,
	 "sampler=2,0,1|", "'-0.1' is not a ratio"},
	{"sampler: ratio with junk", "run --all",
	 "OTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.5x", NULL, 0,
	 "sampler=2,0,1|", "'0.5x' is not a ratio"},
	{"sampler: parentbased_always_off", "run --all",
	 "OTEL_TRACES_SAMPLER=parentbased_always_off", NULL, 0, "sampler=1,1,1|", ""},
	{"log level", "run --all", "OTEL_LOG_LEVEL=ERROR\nOTEL_BSP_MAX_QUEUE_SIZE=x", NULL, 0,
	 "log-level: error", ""},
	{"log level unknown", "run --all", "OTEL_LOG_LEVEL=loud", NULL, 0, "log-level: info",
	 "OTEL_LOG_LEVEL: 'loud' is not one of none, error, warn, info, debug; ignored"},
	{"a variable of ours that does not exist", "run --all", "OTEL_EBPF_RINGSIZE=4", NULL, 0,
	 "ring-size: 2",
	 "OTEL_EBPF_RINGSIZE is not a variable of otel-ebpf: did you mean OTEL_EBPF_RING_SIZE?; "
	 "ignored"},
	{"others' OTEL_* variables are theirs", "run --all",
	 "OTEL_PYTHON_DJANGO_INSTRUMENT=x\nOTEL_BLRP_SCHEDULE_DELAY=1", NULL, 0, NULL, ""},
};

static const struct config_case lists[] = {
	{"exporters: list, any case", "run --all", "OTEL_TRACES_EXPORTER=Console, OTLP", NULL, 0,
	 "traces-exporter: [\"console\", \"otlp\"]  # environment OTEL_TRACES_EXPORTER", ""},
	{"exporters: twice the same is once", "run --all", "OTEL_TRACES_EXPORTER=otlp,otlp", NULL,
	 0, "traces-exporter: [\"otlp\"]", ""},
	{"exporters: none", "run --all", "OTEL_METRICS_EXPORTER=none", NULL, 0,
	 "metrics-exporter: [\"none\"]\nmetrics.url=-|\ntraces.url=http", ""},
	{"exporters: none beside others", "run --all", "OTEL_TRACES_EXPORTER=none,console", NULL, 0,
	 "traces-exporter: [\"console\"]", "'none' beside others"},
	{"exporters: logging is console, with a warning", "run --all",
	 "OTEL_TRACES_EXPORTER=logging", NULL, 0, "traces-exporter: [\"console\"]",
	 "warning: OTEL_TRACES_EXPORTER: 'logging' is the older name of 'console'"},
	{"exporters: unknown entry is left out", "run --all", "OTEL_TRACES_EXPORTER=foo,console",
	 NULL, 0, "traces-exporter: [\"console\"]",
	 "OTEL_TRACES_EXPORTER: 'foo' is not one of otlp, console, otlp_file, none; ignored"},
	{"exporters: only unknown ones is unset", "run --all", "OTEL_TRACES_EXPORTER=zipkin", NULL,
	 0, "traces-exporter: [\"otlp\"]  # default", "'zipkin' is not built yet"},
	{"exporters: prometheus", "run --all", "OTEL_METRICS_EXPORTER=prometheus,otlp", NULL, 0,
	 "metrics-exporter: [\"otlp\"]", "'prometheus' is not built yet"},
	{"exporters: logs accepted", "run --all", "OTEL_LOGS_EXPORTER=otlp,whatever", NULL, 0,
	 "logs-exporter: [\"otlp\", \"whatever\"]", ""},
	{"exporters: otlp_file needs a file", "run --all --traces-exporter otlp_file", NULL, NULL,
	 1, NULL, "the otlp_file exporter needs --otlp-file PATH"},
	{"exporters: otlp_file", "run --all",
	 "OTEL_TRACES_EXPORTER=otlp_file\nOTEL_EBPF_OTLP_FILE=-", NULL, 0, "otlp-file: \"-\"", ""},
	{"propagators: b3 is known, not read", "run --all", "OTEL_PROPAGATORS=b3,tracecontext",
	 NULL, 0, "propagators: [\"tracecontext\"]\npropagates=1|",
	 "OTEL_PROPAGATORS: 'b3' is not built yet and left out"},
	{"propagators: none", "run --all", "OTEL_PROPAGATORS=none", NULL, 0, "propagates=0|", ""},
	{"propagators: baggage alone reads no trace context", "run --all",
	 "OTEL_PROPAGATORS=baggage", NULL, 0, "propagates=0|", ""},
	{"propagators: unknown only is the default", "run --all", "OTEL_PROPAGATORS=smoke", NULL, 0,
	 "propagates=1|", "'smoke' is not one of tracecontext, baggage, none; ignored"},
	{"opt-in: http", "run --all", "OTEL_SEMCONV_STABILITY_OPT_IN=http,database", NULL, 0, NULL,
	 ""},
	{"opt-in: http/dup", "run --all", "OTEL_SEMCONV_STABILITY_OPT_IN=http/dup", NULL, 0, NULL,
	 "OTEL_SEMCONV_STABILITY_OPT_IN: 'http/dup' is not built yet"},
	{"temporality", "run --all", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=LowMemory",
	 NULL, 0, "temporality-preference: lowmemory", ""},
	{"histograms", "run --all",
	 "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION=base2_exponential_bucket_"
	 "histogram",
	 NULL, 0, NULL, "base2_exponential_bucket_histogram is not built yet"},
	{"known methods keep their case", "run --all",
	 "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS=GET,Purge", NULL, 0,
	 "known-methods: [\"GET\", \"Purge\"]", ""},
	{"routes", "run --all", "OTEL_EBPF_ROUTES=/a/{id},/b/{rest...}", NULL, 0,
	 "route: [\"/a/{id}\", \"/b/{rest...}\"]  # environment OTEL_EBPF_ROUTES", ""},
	{"routes: a bad one is left out", "run --all", "OTEL_EBPF_ROUTES=/a/{id},b", NULL, 0,
	 "route: [\"/a/{id}\"]", "OTEL_EBPF_ROUTES: route 'b': must begin with /; ignored"},
	{"resource attributes: a malformed pair voids all (G-8)", "run --all",
	 "OTEL_RESOURCE_ATTRIBUTES=a=b,c", NULL, 0, "resource-attributes: null",
	 "OTEL_RESOURCE_ATTRIBUTES: entry 2 is not key=value\nignored"},
	{"resource attributes: bad percent encoding (G-8)", "run --all",
	 "OTEL_RESOURCE_ATTRIBUTES=a=5%", NULL, 0, "resource-attributes: null",
	 "OTEL_RESOURCE_ATTRIBUTES: '%' is no percent-encoded byte"},
	{"resource attributes", "run --all", "OTEL_RESOURCE_ATTRIBUTES=a=b%20c,d=e=", NULL, 0,
	 "resource-attributes: \"a=b%20c,d=e=\"", ""},
};

static const struct config_case otlp[] = {
	{"base endpoint: path appended (G-11)", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:1/x/", NULL, 0,
	 "traces.url=http://c:1/x/v1/traces|\nmetrics.url=http://c:1/x/v1/metrics|\n# otlp: spans "
	 "to http://c:1/x/v1/traces",
	 ""},
	{"base endpoint: path goes before a query", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://c/?k=v", NULL, 0, "traces.url=http://c/v1/traces?k=v|",
	 ""},
	{"own endpoint: as it stands (G-11)", "run --all",
	 "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:1/\nOTEL_EXPORTER_OTLP_ENDPOINT=https://c",
	 NULL, 0, "traces.url=http://t:1/|\nmetrics.url=https://c/v1/metrics|", ""},
	{"no scheme: http and a warning (G-12)", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=c:4318",
	 NULL, 0, "traces.url=http://c:4318/v1/traces|",
	 "OTLP endpoint 'c:4318' has no scheme: http:// is assumed"},
	{"other schemes", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=ftp://c", NULL, 1, NULL,
	 "'ftp://c': only http:// and https:// are possible"},
	{"no host", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http:///x", NULL, 1, NULL,
	 "names no host"},
	{"no host but a port", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://:4318", NULL, 1,
	 NULL, "'http://:4318' names no host"},
	{"no host but a user", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:s3cret@", NULL, 1,
	 NULL, "'http://[hidden]@' names no host\n!s3cret"},
	{"port too large", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:99999", NULL, 1, NULL,
	 "'http://c:99999': the port is not between 1 and 65535"},
	{"port 0", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:0", NULL, 1, NULL,
	 "the port is not between 1 and 65535"},
	{"port that is no number", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318x", NULL,
	 1, NULL, "the port is not between 1 and 65535"},
	{"port that is 4317 in 64 bits", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:18446744073709555933", NULL, 1, NULL,
	 "the port is not between 1 and 65535"},
	{"an empty port is the scheme's", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:/",
	 NULL, 0, "traces.url=http://c:/v1/traces|", ""},
	{"the largest port", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:65535", NULL, 0,
	 "traces.url=http://c:65535/v1/traces|", ""},
	{"IPv6 without its bracket", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1", NULL,
	 1, NULL, "'http://[::1': the bracket of the IPv6 address is not closed"},
	{"IPv6 with a port", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1]:4318", NULL, 0,
	 "traces.url=http://[::1]:4318/v1/traces|", ""},
	{"IPv6 with junk behind it", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1]4318",
	 NULL, 1, NULL, "the port is not between 1 and 65535"},
	{"a tab in the endpoint", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c/\tx", NULL, 1,
	 NULL, "contains a blank or a control character"},
	{"one endpoint, one warning", "config", "OTEL_EXPORTER_OTLP_ENDPOINT=c:4318", NULL, 0,
	 "metrics.url=http://c:4318/v1/metrics|", "1x has no scheme"},
	{"one endpoint, metrics alone", "config --traces-exporter none",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=c:4318", NULL, 0, "metrics.url=http://c:4318/v1/metrics|",
	 "1x has no scheme"},
	{"two endpoints, two warnings", "config",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=c:4318\nOTEL_EXPORTER_OTLP_METRICS_ENDPOINT=d:4318", NULL, 0,
	 NULL, "1x'c:4318' has no scheme\n1x'd:4318' has no scheme"},
	{"grpc is refused, loudly", "run --all", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", NULL, 1, NULL,
	 "OTLP over grpc is not built yet: use http/protobuf and the collector's port 4318"},
	{"grpc for one signal", "run --all", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=grpc", NULL, 1,
	 NULL, "grpc is not built yet"},
	{"grpc for a signal that goes elsewhere is no matter", "run --all --metrics-exporter none",
	 "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=grpc", NULL, 0, "traces.url=http", ""},
	{"http/json is refused", "run --all --exporter-otlp-protocol http/json", NULL, NULL, 1,
	 NULL, "OTLP over http/json is not built yet"},
	{"port 4317 means grpc (G-10)", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317",
	 NULL, 1, NULL, "port 4317 means grpc"},
	{"port 4317, http said: a warning (G-10)", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
	 NULL, 0, "traces.url=http://c:4317/v1/traces|", "warning\ngrpc on port 4317"},
	{"4317 in a password is no port", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:4317@c/", NULL, 0,
	 "traces.url=http://u:4317@c/v1/traces|", ""},
	{"4317 in an address is no port", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://[::4317]/", NULL, 0,
	 "traces.url=http://[::4317]/v1/traces|", ""},
	{"IPv6 with port 4317", "run --all", "OTEL_EXPORTER_OTLP_ENDPOINT=http://[::1]:4317", NULL,
	 1, NULL, "port 4317 means grpc"},
	{"unknown protocol is ignored", "run --all", "OTEL_EXPORTER_OTLP_PROTOCOL=smoke", NULL, 0,
	 "traces.url=http://localhost:4318/v1/traces|", "OTEL_EXPORTER_OTLP_PROTOCOL: 'smoke'"},
	{"headers of a signal replace the base ones", "run --all",
	 "OTEL_EXPORTER_OTLP_HEADERS=a=1\nOTEL_EXPORTER_OTLP_METRICS_HEADERS=b=2", NULL, 0,
	 "traces.headers=a=1|\nmetrics.headers=b=2|", ""},
	{"headers are hidden", "run --all",
	 "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer s3cret", NULL, 0,
	 "exporter-otlp-headers: \"[hidden]\"  # environment\ntraces.headers=authorization=Bearer "
	 "s3cret|\n!: \"authorization",
	 ""},
	{"a malformed header is said without its text", "run --all",
	 "OTEL_EXPORTER_OTLP_HEADERS=a=1,s3cret", NULL, 0, "traces.headers=a=1,s3cret|",
	 "entry 2 is not name=value\n!s3cret"},
	{"a password in a URL is hidden", "config",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:s3cret@c/a@b", NULL, 0,
	 "exporter-otlp-endpoint: \"http://[hidden]@b\"", "!s3cret"},
	{"a key in a query is hidden", "config",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=http://c/p?key=s3cret", NULL, 0,
	 "exporter-otlp-endpoint: \"http://c/p?[hidden]\"", "!s3cret"},
	{"a password is hidden in warnings", "config", "OTEL_EXPORTER_OTLP_ENDPOINT=u:s3cret@c",
	 NULL, 0, NULL, "'[hidden]@c' has no scheme\n!s3cret"},
	{"a password is hidden in errors", "run --all",
	 "OTEL_EXPORTER_OTLP_ENDPOINT=ftp://u:s3cret@c", NULL, 1, NULL,
	 "'ftp://[hidden]@c': only\n!s3cret"},
	{"TLS files, per signal and base", "run --all",
	 "OTEL_EXPORTER_OTLP_CERTIFICATE=ca\nOTEL_EXPORTER_OTLP_CLIENT_KEY=k\n"
	 "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=c\nOTEL_EXPORTER_OTLP_METRICS_CERTIFICATE=mca",
	 NULL, 0, "traces.tls=ca,k,c|\nmetrics.tls=mca,k,c|", ""},
	{"insecure is accepted", "run --all",
	 "OTEL_EXPORTER_OTLP_INSECURE=true\nOTEL_EXPORTER_OTLP_TRACES_INSECURE=true", NULL, 0,
	 "traces.url=http://localhost", ""},
};

static const struct config_case order[] = {
	{"command line > environment", "run --all --bsp-schedule-delay 1",
	 "OTEL_BSP_SCHEDULE_DELAY=2", NULL, 0, "bsp-schedule-delay: 1  # command line", ""},
	{"command line list replaces the environment's", "run --all --route /a --route /b",
	 "OTEL_EBPF_ROUTES=/c", NULL, 0, "route: [\"/a\", \"/b\"]  # command line", ""},
	{"command line > file", "run --all -c @ --bsp-schedule-delay 1", NULL,
	 "file_format: '1.0'\ndistribution: {otel_ebpf: {bsp_schedule_delay: 3}}", 0,
	 "bsp-schedule-delay: 1  # command line", NULL},
	{"file silences the environment", "run --all -c @",
	 "OTEL_BSP_SCHEDULE_DELAY=2\nOTEL_SERVICE_NAME=env\nOTEL_EBPF_RING_SIZE=4",
	 "file_format: '1.0'\n", 0,
	 "bsp-schedule-delay: 5000  # default\nservice-name: null\nring-size: 2",
	 "OTEL_* variables are not used"},
	{"a file named by the environment", "run --all", "OTEL_CONFIG_FILE=@FILE@",
	 "file_format: '1.0'\ndistribution: {otel_ebpf: {ring_size: 4}}", 0,
	 "ring-size: 4  # file\nconfig: \"/tmp/otel-ebpf-test\n# environment OTEL_CONFIG_FILE",
	 NULL},
	{"the older name works, with a warning", "run --all",
	 "OTEL_EXPERIMENTAL_CONFIG_FILE=@FILE@",
	 "file_format: '1.0'\ndistribution: {otel_ebpf: {ring_size: 4}}", 0, "ring-size: 4  # file",
	 "warning: OTEL_EXPERIMENTAL_CONFIG_FILE is the older name"},
	{"selection of the command line replaces the file's", "run --pid 7 -c @", NULL,
	 "file_format: '1.0'\ndistribution: {otel_ebpf: {selection: [{exe: nginx}]}}", 0,
	 "- pid: 7  # command line\n!nginx", NULL},
	{"selection of the file suffices", "run -c @", NULL,
	 "file_format: '1.0'\ndistribution: {otel_ebpf: {selection: [{exe: nginx}]}}", 0,
	 "- exe: \"nginx\"  # file", NULL},
	{"selection of the environment suffices", "run",
	 "OTEL_EBPF_EXE=nginx,/usr/bin/java\nOTEL_EBPF_PORT=80,8080-8090", NULL, 0,
	 "- exe: \"nginx\"  # environment OTEL_EBPF_EXE\n- exe: \"/usr/bin/java\"\n- port: 80  "
	 "#\n- port: \"8080-8090\"",
	 ""},
	{"OTEL_EBPF_ALL=false selects nothing", "run", "OTEL_EBPF_ALL=false", NULL, 2, "",
	 "nothing is selected"},
	{"a file that is not there", "run --all -c /nonexistent", NULL, NULL, 1, "",
	 "cannot read configuration file /nonexistent: No such file"},
	{"a directory for a file", "run --all -c /tmp", NULL, NULL, 1, "",
	 "cannot read configuration file /tmp"},
};

static const struct config_case cmdline[] = {
	{"--opt VALUE", "run --all --exporter-otlp-endpoint http://c", NULL, NULL, 0,
	 "traces.url=http://c/v1/traces|", ""},
	{"--opt=VALUE", "run --all --exporter-otlp-endpoint=http://c", NULL, NULL, 0,
	 "traces.url=http://c/v1/traces|", ""},
	{"underscores are dashes",
	 "run --all --exporter_otlp_endpoint=http://c --traces_exporter console,otlp", NULL, NULL,
	 0, "traces-exporter: [\"console\", \"otlp\"]", ""},
	{"a value with = in it", "run --all --resource-attributes=a=b", NULL, NULL, 0,
	 "resource-attributes: \"a=b\"", ""},
	{"an empty value is unset",
	 "run --all --exporter-otlp-endpoint=", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c", NULL, 0,
	 "traces.url=http://localhost:4318/v1/traces|", ""},
	{"options before the command", "--all trace", NULL, NULL, 0,
	 "traces-exporter: [\"console\"]", ""},
	{"-- ends the options", "replay -- --x", NULL, NULL, 0, NULL, ""},
	{"- is no option", "record --all -o -", NULL, NULL, 0, "output: \"-\"", ""},
	{"-oFILE", "record --all -ofile", NULL, NULL, 0, "output: \"file\"", ""},
	{"-p repeatable", "run -p 1 -p2 --pid=3", NULL, NULL, 0, "- pid: 1\n- pid: 2\n- pid: 3",
	 ""},
	{"bare boolean", "run --all --body-sizes", NULL, NULL, 0,
	 "body-sizes: true  # command line", ""},
	{"boolean with a value", "run --all --body-sizes=false", "OTEL_EBPF_BODY_SIZES=true", NULL,
	 0, "body-sizes: false  # command line", ""},
	{"boolean with a bad value", "run --all --body-sizes=1", NULL, NULL, 2, "",
	 "--body-sizes: '1' is neither true nor false"},
	{"-v", "run --all -v --log-level warn", NULL, NULL, 0, "verbose: 1\nlog-level: info", ""},
	{"-vv", "run --all -vv", NULL, NULL, 0, "verbose: 2\nlog-level: debug", ""},
	{"-q", "run --all -q", NULL, NULL, 0, "log-level: warn", ""},
	{"-v counts from the command line on", "run --all -v", "OTEL_EBPF_VERBOSE=2", NULL, 0,
	 "verbose: 1", ""},
	{"verbose by variable", "run --all", "OTEL_EBPF_VERBOSE=2", NULL, 0,
	 "verbose: 2\nlog-level: debug", ""},
	{"-q silences information, also of the file", "run --all -q -c @", NULL,
	 "file_format: '1.0'\n", 0, NULL, ""},
	{"on|off", "run --all --route-heuristic off --target-env=OFF", NULL, NULL, 0,
	 "route-heuristic: \"off\"\ntarget-env: \"off\"", ""},
	{"enum on the command line", "run --all --hooks tracepoint", NULL, NULL, 2, "",
	 "--hooks: 'tracepoint' is not one of auto, sock, syscall"},
	{"exporter on the command line", "run --all --traces-exporter foo", NULL, NULL, 2, "",
	 "--traces-exporter: 'foo' is not one of"},
	{"number on the command line", "run --all --bsp-max-queue-size 5x", NULL, NULL, 2, "",
	 "'5x' is not a whole number"},
	{"ratio on the command line", "run --all --traces-sampler-arg 2", NULL, NULL, 2, "",
	 "'2' is not a ratio"},
	{"route on the command line", "run --all --route /a/{b", NULL, NULL, 2, "",
	 "--route: route '/a/{b': a placeholder is a whole segment"},
	{"ring size", "run --all --ring-size 64", NULL, NULL, 0, "ring-size: 64", ""},
	{"ring size: power of two", "run --all --ring-size 12", NULL, NULL, 2, "",
	 "12 is not a power of two"},
	{"ring size: range", "run --all --ring-size 128", NULL, NULL, 2, "",
	 "128 is not between 1 and 64"},
	{"capture bytes: range", "run --all --capture-bytes 255", NULL, NULL, 2, "",
	 "255 is not between 256 and 16384"},
	{"duration", "run --all --duration 5", NULL, NULL, 0, "duration: 5", ""},
	{"port", "run --port 443", NULL, NULL, 0, "- port: 443", ""},
	{"port range", "run --port 1-65535", NULL, NULL, 0, "- port: \"1-65535\"", ""},
	{"port 0", "run --port 0", NULL, NULL, 2, "", "--port: 0 is not between 1 and 65535"},
	{"port 65536", "run --port 1-65536", NULL, NULL, 2, "",
	 "--port: 65536 is not between 1 and 65535"},
	{"port range backwards", "run --port 90-80", NULL, NULL, 2, "",
	 "'90-80' ends before it begins"},
	{"port range open", "run --port 90-", NULL, NULL, 2, "", "'' is not a whole number"},
	{"port name", "run --port http", NULL, NULL, 2, "", "--port: 'http' is not a whole number"},
	{"pid 0", "run --pid 0", NULL, NULL, 2, "", "--pid: 0 is not between"},
	{"exe empty", "run --exe=", NULL, NULL, 2, "", "--exe: must not be empty"},
	{"--all takes no value", "run --all=true", NULL, NULL, 2, "", "--all takes no value"},
	{"missing value", "run --pid", NULL, NULL, 2, "", "--pid needs a value: --pid N"},
	{"missing value, short", "run -p", NULL, NULL, 2, "", "-p needs a value: --pid N"},
	{"missing value, an option follows", "run --exe --port 80", NULL, NULL, 2, "",
	 "--exe needs a value: --exe GLOB (or --exe=--port if that is the value)"},
	{"missing value, an option with = follows", "run --exe --port=80", NULL, NULL, 2, "",
	 "--exe needs a value: --exe GLOB"},
	{"missing value, short, an option follows", "run -p --all", NULL, NULL, 2, "",
	 "--pid needs a value: --pid N (or --pid=--all"},
	{"a value that looks like an option", "run --exe=--port", NULL, NULL, 0,
	 "- exe: \"--port\"", ""},
	{"a value with dashes that is no option", "run --exe --x", NULL, NULL, 0, "- exe: \"--x\"",
	 ""},
	{"unknown option", "run --all --frobnicate", NULL, NULL, 2, "",
	 "unknown option '--frobnicate' (otel-ebpf --help"},
	{"unknown option, near", "run --all --exporter-oltp-endpoint=x", NULL, NULL, 2, "",
	 "unknown option '--exporter-oltp-endpoint': did you mean --exporter-otlp-endpoint?"},
	{"unknown option, the end of one", "run --all --otlp-endpoint=s3cret", NULL, NULL, 2, "",
	 "unknown option '--otlp-endpoint': did you mean --exporter-otlp-endpoint?\n!s3cret"},
	{"unknown short option", "run -x", NULL, NULL, 2, "", "unknown option '-x'"},
	{"unknown command", "frobnicate", NULL, NULL, 2, "",
	 "unknown command 'frobnicate': run, trace, doctor, record, replay or config"},
	{"help is no command", "help", NULL, NULL, 2, "",
	 "unknown command 'help': otel-ebpf --help"},
	{"version is no command", "version", NULL, NULL, 2, "",
	 "unknown command 'version': otel-ebpf --version"},
	{"unknown command, near", "tracs", NULL, NULL, 2, "", "did you mean trace?"},
	{"commands that do not exist yet", "top", NULL, NULL, 2, "", "unknown command 'top'"},
	{"a process name instead of a selection", "run nginx", NULL, NULL, 2, "",
	 "'nginx' is one argument too many\n--exe GLOB"},
	{"two commands", "run trace", NULL, NULL, 2, "", "'trace' is one argument too many"},
	{"nothing selected: run", "run", NULL, NULL, 2, "",
	 "nothing is selected: choose with --pid N, --exe GLOB\notel-ebpf run --exe nginx"},
	{"nothing selected: no command", "", NULL, NULL, 2, "", "nothing is selected"},
	{"nothing selected: trace", "trace", NULL, NULL, 2, "", "otel-ebpf trace --exe nginx"},
	{"nothing selected: record", "record -o x", NULL, NULL, 2, "",
	 "otel-ebpf record --exe nginx -o FILE"},
	{"record without -o", "record --all", NULL, NULL, 2, "", "record needs -o FILE"},
	{"replay without a file", "replay", NULL, NULL, 2, "", "replay needs a FILE"},
	{"replay of two", "replay a b", NULL, NULL, 2, "", "'b' is one argument too many"},
	{"replay with a selection", "replay a --pid 1", NULL, NULL, 2, "", "replay takes no --pid"},
	{"doctor needs no selection", "doctor", NULL, NULL, 0, NULL, ""},
	{"doctor --pid", "doctor --pid 1", NULL, NULL, 0, "- pid: 1", ""},
	{"doctor with another selection", "doctor --port 1", NULL, NULL, 2, "",
	 "doctor takes no --port, only --pid N"},
	{"config needs no selection", "config", NULL, NULL, 0, "selection: []", ""},
	{"config --check without a file", "config --check", NULL, NULL, 2, "",
	 "--check needs a FILE"},
	{"--check elsewhere", "run --check x", NULL, NULL, 2, "", "otel-ebpf config --check FILE"},
	{"--help", "--help", NULL, NULL, 0,
	 "otel-ebpf trace\n--pid N\n--exporter-otlp-endpoint URL\n!list \n!otel-ebpf top", ""},
	{"--help of a command", "replay --help", NULL, NULL, 0,
	 "otel-ebpf replay FILE\n--traces-exporter\n!--pid N\n!--ring-size", ""},
	{"-h behind options", "doctor --pid 1 -h", NULL, NULL, 0, "otel-ebpf doctor\n!--ring-size",
	 ""},
	{"--version", "--version", NULL, NULL, 0, "otel-ebpf " OE_VERSION, ""},
	{"usage errors are said at any log level", "run --log-level none --nope", NULL, NULL, 2, "",
	 "unknown option"},
	{"disabled needs no selection", "run --sdk-disabled", NULL, NULL, 0, "sdk-disabled: true",
	 ""},
	{"many options", "run --all -v -v -v -v -v -v -v -v -v -v -v -v -v -v -v -v -v -v", NULL,
	 NULL, 0, "log-level: debug", NULL},
};

/* @FILE@ in a variable stands for the case's file. */
static void with_file(struct config_case *t, char *env, size_t size)
{
	const char *at = t->env ? strstr(t->env, "@FILE@") : NULL;

	if (!at)
		return;
	snprintf(env, size, "%.*s/tmp/otel-ebpf-test-%d.yaml%s", (int)(at - t->env), t->env,
		 (int)getpid(), at + 6);
	t->env = env;
}

static void test_hide_url(void)
{
	static const struct {
		const char *url, *want;
	} rows[] = {
		{"http://c:4318/v1/traces", "http://c:4318/v1/traces"},
		{"http://u:p@c", "http://[hidden]@c"},
		{"u:p@c:1/x", "[hidden]@c:1/x"},
		{"https://u:p/w@c/x", "https://[hidden]@c/x"},
		{"https://c/x?token=1#f", "https://c/x?[hidden]"},
		{"https://c?x=a@b", "https://c?[hidden]"},
		{"", ""},
	};
	char got[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		config_hide_url(rows[i].url, got, sizeof(got));
		is_str(got, rows[i].want, rows[i].url);
	}
	config_hide_url("http://user:secret@collector", got, 12);
	ok(!strstr(got, "secret") && strlen(got) < 12, "a URL cut short shows no secret: %s", got);
}

/* What option_set() promises: a value that is refused changes nothing. */
static void test_refusal_changes_nothing(void)
{
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];
		struct config c, before;
		char why[WHY_SIZE] = "";
		int r;

		if (o->type == OPT_STR || o->type == OPT_LIST)
			continue;
		config_defaults(&c);
		before = c;
		r = option_set(&c, o, "\x01nonsense\xff", true, why);
		if (o->type == OPT_SELECTOR && r == 0) {
			ok(c.selector_cnt == 1, "--%s takes any text", o->name);
		} else {
			ok(r == -EINVAL && why[0] && !memcmp(&c, &before, sizeof(c)),
			   "--%s refuses nonsense, says why and keeps its value", o->name);
		}
		config_done(&c);
	}
}

/* More than fits is refused, not cut. */
static void test_maxima(void)
{
	const struct option_row *route = option_by_name("route", 5),
				*pid = option_by_name("pid", 3);
	char text[32], why[WHY_SIZE];
	struct config c;
	int r = 0;

	config_defaults(&c);
	for (int i = 0; i < CONFIG_LIST_MAX; i++) {
		snprintf(text, sizeof(text), "/r%d", i);
		r |= option_set(&c, route, text, false, why);
		snprintf(text, sizeof(text), "%d", i + 1);
		r |= option_set(&c, pid, text, false, why);
	}
	ok(!r && c.routes.cnt == CONFIG_LIST_MAX && c.selector_cnt == CONFIG_LIST_MAX,
	   "%d routes and pids", CONFIG_LIST_MAX);
	is_int(option_set(&c, route, "/one-more", false, why), -EINVAL,
	       "one route more is refused");
	is_str(why, "more than 64 entries", "and says so");
	is_int(option_set(&c, pid, "100", false, why), -EINVAL, "one pid more is refused");
	ok(c.routes.cnt == CONFIG_LIST_MAX && !c.routes.v[CONFIG_LIST_MAX],
	   "the list still ends with NULL");
	config_done(&c);
}

int main(void)
{
	struct config_case copy[sizeof(order) / sizeof(order[0])];
	static char env[sizeof(order) / sizeof(order[0])][256];

	memcpy(copy, order, sizeof(order));
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		with_file(&copy[i], env[i], sizeof(env[i]));
	CASES_RUN(defaults);
	CASES_RUN(rules);
	CASES_RUN(lists);
	CASES_RUN(otlp);
	CASES_RUN(copy);
	CASES_RUN(cmdline);
	test_hide_url();
	test_refusal_changes_nothing();
	test_maxima();
	return tap_done();
}
