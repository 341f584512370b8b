#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL clients against other versions of the server (pgsql_clients.bats: Debian's).
load lib.bash
load db.bash
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	SQL_USER=scram
}
teardown() {
	common_teardown
	stop_db
}

groups() { # VERSION
	start_postgres "$1"
	sql_statements libpq late
	sql_statements jdbc_pg late
	sql_canary libpq_pipeline
}

@test "PostgreSQL 14" { groups 14; }
@test "PostgreSQL 16" { groups 16; }
@test "PostgreSQL 17" { groups 17; }
@test "PostgreSQL 18" { groups 18; }

# protocol 3.2: its longer cancel keys; libpq of that version, as it comes with the server
@test "PostgreSQL 18: protocol 3.2" {
	start_postgres 18
	local lib
	lib=$(find "$OUT/peers/db" -path '*postgres-18*/root/lib' | head -1)
	export LD_LIBRARY_PATH=$lib PGMAXPROTOCOLVERSION=3.2 PGMINPROTOCOLVERSION=3.2
	sql_statements libpq late
}
