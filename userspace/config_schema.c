/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of the configuration file: OpenTelemetry's schema as far as it means something to us,
 * and our own part below distribution.otel_ebpf. A row without a function is a field of the schema
 * that has no counterpart here.
 */
#include "userspace/config_yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/base/log.h"

/* A field with its function; with an option other than the one whose key is the path; a mapping;
 * one not for us. */
#define FIELD(n, fn)                                                                               \
	{                                                                                          \
		.name = (n), .take = (fn)                                                          \
	}
#define OPTION(n, fn, o)                                                                           \
	{                                                                                          \
		.name = (n), .take = (fn), .option = (o)                                           \
	}
#define OBJECT(n, members)                                                                         \
	{                                                                                          \
		.name = (n), .take = field_object, .fields = (members)                             \
	}
#define OTHER(n)                                                                                   \
	{                                                                                          \
		.name = (n)                                                                        \
	}

#define PAIRS_MAX (64U << 10)
#define BATCH	  "tracer_provider.processors[].batch"

static const struct option_row *row(const char *name)
{
	return option_by_name(name, strlen(name));
}

static bool of_traces(const char *path)
{
	return !strncmp(path, "tracer_provider", 15);
}

static bool file_format_known(const char *text)
{
	return !strncmp(text, "1.", 2) || !strcmp(text, "1") || !strncmp(text, "0.", 2);
}

static void file_format(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	char *text = walk_text(w, v, path);

	if (!text)
		return;
	w->has_format = true;
	if (!file_format_known(text))
		walk_complain(w, v, true, "file_format '%.40s' is not known: \"1.0\" is", text);
	else if (text[0] == '0')
		walk_complain(w, v, false,
			      "file_format '%.40s' is older than 1.0: it is read as 1.0", text);
	free(text);
}

/* The schema's levels come in fours (info, info2 ...) and with other names at both ends. */
static void log_level(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	char *text = walk_text(w, v, path);
	size_t n = text ? strlen(text) : 0;

	if (!text)
		return;
	if (n > 1 && text[n - 1] >= '2' && text[n - 1] <= '4')
		text[n - 1] = 0;
	if (!strcasecmp(text, "trace"))
		walk_set_text(w, v, row("log-level"), "debug", true, path);
	else if (!strcasecmp(text, "fatal"))
		walk_set_text(w, v, row("log-level"), "error", true, path);
	else
		walk_set_text(w, v, row("log-level"), text, true, path);
	free(text);
}

/* ---- name/value pairs: headers and resource attributes ---- */

static void pair_name(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);

static const struct field pair_fields[] = {
	FIELD("name", pair_name), FIELD("value", pair_name), FIELD("type", pair_name), {0}};

static void pair_name(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	if (v->type == YAML_SEQUENCE_NODE) {
		walk_complain(w, v, false, "'%s': lists are not supported; ignored", path);
		return;
	}
	if (!strcmp(f->name, "name"))
		w->pair->name = walk_text(w, v, path);
	else if (!strcmp(f->name, "value"))
		w->pair->value = walk_text(w, v, path);
	else
		w->pair->type = walk_text(w, v, path);
}

static void pair_done(struct walk_pair *p)
{
	free(p->name);
	free(p->value);
	free(p->type);
}

static int add_encoded(struct buf *b, const char *text)
{
	int err = 0;

	for (; *text && !err; text++) {
		unsigned char ch = (unsigned char)*text;

		if (ch > 0x20 && ch < 0x7f && !strchr(",%=;\"\\", ch))
			err = buf_add_char(b, *text);
		else
			err = buf_printf(b, "%%%02X", ch);
	}
	return err;
}

