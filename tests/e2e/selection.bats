#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who is watched: --pid with descendants, --exe, --port, --cgroup; present and future. Whole-host selection (--all) is
# left to the virtual machine, since this machine runs other things.
load lib.bash

setup() { common_setup; need_root; }
teardown() {
	common_teardown
	[ -z "${CGROUP:-}" ] || rmdir "$CGROUP" 2>/dev/null || true
}

requests() { # PORT N
	for i in $(seq "$2"); do curl -s -o /dev/null "http://127.0.0.1:$1/ka/$i"; done
}

@test "--pid watches workers that exist and workers that come later" {
	start_nginx 2
	start_watch --pid "$TARGET"
	requests "$PORT" 5
	local old
	old=$(pgrep -P "$TARGET" | sort | tr '\n' ' ')
	kill -HUP "$TARGET" # new workers
	sleep 1
	[ "$(pgrep -P "$TARGET" | sort | tr '\n' ' ')" != "$old" ]
	requests "$PORT" 5
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" = 10 ]
}

@test "only the selected process is seen, not its peer" {
	start_server python3 "$APPS/py_asyncio.py"
	local a=$TARGET aport=$PORT
	start_server python3 "$APPS/py_asyncio.py"
	start_watch --pid "$a"
	requests "$aport" 3
	requests "$PORT" 4
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json")" = 3 ]
}

@test "--exe: waits for what does not run yet, then watches it from its first request" {
	need nginx
	cp "$(command -v nginx)" "$TMP/shopd-$$"
	start_watch --exe "shopd-$$"
	grep -q 'capturing 0 processes.*waiting' "$TMP/watch.err"
	NGINX_BIN=$TMP/shopd-$$ start_nginx 2
	requests "$PORT" 6
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER path=/ka/1)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER service=shopd-$$)" -ge 6 ]
}

@test "--port: the server by its port, whoever it is" {
	start_server python3 "$APPS/py_asyncio.py"
	start_watch --port "$PORT"
	grep -q 'capturing 1 process' "$TMP/watch.err"
	requests "$PORT" 5
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" = 5 ]
}

@test "--cgroup: what runs in a cgroup of its own" {
	local root
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$root" ] || skip "no cgroup v2 here"
	CGROUP=$root/otel-ebpf-test-$$
	mkdir "$CGROUP" || skip "cannot make a cgroup"
	start_server bash -c "echo \$\$ >'$CGROUP/cgroup.procs'; exec python3 '$APPS/py_asyncio.py'"
	local in=$PORT
	start_server python3 "$APPS/py_asyncio.py"
	start_watch --cgroup "$CGROUP"
	requests "$in" 5
	requests "$PORT" 3
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" = 5 ]
}

@test "connections open before the start are picked up" {
	start_server python3 "$APPS/py_asyncio.py"
	python3 - "$PORT" >"$TMP/truth" <<-'EOF' 3>&- &
		import json, socket, sys, time
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		def ask(path):
		    s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
		    s.recv(65536)
		ask("/before/1"); ask("/before/2")
		time.sleep(2.5)
		for i in range(5):
		    ask(f"/after/{i}")
		    print(json.dumps({"method": "GET", "path": f"/after/{i}", "status": 200}), flush=True)
		time.sleep(2)
	EOF
	local client=$!
	PIDS="$PIDS $client"
	sleep 0.4
	start_watch --pid "$TARGET"
	wait "$client" || true
	stop_watch
	expect "$TMP/truth" SERVER
}

@test "a target that dies in mid-request leaves no wrong span" {
	start_server python3 "$APPS/py_http_slow.py"
	start_watch --pid "$TARGET"
	curl -s -o /dev/null "http://127.0.0.1:$PORT/fine"
	curl -s -o /dev/null --max-time 5 "http://127.0.0.1:$PORT/slow" 3>&- &
	local c=$!
	sleep 0.5
	kill -9 "$TARGET"
	wait "$c" || true
	stop_watch 0.5
	[ "$("$SPANS" count "$TMP/spans.json" path=/fine status=200)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" path=/slow status=200)" = 0 ]
	[ "$("$SPANS" count "$TMP/spans.json" path=/slow)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" path=/slow error.type=)" = 0 ]
}

@test "the service's own name wins over the executable's" {
	start_server env OTEL_SERVICE_NAME=checkout OTEL_RESOURCE_ATTRIBUTES=service.namespace=shop,team=a%20b python3 "$APPS/py_asyncio.py"
	start_watch --pid "$TARGET"
	requests "$PORT" 1
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" service=checkout)" = 1 ]
	grep -q '"a b"' "$TMP/spans.json"
}

@test "a client request of a thread that handles a server request is its child" {
	start_server python3 "$ROOT/packaging/demo/service.py"
	start_watch --pid "$TARGET"
	for i in 1 2 3; do curl -s -o /dev/null -d "{\"product\": $i}" "http://127.0.0.1:$PORT/orders"; done
	stop_watch
	SPANS_PY=$SPANS python3 - "$TMP/spans.json" <<-'EOF'
		import os, sys
		ns = {}
		src = open(os.environ["SPANS_PY"]).read().replace("sys.exit(main())", "")
		exec(compile(src, "spans", "exec"), ns)
		spans = list(ns["spans"](sys.argv[1]))
		orders = {s["span"]["spanId"]: s for s in spans if s["path"] == "/orders"}
		calls = [s for s in spans if s["kind"] == "CLIENT"]
		assert len(orders) == 3 and len(calls) == 3, (len(orders), len(calls))
		for c in calls:
		    o = orders[c["span"]["parentSpanId"]]
		    assert o["span"]["traceId"] == c["span"]["traceId"]
	EOF
}
