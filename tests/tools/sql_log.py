#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sql_log.py postgresql|mariadb|mysql LOG TRUTH: does what a client said it did (tests/apps/sql) agree with the server's own log of
statements? Compares the statements that have the marks of the scenarios (and, for PostgreSQL, their SQLSTATEs) as a multiset.
Literals are taken out here by rules of its own, good for the texts of the scenarios and not for more."""
import collections
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "apps", "sql"))
sys.dont_write_bytecode = True
import scenarios  # noqa: E402

LITERAL = {
    "postgresql": r"""(?P<s>\bE'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$q\$.*?\$q\$)|/\*.*?\*/""",
    "mysql": r"""(?P<s>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")|/\*.*?\*/""",
}
NUMBER = r"(?<![\w$?])-?(?:0x[0-9A-Fa-f]+|\d+(?:\.\d+)?(?:e\d+)?)\b(?![\w\"])"


def clean(sql, system):
    sql = re.sub(LITERAL[system], lambda m: "?" if m.group("s") else "", sql, flags=re.S)
    sql = re.sub(NUMBER, "?", sql)
    sql = re.sub(r"\s+", " ", sql).strip().rstrip(";").strip()
    atom = r"(?:\?|\$\d+|NULL)"
    row = rf"\(\s*{atom}(?:\s*,\s*{atom})*\s*\)"
    sql = re.sub(rf"\bIN {row}", "IN (?)", sql)
    return re.sub(rf"\bVALUES\s*{row}(?:\s*,\s*{row})*", "VALUES (?)", sql, flags=re.I)


def postgresql(path):
    """[text, code] of each statement"""
    records = []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = re.match(r"(\d+) (\w{5})\|(\w+):  (.*)", line.rstrip("\n"), re.S)
            if m:
                records.append(list(m.groups()))
            elif records:
                records[-1][3] += "\n" + line.strip("\n").lstrip("\t")
    last, code = {}, {}
    for pid, state, kind, text in records:
        if kind in ("LOG", "ERROR") and pid in code and pid in last:
            # an error that is of no statement any more, but of its Sync
            last[pid][1] = last[pid][1] or code.pop(pid)
        if kind == "LOG":
            m = re.match(r"(?:statement|execute (?!fetch from)[^:]*): (.*)", text, re.S)
            if m:
                last[pid] = [m.group(1), None]
                yield last[pid]
        elif kind in ("ERROR", "FATAL"):
            code[pid] = state
        elif kind == "STATEMENT" and pid in code:
            state = code.pop(pid)
            if pid in last and last[pid][0] == text and last[pid][1] is None:
                last[pid][1] = state
            else:
                # refused before it was executed
                last[pid] = [text, state]
                yield last[pid]
    for pid, state in code.items():
        if pid in last:
            last[pid][1] = last[pid][1] or state


def mysql(path):
    records = []
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            m = re.match(r"(?:\d{6}\s+[\d:]+|\d{4}-\d\d-\d\dT\S+)?\s*(\d+) ([A-Z][A-Za-z ]+)\t(.*)", line.rstrip("\n"), re.S)
            if m:
                records.append(list(m.groups()))
            elif records:
                records[-1][2] += "\n" + line.rstrip("\n")
    for _, command, text in records:
        if command in ("Query", "Execute", "Bulk_execute"):
            yield [text, None]


def main():
    system, log, truth = sys.argv[1:4]
    mark = re.compile(scenarios.MARK)
    have, want, refused = collections.Counter(), collections.Counter(), []
    for text, code in list(postgresql(log) if system == "postgresql" else mysql(log)):
        if mark.search(text) or code:
            have[clean(text, "postgresql" if system == "postgresql" else "mysql"), code] += 1
    with open(truth, encoding="utf-8") as f:
        for line in f:
            t = json.loads(line)
            text, code = t["db.query.text"], t.get("db.response.status_code")
            if system == "postgresql":
                if mark.search(text) or code:
                    want[text, code] += 1
                continue
            # no codes there
            if system == "mariadb":
                # a bulk UPDATE is logged row by row
                if mark.search(text):
                    want[text, None] += t.get("db.operation.batch.size", 1) if text.startswith("UPDATE") and ";" not in text else 1
                continue
            # MySQL has the statements of a text one by one
            parts = text.split("; ")
            for p in parts[:-1] if code and len(parts) > 1 else parts:
                if mark.search(p):
                    want[p, None] += 1
                    refused += [(p, None)] if code else []
    if system == "mysql":
        # it does not log what it cannot parse or prepare
        for key in refused:
            if want[key] > have[key]:
                want[key] -= 1
    for what, items in (("only in the log", have - want), ("only in the truth", want - have)):
        for (text, code), n in sorted(items.items(), key=str)[:20]:
            print(f"{what}: {n} x {code or ''} {text[:200]}")
    print(f"{sum(want.values())} statements, {sum((want & have).values())} of them in both")
    return 0 if want and want == have else 1


sys.exit(main())
