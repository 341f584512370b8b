#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# crypto/tls of Go: net/http and grpc-go, server and client, against what they say themselves, for each request.
load lib.bash
load tls.bash

# need_app [VERSION[/KIND]]: sets APP
need_app() {
	APP=$(OUT=$OUT "$ROOT/tests/tools/https_go_app.sh" "${1:-}" 2>"$TMP/app.err") || skip "$(tail -1 "$TMP/app.err")"
}

# each compiles Go's library anew: minutes on a new machine
many() {
	[ -n "${OE_TEST_ALL:-}" ] || skip 'minutes of compiling: run with OE_TEST_ALL=1'
}

# tls_version TLS FILE: all of it
tls_version() {
	[ "$(grep -c "\"tls\":${1#1.}" "$2")" = "$(grep -c '^{' "$2")" ]
}

# by_server REQUESTS APP OPTIONS...: the server's spans
by_server() {
	tls_app "$2" server "${@:3}"
	start_watch --pid "$TARGET"
	"$CLIENT_APP" client -n "$1" "${@:3}" "https://127.0.0.1:$PORT" </dev/null >"$TMP/client.log"
	stop_watch 0.5
	end_target
	[ "$(wc -l <"$TMP/server.log")" = "$1" ]
	served "$SERVER_VIEW,req_body"
	[ "$(metric http.server.request.duration url.scheme=https)" = "$1" ]
}

# by_client REQUESTS APP OPTIONS...: the client's
by_client() {
	tls_app "$CLIENT_APP" server "${@:3}"
	watch_client - go "$2" client -n "$1" "${@:3}" "https://127.0.0.1:$PORT"
	end_target
	[ "$(grep -c '^{' "$TMP/out")" = "$1" ]
	mv "$TMP/out" "$TMP/client.log"
	called
	[ "$(metric http.client.request.duration)" = "$1" ]
}

# both REQUESTS APP OPTIONS...: as server, then as client
both() {
	need_app
	CLIENT_APP=$APP
	need_app "$2"
	by_server "$1" "$APP" "${@:3}"
	rm -f "$TMP/spans.json" "$TMP/port"
	by_client "$1" "$APP" "${@:3}"
}

@test "HTTP/1.1, 1 connection" { both 500 '' -h1; }
@test "HTTP/1.1, 32 connections" { both 3200 '' -h1 -c 32; }
@test "HTTP/2, 1 connection" { both 500 ''; }
@test "HTTP/2, 1 connection, 100 requests at a time" { both 3000 '' -m 100; }
@test "HTTP/2, 32 connections" { both 3200 '' -c 32 -m 4; }
@test "TLS 1.2" {
	both 500 '' -h1 -c 4 -tls 1.2
	tls_version 1.2 "$TMP/client.log"
}
@test "TLS 1.3 with certificates of clients" {
	both 500 '' -c 4 -tls 1.3 -mtls
	tls_version 1.3 "$TMP/client.log"
}
@test "TLS 1.2 with certificates of clients, HTTP/2" { both 500 '' -c 4 -tls 1.2 -mtls; }
@test "stripped: HTTP/1.1" { both 1000 /stripped -h1 -c 8; }
@test "stripped: HTTP/2" { both 1000 /stripped -c 2 -m 8; }
@test "Go 1.20" { both 500 1.20.14/stripped -c 2; }
@test "Go 1.17" { both 500 1.17.13/stripped -c 2 -h1; }
@test "position-independent, with C, Go 1.27, 1.22, 1.18" {
	many
	both 500 /pie -h1 -c 2
	for v in /c 1.27.0/stripped 1.22.12/stripped 1.18.10/stripped 1.17.13/c; do
		rm -f "$TMP/spans.json" "$TMP/port"
		both 500 $v -c 2
	done
}

# objects of ended connections are collected, new ones take their addresses
@test "3,000 connections of one request each" { GOGC=5 both 3000 '' -once -c 8 -h1; }
@test "HTTP/2, the same" { GOGC=5 both 1000 /stripped -once -c 8; }

@test "the end of Read, and the beginnings, are not single-stepped" {
	local v more=''
	[ -z "${OE_TEST_ALL:-}" ] || more='/pie /c 1.27.0/stripped 1.22.12/stripped 1.18.10/stripped 1.17.13/c'
	for v in '' /stripped 1.20.14/stripped 1.17.13/stripped $more; do
		need_app "$v"
		rm -f "$TMP/port"
		tls_app "$APP" server
		"$BIN" doctor --pid "$TARGET" >"$TMP/doctor"
		end_target
		sed -n '/(\*Conn).Read/,/(\*Conn).Write/p' "$TMP/doctor"
		[ "$(sed -n '/(\*Conn).Read/,/(\*Conn).Write/p' "$TMP/doctor" | grep -c 'exit .* je .*emulated')" = 1 ]
		[ "$(grep -c 'entry .*emulated' "$TMP/doctor")" = 4 ]
		! grep -q 'entry .*single-stepped' "$TMP/doctor" || false
	done
}

