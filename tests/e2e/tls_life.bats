#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# TLS libraries that come and go, connections and processes older than the daemon. What it leaves behind: tls_probes.bats.
load lib.bash
load tls.bash

LIBSSL=$(ldconfig -p | sed -n 's/.*libssl\.so\.3 .*=> //p' | head -1)

need_libssl() {
	[ -n "$LIBSSL" ] || skip "no libssl.so.3 here"
}

# private DIR: copies of OpenSSL's two libraries
private() {
	need_libssl
	mkdir -p "$1"
	cp -L "$LIBSSL" "${LIBSSL%/*}/libcrypto.so.3" "$1"
}

# curls N NAME [PORT]: one process each
curls() {
	local i
	for i in $(seq "$1"); do curl -s -o /dev/null "https://127.0.0.1:${3:-$PORT}/$2/$i"; done
}

# probed N: probes are in so many libraries
probed() { [ "$(grep -c '^otel-ebpf: TLS: .* probes' "$TMP/watch.err")" = "$1" ]; }

# only N PATTERN KIND: the spans are N, and all of such paths
only() {
	[ "$("$SPANS" count "$TMP/spans.json")" = "$1" ]
	[ "$("$SPANS" list "$TMP/spans.json" | awk -v kind="$3" '$1 == kind { print $3 }' | grep -cE "$2")" = "$1" ]
}

# steadily KIND WATCHED-PID TRUTH COMMAND...: a client that has been at it for a while when we come, and ends some requests later;
# what is said of the first ones must be right, and nothing may be missing of the others. No PID: the client is watched.
steadily() {
	local rows='[1, .method, .path, .status, ."network.peer.port", ."server.port"] | join(" ")'
	client_waits - "${@:4}"
	sleep 0.2
	start_watch --pid "${2:-$CLIENT}" 8>&-
	sleep 0.2
	client_goes
	stop_watch
	"$SPANS" tally "$TMP/spans.json" method,path,status,network.peer.port,server.port kind="$1" | sort >"$TMP/tally"
	jq -r "$rows" "$3" | sort >"$TMP/all"
	grep /after/ "$TMP/all" >"$TMP/must"
	echo "$(wc -l <"$TMP/must") of $(wc -l <"$TMP/all") after, $(wc -l <"$TMP/tally") spans"
	[ "$(wc -l <"$TMP/must")" = 60 ]
	[ -z "$(comm -23 "$TMP/tally" "$TMP/all" | tee /dev/stderr)" ]
	[ -z "$(comm -13 "$TMP/tally" "$TMP/must" | tee /dev/stderr)" ]
	[ "$(wc -l <"$TMP/tally")" = "$("$SPANS" count "$TMP/spans.json")" ]
}

@test "met in mid-connection: nginx" {
	tls_nginx
	steadily SERVER "$TARGET" "$TMP/server.log" python3 "$TLS_APPS/client.py" steady "https://127.0.0.1:$PORT"
}
@test "met in mid-connection: a Python client" {
	tls_nginx
	steadily CLIENT '' "$TMP/client.log" python3 "$TLS_APPS/client.py" steady "https://127.0.0.1:$PORT"
}
@test "met in mid-connection: aiohttp, which works on memory" {
	need_tls_python
	tls_app "${PY[@]}" "$TLS_APPS/server.py" aiohttp
	steadily SERVER "$TARGET" "$TMP/server.log" python3 "$TLS_APPS/client.py" steady "https://127.0.0.1:$PORT"
}
@test "met in mid-connection, HTTP/2 under load: no path that was not asked for, no other status" {
	TLS_LISTEN=http2 tls_nginx
	h2load -n 100000 -c 3 -m 10 -i <(seq -f "https://127.0.0.1:$PORT/a/%g" 20) >"$TMP/load" 3>&- &
	local client=$!
	PIDS="$PIDS $client"
	sleep 0.2
	kill -STOP "$client" # with requests on their way
	start_watch --pid "$TARGET" --traces-sampler traceidratio --traces-sampler-arg 0.05
	kill -CONT "$client"
	wait "$client"
	stop_watch
	local n
	n=$(metric http.server.request.duration)
	[ "$n" -gt 1000 ]
	[ "$n" = "$(metric http.server.request.duration http.response.status_code=200 url.scheme=https)" ]
	! "$SPANS" list "$TMP/spans.json" | awk '$2 != "GET" || ($3 !~ /^\/a\/[0-9]+$/ && $3 != "None") || $4 != 200' | grep . || false
	[ "$(ledger stream.events lost)" = 0 ]
}

