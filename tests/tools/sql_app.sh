#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sql_app.sh DRIVER build | client HOST|SOCKET PORT USER DB SCENARIO[:N],... [STEPS]: a client of tests/apps/sql; what it needs is
# made once under $OUT/peers/sql; the process becomes the client. Exits 77 with the reason on stderr when it cannot be made here.
#   DRIVERS of PostgreSQL: psql libpq libpq_pipeline psycopg2 psycopg3 asyncpg node_pg jdbc_pg pgx pgx_simple pq
#   of MySQL and MariaDB:  mysql_cli mysql9_cli pymysql mysqlclient connector_py connector_py_c mariadb_py node_mysql2 node_mysql
#                          node_mariadb jdbc_mysql jdbc_mariadb go_mysql
#   client: does N rounds of each scenario of tests/apps/sql/scenarios.py and prints a JSON line for each of its statements:
#   what a span of it should say. STEPS: where the steps are kept (a temporary file when not said).
# SQL_SYSTEM: db.system.name of the truth, when it is not the driver's own. SQL_COMPRESS=zlib|zstd where the driver can.
# SQL_TLS=CA.PEM: with TLS over TCP (not Java), and the server's certificate must be good by that CA.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -ge 2 ] || {
	sed -n '3,11s/^# //p' "$0" >&2
	exit 2
}
driver=$1
shift
src=$root/tests/apps/sql

who="sql_app.sh: $driver"
# shellcheck source=tests/tools/peer_app.bash
. "$root/tests/tools/peer_app.bash"

build_java() {
	rm -rf lib classes
	cp "$src/java/pom.xml" . &&
		flock "$out/peers/mvn.lock" mvn -q -B -f pom.xml dependency:copy-dependencies \
			-DincludeScope=runtime -DoutputDirectory="$PWD/lib" &&
		javac -encoding UTF-8 -d classes -cp 'lib/*' "$src/java/Sql.java"
}

build_go() {
	(cd "$src/go" && go build -o "$dir/sql" .)
}

build_c() {
	# shellcheck disable=SC2046
	gcc -O1 -g -Wall -Wextra -Werror -o pg "$src/libpq.c" $(pkg-config --cflags --libs libpq jansson)
}

packages=''
group=py
case $driver in
psql) need psql python3 && group='' ;;
mysql_cli) need mariadb python3 && group='' ;;
mysql9_cli)
	need python3 && group=''
	OUT=$out "$root/tests/tools/db_server.sh" fetch mysql
	export SQL_CLI=$out/peers/db/mysql/mysql
	;;
psycopg2) packages=psycopg2-binary ;;
psycopg3) packages='psycopg\[binary\]' ;;
asyncpg) packages=asyncpg ;;
pymysql) packages='pymysql cryptography' ;;
mysqlclient) packages=mysqlclient ;;
connector_py | connector_py_c) packages=mysql-connector-python ;;
mariadb_py) packages=mariadb ;;
node_*) need node npm && group=node ;;
jdbc_*) need java javac mvn && group=java ;;
pgx | pgx_simple | pq | go_mysql) need go && group=go ;;
libpq | libpq_pipeline)
	need gcc pkg-config && group=c
	pkg-config --exists libpq || lacks 'no libpq-dev here'
	;;
*) lacks 'no such driver' ;;
esac
[ "$group" != py ] || need python3

case $group in
py) dir=$out/peers/sql/py_${packages%%[ \\]*} deps=$src/requirements.txt ;;
node) dir=$out/peers/sql/node deps="$src/node/package.json $src/node/package-lock.json" ;;
java) dir=$out/peers/sql/java deps="$src/java/pom.xml $src/java/Sql.java" ;;
go) dir=$out/peers/sql/go deps="$src/go/go.mod $src/go/main.go" ;;
c) dir=$out/peers/sql/c deps=$src/libpq.c ;;
esac

build_once
[ "$1" != build ] || exit 0

shift
where=$1 port=$2 user=$3 db=$4 scenario=$5
steps=${6:-$(mktemp)}
case $user in app) password='' ;; *) password=secret ;; esac
SQL_DB=$db python3 "$src/scenarios.py" "$driver" "$scenario" >"$steps"
set -- "$where" "$port" "$user" "$password" "$db" "$steps"
export PYTHONDONTWRITEBYTECODE=1
if [ -n "${SQL_TLS:-}" ]; then
	# libpq and those that take after it
	export PGSSLMODE="${PGSSLMODE:-verify-full}" PGSSLROOTCERT=$SQL_TLS
fi
case $driver in
psql) exec python3 "$src/psql_client.py" "$@" ;;
mysql_cli | mysql9_cli) exec python3 "$src/mysql_cli_client.py" "$@" ;;
psycopg2 | psycopg3 | asyncpg | pymysql | mysqlclient | mariadb_py) exec "$dir/bin/python" "$src/${driver}_client.py" "$@" ;;
connector_py*) SQL_PURE=$([ "$driver" = connector_py ] && echo 1 || echo 0) exec "$dir/bin/python" "$src/connector_py_client.py" "$@" ;;
node_*) NODE_PATH=$dir/node_modules exec node "$src/node/${driver#node_}.js" "$@" ;;
jdbc_*) exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$dir/classes:$dir/lib/*" Sql "${driver#jdbc_}" "$@" ;;
pgx | pgx_simple | pq | go_mysql) exec "$dir/sql" "$driver" "$@" ;;
libpq) exec "$dir/pg" simple "$@" ;;
libpq_pipeline) exec "$dir/pg" pipeline "$@" ;;
esac
