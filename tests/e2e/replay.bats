#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A recording and a packet capture give the same spans as live capture of the same bytes; replay needs no root.
load lib.bash

setup() { common_setup; need_root; }
teardown() { common_teardown; }

# kind method path status, sorted: what must be the same
shape() { "$SPANS" list "$1" | cut -c1-200 | sort; }

@test "a recording replays to the same spans, without root" {
	start_server python3 "$APPS/py_asyncio.py"
	"$BIN" record --pid "$TARGET" -o "$TMP/rec" 2>"$TMP/rec.err" 3>&- &
	local rec=$!
	PIDS="$PIDS $rec"
	wait_for 10 grep -q capturing "$TMP/rec.err"
	start_watch --pid "$TARGET"
	for s in keepalive pipeline chunked head; do "$APPS/rawclient.py" "127.0.0.1:$PORT" $s 10; done >"$TMP/truth"
	stop_watch 0.5
	kill "$rec"
	wait "$rec"
	chmod a+rx "$TMP" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$OUT" || true
	chmod a+r "$TMP/rec"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN" replay "$TMP/rec" --traces-exporter otlp_file --otlp-file - >"$TMP/replayed.txt"
	grep '^{' "$TMP/replayed.txt" >"$TMP/replayed.json"
	expect "$TMP/truth" SERVER
	shape "$TMP/spans.json" >"$TMP/live.shape"
	shape "$TMP/replayed.json" >"$TMP/replayed.shape"
	diff "$TMP/live.shape" "$TMP/replayed.shape"
	grep -q '"py_asyncio"' "$TMP/replayed.json"
}

@test "a recording that was cut off is used as far as it goes" {
	start_server python3 "$APPS/py_asyncio.py"
	"$BIN" record --pid "$TARGET" -o "$TMP/rec" 2>"$TMP/rec.err" 3>&- &
	local rec=$!
	PIDS="$PIDS $rec"
	wait_for 10 grep -q capturing "$TMP/rec.err"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" keepalive 20 >"$TMP/truth"
	sleep 0.3
	kill "$rec"
	wait "$rec"
	head -c $(($(stat -c %s "$TMP/rec") / 2 + 3)) "$TMP/rec" >"$TMP/cut"
	"$BIN" replay "$TMP/cut" --traces-exporter otlp_file --otlp-file "$TMP/cut.json" >/dev/null 2>"$TMP/err"
	grep -q 'ends in the middle' "$TMP/err"
	local n
	n=$("$SPANS" count "$TMP/cut.json")
	[ "$n" -gt 3 ] && [ "$n" -lt 20 ]
}

# stop_dump PID: ends a capture when its file has stopped to grow; packets that the kernel dropped would make the test lie
stop_dump() {
	local before=0 now=0 still=0
	for _ in $(seq 100); do
		now=$(stat -c %s "$TMP/cap.pcap")
		if [ "$now" -gt 24 ] && [ "$now" = "$before" ]; then still=$((still + 1)); else still=0; fi
		[ $still -ge 5 ] && break
		before=$now
		sleep 0.3
	done
	kill -INT "$1"
	wait "$1" || true
	grep -q '^0 packets dropped by kernel' "$TMP/tcpdump.err"
}

@test "a packet capture gives the same spans as live capture" {
	need tcpdump
	start_server python3 "$APPS/py_asyncio.py"
	tcpdump -i lo -U -s 0 -B 16384 -w "$TMP/cap.pcap" "tcp port $PORT" >/dev/null 2>"$TMP/tcpdump.err" 3>&- &
	local dump=$!
	PIDS="$PIDS $dump"
	wait_for 10 grep -q listening "$TMP/tcpdump.err" || skip "tcpdump cannot capture here: $(cat "$TMP/tcpdump.err")"
	start_watch --pid "$TARGET"
	for s in keepalive pipeline pipeline_bursts slow split chunked head http10 longurl halfclose abort; do
		"$APPS/rawclient.py" "127.0.0.1:$PORT" $s 5
	done >"$TMP/truth"
	stop_watch 0.5
	stop_dump "$dump"
	"$BIN" replay "$TMP/cap.pcap" --traces-exporter otlp_file --otlp-file "$TMP/pcap.json" --body-sizes >/dev/null
	expect "$TMP/truth" SERVER
	shape "$TMP/spans.json" >"$TMP/live.shape"
	shape "$TMP/pcap.json" >"$TMP/pcap.shape"
	diff "$TMP/live.shape" "$TMP/pcap.shape"
}

@test "an independent dissector counts the same requests in the capture" {
	need tcpdump tshark
	start_server python3 "$APPS/py_asyncio.py"
	tcpdump -i lo -U -s 0 -B 16384 -w "$TMP/cap.pcap" "tcp port $PORT" >/dev/null 2>"$TMP/tcpdump.err" 3>&- &
	local dump=$!
	PIDS="$PIDS $dump"
	wait_for 10 grep -q listening "$TMP/tcpdump.err" || skip "tcpdump cannot capture here"
	for s in keepalive pipeline chunked; do "$APPS/rawclient.py" "127.0.0.1:$PORT" $s 20; done >"$TMP/truth"
	sleep 0.5
	stop_dump "$dump"
	"$BIN" replay "$TMP/cap.pcap" --traces-exporter otlp_file --otlp-file "$TMP/pcap.json" >/dev/null
	tshark -r "$TMP/cap.pcap" -d "tcp.port==$PORT,http" -Y http.request -T fields -e http.request.uri 2>/dev/null | tr ',' '\n' | sort >"$TMP/tshark"
	"$SPANS" list "$TMP/pcap.json" | awk '{ print $3 }' | sort >"$TMP/ours"
	diff "$TMP/tshark" "$TMP/ours"
}

@test "HTTP/2 from a packet capture: as many requests as the client sent and the dissector sees" {
	need tcpdump tshark h2load nghttpd
	mkdir -p "$TMP/www"
	echo hello >"$TMP/www/a.txt"
	PORT=$(free_port)
	nghttpd --no-tls -d "$TMP/www" "$PORT" >/dev/null 2>&1 3>&- &
	PIDS="$PIDS $!"
	tcpdump -i lo -U -s 0 -B 16384 -w "$TMP/cap.pcap" "tcp port $PORT" >/dev/null 2>"$TMP/tcpdump.err" 3>&- &
	local dump=$!
	PIDS="$PIDS $dump"
	wait_for 10 grep -q listening "$TMP/tcpdump.err" || skip "tcpdump cannot capture here"
	h2load -n 500 -c 3 -m 20 "http://127.0.0.1:$PORT/a.txt" | grep -q '500 succeeded'
	stop_dump "$dump"
	"$BIN" replay "$TMP/cap.pcap" --traces-exporter otlp_file --otlp-file "$TMP/pcap.json" >/dev/null
	[ "$("$SPANS" count "$TMP/pcap.json")" = 500 ]
	[ "$("$SPANS" list "$TMP/pcap.json" | awk '{ print $2, $3, $4 }' | sort -u)" = "GET /a.txt 200" ]
	[ "$(tshark -r "$TMP/cap.pcap" -d "tcp.port==$PORT,http2" -Y http2.headers.method -T fields -e http2.headers.method 2>/dev/null |
		tr ',' '\n' | grep -c GET)" = 500 ]
}

@test "the committed demo recording shows a service, spans and a RED table" {
	"$BIN" replay "$ROOT/tests/replay/demo.rec" --console-color never >"$TMP/out"
	grep -q 'POST /orders' "$TMP/out"
	grep -q 'SERVICE .*OPERATION' "$TMP/out"
}
