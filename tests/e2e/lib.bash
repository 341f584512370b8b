# SPDX-License-Identifier: Apache-2.0
# Helpers of the end-to-end tests. Every test watches only what it started, and ends only that.
# HOOKS=sock|syscall chooses the backend; the files that matter run on both.

bats_require_minimum_version 1.5.0 2>/dev/null || true
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$ROOT/$OUT ;; esac
BIN=$OUT/otel-ebpf
APPS=$ROOT/tests/apps
SPANS=$ROOT/tests/tools/spans.py

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ -n "${OE_CAPTURE_OK:-}" ] && return
	"$BIN" doctor >"$BATS_TEST_TMPDIR/doctor" 2>&1 || skip "no capture here: $(grep '^no ' "$BATS_TEST_TMPDIR/doctor" | head -1)"
}

# ask_once: for setup_file; answers what need_root() would ask in each test of the file
ask_once() {
	[ "$(id -u)" = 0 ] && "$BIN" doctor >/dev/null 2>&1 && export OE_CAPTURE_OK=1
	return 0
}

need() {
	for c in "$@"; do
		PATH="$PATH:/usr/sbin:/sbin" command -v "$c" >/dev/null || skip "$c is not installed"
	done
}

common_setup() {
	TMP=$BATS_TEST_TMPDIR
	PIDS=''
	WATCH=''
	export PATH="$PATH:/usr/sbin:/sbin"
}

