# SPDX-License-Identifier: Apache-2.0
"""What the Python clients of tests/apps/sql have in common: DRIVER.py HOST|SOCKET PORT USER PASSWORD DB STEPS does the steps of the
file (scenarios.py) and prints for each statement that went to the server a JSON line with what a span of it should say."""
import json
import os
import sys
import tempfile
import threading


def say(step, rows=None, code=None, **other):
    """other: fields that are different from the step's; None takes a field away"""
    t = dict(step["t"])
    t.update(other)
    if code is not None:
        t["db.response.status_code"] = str(code)
    elif rows is not None and step["rows"]:
        t["db.response.returned_rows"] = rows
    print(json.dumps({k: v for k, v in t.items() if v is not None}), flush=True)


class Client:
    """A DB-API driver. A subclass has connect(), Error, code(error), and whatever else it does in its own way."""
    compress = os.environ.get("SQL_COMPRESS", "")
    tls = os.environ.get("SQL_TLS")

    def __init__(self, where, port, user, password, db):
        self.where, self.port, self.user, self.password, self.db = where, int(port), user, password, db
        self.socket = where if where.startswith("/") else None
        self.conn = self.connect()

    def guarded(self, step, what, *args):
        try:
            say(step, what(*args))
        except self.Error as e:
            say(step, code=self.code(e))

    def run(self, sql, values=None, cursor=None):
        cur = cursor or self.conn.cursor()
        try:
            cur.execute(sql) if values is None else cur.execute(sql, values)
            rows = len(cur.fetchall()) if cur.description else None
            while getattr(cur, "nextset", None) and self.more(cur):
                if cur.description:
                    rows = (rows or 0) + len(cur.fetchall())
            return rows
        finally:
            cur.close()

    def more(self, cur):
        return cur.nextset()

    def exec(self, step):
        self.guarded(step, self.run, step["sql"])

    def prepared(self, step):
        for values in step["sets"]:
            self.guarded(step, self.run, step["sql"], values)

    def batch(self, step):
        cur = self.conn.cursor()
        cur.executemany(step["sql"], step["sets"])
        cur.close()
        self.say_batch(step)

    def say_batch(self, step):
        """one statement for each set"""
        for _ in step["sets"]:
            say(step)

    multi = large = exec

    def cancel(self, step):
        timer = threading.Timer(0.3, self.stop)
        timer.start()
        self.exec(step)
        timer.join()

    def load(self, step):
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as f:
            f.write(step["data"])
            f.flush()
            self.guarded(step, self.run, step["sql"].replace("{file}", f.name))


def main(cls):
    c = cls(*sys.argv[1:6])
    with open(sys.argv[6], encoding="utf-8") as f:
        for line in f:
            step = json.loads(line)
            getattr(c, step["op"])(step)
    c.conn.close()
