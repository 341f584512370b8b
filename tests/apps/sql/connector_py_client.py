# SPDX-License-Identifier: Apache-2.0
"""mysql-connector-python, pure or on its C extension (SQL_PURE=0); prepared statements by prepared cursors."""
import os

import mysql.connector

try:
    import _mysql_connector
except ImportError:
    _mysql_connector = None

import client
from client import say


class ConnectorPython(client.Client):
    # (its C extension lets an error of its own through)
    Error = (mysql.connector.Error, getattr(_mysql_connector, "MySQLInterfaceError", mysql.connector.Error))

    def connect(self):
        where = {"unix_socket": self.socket} if self.socket else {"host": self.where, "port": self.port}
        if self.tls:
            where |= {"ssl_ca": self.tls, "ssl_verify_cert": True, "ssl_verify_identity": True}
        return mysql.connector.connect(user=self.user, password=self.password, database=self.db, autocommit=True,
                                       allow_local_infile=True, use_pure=os.environ.get("SQL_PURE") != "0",
                                       compress=bool(self.compress), **where)

    def code(self, e):
        return e.errno

    def prepared(self, step):
        cur = self.conn.cursor(prepared=True)
        for values in step["sets"]:
            cur.execute(step["sql"], values)
            say(step, len(cur.fetchall()) if cur.description else None)
        cur.close()

    def batch(self, step):
        cur = self.conn.cursor()
        cur.executemany(step["sql"], step["sets"])
        cur.close()
        if "VALUES" in step["sql"]:
            return say(step)
        return self.say_batch(step)

    def stop(self):
        other = self.connect()
        other.cursor().execute(f"KILL QUERY {self.conn.connection_id}")
        other.close()


client.main(ConnectorPython)
