# SPDX-License-Identifier: Apache-2.0
"""MariaDB Connector/Python: the C library's prepared statements, and bulk execution where the server can."""
import mariadb

import client
from client import say


class MariaDB(client.Client):
    Error = mariadb.Error

    def connect(self):
        where = {"unix_socket": self.socket} if self.socket else {"host": self.where, "port": self.port}
        if self.tls:
            where |= {"ssl_ca": self.tls, "ssl_verify_cert": True}
        return mariadb.connect(user=self.user, password=self.password, database=self.db, autocommit=True, local_infile=True,
                               compress=bool(self.compress), client_flag=1 << 16, **where)

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
        cur.executemany(step["sql"], [tuple(x) for x in step["sets"]])
        cur.close()
        if "MariaDB" in self.conn.server_info:
            return say(step, **{"db.operation.batch.size": len(step["sets"])})
        return self.say_batch(step)

    def large(self, step):
        self.guarded(step, self.run, step["sql"], None, self.conn.cursor(buffered=not step["fetch"]))

    def multi(self, step):
        if "no_such_table" not in step["sql"]:
            return self.exec(step)
        # nextset() keeps quiet about the error of a later statement
        self.run(step["sql"])
        return say(step, code=1146)

    def stop(self):
        other = self.connect()
        other.cursor().execute(f"KILL QUERY {self.conn.connection_id}")
        other.close()


client.main(MariaDB)
