#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL: throughput of pgbench -S with its client watched and with the server watched, watched and bare in ABBA order within
# one run, statements counted, daemon CPU per statement; what is copied of a large result; memory per connection with prepared
# statements. BENCH_SECONDS per slice.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
secs=${BENCH_SECONDS:-4}
# shellcheck source=tests/bench/lib.bash
. "$root/tests/bench/lib.bash"
server='' watch='' client=''

cleanup() {
	for p in $watch $client; do kill "$p" 2>/dev/null; done
	[ -z "$server" ] || OUT=$out "$root/tests/tools/db_server.sh" stop "$tmp/db"
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
pgb=$(find /usr/lib/postgresql -name pgbench 2>/dev/null | sort -V | tail -1)
[ -x "${pgb:-}" ] || { echo "bench: pgbench is missing (make deps)" >&2; exit 1; }

OUT=$out "$root/tests/tools/db_server.sh" start postgres "$tmp/db" >"$tmp/env" || exit 1
server=$(sed -n 's/^PID=//p' "$tmp/env")
port=$(sed -n 's/^PORT=//p' "$tmp/env")
args="-h 127.0.0.1 -p $port -U app"
# the log of all statements is for tests
# shellcheck disable=SC2086
psql -X -q $args -d shop -c "alter system set log_statement = 'none'" -c 'select pg_reload_conf()' >/dev/null 2>&1 ||
	psql -X -q -h "$(dirname "$(sed -n 's/^SOCKET=//p' "$tmp/env")")" -p "$port" -U postgres -d shop \
		-c "alter system set log_statement = 'none'" -c 'select pg_reload_conf()' >/dev/null
# shellcheck disable=SC2086
"$pgb" -i -q $args shop >/dev/null 2>&1

# load MODE: statements per second and how many, of a client that waits behind a gate while $1's watcher starts; sets $client
load() {
	rm -f "$tmp/go"
	mkfifo "$tmp/go"
	# shellcheck disable=SC2086
	bash -c 'read -r _ <"$1"; exec "${@:2}"' _ "$tmp/go" "$pgb" -n -c 8 -j 1 -S -T "$secs" -M "$1" $args shop >"$tmp/l" 2>/dev/null &
	client=$!
}
run() {
	: >"$tmp/l"
	echo go >"$tmp/go"
	until grep -q '^tps' "$tmp/l"; do sleep 0.02; done # called in subshells, which cannot wait for it
	awk '/^tps/ { r = $3 } /actually processed/ { n = $NF } END { print r + 0, n + 0 }' "$tmp/l"
}

for side in client server; do
	for mode in simple prepared; do
		load $mode; run >/dev/null # warm
		load $mode; read -r a1 _ <<<"$(run)"
		total=0 seen=0 cpu=0 rates=''
		for _ in 1 2; do
			load $mode
			rm -f "$tmp/m.json"
			if [ $side = client ]; then start "$client"; else OTEL_EBPF_DB_SERVER=true start "$server"; fi
			c0=$(cpu_ticks "$watch")
			read -r b n <<<"$(run)"
			sleep 0.3
			c1=$(cpu_ticks "$watch")
			stop
			rates="$rates $b"
			total=$((total + n))
			cpu=$((cpu + c1 - c0))
			seen=$((seen + $(ledger otel_ebpf.red.requests counted)))
		done
		load $mode; read -r a2 _ <<<"$(run)"
		row "pgbench -S, $mode, 8 clients, $side watched: throughput / bare" '>= 0.97' \
			"$(python3 -c "b=[float(x) for x in '$rates'.split()]; print(f'{sum(b)/($a1+$a2):.3f}   ({$a1:.0f} {b[0]:.0f} {b[1]:.0f} {$a2:.0f})')")"
		# pgbench asks two or three questions of its own before it begins, in each of the runs
		row "pgbench -S, $mode, $side watched: statements counted / done" '1.000' \
			"$(python3 -c "print(f'{$seen/max(1,$total):.5f}   ({$seen} / {$total}; ring buffer drops: $(ledger otel_ebpf.capture.io dropped_ring_full))')")"
		row "pgbench -S, $mode, $side watched: daemon CPU per statement" '<= 5 us' "$(python3 -c "print(f'{$cpu*1e4/max(1,$seen):.2f} us')")"
	done
done

big="select g, 'row number ' || g from generate_series(1, 100000) g"
printf '%s\n' "$big;" >"$tmp/big.sql"
rows() { # WATCHED: results per second
	rm -f "$tmp/go"
	mkfifo "$tmp/go"
	# shellcheck disable=SC2086
	bash -c 'read -r _ <"$1"; exec "${@:2}"' _ "$tmp/go" "$pgb" -n -c 1 -T "$secs" -f "$tmp/big.sql" $args shop >"$tmp/l" 2>/dev/null &
	client=$!
	[ -z "$1" ] || start "$client"
	run | cut -d' ' -f1
	[ -z "$1" ] || stop
}
rows '' >/dev/null
a1=$(rows '')
b1=$(rows 1)
b2=$(rows 1)
copied=$(ledger otel_ebpf.capture.io.size copied)
seen=$(ledger otel_ebpf.red.requests counted)
a2=$(rows '')
row 'SELECT of 100,000 rows: throughput watched / bare' '>= 0.98' \
	"$(python3 -c "print(f'{($b1+$b2)/($a1+$a2):.3f}   ({$a1:.1f} {$b1:.1f} {$b2:.1f} {$a2:.1f} per second)')")"
row 'SELECT of 100,000 rows: bytes copied to userspace' '<= 16 KiB' "$(python3 -c "print(f'{$copied/max(1,$seen)/1024:.1f} KiB   ({$seen} of them)')")"

# connections that each prepare 100 different statements, the same ones on all
conns=50
for i in $(seq 100); do echo "select $i as c$i, abalance from pgbench_accounts where aid = :aid;"; done >"$tmp/many.body"
{ echo '\set aid random(1, 1000)'; cat "$tmp/many.body"; } >"$tmp/many.sql"
rm -f "$tmp/go"
mkfifo "$tmp/go"
# shellcheck disable=SC2086
bash -c 'read -r _ <"$1"; exec "${@:2}"' _ "$tmp/go" "$pgb" -n -c $conns -t 20 -M prepared -f "$tmp/many.sql" $args shop >"$tmp/l" 2>/dev/null &
client=$!
start "$client"
rss0=$(awk '/VmRSS/ { print $2 }' "/proc/$watch/status")
echo go >"$tmp/go"
rss1=0
while kill -0 "$client" 2>/dev/null; do
	now=$(awk '/VmRSS/ { print $2 }' "/proc/$watch/status")
	[ "$now" -gt "$rss1" ] && rss1=$now
	sleep 0.05
done
client=''
stop
row "memory per connection with 100 prepared statements ($conns of them)" 'bounded' \
	"$(python3 -c "print(f'{($rss1-$rss0)/$conns:.1f} KiB   ({$(ledger otel_ebpf.red.requests counted)} statements counted; most: docs/sql.md)')")"
