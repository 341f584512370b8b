/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Database spans and metrics as the stable conventions say (semconv/db). What is not known is left
 * out; otel_ebpf.unknown names what should be there.
 *
 * error.type, the whole list: the code that the server gave (SQLSTATE, MySQL's number);
 * "pipeline_aborted" for what PostgreSQL skipped after an error; "_OTHER" for an error whose code
 * was not captured; for a connection that ended before its answer what sem_broken() says.
 *
 * Messages of errors are never shown: servers repeat literals in them.
 */
#include <errno.h>
#include <stdio.h>

#include "userspace/sem_attr.h"

#define SCOPE "otel-ebpf/db"

/* What both the span and the metrics need. */
struct op {
	const char *system;
	const char *operation; /* NULL or "" = not known */
	const char *target, *procedure, *summary, *text;
	const char *error;
	uint32_t batch; /* operations sent as one; 0 = no batch */
	struct sem_server server;
	char batch_name[56];
};

static const char *system_name(enum db_system s)
{
	switch (s) {
	case DB_SYSTEM_POSTGRESQL:
		return "postgresql";
	case DB_SYSTEM_MYSQL:
		return "mysql";
	case DB_SYSTEM_MARIADB:
		return "mariadb";
	case DB_SYSTEM_MYSQL_LIKE: /* one of these two */
	case DB_SYSTEM_NONE:
		break;
	}
	return "other_sql";
}

static void op_of(const struct exchange *x, struct op *o)
{
	const struct exchange_db *db = &x->db;
	const struct sql_stmt *sql = db->sql;

	o->system = system_name(db->system);
	o->operation = db->command ? db->command : sql ? sql->operation : NULL;
	o->procedure = sql ? sql->procedure : NULL;
	o->target = sql && !*sql->procedure ? sql->target : NULL;
	o->summary = sql && !db->command ? sql->summary : NULL;
	o->text = sql ? sql->text : NULL;
	o->batch = db->batch > 1 ? db->batch : sql && sql->statements > 1 ? sql->statements : 0;
	if (o->batch && !db->command) {
		bool one = o->operation && *o->operation && !sql->operations_differ;

		snprintf(o->batch_name, sizeof(o->batch_name), "BATCH%s%s", one ? " " : "",
			 one ? o->operation : "");
		o->operation = o->batch_name;
	}
	o->error = NULL;
	if (db->code[0])
		o->error = db->code;
	else if (db->failed)
		o->error = db->failed;
	else if (x->end == EXCHANGE_NO_RESPONSE || x->end == EXCHANGE_CUT)
		o->error = sem_broken(x->err);
	sem_server(x, 0, &o->server);
}

static bool has(const char *s)
{
	return s && *s;
}

/* The summary; else operation and target, where the target falls back to what the conventions list.
 */
static const char *name_of(const struct exchange *x, const struct op *o, struct arena *a)
{
	const struct bytes *ns = &x->db.name_space;

	if (has(o->summary))
		return arena_strndup(a, o->summary, strlen(o->summary));
	if (!has(o->operation))
		return o->system;
	if (has(o->target) || has(o->procedure))
		return arena_printf(a, "%s %s", o->operation,
				    has(o->target) ? o->target : o->procedure);
	if (ns->len)
		return arena_printf(a, "%s %.*s", o->operation, (int)ns->len, ns->data);
	return arena_strndup(a, o->operation, strlen(o->operation));
}

static void completeness(struct out *out, const struct exchange *x)
{
	const char *cut[1], *unknown[5];
	uint32_t n = 0, u = 0;

	if (x->db.sql && x->db.sql->cut)
		cut[n++] = "db.query.text";
	out_list(out, "otel_ebpf.truncated", cut, n);
	if (x->db.system == DB_SYSTEM_MYSQL_LIKE)
		unknown[u++] = "db.system.name";
	if (x->flags & XCHG_STMT_UNKNOWN)
		unknown[u++] = "db.query.text";
	if (x->db.system == DB_SYSTEM_POSTGRESQL && !x->db.name_space.len)
		unknown[u++] = "db.namespace"; /* there always is one */
	if (x->flags & XCHG_RESP_UNKNOWN) {
		unknown[u++] = "db.response.status_code";
		unknown[u++] = "db.response.returned_rows";
	}
	out_list(out, "otel_ebpf.unknown", unknown, u);
}

static int db_span(const struct exchange *x, const struct sem_config *cfg, struct batch *b,
		   struct span *sp)
{
	struct out o;
	struct op op;

	op_of(x, &op);
	if (!out_init(&o, b, 22, cfg))
		return -ENOMEM;
	sp->name = name_of(x, &op, o.a);
	if (!sp->name)
		return -ENOMEM;
	sp->scope = SCOPE;
	sp->kind = x->server ? SPAN_SERVER : SPAN_CLIENT;
	sp->status = op.error ? SPAN_STATUS_ERROR : SPAN_STATUS_UNSET;
	out_text(&o, "db.system.name", op.system);
	out_view(&o, "db.namespace", x->db.name_space);
	out_text(&o, "db.operation.name", op.operation);
	out_text(&o, "db.collection.name", op.target);
	out_text(&o, "db.stored_procedure.name", op.procedure);
	out_text(&o, "db.query.summary", op.summary);
	out_text(&o, "db.query.text", op.text);
	if (op.batch)
		out_num(&o, "db.operation.batch.size", op.batch);
	if (x->db.code[0])
		out_text(&o, "db.response.status_code", x->db.code);
	if (x->db.rows_returned >= 0)
		out_num(&o, "db.response.returned_rows", x->db.rows_returned);
	if (x->db.rows_affected >= 0)
		out_num(&o, "otel_ebpf.db.response.affected_rows", x->db.rows_affected);
	out_text(&o, "error.type", op.error);
	out_server(&o, &op.server);
	out_peer(&o, x);
	completeness(&o, x);
	out_done(&o, sp);
	return 0;
}

/* bounds: advice of the conventions' text beside metrics.yaml */
static const double duration_bounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};
static const double rows_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};

