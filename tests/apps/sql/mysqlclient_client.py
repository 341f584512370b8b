# SPDX-License-Identifier: Apache-2.0
"""mysqlclient: MariaDB's C library; otherwise as PyMySQL."""
import MySQLdb
import MySQLdb.cursors

import client
from client import say


class MySQLClient(client.Client):
    Error = MySQLdb.Error

    def connect(self):
        where = {"unix_socket": self.socket} if self.socket else {"host": self.where, "port": self.port}
        if self.compress:
            where["compress"] = True  # False would turn it on as well
        if self.tls:
            where["ssl"] = {"ca": self.tls}
        return MySQLdb.connect(user=self.user, password=self.password, database=self.db, autocommit=True, local_infile=1, **where)

    def code(self, e):
        return e.args[0]

    def batch(self, step):
        cur = self.conn.cursor()
        cur.executemany(step["sql"], step["sets"])
        if "VALUES" in step["sql"]:
            return say(step)
        return self.say_batch(step)

    def large(self, step):
        self.guarded(step, self.run, step["sql"], None, self.conn.cursor(MySQLdb.cursors.SSCursor) if step["fetch"] else None)

    def cancel(self, step):
        # while it executes, even this would wait
        self.id = self.conn.thread_id()
        super().cancel(step)

    def stop(self):
        other = self.connect()
        other.cursor().execute(f"KILL QUERY {self.id}")
        other.close()


client.main(MySQLClient)
