/* SPDX-License-Identifier: Apache-2.0 */
/* Exporter `otlp`: OTLP/HTTP with protobuf bodies, an endpoint per signal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporter/otlp.h"
#include "exporter/transport.h"

#define BODY_KEEP_BYTES (1U << 20)

struct otlp_http {
	struct transport *traces, *metrics; /* NULL = the signal has no endpoint */
	struct arena arena;
	struct buf body;
};

static void otlp_http_close(void *state)
{
	struct otlp_http *h = state;

	if (!h)
		return;
	transport_close(h->traces);
	transport_close(h->metrics);
	arena_done(&h->arena);
	buf_done(&h->body);
	free(h);
}

static int otlp_http_open(const struct exporter_config *cfg, void **ret_state, char err[256])
{
	struct otlp_http *h = calloc(1, sizeof(*h));
	int e = 0;

	if (!h) {
		snprintf(err, 256, "otlp: out of memory");
		return -ENOMEM;
	}
	arena_init(&h->arena, OTLP_TREE_MAX);
	buf_init(&h->body, OTLP_REQUEST_MAX);
	if (cfg->traces.url)
		e = transport_open(&cfg->traces, &h->traces, err);
	if (!e && cfg->metrics.url)
		e = transport_open(&cfg->metrics, &h->metrics, err);
	if (!e && !h->traces && !h->metrics) {
		snprintf(err, 256, "otlp: no endpoint configured");
		e = -EINVAL;
	}
	if (e) {
		otlp_http_close(h);
		return e;
	}
	*ret_state = h;
	return 0;
}

static int encode(struct otlp_http *h, const struct batch *b)
{
	const ProtobufCMessage *msg;
	int err;

	buf_clear(&h->body, BODY_KEEP_BYTES);
	err = otlp_build(&h->arena, b, &msg);
	if (!err)
		err = otlp_pack(msg, &h->body);
	/* the tree borrows from the batch: it must not outlive this call */
	arena_reset(&h->arena);
	return err;
}

static enum export_result otlp_http_export(void *state, const struct batch *b, uint64_t deadline_ns,
					   struct export_info *ret_info)
{
	struct otlp_http *h = state;
	struct transport *t = b->type == BATCH_SPANS ? h->traces : h->metrics;
	enum export_result res;
	struct otlp_answer reason;
	struct bytes answer;
	int err;

	if (!t) {
		snprintf(ret_info->error, sizeof(ret_info->error), "no endpoint for this signal");
		snprintf(ret_info->error_type, sizeof(ret_info->error_type), "no_endpoint");
		return EXPORT_REJECTED;
	}
	err = encode(h, b);
	if (err) {
		snprintf(ret_info->error, sizeof(ret_info->error), "cannot encode: %s",
			 err == -E2BIG ? "the request would be too large" : "out of memory");
		snprintf(ret_info->error_type, sizeof(ret_info->error_type), "%s",
			 err == -E2BIG ? "too_large" : "no_memory");
		return EXPORT_REJECTED;
	}
	res = transport_post(t, buf_bytes(&h->body), deadline_ns, &answer, ret_info);
	if (res != EXPORT_OK || otlp_read_response(answer, &reason))
		return res; /* taken, though its answer makes no sense: nothing more to learn */
	ret_info->rejected = reason.rejected;
	if (reason.rejected || reason.message[0])
		snprintf(ret_info->error, sizeof(ret_info->error), "%.80s: %s", transport_url(t),
			 reason.message[0] ? reason.message : "no reason given");
	if (reason.rejected)
		snprintf(ret_info->error_type, sizeof(ret_info->error_type), "rejected");
	return res;
}

static void otlp_http_abort(void *state)
{
	struct otlp_http *h = state;

	transport_abort(h->traces);
	transport_abort(h->metrics);
}

const struct exporter_ops exporter_otlp = {
	.name = "otlp",
	.traces = true,
	.metrics = true,
	.open = otlp_http_open,
	.export_batch = otlp_http_export,
	.close = otlp_http_close,
	.abort = otlp_http_abort,
};
