/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: grammar, references, what is missing, hostile input. */
#include "tests/unit/config_run.h"

#define HEAD		  "file_format: '1.0'\n"
#define OWN_PART(text)	  HEAD "distribution:\n  otel_ebpf:\n    " text "\n"
#define TRACES(text)	  HEAD "tracer_provider:\n  processors:\n    - batch:\n" text "\n"
#define OTLP_TRACES(text) TRACES("        exporter:\n          otlp_http:\n" text)
#define CHECK		  "config --check @"
#define RUN		  "run --all -c @"

/* A scalar with references, as service.name. */
#define REF(value) HEAD "distribution: {otel_ebpf: {service_name: " value "}}\n"

static const struct config_case references[] = {
	{"${VAR}", RUN, "A=1\nNAME=shop", REF("\"${NAME}\""), 0, "service-name: \"shop\"  # file",
	 NULL},
	{"${env:VAR}", RUN, "NAME=shop", REF("\"${env:NAME}\""), 0, "service-name: \"shop\"", NULL},
	{"${VAR:-default}, set", RUN, "NAME=shop", REF("\"${NAME:-x}\""), 0,
	 "service-name: \"shop\"", NULL},
	{"${VAR:-default}, not set", RUN, NULL, REF("\"${NAME:-x y:-z}\""), 0,
	 "service-name: \"x y:-z\"", NULL},
	{"${env:VAR:-default}, not set", RUN, NULL, REF("\"${env:NAME:-x}\""), 0,
	 "service-name: \"x\"", NULL},
	{"${VAR:-default}, empty is unset", RUN, "NAME=", REF("\"${NAME:-x}\""), 0,
	 "service-name: \"x\"", NULL},
	{"${VAR:-} empty default", RUN, NULL, REF("\"a${NAME:-}b\""), 0, "service-name: \"ab\"",
	 NULL},
	{"not set: null, the default", RUN, NULL, OWN_PART("service_name: ${NAME}"), 0,
	 "service-name: null  # default", NULL},
	{"$$ is a dollar", RUN, "NAME=shop", REF("\"$${NAME} $$$${NAME}\""), 0,
	 "service-name: \"${NAME} $${NAME}\"", NULL},
	{"$ alone", RUN, NULL, REF("\"a$b $ $1\""), 0, "service-name: \"a$b $ $1\"", NULL},
	{"several in one", RUN, "A=1\nB=2", REF("\"x${A}y${env:B}z$$\""), 0,
	 "service-name: \"x1y2z$\"", NULL},
	{"what comes out is not looked at again", RUN, "A=${B}\nB=2", REF("\"${A}\""), 0,
	 "service-name: \"${B}\"", NULL},
	{"in numbers", RUN, "D=77", OWN_PART("bsp_schedule_delay: ${D}"), 0,
	 "bsp-schedule-delay: 77", NULL},
	{"never in keys", CHECK, "K=ring_size", OWN_PART("${K}: 4"), 1, NULL,
	 "unknown key 'distribution.otel_ebpf.${K}'"},
	{"no closing brace", RUN, NULL, REF("\"${NAME\""), 1, "",
	 ":2:42: 'distribution.otel_ebpf.service_name': '${NAME' has no closing brace"},
	{"no name", RUN, NULL, REF("\"${}\""), 1, "", "'${}' is not a reference"},
	{"a name that begins with a digit", RUN, NULL, REF("\"${1A}\""), 1, "",
	 "'${1A}' is not a reference"},
	{"another scheme", RUN, NULL, REF("\"${file:x}\""), 1, "",
	 "'${file:x}' is not a reference"},
	{"an operator that is none", RUN, NULL, REF("\"${A-x}\""), 1, "",
	 "'${A-x}' is not a reference"},
	{"silenced variables can be referred to", RUN, "OTEL_SERVICE_NAME=env",
	 REF("\"${OTEL_SERVICE_NAME}\""), 0, "service-name: \"env\"  # file", NULL},
};