/* Adds the pair to w->pairs as name=value. Names go as they are: a comma or = would split them. */
static void add_pair(struct walk *w, yaml_node_t *n, const char *path)
{
	struct walk_pair p = {0};
	int err;

	w->pair = &p;
	walk_object(w, n, path, pair_fields);
	w->pair = NULL;
	if (!p.name) {
		walk_complain(w, n, true, "'%s' has no name", path);
		goto out;
	}
	if (p.name[strcspn(p.name, ",=% \t")]) {
		walk_complain(w, n, true, "'%s': the name must be without , = %% and blanks", path);
		goto out;
	}
	if (!p.value) /* null or a list: as if it were not there */
		goto out;
	if (p.type && strcasecmp(p.type, "string"))
		walk_complain(w, n, false, "'%s': '%.60s' is sent as a string", path, p.name);
	if (!strcmp(path, "resource.attributes[]") && !strcmp(p.name, "service.name")) {
		walk_set_text(w, n, row("service-name"), p.value, true, path);
		goto out;
	}
	err = w->pairs->len ? buf_add_char(w->pairs, ',') : 0;
	if (!err)
		err = buf_add_str(w->pairs, p.name);
	if (!err)
		err = buf_add_char(w->pairs, '=');
	if (!err)
		err = add_encoded(w->pairs, p.value);
	if (err)
		walk_complain(w, n, true, "'%s': %s", path,
			      err == -E2BIG ? "too long in all" : "out of memory");
out:
	pair_done(&p);
}

static void pairs(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_sequence(w, v, path, add_pair);
}

static void pairs_list(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	free(w->pairs_list);
	w->pairs_list = walk_text(w, v, path);
}

/* Does the pair's name stand in k=v,k=v? Header names know no case, and attributes that differ in
 * case only are none. */
static bool has_name(const struct buf *b, const char *pair, size_t len)
{
	const char *text = (const char *)b->data, *end = text ? text + b->len : text;

	while (text < end) {
		size_t n = (size_t)((char *)memchr(text, '=', (size_t)(end - text)) - text);
		const char *comma = memchr(text, ',', (size_t)(end - text));

		if (n == len && !strncasecmp(text, pair, n))
			return true;
		text = comma ? comma + 1 : end;
	}
	return false;
}

/* The list's entries that the pairs do not say better, behind the pairs; then the whole is the
 * option's value. */
static void settle_pairs(struct walk *w, yaml_node_t *n, const struct option_row *o,
			 const char *path)
{
	struct buf *b = w->pairs;
	struct buf own = {.data = b->data, .len = b->len};
	char *rest = w->pairs_list, *entry;
	int err = 0;

	while (!err && rest && (entry = strsep(&rest, ","))) {
		size_t name;

		entry += strspn(entry, " \t");
		name = strcspn(entry, "= \t");
		own.data = b->data;
		if (!*entry || has_name(&own, entry, name))
			continue;
		err = b->len ? buf_add_char(b, ',') : 0;
		if (!err)
			err = buf_add_str(b, entry);
	}
	if (!err && b->len)
		err = buf_add_char(b, 0);
	if (err)
		walk_complain(w, n, true, "'%s': %s", path,
			      err == -E2BIG ? "too long in all" : "out of memory");
	else if (b->len)
		walk_set_text(w, n, o, (const char *)b->data, true, path);
}

/* An object with pairs and pairs_list in it, which together make up an option. */
static void object_with_pairs(struct walk *w, yaml_node_t *v, const char *path,
			      const struct field *fields, const struct option_row *o)
{
	struct buf b;

	buf_init(&b, PAIRS_MAX);
	w->pairs = &b;
	w->pairs_list = NULL;
	walk_object(w, v, path, fields);
	settle_pairs(w, v, o, path);
	w->pairs = NULL;
	free(w->pairs_list);
	w->pairs_list = NULL;
	if (b.data)
		explicit_bzero(b.data, b.cap);
	buf_done(&b);
}

static const struct field resource_fields[] = {FIELD("attributes", pairs),
					       FIELD("attributes_list", pairs_list),
					       OTHER("schema_url"),
					       OTHER("detection/development"),
					       {0}};

static void resource(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	object_with_pairs(w, v, path, resource_fields, row("resource-attributes"));
}

/* ---- propagator ---- */

static void propagator_pair(struct walk *w, const yaml_node_t *k, yaml_node_t *v, const char *path,
			    const void *arg)
{
	walk_set_text(w, k, row("propagators"), (const char *)k->data.scalar.value, false, path);
}

