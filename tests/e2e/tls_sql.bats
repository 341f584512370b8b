#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Databases over TLS, by every TLS library that their clients bring along: a PostgreSQL and a MariaDB that take nothing else over
# TCP. The same is expected as without TLS (pgsql_clients.bats, mysql_clients.bats), the addresses included.
load lib.bash
load db.bash

setup_file() {
	local kind v
	export DB_TLS=$BATS_FILE_TMPDIR/certs
	"$ROOT/tests/tools/tls_certs.sh" "$DB_TLS" 2>"$BATS_FILE_TMPDIR/certs.err" || {
		export DB_SKIP="no certificates: $(tail -1 "$BATS_FILE_TMPDIR/certs.err")"
		return 0
	}
	for kind in postgres mariadb; do
		start_db "$kind"
		for v in TARGET PORT SOCKET DBLOG DB_DIR DB_KIND DB_SKIP SQL_SYSTEM; do
			printf '%s=%q\n' "$v" "${!v:-}"
		done >"$BATS_FILE_TMPDIR/$kind"
	done
	DB_SKIP=''
}
teardown_file() {
	for DB_DIR in "$BATS_FILE_TMPDIR"/db-*; do stop_db; done
}
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	need_db
	OWN_DB=''
	export SQL_TLS=$DB_TLS/ca.pem
}
teardown() {
	common_teardown
	[ -z "$OWN_DB" ] || stop_db
}

# of postgres|mariadb: which of the two servers
of() {
	# shellcheck disable=SC1090
	. "$BATS_FILE_TMPDIR/$1"
	need_db
	export SQL_SYSTEM
	[ "$1" = postgres ] && SQL_USER=scram || SQL_USER=native
}

ADDRESSES=server.address,server.port,network.peer.address,network.peer.port

# run_tls DRIVER SCENARIO,...: its statements; the truth says where the server is
run_tls() {
	sql_run "$1" "$SQL_USER" tcp "$2"
	local at="\"server.address\": \"127.0.0.1\", \"server.port\": $PORT, \"network.peer.address\": \"127.0.0.1\""
	sed -i "s/}\$/, $at, \"network.peer.port\": $PORT}/" "$TMP/truth"
}

# every text, exactly once, what it is, how it ended, how many rows came, from where; no literal
whole() { # postgres|mariadb DRIVER [,SCENARIO...]
	of "$1"
	run_tls "$2" "plain:2,prepared:5,batch:5,errors:1,cancel:1,copy:1,multi:1,large,cursor,canary:1${3:-}"
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows,$ADDRESSES"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || [ "$(ledger capture.tls plaintext_not_seen)" = 0 ]
	[ -n "${OE_CLIENTS_ONLY:-}" ] || ! grep -a -n -m3 -o -E '.{40}(CANARY|73910042).{40}' "$TMP/spans.json" "$TMP/watch.err"
}

@test "PostgreSQL: psql" { whole postgres psql; }
@test "PostgreSQL: libpq in pipeline mode" { whole postgres libpq_pipeline; }
@test "PostgreSQL: psycopg2, with an OpenSSL 1.1 of its own" { whole postgres psycopg2; }
@test "PostgreSQL: psycopg 3, with an OpenSSL 3 of its own" { whole postgres psycopg3; }
@test "PostgreSQL: asyncpg, TLS in memory" { whole postgres asyncpg; }
@test "PostgreSQL: node-postgres, TLS in memory by Node's own OpenSSL" { whole postgres node_pg; }
@test "PostgreSQL: pgx, Go's crypto/tls" { whole postgres pgx; }
@test "MariaDB: its command line" { whole mariadb mysql_cli; }
@test "MariaDB: PyMySQL, Python's ssl" { whole mariadb pymysql; }
@test "MariaDB: mysqlclient" { whole mariadb mysqlclient; }
@test "MariaDB: mysql2, TLS in memory by Node's own OpenSSL" { whole mariadb node_mysql2; }
@test "MariaDB: go-sql-driver, Go's crypto/tls" { whole mariadb go_mysql; }