static const struct config_case own[] = {
	{"selection", "run -c @", NULL,
	 OWN_PART("selection: [{pid: 1}, {exe: /usr/sbin/nginx}, {port: \"8080-8090\"}, {port: "
		  "443}, {cgroup: /sys/fs/cgroup/x}]"),
	 0,
	 "- pid: 1  # file\n- exe: \"/usr/sbin/nginx\"\n- port: \"8080-8090\"\n- port: 443\n- "
	 "cgroup: \"/sys/fs/cgroup/x\"",
	 NULL},
	{"selection: all", "run -c @", NULL, OWN_PART("selection: [{all: true}]"), 0, "- all: true",
	 NULL},
	{"selection: all: false is none", "run -c @", NULL, OWN_PART("selection: [{all: false}]"),
	 2, "", "nothing is selected"},
	{"selection: bad port", "run -c @", NULL, OWN_PART("selection: [{port: 0}]"), 1, "",
	 ":4:24: distribution.otel_ebpf.selection[].port: 0 is not between"},
	{"selection: unknown kind", CHECK, NULL, OWN_PART("selection: [{name: x}]"), 1, NULL,
	 ":4:18: unknown key 'distribution.otel_ebpf.selection[].name'"},
	{"selection: no list", CHECK, NULL, OWN_PART("selection: {pid: 1}"), 1, NULL,
	 "must be a list"},
	{"by the option's name", RUN, NULL,
	 OWN_PART("{hooks: syscall, capture_bytes: 512, ring_size: 4, max_connections: 99, "
		  "duration: 3, url_query: raw, body_sizes: true, "
		  "route_heuristic: off, target_env: off, proc_root: /host/proc, shutdown_timeout: "
		  "5, console_color: never, verbose: 1, "
		  "otlp_file: /tmp/x, routes: [{id: 1}]}"),
	 1, NULL, "must be a single value"},
	{"all of ours", RUN, NULL,
	 OWN_PART("{hooks: syscall, capture_bytes: 512, ring_size: 4, max_connections: 99, "
		  "duration: 3, url_query: raw, body_sizes: true, "
		  "route_heuristic: off, target_env: off, proc_root: /host/proc, shutdown_timeout: "
		  "5, console_color: never, verbose: 1, "
		  "otlp_file: /tmp/x, routes: ['/a/{id}', /b]}"),
	 0,
	 "hooks: syscall\ncapture-bytes: 512\nring-size: 4\nmax-connections: 99\nduration: "
	 "3\nurl-query: raw\nbody-sizes: true\n"
	 "route-heuristic: \"off\"\ntarget-env: \"off\"\nproc-root: "
	 "\"/host/proc\"\nshutdown-timeout: 5\nconsole-color: never\nverbose: 1\n"
	 "otlp-file: \"/tmp/x\"\nroute: [\"/a/{id}\", \"/b\"]",
	 NULL},
	{"on and off as YAML says them", RUN, NULL,
	 OWN_PART("{route_heuristic: false, target_env: true}"), 0,
	 "route-heuristic: \"off\"\ntarget-env: \"on\"", NULL},
	{"every option has its name there", RUN, NULL,
	 OWN_PART("{traces_exporter: [otlp, console], exporter_otlp_endpoint: 'http://c', "
		  "bsp_schedule_delay: 5, propagators: tracecontext}"),
	 0,
	 "traces-exporter: [\"otlp\", \"console\"]\ntraces.url=http://c/v1/traces|\npropagates=1|",
	 NULL},
	{"but a file does not name another", CHECK, NULL, OWN_PART("config: x"), 1, NULL,
	 "unknown key 'distribution.otel_ebpf.config'"},
	{"the own word wins", RUN, NULL,
	 HEAD "distribution: {otel_ebpf: {traces_exporter: console}}\ntracer_provider: "
	      "{processors: [{batch: {exporter: {otlp_http: }}}]}\n",
	 0, "traces-exporter: [\"console\"]", NULL},
	{"a bad value", RUN, NULL, OWN_PART("ring_size: 5"), 1, "",
	 ":4:16: distribution.otel_ebpf.ring_size: 5 is not a power of two"},
	{"a bad route", RUN, NULL, OWN_PART("routes: [a]"), 1, "",
	 ":4:14: distribution.otel_ebpf.routes: route 'a': must begin with /"},
	{"null is the default", RUN, NULL,
	 OWN_PART("{ring_size: null, url_query: ~, routes: , hooks: }"), 0,
	 "ring-size: 2  # default\nurl-query: redact  # default\nroute: []  # default\nhooks: auto "
	 " # default",
	 NULL},
	{"a quoted null is a word", RUN, NULL, OWN_PART("service_name: 'null'"), 0,
	 "service-name: \"null\"", NULL},
	{"an unknown key is a warning at run time", RUN, NULL, OWN_PART("ring_sise: 4"), 0,
	 "ring-size: 2",
	 "warning\n:4:5: unknown key 'distribution.otel_ebpf.ring_sise' (did you mean ring_size?); "
	 "ignored"},
	{"an unknown key is an error for --check", CHECK, NULL, OWN_PART("ring_sise: 4"), 1, "",
	 "error\n:4:5: unknown key\n!ignored"},
	{"the selection's words stand under selection", CHECK, NULL, OWN_PART("exe: nginx"), 1,
	 NULL,
	 ":4:5: unknown key 'distribution.otel_ebpf.exe' (it belongs into selection: [{exe: "
	 "...}])\n!did you mean"},
	{"our name with a dash", CHECK, NULL, HEAD "distribution: {otel-ebpf: {ring_size: 4}}\n", 1,
	 NULL, ":2:16: unknown key 'distribution.otel-ebpf' (did you mean otel_ebpf?)\n!ignored"},
	{"our name with a dash, at run time", RUN, NULL,
	 HEAD "distribution: {otel-ebpf: {ring_size: 4}}\n", 0, "ring-size: 2",
	 "warning\n:2:16: unknown key 'distribution.otel-ebpf' (did you mean otel_ebpf?); ignored"},
	{"an endpoint that cannot be", CHECK, NULL,
	 OWN_PART("{traces_exporter: otlp, exporter_otlp_endpoint: 'http://c:99999'}"), 1, NULL,
	 "'http://c:99999': the port is not between 1 and 65535"},
	{"other distributions are theirs", CHECK, NULL,
	 HEAD "distribution: {acme: {anything: [1, {}]}}\n", 0, NULL, ""},
	{"twice the same key", RUN, NULL, OWN_PART("ring_size: 4\n    ring_size: 8"), 1, "",
	 ":5:5: 'ring_size' stands here twice"},
};

