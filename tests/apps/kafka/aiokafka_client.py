# SPDX-License-Identifier: Apache-2.0
"""aiokafka; see client.py"""
import asyncio
import ssl
import sys
import time
from collections import Counter

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from client import LARGEST, TLS, consumed, messages, options, sent

SECURITY = {"security_protocol": "SSL", "ssl_context": ssl.create_default_context(cafile=TLS)} if TLS else {}


async def produce(o):
    producer = AIOKafkaProducer(bootstrap_servers=o.bootstrap, acks=o.acks if o.acks == "all" else int(o.acks),
                                compression_type=None if o.compression == "none" else o.compression,
                                max_request_size=LARGEST, transactional_id=o.txn_id, **SECURITY)
    await producer.start()
    futures = []

    async def send_all():
        for key, value in messages(o):
            futures.append(await producer.send(o.topic, key=key, value=value, headers=o.headers))
        await producer.flush()

    try:
        if o.txn:
            async with producer.transaction():
                await send_all()
        else:
            await asyncio.wait_for(send_all(), max(0.1, o.end - time.monotonic()))
        await asyncio.wait(futures, timeout=max(0.1, o.end - time.monotonic()))
    except Exception as e:
        print(repr(e), file=sys.stderr)
    finally:
        await producer.stop()
    return sum(f.done() and not f.cancelled() and f.exception() is None for f in futures)


async def consume(o):
    consumer = AIOKafkaConsumer(o.topic, bootstrap_servers=o.bootstrap, group_id=o.group, auto_offset_reset="earliest",
                                enable_auto_commit=False, **SECURITY)
    await consumer.start()
    partitions, n = Counter(), 0
    try:
        while n < o.n and time.monotonic() < o.end:
            for records in (await consumer.getmany(timeout_ms=500, max_records=o.n - n)).values():
                for r in records:
                    partitions[r.partition] += 1
                    n += 1
        if n:
            await consumer.commit()
    finally:
        await consumer.stop()
    return partitions


if __name__ == "__main__":
    opts = options()
    if opts.what == "produce":
        sent(opts, asyncio.run(produce(opts)))
    consumed(opts, asyncio.run(consume(opts)))