@test "PostgreSQL: libpq, TLS 1.2, sslmode=require" {
	of postgres
	export PGSSLMAXPROTOCOLVERSION=TLSv1.2 PGSSLMODE=require
	run_tls libpq plain:2,prepared:5,errors:1,copy:1,large,cursor,late
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows,$ADDRESSES"
}

@test "PostgreSQL 17: TLS from the first byte on, at both ends" {
	of postgres
	OWN_DB=1
	start_postgres 17
	OUT=$OUT "$SQL_APP" psycopg3 build 2>"$TMP/build" || skip "$(tail -1 "$TMP/build")"
	[ "$("$OUT/peers/sql/py_psycopg/bin/python" -c 'import psycopg; print(psycopg.pq.version() // 10000)')" -ge 17 ] ||
		skip "the libpq of psycopg 3 is older than 17"
	export PGSSLNEGOTIATION=direct
	SQL_WATCH="--pid $TARGET --db-server"
	run_tls psycopg3 plain:2,prepared:5,batch:5,errors:1
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows,$ADDRESSES"
	SQL_KIND=SERVER
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows"
}

@test "MySQL 9 and its command line, with an OpenSSL of their own, at both ends" {
	of mariadb
	OWN_DB=1
	start_mysql
	SQL_WATCH="--pid $TARGET --db-server"
	run_tls mysql9_cli plain:2,errors:1,multi:1,large
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows,$ADDRESSES"
	SQL_KIND=SERVER
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows"
}

@test "pgbench and PostgreSQL: as many spans at both ends as the server logged statements" {
	of postgres
	export PGSSLROOTCERT=$SQL_TLS PGSSLMODE=verify-full
	PGB_HOST=127.0.0.1
	pg_bench -i -q -I dtGvp >/dev/null 2>&1
	local done n
	# shellcheck disable=SC2086
	gated "$PGB" -c 8 -j 2 -T 2 -M prepared $PGARGS
	[ -n "${OE_CLIENTS_ONLY:-}" ] || start_watch --pid "$CLIENT" --pid "$TARGET" --db-server
	: >"$DBLOG"
	open_gate
	done=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$TMP/client")
	[ "$done" -gt 100 ]
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	stop_watch 0.7
	n=$(logged)
	tally kind,name
	[ "$(tallied 'CLIENT .*')" = "$n" ]
	[ "$(tallied 'SERVER .*')" = "$n" ]
	[ "$(metric db.client.operation.duration)" = "$n" ]
	[ "$(metric otel_ebpf.db.server.operation.duration)" = "$n" ]
	pg_exact "$done" CLIENT
	pg_exact "$done" SERVER
	sound
}

@test "PostgreSQL met in mid-connection: right from the next statement on" {
	of postgres
	[ -z "${OE_CLIENTS_ONLY:-}" ] || skip "nothing to see for clients alone"
	export PGSSLROOTCERT=$SQL_TLS PGSSLMODE=verify-full
	PGB_HOST=127.0.0.1
	pg_start
	printf '%s\n' 'select id, name from customers where id = 1' >"$TMP/late.sql"
	# shellcheck disable=SC2086
	"$PGB" -c 2 -j 1 -T 60 -f "$TMP/late.sql" $PGARGS >"$TMP/client" 2>&1 3>&- &
	CLIENT=$!
	PIDS="$PIDS $CLIENT"
	sleep 0.8
	start_watch --pid "$CLIENT" || {
		cat "$TMP/client" >&2
		return 1
	}
	sleep 0.5
	kill "$CLIENT"
	stop_watch
	tally db.query.text,db.response.returned_rows,server.port
	[ "$(tallied "select id, name from customers where id = \? 1 $PORT")" -gt 100 ]
	# but for what was under way when we came, and when it was killed
	[ "$(tallied '.*')" = $(($(tallied "select id, name from customers where id = \? 1 $PORT") + $(ledger requests no_response))) ]
	[ "$(ledger requests no_response)" -le 2 ]
	[ "$(ledger requests unknown_bytes_lost)" -le 2 ]
	[ "$(ledger stream.events lost)" = 0 ]
}