static const struct config_case schema[] = {
	{"a plain file", CHECK, NULL, HEAD, 0, NULL, ""},
	{"no file_format: --check", CHECK, NULL, "disabled: false\n", 1, NULL,
	 ":1:1: 'file_format' is missing"},
	{"no file_format: run", RUN, NULL, "disabled: false\n", 0, NULL,
	 "warning\n'file_format' is missing"},
	{"an older file_format", CHECK, NULL, "file_format: '0.4'\n", 0, NULL, "older than 1.0"},
	{"a newer file_format", RUN, NULL, "file_format: '2.0'\n", 1, NULL,
	 "file_format '2.0' is not known"},
	{"file_format as a number", CHECK, NULL, "file_format: 1.0\n", 0, NULL, ""},
	{"disabled", "run -c @", NULL, HEAD "disabled: true\n", 0, "sdk-disabled: true  # file",
	 NULL},
	{"disabled: 1 is no boolean", RUN, NULL, HEAD "disabled: 1\n", 1, NULL,
	 "disabled: '1' is neither true nor false"},
	{"log_level", RUN, NULL, HEAD "log_level: debug\n", 0, "log-level: debug", NULL},
	{"log_level: in fours", RUN, NULL, HEAD "log_level: warn3\n", 0, "log-level: warn", NULL},
	{"log_level: trace", RUN, NULL, HEAD "log_level: trace2\n", 0, "log-level: debug", NULL},
	{"log_level: fatal", RUN, NULL, HEAD "log_level: fatal\n", 0, "log-level: error", NULL},
	{"log_level: unknown", RUN, NULL, HEAD "log_level: loud\n", 1, NULL,
	 "log_level: 'loud' is not one of"},
	{"attribute_limits", RUN, NULL,
	 HEAD "attribute_limits: {attribute_value_length_limit: 9, attribute_count_limit: 7}\n", 0,
	 "limits=9,7|\nattribute-count-limit: 7  # file", NULL},
	{"limits of spans", RUN, NULL,
	 HEAD "attribute_limits: {attribute_count_limit: 7}\ntracer_provider: {processors: "
	      "[{batch: {exporter: {console: }}}], limits: "
	      "{attribute_count_limit: 5, attribute_value_length_limit: 0, event_count_limit: 1, "
	      "link_count_limit: 1}}\n",
	 0, "limits=0,5|", NULL},
	{"resource attributes", RUN, NULL,
	 HEAD "resource:\n  attributes:\n    - {name: a, value: \"x, y=50%\"}\n    - {name: "
	      "service.name, value: shop}\n"
	      "    - {name: gone, value: null}\n  attributes_list: \"a=not this,b=2\"\n",
	 0, "service-name: \"shop\"  # file\nresource-attributes: \"a=x%2C%20y%3D50%25,b=2\"",
	 NULL},
	{"resource attributes: types", RUN, NULL,
	 HEAD "resource: {attributes: [{name: n, value: 4, type: int}, {name: l, value: [1], type: "
	      "int_array}]}\n",
	 0, "resource-attributes: \"n=4\"", "'n' is sent as a string\nlists are not supported"},
	{"resource attributes: no name", RUN, NULL, HEAD "resource: {attributes: [{value: 4}]}\n",
	 1, "", ":2:25: 'resource.attributes[]' has no name"},
	{"resource attributes: a name that cannot be", RUN, NULL,
	 HEAD "resource: {attributes: [{name: 'a,b', value: 4}]}\n", 1, "",
	 "the name must be without"},
	{"resource attributes: a malformed list", RUN, NULL,
	 HEAD "resource: {attributes_list: 'a'}\n", 1, "", "entry 1 is not key=value"},
	{"propagator: composite", RUN, NULL,
	 HEAD "propagator: {composite: [{tracecontext: }, {baggage: {}}]}\n", 0,
	 "propagators: [\"tracecontext\", \"baggage\"]  # file\npropagates=1|", NULL},
	{"propagator: list is added", RUN, NULL,
	 HEAD "propagator: {composite: [{baggage: }], composite_list: 'baggage,tracecontext'}\n", 0,
	 "propagators: [\"baggage\", \"tracecontext\"]", NULL},
	{"propagator: b3", RUN, NULL, HEAD "propagator: {composite: [{b3: }]}\n", 0,
	 "propagates=0|", "'b3' is not built yet and left out"},
	{"propagator: missing is none", RUN, NULL, HEAD, 0,
	 "propagators: [\"none\"]\npropagates=0|",
	 "has no propagator: trace context of requests is not read"},
	{"tracer_provider: missing is none", RUN, NULL, HEAD, 0,
	 "traces-exporter: [\"none\"]\nmetrics-exporter: [\"none\"]",
	 "has no exporter in tracer_provider: no spans are exported\nhas no exporter in "
	 "meter_provider: no metrics are exported"},
	{"tracer_provider: missing, the command line says", RUN " --traces-exporter otlp", NULL,
	 HEAD, 0, "traces-exporter: [\"otlp\"]  # command line", NULL},
	{"trace and a file without tracer_provider", "trace --all -c @", NULL, HEAD, 0,
	 "traces-exporter: [\"console\"]", "!no spans"},
	{"batch", RUN, NULL,
	 TRACES("        schedule_delay: 1\n        export_timeout: 2\n        max_queue_size: "
		"30\n        max_export_batch_size: 4\n        exporter: {console: }"),
	 0, "traces-exporter: [\"console\"]  # file\nbsp-schedule-delay: 1\nqueue=30,4,2,", NULL},
	{"batch larger than queue (G-4)", RUN, NULL,
	 TRACES("        max_queue_size: 30\n        exporter: {console: }"), 0, "queue=30,30",
	 "30 is used"},
	{"otlp_http", RUN, NULL,
	 OTLP_TRACES("            endpoint: http://c:1/p\n            compression: gzip\n          "
		     "  timeout: 7\n            encoding: protobuf\n"
		     "            tls: {ca_file: ca, key_file: k, cert_file: ce}\n            "
		     "headers_list: a=1"),
	 0,
	 "traces-exporter: "
	 "[\"otlp\"]\ntraces.url=http://c:1/"
	 "p|\ntraces.gzip=1|\ntraces.timeout=7|\ntraces.tls=ca,k,ce|\ntraces.headers=a=1|\nmetrics."
	 "url=-|",
	 NULL},
	{"otlp_http: null is all defaults", RUN, NULL, TRACES("        exporter: {otlp_http: }"), 0,
	 "traces.url=http://localhost:4318/v1/traces|", NULL},
	{"otlp_http: the timeout 0 is no limit", RUN, NULL, OTLP_TRACES("            timeout: 0"),
	 0, "traces.timeout=2147483647|", NULL},
	{"otlp_http: headers", RUN, "KEY=k,1=",
	 OTLP_TRACES("            headers: [{name: Api-Key, value: \"${KEY}\"}, {name: gone, "
		     "value: }]\n            headers_list: 'api-key=no,b=2'"),
	 0, "traces.headers=Api-Key=k%2C1%3D,b=2|\nexporter-otlp-traces-headers: \"[hidden]\"",
	 "!k,1="},
	{"otlp_http: port 4317 is grpc", RUN, NULL,
	 OTLP_TRACES("            endpoint: http://c:4317/v1/traces"), 1, NULL,
	 "grpc is not built yet"},
	{"otlp_http: --check sees it too", CHECK, NULL,
	 OTLP_TRACES("            endpoint: ftp://c"), 1, NULL, "only http:// and https://"},
	{"otlp_http: json", CHECK, NULL, OTLP_TRACES("            encoding: json"), 1, NULL,
	 ":7:23: 'tracer_provider.processors[].batch.exporter.otlp_http.encoding': json is not "
	 "built"},
	{"otlp_http: unknown key", CHECK, NULL, OTLP_TRACES("            end_point: http://c"), 1,
	 NULL,
	 ":7:13: unknown key 'tracer_provider.processors[].batch.exporter.otlp_http.end_point' "
	 "(did you mean endpoint?)"},
	{"otlp_grpc", RUN, NULL, TRACES("        exporter: {otlp_grpc: {endpoint: http://c}}"), 1,
	 "", "grpc is not built yet: use otlp_http and the collector's port 4318"},
	{"two of a kind", RUN, NULL,
	 HEAD "tracer_provider: {processors: [{batch: {exporter: {console: }}}, {batch: {exporter: "
	      "{console: }}}]}\n",
	 1, "", "only one exporter of a kind"},
	{"two kinds", RUN, NULL,
	 HEAD "tracer_provider: {processors: [{batch: {exporter: {console: }}}, {simple: "
	      "{exporter: {otlp_http: }}}]}\n",
	 0, "traces-exporter: [\"console\", \"otlp\"]",
	 "spans are exported in batches all the same"},
	{"two processors, two delays", RUN, NULL,
	 HEAD "tracer_provider: {processors: [{batch: {schedule_delay: 1, exporter: {console: }}}, "
	      "{batch: {schedule_delay: 2, exporter: {otlp_http: }}}]}\n",
	 0, "bsp-schedule-delay: 2", "given before with another value"},
	{"no exporter", RUN, NULL, TRACES("        exporter: "), 1, "", "must name one exporter"},
	{"two exporters in one processor", RUN, NULL,
	 TRACES("        exporter: {console: , otlp_http: }"), 1, "", "must name one exporter"},
	{"an exporter nobody knows", CHECK, NULL, TRACES("        exporter: {consle: }"), 1, NULL,
	 "unknown key 'tracer_provider.processors[].batch.exporter.consle' (did you mean "
	 "console?)"},
	{"otlp_file", RUN, NULL,
	 TRACES("        exporter: {otlp_file/development: {output_stream: file:///tmp/x.json}}"),
	 0, "traces-exporter: [\"otlp_file\"]\notlp-file: \"/tmp/x.json\"", NULL},
	{"otlp_file: stdout is the default", RUN, NULL,
	 TRACES("        exporter: {otlp_file/development: }"), 0, "otlp-file: \"-\"", NULL},
	{"otlp_file: another scheme", RUN, NULL,
	 TRACES("        exporter: {otlp_file/development: {output_stream: ftp://x}}"), 1, "",
	 "is neither stdout nor file:///PATH"},
	{"sampler: always_on", RUN, NULL,
	 HEAD "tracer_provider: {processors: [], sampler: {always_on: }}\n", 0, "sampler=0,0,1|",
	 NULL},
	{"sampler: always_off", RUN, NULL,
	 HEAD "tracer_provider: {processors: [], sampler: {always_off: {}}}\n", 0, "sampler=1,0,1|",
	 NULL},
	{"sampler: ratio", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {trace_id_ratio_based: {ratio: 0.5}}}\n", 0,
	 "sampler=2,0,0.5|", NULL},
	{"sampler: ratio null", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {trace_id_ratio_based: {ratio: }}}\n", 0,
	 "sampler=2,0,1|", NULL},
	{"sampler: ratio out of range", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {trace_id_ratio_based: {ratio: 5}}}\n", 1, "",
	 "'5' is not a ratio"},
	{"sampler: parent_based", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {parent_based: {root: {trace_id_ratio_based: {ratio: "
	      "0.1}}}}}\n",
	 0, "sampler=2,1,0.1|", NULL},
	{"sampler: parent_based, off", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {parent_based: {root: {always_off: }}}}\n", 0,
	 "sampler=1,1,1|", NULL},
	{"sampler: parent_based alone", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {parent_based: }}\n", 0,
	 "sampler=0,1,1|\ntraces-sampler: parentbased_always_on  # file", NULL},
	{"sampler: parts of parent_based that are not built", RUN, NULL,
	 HEAD
	 "tracer_provider: {sampler: {parent_based: {remote_parent_sampled: {always_off: }}}}\n",
	 0, "sampler=0,1,1|",
	 "'tracer_provider.sampler.parent_based.remote_parent_sampled' is not supported"},
	{"sampler: two", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {always_on: , always_off: }}\n", 1, "",
	 "must name one sampler"},
	{"sampler: unknown", CHECK, NULL, HEAD "tracer_provider: {sampler: {always: }}\n", 1, NULL,
	 "unknown key 'tracer_provider.sampler.always'"},
	{"sampler: jaeger_remote", RUN, NULL,
	 HEAD "tracer_provider: {sampler: {jaeger_remote/development: {endpoint: x}}}\n", 0,
	 "sampler=0,1,1|", "is not supported"},
	{"metrics", RUN, NULL,
	 HEAD "meter_provider: {readers: [{periodic: {interval: 11, timeout: 12, exporter: "
	      "{otlp_http: {endpoint: 'http://m/x', temporality_preference: low_memory, "
	      "default_histogram_aggregation: explicit_bucket_histogram}}}}]}\n",
	 0,
	 "metrics-exporter: [\"otlp\"]\nmetric-export-interval: "
	 "11\nqueue=2048,512,30000,12|\nmetrics.url=http://m/"
	 "x|\ntraces.url=-|\ntemporality-preference: lowmemory",
	 NULL},
	{"metrics: console with a temporality", RUN, NULL,
	 HEAD "meter_provider: {readers: [{periodic: {exporter: {console: {temporality_preference: "
	      "delta}}}}]}\n",
	 0, "metrics-exporter: [\"console\"]\ntemporality-preference: delta", NULL},
	{"metrics: pull and views are not built: one warning each", RUN, NULL,
	 HEAD "meter_provider: {readers: [{pull: {exporter: {}}}], views: [{}], exemplar_filter: "
	      "always_on}\n",
	 0, "metrics-exporter: [\"none\"]",
	 "'meter_provider.readers[].pull' is not supported\n'meter_provider.views' is not "
	 "supported\n'meter_provider.exemplar_filter' is not supported"},
	{"what is not supported is no error for --check", CHECK, NULL,
	 HEAD "meter_provider: {views: [{}]}\nresource: {schema_url: x}\n", 0, NULL,
	 "warning\nnot supported"},
	{"what is not supported and null says nothing", CHECK, NULL,
	 HEAD "meter_provider: {views: }\nlogger_provider: \n", 0, NULL, ""},
	{"logs", RUN, NULL, HEAD "logger_provider: {processors: []}\n", 0, NULL,
	 "'logger_provider': there are no logs to export"},
	{"known methods", RUN, NULL,
	 HEAD "instrumentation/development: {general: {http: {server: {known_methods: [GET, "
	      "Purge]}, client: {known_methods: [GET]}}, "
	      "stability_opt_in_list: http}, java: {x: {}}}\n",
	 0, "known-methods: [\"GET\", \"Purge\"]", NULL},
	{"unknown at the top", CHECK, NULL, HEAD "tracer_providers: {}\n", 1, NULL,
	 ":2:1: unknown key 'tracer_providers' (did you mean tracer_provider?)"},
	{"every error is said, not only the first", CHECK, NULL, HEAD "aaaaaaaa: 1\nbbbbbbbb: 2\n",
	 1, NULL, "aaaaaaaa\nbbbbbbbb"},
	{"trouble is said once", CHECK, NULL, HEAD "log_level: [1]\n", 1, NULL,
	 "'log_level' must be a single value\n!mapping"},
};