# early KIND: connections that were there before us, each with a Read that waits
early() {
	need_app
	tls_app "$APP" server -h1
	client_waits - "$APP" client -late -c 8 -n 400 -h1 "https://127.0.0.1:$PORT"
	start_watch --pid "$([ "$1" = SERVER ] && echo "$TARGET" || echo "$CLIENT")" 8>&-
	client_goes
	stop_watch 0.5
	end_target
	grep -v '"path":"/early"' "$TMP/server.log" >"$TMP/truth"
	[ "$(wc -l <"$TMP/truth")" = 400 ]
}

@test "a server whose connections are older than we are" {
	early SERVER
	expect "$TMP/truth" SERVER "$SERVER_VIEW"
	sound
}

@test "a client whose connections are older than we are" {
	early CLIENT
	expect "$TMP/out" CLIENT "$CLIENT_VIEW"
	sound
}

@test "HTTPS inside of TLS" {
	need_app
	for o in -h1 ''; do
		# shellcheck disable=SC2086
		watch_client - go "$APP" tunnel -n 300 -c 4 $o
		[ "$(grep -c '^{' "$TMP/out")" = 600 ]
		grep '"url.full"' "$TMP/out" >"$TMP/client.log"
		grep -v '"url.full"' "$TMP/out" | grep '^{' >"$TMP/server.log"
		expect "$TMP/client.log" CLIENT method,path,status,url.full
		expect "$TMP/server.log" SERVER method,path,status,url.scheme
		sound
	done
}

@test "curl's connections that end at once, a handshake that fails, plain HTTP to the TLS port" {
	need_app /stripped
	tls_app "$APP" server
	start_watch --pid "$TARGET"
	for i in $(seq 20); do
		curl -s -o /dev/null "https://127.0.0.1:$PORT/one/$i"
		curl -s -o /dev/null --http1.1 "https://127.0.0.1:$PORT/two/$i"
		! CURL_CA_BUNDLE=/dev/null curl -s -o /dev/null "https://127.0.0.1:$PORT/never/$i" || false
	done
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/plain")" = 400 ]
	stop_watch 0.5
	end_target
	[ "$(wc -l <"$TMP/server.log")" = 40 ]
	# the answer to plain HTTP is no TLS, and is seen on the socket
	"$SPANS" expect "$TMP/spans.json" "$TMP/server.log" --kind SERVER --fields "$SERVER_VIEW" --only 'url.scheme=https'
	[ "$("$SPANS" count "$TMP/spans.json" url.scheme=http)" -le 1 ]
	sound
}

# what is left in the program's code when we are gone: tls_probes.bats
@test "the program goes on when we are gone" {
	need_app
	tls_app "$APP" server
	for _ in 1 2; do
		start_watch --pid "$TARGET"
		"$APP" client -n 200 -c 4 "https://127.0.0.1:$PORT" </dev/null >"$TMP/out" 3>&- &
		CLIENT=$!
		PIDS="$PIDS $CLIENT"
		stop_watch 0.1
		wait "$CLIENT"
		[ "$(grep -c '^{' "$TMP/out")" = 200 ]
	done
}

FIELDS=name,rpc.response.status_code
COUNTS=$FIELDS,otel_ebpf.rpc.request.message_count,otel_ebpf.rpc.response.message_count

# grpc_calls KIND: server or client
grpc_calls() {
	need_go grpc_go
	start_server "$APP" server
	if [ "$1" = SERVER ]; then
		start_watch --pid "$TARGET"
		"$APP" client "$PORT" calls 20 >"$TMP/out"
		stop_watch 0.5
	else
		TLS_OPT=$TLS_OPT,stdin watch_client - go "$APP" client "$PORT" calls 20
	fi
	expect "$TMP/out" "$1" "$COUNTS"
	[ "$("$SPANS" count "$TMP/spans.json" kind="$1")" = 60 ]
	if [ "$1" = CLIENT ]; then
		[ "$("$SPANS" count "$TMP/spans.json" network.peer.address=127.0.0.1 network.peer.port="$PORT" server.port="$PORT")" = 60 ]
	else
		[ "$("$SPANS" count "$TMP/spans.json" network.peer.address=127.0.0.1 server.address=127.0.0.1 server.port="$PORT")" = 60 ]
	fi
	sound
}

@test "gRPC: a server's calls and streams" { grpc_calls SERVER; }
@test "gRPC: a client's" { grpc_calls CLIENT; }
@test "gRPC: TLS 1.2, certificates of clients, server" { TLS_OPT=tls12,mtls grpc_calls SERVER; }
@test "gRPC: TLS 1.3, certificates of clients, client" { TLS_OPT=mtls grpc_calls CLIENT; }

@test "gRPC: 20,000 calls of mixed codes at full speed, both ends" {
	need_go grpc_go
	start_server "$APP" server
	local kind code count n=20000
	TLS_OPT=stdin client_waits - "$APP" client "$PORT" load $n
	TRACES=none start_watch --pid "$TARGET" --pid "$CLIENT" 8>&-
	client_goes
	stop_watch 0.7
	sed -i /ready/d "$TMP/out"
	[ "$(wc -l <"$TMP/out")" = 4 ]
	for kind in server client; do
		while read -r code count; do
			[ "$(metric "rpc.$kind.call.duration" rpc.response.status_code="$code" rpc.method=oe.test.Echo/Unary)" = "$count" ]
		done <"$TMP/out"
		[ "$(metric "rpc.$kind.call.duration")" = "$n" ]
	done
	sound
}
