/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq itself: pg simple|pipeline HOST PORT USER PASSWORD DB STEPS; see client.py. simple: PQexec,
 * PQprepare and PQexecPrepared, rows one by one where there is a fetch size. pipeline: everything
 * in pipeline mode with the extended protocol, a set of parameters after the other without waiting.
 */
#include <jansson.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PARAMS 8

static PGconn *conn;
static unsigned names;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s", what, PQerrorMessage(conn));
	exit(1);
}

static void say(json_t *step, long rows, const char *code)
{
	json_t *t = json_deep_copy(json_object_get(step, "t"));

	if (code)
		json_object_set_new(t, "db.response.status_code", json_string(code));
	else if (rows >= 0 && json_is_true(json_object_get(step, "rows")))
		json_object_set_new(t, "db.response.returned_rows", json_integer(rows));
	json_dumpf(t, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(t);
}

static const char *text(json_t *step, const char *key)
{
	return json_string_value(json_object_get(step, key));
}

/* What results say until there are none, as one statement. In a pipeline: until its statement ends.
 */
static void results(json_t *step)
{
	char code[6] = "";
	long rows = -1;
	PGresult *r;

	while ((r = PQgetResult(conn))) {
		ExecStatusType s = PQresultStatus(r);
		const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

		if (s == PGRES_TUPLES_OK || s == PGRES_SINGLE_TUPLE)
			rows = (rows < 0 ? 0 : rows) + PQntuples(r);
		else if (state)
			snprintf(code, sizeof(code), "%s", state);
		PQclear(r);
	}
	say(step, rows, code[0] ? code : NULL);
}

static void expect_sync(void)
{
	PGresult *r = PQgetResult(conn);

	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC)
		die("no sync");
	PQclear(r);
}

static int params(json_t *set, const char **values, char room[][32])
{
	size_t n = json_array_size(set);

	for (size_t i = 0; i < n && i < MAX_PARAMS; i++) {
		json_t *v = json_array_get(set, i);

		values[i] = json_string_value(v);
		if (json_is_integer(v)) {
			snprintf(room[i], 32, "%lld", (long long)json_integer_value(v));
			values[i] = room[i];
		}
	}
	return (int)n;
}

static void exec(json_t *step, bool pipeline, bool singly)
{
	const char *sql = text(step, "sql");

	/* several statements, and COPY, are for simple queries only */
	if (pipeline && strcmp(text(step, "op"), "multi")) {
		PQenterPipelineMode(conn);
		if (!PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0) ||
		    !PQpipelineSync(conn))
			die("send");
		if (singly)
			PQsetSingleRowMode(conn);
		results(step);
		expect_sync();
		PQexitPipelineMode(conn);
		return;
	}
	if (!PQsendQuery(conn, sql))
		die("send");
	if (singly)
		PQsetSingleRowMode(conn);
	results(step);
}

static void sets(json_t *step, bool pipeline, bool prepare)
{
	json_t *all = json_object_get(step, "sets"), *set;
	char name[16] = "", room[MAX_PARAMS][32];
	const char *values[MAX_PARAMS];
	size_t i;

	if (prepare) {
		PGresult *r;

		snprintf(name, sizeof(name), "s%u", names++);
		r = PQprepare(conn, name, text(step, "sql"), 0, NULL);
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			die("prepare");
		PQclear(r);
	}
	if (pipeline)
		PQenterPipelineMode(conn);
	json_array_foreach(all, i, set)
	{
		int n = params(set, values, room);
		int sent = prepare ? PQsendQueryPrepared(conn, name, n, values, NULL, NULL, 0)
				   : PQsendQueryParams(conn, text(step, "sql"), n, NULL, values,
						       NULL, NULL, 0);

		if (!sent)
			die("send");
		if (!pipeline)
			results(step);
	}
	if (!pipeline)
		return;
	if (!PQpipelineSync(conn))
		die("sync");
	for (i = 0; i < json_array_size(all); i++)
		results(step);
	expect_sync();
	PQexitPipelineMode(conn);
}

static void *stop(void *cancel)
{
	char error[256];

	usleep(300 * 1000);
	if (!PQcancel(cancel, error, sizeof(error)))
		fprintf(stderr, "cancel: %s\n", error);
	return NULL;
}

static void cancel(json_t *step, bool pipeline)
{
	PGcancel *c = PQgetCancel(conn);
	pthread_t thread;

	pthread_create(&thread, NULL, stop, c);
	exec(step, pipeline, false);
	pthread_join(thread, NULL);
	PQfreeCancel(c);
}

static void copy(json_t *step, bool in)
{
	const char *data = text(step, "data");
	char *row;

	PQclear(PQexec(conn, text(step, "sql")));
	if (in) {
		for (size_t at = 0, len = strlen(data), n; at < len; at += n) {
			n = len - at < 1000 ? len - at : 1000;
			if (PQputCopyData(conn, data + at, (int)n) != 1)
				die("copy");
		}
		PQputCopyEnd(conn, NULL);
	} else {
		while (PQgetCopyData(conn, &row, 0) > 0)
			PQfreemem(row);
	}
	results(step);
}

int main(int argc, char **argv)
{
	const char *keys[] = {"host", "port", "user", "password", "dbname", NULL};
	char host[4096], *line = NULL;
	bool pipeline;
	size_t room = 0;
	FILE *f;

	if (argc != 8)
		return 2;
	pipeline = !strcmp(argv[1], "pipeline");
	snprintf(host, sizeof(host), "%s", argv[2]);
	if (host[0] == '/')
		*strrchr(host, '/') = 0;
	conn = PQconnectdbParams(
		keys, (const char *[]){host, argv[3], argv[4], argv[5], argv[6], NULL}, 0);
	if (PQstatus(conn) != CONNECTION_OK)
		die("connect");
	f = fopen(argv[7], "r");
	while (f && getline(&line, &room, f) > 0) {
		json_t *step = json_loads(line, 0, NULL);
		const char *op = text(step, "op");

		if (!strcmp(op, "prepared") || !strcmp(op, "batch"))
			sets(step, pipeline, op[0] == 'p');
		else if (!strcmp(op, "cancel"))
			cancel(step, pipeline);
		else if (!strncmp(op, "copy", 4))
			copy(step, !strcmp(op, "copy_in"));
		else
			exec(step, pipeline, json_integer_value(json_object_get(step, "fetch")));
		json_decref(step);
	}
	free(line);
	PQfinish(conn);
	return 0;
}
