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

@test "mariadb (command line): statements" { sql_statements mysql_cli; }
@test "mariadb (command line): errors and cancelled statements" { sql_errors mysql_cli; }
@test "mariadb (command line): rows returned" { sql_rows mysql_cli; }
@test "mariadb (command line): copies, and several statements at once" { sql_copies mysql_cli; }
@test "mariadb (command line): no literal comes out" { sql_canary mysql_cli; }

@test "PyMySQL: statements" { sql_statements pymysql; }
@test "PyMySQL: errors and cancelled statements" { sql_errors pymysql; }
@test "PyMySQL: rows returned" { sql_rows pymysql; }
@test "PyMySQL: copies, and several statements at once" { sql_copies pymysql; }
@test "PyMySQL: no literal comes out" { sql_canary pymysql; }

@test "mysqlclient: statements" { sql_statements mysqlclient; }
@test "mysqlclient: errors and cancelled statements" { sql_errors mysqlclient; }
@test "mysqlclient: rows returned" { sql_rows mysqlclient; }
@test "mysqlclient: copies, and several statements at once" { sql_copies mysqlclient; }
@test "mysqlclient: no literal comes out" { sql_canary mysqlclient; }

@test "Connector/Python: statements" { sql_statements connector_py; }
@test "Connector/Python: errors and cancelled statements" { sql_errors connector_py; }
@test "Connector/Python: rows returned" { sql_rows connector_py; }
@test "Connector/Python: copies, and several statements at once" { sql_copies connector_py; }
@test "Connector/Python: no literal comes out" { sql_canary connector_py; }

@test "Connector/Python on its C extension: statements" { sql_statements connector_py_c; }
@test "Connector/Python on its C extension: errors and cancelled statements" { sql_errors connector_py_c; }
@test "Connector/Python on its C extension: rows returned" { sql_rows connector_py_c; }
@test "Connector/Python on its C extension: copies, and several statements at once" { sql_copies connector_py_c; }
@test "Connector/Python on its C extension: no literal comes out" { sql_canary connector_py_c; }

@test "MariaDB Connector/Python: statements" { sql_statements mariadb_py; }
@test "MariaDB Connector/Python: errors and cancelled statements" { sql_errors mariadb_py; }
@test "MariaDB Connector/Python: rows returned" { sql_rows mariadb_py; }
@test "MariaDB Connector/Python: copies, and several statements at once" { sql_copies mariadb_py; }
@test "MariaDB Connector/Python: no literal comes out" { sql_canary mariadb_py; }

@test "mysql2: statements" { sql_statements node_mysql2; }
@test "mysql2: errors and cancelled statements" { sql_errors node_mysql2; }
@test "mysql2: rows returned" { sql_rows node_mysql2; }
@test "mysql2: copies, and several statements at once" { sql_copies node_mysql2; }
@test "mysql2: no literal comes out" { sql_canary node_mysql2; }

@test "mysql (Node): statements" { sql_statements node_mysql; }
@test "mysql (Node): errors and cancelled statements" { sql_errors node_mysql; }
@test "mysql (Node): rows returned" { sql_rows node_mysql; }
@test "mysql (Node): copies, and several statements at once" { sql_copies node_mysql; }
@test "mysql (Node): no literal comes out" { sql_canary node_mysql; }

@test "mariadb (Node): statements" { sql_statements node_mariadb; }
@test "mariadb (Node): errors and cancelled statements" { sql_errors node_mariadb; }
@test "mariadb (Node): rows returned" { sql_rows node_mariadb; }
@test "mariadb (Node): copies, and several statements at once" { sql_copies node_mariadb; }
@test "mariadb (Node): no literal comes out" { sql_canary node_mariadb; }

@test "Connector/J: statements" { sql_statements jdbc_mysql; }
@test "Connector/J: errors and cancelled statements" { sql_errors jdbc_mysql; }
@test "Connector/J: rows returned" { sql_rows jdbc_mysql; }
@test "Connector/J: copies, and several statements at once" { sql_copies jdbc_mysql; }
@test "Connector/J: no literal comes out" { sql_canary jdbc_mysql; }

@test "MariaDB Connector/J: statements" { sql_statements jdbc_mariadb; }
@test "MariaDB Connector/J: errors and cancelled statements" { sql_errors jdbc_mariadb; }
@test "MariaDB Connector/J: rows returned" { sql_rows jdbc_mariadb; }
@test "MariaDB Connector/J: copies, and several statements at once" { sql_copies jdbc_mariadb; }
@test "MariaDB Connector/J: no literal comes out" { sql_canary jdbc_mariadb; }

@test "go-sql-driver: statements" { sql_statements go_mysql; }
@test "go-sql-driver: errors and cancelled statements" { sql_errors go_mysql; }
@test "go-sql-driver: rows returned" { sql_rows go_mysql; }
@test "go-sql-driver: copies, and several statements at once" { sql_copies go_mysql; }
@test "go-sql-driver: no literal comes out" { sql_canary go_mysql; }

@test "mysqlclient, mysql2 and go-sql-driver over the Unix socket" {
	SQL_WHERE=unix
	SQL_USER=app
	sql_statements mysqlclient
	sql_statements node_mysql2
	sql_statements go_mysql
}

# compressed: whether there are spans is up to what the parser can; those there are must be right
zlib() {
	export SQL_COMPRESS=zlib
	sql_statements "$1"
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
