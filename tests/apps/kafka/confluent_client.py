# SPDX-License-Identifier: Apache-2.0
"""confluent-kafka (librdkafka); see client.py"""
import time
from collections import Counter

from client import LARGEST, TLS, consumed, messages, options, sent
from confluent_kafka import Consumer, Producer

SECURITY = {"security.protocol": "SSL", "ssl.ca.location": TLS} if TLS else {}


def produce(o):
    conf = {"bootstrap.servers": o.bootstrap, "compression.type": o.compression, "acks": o.acks, "message.max.bytes": LARGEST,
            **SECURITY}
    if o.txn:
        conf["transactional.id"] = o.txn_id
    producer = Producer(conf)
    done = []

    def delivered(err, _msg):
        if err is None:
            done.append(1)

    if o.txn:
        producer.init_transactions(o.timeout)
        producer.begin_transaction()
    for key, value in messages(o):
        while True:
            try:
                producer.produce(o.topic, key=key, value=value, headers=o.headers or None, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if o.txn:
        producer.commit_transaction(o.timeout)
    producer.flush(max(0.1, o.end - time.monotonic()))
    sent(o, len(done))


def consume(o):
    consumer = Consumer({"bootstrap.servers": o.bootstrap, "group.id": o.group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "fetch.message.max.bytes": 1 << 20,
                         "receive.message.max.bytes": LARGEST + (1 << 20), **SECURITY})
    consumer.subscribe([o.topic])
    partitions, n = Counter(), 0
    while n < o.n and time.monotonic() < o.end:
        for m in consumer.consume(min(500, o.n - n), 0.5):
            if m.error() is None:
                partitions[m.partition()] += 1
                n += 1
    if n:
        consumer.commit(asynchronous=False)
    consumer.close()
    consumed(o, partitions)


if __name__ == "__main__":
    opts = options()
    produce(opts) if opts.what == "produce" else consume(opts)
