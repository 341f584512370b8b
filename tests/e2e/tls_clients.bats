#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# HTTPS clients of other people against nginx: what its log says is what the spans of the client say, for each request.
load lib.bash
load tls.bash

# nginx with a file of 10 MB
big_nginx() {
	TLS_LISTEN=http2 tls_nginx
	head -c 10000000 /dev/zero >"$TMP/www/big"
}

# requests N [STATUS]: so many are in the server's log, all of them by one VERSION of HTTP
requests() {
	[ "$(wc -l <"$TMP/client.log")" = "$1" ]
	[ -z "${2:-}" ] || [ "$(grep -c "\"network.protocol.version\":\"$2\"" "$TMP/client.log")" = "$1" ]
}

# python LIBRARY N VERSION: N requests of tests/apps/tls/client.py
python() {
	need_tls_python
	big_nginx
	watch_client - go "${PY[@]}" "$TLS_APPS/client.py" "$1" "https://localhost:$PORT"
	requests "$2" "$3"
	called
	[ "$("$SPANS" count "$TMP/spans.json" path=/file/big http.response.body.size=10000000)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" path="/up/$1/big" http.request.body.size=3000000)" = 1 ]
}

# node LIBRARY N VERSION
node_client() {
	need node
	big_nginx
	watch_client - go node "$TLS_APPS/client.js" "$1" "https://localhost:$PORT"
	requests "$2" "$3"
	called
	[ "$("$SPANS" count "$TMP/spans.json" path=/file/big http.response.body.size=10000000)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" path="/up/$1/big" http.request.body.size=3000000)" = 1 ]
}

@test "Python http.client" { python http.client 33 1.1; }
@test "Python urllib3" { python urllib3 33 1.1; }
@test "Python requests" { python requests 33 1.1; }
@test "Python httpx" { python httpx 28 1.1; }
@test "Python httpx, HTTP/2" { python httpx2 28 2; }
@test "Python aiohttp" { python aiohttp 78 1.1; }
@test "Node https" { node_client https 83 1.1; }
@test "Node http2" { node_client http2 78 2; }
@test "Node fetch (undici)" { node_client fetch 78 1.1; }

# curl_plan OPTION BASE: a configuration for curl, several requests on one connection
curl_plan() {
	cat <<-EOF
		$1
		url = "$2/c/[1-20]"
		next
		$1
		url = "$2/missing/[1-3]"
		url = "$2/file/big"
		output = /dev/null
		next
		$1
		compressed
		url = "$2/gz/[1-3]"
		next
		$1
		data = "a=1"
		url = "$2/up/posted"
		next
		$1
		upload-file = "$TMP/www/big"
		url = "$2/up/big"
		next
		$1
		head
		url = "$2/head"
	EOF
}

# curl_client OPTION VERSION
curl_client() {
	big_nginx
	watch_client libssl "$(curl_plan "$1" "https://localhost:$PORT")" curl -sS -K -
	requests 30 "$2"
	called
	[ "$("$SPANS" count "$TMP/spans.json" path=/file/big http.response.body.size=10000000)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" path=/up/big http.request.body.size=10000000)" = 1 ]
}
@test "curl, HTTP/1.1" { curl_client http1.1 1.1; }
@test "curl, HTTP/2" { curl_client http2 2; }
@test "curl, TLS 1.2" { TLS_VERSIONS=TLSv1.2 curl_client http1.1 1.1; }

@test "h2load as a client: 20 connections, HTTP/1.1" {
	TLS_LISTEN=http2 tls_nginx 2
	watch_client libssl "$(seq -f "https://127.0.0.1:$PORT/h/%g" 20)" h2load --h1 -n 3000 -c 20 -i -
	requests 3000 1.1
	called
}
@test "h2load as a client: 20 connections of 10 streams, HTTP/2" {
	TLS_LISTEN=http2 tls_nginx 2
	watch_client libssl "$(seq -f "https://127.0.0.1:$PORT/h/%g" 20)" h2load -n 3000 -c 20 -m 10 -i -
	requests 3000 2
	called
}

