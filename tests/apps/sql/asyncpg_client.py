# SPDX-License-Identifier: Apache-2.0
"""asyncpg: what returns rows is prepared, the rest is a simple query; portals for cursors; pipelined executemany."""
import asyncio
import io
import json
import sys

import asyncpg

from client import say


async def prepared(conn, step):
    for values in step["sets"]:
        try:
            if step["rows"]:
                say(step, len(await conn.fetch(step["sql"], *values)))
            else:
                await conn.execute(step["sql"], *values)
                say(step)
        except asyncpg.PostgresError as e:
            say(step, code=e.sqlstate)


async def do(conn, step):
    op, sql = step["op"], step["sql"]
    if op == "prepared":
        return await prepared(conn, step)
    if op == "batch":
        await conn.executemany(sql, step["sets"])
        for _ in step["sets"]:
            say(step)
        return None
    if op == "cancel":
        try:
            await conn.fetch(sql, timeout=0.3)
        except asyncio.TimeoutError:
            # it has sent a CancelRequest, and read the answer on the caller's behalf
            say(step, code="57014")
        return None
    if op == "large" and step["fetch"]:
        n = 0
        async with conn.transaction():
            async for _ in conn.cursor(sql, prefetch=step["fetch"]):
                n += 1
        return say(step, n)
    try:
        if op == "copy_in":
            # it writes the statement itself
            csv = "csv" in sql
            await conn.copy_to_table("customers", source=io.BytesIO(step["data"].encode()), columns=["id", "name", "email"],
                                     **({"format": "csv"} if csv else {}))
            return say(step, **copied(csv))
        if op == "copy_out":
            out = io.BytesIO()
            if "(" in sql:
                await conn.copy_from_query(sql.split("(", 1)[1].rsplit(")", 1)[0], output=out)
            else:
                await conn.copy_from_table("items", output=out)
                return say(step, **{"db.query.text": 'COPY "items" TO STDOUT'})
            return say(step)
        if step["rows"]:
            say(step, len(await conn.fetch(sql)))
        else:
            await conn.execute(sql)
            say(step)
    except asyncpg.PostgresError as e:
        say(step, code=e.sqlstate, **(copied("csv" in sql) if op == "copy_in" else {}))
    return None


def copied(csv):
    return {"db.query.text": 'COPY "customers"("id", "name", "email") FROM STDIN' + (" (FORMAT ?)" if csv else "")}


async def main():
    where, port, user, password, db, steps = sys.argv[1:7]
    conn = await asyncpg.connect(host=where.rsplit("/", 1)[0] if where.startswith("/") else where, port=int(port), user=user,
                                 password=password, database=db)
    with open(steps, encoding="utf-8") as f:
        for line in f:
            await do(conn, json.loads(line))
    await conn.close()


asyncio.run(main())
