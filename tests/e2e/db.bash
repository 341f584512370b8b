# SPDX-License-Identifier: Apache-2.0
# Helpers for tests with databases; after lib.bash. A file's setup_file starts a server that its tests share; each test has the data
# as they were (db_reset) and a log of its own.
# OE_CLIENTS_ONLY=1 leaves our program out: are the clients' truths right by the server's own log?

DB_SERVER=$ROOT/tests/tools/db_server.sh
SQL_APP=$ROOT/tests/tools/sql_app.sh
# what tells statements of the scenarios from those that drivers send by themselves: their words, or an error
SQL_ONLY='^db\.query\.text=.*(customers|orders|items|two_sets|raise_total|total_of|no_such|sleep|SLEEP)|^db\.response\.status_code='
SQL_FIELDS=db.query.text,db.operation.name,db.collection.name,db.stored_procedure.name,db.response.status_code

# start_db KIND [VERSION]: sets TARGET (the main process), PORT, SOCKET, DBLOG, DBVERSION, SQL_SYSTEM. Without one: DB_SKIP says why;
# a test says skip, a setup_file leaves it to need_db
start_db() {
	local where=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR} out rc=0
	DB_DIR=$where/db-$1${2:-}
	DB_KIND=$1
	DB_SKIP=''
	SQL_SYSTEM=$1
	[ "$1" != postgres ] || SQL_SYSTEM=postgresql
	out=$(OUT=$OUT "$DB_SERVER" start "$1" "$DB_DIR" ${2:+"$2"} 2>"$where/db.err" 3>&-) || rc=$?
	if [ "$rc" != 0 ] && [ "$rc" != 77 ]; then
		cat "$where/db.err" >&2
		return 1
	elif [ "$rc" = 77 ]; then
		DB_SKIP=$(tail -1 "$where/db.err")
		DB_SKIP=${DB_SKIP:-no server}
		export DB_SKIP DB_KIND
		[ -z "${BATS_TEST_TMPDIR:-}" ] || skip "$DB_SKIP"
		return 0
	fi
	TARGET=$(sed -n 's/^PID=//p' <<<"$out")
	PORT=$(sed -n 's/^PORT=//p' <<<"$out")
	SOCKET=$(sed -n 's/^SOCKET=//p' <<<"$out")
	DBLOG=$(sed -n 's/^LOG=//p' <<<"$out")
	DBVERSION=$(sed -n 's/^VERSION=//p' <<<"$out")
	export TARGET PORT SOCKET DBLOG DBVERSION DB_DIR DB_KIND DB_SKIP SQL_SYSTEM
}

start_postgres() { start_db postgres "$@"; }
start_mariadb() { start_db mariadb; }
start_mysql() { start_db mysql; }

# stop_db: for teardown, or teardown_file
stop_db() {
	[ -z "${DB_DIR:-}" ] || [ ! -e "$DB_DIR/pid" ] || "$DB_SERVER" stop "$DB_DIR"
}

need_db() {
	[ -z "${DB_SKIP:-}" ] || skip "$DB_SKIP"
}

# db_reset: the data as they were, the log empty
db_reset() {
	local sql=$APPS/sql/reset.sql
	if [ "$SQL_SYSTEM" = postgresql ]; then
		psql -X -q -h "${SOCKET%/*}" -p "$PORT" -U app -d shop -v ON_ERROR_STOP=1 -f "$sql" >/dev/null
	else
		mariadb --no-defaults -u root -S "$SOCKET" shop <"$sql"
	fi
	sleep 0.1
	: >"$DBLOG"
}

# sql_run DRIVER USER tcp|unix SCENARIO[:N]...: the client does them, one after the other, as one program of its own each, under
# our eyes (SQL_WATCH: and more that is watched): its statements in $TMP/truth, the spans in $TMP/spans.json. SQL_TLS: another of
# the same client is there before us, so that its TLS library has probes before the first connection that counts
sql_run() {
	local driver=$1 user=$2 where=127.0.0.1 shell holder=''
	OUT=$OUT "$SQL_APP" "$driver" build 2>"$TMP/build" || skip "$(tail -1 "$TMP/build")"
	[ "$3" != unix ] || where=$SOCKET
	shift 3
	if [ -n "${SQL_TLS:-}" ] && [ -z "${OE_CLIENTS_ONLY:-}" ]; then
		: >"$DBLOG"
		OUT=$OUT setsid "$SQL_APP" "$driver" client "$where" "$PORT" "$user" shop hold "$TMP/hold.steps" >/dev/null \
			2>"$TMP/hold.err" 3>&- &
		holder=$!
		wait_for 10 grep -qi 'sleep(30)' "$DBLOG"
	fi
	db_reset
	rm -f "$TMP/spans.json" "$TMP/go"
	mkfifo "$TMP/go"
	OUT=$OUT bash -c 'read -r _ <"$1"; for s in "${@:6}"; do "$2" "$3" client "$4" $5 "$s" "$1.steps" || exit; done' \
		_ "$TMP/go" "$SQL_APP" "$driver" "$where" "$PORT $user shop" "$@" >"$TMP/truth" 2>"$TMP/client.err" 3>&- &
	shell=$!
	PIDS="$PIDS $shell ${holder:+-$holder}"
	# shellcheck disable=SC2086
	[ -n "${OE_CLIENTS_ONLY:-}" ] || start_watch --pid "$shell" ${holder:+--pid "$holder"} ${SQL_WATCH:-}
	echo go >"$TMP/go"
	wait "$shell" || {
		tail -5 "$TMP/client.err" >&2
		return 1
	}
	[ -n "${OE_CLIENTS_ONLY:-}" ] || stop_watch 0.5
	# (with what it has started)
	[ -z "$holder" ] || kill -- "-$holder"
	# the client tells the truth
	sleep 0.1
	"$ROOT/tests/tools/sql_log.py" "$SQL_SYSTEM" "$DBLOG" "$TMP/truth"
}