@test "GnuTLS: wget" {
	need wget
	ldd "$(command -v wget)" | grep -q libgnutls || skip "wget has no GnuTLS here"
	big_nginx
	watch_client libgnutls "$(seq -f "https://localhost:$PORT/w/%g" 10; echo "https://localhost:$PORT/file/big")" \
		wget -q -O /dev/null --ca-certificate="$TLS_CERTS/ca.pem" -i -
	requests 11 1.1
	called
}
@test "GnuTLS: libcurl-gnutls, HTTP/1.1 and HTTP/2" {
	ldconfig -p | grep -q libcurl-gnutls.so.4 || skip "no libcurl-gnutls here"
	big_nginx
	watch_client - go python3 "$TLS_APPS/dl.py" curl libcurl-gnutls.so.4 "https://localhost:$PORT"
	requests 62
	called
}
@test "GnuTLS: git" {
	need git
	ldd "$(git --exec-path)/git-remote-https" | grep -q libgnutls || skip "git has no GnuTLS here"
	big_nginx
	git init -q --bare "$TMP/www/repo.git"
	git -C "$TMP/www/repo.git" update-server-info
	touch "$TMP/www/repo.git/info/refs"
	GIT_SSL_CAINFO=$TLS_CERTS/ca.pem GIT_CONFIG_GLOBAL=/dev/null \
		watch_client libgnutls $'list\n' "$(git --exec-path)/git-remote-https" origin "https://localhost:$PORT/file/repo.git"
	[ "$(wc -l <"$TMP/client.log")" -ge 2 ]
	called "${CLIENT_VIEW/url.full,/}" # what git asks for is in the query
}
@test "GnuTLS: gnutls-cli, TLS 1.2 and 1.3" {
	need gnutls-cli
	tls_nginx
	local v
	for v in 1.2 1.3; do
		watch_client libgnutls "$(printf 'GET /g/%s HTTP/1.1\r\nHost: localhost:'"$PORT"'\r\n\r\n' 1 2 3)" \
			gnutls-cli --x509cafile "$TLS_CERTS/ca.pem" --priority "NORMAL:-VERS-ALL:+VERS-TLS$v" -p "$PORT" localhost
		requests 3 1.1
		grep -q "\"tls\":\"TLSv$v\"" "$TMP/client.log"
		called
		: >"$TMP/client.log"
	done
}
@test "NSS is none of the libraries we know, whatever its file is called" {
	ldconfig -p | grep -q libcurl-nss.so.4 || skip "no libcurl-nss here"
	tls_nginx
	watch_client - go python3 "$TLS_APPS/dl.py" curl libcurl-nss.so.4 "https://localhost:$PORT" || true
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
}

# openssl_ways N WAYS: from a small program, in each of the ways two requests on each of ten connections
openssl_ways() {
	tls_nginx
	watch_client - go python3 "$TLS_APPS/dl.py" openssl libssl.so.3 "$PORT" 10 "$2"
	requests "$1"
	called
}
@test "OpenSSL: SSL_read and SSL_write, SSL_read_ex and SSL_write_ex" { openssl_ways 40 plain,ex; }
@test "OpenSSL: SSL_peek is no reading; two descriptors of one socket; few bytes a call" { openssl_ways 60 peek,rwfd,small; }
@test "OpenSSL: through BIO_f_ssl: out of reach (docs/tls.md), and nothing is made up" {
	tls_nginx
	watch_client - go python3 "$TLS_APPS/dl.py" openssl libssl.so.3 "$PORT" 10 bio
	requests 20
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
	sound
}

@test "clients with certificates: curl, Python, Node" {
	need_tls_python
	need node
	TLS_MORE="ssl_verify_client on; ssl_client_certificate $TLS_CERTS/ca.pem;" TLS_LISTEN=http2 tls_nginx
	head -c 10000000 /dev/zero >"$TMP/www/big"
	watch_client libssl "$(curl_plan "cert = $TLS_CERTS/client.pem
		key = $TLS_CERTS/client.key" "https://localhost:$PORT")" curl -sS -K -
	requests 30 2
	called
	: >"$TMP/client.log"
	TLS_OPT=mtls watch_client - go "${PY[@]}" "$TLS_APPS/client.py" requests "https://localhost:$PORT"
	requests 33
	called
	: >"$TMP/client.log"
	TLS_OPT=mtls watch_client - go node "$TLS_APPS/client.js" https "https://localhost:$PORT"
	requests 83
	called
}