@test "programs that start later: from the first that is seen on, each one is" {
	of postgres
	[ -z "${OE_CLIENTS_ONLY:-}" ] || skip "nothing to see for clients alone"
	export PGSSLROOTCERT=$SQL_TLS PGSSLMODE=verify-full
	# shellcheck disable=SC2016
	gated bash -c 'for i in {1..40}; do
		psql -X -q -h 127.0.0.1 -p "$1" -U app -d shop -c "select generate_series(1, $i)" -o /dev/null || exit; done' _ "$PORT"
	start_watch --pid "$CLIENT"
	open_gate
	stop_watch 0.5
	tally db.query.text,db.response.returned_rows,server.port
	cat "$TMP/tally"
	# how many rows came is a program's number: all up to the last
	sed -n "s/^1 select generate_series(?, ?) \([0-9]*\) $PORT\$/\1/p" "$TMP/tally" | sort -n >"$TMP/seen"
	[ "$(wc -l <"$TMP/seen")" = "$(wc -l <"$TMP/tally")" ]
	seq "$(head -1 "$TMP/seen")" 40 | diff - "$TMP/seen"
	[ "$(head -1 "$TMP/seen")" -lt 35 ]
}

@test "mariadb-slap and MariaDB: as many spans at both ends as the server logged statements" {
	need mariadb-slap
	of mariadb
	gated mariadb-slap --no-defaults -h 127.0.0.1 -P "$PORT" -u app --ssl-ca="$SQL_TLS" --ssl-verify-server-cert --create-schema=shop \
		--no-drop -c 8 --number-of-queries=3000 '--delimiter=;' \
		-q "select id from orders where id = 1;update orders set note = 'z' where id = 2"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || start_watch --pid "$CLIENT" --pid "$TARGET" --db-server
	: >"$DBLOG"
	open_gate
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	stop_watch 0.7
	local n
	n=$(grep -c ' Query	' "$DBLOG")
	tally kind,db.system.name,db.namespace,db.response.returned_rows,name
	[ "$(tallied 'CLIENT .*')" = "$n" ]
	[ "$(tallied 'SERVER .*')" = "$n" ]
	[ "$(tallied 'CLIENT mariadb shop 1 SELECT orders')" -ge 1500 ]
	[ "$(tallied 'SERVER mariadb shop 1 SELECT orders')" = "$(tallied 'CLIENT mariadb shop 1 SELECT orders')" ]
	sound
}

@test "connections that are refused: for want of TLS, and over TLS" {
	of postgres
	[ -z "${OE_CLIENTS_ONLY:-}" ] || skip "nothing to see for clients alone"
	export PGSSLROOTCERT=$SQL_TLS
	local psql="psql -X -q -h 127.0.0.1 -p $PORT -d shop"
	PGSSLMODE=verify-full $psql -U app -c 'select pg_sleep(30)' >/dev/null 2>&1 3>&- &
	HOLDER=$!
	PIDS="$PIDS $HOLDER"
	wait_for 10 grep -q 'sleep(30)' "$DBLOG"
	gated bash -c "PGSSLMODE=disable $psql -U app -c 'select id from orders'; PGSSLMODE=verify-full PGPASSWORD=no $psql -U scram"
	start_watch --pid "$CLIENT" --pid "$HOLDER"
	! open_gate || false
	kill "$HOLDER"
	stop_watch
	cat "$TMP/client"
	grep -q 'no pg_hba.conf entry' "$TMP/client"
	grep -q 'password authentication failed' "$TMP/client"
	tally kind,db.operation.name,db.response.status_code,db.namespace,server.address,server.port
	[ "$(cat "$TMP/tally")" = "1 CLIENT CONNECT 28000 shop 127.0.0.1 $PORT
1 CLIENT CONNECT 28P01 shop 127.0.0.1 $PORT" ]
}
