/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/otlp.h"

#include <errno.h>

#include "exporter/proto/otlp.pb-c.h"
#include "exporter/utf8.h"

static int build_numbers(struct arena *a, const struct metric *m,
			 Otlp__NumberDataPoint ***ret_points)
{
	Otlp__NumberDataPoint *pts = otlp_array(a, m->point_cnt, sizeof(*pts));
	Otlp__NumberDataPoint **ptrs = otlp_array(a, m->point_cnt, sizeof(*ptrs));
	int err;

	if (!pts || !ptrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->point_cnt; i++) {
		const struct metric_point *p = &m->points[i];
		Otlp__NumberDataPoint *pb = &pts[i];

		otlp__number_data_point__init(pb);
		pb->start_time_unix_nano = p->start_ns;
		pb->time_unix_nano = p->time_ns;
		if (p->is_int) {
			pb->value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
			pb->as_int = p->i;
		} else {
			pb->value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
			pb->as_double = p->d;
		}
		err = otlp_attrs(a, p->attrs, p->attr_cnt, &pb->attributes);
		if (err)
			return err;
		pb->n_attributes = p->attr_cnt;
		ptrs[i] = pb;
	}
	*ret_points = ptrs;
	return 0;
}

static int build_histogram_point(struct arena *a, const struct metric_point *p,
				 Otlp__HistogramDataPoint *pb)
{
	otlp__histogram_data_point__init(pb);
	pb->start_time_unix_nano = p->start_ns;
	pb->time_unix_nano = p->time_ns;
	pb->count = p->count;
	pb->sum_opt_case = OTLP__HISTOGRAM_DATA_POINT__SUM_OPT_SUM;
	pb->sum = p->sum;
	if (p->count) {
		pb->min_opt_case = OTLP__HISTOGRAM_DATA_POINT__MIN_OPT_MIN;
		pb->min = p->min;
		pb->max_opt_case = OTLP__HISTOGRAM_DATA_POINT__MAX_OPT_MAX;
		pb->max = p->max;
	}
	/* both arrays or neither: OTLP's rule is one bucket more than bounds, or no buckets at all
	 */
	if (p->buckets) {
		pb->n_explicit_bounds = p->bound_cnt;
		pb->explicit_bounds = (double *)p->bounds;
		pb->n_bucket_counts = (size_t)p->bound_cnt + 1;
		pb->bucket_counts = (uint64_t *)p->buckets;
	}
	pb->n_attributes = p->attr_cnt;
	return otlp_attrs(a, p->attrs, p->attr_cnt, &pb->attributes);
}

static int build_histograms(struct arena *a, const struct metric *m,
			    Otlp__HistogramDataPoint ***ret_points)
{
	Otlp__HistogramDataPoint *pts = otlp_array(a, m->point_cnt, sizeof(*pts));
	Otlp__HistogramDataPoint **ptrs = otlp_array(a, m->point_cnt, sizeof(*ptrs));
	int err;

	if (!pts || !ptrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->point_cnt; i++) {
		err = build_histogram_point(a, &m->points[i], &pts[i]);
		if (err)
			return err;
		ptrs[i] = &pts[i];
	}
	*ret_points = ptrs;
	return 0;
}

static int build_sum(struct arena *a, const struct metric *m, Otlp__Metric *pb)
{
	pb->sum = arena_alloc(a, sizeof(*pb->sum));
	if (!pb->sum)
		return -ENOMEM;
	otlp__sum__init(pb->sum);
	pb->data_case = OTLP__METRIC__DATA_SUM;
	pb->sum->aggregation_temporality = (int32_t)m->temporality;
	pb->sum->is_monotonic = m->monotonic;
	pb->sum->n_data_points = m->point_cnt;
	return build_numbers(a, m, &pb->sum->data_points);
}

static int build_gauge(struct arena *a, const struct metric *m, Otlp__Metric *pb)
{
	pb->gauge = arena_alloc(a, sizeof(*pb->gauge));
	if (!pb->gauge)
		return -ENOMEM;
	otlp__gauge__init(pb->gauge);
	pb->data_case = OTLP__METRIC__DATA_GAUGE;
	pb->gauge->n_data_points = m->point_cnt;
	return build_numbers(a, m, &pb->gauge->data_points);
}

