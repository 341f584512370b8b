#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Probes in TLS libraries while processes come and go: none of them breaks, no request is lost without being counted, and no probe
# stays when the daemon is gone. All that is probed here has a libssl of its own, which nobody else watches.
load lib.bash

LEFT=$ROOT/tests/tools/tls_left.py

setup() {
	common_setup
	need_root
	need nginx wrk curl openssl bpftool
	"$ROOT/tests/tools/tls_certs.sh" "$TMP/certs"
	mkdir "$TMP/lib"
	LIBSSL=$(ldconfig -p | awk '/libssl\.so\.3 / { print $NF; exit }')
	[ -n "$LIBSSL" ] || skip "no libssl.so.3 here"
	cp "$LIBSSL" "$TMP/lib/"
	"$LEFT" ids >"$TMP/ids"
}

teardown() { common_teardown; }

# own COMMAND...: becomes it, with the libssl that is ours; for the background
own() { exec env LD_LIBRARY_PATH="$TMP/lib" "$@"; }

# start_tls_nginx [WORKERS]: sets TARGET, PORT
start_tls_nginx() {
	PORT=$(free_port)
	mkdir -p "$TMP/www"
	echo 'hello from a file' >"$TMP/www/index.html"
	cat >"$TMP/nginx.conf" <<-EOF2
		$(nginx_main "${1:-}")
		http { access_log off;
		$(nginx_temps)
		ssl_certificate $TMP/certs/server.pem; ssl_certificate_key $TMP/certs/server.key;
		server { listen 127.0.0.1:$PORT ssl backlog=4000; root $TMP/www; location /r/ { return 200 "r\n"; } } }
	EOF2
	own nginx -c "$TMP/nginx.conf" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s --cacert "$TMP/certs/ca.pem" -o /dev/null "https://127.0.0.1:$PORT/"
}

# start_load SECONDS: wrk on it; no_errors waits for its end
start_load() {
	wrk -t1 -c8 -d"$1" --timeout 30s "https://127.0.0.1:$PORT/index.html" >"$TMP/wrk" 2>&1 3>&- &
	LOAD=$!
}
no_errors() {
	wait "$LOAD"
	cat "$TMP/wrk"
	grep -q 'requests in' "$TMP/wrk"
	! grep -E 'Socket errors|Non-2xx' "$TMP/wrk" || false
	! grep -E 'exited on signal|\[(alert|emerg)\]' "$TMP/nginx.err" || false
}

# nothing_left PID...: of a daemon that is gone
nothing_left() {
	"$LEFT" text "$@"
	"$LEFT" new "$TMP/ids"
}

# a program that waits for a line before it begins; its output in $TMP/app
start_app() {
	rm -f "$TMP/go"
	mkfifo "$TMP/go"
	own "$@" <"$TMP/go" >"$TMP/app" 2>"$TMP/app.err" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	exec 9>"$TMP/go"
	wait_for 10 test -s "$TMP/app"
}
app_end() {
	exec 9>&-
	local rc=0
	wait "$TARGET" || rc=$?
	cat "$TMP/app" "$TMP/app.err"
	[ "$rc" = 0 ]
}

# accounted REQUESTS PER_CONNECTION: each request was counted, or its connection was: as not seen, or as met in its middle
accounted() {
	local seen unseen late
	seen=$(metric http.client.request.duration)
	unseen=$(ledger capture.tls plaintext_not_seen)
	late=$(ledger capture.tls met_late)
	echo "$seen of $1 requests counted; connections not seen: $unseen, met late: $late"
	grep -E '^otel-ebpf: |capture|connections|requests|stream' "$TMP/watch.err"
	[ "$seen" -le "$1" ]
	[ $((seen + $2 * (unseen + late))) -ge "$1" ]
	[ $((seen + $2 * unseen)) -le $(("$1" * ${3:-1})) ]
	[ "$seen" -ge $(($1 / 2)) ] # and it is the beginning that was missed
}

@test "attach and detach, five times, in an nginx under load" {
	start_tls_nginx 2
	start_load 5
	local w
	for w in $(seq 5); do
		TRACES=none start_watch --pid "$TARGET" 9>&-
		stop_watch 0.2
	done
	no_errors
	nothing_left "$TARGET" $(pgrep -P "$TARGET")
}

@test "the daemon killed at random moments leaves no probe, program or link" {
	start_tls_nginx 2
	start_load 5
	local w
	for w in $(seq 8); do
		"$BIN" run --pid "$TARGET" --traces-exporter none --metrics-exporter none 2>/dev/null 3>&- &
		WATCH=$!
		sleep "0.$(printf '%03d' $((RANDOM % 800)))"
		kill -KILL "$WATCH"
		wait "$WATCH" || true
		WATCH=''
	done
	nothing_left "$TARGET" $(pgrep -P "$TARGET")
	no_errors
	# and the next one sees everything
	start_watch --pid "$TARGET" 9>&-
	for w in $(seq 10); do curl -s --cacert "$TMP/certs/ca.pem" -o /dev/null "https://127.0.0.1:$PORT/r/$w"; done
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" = 10 ]
}

