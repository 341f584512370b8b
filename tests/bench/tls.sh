#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# TLS: what an SSL_write and its SSL_read cost over bare with probes placed as everybody places them (entry and return, programs
# that do nothing), with such programs at the places that the daemon chooses, with the daemon, and with the daemon told to leave TLS
# alone; then nginx over TLS under wrk, keep-alive and one connection for each request. A B C C B A within one run. BENCH_SECONDS
# per slice, BENCH_ROUNDS (2) of them for nginx. Arguments: pairs, nginx (both).
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
secs=${BENCH_SECONDS:-4}
rounds=${BENCH_ROUNDS:-2}
# shellcheck source=tests/bench/lib.bash
. "$root/tests/bench/lib.bash"
export PATH="$PATH:/usr/sbin:/sbin"
server='' watch='' client='' classic='' neighbour=''

cleanup() {
	for p in $watch $client $classic $neighbour $server; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
need nginx wrk python3 taskset openssl
# a libssl for the watched and one for wrk, which nobody else on this machine watches; probes are in the file, for all who map it
libssl=$(ldconfig -p | awk '/libssl\.so\.3 / { print $NF; exit }')
mkdir "$tmp/lib" "$tmp/wrklib"
cp "${libssl:?"bench: no libssl.so.3 here"}" "$tmp/lib/"
cp "$libssl" "$tmp/wrklib/"
"$bin" run --help | grep -q -e '--tls ' || { echo "bench: this daemon knows no TLS" >&2; exit 1; }

# classic_on PID [-e] FUNCTION...: at the libssl that it has mapped; sets $classic
classic_on() {
	local lib how=()
	[ "$2" != -e ] || how=(-e)
	lib=$(awk '$2 ~ /x/ && $6 ~ /\/libssl\.so/ { print $6; exit }' "/proc/$1/maps")
	[ -n "$lib" ] || { echo "bench: process $1 has no libssl" >&2; exit 1; }
	rm -f "$tmp/hold" "$tmp/classic"
	mkfifo "$tmp/hold"
	"$out/tests/bench/classic_probe" "${how[@]}" "$1" "$lib" "${@:$((2 + ${#how[@]}))}" <"$tmp/hold" >"$tmp/classic" &
	classic=$!
	exec 8>"$tmp/hold"
	until_true test -s "$tmp/classic"
}
classic_off() {
	exec 8>&-
	wait "$classic"
	classic=''
}
# places PID FUNCTION...: where in the file the daemon would put its probes
places() {
	"$bin" doctor --pid "$1" 2>/dev/null | awk -v want=" ${*:2} " '
		$2 == "entry" || $2 == "exit" { fn = $1 }
		index(want, " " fn " ") && match($0, /(entry|exit) +\+0x[0-9a-f]+/) { split(substr($0, RSTART, RLENGTH), f, "+"); print f[2] }'
}
# on WHO PID: puts on what is to be measured; off WHO takes it off
on() {
	case $1 in
	classic) classic_on "$2" "${functions[@]}" ;;
	places) classic_on "$2" -e $(places "$2" "${functions[@]}") ;; # more words than one
	watched) start "$2" none ;;
	sockets) start "$2" none --tls off ;;
	neighbour) start "$neighbour" none ;;
	esac
}
off() {
	case $1 in
	classic | places) classic_off ;;
	watched | sockets | neighbour) stop ;;
	esac
}
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f\n", s }'; }