static const struct config_case hostile[] = {
	{"empty", RUN, NULL, "", 1, "", ":1:1: the file is empty"},
	{"only a comment", RUN, NULL, "# nothing\n", 1, "", "the file is empty"},
	{"a scalar", RUN, NULL, "hello\n", 1, "", "'the file' must be a mapping"},
	{"a list", RUN, NULL, "- a\n", 1, "", "must be a mapping"},
	{"no YAML", RUN, NULL, "a: [\n", 1, "", "not valid YAML"},
	{"no YAML: where", RUN, NULL, "file_format: '1.0'\n\tx: 1\n", 1, "",
	 ":2:1: not valid YAML"},
	{"no YAML: the likely reason", RUN, NULL, HEAD "resource: {attributes_list: ${A}}\n", 1, "",
	 ":2:30: not valid YAML\n(inside {} or [], ${...} must be quoted)"},
	{"binary", RUN, NULL, "\x01\x02\xff\xfe", 1, "", "not valid YAML"},
	{"a mapping for a value", RUN, NULL, HEAD "disabled: {a: 1}\n", 1, "",
	 "'disabled' must be a single value"},
	{"a value for a mapping", RUN, NULL, HEAD "resource: 5\n", 1, "",
	 "'resource' must be a mapping"},
	{"a value for a list", RUN, NULL, HEAD "tracer_provider: {processors: x}\n", 1, "",
	 "must be a list"},
	{"a list in a list of words", RUN, NULL, OWN_PART("routes: [[/a]]"), 1, "",
	 "must be a single value"},
	{"a mapping for a key", RUN, NULL, HEAD "? {a: 1}\n: 2\n", 1, "", "a key must be a word"},
	{"an alias to what is around it", RUN, NULL,
	 HEAD "tracer_provider: &a {sampler: {parent_based: {root: *a}}}\n", 0, NULL,
	 "unknown key"},
	{"aliases within aliases", RUN, NULL,
	 HEAD "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
	      "[*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n",
	 0, NULL, "unknown key 'd'"},
	{"a long key", CHECK, NULL,
	 HEAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 1\n",
	 1, NULL, "unknown key 'aaaa"},
	{"two documents: the first counts", RUN, NULL, HEAD "---\nlog_level: x\n", 0, NULL,
	 "warning\n:2:1: a second document: only one can stand in the file; ignored"},
	{"two documents: --check", CHECK, NULL, HEAD "---\nlog_level: x\n", 1, NULL,
	 "error\n:2:1: a second document\n!ignored"},
	{"a second document that is no YAML", RUN, NULL, HEAD "---\nlog_level: [\n", 1, NULL,
	 ":4:1: not valid YAML"},
	{"one document with its marks", CHECK, NULL, "---\n" HEAD "...\n# end\n", 0, NULL, ""},
};

