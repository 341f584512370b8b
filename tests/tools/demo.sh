#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh OTEL_EBPF: starts the sample service, watches it from outside, sends it some requests, and shows
# the spans and the RED table. Where BPF is not allowed it says so and shows the same from a recording.
set -u
bin=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
service='' watch=''

cleanup() {
	[ -n "$watch" ] && kill "$watch" 2>/dev/null
	[ -n "$service" ] && kill "$service" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

fallback() {
	echo
	echo "This machine does not let us watch a live service:"
	"$bin" doctor | grep '^no ' | sed 's/^/  /'
	echo
	echo "So this is a RECORDING of the same demo, made elsewhere (tests/replay/demo.rec), played back:"
	echo
	"$bin" replay "$here/tests/replay/demo.rec" --traces-exporter console --metrics-exporter none
	exit $?
}

command -v python3 >/dev/null || { echo "demo: python3 is missing; run: make deps" >&2; exit 1; }
"$bin" doctor >"$dir/doctor" 2>&1 || fallback

python3 "$here/packaging/demo/service.py" >"$dir/port" &
service=$!
for _ in $(seq 100); do [ -s "$dir/port" ] && break; sleep 0.05; done
port=$(cat "$dir/port")
[ -n "$port" ] || { echo "demo: the sample service did not start" >&2; exit 1; }
echo "A sample service runs as process $service on 127.0.0.1:$port. It is not instrumented."
echo "Watching it from outside:  otel-ebpf trace --pid $service"
echo
"$bin" trace --pid "$service" 2>"$dir/err" &
watch=$!
for _ in $(seq 100); do
	grep -q '^otel-ebpf: capturing' "$dir/err" && break
	kill -0 "$watch" 2>/dev/null || { cat "$dir/err" >&2; watch=''; fallback; }
	sleep 0.05
done
cat "$dir/err"

base=http://127.0.0.1:$port
for i in 1 2 3 4 5 6 7 8; do
	curl -s -o /dev/null -o /dev/null "$base/products/$i" "$base/products?page=$i&token=secret"
	curl -s -o /dev/null -X POST -d "{\"product\": $((i + 6))}" "$base/orders"
done
curl -s -o /dev/null -o /dev/null "$base/health" "$base/no/such/page"
sleep 1
kill -TERM "$watch"
wait "$watch"
rc=$?
watch=''
[ "$rc" = 0 ] || { echo "demo: otel-ebpf ended with $rc" >&2; cat "$dir/err" >&2; exit 1; }
echo
echo "Query values are redacted, paths with ids became routes, and the order's call to the stock endpoint has the order as its parent."
echo "To send the same to a collector: OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 otel-ebpf run --pid PID"