static void propagator_item(struct walk *w, yaml_node_t *n, const char *path)
{
	walk_pairs(w, n, path, propagator_pair, NULL);
}

static void composite(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_sequence(w, v, path, propagator_item);
}

static const struct field propagator_fields[] = {
	FIELD("composite", composite), OPTION("composite_list", field_option, "propagators"), {0}};

/* ---- exporters ---- */

static const struct option_row *exporters_of(const char *path)
{
	return row(of_traces(path) ? "traces-exporter" : "metrics-exporter");
}

static void choose_exporter(struct walk *w, const yaml_node_t *n, const char *path,
			    const char *name)
{
	const struct option_row *o = exporters_of(path);
	const struct string_list *l = (const struct string_list *)((const char *)w->c + o->at);

	for (uint32_t i = 0; i < l->cnt; i++)
		if (!strcmp(l->v[i], name))
			walk_complain(
				w, n, true,
				"'%s': only one exporter of a kind is possible for each signal",
				path);
	walk_set_text(w, n, o, name, false, path);
}

static void encoding(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	const struct option_row *o = row(of_traces(path) ? "exporter-otlp-traces-protocol"
							 : "exporter-otlp-metrics-protocol");
	char *text = walk_text(w, v, path);

	if (!text)
		return;
	if (!strcasecmp(text, "protobuf"))
		walk_set_text(w, v, o, "http/protobuf", true, path);
	else if (!strcasecmp(text, "json"))
		walk_complain(w, v, true, "'%s': json is not built yet: use protobuf", path);
	else
		walk_complain(w, v, true, "'%s': '%.40s' is not one of protobuf, json", path, text);
	free(text);
}

static const struct field tls_fields[] = {FIELD("ca_file", field_option),
					  FIELD("key_file", field_option),
					  FIELD("cert_file", field_option),
					  {0}};

#define OTLP_HTTP_FIELDS                                                                           \
	FIELD("endpoint", field_option), OBJECT("tls", tls_fields), FIELD("headers", pairs),       \
		FIELD("headers_list", pairs_list), FIELD("compression", field_option),             \
		FIELD("timeout", field_option), FIELD("encoding", encoding)

#define METRIC_FIELDS                                                                              \
	OPTION("temporality_preference", field_option,                                             \
	       "exporter-otlp-metrics-temporality-preference"),                                    \
		OPTION("default_histogram_aggregation", field_option,                              \
		       "exporter-otlp-metrics-default-histogram-aggregation")

static const struct field otlp_http_traces[] = {OTLP_HTTP_FIELDS, {0}};
static const struct field otlp_http_metrics[] = {OTLP_HTTP_FIELDS, METRIC_FIELDS, {0}};

static void otlp_http(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	bool traces = of_traces(path);

	choose_exporter(w, v, path, "otlp");
	object_with_pairs(
		w, v, path, traces ? otlp_http_traces : otlp_http_metrics,
		row(traces ? "exporter-otlp-traces-headers" : "exporter-otlp-metrics-headers"));
}

static void otlp_grpc(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_complain(w, v, true,
		      "'%s': grpc is not built yet: use otlp_http and the collector's port 4318",
		      path);
}

/* stdout, or file:///path */
static void output_stream(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	char *text = walk_text(w, v, path);

	if (!text)
		return;
	if (!strcmp(text, "stdout"))
		walk_set_text(w, v, row("otlp-file"), "-", true, path);
	else if (!strncmp(text, "file:///", 8))
		walk_set_text(w, v, row("otlp-file"), text + 7, true, path);
	else
		walk_complain(w, v, true, "'%s': '%.80s' is neither stdout nor file:///PATH", path,
			      text);
	free(text);
}

static const struct field otlp_file_traces[] = {FIELD("output_stream", output_stream), {0}};
static const struct field otlp_file_metrics[] = {
	FIELD("output_stream", output_stream), METRIC_FIELDS, {0}};