@test "a storm of forks with TLS in each child, while the daemon comes and goes, and while it stays" {
	start_app "$OUT/tests/bench/sslbench" -t tcp -s 0.1 -F 150
	echo fork >&9
	local w
	for w in $(seq 3); do
		TRACES=none start_watch --pid "$TARGET" 9>&-
		stop_watch 0.2
	done
	app_end
	start_app "$OUT/tests/bench/sslbench" -t tcp -s 0.1 -F 100
	TRACES=none start_watch --pid "$TARGET" 9>&-
	echo fork >&9
	app_end
	stop_watch
	accounted 500 5 2
	[ "$(metric http.client.request.duration)" = 500 ]
	[ "$(metric http.server.request.duration)" = 500 ]
}

@test "exec into a program with TLS: its first request is there" {
	start_tls_nginx
	start_app bash -c 'echo $$; read -r _; for i in $(seq 30); do
		bash -c "exec curl -s --cacert $1/certs/ca.pem -o /dev/null https://127.0.0.1:$2/r/[1-5]" & wait $!; done' - "$TMP" "$PORT"
	start_watch --pid "$TARGET" 9>&-
	echo go >&9
	app_end
	stop_watch
	accounted 150 5
	[ "$("$SPANS" count "$TMP/spans.json" kind=CLIENT)" -le 150 ]
}

@test "libssl loaded and let go 200 times, with requests in between" {
	mkdir "$TMP/dl"
	start_app "$OUT/tests/apps/tlsdl" "$TMP/dl" "$TMP/certs/server.pem" "$TMP/certs/server.key" 200 5 5
	TRACES=none start_watch --pid "$TARGET" 9>&-
	echo go >&9
	app_end
	grep -q '^1000 requests' "$TMP/app"
	stop_watch
	accounted 1000 5 2 # both ends are in the one process
}

@test "a new libssl under the inode number of something else is seen as what it is" {
	start_tls_nginx
	local ino w
	mkdir "$TMP/new"
	cp "$(command -v sleep)" "$TMP/$$-was"
	cp "$(command -v curl)" "$TMP/$$-curl"
	start_watch --exe "$$-*"
	"$TMP/$$-was" 0.3
	ino=$(stat -c %i "$TMP/$$-was")
	rm "$TMP/$$-was"
	for w in $(seq 50); do
		cp "$LIBSSL" "$TMP/new/$w"
		[ "$(stat -c %i "$TMP/new/$w")" = "$ino" ] && break
	done
	mv "$TMP/new/$w" "$TMP/new/libssl.so.3"
	[ "$(stat -c %i "$TMP/new/libssl.so.3")" = "$ino" ] || skip "this file system does not give the number out again"
	for w in $(seq 6); do
		LD_LIBRARY_PATH=$TMP/new "$TMP/$$-curl" -s --cacert "$TMP/certs/ca.pem" -o /dev/null "https://127.0.0.1:$PORT/r/$w"
		sleep 0.3
	done
	stop_watch
	accounted 6 1
}

@test "a libssl of its own for each process, as programs have that unpack themselves" {
	start_tls_nginx
	local w
	start_app bash -c 'echo $$; read -r _; for i in $(seq 25); do mkdir "$1/$i"; cp "$3" "$1/$i/libssl.so.3"
		LD_LIBRARY_PATH="$1/$i" curl -s --cacert $1/certs/ca.pem -o /dev/null https://127.0.0.1:$2/r/[1-20]; rm -r "$1/$i"; done' \
		- "$TMP" "$PORT" "$LIBSSL"
	start_watch --pid "$TARGET" 9>&-
	echo go >&9
	app_end
	stop_watch
	echo "$(metric http.client.request.duration) of 500"
	grep -E 'capture' "$TMP/watch.err"
	[ "$(metric http.client.request.duration)" -le 500 ]
	[ $(($(metric http.client.request.duration) + 20 * ($(ledger capture.tls plaintext_not_seen) + $(ledger capture.tls met_late)))) -ge 500 ]
}

# short_lives SECONDS: a process for each request, 1,000 a minute; sets DONE
short_lives() {
	local until=$(($(date +%s) + $1)) i=0
	: >"$TMP/answers"
	while [ "$(date +%s)" -lt "$until" ]; do
		i=$((i + 1))
		bash -c "${CGROUP:+echo \$\$ >'$CGROUP/cgroup.procs';} exec '$TMP/curl-$$' -s --cacert '$TMP/certs/ca.pem' -o /dev/null \
			-w '%{http_code}\n' https://127.0.0.1:$PORT/r/$i" >>"$TMP/answers" 2>&1 3>&- &
		sleep 0.05
	done
	wait_for 10 test "$(jobs -r | grep -c curl)" = 0 || true
	wait_for 10 test "$(wc -l <"$TMP/answers")" -ge "$i"
	DONE=$(grep -c '^200$' "$TMP/answers")
	[ "$DONE" = "$i" ]
}

@test "a thousand short lives a minute, watched by --exe" {
	start_tls_nginx
	cp "$(command -v curl)" "$TMP/curl-$$"
	start_watch --exe "curl-$$"
	export LD_LIBRARY_PATH=$TMP/lib
	short_lives 3
	stop_watch 1
	accounted "$DONE" 1
}

@test "a thousand short lives a minute, watched by --cgroup" {
	local root
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$root" ] || skip "no cgroup v2 here"
	CGROUP=$root/oe-tls-$$
	mkdir "$CGROUP" || skip "cannot make a cgroup"
	start_tls_nginx
	cp "$(command -v curl)" "$TMP/curl-$$"
	start_watch --cgroup "$CGROUP"
	export LD_LIBRARY_PATH=$TMP/lib
	short_lives 3
	stop_watch 1
	rmdir "$CGROUP"
	accounted "$DONE" 1
}
