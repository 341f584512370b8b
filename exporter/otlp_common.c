/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two encoders share. The protobuf-c tree is built with arena memory
 * only: no node is freed on its own, so no encoder has cleanup code. Every
 * string passes utf8_repair(); valid ones (nearly all) are borrowed, not copied.
 */
#include "exporter/otlp.h"

#include <errno.h>
#include <stdlib.h>

#include "exporter/proto/otlp.pb-c.h"
#include "exporter/utf8.h"

void *otlp_array(struct arena *a, size_t cnt, size_t size)
{
	if (!cnt)
		cnt = 1;
	if (cnt > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, cnt * size);
}

static int item_cmp(const void *pa, const void *pb)
{
	const struct otlp_item *a = pa, *b = pb;
	uint64_t ida = a->resource ? a->resource->id : 0, idb = b->resource ? b->resource->id : 0;
	int c;

	if (ida != idb)
		return ida < idb ? -1 : 1;
	c = a->scope == b->scope ? 0 : strcmp(a->scope, b->scope);
	if (c)
		return c;
	return a->idx < b->idx ? -1 : a->idx > b->idx;
}

int otlp_group(struct arena *a, struct otlp_item *items, uint32_t cnt,
	       struct otlp_range **ret_ranges, uint32_t *ret_range_cnt, uint32_t *ret_resource_cnt)
{
	struct otlp_range *ranges = otlp_array(a, cnt, sizeof(*ranges));
	uint32_t n = 0, resources = 0;

	if (!ranges)
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++)
		if (!items[i].scope)
			items[i].scope = OE_SDK_NAME;
	if (cnt > 1)
		qsort(items, cnt, sizeof(*items), item_cmp);
	for (uint32_t i = 0; i < cnt; i++) {
		bool new_res = !i || items[i].resource != items[i - 1].resource;

		if (new_res || strcmp(items[i].scope, items[i - 1].scope))
			ranges[n++] = (struct otlp_range){.first = i, .new_resource = new_res};
		ranges[n - 1].cnt++;
		resources += new_res;
	}
	*ret_ranges = ranges;
	*ret_range_cnt = n;
	*ret_resource_cnt = resources;
	return 0;
}

static int set_string(struct arena *a, Otlp__AnyValue *v, struct bytes in)
{
	struct bytes text;
	int err = utf8_repair(a, in, &text);

	if (err)
		return err;
	v->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	v->string_value = (ProtobufCBinaryData){.len = text.len, .data = (uint8_t *)text.data};
	return 0;
}

static int set_array(struct arena *a, Otlp__AnyValue *v, const struct attr *at)
{
	Otlp__ArrayValue *arr = arena_alloc(a, sizeof(*arr));
	Otlp__AnyValue *vals = otlp_array(a, at->len, sizeof(*vals));

	if (!arr || !vals)
		return -ENOMEM;
	otlp__array_value__init(arr);
	arr->n_values = at->len;
	arr->values = otlp_array(a, at->len, sizeof(*arr->values));
	if (!arr->values)
		return -ENOMEM;
	for (uint32_t i = 0; i < at->len; i++) {
		otlp__any_value__init(&vals[i]);
		if (set_string(a, &vals[i], bytes_str(at->sv[i])))
			return -ENOMEM;
		arr->values[i] = &vals[i];
	}
	v->value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
	v->array_value = arr;
	return 0;
}

static int set_value(struct arena *a, Otlp__AnyValue *v, const struct attr *at)
{
	otlp__any_value__init(v);
	switch (at->type) {
	case ATTR_STR:
		return set_string(a, v, bytes_of(at->s, at->len));
	case ATTR_INT:
		v->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
		v->int_value = at->i;
		return 0;
	case ATTR_DOUBLE:
		v->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
		v->double_value = at->d;
		return 0;
	case ATTR_BOOL:
		v->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		v->bool_value = at->b;
		return 0;
	case ATTR_STR_ARRAY:
		return set_array(a, v, at);
	}
	return 0; /* an AnyValue without a value is valid and says "empty" */
}

