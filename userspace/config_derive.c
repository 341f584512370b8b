/* SPDX-License-Identifier: Apache-2.0 */
/* From what was said to what is used: endpoints, sampler, span settings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "userspace/base/log.h"
#include "userspace/config.h"

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

static int port_of(const char *url)
{
	const char *host = strstr(url, "://"), *end, *colon;

	host = host ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	colon = memrchr(host, ':', (size_t)(end - host));
	return colon ? atoi(colon + 1) : 0;
}

/* The base endpoint gets the signal's path appended, a signal's own is used as it stands. */
static int make_url(const struct config *c, int which, const char *path, char **ret, char err[256])
{
	const struct otlp_given *own = &c->otlp[which], *base = &c->otlp[OTLP_BASE];
	const char *given = first(own->endpoint, base->endpoint), *scheme = "";
	uint32_t protocol = own->protocol ? own->protocol : base->protocol;
	char *url;
	size_t n;

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
	if (!strstr(given, "://")) {
		log_warn("OTLP endpoint '%s' has no scheme: http:// is assumed", given);
		scheme = "http://";
	} else if (strncasecmp(given, "http://", 7) && strncasecmp(given, "https://", 8)) {
		snprintf(err, 256, "OTLP endpoint '%.100s': only http:// and https:// are possible",
			 given);
		return -EINVAL;
	}
	n = strlen(given);
	if (!own->endpoint)
		while (n && given[n - 1] == '/')
			n--;
	if (asprintf(&url, "%s%.*s%s", scheme, (int)n, given, own->endpoint ? "" : path) < 0)
		return -ENOMEM;
	*ret = url;
	return 0;
}

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int signal_config(const struct config *c, int which, const char *path,
			 struct otlp_signal_config *ret, char err[256])
{
	const struct otlp_given *own = &c->otlp[which], *base = &c->otlp[OTLP_BASE];
	uint32_t compression = own->compression ? own->compression : base->compression;

	ret->timeout_ms = own->timeout_ms    ? own->timeout_ms
			  : base->timeout_ms ? base->timeout_ms
					     : 10000;
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
	ret->export_timeout_ms = c->bsp_timeout_ms;
	ret->metric_timeout_ms = c->metric_timeout_ms;
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
	char *end;

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
	if (!c->sampler_arg)
		return;
	ret->ratio = strtod(c->sampler_arg, &end);
	if (*end || end == c->sampler_arg || !(ret->ratio >= 0.0 && ret->ratio <= 1.0)) {
		log_warn(
			"OTEL_TRACES_SAMPLER_ARG: '%s' is not a ratio between 0 and 1; 1.0 is used",
			c->sampler_arg);
		ret->ratio = 1.0;
	}
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
