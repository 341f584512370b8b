# SPDX-License-Identifier: Apache-2.0
"""gRPC peer in Python (grpcio): echo.py server PORT | client TARGET SCENARIO [N]; see tests/tools/grpc_app.sh."""
import itertools
import os
import random
import signal
import string
import sys
import threading
from concurrent import futures

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import grpc  # noqa: E402

pb, svc = grpc.protos_and_services("echo.proto")  # compiled in memory by grpcio-tools
CODES = {c.value[0]: c for c in grpc.StatusCode}
OPTIONS = [("grpc.max_metadata_size", 1 << 16), ("grpc.absolute_max_metadata_size", 1 << 17),
           ("grpc.enable_http_proxy", 0), ("grpc.so_reuseport", 0)]


class Echo(svc.EchoServicer):
    @staticmethod
    def nap(req, ctx):
        if req.sleep_ms > 0:
            over = threading.Event()
            if ctx.add_callback(over.set):
                over.wait(req.sleep_ms / 1000)

    @staticmethod
    def end(req, ctx):
        if req.code:
            ctx.abort(CODES.get(req.code, grpc.StatusCode.UNKNOWN), req.message)

    def Unary(self, req, ctx):
        self.nap(req, ctx)
        self.end(req, ctx)
        return pb.Rep(payload=b"x" * req.size, got=1)

    def ClientStream(self, reqs, ctx):
        got, last = 0, pb.Req()
        for last in reqs:
            got += 1
        self.nap(last, ctx)
        self.end(last, ctx)
        return pb.Rep(payload=b"x" * last.size, got=got)

    def ServerStream(self, req, ctx):
        for _ in range(req.count):
            self.nap(req, ctx)
            if not ctx.is_active():
                return
            yield pb.Rep(payload=b"x" * req.size, got=1)
        self.end(req, ctx)

    def Bidi(self, reqs, ctx):
        got = 0
        for req in reqs:
            got += 1
            self.nap(req, ctx)
            self.end(req, ctx)
            yield pb.Rep(payload=b"x" * req.size, got=got)


def serve(where):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=OPTIONS)
    svc.add_EchoServicer_to_server(Echo(), server)
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    checks.set("oe.test.Echo", health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection(["oe.test.Echo", "grpc.health.v1.Health", reflection.SERVICE_NAME], server)
    if not server.add_insecure_port(where if where.startswith("unix:") else "127.0.0.1:" + where):
        sys.exit("cannot listen on " + where)
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print("ready", flush=True)
    server.wait_for_termination()


def text(n):
    return "".join(random.choices(string.ascii_letters + string.digits, k=n))


class Client:
    def __init__(self, target):
        self.chan = grpc.insecure_channel(target, options=OPTIONS)
        self.stub = svc.EchoStub(self.chan)
        self.sent = 0

    def feed(self, reqs):
        for req in reqs:
            self.sent += 1
            yield req

    @staticmethod
    def say(method, code, sent, received):
        print("oe.test.Echo/" + method, code.name, sent, received, flush=True)

    def unary(self, req, **kw):
        try:
            self.stub.Unary(req, **kw)
            return grpc.StatusCode.OK, 1
        except grpc.RpcError as e:
            return e.code(), 0

    def say_unary(self, req, **kw):
        code, received = self.unary(req, **kw)
        self.say("Unary", code, 1, received)

    def streams(self):
        self.sent = 0
        try:
            self.stub.ClientStream(self.feed(pb.Req(text="part %d" % i, size=10) for i in range(5)))
            code, received = grpc.StatusCode.OK, 1
        except grpc.RpcError as e:
            code, received = e.code(), 0
        self.say("ClientStream", code, self.sent, received)
        call, received = self.stub.ServerStream(pb.Req(text="more", count=7, size=100)), 0
        try:
            for _ in call:
                received += 1
        except grpc.RpcError:
            pass
        self.say("ServerStream", call.code(), 1, received)
        turn = threading.Semaphore(1)

        def pings():
            for i in range(3):
                turn.acquire()
                yield pb.Req(text="ping %d" % i, size=10)
            turn.acquire()

        self.sent = 0
        call, received = self.stub.Bidi(self.feed(pings())), 0
        try:
            for _ in call:
                received += 1
                turn.release()
        except grpc.RpcError:
            turn.release()
        self.say("Bidi", call.code(), self.sent, received)

    def cancel(self):
        call, received = self.stub.ServerStream(pb.Req(text="stop me", count=1000, size=10, sleep_ms=5)), 0
        try:
            for _ in call:
                received += 1
                call.cancel()
                break
        except grpc.RpcError:
            pass
        self.say("ServerStream", call.code(), 1, received)

    def load(self, n):
        tally, numbers = {}, itertools.count()

        def work(_):
            mine = {}
            for i in iter(numbers.__next__, -1):
                if i >= n:
                    break
                code, _ = self.unary(pb.Req(text="load", code=(0, 3, 5, 13)[i % 4], size=10, message="as asked"))
                mine[code] = mine.get(code, 0) + 1
            return mine

        with futures.ThreadPoolExecutor(max_workers=8) as pool:
            for mine in pool.map(work, range(8)):
                for code, k in mine.items():
                    tally[code] = tally.get(code, 0) + k
        for code in sorted(tally, key=lambda c: c.value[0]):
            print("oe.test.Echo/Unary", code.name, tally[code], flush=True)

    def run(self, scenario, n):
        if scenario == "load":
            return self.load(n)
        for i in range(n):
            if scenario == "unary":
                self.say_unary(pb.Req(text="hello %d" % i, size=10))
            elif scenario == "codes":
                self.say_unary(pb.Req(text="code", code=i % 17, size=10, message="héllo wörld %"))
            elif scenario == "streams":
                self.streams()
            elif scenario == "deadline":
                self.say_unary(pb.Req(text="slow", sleep_ms=2000), timeout=0.1)
            elif scenario == "cancel":
                self.cancel()
            elif scenario == "large":
                self.say_unary(pb.Req(text="a" * 300000, size=1000000))
            elif scenario == "metadata":
                meta = [("x-meta-%02d" % k, text(300)) for k in range(40)]
                meta.append(("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
                self.say_unary(pb.Req(text="metadata", size=10), metadata=meta)
            elif scenario == "unimplemented":
                nope = self.chan.unary_unary("/oe.test.Echo/Nope", pb.Req.SerializeToString, pb.Rep.FromString)
                try:
                    nope(pb.Req(text="nope"))
                    self.say("Nope", grpc.StatusCode.OK, 1, 1)
                except grpc.RpcError as e:
                    self.say("Nope", e.code(), 1, 0)
            else:
                sys.exit("no scenario " + scenario)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "server":
        serve(sys.argv[2])
    elif len(sys.argv) in (4, 5) and sys.argv[1] == "client":
        Client(sys.argv[2]).run(sys.argv[3], int(sys.argv[4]) if len(sys.argv) == 5 else 1)
    else:
        sys.exit("usage: server PORT | client TARGET SCENARIO [N]")


main()
