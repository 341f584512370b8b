/* SPDX-License-Identifier: Apache-2.0 */
/* From what was said to what is used: endpoints, sampler, span settings. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "userspace/base/log.h"
#include "userspace/config_table.h"

static const char *first(const char *own, const char *base)
{
	return own ? own : base;
}

static bool wants(const struct string_list *l, const char *name)
{
	for (uint32_t i = 0; i < l->cnt; i++)
		if (!strcasecmp(l->v[i], name))
			return true;
	return false;
}

static void list_default(struct string_list *l, const char *word)
{
	if (l->cnt)
		return;
	l->v[0] = strdup(word);
	l->cnt = l->v[0] ? 1 : 0;
}

/* `none` beside others: the others are meant. */
static void drop_none(struct string_list *l, const char *what)
{
	uint32_t n = 0;

	if (l->cnt < 2 || !wants(l, "none"))
		return;
	log_warn("%s: 'none' beside others means nothing; ignored", what);
	for (uint32_t i = 0; i < l->cnt; i++) {
		if (strcmp(l->v[i], "none"))
			l->v[n++] = l->v[i];
		else
			free(l->v[i]);
	}
	l->v[n] = NULL;
	l->cnt = n;
}

/*
 * `trace` is there to be looked at: what the environment or the file says about exporters adds to
 * the console; only the command line replaces it.
 */
static void add_console(struct config *c)
{
	struct string_list *l = &c->traces_exporters;
	const char *origin = c->origin[option_by_name("traces-exporter", 15) - option_table];

	if (c->command != CMD_TRACE || (origin && !strcmp(origin, "command line")) ||
	    wants(l, "console") || l->cnt == CONFIG_LIST_MAX)
		return;
	if (l->cnt == 1 && wants(l, "none")) {
		free(l->v[0]);
		l->cnt = 0;
	}
	l->v[l->cnt] = strdup("console");
	if (l->v[l->cnt])
		l->cnt++;
}

void config_settle(struct config *c)
{
	bool human = c->command == CMD_TRACE || c->command == CMD_REPLAY;

	drop_none(&c->traces_exporters, "OTEL_TRACES_EXPORTER");
	drop_none(&c->metrics_exporters, "OTEL_METRICS_EXPORTER");
	add_console(c);
	list_default(&c->traces_exporters, human ? "console" : "otlp");
	list_default(&c->metrics_exporters, human ? "none" : "otlp");
	if (!c->propagators.cnt) {
		list_default(&c->propagators, "tracecontext");
		c->propagators.v[1] = strdup("baggage");
		c->propagators.cnt += c->propagators.v[1] != NULL;
	}
	if (c->histogram == HISTOGRAM_BASE2)
		log_warn("base2_exponential_bucket_histogram is not built yet: histograms have "
			 "explicit buckets");
	if (c->bsp_batch > c->bsp_queue) {
		log_warn("OTEL_BSP_MAX_EXPORT_BATCH_SIZE %u is larger than the queue: %u is used",
			 c->bsp_batch, c->bsp_queue);
		c->bsp_batch = c->bsp_queue;
	}
	if (c->attr_count_max == UINT32_MAX)
		c->attr_count_max = 128;
	if (c->span_attr_count_max == UINT32_MAX)
		c->span_attr_count_max = c->attr_count_max;
	if (c->span_attr_value_max == UINT32_MAX)
		c->span_attr_value_max = c->attr_value_max;
	if (!c->proc_root)
		c->proc_root = strdup("/proc");
}

/* Where the authority (user:password@host:port) begins and ends. */
static const char *authority(const char *url, size_t *ret_len)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	*ret_len = strcspn(host, "/?#");
	return host;
}

/* The host, and what stands behind its colon (length 0: nothing does). */
struct host_port {
	const char *host, *port;
	size_t host_len, port_len;
};

static struct host_port split_host(const char *url)
{
	const char *host, *at, *end, *stop, *close;
	size_t n;

	host = authority(url, &n);
	end = host + n;
	at = memrchr(host, '@', n);
	if (at)
		host = at + 1;
	/* the colons of an IPv6 address are not the port's */
	close = *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
	stop = close ? close + 1 : memrchr(host, ':', (size_t)(end - host));
	if (!stop)
		stop = end;
	return (struct host_port){
		.host = host,
		.host_len = (size_t)(stop - host),
		.port = stop + (*stop == ':'),
		.port_len = (size_t)(end - stop) - (*stop == ':'),
	};
}

