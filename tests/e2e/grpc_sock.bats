#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gRPC: the official libraries of Python (C core) and Go as servers and clients. grpc_syscall.bats is a link, for the other
# backend.
case ${BATS_TEST_FILENAME##*/} in
*_syscall.bats) HOOKS=syscall ;;
*) HOOKS=sock ;;
esac
load lib.bash
setup() { common_setup; need_root; }
teardown() { common_teardown; }

FIELDS=name,rpc.response.status_code
COUNTS=$FIELDS,otel_ebpf.rpc.request.message_count,otel_ebpf.rpc.response.message_count

# py_both ROLE SCENARIO [N]
py_both() {
	need_venv
	start_server "$PY" "$APPS/grpc_py.py" server
	if [ "$1" = SERVER ]; then
		start_watch --pid "$TARGET"
		"$PY" "$APPS/grpc_py.py" client "$PORT" "${@:2}" >"$TMP/truth"
		# a server cannot know whether a method it lacks is one
		sed -i -E 's/"name": "[^"]*", ("rpc.response.status_code": "UNIMPLEMENTED")/"name": "_OTHER", \1/' "$TMP/truth"
	else
		mkfifo "$TMP/go"
		bash -c 'read -r _ <"$1"; "$2" "$3" client "$4" "${@:5}"' _ "$TMP/go" "$PY" "$APPS/grpc_py.py" "$PORT" "${@:2}" \
			>"$TMP/truth" 3>&- &
		local shell=$!
		PIDS="$PIDS $shell"
		start_watch --pid "$shell"
		echo go >"$TMP/go"
		wait "$shell"
		rm "$TMP/go"
	fi
	stop_watch 0.5
}

sound() {
	nothing_lost
	# a call is no HTTP request as well
	[ "$(metric http.server.request.duration)" = 0 ]
	[ "$(metric http.client.request.duration)" = 0 ]
}

py_exact() { # FIELDS SCENARIO [N]: as server and as client
	local fields=$1
	shift
	py_both SERVER "$@"
	expect "$TMP/truth" SERVER "$fields"
	[ "$(metric rpc.server.call.duration)" = "$(wc -l <"$TMP/truth")" ]
	sound
	rm "$TMP/spans.json"
	py_both CLIENT "$@"
	expect "$TMP/truth" CLIENT "$fields"
	[ "$(metric rpc.client.call.duration)" = "$(wc -l <"$TMP/truth")" ]
	sound
}

@test "Python: unary calls" { py_exact "$FIELDS" unary 50; }
@test "Python: all 17 codes" { py_exact "$FIELDS" codes 51; }
@test "Python: streaming of all kinds, messages counted" { py_exact "$COUNTS" streams 10; }
@test "Python: long streams, messages packed into frames and spread over them" { py_exact "$COUNTS" packed; }
@test "Python: deadlines" { py_exact "$FIELDS" deadline 3; }
@test "Python: calls that the client cancels" { py_exact "$FIELDS" cancel 5; }
@test "Python: a method the server lacks" { py_exact "$FIELDS" unimplemented 3; }
@test "Python: messages of 300 KB and 1 MB" { py_exact "$FIELDS" large 5; }

@test "Python: 16 KiB of metadata, with a trace context" {
	py_both SERVER metadata 5
	expect "$TMP/truth" SERVER "$FIELDS"
	[ "$(grep -o '"traceId": *"0af7651916cd43dd8448eb211c80319c"' "$TMP/spans.json" | wc -l)" = 5 ]
	grep -q '"parentSpanId": *"b7ad6b7169203331"' "$TMP/spans.json"
	sound
}

@test "Python: grpc-trace-bin" {
	py_both SERVER tracebin 2
	expect "$TMP/truth" SERVER "$FIELDS"
	[ "$(grep -o '"traceId": *"0af7651916cd43dd8448eb211c80319c"' "$TMP/spans.json" | wc -l)" = 2 ]
	[ "$(grep -o '"parentSpanId": *"b7ad6b7169203331"' "$TMP/spans.json" | wc -l)" = 2 ]
}

@test "grpc-message becomes the description of an error" {
	py_both CLIENT codes 14
	grep -q '"message": *"héllo wörld %"' "$TMP/spans.json"
}

# go_watch PIDS...: watches the server, the client, or both, under a load of mixed codes
go_load() { # KIND...
	local n=40000 kind code count sel=''
	need_go grpc_go
	start_server "$APP" server
	mkfifo "$TMP/go"
	bash -c 'read -r _ <"$1"; exec "$2" client "$3" load "$4"' _ "$TMP/go" "$APP" "$PORT" "$n" >"$TMP/codes" 3>&- &
	local client=$!
	PIDS="$PIDS $client"
	for kind; do
		[ "$kind" = server ] && sel="$sel --pid $TARGET"
		[ "$kind" = client ] && sel="$sel --pid $client"
	done
	# shellcheck disable=SC2086
	TRACES=none start_watch $sel
	echo go >"$TMP/go"
	wait "$client"
	stop_watch 0.7
	[ "$(wc -l <"$TMP/codes")" = 4 ]
	for kind; do
		while read -r code count; do
			echo "$kind $code: $count, counted $(metric "rpc.$kind.call.duration" rpc.response.status_code="$code" rpc.method=oe.test.Echo/Unary)"
			[ "$(metric "rpc.$kind.call.duration" rpc.response.status_code="$code" rpc.method=oe.test.Echo/Unary)" = "$count" ]
		done <"$TMP/codes"
		[ "$(metric "rpc.$kind.call.duration")" = "$n" ]
	done
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
	sound
}

@test "Go: 40,000 calls of mixed codes at full speed, the server's codes" { go_load server; }
@test "Go: the client's codes" { go_load client; }
@test "Go: both ends at once" { go_load server client; }

@test "Go: unary calls and streams, messages counted" {
	need_go grpc_go
	start_server "$APP" server
	start_watch --pid "$TARGET"
	"$APP" client "$PORT" calls 20 >"$TMP/truth"
	stop_watch 0.5
	expect "$TMP/truth" SERVER "$COUNTS"
	sound
}

@test "Go: met in mid-connection, calls are known as calls, nothing wrong is said" {
	need_go grpc_go
	start_server "$APP" server
	"$APP" client "$PORT" steady 4 >"$TMP/calls" 3>&- &
	local client=$!
	PIDS="$PIDS $client"
	sleep 1.5
	start_watch --pid "$TARGET"
	wait "$client"
	stop_watch 0.5
	local n
	n=$("$SPANS" count "$TMP/spans.json" kind=SERVER rpc.system.name=grpc)
	[ "$n" -gt 50 ]
	[ "$n" = "$("$SPANS" count "$TMP/spans.json")" ]
	# what is said is right, what cannot be known is said to be unknown
	[ "$("$SPANS" count "$TMP/spans.json" rpc.method=oe.test.Echo/Unary)" = "$n" ] ||
		grep -q '"otel_ebpf.unknown"' "$TMP/spans.json"
	[ -z "$("$SPANS" list "$TMP/spans.json" | awk '$5 != ""')" ]
	sound
}

@test "gRPC-Web over HTTP/1.1" {
	start_server python3 "$APPS/grpc_web.py" server
	start_watch --pid "$TARGET"
	python3 "$APPS/grpc_web.py" client "$PORT" >"$TMP/truth"
	stop_watch 0.4
	expect "$TMP/truth" SERVER "$COUNTS"
	sound
}
