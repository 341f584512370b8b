# SPDX-License-Identifier: Apache-2.0
"""psycopg2: the simple protocol; parameters become literals."""
import io

import psycopg2
import psycopg2.extras

import client
from client import say


class Psycopg2(client.Client):
    Error = psycopg2.Error

    def connect(self):
        conn = psycopg2.connect(host=self.where.rsplit("/", 1)[0] if self.socket else self.where, port=self.port, user=self.user,
                                password=self.password, dbname=self.db)
        conn.autocommit = True
        return conn

    def code(self, e):
        return e.pgcode

    def more(self, cur):
        return False

    def batch(self, step):
        if "VALUES" not in step["sql"] or step["sets"][0][0] % 2:
            return super().batch(step)
        # all rows in one statement
        cur = self.conn.cursor()
        psycopg2.extras.execute_values(cur, step["sql"].split("VALUES")[0] + "VALUES %s", step["sets"], page_size=1000)
        say(step)

    def stop(self):
        self.conn.cancel()

    def large(self, step):
        if not step["fetch"]:
            return self.exec(step)
        self.conn.autocommit = False
        cur = self.conn.cursor("items_c")
        cur.itersize = step["fetch"]
        cur.execute(step["sql"])
        say({"rows": False, "t": {**step["t"], "db.operation.name": "DECLARE"}},
            **{"db.query.text": 'DECLARE "items_c" CURSOR WITHOUT HOLD FOR ' + step["t"]["db.query.text"]})
        fetch = {"rows": True, "t": {**step["t"], "db.query.text": 'FETCH FORWARD ? FROM "items_c"', "db.operation.name": "FETCH"}}
        while True:
            got = len(cur.fetchmany(step["fetch"]))
            say(fetch, got, **{"db.collection.name": None})
            if got < step["fetch"]:
                break
        cur.close()
        say({"rows": False, "t": {**step["t"], "db.query.text": 'CLOSE "items_c"', "db.operation.name": "CLOSE"}},
            **{"db.collection.name": None})
        self.conn.commit()
        self.conn.autocommit = True

    def copy_in(self, step):
        self.guarded(step, lambda: self.conn.cursor().copy_expert(step["sql"], io.StringIO(step["data"])))

    def copy_out(self, step):
        self.guarded(step, lambda: self.conn.cursor().copy_expert(step["sql"], io.StringIO()))


client.main(Psycopg2)