# two COMMAND...: the client makes 400 requests to each of two servers, up to 50 at a time
two() {
	tls_nginx 2
	watch_client - go "$@" "https://127.0.0.1:$PORT" "https://127.0.0.1:$PORT2"
	requests 800
	called
}
@test "Node: two servers at once, one thread" {
	need node
	two node "$TLS_APPS/client.js" two
}
@test "aiohttp: two servers at once, one thread" {
	need_tls_python
	two "${PY[@]}" "$TLS_APPS/client.py" two_aiohttp
}
@test "httpx, asynchronous: two servers at once, one thread" {
	need_tls_python
	tls_nginx 2
	watch_client - go "${PY[@]}" "$TLS_APPS/client.py" two_httpx "https://127.0.0.1:$PORT" "https://127.0.0.1:$PORT2"
	requests 800
	# its library (anyio) lets others run between encrypting and sending: the socket of a few may stay unknown, none is wrong
	"$SPANS" expect "$TMP/spans.json" "$TMP/client.log" --kind CLIENT --fields "${CLIENT_VIEW/,network.peer.address,network.peer.port/}"
	local port n
	for port in $PORT $PORT2; do
		n=$("$SPANS" count "$TMP/spans.json" kind=CLIENT server.port="$port" network.peer.port="$port")
		echo "$port: $n of 400 with their socket"
		[ "$n" -ge 300 ]
	done
	! "$SPANS" tally "$TMP/spans.json" server.port,network.peer.port kind=CLIENT |
		grep -vE "^[0-9]+ ($PORT ($PORT|None)|$PORT2 ($PORT2|None))\$" || false
	sound
}

# tunnelled N [None]: N requests inside, of each of which the peer is the proxy, or may be unknown
tunnelled() {
	requests "$1"
	"$SPANS" expect "$TMP/spans.json" "$TMP/client.log" --kind CLIENT --only '^url.full=https://[^/]*/' \
		--fields "${CLIENT_VIEW/,network.peer.address,network.peer.port/}"
	! "$SPANS" tally "$TMP/spans.json" network.peer.port,method kind=CLIENT | grep -vE "^[0-9]+ ($PROXY|${2:-$PROXY}) " || false
	sound
}
@test "through a proxy with CONNECT: curl, both ends of the tunnel" {
	big_nginx
	tls_app python3 "$TLS_APPS/proxy.py"
	PROXY=$PORT
	PORT=$(sed -n 's/.*listen 127.0.0.1:\([0-9]*\) ssl.*/\1/p' "$TMP/nginx.conf" | head -1)
	client_waits libssl curl -sS -K -
	start_watch --pid "$CLIENT" --pid "$TARGET" 8>&-
	client_goes "$(curl_plan "proxy = http://127.0.0.1:$PROXY" "https://localhost:$PORT")"
	stop_watch
	tunnelled 30
	[ "$("$SPANS" tally "$TMP/spans.json" kind,method,status,network.protocol.version method=CONNECT)" = \
		$'1 CLIENT CONNECT 200 1.1\n1 SERVER CONNECT 200 1.1' ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER)" = 1 ]
}
@test "through a proxy with CONNECT: aiohttp, 50 tunnels at once" {
	need_tls_python
	big_nginx
	local base=https://localhost:$PORT
	tls_app python3 "$TLS_APPS/proxy.py"
	PROXY=$PORT
	PROXY=http://127.0.0.1:$PORT watch_client - go "${PY[@]}" "$TLS_APPS/client.py" aiohttp "$base"
	tunnelled 78
	[ "$("$SPANS" tally "$TMP/spans.json" method,status,url.scheme method=CONNECT | sed 's/^[0-9]* //')" = 'CONNECT 200 None' ]
}
@test "through a proxy that speaks TLS itself: TLS inside TLS" {
	big_nginx
	local base=https://localhost:$PORT
	tls_app python3 "$TLS_APPS/proxy.py" tls
	PROXY=$PORT
	watch_client libssl "$(curl_plan "proxy = https://127.0.0.1:$PROXY
		proxy-cacert = $TLS_CERTS/ca.pem" "$base")" curl -sS -K -
	tunnelled 30 None
	[ "$("$SPANS" tally "$TMP/spans.json" kind,method,status method=CONNECT)" = '1 CLIENT CONNECT 200' ]
}
