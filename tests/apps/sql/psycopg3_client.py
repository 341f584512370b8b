# SPDX-License-Identifier: Apache-2.0
"""psycopg 3: simple queries without parameters, prepared statements with them, executemany in pipeline mode."""
import psycopg

import client
from client import say


class Psycopg3(client.Client):
    Error = psycopg.Error

    def connect(self):
        return psycopg.connect(host=self.where.rsplit("/", 1)[0] if self.socket else self.where, port=self.port, user=self.user,
                               password=self.password, dbname=self.db, autocommit=True)

    def code(self, e):
        return e.sqlstate

    def prepared(self, step):
        def do(values):
            with self.conn.cursor() as cur:
                cur.execute(step["sql"], values, prepare=True)
                return len(cur.fetchall()) if cur.description else None
        for values in step["sets"]:
            self.guarded(step, do, values)

    def stop(self):
        self.conn.cancel()

    def large(self, step):
        if not step["fetch"]:
            return self.exec(step)
        with self.conn.transaction(), self.conn.cursor("items_c") as cur:
            cur.itersize = step["fetch"]
            cur.execute(step["sql"])
            say({"rows": False, "t": {**step["t"], "db.operation.name": "DECLARE"}},
                **{"db.query.text": 'DECLARE "items_c" CURSOR FOR ' + step["t"]["db.query.text"]})
            fetch = {"rows": True, "t": {**step["t"], "db.query.text": 'FETCH FORWARD ? FROM "items_c"', "db.operation.name": "FETCH"}}
            while True:
                got = len(cur.fetchmany(step["fetch"]))
                say(fetch, got, **{"db.collection.name": None})
                if got < step["fetch"]:
                    break
        say({"rows": False, "t": {**step["t"], "db.query.text": 'CLOSE "items_c"', "db.operation.name": "CLOSE"}},
            **{"db.collection.name": None})

    def copy_in(self, step):
        def do():
            with self.conn.cursor() as cur, cur.copy(step["sql"]) as copy:
                copy.write(step["data"])
        self.guarded(step, do)

    def copy_out(self, step):
        def do():
            with self.conn.cursor() as cur, cur.copy(step["sql"]) as copy:
                for _ in copy:
                    pass
        self.guarded(step, do)


client.main(Psycopg3)
