#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gRPC over TLS: C++ (the system's OpenSSL), Node (its own OpenSSL, TLS in memory) and Go (crypto/tls), each as server and as
# client of itself, both watched: what is expected without TLS (grpc_langs.bats, grpc_sock.bats). Python's library has a BoringSSL
# without names of functions inside: out of reach.
load lib.bash
load grpc.bash
setup_file() {
	export GRPC_TLS=$BATS_FILE_TMPDIR/certs
	"$ROOT/tests/tools/tls_certs.sh" "$GRPC_TLS" 2>"$BATS_FILE_TMPDIR/certs.err" ||
		export GRPC_SKIP="no certificates: $(tail -1 "$BATS_FILE_TMPDIR/certs.err")"
}
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	[ -z "${GRPC_SKIP:-}" ] || skip "$GRPC_SKIP"
}
teardown() { common_teardown; }

# from the port that both ends name, every connection seen through
from_port() {
	local n
	[ "$(ledger capture.tls plaintext_not_seen)" = 0 ]
	for n in CLIENT SERVER; do
		[ "$("$SPANS" count "$TMP/spans.json" kind="$n")" = 80 ]
		[ "$("$SPANS" count "$TMP/spans.json" kind="$n" server.port="$PORT")" = 80 ]
	done
}

@test "C++" {
	whole cpp
	[ -n "${OE_CLIENTS_ONLY:-}" ] || from_port
}

@test "Node" {
	whole node
	[ -n "${OE_CLIENTS_ONLY:-}" ] || from_port
}

# gated CLIENT...: of a server that has been started; sets CLIENT
gated() {
	mkfifo "$TMP/go"
	bash -c 'read -r _ <"$1"; exec "${@:2}"' _ "$TMP/go" "$@" >"$TMP/truth" 2>"$TMP/client.err" 3>&- &
	CLIENT=$!
	PIDS="$PIDS $CLIENT"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || start_watch --pid "$TARGET" --pid "$CLIENT"
	echo go >"$TMP/go"
	wait "$CLIENT"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || stop_watch 0.7
}

@test "Go: 8,000 calls of mixed codes at full speed" {
	need_go grpc_go
	start_server "$APP" server
	TRACES=none gated "$APP" client "$PORT" load 8000
	[ "$(wc -l <"$TMP/truth")" = 4 ]
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	local kind code count
	for kind in client server; do
		while read -r code count; do
			[ "$(metric "rpc.$kind.call.duration" rpc.response.status_code="$code" rpc.method=oe.test.Echo/Unary)" = "$count" ]
		done <"$TMP/truth"
		[ "$(metric "rpc.$kind.call.duration")" = 8000 ]
	done
	nothing_lost
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
}

@test "Go: streams, messages counted" {
	need_go grpc_go
	start_server "$APP" server
	gated "$APP" client "$PORT" calls 20
	[ "$(wc -l <"$TMP/truth")" = 60 ]
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	local fields=name,rpc.response.status_code,otel_ebpf.rpc.request.message_count,otel_ebpf.rpc.response.message_count
	expect "$TMP/truth" CLIENT "$fields"
	expect "$TMP/truth" SERVER "$fields"
	nothing_lost
}

@test "Python: out of reach; no call is made up, and it is said" {
	need_venv
	start_server "$PY" "$APPS/grpc_py.py" server
	gated "$PY" "$APPS/grpc_py.py" client "$PORT" unary 5
	[ "$(wc -l <"$TMP/truth")" = 5 ]
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
	# one connection, met at both ends
	[ "$(ledger capture.tls plaintext_not_seen)" = 2 ]
	"$BIN" doctor --pid "$TARGET" >"$TMP/doctor" 2>&1
	cat "$TMP/doctor"
	grep -E '^no +TLS .*/cygrpc[^/]*\.so: BoringSSL inside, but without symbols .*: out of reach$' "$TMP/doctor"
}
