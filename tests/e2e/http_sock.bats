#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The hard cases of HTTP/1 against real servers. http_syscall.bats is a link to this file: both backends
# must give the same spans, and the file's name says which one is used.
case ${BATS_TEST_FILENAME##*/} in
*_syscall.bats) HOOKS=syscall ;;
*) HOOKS=sock ;;
esac
load lib.bash
setup() { common_setup; need_root; }
teardown() { common_teardown; }

# scenario SERVER-COMMAND... -- SCENARIO N
raw_against() {
	local server=() args
	while [ "$1" != -- ]; do server+=("$1"); shift; done
	shift
	start_server "${server[@]}"
	start_watch --pid "$TARGET"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" "$@" >"$TMP/truth"
	stop_watch 0.4
}

asyncio() { raw_against python3 "$APPS/py_asyncio.py" -- "$@"; expect "$TMP/truth" SERVER; }

@test "keep-alive: 200 requests on one connection" { asyncio keepalive 200; }
@test "pipelining: 100 requests in one write" { asyncio pipeline 100; }
@test "pipelining in bursts of 16" { asyncio pipeline_bursts 160; }
@test "slow sender: one byte per packet" { asyncio slow 3; }
@test "heads split anywhere" { asyncio split 60; }
@test "chunked both ways, with extensions and trailers" { asyncio chunked 20; }
@test "HEAD has no body" { asyncio head 10; }
@test "HTTP/1.0, delimited by close" { asyncio http10 10; }
@test "URLs of 3 and 7 KB" { asyncio longurl; }
@test "Expect: 100-continue" { asyncio expect100 5; }
@test "other methods, known and unknown" { asyncio methods; }
@test "half-closed connections are answered" { asyncio halfclose 10; }
@test "1,000 concurrent connections" { ulimit -n 8192; asyncio many 1000; }

@test "unknown methods are _OTHER with the original beside" {
	raw_against python3 "$APPS/py_asyncio.py" -- methods
	[ "$("$SPANS" count "$TMP/spans.json" http.request.method=_OTHER)" = 2 ]
	[ "$("$SPANS" count "$TMP/spans.json" http.request.method_original=PROPFIND name=HTTP\ /m/propfind)" = 1 ]
}

@test "trace context is continued, a bad one ignored and counted" {
	raw_against python3 "$APPS/py_asyncio.py" -- trace
	expect "$TMP/truth" SERVER
	grep -q '"traceId": *"0af7651916cd43dd8448eb211c80319c"' "$TMP/spans.json"
	grep -q '"parentSpanId": *"b7ad6b7169203331"' "$TMP/spans.json"
	grep -q '"traceState": *"vendor=x"' "$TMP/spans.json"
	[ "$(ledger context.invalid traceparent)" = 1 ]
}

@test "garbage makes no spans" {
	raw_against python3 "$APPS/py_asyncio.py" -- garbage
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
}

@test "aborted requests are not answered and not invented" {
	raw_against python3 "$APPS/py_asyncio.py" -- abort 10
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
}

@test "node: keep-alive, pipelining, chunked" {
	need node
	start_server node "$APPS/node_http.js"
	start_watch --pid "$TARGET"
	for s in keepalive pipeline chunked head split; do
		"$APPS/rawclient.py" "127.0.0.1:$PORT" $s 20 >>"$TMP/truth"
	done
	stop_watch 0.4
	expect "$TMP/truth" SERVER
}

@test "python http.server: curl" {
	mkdir -p "$TMP/www" && echo hi >"$TMP/www/index.html"
	PORT=$(free_port)
	(cd "$TMP/www" && exec python3 -m http.server --bind 127.0.0.1 "$PORT") >/dev/null 2>&1 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$PORT/"
	start_watch --pid "$TARGET"
	for i in 1 2 3 4 5; do
		curl -s -o /dev/null "http://127.0.0.1:$PORT/index.html" && echo '{"method":"GET","path":"/index.html","status":200,"resp_body":3}'
		curl -s -o /dev/null "http://127.0.0.1:$PORT/no/$i" && echo "{\"method\":\"GET\",\"path\":\"/no/$i\",\"status\":404}"
	done >"$TMP/truth"
	stop_watch 0.4
	expect "$TMP/truth" SERVER
	[ "$("$SPANS" count "$TMP/spans.json" path=/index.html http.response.body.size=3)" = 5 ]
}

@test "nginx: keep-alive, pipelining, 1,000 connections, Unix socket" {
	ulimit -n 8192
	start_nginx 2
	start_watch --pid "$TARGET"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" keepalive 200 >"$TMP/truth"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" pipeline 100 >>"$TMP/truth"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" pipeline_bursts 160 >>"$TMP/truth"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" many 1000 >>"$TMP/truth"
	for i in 1 2 3; do
		curl -s -o /dev/null --unix-socket "$TMP/nginx.sock" "http://u/ka/unix$i"
		echo "{\"method\":\"GET\",\"path\":\"/ka/unix$i\",\"status\":200}" >>"$TMP/truth"
	done
	stop_watch 1.5
	expect "$TMP/truth" SERVER
}

