#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Databases under load and met late: as many spans as the server counted statements, in every mode, on both ends. sql_syscall.bats
# is a link, for the other backend.
case ${BATS_TEST_FILENAME##*/} in
*_syscall.bats) HOOKS=syscall ;;
*) HOOKS=sock ;;
esac
load lib.bash
load db.bash
# one PostgreSQL for the file, with the tables of pgbench; a MariaDB of their own for the tests that want one
setup_file() {
	start_postgres
	[ -n "$DB_SKIP" ] || pg_bench -i -q -I dtGvp >/dev/null 2>&1
}
teardown_file() { stop_db; }
setup() { common_setup; need_root; }
teardown() {
	common_teardown
	[ "$DB_KIND" = postgres ] || stop_db
}

pgbench_counts() { # MODE
	pg_start
	# shellcheck disable=SC2086
	gated "$PGB" -c 8 -j 2 -T 2 -M "$1" $PGARGS
	start_watch --pid "$CLIENT"
	: >"$DBLOG"
	open_gate
	stop_watch 0.7
	local done
	done=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$TMP/client")
	[ "$done" -gt 500 ]
	sleep 0.3
	tally kind,name
	[ "$(tallied 'CLIENT .*')" = "$(logged)" ]
	[ "$(metric db.client.operation.duration)" = "$(logged)" ]
	pg_exact "$done" CLIENT
	sound
}

@test "pgbench, simple: as many spans as the server logged statements" { pgbench_counts simple; }
@test "pgbench, extended" { pgbench_counts extended; }
@test "pgbench, prepared" { pgbench_counts prepared; }

@test "pgbench, pipelines of prepared statements" {
	pg_start
	printf '%s\n' '\set aid random(1, 1000)' '\startpipeline' 'select abalance from pgbench_accounts where aid = :aid;' \
		'select 1 from pgbench_branches where bid = 1;' \
		'update pgbench_accounts set abalance = abalance + 1 where aid = :aid;' '\endpipeline' >"$TMP/pipe.sql"
	# shellcheck disable=SC2086
	gated "$PGB" -c 8 -j 2 -T 2 -M prepared -f "$TMP/pipe.sql" $PGARGS
	start_watch --pid "$CLIENT"
	: >"$DBLOG"
	open_gate
	stop_watch 0.7
	local n
	n=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$TMP/client")
	sleep 0.3
	tally kind,name,db.response.returned_rows,otel_ebpf.db.response.affected_rows
	[ "$(tallied 'CLIENT .*')" = "$(logged)" ]
	[ "$(logged)" = $((3 * n)) ]
	[ "$(tallied '[A-Z]+ SELECT pgbench_accounts 1 .*')" = "$n" ]
	[ "$(tallied '[A-Z]+ UPDATE pgbench_accounts [^ ]+ 1')" = "$n" ]
	sound
}

@test "PostgreSQL's server: nothing by default, all of it with --db-server" {
	pg_start
	start_watch --pid "$TARGET"
	# shellcheck disable=SC2086
	"$PGB" -c 4 -j 1 -t 100 $PGARGS >"$TMP/client" 2>&1
	stop_watch 0.5
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
	[ "$(ledger capture.io.size copied)" = 0 ]
	rm "$TMP/spans.json"
	start_watch --pid "$TARGET" --db-server
	: >"$DBLOG"
	# shellcheck disable=SC2086
	"$PGB" -c 8 -j 2 -t 300 -M prepared $PGARGS >"$TMP/client" 2>&1
	stop_watch 0.7
	tally kind,name
	[ "$(tallied 'SERVER .*')" = "$(logged)" ]
	[ "$(metric otel_ebpf.db.server.operation.duration)" = "$(logged)" ]
	[ "$(metric db.client.operation.duration)" = 0 ]
	pg_exact 2400 SERVER
	sound
}

@test "PostgreSQL met in mid-connection: right from the next statement on, prepared ones unknown and said so" {
	pg_start
	local mode
	for mode in simple extended prepared; do
		rm -f "$TMP/spans.json"
		# shellcheck disable=SC2086
		"$PGB" -c 4 -j 1 -T 5 -M "$mode" $PGARGS >"$TMP/client" 2>&1 3>&- &
		CLIENT=$!
		PIDS="$PIDS $CLIENT"
		sleep 0.8
		start_watch --pid "$CLIENT" || {
			cat "$TMP/client" >&2
			return 1
		}
		wait "$CLIENT"
		stop_watch 0.5
		local all unknown
		tally db.namespace,db.response.returned_rows,name
		all=$(tallied '.*')
		[ "$all" -gt 100 ]
		[ "$(tallied 'shop .*')" = 0 ]
		unknown=$(grep -o '"stringValue": *"db.query.text"' "$TMP/spans.json" | wc -l)
		if [ "$mode" = prepared ]; then
			[ "$unknown" = "$all" ]
			[ "$(ledger db.statements unknown)" -ge "$all" ]
		else
			[ "$unknown" = 0 ]
			# what is answered by a row is answered by one
			[ "$(tallied '[^ ]+ 1 SELECT pgbench_accounts')" -gt 0 ]
			[ "$(tallied '[^ ]+ [^ ]+ SELECT pgbench_accounts')" = "$(tallied '[^ ]+ 1 SELECT pgbench_accounts')" ]
		fi
	done
}