# pairs TRANSPORT FUNCTIONS PHASE: one process, in which the four take turns
pairs() {
	local what=$3 who line lines=0 pid seen=0 total=0 drops=0
	case $2 in
	plain) functions=(SSL_read SSL_write) ;;
	ex) functions=(SSL_read_ex SSL_write_ex) ;;
	esac
	declare -A ns=([bare]='' [classic]='' [places]='' [watched]='' [sockets]='' [neighbour]='')
	rm -f "$tmp/go" "$tmp/pairs"
	mkfifo "$tmp/go"
	LD_LIBRARY_PATH=$tmp/lib taskset -c 0 "$out/tests/bench/sslbench" -t "$1" -f "$2" -s "$(python3 -c "print(min(1.5, $secs))")" <"$tmp/go" >"$tmp/pairs" &
	client=$!
	exec 7>"$tmp/go"
	until_true test -s "$tmp/pairs"
	pid=$(head -1 "$tmp/pairs")
	has_lines() { [ "$(wc -l <"$tmp/pairs")" -ge "$1" ]; }
	phase() {
		echo "$what" >&7
		lines=$((lines + 1))
		until_true has_lines $((lines + 1))
	}
	phase # warm
	for who in bare classic places watched sockets neighbour neighbour sockets watched places classic bare; do
		rm -f "$tmp/m.json"
		on $who "$pid"
		phase
		off $who
		read -r line _ <<<"$(tail -1 "$tmp/pairs")"
		ns[$who]+=" $line"
		if [ $who = watched ]; then
			total=$((total + $(tail -1 "$tmp/pairs" | cut -d' ' -f3)))
			seen=$((seen + $(ledger otel_ebpf.red.requests counted)))
			drops=$((drops + $(ledger otel_ebpf.capture.io dropped_ring_full)))
		fi
	done
	exec 7>&-
	wait "$client"
	client=''
	over() { python3 -c "
b, w = [[float(x) for x in s.split()] for s in ('${ns[bare]}', '${ns[$1]}')]
print(f'+{(sum(w) - sum(b)) / 2:.0f} ns   ({w[0]:.0f} {w[1]:.0f}; bare {b[0]:.0f} {b[1]:.0f})')"; }
	local head="SSL_write + SSL_read ($1, $2)"
	[ "$what" = pairs ] || head="SSL_read of nothing ($1, $2)"
	row "$head: probes at entry and return" '' "$(over classic)"
	row "$head: the daemon's places, empty programs" '' "$(over places)"
	row "$head: watched" "$([ "$what" = pairs ] && echo '<= 2500 ns')" "$(over watched)"
	row "$head: watched, --tls off" '' "$(over sockets)"
	row "$head: not watched, but another process is" '' "$(over neighbour)"
	[ "$what" = pairs ] || return 0
	row "$head: requests counted / done" '1.000' "$(python3 -c "
print(f'{$seen / max(1, $total):.4f}   ($seen / $total; ring buffer drops: $drops)')")"
}

# load MODE: requests per second
load() {
	local more=()
	[ "$1" = keep-alive ] || more=(-H 'Connection: close')
	LD_LIBRARY_PATH=$tmp/wrklib wrk -t1 -c32 -d"$secs" "${more[@]}" "https://127.0.0.1:$port/index.html" | tee "$tmp/wrk" | awk '/Requests\/sec/ { print $2 }'
	grep -E 'Socket errors|Non-2xx' "$tmp/wrk" | sed 's/^ */bench: wrk: /' >&2
}

