#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on asyncio streams: keep-alive, pipelining, chunked requests. Prints its port. Any path answers 200.

TLS_CERTS: speaks TLS, with server.pem and server.key of that directory.
"""
import asyncio
import os


async def body(reader, head):
    fields = {}
    for line in head.split(b"\r\n")[1:]:
        k, _, v = line.partition(b":")
        fields[k.strip().lower()] = v.strip()
    if fields.get(b"transfer-encoding") == b"chunked":
        while True:
            n = int((await reader.readline()).split(b";")[0], 16)
            if n == 0:
                while (await reader.readline()).strip():
                    pass
                return fields
            await reader.readexactly(n + 2)
    if fields.get(b"expect"):
        pass
    await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return fields


async def handle(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, version = head.split(b"\r\n")[0].split(b" ")
            if b"100-continue" in head:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            fields = await body(reader, head)
            status = b"404 Not Found" if path.startswith(b"/missing") else b"200 OK"
            text = b"hello " + path[:40] + b"\n"
            if version == b"HTTP/1.0":
                writer.write(b"HTTP/1.0 " + status + b"\r\n\r\n" + text)
                await writer.drain()
                break
            if path.startswith(b"/chunk"):
                writer.write(b"HTTP/1.1 " + status + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
                writer.write(b"%x\r\n%s\r\n" % (len(text), text))
                await writer.drain()
                writer.write(b"0\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(text)
                             + (b"" if method == b"HEAD" else text))
            await writer.drain()
            if fields.get(b"connection") == b"close":
                break
    except (asyncio.IncompleteReadError, ConnectionError, ValueError, asyncio.LimitOverrunError):
        pass
    writer.close()


async def main():
    tls = None
    if "TLS_CERTS" in os.environ:
        import ssl  # not before it is wanted: some tests want a process without the library
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(os.environ["TLS_CERTS"] + "/server.pem", os.environ["TLS_CERTS"] + "/server.key")
    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 20, backlog=2048, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
