# SPDX-License-Identifier: Apache-2.0
"""PyMySQL: parameters become literals, executemany one INSERT of many rows."""
import pymysql
import pymysql.cursors

import client
from client import say


class PyMySQL(client.Client):
    Error = pymysql.Error
    stream = pymysql.cursors.SSCursor

    def connect(self):
        where = {"unix_socket": self.socket} if self.socket else {"host": self.where, "port": self.port}
        if self.tls:
            where |= {"ssl_ca": self.tls, "ssl_verify_cert": True, "ssl_verify_identity": True}
        return pymysql.connect(user=self.user, password=self.password, database=self.db, autocommit=True, local_infile=True,
                               client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS, **where)

    def code(self, e):
        return e.args[0]

    def batch(self, step):
        cur = self.conn.cursor()
        cur.executemany(step["sql"], step["sets"])
        if "VALUES" in step["sql"]:
            return say(step)
        return self.say_batch(step)

    def large(self, step):
        # rows as they come
        self.guarded(step, self.run, step["sql"], None, self.conn.cursor(self.stream) if step["fetch"] else None)

    def stop(self):
        other = self.connect()
        cur = other.cursor()
        cur.execute(f"KILL QUERY {self.conn.thread_id()}")
        other.close()


if __name__ == "__main__":
    client.main(PyMySQL)
