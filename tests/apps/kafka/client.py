# SPDX-License-Identifier: Apache-2.0
"""What the Python clients of tests/apps/kafka have in common, and what all clients of all languages do:
    produce BOOTSTRAP TOPIC N [--traceparent TP] [--compression none|gzip|snappy|lz4|zstd] [--acks 0|1|all] [--txn] [--size BYTES]
        N messages with keys, their values of BYTES (100); the truth {"sent": n}: what the library counts as delivered
    consume BOOTSTRAP TOPIC GROUP N
        from the group's offsets, or the beginning, until N messages have come; commits what was consumed and leaves the group;
        the truth {"consumed": n, "partitions": {"0": n}}
both [--timeout SECONDS] (60), after which it ends with 1 and what is true by then; 5 s later with 1 alone. Nothing is done before a
line on stdin. KAFKA_TLS=CA.PEM: over TLS, with a broker whose certificate is good by that CA (not Java). "sent" with --acks 0 is no
promise: a broker may still refuse, as with a topic made less than a second ago."""
import argparse
import json
import os
import signal
import sys
import time

KEY, VALUE = "CANARY-KEY-7f3a", "CANARY-VALUE-7f3a"
LARGEST = 64 << 20
TLS = os.environ.get("KAFKA_TLS")


def options():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers(dest="what", required=True)
    for what in ("produce", "consume"):
        p = sub.add_parser(what)
        p.add_argument("bootstrap")
        p.add_argument("topic")
        if what == "consume":
            p.add_argument("group")
        p.add_argument("n", type=int)
        p.add_argument("--timeout", type=float, default=60)
        if what == "produce":
            p.add_argument("--traceparent")
            p.add_argument("--compression", default="none", choices=("none", "gzip", "snappy", "lz4", "zstd"))
            p.add_argument("--acks", default="all", choices=("0", "1", "all"))
            p.add_argument("--txn", action="store_true")
            p.add_argument("--size", type=int, default=100)
    o = parser.parse_args()
    if not sys.stdin.readline():
        sys.exit("no line on stdin")
    o.end = time.monotonic() + o.timeout
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(int(o.timeout) + 5)
    if o.what == "produce":
        o.headers = [("traceparent", o.traceparent.encode())] if o.traceparent else []
        o.txn_id = "oe-txn-%d" % time.time_ns() if o.txn else None
    return o


def too_long(*_):
    print("no end in time", file=sys.stderr, flush=True)
    os._exit(1)


def messages(o):
    """keys and values"""
    for i in range(o.n):
        yield b"%s-%d" % (KEY.encode(), i), (b"%s-%d-" % (VALUE.encode(), i)).ljust(o.size, b"x")[:max(o.size, 0)]


def sent(o, n):
    print(json.dumps({"sent": n}), flush=True)
    sys.exit(n != o.n)


def consumed(o, partitions):
    n = sum(partitions.values())
    print(json.dumps({"consumed": n, "partitions": {str(p): c for p, c in sorted(partitions.items())}}), flush=True)
    sys.exit(n != o.n)
