#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kafka: throughput of the Java client's own performance tools, the client watched and bare in ABBA order within one run, with small
# and with large records; messages counted, bytes copied, daemon CPU per request. BENCH_SECONDS (2) per slice of the producer; the
# consumer reads back all that was written (10 KiB a record: some 100 MB for each second, and gone at the end).
# BENCH_PARTITIONS (1) of the topics; BENCH_PROPS: more of the producer's properties, as compression.type=lz4 (none).
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
secs=${BENCH_SECONDS:-2}
read -ra props <<<"${BENCH_PROPS:-}"
# shellcheck source=tests/bench/lib.bash
. "$root/tests/bench/lib.bash"
broker='' watch='' client=''

cleanup() {
	for p in $watch $client; do kill "$p" 2>/dev/null; done
	[ -z "$broker" ] || kill -KILL "$broker" 2>/dev/null # in order takes it 7 s
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
# the user and system time of all its threads: the ticks of /proc/PID/stat are too coarse for a hundred requests
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f\n", s }'; }

none() { # STATUS of kafka_server.sh: 77 when there is none to be had
	echo "bench: no Kafka here: $(tail -1 "$tmp/why")"
	[ "$1" = 77 ]
	exit
}
jars=$(OUT=$out "$root/tests/tools/kafka_server.sh" get 2>"$tmp/why") || none $?
port=$(free_port)
OUT=$out "$root/tests/tools/kafka_server.sh" start "$tmp/broker" "$port" 2>"$tmp/why" &
broker=$!
until grep -qs 'Kafka Server started' "$tmp/broker/log"; do
	if ! kill -0 $broker 2>/dev/null; then
		[ -s "$tmp/why" ] || tail -1 "$tmp/broker/log" >"$tmp/why"
		wait $broker
		rc=$?
		broker=''
		none $rc
	fi
	sleep 0.1
done
java=(java -Xms256m -Xmx512m -cp "$jars/*")

# load TOOL BYTES COUNT: a client that waits behind a gate; sets $client
load() {
	local cmd=("${java[@]}")
	case $1 in
	producer) cmd+=(org.apache.kafka.tools.ProducerPerformance --topic "t$2" --num-records "$3" --record-size "$2" --throughput -1
		--producer-props "bootstrap.servers=127.0.0.1:$port" "${props[@]}") ;;
	consumer) cmd+=(org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "127.0.0.1:$port" --topic "t$2" --messages "$3"
		--group "g$((group += 1))" --hide-header) ;;
	esac
	rm -f "$tmp/go"
	mkfifo "$tmp/go"
	bash -c 'read -r _ <"$1"; exec "${@:2}"' _ "$tmp/go" "${cmd[@]}" >"$tmp/l" 2>"$tmp/l.err" &
	client=$!
}
# run: lets it go; sets $rate (records per second; a consumer's without the time it takes to join its group) and $n (how many)
run() {
	echo go >"$tmp/go"
	wait "$client" || tail -1 "$tmp/l.err" >&2
	client=''
	read -r rate n <<<"$(awk '/records sent.* 50th/ { r = $4; n = $1 }
		/^[0-9-]+ [0-9:]+, / { split($0, f, /, */); r = f[10]; n = f[5] }
		END { print r + 0, n + 0 }' "$tmp/l")"
}
group=0
for bytes in 100 10240; do
	"${java[@]}" org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" --create --topic "t$bytes" \
		--partitions "${BENCH_PARTITIONS:-1}" >/dev/null 2>"$tmp/why" || { cat "$tmp/why" >&2; exit 1; }
	written=0
	for tool in producer consumer; do
		case $tool in
		producer)
			metric=messaging.client.sent.messages
			load producer $bytes $((bytes > 1000 ? 5000 : 100000))
			run # warm, and how many make a slice
			written=$n
			many=$(python3 -c "print(int($rate * $secs) + 1)")
			;;
		consumer)
			metric=messaging.client.consumed.messages
			load consumer $bytes 1000
			run # warm
			many=$written
			;;
		esac
		bare='' watched='' total=0 seen=0 moved=0 copied=0 requests=0 drops=0 cpu=0
		for who in bare watched watched bare; do
			load $tool $bytes "$many"
			if [ $who = bare ]; then
				run
				bare="$bare $rate"
			else
				rm -f "$tmp/m.json"
				start "$client"
				c0=$(cpu_ns "$watch")
				run
				sleep 0.3
				cpu=$((cpu + $(cpu_ns "$watch") - c0))
				stop
				watched="$watched $rate"
				counted=$("$root/tests/tools/spans.py" sum "$tmp/m.json" "$metric")
				[ "$counted" = "$n" ] || { echo "bench: $tool, $bytes B: $counted counted of $n:"; cat "$tmp/w.err"; } >&2
				total=$((total + n))
				seen=$((seen + counted))
				moved=$((moved + $(ledger otel_ebpf.capture.io.size seen)))
				copied=$((copied + $(ledger otel_ebpf.capture.io.size copied)))
				drops=$((drops + $(ledger otel_ebpf.capture.io dropped_ring_full)))
				requests=$((requests + $(ledger otel_ebpf.red.requests counted)))
			fi
			[ $tool = consumer ] || written=$((written + n))
		done
		what="Kafka $tool, records of $bytes B"
		row "$what: records/s watched / bare" '>= 0.97' "$(python3 -c "
a, b = [[float(x) for x in s.split()] for s in ('$bare', '$watched')]
print(f'{sum(b)/max(1,sum(a)):.3f}   ({a[0]:.0f} {b[0]:.0f} {b[1]:.0f} {a[1]:.0f})')")"
		row "$what: messages counted / done" '1.000' \
			"$(python3 -c "print(f'{$seen/max(1,$total):.5f}   ($seen / $total; ring buffer drops: $drops)')")"
		row "$what: bytes copied / seen" '' "$(python3 -c "print(f'{$copied/max(1,$moved):.4f}   ($copied / $moved)')")"
		row "$what: daemon CPU per request" '' "$(python3 -c "
print(f'{$cpu/1e3/max(1,$requests):.2f} us   ($requests of them; {$cpu/max(1,$seen):.1f} ns a message)')")"
	done
done
