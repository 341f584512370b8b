#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC with the official Python library (gRPC's C core). Messages are bytes; no generated code.

grpc_py.py server                        prints its port
grpc_py.py client PORT SCENARIO [N]      prints one JSON object per call: what a span of it must say
GRPC_TLS=DIR: over TLS, with the certificates that tls_certs.sh made there
"""
import json
import os
import sys
import threading
import time
from concurrent import futures

import grpc

SERVICE = "oe.test.Echo"
CODES = list(grpc.StatusCode)
TLS = os.environ.get("GRPC_TLS")


def raw(b):
    return b


def pem(name):
    with open(os.path.join(TLS, name), "rb") as f:
        return f.read()


class Echo(grpc.GenericRpcHandler):
    """Requests: code, count, size, delay in ms as JSON."""

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]

        def finish(ctx, q):
            if q.get("delay"):
                time.sleep(q["delay"] / 1000)
            if q.get("code"):
                ctx.abort(CODES[q["code"]], "h\u00e9llo w\u00f6rld %")

        def unary(req, ctx):
            q = json.loads(req.split(b"\0")[0])
            finish(ctx, q)
            return b"r" * q.get("size", 3)

        def down(req, ctx):
            q = json.loads(req.split(b"\0")[0])
            for _ in range(q.get("count", 0)):
                yield b"d" * q.get("size", 3)
            finish(ctx, q)

        def up(it, ctx):
            return b"%d" % sum(len(x) for x in it)

        def both(it, ctx):
            for x in it:
                yield x

        make = {
            "Unary": lambda: grpc.unary_unary_rpc_method_handler(unary, raw, raw),
            "Down": lambda: grpc.unary_stream_rpc_method_handler(down, raw, raw),
            "Up": lambda: grpc.stream_unary_rpc_method_handler(up, raw, raw),
            "Both": lambda: grpc.stream_stream_rpc_method_handler(both, raw, raw),
        }.get(name)
        return make() if make and details.method.startswith("/" + SERVICE) else None


def serve():
    s = grpc.server(futures.ThreadPoolExecutor(16))
    s.add_generic_rpc_handlers((Echo(),))
    if TLS:
        port = s.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(pem("server.key"), pem("server.pem"))]))
    else:
        port = s.add_insecure_port("127.0.0.1:0")
    s.start()
    print(port, flush=True)
    s.wait_for_termination()


class Client:
    def __init__(self, target):
        options = [("grpc.max_receive_message_length", -1)]
        if TLS:
            self.ch = grpc.secure_channel(target, grpc.ssl_channel_credentials(pem("ca.pem")), options=options)
        else:
            self.ch = grpc.insecure_channel(target, options=options)
        self.lock = threading.Lock()

    def say(self, name, code, sent=None, got=None):
        o = {"name": f"{SERVICE}/{name}", "rpc.response.status_code": code}
        if sent is not None and (sent, got) != (1, 1):
            o["otel_ebpf.rpc.request.message_count"] = sent
            o["otel_ebpf.rpc.response.message_count"] = got
        with self.lock:
            print(json.dumps(o))

    def unary(self, name="Unary", pad=0, timeout=None, metadata=None, **q):
        call = self.ch.unary_unary(f"/{SERVICE}/{name}", raw, raw)
        try:
            call(json.dumps(q).encode() + b"\0" * pad, timeout=timeout, metadata=metadata)
            self.say(name, "OK")
        except grpc.RpcError as e:
            self.say(name, e.code().name)

    def streams(self):
        self.ch.stream_unary(f"/{SERVICE}/Up", raw, raw)(iter([b"a", b"bb", b"ccc", b"", b"e"]))
        self.say("Up", "OK", 5, 1)
        n = len(list(self.ch.unary_stream(f"/{SERVICE}/Down", raw, raw)(b'{"count": 7}')))
        self.say("Down", "OK", 1, n)
        n = len(list(self.ch.stream_stream(f"/{SERVICE}/Both", raw, raw)(iter([b"1", b"22", b"333"]))))
        self.say("Both", "OK", 3, n)
        try:
            n = 0
            for _ in self.ch.unary_stream(f"/{SERVICE}/Down", raw, raw)(b'{"count": 2, "code": 7}'):
                n += 1
        except grpc.RpcError as e:
            self.say("Down", e.code().name, 1, n)

    def packed(self):
        for count, size in ((1000, 200), (300, 3000), (20, 100000), (2000, 20)):
            q = json.dumps({"count": count, "size": size}).encode()
            self.say("Down", "OK", 1, len(list(self.ch.unary_stream(f"/{SERVICE}/Down", raw, raw)(q))))

    def cancel(self):
        it = self.ch.unary_stream(f"/{SERVICE}/Down", raw, raw)(b'{"count": 1, "delay": 3000}')
        next(it)
        it.cancel()
        self.say("Down", "CANCELLED")

    def run(self, scenario, n):
        for i in range(n):
            if scenario == "unary":
                self.unary()
            elif scenario == "codes":
                self.unary(code=i % 17)
            elif scenario == "deadline":
                self.unary(delay=2000, timeout=0.1)
            elif scenario == "unimplemented":
                self.unary(name="Nope")
            elif scenario == "large":
                self.unary(pad=300000, size=1000000)
            elif scenario == "metadata":
                self.unary(metadata=[(f"x-{i}-{k}", "v" * 400 + str(time.time())) for k in range(40)]
                           + [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
            elif scenario == "tracebin":
                self.unary(metadata=[("grpc-trace-bin", bytes.fromhex(
                    "00000af7651916cd43dd8448eb211c80319c01b7ad6b71692033310201"))])
            else:
                getattr(self, scenario)()


def main():
    if sys.argv[1] == "server":
        serve()
    c = Client(f"127.0.0.1:{sys.argv[2]}")
    c.run(sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    c.ch.close()


main()