static int build_histogram(struct arena *a, const struct metric *m, Otlp__Metric *pb)
{
	pb->histogram = arena_alloc(a, sizeof(*pb->histogram));
	if (!pb->histogram)
		return -ENOMEM;
	otlp__histogram__init(pb->histogram);
	pb->data_case = OTLP__METRIC__DATA_HISTOGRAM;
	pb->histogram->aggregation_temporality = (int32_t)m->temporality;
	pb->histogram->n_data_points = m->point_cnt;
	return build_histograms(a, m, &pb->histogram->data_points);
}

static int build_metric(struct arena *a, const struct metric *m, Otlp__Metric *pb)
{
	const char *name, *unit, *description;

	otlp__metric__init(pb);
	if (utf8_repair_str(a, m->name, &name) || utf8_repair_str(a, m->unit, &unit) ||
	    utf8_repair_str(a, m->description, &description))
		return -ENOMEM;
	pb->name = (char *)name;
	pb->unit = (char *)unit;
	pb->description = (char *)description;
	switch (m->type) {
	case METRIC_SUM:
		return build_sum(a, m, pb);
	case METRIC_GAUGE:
		return build_gauge(a, m, pb);
	case METRIC_HISTOGRAM:
		return build_histogram(a, m, pb);
	}
	return -EINVAL;
}

static int build_scope_metrics(struct arena *a, const struct batch *b,
			       const struct otlp_item *items, uint32_t cnt, Otlp__ScopeMetrics *sm)
{
	Otlp__Metric *metrics = otlp_array(a, cnt, sizeof(*metrics));
	int err;

	otlp__scope_metrics__init(sm);
	sm->schema_url = (char *)OE_SCHEMA_URL;
	sm->metrics = otlp_array(a, cnt, sizeof(*sm->metrics));
	if (!metrics || !sm->metrics)
		return -ENOMEM;
	sm->n_metrics = cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		err = build_metric(a, &b->metrics[items[i].idx], &metrics[i]);
		if (err)
			return err;
		sm->metrics[i] = &metrics[i];
	}
	return otlp_scope(a, items[0].scope, &sm->scope);
}

int otlp_build_metrics(struct arena *a, const struct batch *b, const ProtobufCMessage **ret_msg)
{
	Otlp__ExportMetricsServiceRequest *req = arena_alloc(a, sizeof(*req));
	struct otlp_item *items = otlp_array(a, b->cnt, sizeof(*items));
	struct otlp_range *ranges;
	Otlp__ResourceMetrics *rm;
	Otlp__ScopeMetrics *sm, **sm_ptrs;
	uint32_t range_cnt, res_cnt, n = 0;
	int err;

	if (!req || !items)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->cnt; i++)
		items[i] = (struct otlp_item){b->metrics[i].resource, b->metrics[i].scope, i};
	err = otlp_group(a, items, b->cnt, &ranges, &range_cnt, &res_cnt);
	if (err)
		return err;
	otlp__export_metrics_service_request__init(req);
	req->resource_metrics = otlp_array(a, res_cnt, sizeof(*req->resource_metrics));
	rm = otlp_array(a, res_cnt, sizeof(*rm));
	sm = otlp_array(a, range_cnt, sizeof(*sm));
	sm_ptrs = otlp_array(a, range_cnt, sizeof(*sm_ptrs));
	if (!req->resource_metrics || !rm || !sm || !sm_ptrs)
		return -ENOMEM;
	for (uint32_t i = 0; i < range_cnt; i++) {
		const struct otlp_item *first = &items[ranges[i].first];

		err = build_scope_metrics(a, b, first, ranges[i].cnt, &sm[i]);
		if (err)
			return err;
		sm_ptrs[i] = &sm[i];
		if (ranges[i].new_resource) {
			otlp__resource_metrics__init(&rm[n]);
			rm[n].schema_url = (char *)OE_SCHEMA_URL;
			rm[n].scope_metrics = &sm_ptrs[i];
			err = otlp_resource(a, first->resource, &rm[n].resource);
			if (err)
				return err;
			req->resource_metrics[n] = &rm[n];
			n++;
		}
		rm[n - 1].n_scope_metrics++;
	}
	req->n_resource_metrics = n;
	*ret_msg = &req->base;
	return 0;
}