static void otlp_file(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	choose_exporter(w, v, path, "otlp_file");
	walk_object(w, v, path, of_traces(path) ? otlp_file_traces : otlp_file_metrics);
	if (!w->c->otlp_file)
		walk_set_text(w, v, row("otlp-file"), "-", true, path);
}

static const struct field console_traces[] = {{0}};
static const struct field console_metrics[] = {METRIC_FIELDS, {0}};

static void console(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	choose_exporter(w, v, path, "console");
	walk_object(w, v, path, of_traces(path) ? console_traces : console_metrics);
}

static const struct field exporter_fields[] = {FIELD("otlp_http", otlp_http),
					       FIELD("otlp_grpc", otlp_grpc),
					       FIELD("otlp_file/development", otlp_file),
					       FIELD("console", console),
					       {0}};

/* Exactly one way out, says the schema. */
static void exporter(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	if (v->type != YAML_MAPPING_NODE ||
	    v->data.mapping.pairs.top - v->data.mapping.pairs.start != 1)
		walk_complain(
			w, v, true,
			"'%s' must name one exporter: otlp_http, otlp_file/development or console",
			path);
	else
		walk_object(w, v, path, exporter_fields);
}

/* ---- tracer_provider ---- */

static const struct field batch_fields[] = {
	FIELD("schedule_delay", field_option), FIELD("export_timeout", field_option),
	FIELD("max_queue_size", field_option), FIELD("max_export_batch_size", field_option),
	FIELD("exporter", exporter),	       {0}};
static const struct field simple_fields[] = {FIELD("exporter", exporter), {0}};

static void batch(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_object(w, v, path, batch_fields);
}

static void simple(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_complain(w, v, false, "'%s': spans are exported in batches all the same", path);
	walk_object(w, v, BATCH, simple_fields);
}

static const struct field processor_fields[] = {
	FIELD("batch", batch), FIELD("simple", simple), {0}};

static void processor(struct walk *w, yaml_node_t *n, const char *path)
{
	walk_object(w, n, path, processor_fields);
}

static void processors(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_sequence(w, v, path, processor);
}

static void sampler_ratio(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_set(w, v, row("traces-sampler-arg"), true, path);
}

static void choose_sampler(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);
static void parent_based(struct walk *w, yaml_node_t *v, const char *path, const struct field *f);

/* .option: OTEL_TRACES_SAMPLER's word */
static const struct field ratio_fields[] = {FIELD("ratio", sampler_ratio), {0}};
static const struct field sampler_fields[] = {OPTION("always_on", choose_sampler, "always_on"),
					      OPTION("always_off", choose_sampler, "always_off"),
					      {.name = "trace_id_ratio_based",
					       .take = choose_sampler,
					       .fields = ratio_fields,
					       .option = "traceidratio"},
					      FIELD("parent_based", parent_based),
					      OTHER("composite/development"),
					      OTHER("jaeger_remote/development"),
					      OTHER("probability/development"),
					      {0}};
static const struct field root_sampler_fields[] = {
	OPTION("always_on", choose_sampler, "parentbased_always_on"),
	OPTION("always_off", choose_sampler, "parentbased_always_off"),
	{.name = "trace_id_ratio_based",
	 .take = choose_sampler,
	 .fields = ratio_fields,
	 .option = "parentbased_traceidratio"},
	OTHER("composite/development"),
	OTHER("jaeger_remote/development"),
	OTHER("probability/development"),
	{0}};

static void choose_sampler(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	static const struct field none[] = {{0}};

	walk_set_text(w, v, row("traces-sampler"), f->option, true, path);
	walk_object(w, v, path, f->fields ? f->fields : none);
}

static void root_sampler(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_object(w, v, path, root_sampler_fields);
}

static const struct field parent_based_fields[] = {
	FIELD("root", root_sampler),	    OTHER("remote_parent_sampled"),
	OTHER("remote_parent_not_sampled"), OTHER("local_parent_sampled"),
	OTHER("local_parent_not_sampled"),  {0}};

