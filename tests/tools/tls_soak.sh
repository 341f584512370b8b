#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tls_soak.sh SECONDS: TLS programs at work (nginx under wrk, h2load, curl, Python and openssl; Node with itself; sslbench), while
# the daemon comes and goes about once a second, half the time killed. Their libssl and node are copies that nobody else watches.
# At the end: every program lives or has ended well, every request was answered, no probe is left in a process's memory, no
# program or link in the kernel. Prints what was done; 1 if anything was not as it should be.
# OUT: where the daemon and sslbench are (.output). SOAK_KEEP=1 leaves the directory. SOAK_ARGS: more options for the daemon.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
bin=$out/otel-ebpf
left=$root/tests/tools/tls_left.py
apps=$root/tests/apps
export PATH="$PATH:/usr/sbin:/sbin"
[ $# = 1 ] && [ "$1" -gt 0 ] 2>/dev/null || { sed -n '3,7s/^# //p' "$0" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "soak: needs root" >&2; exit 1; }
for c in nginx wrk h2load node python3 openssl curl bpftool; do
	command -v "$c" >/dev/null || { echo "soak: $c is missing (make deps)" >&2; exit 1; }
done
read -ra more <<<"${SOAK_ARGS:-}"
secs=$1
tmp=$(mktemp -d)
mkdir "$tmp/res" "$tmp/cores" "$tmp/lib" "$tmp/www"
yard='' daemon='' cgroup='' bad=0
# the real ones, not a program that looks for them
python=$(python3 -c 'import sys; print(sys.executable)')

complain() {
	echo "soak: $*"
	bad=$((bad + 1))
}
descendants() { # PID...
	local p
	for p; do
		echo "$p"
		# shellcheck disable=SC2046
		descendants $(cat /proc/"$p"/task/*/children 2>/dev/null)
	done
}
cleanup() {
	touch "$tmp/stop"
	[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null
	if [ -n "$yard" ]; then
		# shellcheck disable=SC2046
		kill $(descendants "$yard") 2>/dev/null
		wait "$yard" 2>/dev/null
	fi
	[ -z "$cgroup" ] || rmdir "$cgroup" 2>/dev/null
	[ -n "${SOAK_KEEP:-}" ] || rm -rf "$tmp"
}
trap cleanup EXIT
until_true() {
	for _ in $(seq 1000); do
		"$@" 2>/dev/null && return
		sleep 0.02
	done
	echo "soak: gave up waiting for: $*"
	exit 1
}

"$root/tests/tools/tls_certs.sh" "$tmp/certs"
ca=$tmp/certs/ca.pem
cp "$(ldconfig -p | awk '/libssl\.so\.3 .*x86-64|libssl\.so\.3 .*AArch64/ { print $NF; exit }')" "$tmp/lib/" ||
	{ echo "soak: there is no libssl.so.3 here"; exit 1; }
cp "$(readlink -f "$(command -v node)")" "$tmp/node"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
head -c 459 /dev/urandom | base64 -w0 >"$tmp/www/index.html"
cat >"$tmp/nginx.conf" <<-END
	worker_processes 2; daemon off; user root; pid $tmp/nginx.pid; error_log $tmp/nginx.err;
	events { worker_connections 4000; }
	http { access_log off; keepalive_requests 100000000;
	client_body_temp_path $tmp/b; proxy_temp_path $tmp/p; fastcgi_temp_path $tmp/f; uwsgi_temp_path $tmp/u; scgi_temp_path $tmp/s;
	ssl_certificate $tmp/certs/server.pem; ssl_certificate_key $tmp/certs/server.key; ssl_session_cache shared:s:1m;
	server { listen 127.0.0.1:$port ssl http2 backlog=4000; root $tmp/www; location /py/ { return 200 "hello\n"; } } }
END

# ---- the yard: everything that is watched; each writes to $tmp/res how it went ------------------------------------------------
going() { [ ! -e "$tmp/stop" ]; }
loop_wrk() { # NAME OPTION...
	local name=$1
	while going; do
		wrk -t1 -c8 -d3 --timeout 30s "${@:2}" "https://127.0.0.1:$port/index.html" >"$tmp/$name.out" 2>&1 || echo "fail wrk $?"
		awk '/requests in/ { print "ok", $1 } /Socket errors|Non-2xx/ { print "fail", $0 }' "$tmp/$name.out"
	done >"$tmp/res/$name"
}
loop_h2load() {
	local n=3000
	while going; do
		h2load -n $n -c 4 -m 10 "https://127.0.0.1:$port/index.html" >"$tmp/h2load.out" 2>&1 || echo "fail h2load $?"
		awk -v n=$n '/^status codes/ { if ($3 == n) print "ok", n; else print "fail", $0 }' "$tmp/h2load.out"
	done >"$tmp/res/h2load"
}
loop_curl() { # one every 60 ms, at most 8 at a time
	while going; do
		echo go
		sleep 0.06
	done | xargs -P 8 -I{} sh -c '
		case $(($$ % 3)) in 0) v=--http1.1 p='"$port"' ;; 1) v=--http2 p='"$port"' ;; 2) v=--http1.1 p='"$(cat "$tmp/node.port")"' ;; esac
		s=$(curl -s --cacert "$1" -m 60 -o /dev/null -w "%{http_code}" $v "https://127.0.0.1:$p/index.html") && [ "$s" = 200 ] &&
			echo ok 1 || echo "fail curl: $? $s $v $p"' sh "$ca" >"$tmp/res/curl"
}
loop_openssl() {
	local how=-new
	while going; do
		openssl s_time -connect "127.0.0.1:$port" -www /index.html -time 2 $how -CAfile "$ca" >"$tmp/s_time.out" 2>&1 ||
			echo "fail s_time $?: $(tail -1 "$tmp/s_time.out")"
		awk '/connections in .* real seconds/ { print "ok", $1 }' "$tmp/s_time.out"
		[ $how = -new ] && how=-reuse || how=-new
	done >"$tmp/res/s_time"
}
loop_sslbench() {
	local kinds=('-t tcp -p process' '-t unix -f ex' '-t mem' '-t tcp -p thread' '-t tcp -w -v 1.2') i=0
	while going; do
		# shellcheck disable=SC2086
		printf 'pairs\nfork\n' | "$out/tests/bench/sslbench" ${kinds[i++ % 5]} -s 0.7 -F 20 >"$tmp/sslbench.out" 2>&1 ||
			echo "fail sslbench $?: $(tail -1 "$tmp/sslbench.out")"
		awk 'NR == 2 { print "ok", $3 }' "$tmp/sslbench.out"
		echo forked 20
		sleep 0.5
	done >"$tmp/res/sslbench"
}
# loop_one NAME COMMAND...: a client that loops by itself
loop_one() {
	local name=$1 rc
	"${@:2}" >"$tmp/res/$name" 2>&1
	rc=$?
	[ $rc = 0 ] || echo "fail $name ended with $rc" >>"$tmp/res/$name"
}
run_yard() {
	local nginx node p clients=()
	ulimit -c unlimited
	renice -n 10 "$BASHPID" >/dev/null # the machine may have other work, and the daemon has
	cd "$tmp/cores" || exit 1
	export LD_LIBRARY_PATH=$tmp/lib
	[ -z "$cgroup" ] || echo "$BASHPID" >"$cgroup/cgroup.procs" || exit 1
	nginx -c "$tmp/nginx.conf" &
	nginx=$!
	"$tmp/node" "$apps/tls_node.js" server "$tmp/certs/server.pem" "$tmp/certs/server.key" >"$tmp/node.port" 2>"$tmp/node.err" &
	node=$!
	until_true test -s "$tmp/node.port"
	until_true curl -s --cacert "$ca" -o /dev/null "https://127.0.0.1:$port/"
	echo "$nginx $node" >"$tmp/servers"
	loop_wrk wrk & clients+=($!)
	loop_wrk wrk-close -H 'Connection: close' & clients+=($!)
	loop_h2load & clients+=($!)
	loop_curl & clients+=($!)
	loop_openssl & clients+=($!)
	loop_sslbench & clients+=($!)
	loop_one python "$python" "$apps/tls_loop.py" "$port" "$ca" "$tmp/stop" & clients+=($!)
	loop_one node-client "$tmp/node" "$apps/tls_node.js" client "$(cat "$tmp/node.port")" "$ca" "$tmp/stop" & clients+=($!)
	for p in "${clients[@]}"; do wait "$p" || echo "fail a loop ended with $?" >>"$tmp/res/loops"; done
	touch "$tmp/clients-done"
	until_true test -e "$tmp/end-servers" # looked at while they still live
	kill -QUIT "$nginx"
	wait "$nginx" || echo "fail nginx ended with $?" >>"$tmp/res/nginx"
	kill -TERM "$node"
	wait "$node" || echo "fail node ended with $?" >>"$tmp/res/node"
}

# ---- the daemon, again and again -------------------------------------------------------------------------------------------------
began() { grep -q '^otel-ebpf: capturing' "$tmp/daemon.err" || ! kill -0 "$daemon"; }
# one SELECTION END: starts it, lets it be for up to 0.9 s, ends it
one() {
	local rc=0 select=() t
	case $1 in
	pid) select=(--pid "$yard") ;;
	cgroup) select=(--cgroup "$cgroup") ;;
	esac
	"$bin" run "${select[@]}" --traces-exporter none --metrics-exporter none -v "${more[@]}" 2>"$tmp/daemon.err" &
	daemon=$!
	t=$(date +%s%N)
	if [ "$2" != early ]; then
		until_true began
		echo $((($(date +%s%N) - t) / 1000000)) >>"$tmp/starts"
	fi
	sleep "0.$(printf '%03d' $((RANDOM % 900)))"
	case $2 in
	TERM)
		kill -TERM "$daemon"
		wait "$daemon" || rc=$?
		[ $rc = 0 ] || complain "the daemon ended with $rc: $(tail -3 "$tmp/daemon.err")"
		counted=$((counted + $(awk '$1 == "otel_ebpf.red.requests" { for (i = 2; i <= NF; i++) if ($i ~ /^counted=/) print substr($i, 9) }' \
			"$tmp/daemon.err" | head -1)))
		terms=$((terms + 1))
		;;
	*)
		kill -KILL "$daemon"
		wait "$daemon" 2>/dev/null || rc=$?
		[ $rc = 137 ] || complain "the daemon ended by itself with $rc: $(tail -3 "$tmp/daemon.err")"
		kills=$((kills + 1))
		;;
	esac
	! grep -q '^otel-ebpf: capturing' "$tmp/daemon.err" || captured=$((captured + 1))
	daemon=''
}

group=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ -n "$group" ] && mkdir "$group/oe-soak-$$" 2>/dev/null; then cgroup=$group/oe-soak-$$; fi
"$left" ids >"$tmp/ids" || exit 1
mark=$(dmesg | wc -l)
[ "$mark" -gt 0 ] || echo "soak: dmesg says nothing here; crashes are seen by exit status only"
last=$(dmesg | tail -1)
run_yard >"$tmp/yard.out" 2>&1 &
yard=$!
until_true test -s "$tmp/servers"
until_true test -s "$tmp/res/wrk"

terms=0 kills=0 captured=0 counted=0 looked=0
t0=$(date +%s)
selections=(pid)
[ -z "$cgroup" ] || selections+=(cgroup)
while [ $(($(date +%s) - t0)) -lt "$secs" ]; do
	kill -0 "$yard" 2>/dev/null || { complain "the yard is gone: $(tail -3 "$tmp/yard.out")"; break; }
	for end in TERM KILL TERM early; do
		one "${selections[RANDOM % ${#selections[@]}]}" $end
	done
	# every 20 cycles a look in between
	if [ $(((terms + kills) % 20)) = 0 ]; then
		# shellcheck disable=SC2046
		"$left" text $(descendants $(cat "$tmp/servers")) >"$tmp/left" || complain "after $((terms + kills)) cycles: $(head -5 "$tmp/left")"
		looked=$((looked + 1))
	fi
done
took=$(($(date +%s) - t0))

# ---- what is left of it ---------------------------------------------------------------------------------------------------------
touch "$tmp/stop"
for _ in $(seq 900); do
	[ -e "$tmp/clients-done" ] && break
	sleep 0.1
done
[ -e "$tmp/clients-done" ] || complain "clients still run after 90 s: $(ps -o pid,args --ppid "$yard" | tail -n +2)"
read -r nginx node <"$tmp/servers"
# shellcheck disable=SC2046
alive=$(descendants "$nginx" "$node")
# shellcheck disable=SC2086
[ "$(echo $alive | wc -w)" = 4 ] || complain "of nginx, its two workers and node these live:" $alive
# shellcheck disable=SC2086
"$left" text $alive >"$tmp/left" || complain "code in memory is not what is in the file: $(head -5 "$tmp/left")"
memory=$(tail -1 "$tmp/left")
"$left" new "$tmp/ids" >"$tmp/left" || complain "in the kernel: $(cat "$tmp/left")"
touch "$tmp/end-servers"
wait "$yard" || complain "the yard ended with $?: $(tail -3 "$tmp/yard.out")"
yard=''
dmesg | awk -v last="$last" 'seen; $0 == last { seen = 1 }' | grep -E 'segfault|trap |general protection|BUG:|WARNING:|Oops' >"$tmp/crashes" &&
	complain "the kernel's log: $(head -5 "$tmp/crashes")"
[ -z "$(ls "$tmp/cores")" ] || complain "core dumps: $(ls "$tmp/cores")"
grep -hE 'exited on signal|\[(alert|emerg)\]' "$tmp/nginx.err" >"$tmp/alerts" && complain "nginx: $(head -3 "$tmp/alerts")"
grep -h '^fail' "$tmp"/res/* >"$tmp/fails" && complain "$(wc -l <"$tmp/fails") failures of clients, as: $(head -5 "$tmp/fails")"
total=0
for f in "$tmp"/res/*; do
	n=$(awk '$1 == "ok" { s += $2 } END { printf "%d", s }' "$f")
	[ "$n" -gt 0 ] || complain "${f##*/} did nothing: $(head -2 "$f")"
	printf '%-12s %10d requests\n' "${f##*/}" "$n"
	total=$((total + n))
done
procs=$(cat "$tmp"/res/curl "$tmp"/res/sslbench | awk '$1 == "ok" && NF == 2 { n++ } $1 == "forked" { n += $2 } END { print n + 0 }')
[ $captured -gt 0 ] || complain "the daemon never came to capture"
[ $counted -gt 0 ] || complain "the daemon counted no request"
cat <<END
soak: $took s, $((terms + kills)) cycles of the daemon ($terms ended by SIGTERM, $kills killed, $captured had begun to capture)
soak: $total requests done by clients, $counted counted by those daemons that could say so; $procs short-lived processes
soak: from start to capturing: $(sort -n "$tmp/starts" | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)], "ms (median),", a[NR], "at most" }')
soak: $memory; $looked looks in between
soak: $bad complaints
END
[ $bad = 0 ]
