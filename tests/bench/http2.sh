#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 and gRPC: throughput of nghttpd under h2load, watched and bare in ABBA order within one run, requests counted,
# daemon CPU per request, what is copied of a large download, memory per connection. BENCH_SECONDS per slice.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
secs=${BENCH_SECONDS:-4}
# shellcheck source=tests/bench/lib.bash
. "$root/tests/bench/lib.bash"
export PATH="$PATH:/usr/sbin:/sbin"
server='' watch='' client=''

cleanup() {
	for p in $watch $client $server; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
need h2load nghttpd python3 taskset

port=$(free_port)
mkdir -p "$tmp/www"
head -c 459 /dev/urandom | base64 -w0 >"$tmp/www/index.html"
head -c 100000000 /dev/urandom >"$tmp/www/big.bin"
nghttpd --no-tls -d "$tmp/www" "$port" >/dev/null 2>&1 &
server=$!
sleep 0.5
url=http://127.0.0.1:$port

# load STREAMS REQUESTS: requests per second, then how many succeeded
load() {
	h2load -n "$2" -c 8 -m "$1" "$url/index.html" |
		awk '/^finished/ { r = $4 } /^status codes/ { n = $3 } END { print r + 0, n + 0 }'
}

for m in 1 10 100; do
	read -r r _ <<<"$(load $m 100000)" # warm, and how many make a slice
	n=$(python3 -c "print(int($r * $secs))")
	read -r a1 _ <<<"$(load $m "$n")"
	rm -f "$tmp/m.json"
	start "$server"
	c0=$(cpu_ticks "$watch")
	read -r b1 n1 <<<"$(load $m "$n")"
	read -r b2 n2 <<<"$(load $m "$n")"
	sleep 0.3
	c1=$(cpu_ticks "$watch")
	stop
	read -r a2 _ <<<"$(load $m "$n")"
	seen=$("$root/tests/tools/spans.py" sum "$tmp/m.json" http.server.request.duration)
	row "HTTP/2, 8 connections x $m streams: requests/s watched / bare" '>= 0.95' \
		"$(python3 -c "print(f'{($b1+$b2)/($a1+$a2):.3f}   ({$a1:.0f} {$b1:.0f} {$b2:.0f} {$a2:.0f})')")"
	row "HTTP/2, $m streams: requests counted / answered" '1.000' \
		"$(python3 -c "print(f'{$seen/max(1,$n1+$n2):.4f}   ({$seen} / {$n1+$n2}; ring buffer drops: $(ledger otel_ebpf.capture.io dropped_ring_full))')")"
	row "HTTP/2, $m streams: daemon CPU per request" '<= 5 us' "$(python3 -c "print(f'{($c1-$c0)*1e4/max(1,$seen):.2f} us')")"
done

rm -f "$tmp/m.json"
start "$server"
h2load -n 1 -c 1 -m 1 -w 24 -W 24 "$url/big.bin" >/dev/null &
client=$!
small=$(h2load -n 2000 -c 1 -m 1 "$url/index.html" | awk '/^status codes/ { print $3 }')
wait $client
client=''
stop

row '100 MB download beside small requests: bytes copied / moved' '' \
	"$(ledger otel_ebpf.capture.io.size copied) / $(ledger otel_ebpf.capture.io.size seen) ($small small requests, $(ledger otel_ebpf.red.requests counted) counted)"

# a connection at rest, after 100 requests: tables of both directions, spare streams, the connection itself
conns=2000
start "$server"
rss0=$(awk '/VmRSS/ { print $2 }' "/proc/$watch/status")
ulimit -n 8192
h2load -c $conns -n $((conns * 100)) -m 10 --warm-up-time 0 "$url/index.html" >"$tmp/l" 2>&1 &
client=$!
rss1=0
while kill -0 "$client" 2>/dev/null; do
	now=$(awk '/VmRSS/ { print $2 }' "/proc/$watch/status")
	[ "$now" -gt "$rss1" ] && rss1=$now
	sleep 0.05
done
client=''
stop
row "memory per HTTP/2 connection ($conns under load, 10 streams each)" 'bounded' \
	"$(python3 -c "print(f'{($rss1-$rss0)/$conns:.1f} KiB   (most a connection can take: docs/http2.md)')")"