int otlp_attrs(struct arena *a, const struct attr *attrs, uint32_t cnt, Otlp__KeyValue ***ret_kvs)
{
	Otlp__KeyValue **ptrs = otlp_array(a, cnt, sizeof(*ptrs));
	Otlp__KeyValue *kvs = otlp_array(a, cnt, sizeof(*kvs));
	Otlp__AnyValue *vals = otlp_array(a, cnt, sizeof(*vals));

	if (!ptrs || !kvs || !vals)
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++) {
		const char *key;

		otlp__key_value__init(&kvs[i]);
		if (utf8_repair_str(a, attrs[i].key, &key) || set_value(a, &vals[i], &attrs[i]))
			return -ENOMEM;
		kvs[i].key = (char *)key;
		kvs[i].value = &vals[i];
		ptrs[i] = &kvs[i];
	}
	*ret_kvs = ptrs;
	return 0;
}

int otlp_resource(struct arena *a, const struct resource *r, Otlp__Resource **ret_res)
{
	Otlp__Resource *res = arena_alloc(a, sizeof(*res));
	int err;

	if (!res)
		return -ENOMEM;
	otlp__resource__init(res);
	if (r) {
		err = otlp_attrs(a, r->attrs, r->attr_cnt, &res->attributes);
		if (err)
			return err;
		res->n_attributes = r->attr_cnt;
	}
	*ret_res = res;
	return 0;
}

int otlp_scope(struct arena *a, const char *name, Otlp__InstrumentationScope **ret_scope)
{
	Otlp__InstrumentationScope *sc = arena_alloc(a, sizeof(*sc));
	const char *text;

	if (!sc || utf8_repair_str(a, name, &text))
		return -ENOMEM;
	otlp__instrumentation_scope__init(sc);
	sc->name = (char *)text;
	sc->version = (char *)OE_VERSION;
	*ret_scope = sc;
	return 0;
}

int otlp_build(struct arena *a, const struct batch *b, const ProtobufCMessage **ret_msg)
{
	return b->type == BATCH_SPANS ? otlp_build_trace(a, b, ret_msg)
				      : otlp_build_metrics(a, b, ret_msg);
}

int otlp_pack(const ProtobufCMessage *msg, struct buf *out)
{
	size_t size = protobuf_c_message_get_packed_size(msg);
	int err = buf_reserve(out, size);

	if (err || !size)
		return err;
	out->len += protobuf_c_message_pack(msg, out->data + out->len);
	return 0;
}

void otlp_printable(char *out, size_t size, struct bytes text)
{
	size_t n = 0;

	while (n + 1 < size && n < text.len) {
		uint8_t c = text.data[n];

		out[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[n] = '\0';
	/* say that something is missing, never cut in silence */
	if (n < text.len && n >= 3)
		memcpy(out + n - 3, "...", 3);
}

int otlp_read_response(struct bytes body, struct otlp_answer *ret_answer)
{
	Otlp__ExportResponse *resp;

	resp = otlp__export_response__unpack(NULL, body.len, body.data);
	if (!resp)
		return -EBADMSG;
	*ret_answer = (struct otlp_answer){0};
	if (resp->partial_success) {
		const Otlp__PartialSuccess *ps = resp->partial_success;

		/* negative is nonsense: then nothing was refused, as far as we know */
		ret_answer->rejected = ps->rejected > 0 ? (uint64_t)ps->rejected : 0;
		otlp_printable(ret_answer->message, sizeof(ret_answer->message),
			       bytes_of(ps->error_message.data, ps->error_message.len));
	}
	otlp__export_response__free_unpacked(resp, NULL);
	return 0;
}

int otlp_read_error(struct bytes body, struct otlp_answer *ret_answer)
{
	Otlp__ErrorStatus *st = otlp__error_status__unpack(NULL, body.len, body.data);

	if (!st)
		return -EBADMSG;
	*ret_answer = (struct otlp_answer){0};
	otlp_printable(ret_answer->message, sizeof(ret_answer->message),
		       bytes_of(st->message.data, st->message.len));
	otlp__error_status__free_unpacked(st, NULL);
	return 0;
}
