# SPDX-License-Identifier: Apache-2.0
"""librdkafka's mock cluster in a process of its own: prints its port, stays until it is ended. Topics come into being
when they are asked for, with four partitions."""
import signal

from confluent_kafka import Producer

p = Producer({"test.mock.num.brokers": 1, "log_level": 3})
broker = next(iter(p.list_topics(timeout=10).brokers.values()))
print(broker.port, flush=True)
signal.pause()