@test "a library that is loaded later" {
	tls_nginx
	head -c 1000000 /dev/zero >"$TMP/www/big"
	client_waits - python3 "$TLS_APPS/client.py" late "https://127.0.0.1:$PORT"
	! grep -q libssl "/proc/$CLIENT/maps" || false
	start_watch --pid "$CLIENT" 8>&-
	echo load >&8
	wait_for 10 probed 1
	client_goes
	stop_watch
	[ "$(wc -l <"$TMP/client.log")" = 33 ]
	called
}

@test "libraries that are loaded and unloaded: five copies, one after the other" {
	private "$TMP/lib"
	for i in 0 1 2 3 4; do cp "$TMP/lib/libssl.so.3" "$TMP/lib/ssl.$i"; done
	tls_nginx
	LD_LIBRARY_PATH=$TMP/lib client_waits - python3 "$TLS_APPS/dl.py" openssl "$TMP/lib/ssl.%" "$PORT" 5 plain
	start_watch --pid "$CLIENT" 8>&-
	for i in 1 2 3 4 5; do
		echo load >&8
		wait_for 10 probed $i
		echo go >&8
	done
	client_goes
	stop_watch
	[ "$(wc -l <"$TMP/client.log")" = 10 ]
	called
}

@test "a library that was replaced on disk: the running process, one of the new file, and one started later" {
	private "$TMP/lib"
	export LD_LIBRARY_PATH=$TMP/lib
	tls_app python3 "$TLS_APPS/server.py" threads
	grep -q "$TMP/lib/libssl.so.3" "/proc/$TARGET/maps"
	local old=$TARGET oldport=$PORT
	cp "$TMP/lib/libssl.so.3" "$TMP/lib/new"
	mv -f "$TMP/lib/new" "$TMP/lib/libssl.so.3"
	grep -q "$TMP/lib/libssl.so.3 (deleted)" "/proc/$old/maps"
	rm "$TMP/port"
	mkfifo "$TMP/later"
	# shellcheck disable=SC2016
	start_server bash -c '"$@" & one=$!; trap "kill \$one \$two" TERM; read -r _ <"$0"; "$@" & two=$!; wait' "$TMP/later" \
		python3 "$TLS_APPS/server.py" threads
	unset LD_LIBRARY_PATH
	start_watch --pid "$old" --pid "$TARGET"
	curls 3 old "$oldport"
	curls 3 new
	echo go >"$TMP/later"
	two_ports() { [ "$(wc -l <"$TMP/port")" = 2 ]; }
	wait_for 5 two_ports
	sleep 0.5
	curls 3 later "$(tail -1 "$TMP/port")"
	stop_watch
	only 9 '^/(old|new|later)/' SERVER
}

@test "workers forked after we came, and programs started" {
	TLS_OPT=stdin
	export TLS_OPT
	mkfifo "$TMP/line"
	exec 7<>"$TMP/line"
	start_server bash -c 'exec "$@" <"$0"' "$TMP/line" python3 "$TLS_APPS/server.py" prefork
	unset TLS_OPT
	start_watch --pid "$TARGET" 7>&-
	echo go >&7
	exec 7>&-
	sleep 0.5
	curls 20 forked
	stop_watch
	only 20 '^/forked/' SERVER
	[ "$("$SPANS" count "$TMP/spans.json" url.scheme=https server.port="$PORT")" = 20 ]
}

