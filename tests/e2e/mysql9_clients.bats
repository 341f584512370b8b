#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# MySQL itself (9): its drivers, its dialect of the protocol (no EOF packets, query attributes, caching_sha2_password).
load lib.bash
load db.bash
setup_file() { start_mysql; }
teardown_file() { stop_db; }
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	need_db
}
teardown() { common_teardown; }

# all groups; a driver that can do caching_sha2_password without TLS has a password
groups() { # DRIVER [USER]
	SQL_USER=${2:-app}
	sql_statements "$1"
	sql_canary "$1"
}

@test "mariadb (command line)" { groups mysql_cli; }
@test "mysql (command line)" { groups mysql9_cli native; }
# zstd is not read: nothing is said, rather than something wrong
@test "mysql (command line): zstd" {
	export SQL_COMPRESS=zstd
	sql_run mysql9_cli native tcp plain
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	[ "$("$SPANS" count "$TMP/spans.json")" = 0 ]
	[ "$(metric db.client.operation.duration)" = 0 ]
}
@test "PyMySQL" { groups pymysql native; }
@test "mysqlclient" { groups mysqlclient; }
@test "Connector/Python" { groups connector_py; }
@test "Connector/Python on its C extension" { groups connector_py_c; }
@test "MariaDB Connector/Python" { groups mariadb_py; }
@test "mysql2" { groups node_mysql2 native; }
@test "mysql (Node)" { skip "cannot log in: it has no caching_sha2_password, and the server no mysql_native_password"; }
@test "mariadb (Node)" { groups node_mariadb native; }
@test "Connector/J" { groups jdbc_mysql native; }
@test "MariaDB Connector/J" { groups jdbc_mariadb native; }
@test "go-sql-driver" { groups go_mysql native; }
