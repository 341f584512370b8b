#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# MySQL and MariaDB clients, each the real thing against a real MariaDB: a span for each statement, with its text without literals,
# what it is, how it ended; how many rows came. mysql9_clients.bats has MySQL itself.
load lib.bash
load db.bash
setup_file() { start_mariadb; }
teardown_file() { stop_db; }
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	need_db
	# mysql_native_password
	SQL_USER=native
}
teardown() { common_teardown; }

@test "mariadb (command line): statements, errors, rows" { sql_statements mysql_cli; }
@test "mariadb (command line): no literal comes out" { sql_canary mysql_cli; }
@test "PyMySQL: statements, errors, rows" { sql_statements pymysql; }
@test "PyMySQL: no literal comes out" { sql_canary pymysql; }
@test "mysqlclient: statements, errors, rows" { sql_statements mysqlclient; }
@test "mysqlclient: no literal comes out" { sql_canary mysqlclient; }
@test "Connector/Python: statements, errors, rows" { sql_statements connector_py; }
@test "Connector/Python: no literal comes out" { sql_canary connector_py; }
@test "Connector/Python on its C extension: statements, errors, rows" { sql_statements connector_py_c; }
@test "Connector/Python on its C extension: no literal comes out" { sql_canary connector_py_c; }
@test "MariaDB Connector/Python: statements, errors, rows" { sql_statements mariadb_py; }
@test "MariaDB Connector/Python: no literal comes out" { sql_canary mariadb_py; }
@test "mysql2: statements, errors, rows" { sql_statements node_mysql2; }
@test "mysql2: no literal comes out" { sql_canary node_mysql2; }
@test "mysql (Node): statements, errors, rows" { sql_statements node_mysql; }
@test "mysql (Node): no literal comes out" { sql_canary node_mysql; }
@test "mariadb (Node): statements, errors, rows" { sql_statements node_mariadb; }
@test "mariadb (Node): no literal comes out" { sql_canary node_mariadb; }
@test "Connector/J: statements, errors, rows" { sql_statements jdbc_mysql; }
@test "Connector/J: no literal comes out" { sql_canary jdbc_mysql; }
@test "MariaDB Connector/J: statements, errors, rows" { sql_statements jdbc_mariadb; }
@test "MariaDB Connector/J: no literal comes out" { sql_canary jdbc_mariadb; }
@test "go-sql-driver: statements, errors, rows" { sql_statements go_mysql; }
@test "go-sql-driver: no literal comes out" { sql_canary go_mysql; }

@test "mysqlclient, mysql2 and go-sql-driver over the Unix socket" {
	SQL_WHERE=unix
	SQL_USER=app
	sql_statements mysqlclient
	sql_statements node_mysql2
	sql_statements go_mysql
}

zlib() {
	export SQL_COMPRESS=zlib
	sql_run "$1" native tcp plain prepared
	expect_sql
}

@test "mariadb (command line): zlib" { zlib mysql_cli; }
@test "mysqlclient: zlib" { zlib mysqlclient; }
@test "Connector/Python: zlib" { zlib connector_py; }
@test "Connector/Python on its C extension: zlib" { zlib connector_py_c; }
@test "MariaDB Connector/Python: zlib" { zlib mariadb_py; }
@test "mysql2: zlib" { zlib node_mysql2; }
@test "mariadb (Node): zlib" { zlib node_mariadb; }
@test "Connector/J: zlib" { zlib jdbc_mysql; }
@test "MariaDB Connector/J: zlib" { zlib jdbc_mariadb; }
@test "go-sql-driver: zlib" { zlib go_mysql; }
