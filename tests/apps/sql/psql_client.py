# SPDX-License-Identifier: Apache-2.0
"""psql: a script, with a mark on stderr after each statement; among them the errors, by their SQLSTATEs."""
import json
import os
import re
import subprocess
import sys
import tempfile

from client import say


def script(step, out):
    sql = step["sql"].rstrip(";")
    if step["op"] == "copy_in":
        return f"{sql};\n{step['data']}\\.\n"
    if step["op"] in ("copy_out", "large"):
        return f"\\o {out}\n{sql};\n\\o\n"
    if step["op"] == "multi":
        # \; sends several at once
        return sql.replace("; ", "\\; ") + ";\n"
    return sql + ";\n"


def main():
    where, port, user, password, db, path = sys.argv[1:7]
    with open(path, encoding="utf-8") as f:
        steps = [json.loads(line) for line in f]
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate", "-h", where.rsplit("/", 1)[0] if where.startswith("/") else where,
               "-p", port, "-U", user, "-d", db]

    def psql(some, interrupt=None):
        with tempfile.TemporaryDirectory() as tmp:
            with open(f"{tmp}/script", "w", encoding="utf-8") as f:
                for i, s in enumerate(some):
                    f.write(script(s, f"{tmp}/out") + f"\\warn @@ {i} :ROW_COUNT\n")
            p = subprocess.Popen([*command, "-f", f"{tmp}/script"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, "PGPASSWORD": password})
            if interrupt:
                try:
                    p.wait(interrupt)
                except subprocess.TimeoutExpired:
                    p.send_signal(2)
            err = p.communicate()[1]
        code = None
        for line in err.splitlines():
            m = re.search(r"ERROR:  (\w{5})$", line)
            if m:
                code = m.group(1)
            elif line.startswith("@@ "):
                i, rows = line.split()[1:]
                say(some[int(i)], int(rows), code)
                code = None
        if interrupt:
            # an interrupted script ends there
            say(some[0], None, code)

    rest = []
    for s in steps:
        if s["op"] == "cancel":
            psql(rest)
            rest = []
            psql([s], 0.5)
        else:
            rest.append(s)
    psql(rest)


main()
