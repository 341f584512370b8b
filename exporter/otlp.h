/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_OTLP_H
#define OE_OTLP_H
/*
 * OTLP encoding: batch -> message tree -> bytes or JSON. Pure: no I/O, no log.
 * The tree lives in an arena and borrows the batch's strings, so it dies first.
 */
#include <protobuf-c/protobuf-c.h>

#include "exporter/telemetry.h"
#include "userspace/base/buf.h"

/* Limits of one request: the tree in memory, and what it becomes. */
#define OTLP_TREE_MAX	 (128U << 20)
#define OTLP_REQUEST_MAX (64U << 20)

/* An ExportTraceServiceRequest or ExportMetricsServiceRequest. 0 or -ENOMEM (also: arena limit). */
int otlp_build(struct arena *a, const struct batch *b, const ProtobufCMessage **ret_msg);
/* The message as protobuf, added to out. 0, -E2BIG or -ENOMEM. */
int otlp_pack(const ProtobufCMessage *msg, struct buf *out);
/* The message as OTLP JSON on one line without the newline, added to out. 0, -E2BIG or -ENOMEM. */
int otlp_json(const ProtobufCMessage *msg, struct buf *out);

struct otlp_answer {
	uint64_t rejected; /* items that the server did not take */
	char message[160]; /* its reason, printable ASCII; "" = none */
};

/* The body of a 2xx answer. 0, or -EBADMSG when it is not one. */
int otlp_read_response(struct bytes body, struct otlp_answer *ret_answer);
/* The body of an error answer (protobuf Status); same returns. */
int otlp_read_error(struct bytes body, struct otlp_answer *ret_answer);
/* Copies text as printable ASCII with other bytes as '?', cut to size. */
void otlp_printable(char *out, size_t size, struct bytes text);

/* ---- shared by otlp_trace.c and otlp_metrics.c */

/* One item of a batch and where it belongs. */
struct otlp_item {
	const struct resource *resource;
	const char *scope;
	uint32_t idx;
};

struct otlp_range {
	uint32_t first, cnt; /* in the items array, all of one resource and scope */
	bool new_resource;   /* differs from the range before */
};

/*
 * Sorts items by resource and scope (items of one group keep their order) and cuts them into
 * ranges. 0 or -ENOMEM.
 */
int otlp_group(struct arena *a, struct otlp_item *items, uint32_t cnt,
	       struct otlp_range **ret_ranges, uint32_t *ret_range_cnt, uint32_t *ret_resource_cnt);

struct Otlp__KeyValue;
struct Otlp__Resource;
struct Otlp__InstrumentationScope;

int otlp_attrs(struct arena *a, const struct attr *attrs, uint32_t cnt,
	       struct Otlp__KeyValue ***ret_kvs);
int otlp_resource(struct arena *a, const struct resource *r, struct Otlp__Resource **ret_res);
int otlp_scope(struct arena *a, const char *name, struct Otlp__InstrumentationScope **ret_scope);
int otlp_build_trace(struct arena *a, const struct batch *b, const ProtobufCMessage **ret_msg);
int otlp_build_metrics(struct arena *a, const struct batch *b, const ProtobufCMessage **ret_msg);

/* Zeroed array of cnt elements; never NULL for cnt = 0; NULL when out of memory. */
void *otlp_array(struct arena *a, size_t cnt, size_t size);

#endif