# the worker's log is on the disk: it writes what it has when it opens the log anew
has_not_open() { ! readlink /proc/"$worker"/fd/* | grep -qF "$1"; }
written() {
	mv "$tmp/access" "$tmp/access.old"
	kill -USR1 "$server"
	until_true test -e "$tmp/access"
	until_true has_not_open access.old
	mv "$tmp/access.old" "$tmp/access"
	kill -USR1 "$server"
	until_true has_not_open '(deleted)'
}
nginx_tls() {
	local mode who worker n c0 c1 w0 counted
	port=$(free_port)
	mkdir -p "$tmp/www"
	"$root/tests/tools/tls_certs.sh" "$tmp/certs"
	head -c 459 /dev/urandom | base64 -w0 >"$tmp/www/index.html"
	cat >"$tmp/nginx.conf" <<-EOF
		worker_processes 1; daemon off; user root; pid $tmp/pid; error_log $tmp/err;
		events { worker_connections 10000; }
		worker_rlimit_nofile 20000;
		http { log_format m '\$status'; access_log $tmp/access m buffer=4m flush=1s; keepalive_requests 100000000; sendfile on;
		client_body_temp_path $tmp/b; proxy_temp_path $tmp/p; fastcgi_temp_path $tmp/f; uwsgi_temp_path $tmp/u; scgi_temp_path $tmp/s;
		ssl_certificate $tmp/certs/server.pem; ssl_certificate_key $tmp/certs/server.key;
		server { listen 127.0.0.1:$port ssl backlog=4096 reuseport; root $tmp/www; } }
	EOF
	ulimit -n 40000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
	LD_LIBRARY_PATH=$tmp/lib nginx -c "$tmp/nginx.conf" &
	server=$!
	until_true curl -sk -o /dev/null "https://127.0.0.1:$port/"
	worker=$(pgrep -P $server)
	functions=(SSL_read SSL_write)
	for mode in keep-alive close; do
		declare -A rate=([bare]='' [classic]='' [watched]='') used=([bare]='' [classic]='' [watched]='')
		local total=0 seen=0 cpu=0 drops=0 order=''
		load $mode >/dev/null # warm
		for _ in $(seq "$rounds"); do order="$order bare watched classic classic watched bare"; done
		for who in $order; do
			if [ "$who" = watched ]; then
				written
				: >"$tmp/access"
				rm -f "$tmp/m.json"
				start "$server"
				c0=$(cpu_ns "$watch")
			elif [ "$who" = classic ]; then
				classic_on "$worker" "${functions[@]}"
			fi
			w0=$(cpu_ns "$worker")
			rate[$who]+=" $(load $mode)"
			used[$who]+=" $(($(cpu_ns "$worker") - w0))/$(awk '/requests in/ { print $1 }' "$tmp/wrk")"
			if [ "$who" = watched ]; then
				sleep 0.3
				written
				c1=$(cpu_ns "$watch")
				cpu=$((cpu + c1 - c0))
				stop
				n=$(wc -l <"$tmp/access")
				total=$((total + n))
				counted=$("$root/tests/tools/spans.py" sum "$tmp/m.json" http.server.request.duration)
				[ "$counted" = "$n" ] || { echo "bench: nginx over TLS, $mode: $counted counted of $n:"; cat "$tmp/w.err"; } >&2
				seen=$((seen + counted))
				drops=$((drops + $(ledger otel_ebpf.capture.io dropped_ring_full)))
			elif [ "$who" = classic ]; then
				classic_off
			fi
		done
		ratio() { python3 -c "
a, b = [[float(x) for x in s.split()] for s in ('${rate[bare]}', '${rate[$1]}')]
print(f'{sum(b) / sum(a):.3f}   (bare', *[f'{x:.0f}' for x in a], '$1', *[f'{x:.0f}' for x in b], end=')\n')"; }
		row "nginx over TLS, $mode: requests/s watched / bare" '>= 0.95' "$(ratio watched)"
		row "nginx over TLS, $mode: probes at entry and return / bare" '' "$(ratio classic)"
		# less a matter of what else the machine does
		row "nginx over TLS, $mode: nginx's CPU per request, us" '' "$(python3 -c "
for what, s in ('bare', '${used[bare]}'), ('watched', '${used[watched]}'), ('classic', '${used[classic]}'):
    f = [[int(x) for x in y.split('/')] for y in s.split()]
    print(f'{what} {sum(a for a, b in f) / sum(b for a, b in f) / 1e3:.2f}', end='   ')
print('(' + ', '.join(f'{int(x.split(\"/\")[0]) / int(x.split(\"/\")[1]) / 1e3:.2f}' for x in '${used[bare]} ${used[watched]}'.split()) + ')')")"
		row "nginx over TLS, $mode: requests counted / answered" '1.000' \
			"$(python3 -c "print(f'{$seen / max(1, $total):.4f}   ($seen / $total; ring buffer drops: $drops)')")"
		row "nginx over TLS, $mode: daemon CPU per request" '<= 4 us' "$(python3 -c "print(f'{$cpu / 1e3 / max(1, $total):.2f} us')")"
	done
}

parts=${*:-pairs nginx}
for part in $parts; do
	case $part in
	pairs)
		rm -f "$tmp/quiet"
		mkfifo "$tmp/quiet"
		LD_LIBRARY_PATH=$tmp/lib "$out/tests/bench/sslbench" -t unix <>"$tmp/quiet" >"$tmp/neighbour" &
		until_true test -s "$tmp/neighbour"
		neighbour=$(cat "$tmp/neighbour")
		pairs unix plain pairs
		pairs tcp plain pairs
		pairs mem plain pairs
		pairs unix ex pairs
		pairs unix plain want
		kill "$neighbour"
		neighbour=''
		;;
	nginx) nginx_tls ;;
	*) sed -n '3,6s/^# //p' "$0" >&2; exit 2 ;;
	esac
done