@test "nginx: 100 MB by sendfile" {
	start_nginx
	truncate -s 104857600 "$TMP/www/big"
	start_watch --pid "$TARGET"
	curl -s -o /dev/null "http://127.0.0.1:$PORT/big"
	stop_watch 0.5
	[ "$("$SPANS" count "$TMP/spans.json" path=/big http.response.status_code=200 http.response.body.size=104857600)" = 1 ]
}

@test "nginx under wrk: as many spans and histogram counts as lines in the access log" {
	need wrk
	start_nginx
	start_watch --pid "$TARGET"
	wrk -t1 -c32 -d2 "http://127.0.0.1:$PORT/index.html" >"$TMP/wrk"
	stop_watch 1
	kill -QUIT "$TARGET"
	wait "$TARGET" || true
	local n
	n=$(wc -l <"$TMP/access.log")
	[ "$n" -gt 1000 ]
	local hist spans answered
	hist=$(metric http.server.request.duration)
	"$SPANS" tally "$TMP/spans.json" path,status >"$TMP/tally"
	spans=$(awk '$2 == "/index.html" { n += $1 } END { print n + 0 }' "$TMP/tally")
	answered=$(awk '$3 == 200 { n += $1 } END { print n + 0 }' "$TMP/tally")
	echo "log $n, histogram $hist, spans $spans, answered $answered"
	cat "$TMP/watch.err"
	if [ "$(ledger capture.io dropped_ring_full)" = 0 ]; then
		[ "$hist" = "$n" ]
		[ "$spans" = "$n" ]
	else
		# an overloaded machine may lose some, but never silently
		[ "$hist" -lt "$n" ]
		[ "$spans" = "$hist" ]
	fi
	# wrk leaves without waiting for its last 32 answers; nginx logs those as answered
	[ "$answered" -ge $((spans - 32)) ]
}

@test "lighttpd and apache: curl and pipelining" {
	need lighttpd apache2
	mkdir -p "$TMP/www/p" "$TMP/www/ka"
	for i in $(seq 0 99); do echo "file $i" >"$TMP/www/p/$i"; cp "$TMP/www/p/$i" "$TMP/www/ka/$i"; done
	PORT=$(free_port)
	printf 'server.document-root = "%s"\nserver.port = %s\nserver.bind = "127.0.0.1"\nserver.max-keep-alive-requests = 100000\n' "$TMP/www" "$PORT" >"$TMP/lighttpd.conf"
	lighttpd -D -f "$TMP/lighttpd.conf" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$PORT/p/0"
	local aport
	aport=$(free_port)
	cat >"$TMP/apache.conf" <<-EOF
		ServerRoot $TMP
		ServerName test
		Listen 127.0.0.1:$aport
		PidFile $TMP/apache.pid
		ErrorLog $TMP/apache.err
		LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		DocumentRoot $TMP/www
		MaxKeepAliveRequests 0
		Mutex file:$TMP default
		<Directory $TMP/www>
		Require all granted
		</Directory>
	EOF
	chmod -R a+rX "$TMP" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	apache2 -f "$TMP/apache.conf" -DFOREGROUND 3>&- &
	local apache=$!
	PIDS="$PIDS $apache"
	wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$aport/p/0"
	start_watch --pid "$TARGET" --pid "$apache"
	for p in "$PORT" "$aport"; do
		"$APPS/rawclient.py" "127.0.0.1:$p" keepalive 50 >>"$TMP/truth"
		"$APPS/rawclient.py" "127.0.0.1:$p" pipeline 100 >>"$TMP/truth"
	done
	stop_watch 0.5
	expect "$TMP/truth" SERVER
}

@test "every way to move bytes, both ends" {
	for family in tcp4 tcp6 unix; do
		mkfifo "$TMP/go$family"
		"$OUT/tests/apps/iotest" "$family" 12 all <"$TMP/go$family" >"$TMP/io.$family" 3>&- &
		local job=$!
		exec 8>"$TMP/go$family"
		wait_for 5 grep -q ready "$TMP/io.$family"
		rm -f "$TMP/spans.json"
		start_watch --pid "$job"
		echo go >&8
		exec 8>&-
		wait "$job"
		stop_watch 0.4
		expect "$TMP/io.$family" SERVER method,path,status,req_body,resp_body
		expect "$TMP/io.$family" CLIENT method,path,status,req_body,resp_body
	done
}
