#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One clear line each, and the right exit code.
load lib.bash

setup() { common_setup; }
teardown() { common_teardown; }

# fails CODE PATTERN COMMAND...: ends with CODE, says one line that matches on stderr, nothing on stdout
fails() {
	local code=$1 pattern=$2 rc=0
	shift 2
	"$@" >"$TMP/out" 2>"$TMP/err" || rc=$?
	cat "$TMP/err"
	[ "$rc" = "$code" ]
	[ "$(wc -l <"$TMP/err")" = 1 ]
	grep -qE -e "$pattern" "$TMP/err"
	[ ! -s "$TMP/out" ]
}

@test "an unknown option is wrong usage, with the nearest one named" { fails 2 'unknown option .--pidd.: did you mean --pid' "$BIN" run --pidd 1; }
@test "an unknown command" { fails 2 'unknown command .frobnicate.' "$BIN" frobnicate; }
@test "no selection says what to choose" { fails 2 'nothing is selected.*--pid' "$BIN" run; }
@test "a value that is none" { fails 2 'port.*not a whole number' "$BIN" trace --port http; }
@test "a missing value" { fails 2 'pid needs a value' "$BIN" trace --pid; }
@test "replay without a file" { fails 2 'replay needs a FILE' "$BIN" replay; }
@test "replay of a file that is not there" { fails 1 'cannot read /nonexistent' "$BIN" replay /nonexistent; }
@test "replay of something else" { fails 1 'neither a recording nor pcap' "$BIN" replay /etc/hostname; }
@test "record without -o" { fails 2 'record needs -o' "$BIN" record --pid 1; }
@test "grpc is not built and says so" { need_root; fails 1 'grpc is not built yet.*4318' env OTEL_EXPORTER_OTLP_PROTOCOL=grpc "$BIN" run --pid $$; }
@test "port 4317 means grpc" { need_root; fails 1 '4317 means grpc' env OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 "$BIN" run --pid $$; }
@test "a configuration file that is not there" { fails 1 'cannot read configuration file' "$BIN" run --pid 1 --config /nonexistent; }

@test "an unknown pid" {
	need_root
	fails 1 '--pid 4194303: there is no such process' "$BIN" run --pid 4194303
}

@test "a cgroup that is none" {
	need_root
	fails 1 '--cgroup /etc: not a cgroup v2 directory' "$BIN" run --cgroup /etc
}

@test "no privilege" {
	need_root
	need setpriv
	chmod a+rx "$OUT" "$BIN"
	fails 1 'not allowed to load BPF programs.*CAP_BPF' setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$BIN" run --pid $$
}

@test "an output that cannot be written" { need_root; fails 1 'cannot write /nonexistent/x' "$BIN" record --pid $$ -o /nonexistent/x; }

@test "an unreachable endpoint is one line, and the daemon ends in time" {
	need_root
	start_server python3 "$APPS/py_asyncio.py"
	local dead
	dead=$(free_port)
	OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$dead OTEL_BSP_SCHEDULE_DELAY=100 OTEL_EBPF_SHUTDOWN_TIMEOUT=1000 OTEL_METRICS_EXPORTER=none \
		"$BIN" run --pid "$TARGET" 2>"$TMP/watch.err" 3>&- &
	WATCH=$!
	wait_for 10 grep -q capturing "$TMP/watch.err"
	curl -s -o /dev/null "http://127.0.0.1:$PORT/"
	sleep 1
	local t0
	t0=$(date +%s)
	stop_watch 0
	[ $(($(date +%s) - t0)) -le 5 ]
	cat "$TMP/watch.err"
	[ "$(grep -c 'connect to' "$TMP/watch.err")" = 1 ]
}

@test "OTEL_SDK_DISABLED=true watches nothing and is fine" {
	OTEL_SDK_DISABLED=true "$BIN" run --pid $$ 2>"$TMP/err"
	grep -q DISABLED "$TMP/err"
}

@test "doctor says what is and what is not" {
	need_root
	"$BIN" doctor --pid $$ >"$TMP/out"
	grep -q '^ok .*BTF' "$TMP/out"
	grep -q 'Capture is possible' "$TMP/out"
	grep -q 'service.name' "$TMP/out"
}

@test "help and version" {
	"$BIN" --help | grep -q -- '--pid N'
	"$BIN" --version | grep -qE '^otel-ebpf [0-9]'
}
