# SPDX-License-Identifier: Apache-2.0
# Helpers for tests with TLS; after lib.bash. Servers write a line of JSON for each request, with the names of the attributes that
# its span should have: what `expect` compares.

TLS_APPS=$APPS/tls
SERVER_VIEW=method,path,status,url.scheme,network.protocol.version,network.peer.address,network.peer.port,server.address,server.port
CLIENT_VIEW=method,path,status,url.full,network.protocol.version,network.peer.address,network.peer.port,server.address,server.port

# need_certs: for setup_file too; sets TLS_CERTS, a directory that tests/tools/tls_certs.sh fills
need_certs() {
	export TLS_CERTS=$BATS_RUN_TMPDIR/tls_certs
	"$ROOT/tests/tools/tls_certs.sh" "$TLS_CERTS"
	export CURL_CA_BUNDLE=$TLS_CERTS/ca.pem NODE_EXTRA_CA_CERTS=$TLS_CERTS/ca.pem
}

# what each of the files does
setup_file() {
	ask_once
	need_certs
}
setup() { common_setup; need_root; }
teardown() { common_teardown; }

# need_tls_python: sets PY, an array
need_tls_python() {
	local line
	line=$(OUT=$OUT "$ROOT/tests/tools/tls_app.sh" 2>"$TMP/app.err") || skip "$(tail -1 "$TMP/app.err")"
	read -r -a PY <<<"$line"
}

