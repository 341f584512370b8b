#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# OTLP to a receiver that decodes with the official definitions; what happens when it fails.
load lib.bash

setup() { common_setup; need_root; }
teardown() { common_teardown; }

start_sink() { # OPTIONS...
	PY=$("$ROOT/tests/tools/venv.sh" 2>"$TMP/venv.err") || skip "no official OTLP definitions: $(tail -1 "$TMP/venv.err")"
	"$PY" "$ROOT/tests/tools/otlp_sink.py" --port 0 --port-file "$TMP/sink.port" --out "$TMP/sink.jsonl" "$@" \
		>"$TMP/sink.out" 2>&1 3>&- &
	SINK=$!
	PIDS="$PIDS $SINK"
	wait_for 15 test -s "$TMP/sink.port"
	SINK_PORT=$(cat "$TMP/sink.port")
}

watch_to() { # PORT OPTIONS...
	local port=$1
	shift
	env OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:$port" OTEL_BSP_SCHEDULE_DELAY=200 "$@" "$BIN" run --pid "$TARGET" -v \
		2>"$TMP/watch.err" 3>&- &
	WATCH=$!
	wait_for 15 grep -q '^otel-ebpf: capturing' "$TMP/watch.err"
}

count() { # JQ-FILTER: lines of the sink that pass
	jq -c "select($1)" "$TMP/sink.jsonl" | wc -l
}

@test "traces and metrics arrive as the official definitions understand them" {
	need jq
	start_sink
	start_server python3 "$APPS/py_asyncio.py"
	watch_to "$SINK_PORT" OTEL_EXPORTER_OTLP_COMPRESSION=gzip
	for i in 1 2 3; do curl -s -o /dev/null -A test/1 "http://127.0.0.1:$PORT/users/$i?token=secret&q=x"; done
	curl -s -o /dev/null "http://127.0.0.1:$PORT/missing"
	stop_watch 0.5
	cat "$TMP/sink.jsonl" | head -3
	[ "$(count '.signal == "error"')" = 0 ]
	[ "$(count '.signal == "span" and .kind == "SERVER" and .name == "GET /users/{id}" and .status == "UNSET"')" = 3 ]
	[ "$(count '.signal == "span" and .attributes."url.query" == "token=REDACTED&q=REDACTED"')" = 3 ]
	[ "$(count '.signal == "span" and .attributes."user_agent.original" == "test/1" and .attributes."http.route" == "/users/{id}" and .attributes."network.protocol.version" == "1.1" and .attributes."url.scheme" == "http" and .attributes."client.address" == "127.0.0.1" and .attributes."server.address" == "127.0.0.1"')" = 3 ]
	[ "$(count '.signal == "span" and .attributes."http.response.status_code" == 404 and .status == "UNSET" and (.attributes | has("error.type") | not)')" = 1 ]
	[ "$(count '.signal == "span" and .resource."service.name" == "py_asyncio" and .resource."telemetry.sdk.name" == "otel-ebpf"')" = 4 ]
	[ "$(jq -s '[.[] | select(.name == "http.server.request.duration") | .count] | add' "$TMP/sink.jsonl")" = 4 ]
	[ "$(count '.name == "http.server.request.duration" and .unit == "s" and .type == "histogram" and (.bounds | length) == 14')" -ge 2 ]
	[ "$(count '.name == "otel_ebpf.capture.io" and .attributes.outcome == "emitted" and .value > 0')" -ge 1 ]
}

@test "a receiver that fails for a while loses nothing" {
	need jq
	start_sink --fail-first 3 --fail-status 503
	start_server python3 "$APPS/py_asyncio.py"
	watch_to "$SINK_PORT"
	for i in $(seq 20); do curl -s -o /dev/null "http://127.0.0.1:$PORT/ka/$i"; done
	stop_watch 6
	[ "$(count '.signal == "span"')" = 20 ]
	[ "$(count '.signal == "error"')" = 0 ]
}

@test "a dead collector: bounded memory, counted drops, an end in time" {
	start_nginx
	local dead rss1 rss2
	dead=$(free_port)
	watch_to "$dead" OTEL_BSP_MAX_QUEUE_SIZE=2048 OTEL_BSP_EXPORT_TIMEOUT=2000 OTEL_EBPF_SHUTDOWN_TIMEOUT=2000
	need wrk
	wrk -t1 -c8 -d2 "http://127.0.0.1:$PORT/" >/dev/null
	rss1=$(awk '/VmRSS/ { print $2 }' "/proc/$WATCH/status")
	wrk -t1 -c8 -d3 "http://127.0.0.1:$PORT/" >/dev/null
	rss2=$(awk '/VmRSS/ { print $2 }' "/proc/$WATCH/status")
	echo "rss $rss1 $rss2"
	[ "$rss2" -lt 65536 ]
	[ "$rss2" -lt $((rss1 + 8192)) ]
	stop_watch 0.2
	grep -q 'queue_full=[1-9]' "$TMP/watch.err"
	# seen = exported + failed + dropped
	local spans full failed
	spans=$(ledger spans emitted)
	full=$(sed -n 's/.*processor.span.processed.*queue_full=\([0-9]*\).*/\1/p' "$TMP/watch.err" | head -1)
	failed=$(sed -n 's/.*exporter.span.exported.*failed=\([0-9]*\).*/\1/p' "$TMP/watch.err" | head -1)
	echo "spans $spans full $full failed $failed"
	[ "$spans" -gt 2048 ]
	[ "$((full + failed))" -le "$spans" ]
	[ "$full" -gt 0 ]
}

@test "SIGTERM flushes what stands in the batch" {
	need jq
	start_sink
	start_server python3 "$APPS/py_asyncio.py"
	watch_to "$SINK_PORT" OTEL_BSP_SCHEDULE_DELAY=60000
	for i in 1 2 3 4 5; do curl -s -o /dev/null "http://127.0.0.1:$PORT/ka/$i"; done
	stop_watch 0.2
	[ "$(count '.signal == "span"')" = 5 ]
}

@test "sampling: a ratio of 0 exports nothing, counts everything" {
	start_server python3 "$APPS/py_asyncio.py"
	start_watch --pid "$TARGET" --traces-sampler traceidratio --traces-sampler-arg 0
	for i in 1 2 3 4 5; do curl -s -o /dev/null "http://127.0.0.1:$PORT/ka/$i"; done
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
	[ "$(metric http.server.request.duration)" = 5 ]
}

@test "a span leaves within a second at low load" {
	start_server python3 "$APPS/py_asyncio.py"
	OTEL_BSP_SCHEDULE_DELAY=500 "$BIN" run --pid "$TARGET" --traces-exporter otlp_file --metrics-exporter none --otlp-file "$TMP/spans.json" \
		2>"$TMP/watch.err" 3>&- &
	WATCH=$!
	wait_for 15 grep -q capturing "$TMP/watch.err"
	curl -s -o /dev/null "http://127.0.0.1:$PORT/ka/1"
	sleep 1.2
	[ "$("$SPANS" count "$TMP/spans.json")" = 1 ]
}
