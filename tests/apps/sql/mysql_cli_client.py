# SPDX-License-Identifier: Apache-2.0
"""The command-line client (mariadb, or SQL_CLI: MySQL's): a script with -v -v -v, which says how each statement went."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

from client import say


def main():
    where, port, user, password, db, path = sys.argv[1:7]
    with open(path, encoding="utf-8") as f:
        steps = [s for s in map(json.loads, f) if "sets" not in s]
    cli, compress = os.environ.get("SQL_CLI"), os.environ.get("SQL_COMPRESS")
    tls = os.environ.get("SQL_TLS")
    zipped = ["--compression-algorithms=" + compress] if cli and compress else ["--compress"] if compress else []
    command = [cli or "mariadb", "--no-defaults", *(["--commands", "--system-command", "--get-server-public-key"] if cli else []), "-u", user, "--force", "-v", "-v", "-v", "--unbuffered", "--local-infile=1", "--comments",
               *(["--password=" + password] if password else []), *zipped,
               *(["--ssl-ca=" + tls, "--ssl-mode=VERIFY_IDENTITY" if cli else "--ssl-verify-server-cert"] if tls else []),
               *(["-S", where] if where.startswith("/") else ["-h", where, "-P", port]), db]

    def mysql(some, interrupt=None):
        if not some:
            return
        with tempfile.TemporaryDirectory() as tmp:
            script = ""
            for i, s in enumerate(some):
                sql = s["sql"].rstrip(";")
                if "data" in s:
                    with open(f"{tmp}/{i}.tsv", "w", encoding="utf-8") as f:
                        f.write(s["data"])
                    sql = sql.replace("{file}", f"{tmp}/{i}.tsv")
                if s["op"] == "multi":
                    script += f"delimiter //\n{sql}//\ndelimiter ;\n"
                else:
                    script += sql + ";\n"
                script += f"\\! echo @@ {i}\n"
            extra = ["-q"] if any(s.get("fetch") for s in some) else []
            p = subprocess.Popen([command[0], command[1], *extra, *command[2:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
            if interrupt:
                p.stdin.write(script)
                p.stdin.flush()
                try:
                    p.wait(interrupt)
                except subprocess.TimeoutExpired:
                    p.send_signal(signal.SIGINT)
                out = p.communicate()[0]
            else:
                out = p.communicate(script)[0]
        code, rows, said = None, None, 0
        for line in out.splitlines():
            m = re.match(r"ERROR (\d+) \(", line)
            if m:
                code = m.group(1)
                continue
            m = re.match(r"(?:(\d+) rows? in set|(Empty set))", line)
            if m:
                rows = (rows or 0) + int(m.group(1) or 0)
            elif line.startswith("@@ "):
                say(some[int(line.split()[1])], rows, code)
                code, rows, said = None, None, said + 1
        if said < len(some):
            say(some[said], rows, code)

    rest = []
    for s in steps:
        if s["op"] == "cancel" or s.get("fetch"):
            mysql(rest)
            rest = []
            mysql([s], 0.5 if s["op"] == "cancel" else None)
        else:
            rest.append(s)
    mysql(rest)


main()
