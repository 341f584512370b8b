#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hard cases of HTTP/1 from a raw socket: rawclient.py HOST:PORT SCENARIO [N]

Prints one JSON line per request that a server should have answered: method, path, status. TLS_CERTS: over TLS, trusting ca.pem
of that directory.
"""
import json
import os
import socket
import ssl
import sys
import time


TLS = ssl.create_default_context(cafile=os.environ["TLS_CERTS"] + "/ca.pem") if "TLS_CERTS" in os.environ else None


class Conn:
    def __init__(self, addr):
        host, _, port = addr.rpartition(":")
        self.s = socket.create_connection((host, int(port)), timeout=20)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if TLS:
            self.s = TLS.wrap_socket(self.s, server_hostname=host)
        self.buf = b""

    def send(self, data):
        self.s.sendall(data)

    def more(self):
        data = self.s.recv(65536)
        self.buf += data
        return bool(data)

    def response(self, method="GET"):
        """Reads one final response; returns its status."""
        while True:
            while b"\r\n\r\n" not in self.buf:
                if not self.more():
                    return None
            head, _, self.buf = self.buf.partition(b"\r\n\r\n")
            status = int(head.split()[1])
            if status >= 200 or status == 101:
                break
        fields = {}
        for line in head.split(b"\r\n")[1:]:
            k, _, v = line.partition(b":")
            fields[k.strip().lower()] = v.strip()
        if method == "HEAD" or status in (101, 204, 304):
            return status
        if fields.get(b"transfer-encoding") == b"chunked":
            while True:
                while b"\r\n" not in self.buf:
                    self.more()
                size, _, self.buf = self.buf.partition(b"\r\n")
                n = int(size, 16)
                while len(self.buf) < n + 2:
                    self.more()
                self.buf = self.buf[n + 2:]
                if n == 0:
                    return status
        if b"content-length" in fields:
            n = int(fields[b"content-length"])
            while len(self.buf) < n:
                if not self.more():
                    break
            self.buf = self.buf[n:]
            return status
        while self.more():
            pass
        return status


def out(method, path, status):
    print(json.dumps({"method": method, "path": path, "status": status}), flush=True)


def req(path, method="GET", extra="", body=b"", version="1.1"):
    cl = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/{version}\r\nHost: raw.test\r\n{extra}{cl}\r\n".encode() + body


def keepalive(addr, n):
    c = Conn(addr)
    for i in range(n):
        c.send(req(f"/ka/{i}"))
        out("GET", f"/ka/{i}", c.response())


def pipeline(addr, n):
    c = Conn(addr)
    c.send(b"".join(req(f"/p/{i}") for i in range(n)))
    for i in range(n):
        out("GET", f"/p/{i}", c.response())


def pipeline_bursts(addr, n):
    c = Conn(addr)
    for b in range(0, n, 16):
        c.send(b"".join(req(f"/pb/{i}") for i in range(b, min(n, b + 16))))
        for i in range(b, min(n, b + 16)):
            out("GET", f"/pb/{i}", c.response())


def slow(addr, n):
    c = Conn(addr)
    for i in range(n):
        for byte in req(f"/slow/{i}"):
            c.send(bytes([byte]))
            time.sleep(0.002)
        out("GET", f"/slow/{i}", c.response())


def split(addr, n):
    c = Conn(addr)
    for i in range(n):
        data = req(f"/split/{i}", "POST", body=b"x" * 300)
        at = 1 + i * 7 % len(data)
        c.send(data[:at])
        time.sleep(0.01)
        c.send(data[at:])
        out("POST", f"/split/{i}", c.response())


def chunked(addr, n):
    c = Conn(addr)
    for i in range(n):
        c.send(f"POST /chunk/{i} HTTP/1.1\r\nHost: raw.test\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        c.send(b"5;ext=1\r\nhello\r\n")
        time.sleep(0.005)
        c.send(b"A\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n")
        out("POST", f"/chunk/{i}", c.response())


def head(addr, n):
    c = Conn(addr)
    for i in range(n):
        c.send(req(f"/head/{i}", "HEAD"))
        out("HEAD", f"/head/{i}", c.response("HEAD"))
        c.send(req(f"/head/{i}"))
        out("GET", f"/head/{i}", c.response())


def http10(addr, n):
    for i in range(n):
        c = Conn(addr)
        c.send(req(f"/old/{i}", version="1.0"))
        out("GET", f"/old/{i}", c.response())


def longurl(addr, n):
    for size in (3000, 7000):
        c = Conn(addr)
        path = "/long/" + "a" * size
        c.send(req(path))
        out("GET", path, c.response())
        c.send(req("/after"))
        out("GET", "/after", c.response())


def expect100(addr, n):
    c = Conn(addr)
    for i in range(n):
        c.send(f"POST /expect/{i} HTTP/1.1\r\nHost: raw.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n".encode())
        time.sleep(0.02)
        c.send(b"hello")
        out("POST", f"/expect/{i}", c.response())


def methods(addr, n):
    c = Conn(addr)
    for m in ("PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "X-ODD"):
        c.send(req(f"/m/{m.lower()}", m))
        status = c.response(m)
        if status is None:
            c = Conn(addr)
        out(m, f"/m/{m.lower()}", status)


def garbage(addr, n):
    """Bytes that are no HTTP; nothing may come of them."""
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), b"SSH-2.0-OpenSSH_9.2\r\n",
                 b"\x00" * 64, b"GET\r\n\r\n", b"*3\r\n$3\r\nSET\r\n", b"HELO there\r\n"):
        c = Conn(addr)
        c.send(data)
        c.s.shutdown(socket.SHUT_WR)
        try:
            while c.more():
                pass
        except OSError:
            pass


def abort(addr, n):
    """Connections that end in the middle of a request: no request was made."""
    for i in range(n):
        c = Conn(addr)
        c.send(f"GET /abort/{i} HTTP/1.1\r\nHos".encode())
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        c.s.close()


def halfclose(addr, n):
    for i in range(n):
        c = Conn(addr)
        c.send(req(f"/half/{i}", extra="Connection: close\r\n"))
        c.s.shutdown(socket.SHUT_WR)
        out("GET", f"/half/{i}", c.response())


def many(addr, n):
    conns = [Conn(addr) for _ in range(n)]
    for i, c in enumerate(conns):
        c.send(req(f"/many/{i}"))
    for i, c in enumerate(conns):
        out("GET", f"/many/{i}", c.response())


def slowread(addr, n):
    """Answers of 8 MB that are left lying until the server cannot write any more, then another request."""
    c = Conn(addr)
    for i in range(n):
        path = f"/big/{8000000 + i}"
        c.send(req(path))
        c.more()
        time.sleep(0.3)
        out("GET", path, c.response())
        c.send(req(f"/after/{i}"))
        out("GET", f"/after/{i}", c.response())


def trace(addr, n):
    c = Conn(addr)
    c.send(req("/traced", extra="traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                                "tracestate: vendor=x\r\n"))
    out("GET", "/traced", c.response())
    c.send(req("/badtrace", extra="traceparent: 00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01\r\n"))
    out("GET", "/badtrace", c.response())


def main():
    addr, name = sys.argv[1], sys.argv[2]
    globals()[name](addr, int(sys.argv[3]) if len(sys.argv) > 3 else 10)


main()