@test "a result of 100,000 rows: next to nothing of it is copied, the rows are counted" {
	pg_start
	# shellcheck disable=SC2086
	gated psql -X -q -h "${SOCKET%/*}" -p "$PORT" -U app -d shop -o /dev/null \
		-c "select g, 'row number ' || g from generate_series(1, 100000) g"
	start_watch --pid "$CLIENT"
	open_gate
	stop_watch 0.5
	[ "$("$SPANS" count "$TMP/spans.json" db.response.returned_rows=100000)" = 1 ]
	[ "$(ledger capture.io.size seen)" -gt 2000000 ]
	[ "$(ledger capture.io.size copied)" -lt 16384 ]
	sound
}

@test "mariadb-slap: as many spans as the server logged statements, client and server" {
	need mariadb-slap
	start_mariadb
	gated mariadb-slap --no-defaults -h 127.0.0.1 -P "$PORT" -u app --create-schema=shop --no-drop -c 8 --number-of-queries=9000 \
		'--delimiter=;' -q "select id from orders where id = 1;update orders set note = 'z' where id = 2"
	start_watch --pid "$CLIENT"
	: >"$DBLOG"
	open_gate
	stop_watch 0.7
	sleep 0.3
	tally kind,db.system.name,db.namespace,db.response.returned_rows,name
	[ "$(grep -c ' Query	' "$DBLOG")" = "$(tallied 'CLIENT .*')" ]
	[ "$(tallied '.* 1 SELECT orders')" -ge 4500 ]
	[ "$(tallied '[A-Z]+ mariadb shop .*')" -ge 9000 ]
	sound
	rm "$TMP/spans.json"
	start_watch --pid "$TARGET" --db-server
	: >"$DBLOG"
	mariadb-slap --no-defaults -h 127.0.0.1 -P "$PORT" -u app --create-schema=shop --no-drop -c 8 --number-of-queries=9000 \
		'--delimiter=;' -q "select id from orders where id = 1;update orders set note = 'z' where id = 2" >/dev/null
	stop_watch 0.7
	sleep 0.3
	[ "$(grep -c ' Query	' "$DBLOG")" = "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" ]
	sound
}

@test "sysbench on MariaDB: prepared statements, deadlocks and all" {
	need sysbench
	start_mariadb
	local sb="sysbench --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port=$PORT --mysql-user=app --mysql-db=shop --tables=1
		--table-size=200 --threads=8"
	# shellcheck disable=SC2086
	$sb oltp_read_write prepare >/dev/null
	# shellcheck disable=SC2086
	gated $sb --time=2 oltp_read_write run
	start_watch --pid "$CLIENT"
	: >"$DBLOG"
	open_gate
	stop_watch 0.7
	sleep 0.3
	[ "$(grep -c ' Execute	' "$DBLOG")" = "$("$SPANS" count "$TMP/spans.json" kind=CLIENT)" ]
	[ "$("$SPANS" count "$TMP/spans.json")" -gt 1000 ]
	sound
}

@test "--db-statement: sanitized, raw, off" {
	pg_start
	local how
	for how in sanitized raw off; do
		rm -f "$TMP/spans.json"
		gated psql -X -q -h "${SOCKET%/*}" -p "$PORT" -U app -d shop -o /dev/null -c "select name from customers where name = 'Zoë'"
		start_watch --pid "$CLIENT" --db-statement "$how"
		open_gate
		stop_watch 0.5
		[ "$("$SPANS" count "$TMP/spans.json" "name=SELECT customers")" = 1 ]
		case $how in
		sanitized) [ "$("$SPANS" count "$TMP/spans.json" "db.query.text=select name from customers where name = ?")" = 1 ] ;;
		raw) [ "$("$SPANS" count "$TMP/spans.json" "db.query.text=select name from customers where name = 'Zoë'")" = 1 ] ;;
		off) ! grep -q db.query.text "$TMP/spans.json" ;;
		esac
	done
}

@test "trace context in a comment is the span's, and is taken out of the text" {
	pg_start
	gated psql -X -q -h "${SOCKET%/*}" -p "$PORT" -U app -d shop -o /dev/null \
		-c "select 1 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/"
	start_watch --pid "$CLIENT"
	open_gate
	stop_watch 0.5
	grep -q '"traceId": *"0af7651916cd43dd8448eb211c80319c"' "$TMP/spans.json"
	grep -q '"spanId": *"b7ad6b7169203331"' "$TMP/spans.json"
	[ "$("$SPANS" count "$TMP/spans.json" "db.query.text=select ?")" = 1 ]
}