@test "nginx reloads its configuration: other workers, nothing missed" {
	tls_nginx 2
	start_watch --pid "$TARGET"
	curls 10 before
	kill -HUP "$TARGET"
	sleep 0.5
	curls 10 after
	stop_watch
	[ "$(wc -l <"$TMP/server.log")" = 20 ]
	served
}

@test "short processes, one after the other" {
	tls_nginx
	mkfifo "$TMP/config"
	# shellcheck disable=SC2016
	bash -c 'curl -s -K "$1"; for i in $(seq 20); do curl -s "$2/short/$i"; done' _ "$TMP/config" "https://127.0.0.1:$PORT" \
		>/dev/null 3>&- &
	CLIENT=$!
	PIDS="$PIDS $CLIENT"
	start_watch --pid "$CLIENT" # which knows the library by the first of them
	echo "url = \"https://127.0.0.1:$PORT/first\"" >"$TMP/config"
	wait "$CLIENT"
	stop_watch
	[ "$(wc -l <"$TMP/client.log")" = 21 ]
	called
}

@test "a file system of its own: another library under the same name" {
	private "$TMP/lib"
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	tls_app python3 "$TLS_APPS/server.py" threads
	local plain=$TARGET plainport=$PORT
	rm "$TMP/port"
	# shellcheck disable=SC2016
	tls_app unshare -m bash -c 'mount --bind "$0" "$1" && shift && exec "$@"' "$TMP/lib/libssl.so.3" "$(realpath "$LIBSSL")" \
		python3 "$TLS_APPS/server.py" threads
	[ "$(stat -L -c %i "/proc/$TARGET/root$LIBSSL")" = "$(stat -c %i "$TMP/lib/libssl.so.3")" ]
	start_watch --pid "$plain" --pid "$TARGET"
	curls 5 plain "$plainport"
	curls 5 private
	stop_watch
	only 10 '^/(plain|private)/' SERVER
	[ "$(grep -c '^otel-ebpf: TLS: OpenSSL in' "$TMP/watch.err")" = 2 ]
	[ "$("$SPANS" count "$TMP/spans.json" server.port="$PORT" url.scheme=https)" = 5 ]
}

@test "a root directory of its own" {
	local root=$TMP/root f
	for f in $(command -v curl) $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
		mkdir -p "$root${f%/*}"
		cp -L "$f" "$root$f"
	done
	mkdir -p "$root/dev"
	cp "$TLS_CERTS/ca.pem" "$root/ca.pem"
	tls_nginx
	watch_client libssl "$(printf 'cacert = /ca.pem\nurl = "https://127.0.0.1:%s/jail/[1-5]"\n' "$PORT")" \
		chroot "$root" "$(command -v curl)" -sS -K -
	[ "$(wc -l <"$TMP/client.log")" = 5 ]
	called
}

@test "two processes with one library: only the one that was chosen" {
	start_server python3 "$TLS_APPS/server.py" threads
	local other=$PORT
	rm "$TMP/port"
	start_server python3 "$TLS_APPS/server.py" threads
	start_watch --pid "$TARGET"
	curls 5 other "$other"
	curls 5 chosen
	curls 5 other "$other"
	stop_watch
	only 5 '^/chosen/' SERVER
}

@test "chosen by its port; by its name, before it runs" {
	tls_nginx
	start_watch --port "$PORT"
	curls 5 port
	stop_watch
	[ "$("$SPANS" tally "$TMP/spans.json" kind,url.scheme,server.port kind=SERVER)" = "5 SERVER https $PORT" ]
	rm "$TMP/spans.json"
	end_target
	cp "$(command -v nginx)" "$TMP/tlsd-$$"
	start_watch --exe "tlsd-$$"
	NGINX_BIN=$TMP/tlsd-$$ tls_nginx
	wait_for 10 probed 1
	curls 5 name
	stop_watch
	# and perhaps the one that asked whether it is there
	"$SPANS" expect "$TMP/spans.json" "$TMP/server.log" --kind SERVER --fields "$SERVER_VIEW" --only '^url.path=/name/|^path=/name/'
	[ "$("$SPANS" count "$TMP/spans.json" service=tlsd-$$)" -ge 5 ]
}

