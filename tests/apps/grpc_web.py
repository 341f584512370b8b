#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gRPC-Web over HTTP/1.1 by hand: grpc_web.py server prints its port; grpc_web.py client PORT prints one JSON object per call."""
import base64
import http.client
import http.server
import json
import struct
import sys


def part(flag, payload):
    return bytes([flag]) + struct.pack(">I", len(payload)) + payload


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if self.path.endswith("/Refused"):  # a head is all there is
            self.send_header("grpc-status", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        messages = part(0, b"hello") + part(0, b"x" * 3000)
        trailers = part(0x80, b"grpc-status: 5\r\ngrpc-message: nope%20x\r\n")
        body = messages + trailers
        if "text" in kind:
            body = base64.b64encode(messages) + base64.b64encode(trailers)
        if self.path.endswith("/Chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(0, len(body), 700):
                piece = body[i:i + 700]
                self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def main():
    if sys.argv[1] == "server":
        s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(s.server_address[1], flush=True)
        s.serve_forever()
    c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
    for kind in ("application/grpc-web+proto", "application/grpc-web-text"):
        for method in ("Plain", "Chunked", "Refused"):
            body = part(0, b"request")
            if "text" in kind:
                body = base64.b64encode(body)
            c.request("POST", f"/oe.test.Web/{method}", body, {"Content-Type": kind})
            c.getresponse().read()
            refused = method == "Refused"
            print(json.dumps({
                "name": f"oe.test.Web/{method}",
                "rpc.response.status_code": "PERMISSION_DENIED" if refused else "NOT_FOUND",
                "otel_ebpf.rpc.request.message_count": 1,
                "otel_ebpf.rpc.response.message_count": 0 if refused else 2,
            }))


main()
