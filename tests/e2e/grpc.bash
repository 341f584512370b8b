# SPDX-License-Identifier: Apache-2.0
# Helpers for tests with the gRPC peers of tests/apps/grpc; after lib.bash. OE_CLIENTS_ONLY=1 leaves our program out.

# (deadlines are for grpc_*.bats: a client that is slow to start may give up before anything is on the wire)
SCENARIOS='unary:20 codes:34 streams:5 cancel:3 large:3 metadata:3 unimplemented:2'

# pairs FILE KIND: METHOD CODE of each span of that kind, sorted
pairs() {
	python3 - "$1" "$2" <<-'EOF' | sort
		import json, sys
		for line in open(sys.argv[1]):
		    for rs in json.loads(line).get("resourceSpans", []):
		        for ss in rs["scopeSpans"]:
		            for s in ss["spans"]:
		                a = {x["key"]: x["value"].get("stringValue") for x in s["attributes"]}
		                if s["kind"] == int(sys.argv[2]):
		                    print(a.get("rpc.method_original", a.get("rpc.method")), a.get("rpc.response.status_code"))
	EOF
}

# whole LANG [unix]: 80 calls; server and client watched
whole() {
	local app=$ROOT/tests/tools/grpc_app.sh shell at to
	OUT=$OUT "$app" "$1" build 2>"$TMP/build" || skip "$(tail -1 "$TMP/build")"
	PORT=$(free_port)
	at=$PORT
	to=127.0.0.1:$at
	[ "${2:-}" = unix ] && at=unix:$TMP/sock && to=$at
	OUT=$OUT "$app" "$1" server "$at" >"$TMP/ready" 2>"$TMP/server.err" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 20 grep -q ready "$TMP/ready"
	mkfifo "$TMP/go"
	OUT=$OUT bash -c 'read -r _ <"$1"; for s in $5; do "$2" "$3" client "$4" "${s%:*}" "${s#*:}"; done' \
		_ "$TMP/go" "$app" "$1" "$to" "$SCENARIOS" >"$TMP/calls" 2>"$TMP/client.err" 3>&- &
	shell=$!
	PIDS="$PIDS $shell"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || start_watch --pid "$TARGET" --pid "$shell"
	echo go >"$TMP/go"
	wait "$shell"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || stop_watch 1
	# 20 + 34 + 3 x 5 + 3 + 3 + 3 + 2
	[ "$(wc -l <"$TMP/calls")" = 80 ]
	awk '{ print $1, $2 }' "$TMP/calls" | sort >"$TMP/want"
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	pairs "$TMP/spans.json" 3 >"$TMP/client"
	pairs "$TMP/spans.json" 2 >"$TMP/server"
	diff "$TMP/want" "$TMP/client"
	diff "$TMP/want" "$TMP/server"
	[ "$(metric rpc.server.call.duration)" = 80 ]
	[ "$(metric rpc.client.call.duration)" = 80 ]
	[ "$(ledger requests unknown_bytes_lost)" = 0 ]
	[ "$(ledger stream.events lost)" = 0 ]
	grep -q '"traceId": *"0af7651916cd43dd8448eb211c80319c"' "$TMP/spans.json"
}
