#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTPS servers of Python: server.py threads|prefork|aiohttp [BASE...]. Prints its port.

Any path answers 200, /missing... 404; /chunk... in chunks, /big/N with N bytes; aiohttp asks each BASE for the same path first.
TLS_CERTS: directory of server.pem, server.key and ca.pem; TRUTH: file that gets a JSON line per request. TLS_OPT, with commas:
tls12 (no newer), mtls (clients need a certificate), renegotiate (clients may), stdin (listens at once, but takes the first
connection, and forks, after a line there).
"""
import asyncio
import http.server
import json
import os
import signal
import socket
import ssl
import sys
import threading

OPT = os.environ.get("TLS_OPT", "").split(",")
TRUTH = open(os.environ.get("TRUTH", "/dev/null"), "a", buffering=1, encoding="utf-8")


def context():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certs = os.environ["TLS_CERTS"]
    tls.load_cert_chain(certs + "/server.pem", certs + "/server.key")
    if "tls12" in OPT:
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
    if "mtls" in OPT:
        tls.load_verify_locations(certs + "/ca.pem")
        tls.verify_mode = ssl.CERT_REQUIRED
    if "renegotiate" in OPT:
        tls.options &= ~ssl.OP_NO_RENEGOTIATION
        tls.options |= 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION
    return tls


def truth(method, path, status, size, version, peer, host, port):
    print(json.dumps({"method": method, "path": path.split("?")[0], "status": status, "req_body": size,
                      "network.protocol.version": version, "url.scheme": "https", "network.peer.address": peer[0],
                      "network.peer.port": peer[1], "server.address": host.rpartition(":")[0], "server.port": port}), file=TRUTH)


def answer(path):
    """status, body, in chunks?"""
    status = 404 if path.startswith("/missing") else 200
    if path.startswith("/big/"):
        return status, b"x" * int(path[5:]), False
    return status, b"hello " + path[:40].encode() + b"\n", path.startswith("/chunk")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def setup(self):
        # the handshake is the thread's; until here the socket was the listener's
        self.request.do_handshake()
        super().setup()

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def any_method(self):
        size = int(self.headers.get("Content-Length", 0))
        left = size
        while left:
            left -= len(self.rfile.read(min(left, 65536)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while n := int(self.rfile.readline().split(b";")[0], 16):
                size += len(self.rfile.read(n))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        status, text, chunks = answer(self.path)
        self.send_response(status)
        if chunks:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (text[:3], text[3:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text)
        truth(self.command, self.path, status, size, self.request_version[5:], self.client_address, self.headers["Host"],
              self.server.server_address[1])

    do_GET = do_POST = do_PUT = do_HEAD = any_method

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

    def get_request(self):
        sock, peer = super().get_request()
        return CONTEXT.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request, client_address):
        pass  # clients that go away


def stdin_line():
    if "stdin" in OPT:
        sys.stdin.readline()


def threads():
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    stdin_line()
    server.serve_forever()


def prefork():
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    stdin_line()
    workers = []
    for _ in range(3):
        pid = os.fork()
        if not pid:
            server.serve_forever()
        workers.append(pid)

    def end(*_):
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    threading.Event().wait()


def aiohttp_server():
    from aiohttp import ClientSession, TCPConnector, web
    trust = ssl.create_default_context(cafile=os.environ["TLS_CERTS"] + "/ca.pem")

    async def ask(session, url):
        async with session.get(url) as r:
            await r.read()

    async def handle(request):
        size = len(await request.read())
        await asyncio.gather(*(ask(request.app["session"], base + request.path) for base in sys.argv[2:]))
        status, text, chunks = answer(request.path)
        if chunks:
            r = web.StreamResponse(status=status)
            r.enable_chunked_encoding()
            await r.prepare(request)
            await r.write(text[:3])
            await r.write(text[3:])
            await r.write_eof()
        else:
            r = web.Response(status=status, body=text)
        truth(request.method, request.path, status, size, "1.1", request.transport.get_extra_info("peername"), request.host, port)
        return r

    async def main():
        app = web.Application(client_max_size=1 << 30)
        app["session"] = ClientSession(connector=TCPConnector(ssl=trust, limit=0))
        app.router.add_route("*", "/{rest:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, sock, ssl_context=CONTEXT, backlog=1024).start()
        print(port, flush=True)
        await asyncio.Event().wait()

    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    asyncio.run(main())


CONTEXT = context()
{"threads": threads, "prefork": prefork, "aiohttp": aiohttp_server}[sys.argv[1]]()