@test "recorded and replayed: the same spans" {
	TLS_LISTEN=http2 tls_nginx
	"$BIN" record --pid "$TARGET" -o "$TMP/rec" 2>"$TMP/watch.err" 3>&- &
	WATCH=$!
	wait_for 15 grep -q '^otel-ebpf: capturing' "$TMP/watch.err"
	curls 5 h2
	h2load --h1 -n 500 -c 10 "https://127.0.0.1:$PORT/h1" | grep -q '500 succeeded'
	stop_watch
	"$BIN" replay --traces-exporter otlp_file --otlp-file "$TMP/spans.json" --metrics-exporter none -v "$TMP/rec" 2>"$TMP/watch.err"
	[ "$(wc -l <"$TMP/server.log")" = 505 ]
	expect "$TMP/server.log" SERVER "$SERVER_VIEW"
	nothing_lost
}

# said PATTERN...: each is in what doctor says of the process TARGET
said() {
	local p
	"$BIN" doctor --pid "$TARGET" >"$TMP/said"
	cat "$TMP/said"
	for p in "$@"; do grep -qE "$p" "$TMP/said"; done
}
# waiting COMMAND...: a process for doctor to look at
waiting() {
	"$@" >"$TMP/out" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 20 grep -q ready "$TMP/out"
}
@test "doctor says what there is to probe, where, and at what cost" {
	tls_nginx
	said "^ok +TLS +OpenSSL in .*/libssl\.so\.3$" '^ +SSL_read +entry \+0x[0-9a-f]+ .*(emulated by the kernel|single-stepped)' \
		'^ +SSL_write +entry \+0x' '^ +exit  \+0x[0-9a-f]+ .*(emulated by the kernel|single-stepped)'
	waiting sh -c 'echo ready; exec sleep 60'
	sleep 0.1
	said '^note +TLS +none loaded now'
}
@test "doctor: OpenSSL inside Node" {
	need node
	waiting node -e 'console.log("ready"); setTimeout(() => {}, 60000)'
	said "^ok +TLS +OpenSSL in $(readlink -f "$(command -v node)")$" '^ +SSL_read +entry \+0x'
}
@test "doctor: GnuTLS" {
	need gnutls-cli
	tls_nginx
	client_waits libgnutls gnutls-cli --x509cafile "$TLS_CERTS/ca.pem" -p "$PORT" 127.0.0.1
	TARGET=$CLIENT
	said '^ok +TLS +GnuTLS in .*/libgnutls\.so\.' '^ +gnutls_record_recv +entry \+0x' '^ +gnutls_record_send +(entry|left to)'
}
@test "doctor: Java is out of reach" {
	need java
	echo 'class S { public static void main(String[] a) throws Exception { System.out.println("ready"); Thread.sleep(60000); } }' \
		>"$TMP/S.java"
	waiting java -Xmx64m "$TMP/S.java"
	said '^no +TLS .*Java.*out of reach'
}

@test "a function whose end cannot be found: not probed, said so; with --uretprobes by a return probe" {
	[ "$(uname -m)" = x86_64 ] || skip 'the program is odd on x86-64 only'
	local app=$OUT/tests/apps/tls_odd
	watch_client - go "$app"
	grep 'tls_odd: OpenSSL cannot be probed' "$TMP/watch.err"
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" = 0 ]
	client_waits - "$app"
	"$BIN" doctor --pid "$CLIENT" >"$TMP/doctor"
	grep -E '^no +TLS +OpenSSL in .*tls_odd$' "$TMP/doctor"
	grep -E 'SSL_read +no probe: it ends in a jump' "$TMP/doctor"
	"$BIN" doctor --uretprobes --pid "$CLIENT" | grep -E 'return +return probe'
	rm -f "$TMP/spans.json"
	start_watch --uretprobes --pid "$CLIENT" 8>&-
	client_goes
	stop_watch 0.4
	! grep 'cannot be probed' "$TMP/watch.err" || false
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER status=200 url.scheme=https network.peer.port=None)" = 20 ]
	sound
}
