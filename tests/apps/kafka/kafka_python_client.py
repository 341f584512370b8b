# SPDX-License-Identifier: Apache-2.0
"""kafka-python; see client.py"""
import sys
import time
from collections import Counter

from client import LARGEST, TLS, consumed, messages, options, sent
from kafka import KafkaConsumer, KafkaProducer

SECURITY = {"security_protocol": "SSL", "ssl_cafile": TLS} if TLS else {}


def produce(o):
    conf = {"bootstrap_servers": o.bootstrap, "acks": o.acks if o.acks == "all" else int(o.acks),
            "compression_type": None if o.compression == "none" else o.compression, "max_request_size": LARGEST,
            "max_block_ms": int(1000 * o.timeout), **SECURITY}
    if o.acks != "all":
        conf["enable_idempotence"] = False
    if o.txn:
        conf["transactional_id"] = o.txn_id
    producer = KafkaProducer(**conf)
    if o.txn:
        producer.init_transactions()
        producer.begin_transaction()
    futures = [producer.send(o.topic, key=key, value=value, headers=o.headers) for key, value in messages(o)]
    producer.flush(timeout=max(0.1, o.end - time.monotonic()))
    if o.txn:
        producer.commit_transaction()
    for f in futures:
        if f.failed():
            print(f.exception, file=sys.stderr)
            break
    producer.close(timeout=5)
    sent(o, sum(f.succeeded() for f in futures))


def consume(o):
    consumer = KafkaConsumer(o.topic, bootstrap_servers=o.bootstrap, group_id=o.group, auto_offset_reset="earliest",
                             enable_auto_commit=False, **SECURITY)
    partitions, n = Counter(), 0
    while n < o.n and time.monotonic() < o.end:
        for records in consumer.poll(timeout_ms=500, max_records=o.n - n).values():
            for r in records:
                partitions[r.partition] += 1
                n += 1
    if n:
        consumer.commit()
    consumer.close()
    consumed(o, partitions)


if __name__ == "__main__":
    opts = options()
    produce(opts) if opts.what == "produce" else consume(opts)
