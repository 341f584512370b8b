#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Libraries of TLS called from Python through ctypes, to have them in ways that no program at hand has.

dl.py curl LIBCURL BASE               libcurl of another make: some requests on one connection, by HTTP/1.1 and HTTP/2
dl.py openssl LIBSSL PORT N WAYS      N times for each way: load, GET /WAY/i and /WAY/i/again, unload; a % of the path is i, and
                                      each load waits for a line, and each use for another; without % it is there when we are
                                      ready. WAYS, with commas: plain (SSL_read, SSL_write), ex (SSL_read_ex, SSL_write_ex), bio
                                      (through BIO_f_ssl), peek (SSL_peek before each read), rwfd (two descriptors of the same
                                      socket), small (few bytes a call)
Both print ready and go on after a line of standard input. TLS_CERTS: directory of ca.pem.
"""
import ctypes
import os
import socket
import sys
from ctypes import c_char_p, c_int, c_long, c_size_t, c_void_p

import _ctypes


def go():
    print("ready", flush=True)
    sys.stdin.readline()


def curl(path, base):
    lib = ctypes.CDLL(path)
    lib.curl_easy_init.restype = c_void_p
    sink_type = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_size_t, c_size_t, c_void_p)
    sink = sink_type(lambda data, size, n, user: size * n)

    def opt(handle, number, v):
        lib.curl_easy_setopt(c_void_p(handle), c_int(number), v)

    go()
    for version, name in ((2, "h1"), (4, "h2")):  # CURL_HTTP_VERSION_1_1, _2TLS
        handle = lib.curl_easy_init()
        opt(handle, 10065, c_char_p(f"{os.environ['TLS_CERTS']}/ca.pem".encode()))  # CAINFO
        opt(handle, 84, c_long(version))
        opt(handle, 20011, sink)  # WRITEFUNCTION
        opt(handle, 10102, c_char_p(b"gzip"))
        for i in range(10):
            for target in (f"/{name}/{i}", f"/missing/{name}/{i}", f"/gz/{name}/{i}"):
                opt(handle, 10002, c_char_p((base + target).encode()))  # URL
                if rc := lib.curl_easy_perform(c_void_p(handle)):
                    sys.exit(f"curl: {rc}")
        body = b"x" * 100000
        opt(handle, 60, c_long(len(body)))  # POSTFIELDSIZE
        opt(handle, 10015, c_char_p(body))
        opt(handle, 10002, c_char_p(f"{base}/up/{name}".encode()))
        if rc := lib.curl_easy_perform(c_void_p(handle)):
            sys.exit(f"curl: {rc}")
        lib.curl_easy_cleanup(c_void_p(handle))


class OpenSSL:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.crypto = None
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(self.lib, name).restype = c_void_p
        self.ctx = c_void_p(self.lib.SSL_CTX_new(c_void_p(self.lib.TLS_client_method())))
        self.lib.SSL_CTX_load_verify_locations(self.ctx, f"{os.environ['TLS_CERTS']}/ca.pem".encode(), None)
        self.lib.SSL_CTX_set_verify(self.ctx, 1, None)

    def bio(self, method, *args):
        """the functions of libcrypto, which libssl brought along"""
        if not self.crypto:
            with open("/proc/self/maps", encoding="utf-8") as maps:
                self.crypto = ctypes.CDLL(next(x.split()[5] for x in maps if "/libcrypto.so" in x))
        f = getattr(self.crypto, method)
        f.restype = c_void_p if method in ("BIO_new", "BIO_push") else c_long if method == "BIO_ctrl" else c_int
        return f(*args)

    def connect(self, port, way):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.sock.setblocking(True)
        self.way, self.ssl = way, c_void_p(self.lib.SSL_new(self.ctx))
        if way == "rwfd":
            self.twin = self.sock.dup()
            self.lib.SSL_set_rfd(self.ssl, self.sock.fileno())
            self.lib.SSL_set_wfd(self.ssl, self.twin.fileno())
        else:
            self.lib.SSL_set_fd(self.ssl, self.sock.fileno())
        if self.lib.SSL_connect(self.ssl) != 1:
            sys.exit("no handshake")
        if way == "bio":
            self.lib.BIO_f_ssl.restype = c_void_p
            self.chain = c_void_p(self.bio("BIO_new", c_void_p(self.lib.BIO_f_ssl())))
            self.bio("BIO_ctrl", self.chain, 109, c_long(0), self.ssl)  # BIO_C_SET_SSL, BIO_NOCLOSE

    def write(self, data):
        done = c_size_t()
        if self.way == "small":
            for i in range(0, len(data), 5):
                self.lib.SSL_write(self.ssl, data[i:i + 5], len(data[i:i + 5]))
        elif self.way == "ex":
            self.lib.SSL_write_ex(self.ssl, data, c_size_t(len(data)), ctypes.byref(done))
        elif self.way == "bio":
            self.bio("BIO_write", self.chain, data, len(data))
        else:
            self.lib.SSL_write(self.ssl, data, len(data))

    def read(self):
        buf, done = ctypes.create_string_buffer(4096), c_size_t()
        if self.way == "ex":
            self.lib.SSL_read_ex(self.ssl, buf, c_size_t(4096), ctypes.byref(done))
            n = done.value
        elif self.way == "bio":
            n = self.bio("BIO_read", self.chain, buf, 4096)
        else:
            if self.way == "peek":
                self.lib.SSL_peek(self.ssl, buf, 10)
                self.lib.SSL_peek(self.ssl, buf, 4096)
            n = self.lib.SSL_read(self.ssl, buf, 7 if self.way == "small" else 4096)
        return buf.raw[:max(0, n)]

    def get(self, path):
        self.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.sock.getpeername()[1]}\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\nanswered\n" not in got:
            more = self.read()
            if not more:
                sys.exit(f"no answer: {got!r}")
            got += more

    def close(self):
        self.lib.SSL_shutdown(self.ssl)
        self.lib.SSL_free(self.ssl)
        self.sock.close()

    def unload(self):
        self.lib.SSL_CTX_free(self.ctx)
        handle = self.lib._handle
        del self.lib
        _ctypes.dlclose(handle)


def openssl(path, port, n, ways):
    early = None if "%" in path else OpenSSL(path)
    go()
    for i, way in [(i, way) for way in ways.split(",") for i in range(int(n))]:
        if not early and i:
            sys.stdin.readline()
        lib = OpenSSL(path.replace("%", str(i)))
        if not early:
            sys.stdin.readline()
        lib.connect(int(port), way)
        lib.get(f"/{way}/{i}")
        lib.get(f"/{way}/{i}/again")
        lib.close()
        lib.unload()


{"curl": curl, "openssl": openssl}[sys.argv[1]](*sys.argv[2:])
