#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The budgets, measured here: throughput of nginx watched and bare in ABBA order within one run, spans per request,
# cost per request, memory, hook times. Ratios count; absolute numbers belong to this machine. BENCH_SECONDS per slice.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
secs=${BENCH_SECONDS:-4}
# shellcheck source=tests/bench/lib.bash
. "$root/tests/bench/lib.bash"
export PATH="$PATH:/usr/sbin:/sbin"
nginx_pid='' watch=''
stats_before=$(sysctl -n kernel.bpf_stats_enabled)

cleanup() {
	sysctl -q -w kernel.bpf_stats_enabled="$stats_before"
	[ -n "$watch" ] && kill "$watch" 2>/dev/null
	[ -n "$nginx_pid" ] && kill "$nginx_pid" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
need nginx wrk python3

port=$(free_port)
mkdir -p "$tmp/www"
head -c 459 /dev/urandom | base64 -w0 >"$tmp/www/index.html"
cat >"$tmp/nginx.conf" <<EOF
worker_processes 1; daemon off; user root; pid $tmp/pid; error_log $tmp/err;
events { worker_connections 20000; }
worker_rlimit_nofile 40000;
http { log_format m '\$status'; access_log $tmp/access m buffer=4m flush=1s; keepalive_requests 100000000; sendfile on;
client_body_temp_path $tmp/b; proxy_temp_path $tmp/p; fastcgi_temp_path $tmp/f; uwsgi_temp_path $tmp/u; scgi_temp_path $tmp/s;
server { listen 127.0.0.1:$port backlog=4096 reuseport; root $tmp/www; } }
EOF
ulimit -n 40000
nginx -c "$tmp/nginx.conf" &
nginx_pid=$!
sleep 0.5
url=http://127.0.0.1:$port/index.html

load() { # MODE: requests per second
	case $1 in
	keep-alive) wrk -t1 -c32 -d"$secs" "$url" ;;
	close) wrk -t1 -c32 -d"$secs" -H 'Connection: close' "$url" ;;
	pipelined) wrk -t1 -c32 -d"$secs" -s "$root/tests/bench/pipeline.lua" "$url" ;;
	esac | awk '/Requests\/sec/ { print $2 }'
}

{
	row 'what' 'budget' 'measured here'
	for mode in keep-alive close pipelined; do
		load $mode >/dev/null # warm
		a1=$(load $mode)
		rm -f "$tmp/m.json"
		kill -USR1 "$nginx_pid"; sleep 1.2; : >"$tmp/access"
		start "$nginx_pid"
		c0=$(cpu_ticks "$watch")
		b1=$(load $mode)
		b2=$(load $mode)
		sleep 0.3
		c1=$(cpu_ticks "$watch")
		rss=$(awk '/VmHWM/ { print $2 }' "/proc/$watch/status")
		maps=$(grep -h '^memlock' /proc/"$watch"/fdinfo/* 2>/dev/null | awk '{ s += $2 } END { print s + 0 }')
		sleep 1.2
		n=$(wc -l <"$tmp/access")
		stop
		a2=$(load $mode)
		seen=$("$root/tests/tools/spans.py" sum "$tmp/m.json" http.server.request.duration)
		drops=$(ledger otel_ebpf.capture.io dropped_ring_full)
		row "nginx $mode: requests/s watched / bare (ABBA)" '>= 0.95' \
			"$(python3 -c "print(f'{($b1+$b2)/($a1+$a2):.3f}   ({$a1:.0f} {$b1:.0f} {$b2:.0f} {$a2:.0f})')")"
		row "nginx $mode: requests counted / answered" '1.000' "$(python3 -c "print(f'{$seen/max(1,$n):.4f}   ({$seen} / {$n}; ring buffer drops: ${drops:-?})')")"
		row "nginx $mode: daemon CPU per request" '<= 4 us' "$(python3 -c "print(f'{($c1-$c0)*1e4/max(1,$n):.2f} us')")"
		[ $mode = keep-alive ] && keep_rss=$rss keep_maps=$maps start_ms=$started_ms
	done
	row 'resident memory after saturation (peak)' '<= 48 MiB' "$((keep_rss / 1024)) MiB"
	row 'kernel memory in maps' '<= 32 MiB' "$((keep_maps / 1048576)) MiB"
	row 'program start to capturing' '<= 500 ms' "$start_ms ms"

	for kind in tcp unix; do
		res=()
		for who in bare watched watched bare; do
			mkfifo "$tmp/go" 2>/dev/null
			rm -f "$tmp/io"
			taskset -c 0 "$out/tests/bench/iobench" $kind 1.5 <"$tmp/go" >"$tmp/io" &
			io=$!
			exec 7>"$tmp/go"
			until_true test -s "$tmp/io"
			if [ $who = watched ]; then
				taskset -c 1 "$bin" run --pid "$(head -1 "$tmp/io")" --traces-exporter none --metrics-exporter none 2>"$tmp/w.err" &
				watch=$!
				until_true grep -q capturing "$tmp/w.err"
			fi
			echo go >&7
			exec 7>&-
			wait $io
			[ -n "$watch" ] && stop
			res+=("$(tail -1 "$tmp/io")")
		done
		[ $kind = tcp ] && tcp_bare=${res[0]}
		row "200-byte I/O of a selected process, $kind: added ns" '<= 150' "$(((res[1] + res[2] - res[0] - res[3]) / 2)) ns (bare ${res[0]}, ${res[3]})"
	done
	mkfifo "$tmp/go" 2>/dev/null
	rm -f "$tmp/io"
	taskset -c 0 "$out/tests/bench/iobench" tcp 1.5 <"$tmp/go" >"$tmp/io" &
	io=$!
	exec 7>"$tmp/go"
	until_true test -s "$tmp/io"
	"$bin" run --pid "$nginx_pid" --traces-exporter none --metrics-exporter none 2>"$tmp/w.err" &
	watch=$!
	until_true grep -q capturing "$tmp/w.err"
	echo go >&7
	exec 7>&-
	wait $io
	row '200-byte I/O of an unselected process: added ns' '<= 60' "$(($(tail -1 "$tmp/io") - tcp_bare)) ns (tcp)"
	sysctl -q -w kernel.bpf_stats_enabled=1
	load keep-alive >/dev/null
	sysctl -q -w kernel.bpf_stats_enabled="$stats_before"
	bpftool prog list 2>/dev/null | awk '/ name oe_/ { for (i = 1; i < NF; i++) { if ($i == "name") n = $(i+1); if ($i == "run_time_ns") t = $(i+1); if ($i == "run_cnt") c = $(i+1) } if (c > 0) printf "%-58s %-14s %.0f ns x %d\n", "BPF run time per firing, " n " (with the cost of measuring)", "", t / c, c; c = 0 }'
	stop
} | tee "$out/bench.txt"
OUT=$out "$root/tests/bench/http2.sh" | tee -a "$out/bench.txt"
OUT=$out "$root/tests/bench/tls.sh" | tee -a "$out/bench.txt"
OUT=$out "$root/tests/bench/sql.sh" | tee -a "$out/bench.txt"
OUT=$out "$root/tests/bench/kafka.sh" | tee -a "$out/bench.txt"
