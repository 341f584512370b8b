#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample service of `make demo`: a small shop on loopback that knows nothing of tracing.

It answers /products, /products/<id>, /orders (POST) and /health; one product in seven is unknown, and
now and then an order fails. Each order asks the service's own stock endpoint through a
second HTTP request, so that a client span appears as well. Prints its port and serves until it is ended.
"""
import json
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "shop"

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/health":
            self.answer(200, {"status": "ok"})
        elif path == "/products":
            time.sleep(0.003)
            self.answer(200, [{"id": i} for i in range(20)])
        elif path.startswith("/products/"):
            item = path.rsplit("/", 1)[1]
            known = item.isdigit() and int(item) % 7
            self.answer(200 if known else 404, {"id": item})
        elif path.startswith("/stock/"):
            time.sleep(0.001)
            self.answer(200, {"left": 3})
        else:
            self.answer(404, {"error": "not found"})

    do_HEAD = do_GET

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        item = int(order.get("product", 0))
        port = self.server.server_address[1]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/stock/{item}", timeout=5) as stock:
                stock.read()
        except urllib.error.URLError:
            pass
        if item % 11 == 10:
            self.answer(500, {"error": "payment failed"})
        else:
            self.answer(201, {"order": item})


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


main()