/* Sizes that no table row can hold. */
static void test_large(void)
{
	struct config_case t = {.args = RUN};
	size_t n = 0, size = 2U << 20;
	char *text = malloc(size);

	n = (size_t)snprintf(text, size, HEAD "# ");
	memset(text + n, 'x', (1U << 20) - n + 1);
	text[(1U << 20) + 1] = 0;
	t.name = "a file larger than its maximum";
	t.file = text;
	t.rc = 1;
	t.err = "larger than 1 MiB";
	config_case_run(&t);

	n = (size_t)snprintf(text, size,
			     HEAD "x: &x {name: a, value: b}\nresource: {attributes: [*x");
	for (int i = 0; i < 20000; i++)
		n += (size_t)snprintf(text + n, size - n, ",*x");
	snprintf(text + n, size - n, "]}\n");
	t.name = "a small file made large by aliases";
	t.err = "more than 20000 values";
	config_case_run(&t);

	n = (size_t)snprintf(text, size, HEAD "a: ");
	for (int i = 0; i < 5000; i++)
		text[n++] = '[';
	text[n] = 0;
	t.name = "nested deeply";
	t.err = "not valid YAML";
	config_case_run(&t);

	snprintf(text, size, OWN_PART("service_name: \"%s\""), "${BIG}${BIG}${BIG}");
	t.name = "references that make a value too long";
	t.env = malloc(40000);
	memset((char *)t.env, 'v', 39999);
	memcpy((char *)t.env, "BIG=", 4);
	((char *)t.env)[39999] = 0;
	t.err = "longer than 65536 bytes when its references are replaced";
	config_case_run(&t);
	free((char *)t.env);
	free(text);
}