common_teardown() {
	local p i
	for p in $WATCH $PIDS; do kill -- "$p" 2>/dev/null || true; done
	for i in $(seq 100); do
		for p in $WATCH $PIDS; do
			kill -0 -- "$p" 2>/dev/null && { sleep 0.05; continue 2; }
		done
		return 0
	done
	for p in $WATCH $PIDS; do kill -9 -- "$p" 2>/dev/null || true; done
	return 0
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
	local n=$(($1 * 20))
	shift
	for _ in $(seq $n); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	echo "gave up waiting for: $*" >&2
	return 1
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_server COMMAND...: a program that prints its port; sets TARGET and PORT
start_server() {
	"$@" >"$TMP/port" 2>"$TMP/server.err" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 test -s "$TMP/port"
	PORT=$(head -1 "$TMP/port")
}

# nginx_main [WORKERS], nginx_temps: what every configuration of ours begins with, outside of http and in it
nginx_main() {
	cat <<-EOF
		worker_processes ${1:-1};
		daemon off;
		user root;
		pid $TMP/nginx.pid;
		error_log $TMP/nginx.err;
		events { worker_connections 4096; }
	EOF
}
nginx_temps() {
	cat <<-EOF
		client_body_temp_path $TMP/b;
		proxy_temp_path $TMP/p;
		fastcgi_temp_path $TMP/f;
		uwsgi_temp_path $TMP/u;
		scgi_temp_path $TMP/s;
		keepalive_requests 10000000;
		sendfile on;
	EOF
}

# start_nginx [WORKERS]: NGINX_BIN may name another copy of the program; sets TARGET, PORT; access log in $TMP/access.log
start_nginx() {
	need nginx
	PORT=$(free_port)
	mkdir -p "$TMP/www"
	echo 'hello from a file' >"$TMP/www/index.html"
	cat >"$TMP/nginx.conf" <<-EOF
		$(nginx_main "${1:-}")
		http {
			$(nginx_temps)
			log_format m '\$request_method \$uri \$status';
			access_log $TMP/access.log m;
			large_client_header_buffers 8 64k;
			server {
				listen 127.0.0.1:$PORT${NGINX_LISTEN:+ $NGINX_LISTEN};
				listen unix:$TMP/nginx.sock;
				root $TMP/www;
				location /ka/ { return 200 "kept\n"; }
				location /p/ { return 200 "piped\n"; }
				location /pb/ { return 200 "piped\n"; }
				location /many/ { return 200 "one of many\n"; }
				location /traced { return 200 "t\n"; }
				location /io/ { return 204; }
			}
		}
	EOF
	"${NGINX_BIN:-nginx}" -c "$TMP/nginx.conf" 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null ${NGINX_LISTEN:+--http2-prior-knowledge} "http://127.0.0.1:$PORT/"
	sleep 0.3 # the line of that request may be written after its answer was read
	: >"$TMP/access.log"
	kill -USR1 "$TARGET" # reopen the log
}

# need_venv: a python with the packages of tests/tools/requirements.txt; sets PY
need_venv() {
	PY=$(OUT=$OUT "$ROOT/tests/tools/venv.sh" 2>"$TMP/venv.err") || skip "no python packages: $(tail -1 "$TMP/venv.err")"
}

# need_go NAME: builds tests/apps/NAME; sets APP
need_go() {
	need go
	APP=$OUT/peers/$1
	[ -x "$APP" ] && [ "$APP" -nt "$APPS/$1/main.go" ] && return
	mkdir -p "$OUT/peers"
	(cd "$APPS/$1" && go build -o "$APP" .) 2>"$TMP/go.err" || skip "cannot build $1: $(tail -1 "$TMP/go.err")"
}

# start_nghttpd: serves $TMP/www without TLS; sets TARGET, PORT
start_nghttpd() {
	need nghttpd
	PORT=$(free_port)
	mkdir -p "$TMP/www"
	echo hello >"$TMP/www/a.txt"
	nghttpd --no-tls -d "$TMP/www" "$PORT" >/dev/null 2>&1 3>&- &
	TARGET=$!
	PIDS="$PIDS $TARGET"
	wait_for 10 curl -s -o /dev/null --http2-prior-knowledge "http://127.0.0.1:$PORT/a.txt"
}

# start_watch SELECTION/OPTIONS...: spans (unless TRACES=none) and metrics to $TMP/spans.json; waits until it captures
start_watch() {
	OTEL_BSP_MAX_QUEUE_SIZE=1000000 OTEL_BSP_SCHEDULE_DELAY=200 "$BIN" run --hooks "${HOOKS:-auto}" \
		--traces-exporter "${TRACES:-otlp_file}" --metrics-exporter otlp_file --otlp-file "$TMP/spans.json" --body-sizes -v "$@" \
		2>"$TMP/watch.err" 3>&- &
	WATCH=$!
	wait_for 15 grep -q '^otel-ebpf: capturing' "$TMP/watch.err" || {
		cat "$TMP/watch.err" >&2
		return 1
	}
}

# stop_watch: SIGTERM must flush and end with 0
stop_watch() {
	sleep "${1:-0.3}"
	kill -TERM "$WATCH"
	local rc=0
	wait "$WATCH" || rc=$?
	WATCH=''
	[ "$rc" = 0 ] || {
		echo "otel-ebpf ended with $rc:" >&2
		cat "$TMP/watch.err" >&2
		return 1
	}
}

# expect TRUTH KIND [FIELDS]: exactly these requests became spans
expect() {
	"$SPANS" expect "$TMP/spans.json" "$1" --kind "$2" ${3:+--fields "$3"} || {
		tail -40 "$TMP/watch.err" >&2
		return 1
	}
}

# metric NAME [key=value...]: prints its sum
metric() {
	"$SPANS" sum "$TMP/spans.json" "$@"
}

# nothing_lost: every request that was seen is known
nothing_lost() {
	[ "$(ledger requests unknown_bytes_lost)" = 0 ]
	[ "$(ledger requests unknown_kind)" = 0 ]
	[ "$(ledger stream.events lost)" = 0 ]
}

# ledger ROW KEY: a number of the ledger printed at exit
ledger() {
	sed -n "s/^  *otel_ebpf\.$1 .*[ ]$2=\([0-9]*\).*/\1/p" "$TMP/watch.err" | head -1
}
