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

@test "psql: statements" { sql_statements psql; }
@test "psql: errors and cancelled statements" { sql_errors psql; }
@test "psql: rows returned" { sql_rows psql; }
@test "psql: copies, and several statements at once" { sql_copies psql; }
@test "psql: no literal comes out" { sql_canary psql; }

@test "libpq: statements" { sql_statements libpq; }
@test "libpq: errors and cancelled statements" { sql_errors libpq late; }
@test "libpq: rows returned" { sql_rows libpq; }
@test "libpq: copies, and several statements at once" { sql_copies libpq; }
@test "libpq: no literal comes out" { sql_canary libpq; }

@test "libpq in pipeline mode: statements" { sql_statements libpq_pipeline; }
@test "libpq in pipeline mode: errors and cancelled statements" { sql_errors libpq_pipeline; }
@test "libpq in pipeline mode: rows returned" { sql_rows libpq_pipeline; }
@test "libpq in pipeline mode: copies, and several statements at once" { sql_copies libpq_pipeline; }
@test "libpq in pipeline mode: no literal comes out" { sql_canary libpq_pipeline; }

@test "psycopg2: statements" { sql_statements psycopg2; }
@test "psycopg2: errors and cancelled statements" { sql_errors psycopg2; }
@test "psycopg2: rows returned" { sql_rows psycopg2; }
@test "psycopg2: copies, and several statements at once" { sql_copies psycopg2; }
@test "psycopg2: no literal comes out" { sql_canary psycopg2; }

@test "psycopg 3: statements" { sql_statements psycopg3; }
@test "psycopg 3: errors and cancelled statements" { sql_errors psycopg3 late; }
@test "psycopg 3: rows returned" { sql_rows psycopg3; }
@test "psycopg 3: copies, and several statements at once" { sql_copies psycopg3; }
@test "psycopg 3: no literal comes out" { sql_canary psycopg3; }

@test "asyncpg: statements" { sql_statements asyncpg; }
@test "asyncpg: errors and cancelled statements" { sql_errors asyncpg late; }
@test "asyncpg: rows returned" { sql_rows asyncpg; }
@test "asyncpg: copies, and several statements at once" { sql_copies asyncpg; }
@test "asyncpg: no literal comes out" { sql_canary asyncpg; }

@test "node-postgres: statements" { sql_statements node_pg; }
@test "node-postgres: errors and cancelled statements" { sql_errors node_pg late; }
@test "node-postgres: rows returned" { sql_rows node_pg; }
@test "node-postgres: copies, and several statements at once" { sql_copies node_pg; }
@test "node-postgres: no literal comes out" { sql_canary node_pg; }

@test "JDBC: statements" { sql_statements jdbc_pg; }
@test "JDBC: errors and cancelled statements" { sql_errors jdbc_pg late; }
@test "JDBC: rows returned" { sql_rows jdbc_pg; }
@test "JDBC: copies, and several statements at once" { sql_copies jdbc_pg; }
@test "JDBC: no literal comes out" { sql_canary jdbc_pg; }

@test "pgx: statements" { sql_statements pgx; }
@test "pgx: errors and cancelled statements" { sql_errors pgx late; }
@test "pgx: rows returned" { sql_rows pgx; }
@test "pgx: copies, and several statements at once" { sql_copies pgx; }
@test "pgx: no literal comes out" { sql_canary pgx; }

@test "pgx with simple queries: statements" { sql_statements pgx_simple; }
@test "pgx with simple queries: errors and cancelled statements" { sql_errors pgx_simple; }
@test "pgx with simple queries: rows returned" { sql_rows pgx_simple; }
@test "pgx with simple queries: copies, and several statements at once" { sql_copies pgx_simple; }
@test "pgx with simple queries: no literal comes out" { sql_canary pgx_simple; }

@test "lib/pq: statements" { sql_statements pq; }
@test "lib/pq: errors and cancelled statements" { sql_errors pq late; }
@test "lib/pq: rows returned" { sql_rows pq; }
@test "lib/pq: copies, and several statements at once" { sql_copies pq; }
@test "lib/pq: no literal comes out" { sql_canary pq; }

@test "libpq, psycopg 3 and pgx over the Unix socket" {
	SQL_WHERE=unix
	SQL_USER=app
	sql_statements libpq
	sql_statements psycopg3
	sql_statements pgx
}
