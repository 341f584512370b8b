/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/otlp.h"

#include <errno.h>

#include "exporter/proto/otlp.pb-c.h"
#include "exporter/utf8.h"

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static ProtobufCBinaryData id_bytes(const uint8_t *id, size_t len)
{
	return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)id};
}

static int build_links(struct arena *a, Otlp__Span *pb, const struct span *sp)
{
	Otlp__Link *links = otlp_array(a, sp->link_cnt, sizeof(*links));

	pb->links = otlp_array(a, sp->link_cnt, sizeof(*pb->links));
	if (!links || !pb->links)
		return -ENOMEM;
	for (uint32_t i = 0; i < sp->link_cnt; i++) {
		const struct span_link *l = &sp->links[i];
		const char *state;

		otlp__link__init(&links[i]);
		links[i].trace_id = id_bytes(l->trace_id, sizeof(l->trace_id));
		links[i].span_id = id_bytes(l->span_id, sizeof(l->span_id));
		links[i].flags = l->flags;
		if (utf8_repair_str(a, l->tracestate, &state))
			return -ENOMEM;
		links[i].trace_state = (char *)state;
		pb->links[i] = &links[i];
	}
	pb->n_links = sp->link_cnt;
	return 0;
}

static int build_status(struct arena *a, Otlp__Span *pb, const struct span *sp)
{
	const char *msg;

	/* no message for UNSET: an absent Status means the same */
	if (sp->status == SPAN_STATUS_UNSET)
		return 0;
	pb->status = arena_alloc(a, sizeof(*pb->status));
	if (!pb->status)
		return -ENOMEM;
	otlp__status__init(pb->status);
	pb->status->code = (int32_t)sp->status;
	/* the specification wants a description with ERROR only */
	if (sp->status != SPAN_STATUS_ERROR)
		return 0;
	if (utf8_repair_str(a, sp->status_msg, &msg))
		return -ENOMEM;
	pb->status->message = (char *)msg;
	return 0;
}

static int build_span(struct arena *a, const struct span *sp, Otlp__Span *pb)
{
	const char *name, *state;
	int err;

	otlp__span__init(pb);
	if (utf8_repair_str(a, sp->name, &name) || utf8_repair_str(a, sp->tracestate, &state))
		return -ENOMEM;
	pb->trace_id = id_bytes(sp->trace_id, sizeof(sp->trace_id));
	pb->span_id = id_bytes(sp->span_id, sizeof(sp->span_id));
	if (!all_zero(sp->parent_id, sizeof(sp->parent_id)))
		pb->parent_span_id = id_bytes(sp->parent_id, sizeof(sp->parent_id));
	pb->flags = sp->flags;
	pb->name = (char *)name;
	pb->trace_state = (char *)state;
	pb->kind = (int32_t)sp->kind;
	pb->start_time_unix_nano = sp->start_ns;
	pb->end_time_unix_nano = sp->end_ns;
	err = otlp_attrs(a, sp->attrs, sp->attr_cnt, &pb->attributes);
	if (err)
		return err;
	pb->n_attributes = sp->attr_cnt;
	pb->dropped_attributes_count = sp->attr_dropped;
	pb->dropped_links_count = sp->link_dropped;
	err = build_links(a, pb, sp);
	if (err)
		return err;
	return build_status(a, pb, sp);
}

static int build_scope_spans(struct arena *a, const struct batch *b, const struct otlp_item *items,
			     uint32_t cnt, Otlp__ScopeSpans *ss)
{
	Otlp__Span *spans = otlp_array(a, cnt, sizeof(*spans));
	int err;

	otlp__scope_spans__init(ss);
	ss->schema_url = (char *)OE_SCHEMA_URL;
	ss->spans = otlp_array(a, cnt, sizeof(*ss->spans));
	if (!spans || !ss->spans)
		return -ENOMEM;
	ss->n_spans = cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		err = build_span(a, &b->spans[items[i].idx], &spans[i]);
		if (err)
			return err;
		ss->spans[i] = &spans[i];
	}
	return otlp_scope(a, items[0].scope, &ss->scope);
}

int otlp_build_trace(struct arena *a, const struct batch *b, const ProtobufCMessage **ret_msg)
{
	Otlp__ExportTraceServiceRequest *req = arena_alloc(a, sizeof(*req));
	struct otlp_item *items = otlp_array(a, b->cnt, sizeof(*items));
	struct otlp_range *ranges;
	Otlp__ResourceSpans *rs;
	Otlp__ScopeSpans *ss, **ss_ptrs;
	uint32_t range_cnt, res_cnt, n = 0;
	int err;

	if (!req || !items)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->cnt; i++)
		items[i] = (struct otlp_item){b->spans[i].resource, b->spans[i].scope, i};
	err = otlp_group(a, items, b->cnt, &ranges, &range_cnt, &res_cnt);
	if (err)
		return err;
	otlp__export_trace_service_request__init(req);
	req->resource_spans = otlp_array(a, res_cnt, sizeof(*req->resource_spans));
	rs = otlp_array(a, res_cnt, sizeof(*rs));
	ss = otlp_array(a, range_cnt, sizeof(*ss));
	ss_ptrs = otlp_array(a, range_cnt, sizeof(*ss_ptrs));
	if (!req->resource_spans || !rs || !ss || !ss_ptrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < range_cnt; i++) {
		const struct otlp_item *first = &items[ranges[i].first];

		err = build_scope_spans(a, b, first, ranges[i].cnt, &ss[i]);
		if (err)
			return err;
		ss_ptrs[i] = &ss[i];
		if (ranges[i].new_resource) {
			otlp__resource_spans__init(&rs[n]);
			rs[n].schema_url = (char *)OE_SCHEMA_URL;
			/* ranges of one resource follow one another, so their pointers do too */
			rs[n].scope_spans = &ss_ptrs[i];
			err = otlp_resource(a, first->resource, &rs[n].resource);
			if (err)
				return err;
			req->resource_spans[n] = &rs[n];
			n++;
		}
		rs[n - 1].n_scope_spans++;
	}
	req->n_resource_spans = n;
	*ret_msg = &req->base;
	return 0;
}