/* 0 for none, -1 for what cannot be one. */
static int port_of(const char *url)
{
	struct host_port h = split_host(url);
	int port = 0;

	if (!h.port_len)
		return 0;
	/* [::1]4318 lacks the colon */
	if (h.port_len > 5 || h.port == h.host + h.host_len)
		return -1;
	for (size_t i = 0; i < h.port_len; i++) {
		if (h.port[i] < '0' || h.port[i] > '9')
			return -1;
		port = port * 10 + h.port[i] - '0';
	}
	return port >= 1 && port <= 65535 ? port : -1;
}

/* What every request would fail for, or NULL: said at the start, not at the first export. */
static const char *endpoint_fault(const char *url)
{
	struct host_port h = split_host(url);

	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return " contains a blank or a control character";
	if (h.host_len && h.host[0] == '[' && !memchr(h.host, ']', h.host_len))
		return ": the bracket of the IPv6 address is not closed";
	if (!h.host_len)
		return " names no host";
	if (port_of(url) < 0)
		return ": the port is not between 1 and 65535";
	return NULL;
}

/* The base endpoint gets the signal's path appended (before a query), a signal's own is used as it
 * stands. */
static int make_url(const struct config *c, int which, const char *path, char **ret, char err[256])
{
	const struct otlp_given *own = &c->otlp[which], *base = &c->otlp[OTLP_BASE];
	const char *given = first(own->endpoint, base->endpoint), *scheme = "";
	uint32_t protocol = own->protocol ? own->protocol : base->protocol;
	/* one endpoint for both signals is warned about once */
	bool said = which == OTLP_METRICS && !own->endpoint && !c->otlp[OTLP_TRACES].endpoint &&
		    wants(&c->traces_exporters, "otlp");
	char shown[128], *url;
	const char *fault;
	size_t n, rest;

	if (protocol == OTLP_GRPC || protocol == OTLP_HTTP_JSON ||
	    (!protocol && given && port_of(given) == 4317)) {
		snprintf(err, 256,
			 "OTLP over %s is not built yet%s: use http/protobuf and the collector's "
			 "port 4318",
			 protocol == OTLP_HTTP_JSON ? "http/json" : "grpc",
			 protocol ? "" : " (port 4317 means grpc)");
		return -EINVAL;
	}
	if (!given)
		given = "http://localhost:4318";
	config_hide_url(given, shown, sizeof(shown));
	if (port_of(given) == 4317 && !said)
		log_warn("OTLP endpoint '%s': collectors listen for grpc on port 4317, for "
			 "http/protobuf on 4318",
			 shown);
	if (!strstr(given, "://")) {
		if (!said)
			log_warn("OTLP endpoint '%s' has no scheme: http:// is assumed", shown);
		scheme = "http://";
	} else if (strncasecmp(given, "http://", 7) && strncasecmp(given, "https://", 8)) {
		snprintf(err, 256, "OTLP endpoint '%s': only http:// and https:// are possible",
			 shown);
		return -EINVAL;
	}
	fault = endpoint_fault(given);
	if (fault) {
		snprintf(err, 256, "OTLP endpoint '%s'%s", shown, fault);
		return -EINVAL;
	}
	n = strcspn(given, "?#");
	rest = n;
	if (!own->endpoint)
		while (n && given[n - 1] == '/')
			n--;
	if (asprintf(&url, "%s%.*s%s%s", scheme, (int)n, given, own->endpoint ? "" : path,
		     given + rest) < 0)
		return -ENOMEM;
	*ret = url;
	return 0;
}

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

/* 0 is OpenTelemetry's "no limit"; for a timer the largest number is as good. */
static uint32_t no_limit(uint32_t ms)
{
	return ms ? ms : INT_MAX;
}

static int signal_config(const struct config *c, int which, const char *path,
			 struct otlp_signal_config *ret, char err[256])
{
	const struct otlp_given *own = &c->otlp[which], *base = &c->otlp[OTLP_BASE];
	uint32_t compression = own->compression ? own->compression : base->compression;
	uint32_t timeout = own->timeout_ms != UINT32_MAX ? own->timeout_ms : base->timeout_ms;

