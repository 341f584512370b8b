#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scenarios.py DRIVER SCENARIO[:N],...: the steps of scenarios for a driver of tests/apps/sql, one JSON object per line.

A client reads them, does them in order and prints, for each statement that went to the server, the fields of "t" with what it saw
itself: db.response.returned_rows where "rows" is true, db.response.status_code where the server refused. A step is one of
  {"op": "exec", "sql"}                    the driver's plain way, no parameters; "rows": it returns rows
  {"op": "prepared", "sql", "sets"}        one statement for each set of parameters, prepared by the server where the driver can
  {"op": "batch", "sql", "sets"}           the driver's own way for many sets at once; clients say what it comes to
  {"op": "multi", "sql"}                   several statements in one text
  {"op": "large", "sql", "fetch"}          many rows; with a cursor or in pieces of "fetch" rows where that is not 0
  {"op": "cancel", "sql"}                  takes long, and the client cancels it
  {"op": "copy_in", "sql", "data"} / {"op": "copy_out", "sql"} / {"op": "load", "sql", "data"} ({file} in sql: a file with data)
Every text has the driver's own placeholders. "t" is written here by hand (with what the wire has for placeholders), not made by
the code under test. Text of a scenario has a mark by which a test tells it from what drivers send by themselves: see MARK.
"""
import json
import os
import sys

# driver: (system, placeholder the caller writes, placeholder on the wire; None: the driver writes literals into the text)
DRIVERS = {
    "psql": ("postgresql", None, None), "libpq": ("postgresql", "$", "$"), "libpq_pipeline": ("postgresql", "$", "$"),
    "psycopg2": ("postgresql", "%s", None), "psycopg3": ("postgresql", "%s", "$"), "asyncpg": ("postgresql", "$", "$"),
    "node_pg": ("postgresql", "$", "$"), "jdbc_pg": ("postgresql", "?", "$"), "pgx": ("postgresql", "$", "$"),
    "pgx_simple": ("postgresql", "$", None), "pq": ("postgresql", "$", "$"),
    "mysql_cli": ("mysql", None, None), "mysql9_cli": ("mysql", None, None),
    "pymysql": ("mysql", "%s", None), "mysqlclient": ("mysql", "%s", None),
    "connector_py": ("mysql", "%s", "?"), "connector_py_c": ("mysql", "%s", "?"), "mariadb_py": ("mysql", "?", "?"),
    "node_mysql2": ("mysql", "?", "?"), "node_mysql": ("mysql", "?", None), "node_mariadb": ("mysql", "?", "?"),
    "jdbc_mysql": ("mysql", "?", "?"), "jdbc_mariadb": ("mysql", "?", "?"), "go_mysql": ("mysql", "?", "?"),
}
# in what the caller's statements say and drivers' own do not
MARK = r"customers|orders|items|two_sets|raise_total|total_of|no_such|sleep|SLEEP|shop_"

CANARY = "CANARY-7391-xyz"
NUMBER = 73910042


def procedure(name):
    return {"also": {"db.stored_procedure.name": name}}


class Steps:
    def __init__(self, driver, n):
        self.system, self.caller, self.wire = DRIVERS[driver]
        self.pg = self.system == "postgresql"
        self.driver, self.n, self.steps = driver, n, []

    def put(self, op, sql, text, operation, table=None, rows=False, **more):
        """sql and text: {} stands for a parameter; text is what is expected of a span"""
        t = {"db.system.name": os.environ.get("SQL_SYSTEM") or self.system, "db.namespace": os.environ.get("SQL_DB") or "shop",
             "db.query.text": self.holders(text, self.wire)}
        if operation:
            t["db.operation.name"] = operation
        if table:
            t["db.collection.name"] = table
        t.update(more.pop("also", {}))
        if "sets" in more:
            sql = self.holders(sql, self.caller)
        self.steps.append({"op": op, "sql": sql, "rows": rows, "t": t, **more})

    @staticmethod
    def holders(sql, style):
        parts = sql.split("{}")
        out = parts[0]
        for i, p in enumerate(parts[1:], 1):
            out += (f"${i}" if style == "$" else style or "?") + p
        return out

    def plain(self):
        for i in range(self.n):
            k = 1 + i % 90
            self.put("exec", f"SELECT name, email FROM customers WHERE id = {k} AND name = 'customer {k}'",
                     "SELECT name, email FROM customers WHERE id = ? AND name = ?", "SELECT", "customers", True)
            self.put("exec", f"INSERT INTO customers (id, name, email) VALUES ({1000 + i}, 'O''Brien {i}', NULL)",
                     "INSERT INTO customers (id, name, email) VALUES (?)", "INSERT", "customers")
            self.put("exec", f"INSERT INTO orders (customer_id, total, note) VALUES ({k}, 1.50, 'a'), ({k}, -2e1, 'b, (c)'), (1, 3, '')",
                     "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders")
            self.put("exec", f"UPDATE customers SET name = 'gone', email = 'g{i}@shop' WHERE id = {1000 + i}",
                     "UPDATE customers SET name = ?, email = ? WHERE id = ?", "UPDATE", "customers")
            self.put("exec", "SELECT id FROM orders WHERE customer_id IN (1, 2, 3) AND note LIKE 'note %' ORDER BY id LIMIT 2",
                     "SELECT id FROM orders WHERE customer_id IN (?) AND note LIKE ? ORDER BY id LIMIT ?", "SELECT", "orders", True)
            self.put("exec", f"SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = {91 + i % 9}",
                     "SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = ?", "SELECT",
                     None, True)
            self.put("exec", "WITH big AS (SELECT customer_id FROM orders WHERE total > 100.25) SELECT count(*) FROM big",
                     "WITH big AS (SELECT customer_id FROM orders WHERE total > ?) SELECT count(*) FROM big", "SELECT", "orders", True)
            self.put("exec", "SELECT  id,\tname  FROM customers WHERE id < 0", "SELECT id, name FROM customers WHERE id < ?",
                     "SELECT", "customers", True)
            if self.pg:
                self.put("exec", f"UPDATE orders SET note = E'it\\'s {i}' WHERE id = {k} RETURNING id, note",
                         "UPDATE orders SET note = ? WHERE id = ? RETURNING id, note", "UPDATE", "orders", True)
                self.put("exec", f"SELECT $q$it's$q$, total_of({k}) FROM customers WHERE id = {k}",
                         "SELECT ?, total_of(?) FROM customers WHERE id = ?", "SELECT", "customers", True)
                self.put("exec", f"CALL raise_total({k}, 0.5)", "CALL raise_total(?, ?)", "CALL", **procedure("raise_total"))
            else:
                self.put("exec", f'UPDATE orders SET note = "it\'s \\"{i}\\"" WHERE id = 0x5A',
                         "UPDATE orders SET note = ? WHERE id = ?", "UPDATE", "orders")
                self.put("exec", "SELECT `name` FROM `shop`.`customers` WHERE id = 1",
                         "SELECT `name` FROM `shop`.`customers` WHERE id = ?", "SELECT", "shop.customers", True)
                self.put("exec", f"CALL raise_total({k}, 0.5)", "CALL raise_total(?, ?)", "CALL", **procedure("raise_total"))
            self.put("exec", f"DELETE FROM customers WHERE id = {1000 + i}", "DELETE FROM customers WHERE id = ?", "DELETE", "customers")

    def prepared(self):
        self.put("prepared", "SELECT name FROM customers WHERE id = {}", "SELECT name FROM customers WHERE id = {}", "SELECT",
                 "customers", True, sets=[[1 + i] for i in range(self.n)])
        self.put("prepared", "INSERT INTO orders (customer_id, total, note) VALUES ({}, {}, {})",
                 "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders",
                 sets=[[1 + i, 100 + i, None if i % 2 else "quote ' " + str(i)] for i in range(self.n)])
        self.put("prepared", "UPDATE orders SET note = {} WHERE customer_id = {}", "UPDATE orders SET note = {} WHERE customer_id = {}",
                 "UPDATE", "orders", sets=[["n" * 3000, 1 + i] for i in range(self.n)])
        self.put("prepared", "SELECT id, label FROM items WHERE id > {} AND id < 20 ORDER BY id",
                 "SELECT id, label FROM items WHERE id > {} AND id < ? ORDER BY id", "SELECT", "items", True,
                 sets=[[i] for i in range(self.n)])

    def batch(self):
        for k in range(2):
            self.put("batch", "INSERT INTO customers (id, name, email) VALUES ({}, {}, {})",
                     "INSERT INTO customers (id, name, email) VALUES (?)", "INSERT", "customers",
                     sets=[[2000 + k * self.n + i, f"batch {i}", f"b{k}-{i}@shop"] for i in range(self.n)])
        self.put("batch", "UPDATE orders SET note = {} WHERE customer_id = {}", "UPDATE orders SET note = {} WHERE customer_id = {}",
                 "UPDATE", "orders", sets=[[f"batch {i}", 1 + i] for i in range(self.n)])

    def errors(self, say="x"):
        for _ in range(self.n):
            self.put("exec", f"SELEC name FROM customers WHERE name = '{say}'", "SELEC name FROM customers WHERE name = ?", None)
            self.put("exec", f"SELECT name FROM no_such_table WHERE name = '{say}'", "SELECT name FROM no_such_table WHERE name = ?",
                     "SELECT", "no_such_table", True)
            self.put("exec", f"SELECT no_such_column FROM orders WHERE note = '{say}'",
                     "SELECT no_such_column FROM orders WHERE note = ?", "SELECT", "orders", True)
            self.put("exec", f"INSERT INTO customers (id, name, email) VALUES (1, '{say}', '{say}')",
                     "INSERT INTO customers (id, name, email) VALUES (?)", "INSERT", "customers")
            self.put("exec", f"INSERT INTO orders (customer_id, total, note) VALUES (1, NULL, '{say}')",
                     "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders")
            self.put("exec", "SELECT id FROM customers WHERE id = 1", "SELECT id FROM customers WHERE id = ?", "SELECT", "customers", True)
            if self.pg:
                self.put("exec", "SELECT total / (id - id) FROM orders WHERE id < 5", "SELECT total / (id - id) FROM orders WHERE id < ?",
                         "SELECT", "orders", True)
                self.put("exec", f"INSERT INTO customers (id, name) VALUES ('{say}', 'y')", "INSERT INTO customers (id, name) VALUES (?)",
                         "INSERT", "customers")
                # a deferred constraint: it is COMMIT that fails
                self.put("exec", "BEGIN", "BEGIN", "BEGIN")
                self.put("exec", f"INSERT INTO orders (customer_id, total, note) VALUES ({NUMBER}, 1, '{say}')",
                         "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders")
                self.put("exec", "COMMIT", "COMMIT", "COMMIT")
                # in a failed transaction nothing is heard
                self.put("exec", "BEGIN", "BEGIN", "BEGIN")
                self.put("exec", "DELETE FROM no_such_table", "DELETE FROM no_such_table", "DELETE", "no_such_table")
                self.put("exec", "DELETE FROM orders WHERE id = -1", "DELETE FROM orders WHERE id = ?", "DELETE", "orders")
                self.put("exec", "ROLLBACK", "ROLLBACK", "ROLLBACK")
                self.put("exec", "SET statement_timeout = 200", "SET statement_timeout = ?", "SET")
                self.put("exec", "SELECT pg_sleep(30) FROM customers WHERE id = 1", "SELECT pg_sleep(?) FROM customers WHERE id = ?",
                         "SELECT", "customers", True)
                self.put("exec", "SET statement_timeout = 0", "SET statement_timeout = ?", "SET")
            else:
                self.put("exec", "UPDATE orders SET total = 1 / (id - id) WHERE id = 1",
                         "UPDATE orders SET total = ? / (id - id) WHERE id = ?", "UPDATE", "orders")
                self.put("exec", f"INSERT INTO orders (customer_id, total, note) VALUES ({NUMBER}, 1, '{say}')",
                         "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders")
                self.put("exec", f"CALL no_such_procedure('{say}')", "CALL no_such_procedure(?)", "CALL",
                         **procedure("no_such_procedure"))

    def cancel(self):
        for _ in range(self.n):
            if self.pg:
                self.put("cancel", "SELECT pg_sleep(30) FROM customers WHERE id = 1", "SELECT pg_sleep(?) FROM customers WHERE id = ?",
                         "SELECT", "customers", True)
            else:
                self.put("cancel", "SELECT SLEEP(30) FROM customers WHERE id = 1", "SELECT SLEEP(?) FROM customers WHERE id = ?",
                         "SELECT", "customers", True)
            self.put("exec", "SELECT id FROM customers WHERE id = 1", "SELECT id FROM customers WHERE id = ?", "SELECT", "customers", True)

    def large(self):
        for _ in range(self.n):
            self.put("large", "SELECT id, label FROM items", "SELECT id, label FROM items", "SELECT", "items", True, fetch=0)
            self.put("exec", "SELECT id FROM customers WHERE id = 1", "SELECT id FROM customers WHERE id = ?", "SELECT", "customers", True)

    def cursor(self):
        for _ in range(self.n):
            self.put("large", "SELECT id, label FROM items WHERE id <= 10500", "SELECT id, label FROM items WHERE id <= ?", "SELECT",
                     "items", True, fetch=1000)
            self.put("exec", "SELECT id FROM customers WHERE id = 1", "SELECT id FROM customers WHERE id = ?", "SELECT", "customers", True)

    def copy(self):
        for i in range(self.n):
            data = "".join(f"{5000 + i * 1000 + k}{{t}}{CANARY} {k}{{t}}{NUMBER}-{i}-{k}@shop\n" for k in range(500))
            if self.pg:
                self.put("copy_in", "COPY customers (id, name, email) FROM STDIN", "COPY customers (id, name, email) FROM STDIN",
                         "COPY", "customers", data=data.replace("{t}", "\t"))
                self.put("copy_out", f"COPY (SELECT name FROM customers WHERE name <> '{CANARY}') TO STDOUT",
                         "COPY (SELECT name FROM customers WHERE name <> ?) TO STDOUT", "COPY", "customers")
                self.put("copy_out", "COPY items TO STDOUT", "COPY items TO STDOUT", "COPY", "items")
                self.put("copy_in", "COPY customers (id, name, email) FROM STDIN WITH (FORMAT csv)",
                         "COPY customers (id, name, email) FROM STDIN WITH (FORMAT csv)", "COPY", "customers",
                         data=f"1,{CANARY},twice\n")
            else:
                self.put("load", "LOAD DATA LOCAL INFILE '{file}' INTO TABLE customers FIELDS TERMINATED BY '\\t' (id, name, email)",
                         "LOAD DATA LOCAL INFILE ? INTO TABLE customers FIELDS TERMINATED BY ? (id, name, email)", "LOAD DATA",
                         "customers", data=data.replace("{t}", "\t"))
            self.put("exec", f"DELETE FROM customers WHERE id BETWEEN 5000 AND {NUMBER - 1} AND name <> '{CANARY}'",
                     "DELETE FROM customers WHERE id BETWEEN ? AND ? AND name <> ?", "DELETE", "customers")

    def multi(self):
        """"parts": for a driver that takes a text apart"""
        def several(sql, *parts):
            ts = [{**{"db.query.text": text, "db.operation.name": text.split()[0]}, **({"db.collection.name": table} if table else {})}
                  for text, table in parts]
            tables = {table for _, table in parts}
            operations = {t["db.operation.name"] for t in ts}
            self.put("multi", sql, "; ".join(text for text, _ in parts), "BATCH" + (" " + operations.pop() if len(operations) == 1 else ""),
                     tables.pop() if len(tables) == 1 else None, also={"db.operation.batch.size": len(parts)}, parts=ts)

        for i in range(self.n):
            several(f"UPDATE orders SET note = 'm{i}' WHERE id = 1; SELECT id FROM orders WHERE id < 4",
                    ("UPDATE orders SET note = ? WHERE id = ?", "orders"), ("SELECT id FROM orders WHERE id < ?", "orders"))
            several("SELECT id FROM customers WHERE id < 3; SELECT id FROM orders WHERE id < 4; SELECT id FROM items WHERE id < 5;",
                    ("SELECT id FROM customers WHERE id < ?", "customers"), ("SELECT id FROM orders WHERE id < ?", "orders"),
                    ("SELECT id FROM items WHERE id < ?", "items"))
            # the second fails, the third is not done
            several(f"DELETE FROM orders WHERE id = {90000 + i}; SELECT * FROM no_such_table; DELETE FROM items WHERE id = 0",
                    ("DELETE FROM orders WHERE id = ?", "orders"), ("SELECT * FROM no_such_table", "no_such_table"),
                    ("DELETE FROM items WHERE id = ?", "items"))
            if not self.pg:
                self.put("multi", "CALL two_sets(3)", "CALL two_sets(?)", "CALL", **procedure("two_sets"))
            self.put("exec", "SELECT id FROM customers WHERE id = 1", "SELECT id FROM customers WHERE id = ?", "SELECT", "customers", True)

    def late(self):
        """PostgreSQL, autocommit, extended protocol: done (CommandComplete), and refused all the same when Sync commits"""
        self.put("prepared", "INSERT INTO orders (customer_id, total, note) VALUES ({}, {}, {})",
                 "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders",
                 sets=[[NUMBER + i, 1, CANARY] for i in range(self.n)])
        self.put("exec", "SELECT id FROM customers WHERE id = 1", "SELECT id FROM customers WHERE id = ?", "SELECT", "customers", True)

    def hold(self):
        """stays connected, for a while"""
        self.put("exec", "SELECT pg_sleep(30)" if self.pg else "SELECT SLEEP(30)", "", "SELECT", None, True)

    def canary(self):
        for i in range(self.n):
            k = NUMBER + i
            self.put("exec", f"INSERT INTO customers (id, name, email) VALUES ({k}, '{CANARY}', '{CANARY}@{k}')",
                     "INSERT INTO customers (id, name, email) VALUES (?)", "INSERT", "customers")
            self.put("exec", f"SELECT name, '{CANARY}', {k} FROM customers WHERE email LIKE '%{CANARY}%' AND id IN ({k}, -{k}, {k}.{k})",
                     "SELECT name, ?, ? FROM customers WHERE email LIKE ? AND id IN (?)", "SELECT", "customers", True)
            self.put("exec", f"SELECT id FROM customers WHERE id = 1 /* {CANARY} */", "SELECT id FROM customers WHERE id = ?", "SELECT",
                     "customers", True)
        self.put("prepared", "UPDATE customers SET name = {} WHERE id = {} AND email <> '7391'",
                 "UPDATE customers SET name = {} WHERE id = {} AND email <> ?", "UPDATE", "customers",
                 sets=[[CANARY + "-p", NUMBER + i] for i in range(self.n)])
        self.put("batch", "INSERT INTO orders (customer_id, total, note) VALUES ({}, {}, {})",
                 "INSERT INTO orders (customer_id, total, note) VALUES (?)", "INSERT", "orders",
                 sets=[[NUMBER, NUMBER, CANARY] for i in range(self.n)])
        self.errors(CANARY)
        self.copy()


# how often when nothing is said
COUNTS = {"prepared": 20, "batch": 20, "large": 1, "cursor": 1, "errors": 2, "cancel": 2, "copy": 2, "plain": 5, "multi": 3, "canary": 2, "late": 3,
          "hold": 1}


def main():
    driver = sys.argv[1]
    s = Steps(driver, 0)
    for one in sys.argv[2].split(","):
        scenario, _, n = one.partition(":")
        s.n = int(n or COUNTS[scenario])
        getattr(s, scenario)()
    if driver == "psql":
        # it has no parameters to give
        s.steps = [x for x in s.steps if "sets" not in x]
    for x in s.steps:
        print(json.dumps({k: v for k, v in x.items()}))


if __name__ == "__main__":
    main()