# tls_nginx [WORKERS]: TLS on PORT and PORT2 of 127.0.0.1, on PORT of ::1 where there is one, no TLS on PLAIN, and a server that is
# not logged behind /up/, which reads bodies. Sets TARGET. What clients should see in $TMP/client.log, servers in $TMP/server.log.
#   TLS_VERSIONS: TLSv1.2 TLSv1.3; TLS_LISTEN: http2; TLS_MORE: lines for the server
tls_nginx() {
	need nginx
	PORT=$(free_port)
	PORT2=$(free_port)
	PLAIN=$(free_port)
	mkdir -p "$TMP/www"
	echo 'hello from a file' >"$TMP/www/index.html"
	local v6=''
	grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null && v6="listen [::1]:$PORT ssl $TLS_LISTEN;"
	local names='"method":"$request_method","path":"$path","status":$status,"url.scheme":"$scheme",'
	names+='"url.full":"$scheme://$http_host$path","network.protocol.version":"$version",'
	names+='"server.address":"$host","server.port":$server_port,"tls":"$ssl_protocol"'
	cat >"$TMP/nginx.conf" <<-EOF
		$(nginx_main "${1:-}")
		http {
			$(nginx_temps)
			map \$request_uri \$path { ~^(?<p>[^?]*) \$p; }
			map \$server_protocol \$version { HTTP/2.0 2; ~/(?<v>.*)$ \$v; }
			log_format server '{$names,"network.peer.address":"\$remote_addr","network.peer.port":\$remote_port}';
			log_format client '{$names,"network.peer.address":"\$server_addr","network.peer.port":\$server_port}';
			access_log $TMP/server.log server;
			access_log $TMP/client.log client;
			client_max_body_size 0;
			ssl_certificate $TLS_CERTS/server.pem;
			ssl_certificate_key $TLS_CERTS/server.key;
			ssl_protocols ${TLS_VERSIONS:-TLSv1.2 TLSv1.3};
			ssl_session_cache shared:a:1m;
			server {
				listen 127.0.0.1:$PORT ssl $TLS_LISTEN;
				listen 127.0.0.1:$PORT2 ssl $TLS_LISTEN;
				listen 127.0.0.1:$PLAIN;
				$v6
				root $TMP/www;
				location / { return 200 "answered\n"; }
				location /file { alias $TMP/www/; }
				location /missing { return 404; }
				location /gz/ { rewrite ^ /index.html break; gzip on; gzip_types *; gzip_min_length 1; }
				location /up/ { proxy_pass http://unix:$TMP/up.sock; }
				location /ready { access_log off; return 204; }
				$TLS_MORE
			}
			server {
				listen unix:$TMP/up.sock;
				access_log off;
				return 200 "taken\n";
			}
		}
	EOF
	"${NGINX_BIN:-nginx}" -c "$TMP/nginx.conf" 3>&- 8>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null "https://127.0.0.1:$PORT/ready" || {
		cat "$TMP/nginx.err" >&2
		return 1
	}
	: >"$TMP/server.log"
	: >"$TMP/client.log"
	kill -USR1 "$TARGET"
}

# tls_apache PROTOCOLS: h2 http/1.1; sets TARGET, PORT; $TMP/server.log as of nginx
tls_apache() {
	need apache2
	local json='{"method":"%m","path":"%U","status":%>s,"url.scheme":"https","network.protocol.version":"%H",'
	json+='"network.peer.address":"%a","network.peer.port":%{remote}p,"server.address":"127.0.0.1","server.port":%{local}p}'
	local m modules='mpm_event authz_core socache_shmcb ssl alias' lib=/usr/lib/apache2/modules
	[[ $1 = *h2* ]] && modules+=' http2'
	for m in $modules; do
		[ -e "$lib/mod_$m.so" ] || skip "no mod_$m"
	done
	PORT=$(free_port)
	mkdir -p "$TMP/www"
	echo hello >"$TMP/www/a.txt"
	{
		for m in $modules; do echo "LoadModule ${m}_module $lib/mod_$m.so"; done
		cat <<-EOF
			ServerRoot $TMP
			PidFile $TMP/httpd.pid
			ErrorLog $TMP/httpd.err
			Listen 127.0.0.1:$PORT
			ServerName localhost
			Mutex file:$TMP default
			MaxKeepAliveRequests 0
			StartServers 1
			ServerLimit 1
			ThreadLimit 120
			ThreadsPerChild 120
			MaxRequestWorkers 120
			MaxSpareThreads 120
			Protocols $1
			SSLEngine on
			SSLCertificateFile $TLS_CERTS/server.pem
			SSLCertificateKeyFile $TLS_CERTS/server.key
			SSLSessionCache shmcb:$TMP/sessions(512000)
			DocumentRoot $TMP/www
			AliasMatch ^/[0-9]+/[0-9]+$ $TMP/www/a.txt
			KeepAliveTimeout 60
			LogFormat "${json//\"/\\\"}" j
			CustomLog $TMP/apache.log j
		EOF
	} >"$TMP/httpd.conf"
	chmod -R a+rX "$TMP" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	apache2 -f "$TMP/httpd.conf" -DFOREGROUND 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null "https://127.0.0.1:$PORT/" || {
		cat "$TMP/httpd.err" >&2
		return 1
	}
	sleep 0.2
	: >"$TMP/apache.log"
}

# what Apache calls HTTP/2.0 is 2
apache_truth() {
	sed 's#"HTTP/2.0"#"2"#; s#"HTTP/#"#' "$TMP/apache.log" >"$TMP/server.log"
}

# tls_app COMMAND...: one of the servers of tests/apps/tls, which write their truth when it ends; sets TARGET, PORT
tls_app() {
	: >"$TMP/server.log"
	start_server env TRUTH="$TMP/server.log" "$@"
}

# end_target: so that it writes what it still has to
end_target() {
	kill -TERM "$TARGET"
	wait "$TARGET" || true
}

# served [FIELDS]: the spans of a server are exactly what it says, of each request
served() {
	expect "$TMP/server.log" SERVER "${1:-$SERVER_VIEW}"
	sound
}

# called [FIELDS]: the same for the client, against the server's word
called() {
	expect "$TMP/client.log" CLIENT "${1:-$CLIENT_VIEW}"
	sound
}

# nothing was lost on the way, nothing said that is not known
sound() {
	nothing_lost
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
}

# client_waits LIBRARY COMMAND...: a client that waits for its standard input, with its library in place: a pattern of its maps, or
# - for one that prints `ready`. Sets CLIENT; its input is descriptor 8, its output $TMP/out.
client_waits() {
	rm -f "$TMP/go" "$TMP/out"
	mkfifo "$TMP/go"
	exec 8<>"$TMP/go"
	"${@:2}" <"$TMP/go" >"$TMP/out" 2>"$TMP/client.err" 3>&- 8>&- &
	CLIENT=$!
	PIDS="$PIDS $CLIENT"
	if [ "$1" = - ]; then
		wait_for 10 grep -q '^ready' "$TMP/out"
	else
		wait_for 10 grep -q "$1" "/proc/$CLIENT/maps"
	fi
}

# client_goes [TEXT]: gives it its input (a line, go) and waits for its end
client_goes() {
	printf '%s\n' "${1-go}" >&8
	exec 8>&-
	wait "$CLIENT" || {
		tail -5 "$TMP/client.err" >&2
		return 1
	}
}

# watch_client LIBRARY TEXT COMMAND...: both, under our eyes
watch_client() {
	client_waits "$1" "${@:3}"
	rm -f "$TMP/spans.json"
	start_watch --pid "$CLIENT" 8>&-
	client_goes "$2"
	stop_watch "${AFTER:-0.4}"
}
