#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# HTTP/2 against real servers and clients. http2_syscall.bats is a link to this file, for the other backend.
case ${BATS_TEST_FILENAME##*/} in
*_syscall.bats) HOOKS=syscall ;;
*) HOOKS=sock ;;
esac
load lib.bash
setup() { common_setup; need_root; }
teardown() { common_teardown; }

# only N METHOD PATH STATUS: the server's spans are N of these, and there are no others
only() { [ "$("$SPANS" tally "$TMP/spans.json" kind,method,path,status)" = "$1 SERVER $2 $3 $4" ]; }

sound() { # nothing was lost, nothing is left over
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
	[ "$(ledger requests unknown_bytes_lost)" = 0 ]
	[ "$(ledger stream.events lost)" = 0 ]
}

# node_both ROLE SCENARIO [N]: watches Node's server or client
node_both() {
	need node
	start_server node "$APPS/node_http2.js" server
	if [ "$1" = SERVER ]; then
		start_watch --pid "$TARGET"
		node "$APPS/node_http2.js" client "$PORT" "${@:2}" >"$TMP/truth"
	else
		# a shell of its own, so that the client is a descendant of what is watched
		mkfifo "$TMP/go"
		bash -c 'read -r _ <"$1"; node "$2" client "$3" "${@:4}"' _ "$TMP/go" "$APPS/node_http2.js" "$PORT" "${@:2}" >"$TMP/truth" 3>&- &
		local shell=$!
		PIDS="$PIDS $shell"
		start_watch --pid "$shell"
		echo go >"$TMP/go"
		wait "$shell"
	fi
	stop_watch 0.4
}

node_exact() { # SCENARIO [N]: as server and as client
	local fields=method,path,status
	[ "$1" = reset ] && fields=$fields,error.type
	node_both SERVER "$@"
	expect "$TMP/truth" SERVER $fields
	sound
	[ "$("$SPANS" count "$TMP/spans.json" network.protocol.version=2)" = "$("$SPANS" count "$TMP/spans.json")" ]
	rm "$TMP/spans.json"
	node_both CLIENT "$@"
	expect "$TMP/truth" CLIENT $fields
	sound
}

@test "h2load, one stream: 20,000 requests" {
	start_nghttpd
	start_watch --pid "$TARGET"
	h2load -n 20000 -c 4 -m 1 "http://127.0.0.1:$PORT/a.txt" | grep -q '20000 succeeded'
	stop_watch
	only 20000 GET /a.txt 200
	sound
}

@test "h2load, 100 streams: 100,000 requests, every one a span" {
	start_nghttpd
	start_watch --pid "$TARGET"
	h2load -n 100000 -c 4 -m 100 "http://127.0.0.1:$PORT/a.txt" | grep -q '100000 succeeded'
	stop_watch 1
	only 100000 GET /a.txt 200
	[ "$(metric http.server.request.duration http.response.status_code=200)" = 100000 ]
	sound
}

@test "nginx: as many requests as its access log has" {
	NGINX_LISTEN=http2 start_nginx
	start_watch --pid "$TARGET"
	h2load -n 20000 -c 5 -m 10 "http://127.0.0.1:$PORT/many/x" | grep -q '20000 succeeded'
	curl -s -o /dev/null --http2-prior-knowledge "http://127.0.0.1:$PORT/index.html"
	curl -s -o /dev/null --http2-prior-knowledge "http://127.0.0.1:$PORT/nothing?q=1"
	curl -s -o /dev/null --http2-prior-knowledge -d a=1 "http://127.0.0.1:$PORT/ka/1" || true # answered, then reset
	curl -s -o /dev/null --http2-prior-knowledge -I "http://127.0.0.1:$PORT/index.html"
	stop_watch
	sort "$TMP/access.log" >"$TMP/want"
	"$SPANS" list "$TMP/spans.json" | awk '{ print $2, $3, $4 }' | sort >"$TMP/got"
	diff <(uniq -c "$TMP/want") <(uniq -c "$TMP/got")
	sound
}