#define BOUNDS(b) .bounds = b, .bound_cnt = sizeof(b) / sizeof((b)[0])

static const struct sem_metric client_duration = {
	.name = "db.client.operation.duration",
	.description = "Duration of database client operations.",
	.unit = "s",
	.scope = SCOPE,
	BOUNDS(duration_bounds),
};
/* the conventions have none for the server's side */
static const struct sem_metric server_duration = {
	.name = "otel_ebpf.db.server.operation.duration",
	.description = "Duration of database operations as their server sees them.",
	.unit = "s",
	.scope = SCOPE,
	BOUNDS(duration_bounds),
};
static const struct sem_metric returned_rows = {
	.name = "db.client.response.returned_rows",
	.description = "The actual number of records returned by the database operation.",
	.unit = "{row}",
	.scope = SCOPE,
	BOUNDS(rows_bounds),
};

static bool db_series(const struct exchange *x, const struct sem_config *cfg, uint32_t i,
		      struct sem_series *s)
{
	struct op op;
	size_t at = 0;

	if (i > 1 || (i && (x->server || x->db.rows_returned < 0)))
		return false;
	op_of(x, &op);
	s->metric = i ? &returned_rows : x->server ? &server_duration : &client_duration;
	s->value = i ? (double)x->db.rows_returned : 0;
	s->attr_cnt = 0;
	series_static(s, "db.system.name", op.system);
	series_view(s, "db.namespace", x->db.name_space);
	series_text(s, &at, "db.operation.name", op.operation);
	series_static(s, "db.collection.name", op.target);
	series_static(s, "db.stored_procedure.name", op.procedure);
	series_static(s, "db.query.summary", op.summary);
	series_static(s, "db.response.status_code", x->db.code);
	series_static(s, "error.type", op.error);
	if (x->server)
		return true;
	series_server(s, &at, &op.server);
	return true;
}

const struct sem_ops sem_db_ops = {
	.family = MSG_FAMILY_DB,
	.scope = SCOPE,
	.span = db_span,
	.series = db_series,
};