static void parent_based(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_object(w, v, path, parent_based_fields);
	if (!w->given[row("traces-sampler") - option_table])
		walk_set_text(w, v, row("traces-sampler"), "parentbased_always_on", true, path);
}

static void sampler(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	if (v->type == YAML_MAPPING_NODE &&
	    v->data.mapping.pairs.top - v->data.mapping.pairs.start != 1)
		walk_complain(w, v, true, "'%s' must name one sampler", path);
	else
		walk_object(w, v, path, sampler_fields);
}

/* Our spans have no events; links and their limits cannot be reached. */
static const struct field span_limits[] = {FIELD("attribute_value_length_limit", field_option),
					   FIELD("attribute_count_limit", field_option),
					   FIELD("event_count_limit", field_silent),
					   FIELD("link_count_limit", field_silent),
					   FIELD("event_attribute_count_limit", field_silent),
					   FIELD("link_attribute_count_limit", field_silent),
					   {0}};
static const struct field id_generator_fields[] = {FIELD("random", field_silent), {0}};
static const struct field tracer_fields[] = {FIELD("processors", processors),
					     OBJECT("limits", span_limits),
					     FIELD("sampler", sampler),
					     OBJECT("id_generator", id_generator_fields),
					     OTHER("tracer_configurator/development"),
					     {0}};

/* ---- meter_provider ---- */

static const struct field periodic_fields[] = {FIELD("interval", field_option),
					       FIELD("timeout", field_option),
					       FIELD("exporter", exporter),
					       OTHER("producers"),
					       OTHER("cardinality_limits"),
					       OTHER("max_export_batch_size/development"),
					       {0}};

static const struct field reader_fields[] = {
	OBJECT("periodic", periodic_fields), OTHER("pull"), {0}};

static void reader(struct walk *w, yaml_node_t *n, const char *path)
{
	walk_object(w, n, path, reader_fields);
}

static void readers(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	walk_sequence(w, v, path, reader);
}

static const struct field meter_fields[] = {FIELD("readers", readers),
					    OTHER("views"),
					    OTHER("exemplar_filter"),
					    OTHER("meter_configurator/development"),
					    {0}};

/* ---- instrumentation ---- */

static const struct field http_side_fields[] = {
	OPTION("known_methods", field_option, "instrumentation-http-known-methods"),
	OTHER("request_captured_headers"),
	OTHER("response_captured_headers"),
	{0}};
static const struct field http_fields[] = {OBJECT("server", http_side_fields),
					   OBJECT("client", http_side_fields),
					   OTHER("semconv"),
					   {0}};
static const struct field general_fields[] = {OBJECT("http", http_fields),
					      FIELD("stability_opt_in_list", field_option),
					      OTHER("code"),
					      OTHER("db"),
					      OTHER("gen_ai"),
					      OTHER("messaging"),
					      OTHER("rpc"),
					      OTHER("sanitization"),
					      {0}};
/* What concerns libraries inside a program is for them: a file may serve both. */
static const struct field instrumentation_fields[] = {OBJECT("general", general_fields),
						      FIELD("cpp", field_silent),
						      FIELD("dotnet", field_silent),
						      FIELD("erlang", field_silent),
						      FIELD("go", field_silent),
						      FIELD("java", field_silent),
						      FIELD("js", field_silent),
						      FIELD("php", field_silent),
						      FIELD("python", field_silent),
						      FIELD("ruby", field_silent),
						      FIELD("rust", field_silent),
						      FIELD("swift", field_silent),
						      {0}};

/* ---- our own part ---- */

static void selector_pair(struct walk *w, const yaml_node_t *k, yaml_node_t *v, const char *path,
			  const void *arg)
{
	const char *key = (const char *)k->data.scalar.value;
	const struct option_row *o = row(key);
	char sub[PATH_LEN];

	if (!o || o->type != OPT_SELECTOR) {
		walk_complain(w, k, w->check,
			      "unknown key '%s.%.40s': there are pid, exe, port, cgroup, all%s",
			      path, key, w->check ? "" : "; ignored");
		return;
	}
	snprintf(sub, sizeof(sub), "%s.%s", path, key);
	walk_set(w, v, o, false, sub);
}