# expect_sql [FIELDS]: a span (of kind SQL_KIND) for each of its statements, and no other
expect_sql() {
	[ -s "$TMP/truth" ]
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	"$SPANS" expect "$TMP/spans.json" "$TMP/truth" --kind "${SQL_KIND:-CLIENT}" --fields "${1:-$SQL_FIELDS}" --only "$SQL_ONLY" --fetches || {
		tail -40 "$TMP/watch.err" >&2
		return 1
	}
	[ "$(ledger requests unknown_bytes_lost)" = 0 ]
	[ "$(ledger stream.events lost)" = 0 ]
}

# What every driver goes through; USER and how: $SQL_USER (app), $SQL_WHERE (tcp)
sql_statements() { # DRIVER [SCENARIO...]: every text, exactly once, what it is, how it ended, how many rows came
	local driver=$1
	shift
	sql_run "$driver" "${SQL_USER:-app}" "${SQL_WHERE:-tcp}" plain prepared batch errors cancel copy multi large cursor "$@"
	expect_sql "$SQL_FIELDS,db.system.name,db.namespace,db.response.returned_rows"
}

# nothing of a literal, a parameter, a row or copied data comes out anywhere
sql_canary() {
	sql_run "$1" "${SQL_USER:-app}" "${SQL_WHERE:-tcp}" canary large
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	expect_sql
	! grep -a -n -m3 -o -E '.{40}(CANARY|73910042).{40}' "$TMP/spans.json" "$TMP/watch.err" || false
}

# pg_bench OPTIONS...: PGB and PGARGS are what it runs; over the Unix socket, or PGB_HOST
pg_start() {
	need_db
	PGB=$(find /usr/lib/postgresql -name pgbench | sort -V | tail -1)
	PGARGS="-h ${PGB_HOST:-${SOCKET%/*}} -p $PORT -U app -n shop"
}
pg_bench() {
	pg_start
	# shellcheck disable=SC2086
	"$PGB" "$@" $PGARGS
}

# gated COMMAND...: starts it behind a gate that open_gate opens; sets CLIENT
gated() {
	rm -f "$TMP/go"
	mkfifo "$TMP/go"
	bash -c 'read -r _ <"$1"; exec "${@:2}"' _ "$TMP/go" "$@" >"$TMP/client" 2>&1 3>&- &
	CLIENT=$!
	PIDS="$PIDS $CLIENT"
}
open_gate() {
	echo go >"$TMP/go"
	wait "$CLIENT"
}

# statements that the server logged
logged() { grep -cE '\|LOG:  (statement|execute)' "$DBLOG"; }

# sound: nothing lost, no statement unknown
sound() {
	[ "$(ledger requests unknown_bytes_lost)" = 0 ]
	[ "$(ledger stream.events lost)" = 0 ]
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
	[ "$(ledger db.statements unknown)" = 0 ]
}

# tally KEYS [key=value...]: how often which values come, in $TMP/tally
tally() { "$SPANS" tally "$TMP/spans.json" "$@" >"$TMP/tally"; }

# tallied PATTERN: of how many spans the values match
tallied() { sed -nE "s/^([0-9]+) ($1)\$/\1/p" "$TMP/tally" | awk '{ n += $1 } END { print n + 0 }'; }

# each statement of the bench, as often as there were transactions; by a tally of kind and name
pg_exact() { # TRANSACTIONS KIND
	local n
	for n in "UPDATE pgbench_accounts" "SELECT pgbench_accounts" "UPDATE pgbench_tellers" "UPDATE pgbench_branches" \
		"INSERT pgbench_history" BEGIN END; do
		grep -qx "$1 $2 $n" "$TMP/tally" || {
			echo "not $1 times $n:" >&2
			cat "$TMP/tally" >&2
			return 1
		}
	done
}