@test "nghttp: padding, priorities, a body, continuation of nothing else" {
	need nghttp
	start_nghttpd
	head -c 100000 /dev/urandom >"$TMP/www/b.bin"
	start_watch --pid "$TARGET"
	nghttp -n -b 200 "http://127.0.0.1:$PORT/a.txt" "http://127.0.0.1:$PORT/nothing"
	nghttp -n -d "$TMP/www/b.bin" -p 7 "http://127.0.0.1:$PORT/a.txt"
	nghttp -n -w 20 -W 20 "http://127.0.0.1:$PORT/b.bin"
	stop_watch
	[ "$("$SPANS" list "$TMP/spans.json" | awk '{ print $2, $3, $4 }' | sort | tr '\n' ,)" = \
		"GET /a.txt 200,GET /b.bin 200,GET /nothing 404,POST /a.txt 200," ]
	[ "$("$SPANS" count "$TMP/spans.json" path=/b.bin http.response.body.size=100000)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" method=POST http.request.body.size=100000)" = 1 ]
	sound
}

@test "Apache: prior knowledge, and HTTP/1.1 upgraded" {
	need apache2 nghttp
	[ -e /usr/lib/apache2/modules/mod_http2.so ] || skip "no mod_http2"
	PORT=$(free_port)
	mkdir -p "$TMP/www"
	echo hello >"$TMP/www/a.txt"
	cat >"$TMP/httpd.conf" <<-EOF
		ServerRoot $TMP
		PidFile $TMP/httpd.pid
		ErrorLog $TMP/httpd.err
		Listen 127.0.0.1:$PORT
		ServerName x
		LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
		Protocols h2c http/1.1
		H2Direct on
		H2Upgrade on
		DocumentRoot $TMP/www
	EOF
	apache2 -f "$TMP/httpd.conf" -X 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null "http://127.0.0.1:$PORT/a.txt"
	start_watch --pid "$TARGET"
	for i in 1 2 3; do
		[ "$(curl -s --http2 -o /dev/null -w '%{http_version} %{http_code}' "http://127.0.0.1:$PORT/a.txt")" = '2 200' ]
		[ "$(curl -s --http2 -o /dev/null -w '%{http_version} %{http_code}' "http://127.0.0.1:$PORT/nope/$i")" = '2 404' ]
	done
	nghttp -n -u "http://127.0.0.1:$PORT/a.txt"
	curl -s --http2-prior-knowledge -o /dev/null "http://127.0.0.1:$PORT/prior"
	curl -s --http1.1 -o /dev/null "http://127.0.0.1:$PORT/plain"
	stop_watch
	[ "$("$SPANS" list "$TMP/spans.json" | awk '{ print $2, $3, $4 }' | sort | uniq -c | awk '{ print $1, $3, $4 }' | tr '\n' ,)" = \
		"4 /a.txt 200,1 /nope/1 404,1 /nope/2 404,1 /nope/3 404,1 /plain 404,1 /prior 404," ]
	sound
}

@test "Node: 500 requests at once, statuses of all kinds" { node_exact many 500; }
@test "Node: bodies of every size, interleaved" {
	node_both SERVER bodies
	expect "$TMP/truth" SERVER method,path,status,req_body,resp_body
	rm "$TMP/spans.json"
	node_both CLIENT bodies
	expect "$TMP/truth" CLIENT method,path,status,req_body,resp_body
	sound
}
@test "Node: trailers" { node_exact trailers; }
@test "Node: 103 Early Hints belongs to its request" { node_exact hints; }
@test "Node: a pushed response is no request" { node_exact push; }
@test "Node: streams that are reset" { node_exact reset; }
@test "Node: WebSocket by extended CONNECT" { node_exact websocket; }
@test "Node: header blocks of 25 KiB" { node_exact headers 20; }

@test "trace context in the header is continued" {
	node_both SERVER traced
	expect "$TMP/truth" SERVER
	grep -q '"traceId": *"0af7651916cd43dd8448eb211c80319c"' "$TMP/spans.json"
	grep -q '"parentSpanId": *"b7ad6b7169203331"' "$TMP/spans.json"
}

@test "met in mid-connection: status at once, path right or unknown, what is new is known" {
	need node
	start_server node "$APPS/node_http2.js" server
	node "$APPS/node_http2.js" client "$PORT" steady 4 >"$TMP/truth" 3>&- &
	local client=$!
	PIDS="$PIDS $client"
	sleep 1.5
	start_watch --pid "$TARGET"
	wait "$client"
	stop_watch
	local all new
	all=$("$SPANS" count "$TMP/spans.json" kind=SERVER method=GET status=200)
	[ "$all" -gt 20 ]
	[ "$all" = "$("$SPANS" count "$TMP/spans.json")" ]
	# no path that was not asked for
	"$SPANS" list "$TMP/spans.json" | awk '{ print $3 }' | grep -v '^None$' | sort -u >"$TMP/paths"
	grep -o '"path":"[^"]*"' "$TMP/truth" | cut -d'"' -f4 | sort -u >"$TMP/asked"
	[ -z "$(comm -23 "$TMP/paths" "$TMP/asked")" ]
	# every new path from the first span on: they were new on the wire
	new=$(grep -c '^/new/' "$TMP/paths")
	[ "$new" -ge $((all / 2 - 1)) ]
	grep -q '"otel_ebpf.unknown"' "$TMP/spans.json"
	[ "$(ledger stream.events lost)" = 0 ]
}

@test "met in mid-connection under load" {
	start_nghttpd
	h2load -D 4 -c 3 -m 10 "http://127.0.0.1:$PORT/a.txt" >"$TMP/load" 3>&- &
	local client=$!
	PIDS="$PIDS $client"
	sleep 1
	start_watch --pid "$TARGET" --traces-sampler traceidratio --traces-sampler-arg 0.01
	wait "$client"
	stop_watch
	[ "$(metric http.server.request.duration)" -gt 10000 ]
	[ "$(metric http.server.request.duration)" = "$(metric http.server.request.duration http.response.status_code=200)" ]
	! "$SPANS" list "$TMP/spans.json" | awk '$2 != "GET" || ($3 != "/a.txt" && $3 != "None") || $4 != 200' | grep . || false
	[ "$(ledger stream.events lost)" = 0 ]
}

@test "100 MB over one stream beside small requests: heads are copied, DATA is not" {
	start_nghttpd
	head -c 100000000 /dev/urandom >"$TMP/www/big.bin"
	start_watch --pid "$TARGET"
	nghttp -n -w 24 -W 24 "http://127.0.0.1:$PORT/big.bin" 3>&- &
	local big=$!
	PIDS="$PIDS $big"
	h2load -n 1000 -c 2 -m 1 "http://127.0.0.1:$PORT/a.txt" | grep -q '1000 succeeded'
	wait "$big"
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" path=/a.txt status=200)" = 1000 ]
	[ "$("$SPANS" count "$TMP/spans.json" path=/big.bin http.response.body.size=100000000)" = 1 ]
	[ "$(ledger capture.io.size copied)" -lt 4000000 ]
	sound
}

@test "HTTP/1 servers are not taken for HTTP/2, nor the other way" {
	start_nginx
	start_watch --pid "$TARGET"
	curl -s -o /dev/null --http2-prior-knowledge "http://127.0.0.1:$PORT/index.html" || true # nginx answers 400 in HTTP/1
	curl -s -o /dev/null "http://127.0.0.1:$PORT/index.html"
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json" network.protocol.version=1.1 status=200)" = 1 ]
	# what the client sent was an HTTP/2 request; its answer was none
	[ "$("$SPANS" count "$TMP/spans.json" network.protocol.version=2 status=None error.type=connection_closed)" = \
		"$("$SPANS" count "$TMP/spans.json" network.protocol.version=2)" ]
}