	ret->timeout_ms = timeout == UINT32_MAX ? 10000 : no_limit(timeout);
	ret->gzip = compression == 1 + COMPRESSION_GZIP;
	ret->headers = dup_or_null(first(own->headers, base->headers));
	ret->ca_file = dup_or_null(first(own->certificate, base->certificate));
	ret->client_key = dup_or_null(first(own->client_key, base->client_key));
	ret->client_cert = dup_or_null(first(own->client_certificate, base->client_certificate));
	return make_url(c, which, path, &ret->url, err);
}

int config_exporter(const struct config *c, struct exporter_config *ret, char err[256])
{
	int e = 0;

	memset(ret, 0, sizeof(*ret));
	if (wants(&c->traces_exporters, "otlp"))
		e = signal_config(c, OTLP_TRACES, "/v1/traces", &ret->traces, err);
	if (!e && wants(&c->metrics_exporters, "otlp"))
		e = signal_config(c, OTLP_METRICS, "/v1/metrics", &ret->metrics, err);
	if (!e && !c->otlp_file &&
	    (wants(&c->traces_exporters, "otlp_file") ||
	     wants(&c->metrics_exporters, "otlp_file"))) {
		snprintf(err, 256, "the otlp_file exporter needs --otlp-file PATH (- for stdout)");
		e = -EINVAL;
	}
	if (e) {
		exporter_config_done(ret);
		return e;
	}
	ret->otlp_file = c->otlp_file;
	ret->out = stdout;
	ret->color = c->color == COLOR_ALWAYS ||
		     (c->color == COLOR_AUTO && isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
	ret->queue_max_spans = c->bsp_queue;
	ret->batch_max_spans = c->bsp_batch;
	ret->export_timeout_ms = no_limit(c->bsp_timeout_ms);
	ret->metric_timeout_ms = no_limit(c->metric_timeout_ms);
	return 0;
}

static void signal_done(struct otlp_signal_config *s)
{
	free(s->url);
	free(s->headers);
	free(s->ca_file);
	free(s->client_key);
	free(s->client_cert);
}

void exporter_config_done(struct exporter_config *e)
{
	signal_done(&e->traces);
	signal_done(&e->metrics);
	memset(e, 0, sizeof(*e));
}

void config_sampler(const struct config *c, struct sampler *ret)
{
	*ret = (struct sampler){.ratio = 1.0};
	ret->parent_based = c->sampler == SAMPLER_NAME_PARENT_ON ||
			    c->sampler == SAMPLER_NAME_PARENT_OFF ||
			    c->sampler == SAMPLER_NAME_PARENT_RATIO;
	switch ((enum sampler_name)c->sampler) {
	case SAMPLER_NAME_PARENT_ON:
	case SAMPLER_NAME_ON:
		ret->root = SAMPLER_ALWAYS_ON;
		return;
	case SAMPLER_NAME_PARENT_OFF:
	case SAMPLER_NAME_OFF:
		ret->root = SAMPLER_ALWAYS_OFF;
		return;
	case SAMPLER_NAME_RATIO:
	case SAMPLER_NAME_PARENT_RATIO:
		break;
	}
	ret->root = SAMPLER_TRACEIDRATIO;
	if (c->sampler_arg) /* option_set() has seen to it that it is a ratio */
		ret->ratio = strtod(c->sampler_arg, NULL);
}

int config_sem(const struct config *c, struct sem_config *ret, char err[256])
{
	struct route_table *t = NULL;
	int e = route_table_new((const char *const *)c->routes.v, c->routes.cnt, &t, err);

	if (e)
		return e;
	*ret = (struct sem_config){
		.routes = t,
		.route_heuristic = c->route_heuristic,
		.url_query = (enum query_mode)c->url_query,
		.body_sizes = c->body_sizes,
		.statements = (enum statement_mode)c->db_statement,
		.db_server = c->db_server,
		.kafka_broker = c->kafka_broker,
		.known_methods = c->known_methods.cnt ? (char **)c->known_methods.v : NULL,
		.attr_value_max = c->span_attr_value_max,
		.attr_count_max = c->span_attr_count_max,
	};
	return 0;
}

bool config_propagates(const struct config *c)
{
	return wants(&c->propagators, "tracecontext");
}
