#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# HTTPS servers of other people under load: what their own logs say is what the spans say, of each request, with the ports of its
# connection.
load lib.bash
load tls.bash

# levels OPTIONS...: 1,500 requests of 20 paths from each of 1, 10 and 100 connections
levels() {
	local c
	for c in 1 10 100; do
		h2load "$@" -n 1500 -c $c -i <(seq -f "https://127.0.0.1:$PORT/$c/%g" 20) >"$TMP/h2load"
		grep -q '1500 succeeded' "$TMP/h2load"
	done
}

# lines FILE: how many there are
lines() { wc -l <"$1"; }

# nginx_exact VERSION LISTEN OPTIONS...: and only the plaintext of it
nginx_exact() {
	TLS_VERSIONS=$1 TLS_LISTEN=$2 tls_nginx 2
	start_watch --pid "$TARGET"
	levels "${@:3}"
	stop_watch 0.5
	[ "$(grep -c "\"tls\":\"$1\"" "$TMP/server.log")" = 4500 ]
	served
	[ "$("$SPANS" count "$TMP/spans.json")" = 4500 ]
	[ "$(metric http.server.request.duration url.scheme=https)" = 4500 ]
}

@test "nginx, TLS 1.2, HTTP/1.1: 4,500 requests" { nginx_exact TLSv1.2 '' --h1; }
@test "nginx, TLS 1.3, HTTP/1.1" { nginx_exact TLSv1.3 '' --h1; }
@test "nginx, TLS 1.2, HTTP/2, 10 streams" { nginx_exact TLSv1.2 http2 -m 10; }
@test "nginx, TLS 1.3, HTTP/2, 100 streams" { nginx_exact TLSv1.3 http2 -m 100; }

@test "nginx under wrk: as many spans as lines in its log" {
	need wrk
	tls_nginx
	start_watch --pid "$TARGET"
	wrk -t1 -c32 -d1 "https://127.0.0.1:$PORT/wrk" >"$TMP/wrk"
	stop_watch 1
	kill -QUIT "$TARGET"
	wait "$TARGET" || true
	local n
	n=$(lines "$TMP/server.log")
	cat "$TMP/wrk"
	[ "$n" -gt 500 ]
	# wrk leaves without waiting for its last 32 answers; nginx logs those as answered
	served method,path,url.scheme,network.peer.address,network.peer.port,server.address,server.port
	[ "$("$SPANS" count "$TMP/spans.json" status=200)" -ge $((n - 32)) ]
}

# a_connection_each: until the time is over; what is still under way then may be answered or not
a_connection_each() {
	wrk -t1 -c8 -d1 -H 'Connection: close' "https://127.0.0.1:$PORT/wrk" >"$TMP/wrk"
	cat "$TMP/wrk"
	stop_watch 0.5
	end_target
	[ "$(lines "$TMP/server.log")" -gt 50 ]
	served method,path,url.scheme,network.peer.address,network.peer.port,server.address,server.port
	[ "$("$SPANS" count "$TMP/spans.json" status=200)" -ge $(($(lines "$TMP/server.log") - 8)) ]
}
@test "a connection for each request, 8 at a time: nginx" {
	need wrk
	tls_nginx
	start_watch --pid "$TARGET"
	a_connection_each
}
@test "a connection for each request, 8 at a time: Node" {
	need wrk node
	tls_app node "$TLS_APPS/server.js" https
	start_watch --pid "$TARGET"
	a_connection_each
}
@test "a connection for each request, 8 at a time: aiohttp" {
	need wrk
	need_tls_python
	tls_app "${PY[@]}" "$TLS_APPS/server.py" aiohttp
	start_watch --pid "$TARGET"
	a_connection_each
}

@test "nginx: by name, by IPv6, by name only the handshake knows; missing, HEAD, POST, chunks" {
	tls_nginx
	start_watch --pid "$TARGET"
	curl -s -o /dev/null "https://localhost:$PORT/name"
	curl -s -o /dev/null "https://127.0.0.1:$PORT/missing/1" -I "https://127.0.0.1:$PORT/head"
	curl -s -o /dev/null -d a=1 "https://127.0.0.1:$PORT/posted"
	curl -s -o /dev/null --compressed "https://127.0.0.1:$PORT/gz/1"
	curl -s -o /dev/null --http1.0 "https://127.0.0.1:$PORT/old"
	curl -s -o /dev/null -H 'Host: shop.test:8443' "https://127.0.0.1:$PORT/other"
	stop_watch
	[ "$(lines "$TMP/server.log")" = 7 ]
	sed 's/"shop.test","server.port":[0-9]*/"shop.test","server.port":8443/' "$TMP/server.log" >"$TMP/truth"
	expect "$TMP/truth" SERVER "$SERVER_VIEW"
	sound
	grep -q '^listen .::1' <(sed 's/^[[:space:]]*//' "$TMP/nginx.conf") || skip "no ::1 here"
	rm "$TMP/spans.json"
	start_watch --pid "$TARGET"
	curl -s -o /dev/null "https://[::1]:$PORT/six"
	stop_watch
	[ "$("$SPANS" tally "$TMP/spans.json" path,status,server.address,server.port,network.peer.address)" = "1 /six 200 ::1 $PORT ::1" ]
	tail -1 "$TMP/server.log" >"$TMP/last"
	expect "$TMP/last" SERVER path,network.peer.port
}