static void selection_item(struct walk *w, yaml_node_t *n, const char *path)
{
	walk_pairs(w, n, path, selector_pair, NULL);
}

/* By the row's key, else by the option's name with underscores. */
static const struct option_row *own_option(const char *key)
{
	const struct option_row *o;

	for (size_t i = 0; i < option_cnt; i++)
		if (option_table[i].key && !strncmp(option_table[i].key, OWN, strlen(OWN)) &&
		    !strcmp(option_table[i].key + strlen(OWN), key))
			return &option_table[i];
	o = strchr(key, '-') ? NULL : row(key);
	if (o && (o->type == OPT_SELECTOR || strstr(o->name, "config")))
		return NULL;
	return o;
}

static void unknown_own_key(struct walk *w, const yaml_node_t *k, const char *path, const char *key)
{
	const char *found =
		strncmp(key, "select", 6) ? config_nearest_option(key, strlen(key)) : "selection";
	const struct option_row *o = row(key);
	char near[100] = "";

	if (o && o->type == OPT_SELECTOR)
		snprintf(near, sizeof(near), " (it belongs into selection: [{%s: ...}])", o->name);
	else if (found)
		snprintf(near, sizeof(near), " (did you mean %s?)", found);
	for (char *p = near; *p; p++)
		*p = *p == '-' ? '_' : *p;
	walk_complain(w, k, w->check, "unknown key '%s.%.80s'%s%s", path, key, near,
		      w->check ? "" : "; ignored");
}

static void own_pair(struct walk *w, const yaml_node_t *k, yaml_node_t *v, const char *path,
		     const void *arg)
{
	const char *key = (const char *)k->data.scalar.value;
	const struct option_row *o = own_option(key);
	char sub[PATH_LEN];

	if (!strcmp(key, "selection")) {
		walk_sequence(w, v, OWN "selection", selection_item);
		return;
	}
	if (!o) {
		unknown_own_key(w, k, path, key);
		return;
	}
	snprintf(sub, sizeof(sub), "%s.%.80s", path, key);
	walk_set(w, v, o, true, sub);
}

static void distribution_pair(struct walk *w, const yaml_node_t *k, yaml_node_t *v,
			      const char *path, const void *arg)
{
	const char *key = (const char *)k->data.scalar.value;

	/* other distributions' parts are theirs, but not what is meant for us */
	if (!strcmp(key, "otel_ebpf"))
		walk_pairs(w, v, "distribution.otel_ebpf", own_pair, NULL);
	else if (!strcmp(key, "otel-ebpf"))
		walk_complain(w, k, w->check,
			      "unknown key 'distribution.%s' (did you mean otel_ebpf?)%s", key,
			      w->check ? "" : "; ignored");
}

/* Kept for the end: where both say the same, the own word wins. */
static void distribution(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	w->distribution = v;
}

void config_own_part(struct walk *w)
{
	if (w->distribution)
		walk_pairs(w, w->distribution, "distribution", distribution_pair, NULL);
}

static void no_logs(struct walk *w, yaml_node_t *v, const char *path, const struct field *f)
{
	if (!walk_null(v))
		walk_complain(w, v, false, "'%s': there are no logs to export; ignored", path);
}

static const struct field limits_fields[] = {FIELD("attribute_value_length_limit", field_option),
					     FIELD("attribute_count_limit", field_option),
					     {0}};

const struct field config_root_fields[] = {
	FIELD("file_format", file_format),
	FIELD("disabled", field_option),
	FIELD("log_level", log_level),
	OBJECT("attribute_limits", limits_fields),
	FIELD("resource", resource),
	OBJECT("propagator", propagator_fields),
	OBJECT("tracer_provider", tracer_fields),
	OBJECT("meter_provider", meter_fields),
	FIELD("logger_provider", no_logs),
	OBJECT("instrumentation/development", instrumentation_fields),
	FIELD("distribution", distribution),
	{0}};
