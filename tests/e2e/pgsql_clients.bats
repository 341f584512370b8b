#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL clients, each the real thing against a real server: a span for each statement, with its text without literals, what it
# is, how it ended; how many rows came.
load lib.bash
load db.bash
setup_file() { start_postgres; }
teardown_file() { stop_db; }
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	need_db
	# SCRAM-SHA-256
	SQL_USER=scram
}
teardown() { common_teardown; }

@test "psql: statements, errors, rows" { sql_statements psql; }
@test "psql: no literal comes out" { sql_canary psql; }
@test "libpq: statements, errors, rows" { sql_statements libpq late; }
@test "libpq: no literal comes out" { sql_canary libpq; }
@test "libpq in pipeline mode: statements, errors, rows" { sql_statements libpq_pipeline; }
@test "libpq in pipeline mode: no literal comes out" { sql_canary libpq_pipeline; }
@test "psycopg2: statements, errors, rows" { sql_statements psycopg2; }
@test "psycopg2: no literal comes out" { sql_canary psycopg2; }
@test "psycopg 3: statements, errors, rows" { sql_statements psycopg3 late; }
@test "psycopg 3: no literal comes out" { sql_canary psycopg3; }
@test "asyncpg: statements, errors, rows" { sql_statements asyncpg late; }
@test "asyncpg: no literal comes out" { sql_canary asyncpg; }
@test "node-postgres: statements, errors, rows" { sql_statements node_pg late; }
@test "node-postgres: no literal comes out" { sql_canary node_pg; }
@test "JDBC: statements, errors, rows" { sql_statements jdbc_pg late; }
@test "JDBC: no literal comes out" { sql_canary jdbc_pg; }
@test "pgx: statements, errors, rows" { sql_statements pgx late; }
@test "pgx: no literal comes out" { sql_canary pgx; }
@test "pgx with simple queries: statements, errors, rows" { sql_statements pgx_simple; }
@test "pgx with simple queries: no literal comes out" { sql_canary pgx_simple; }
@test "lib/pq: statements, errors, rows" { sql_statements pq late; }
@test "lib/pq: no literal comes out" { sql_canary pq; }

@test "libpq, psycopg 3 and pgx over the Unix socket" {
	SQL_WHERE=unix
	SQL_USER=app
	sql_statements libpq
	sql_statements psycopg3
	sql_statements pgx
}