@test "nginx: clients with certificates, and one without" {
	TLS_MORE="ssl_verify_client on; ssl_client_certificate $TLS_CERTS/ca.pem;" tls_nginx
	start_watch --pid "$TARGET"
	for i in 1 2 3; do
		curl -s -o /dev/null --cert "$TLS_CERTS/client.pem" --key "$TLS_CERTS/client.key" "https://127.0.0.1:$PORT/mine/$i"
	done
	[ "$(curl -s -o /dev/null -w '%{http_code}' "https://127.0.0.1:$PORT/nobody")" = 400 ]
	stop_watch
	[ "$(grep -c '"status":200' "$TMP/server.log")" = 3 ]
	served
}

@test "nginx: an answer that nobody reads, then another request" {
	TLS_MORE="location /big/ { rewrite ^ /file/big break; root $TMP/www; }" tls_nginx
	mkdir -p "$TMP/www/file"
	truncate -s 8000000 "$TMP/www/file/big"
	start_watch --pid "$TARGET"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" slowread 3 >"$TMP/truth"
	stop_watch
	[ "$(grep -c '"status": 200' "$TMP/truth")" = 6 ]
	expect "$TMP/truth" SERVER
	served "${SERVER_VIEW%,*}" # the host was named without a port
	[ "$("$SPANS" count "$TMP/spans.json" http.response.body.size=8000000)" = 3 ]
}

@test "nginx: requests in early data (0-RTT)" {
	need openssl
	TLS_VERSIONS=TLSv1.3 TLS_MORE='ssl_early_data on;' tls_nginx
	early() { # PATH OPTIONS...: one connection; what it says
		local input=$TMP/early
		printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$1" "$PORT" >"$TMP/early"
		[[ " $* " = *' -early_data '* ]] && input=/dev/null
		timeout 10 openssl s_client -connect "127.0.0.1:$PORT" -CAfile "$TLS_CERTS/ca.pem" -ign_eof "${@:2}" <"$input"
	}
	start_watch --pid "$TARGET"
	for i in 1 2 3; do
		early "/late/$i" -sess_out "$TMP/session" >"$TMP/first" 2>&1
		early "/early/$i" -sess_in "$TMP/session" -early_data "$TMP/early" >"$TMP/second" 2>&1
		grep -q 'Early data was accepted' "$TMP/second"
		grep -q '^answered' "$TMP/second"
	done
	stop_watch
	[ "$(lines "$TMP/server.log")" = 6 ]
	served
}

@test "nginx with TLS in the kernel" {
	python3 - <<-EOF || skip "this kernel has no TLS of its own (TCP_ULP)"
		import socket
		a, b = socket.socket(), socket.socket()
		a.bind(("127.0.0.1", 0))
		a.listen()
		b.connect(a.getsockname())
		b.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
	EOF
	TLS_MORE='ssl_conf_command Options KTLS;' tls_nginx
	head -c 10000000 /dev/urandom >"$TMP/www/big"
	start_watch --pid "$TARGET"
	curl -s -o /dev/null "https://127.0.0.1:$PORT/file/big" "https://127.0.0.1:$PORT/after"
	h2load --h1 -n 500 -c 10 "https://127.0.0.1:$PORT/ktls" | grep -q '500 succeeded'
	stop_watch
	served
	[ "$("$SPANS" count "$TMP/spans.json" path=/file/big http.response.body.size=10000000)" = 1 ]
}

@test "nginx: 50 MB beside small requests: heads are copied, bodies are not" {
	tls_nginx 2
	truncate -s 50000000 "$TMP/www/big"
	start_watch --pid "$TARGET"
	curl -s -o /dev/null "https://127.0.0.1:$PORT/file/big" 3>&- &
	local big=$!
	h2load --h1 -n 500 -c 5 "https://127.0.0.1:$PORT/small" | grep -q '500 succeeded'
	wait "$big"
	stop_watch
	[ "$(lines "$TMP/server.log")" = 501 ]
	served
	[ "$("$SPANS" count "$TMP/spans.json" path=/file/big http.response.body.size=50000000)" = 1 ]
	[ "$(ledger capture.io.size copied)" -lt 4000000 ]
}

apache_exact() { # PROTOCOLS OPTIONS...
	tls_apache "$1"
	start_watch --pid "$TARGET"
	levels "${@:2}"
	curl -s -o /dev/null "https://127.0.0.1:$PORT/a.txt"
	stop_watch 0.5
	[ "$(lines "$TMP/apache.log")" = 4501 ]
	apache_truth
	served
}
@test "Apache, HTTP/1.1" { apache_exact http/1.1 --h1; }
@test "Apache, HTTP/2, 10 streams" { apache_exact 'h2 http/1.1' -m 10; }

# app_exact LOAD-OPTIONS -- COMMAND...: servers that write what they did; with bodies of both sizes
app_exact() {
	local options=() v=1.1
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	[[ ${options[0]} = --h1 ]] || v=2
	shift
	tls_app "$@"
	start_watch --pid "$TARGET"
	levels "${options[@]}"
	head -c 10000000 /dev/zero >"$TMP/up"
	curl -s -o /dev/null -T "$TMP/up" "https://127.0.0.1:$PORT/up"
	curl -s -o /dev/null "https://127.0.0.1:$PORT/big/10000000" "https://127.0.0.1:$PORT/missing" "https://127.0.0.1:$PORT/chunk/1"
	stop_watch 0.5
	end_target
	[ "$(lines "$TMP/server.log")" = 4504 ]
	[ "$(grep -c "\"network.protocol.version\": *\"$v\"" "$TMP/server.log")" = 4504 ]
	served "$SERVER_VIEW,req_body"
	[ "$("$SPANS" count "$TMP/spans.json" path=/big/10000000 http.response.body.size=10000000)" = 1 ]
}
node_exact() { # SERVER LOAD-OPTIONS...
	need node
	app_exact "${@:2}" -- node "$TLS_APPS/server.js" "$1"
}
@test "Node https" { node_exact https --h1; }
@test "Node http2" { node_exact http2 -m 10; }
@test "Node https, TLS 1.2" { TLS_OPT=tls12 node_exact https --h1; }
@test "Python http.server: a thread for each connection" { app_exact --h1 -- python3 "$TLS_APPS/server.py" threads; }
@test "Python aiohttp" {
	need_tls_python
	app_exact --h1 -- "${PY[@]}" "$TLS_APPS/server.py" aiohttp
}

# gateway COMMAND...: a server on one thread that asks three others, two by TLS and one without, all at the same time
gateway() {
	tls_nginx
	start_server env TRUTH="$TMP/truth" "$@" "https://127.0.0.1:$PORT" "https://127.0.0.1:$PORT2" "http://127.0.0.1:$PLAIN"
	start_watch --pid "$TARGET"
	h2load --h1 -n 600 -c 30 -i <(seq -f "https://127.0.0.1:$PORT/gate/%g" 20) | grep -q '600 succeeded'
	stop_watch 0.5
	end_target
	[ "$(lines "$TMP/client.log")" = 1800 ]
	expect "$TMP/truth" SERVER "$SERVER_VIEW"
	called
}
@test "Node: a gateway to servers with and without TLS" {
	need node
	gateway node "$TLS_APPS/server.js" https
}
@test "aiohttp: a gateway to servers with and without TLS" {
	need_tls_python
	gateway "${PY[@]}" "$TLS_APPS/server.py" aiohttp
}

@test "Node and Python: clients with certificates only" {
	need node
	local n
	for n in node python3; do
		if [ $n = node ]; then
			TLS_OPT=mtls tls_app node "$TLS_APPS/server.js" https
		else
			TLS_OPT=mtls tls_app python3 "$TLS_APPS/server.py" threads
		fi
		start_watch --pid "$TARGET"
		for i in 1 2 3; do
			curl -s -o /dev/null --cert "$TLS_CERTS/client.pem" --key "$TLS_CERTS/client.key" "https://127.0.0.1:$PORT/mine/$i"
			! curl -s -o /dev/null "https://127.0.0.1:$PORT/nobody/$i" || false
		done
		stop_watch
		end_target
		[ "$(lines "$TMP/server.log")" = 3 ]
		served
		rm "$TMP/spans.json" "$TMP/port"
	done
}

# raw SCENARIOS -- COMMAND...: against one server, all of them
raw() {
	local scenarios=()
	while [ "$1" != -- ]; do scenarios+=("$1"); shift; done
	shift
	start_server "$@"
	start_watch --pid "$TARGET"
	for s in "${scenarios[@]}"; do
		# shellcheck disable=SC2086
		"$APPS/rawclient.py" "127.0.0.1:$PORT" ${s/:/ } >>"$TMP/truth"
	done
	stop_watch
	expect "$TMP/truth" SERVER
	sound
}
@test "Python asyncio: the hard cases of HTTP/1" {
	raw keepalive:100 pipeline:100 pipeline_bursts:160 slow:2 split:30 chunked:10 head:10 http10:10 longurl expect100:3 methods \
		many:100 -- python3 "$APPS/py_asyncio.py"
}
@test "answers that nobody reads, then another request" {
	need node
	raw slowread:2 -- node "$TLS_APPS/server.js" https
	raw slowread:2 -- python3 "$TLS_APPS/server.py" threads
}
@test "what is no HTTP inside TLS makes no spans" {
	start_server python3 "$APPS/py_asyncio.py"
	start_watch --pid "$TARGET"
	"$APPS/rawclient.py" "127.0.0.1:$PORT" garbage
	"$APPS/rawclient.py" "127.0.0.1:$PORT" abort
	(unset TLS_CERTS; "$APPS/rawclient.py" "127.0.0.1:$PORT" garbage) # nor what is no TLS
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
}

@test "Node, both ends of HTTP/2: bodies, trailers, hints, push, resets, WebSocket, large heads" {
	need node
	start_server node "$APPS/node_http2.js" server
	mkfifo "$TMP/go"
	bash -c 'read -r _ <"$1"; for s in many:200 bodies trailers hints push reset websocket headers:10; do
		node "$2" client "$3" ${s/:/ }; done' _ "$TMP/go" "$APPS/node_http2.js" "$PORT" >"$TMP/truth" 3>&- &
	local shell=$!
	PIDS="$PIDS $shell"
	start_watch --pid "$TARGET" --pid "$shell"
	echo go >"$TMP/go"
	wait "$shell"
	stop_watch
	expect "$TMP/truth" SERVER
	expect "$TMP/truth" CLIENT
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER url.scheme=https)" = "$(grep -c '^{' "$TMP/truth")" ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=CLIENT network.peer.port="$PORT")" = "$(grep -c '^{' "$TMP/truth")" ]
	sound
}