/* Any beginning of a file, and any byte of it changed: an answer, never a crash. */
static void test_mangled(void)
{
	static const char good[] = HEAD
		"resource: {attributes: [{name: a, value: '${A:-1}'}], attributes_list: 'b=2'}\n"
		"propagator: {composite: [{tracecontext: }]}\n"
		"tracer_provider: {processors: [{batch: {exporter: {otlp_http: {headers: [{name: "
		"x, value: y}]}}}}], sampler: {always_on: }}\n"
		"distribution: {otel_ebpf: {selection: [{port: 80-90}, {exe: '*'}], routes: "
		"['/a/{b}']}}\n";
	static const char bytes[] = "{}[]:,'\"-&*!|>%@\\\n\t\x01\xff$ 0a";
	uint32_t seed = 1;
	int runs = 0, accepted = 0;

	log_set_level(LOG_NONE);
	for (size_t i = 0; i < sizeof(good) + 1500; i++) {
		char text[sizeof(good)];
		size_t len = i < sizeof(good) ? i : sizeof(good) - 1;
		struct config c;
		FILE *f = fopen(config_file_name, "w");

		memcpy(text, good, sizeof(good));
		for (int k = 0; i >= sizeof(good) && k < 2; k++) {
			seed = seed * 1664525 + 1013904223;
			text[(seed >> 8) % (sizeof(good) - 1)] =
				bytes[(seed >> 24) % (sizeof(bytes) - 1)];
		}
		fwrite(text, 1, len, f);
		fclose(f);
		config_defaults(&c);
		accepted += !config_file_apply(&c, config_file_name, false);
		config_done(&c);
		runs++;
	}
	ok(runs > 1500 && accepted > 0 && accepted < runs,
	   "%d mangled files read, %d of them accepted", runs, accepted);
	unlink(config_file_name);
}

int main(void)
{
	CASES_RUN(references);
	CASES_RUN(own);
	CASES_RUN(schema);
	CASES_RUN(hostile);
	test_large();
	test_mangled();
	return tap_done();
}