@test "a handshake in mid-connection (renegotiation, TLS 1.2), both ends" {
	need openssl
	TLS_OPT=tls12,renegotiate tls_app python3 "$TLS_APPS/server.py" threads
	client_waits libssl openssl s_client -connect "127.0.0.1:$PORT" -CAfile "$TLS_CERTS/ca.pem" -crlf
	start_watch --pid "$TARGET" --pid "$CLIENT" 8>&-
	for i in 1 2 3; do
		printf 'GET /reneg/%s HTTP/1.1\nHost: 127.0.0.1:%s\n\n' $i "$PORT" >&8
		wait_for 5 grep -q "hello /reneg/$i" "$TMP/out"
		echo R >&8
		sleep 0.2
	done
	printf 'GET /reneg/last HTTP/1.1\nHost: 127.0.0.1:%s\nConnection: close\n\n' "$PORT" >&8
	wait_for 5 grep -q 'hello /reneg/last' "$TMP/out"
	exec 8>&-
	wait "$CLIENT" || true # the server ends without a word
	[ "$(grep -c '^RENEGOTIATING' "$TMP/client.err" "$TMP/out" | awk -F: '{ n += $2 } END { print n }')" = 3 ]
	stop_watch
	end_target
	[ "$(lines "$TMP/server.log")" = 4 ]
	served
	expect "$TMP/server.log" CLIENT method,path,status,server.port
}

@test "OpenSSL's own server, which reads and writes through BIO_f_ssl: out of reach (docs/tls.md), and nothing is made up" {
	need openssl
	PORT=$(free_port)
	mkdir -p "$TMP/www"
	echo hello >"$TMP/www/a.txt"
	(cd "$TMP/www" &&
		exec openssl s_server -accept "127.0.0.1:$PORT" -cert "$TLS_CERTS/server.pem" -key "$TLS_CERTS/server.key" -WWW) \
		>/dev/null 2>&1 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null "https://127.0.0.1:$PORT/a.txt"
	start_watch --pid "$TARGET"
	for i in 1 2 3 4 5; do
		curl -s -o /dev/null "https://127.0.0.1:$PORT/a.txt"
	done
	stop_watch
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
	sound
}
