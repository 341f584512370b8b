#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTPS clients of Python: client.py LIBRARY BASE [BASE2]. Prints ready, and makes its requests after a line of standard input.

LIBRARY: http.client urllib3 requests httpx httpx2 (HTTP/2) aiohttp, or two_aiohttp two_httpx: 50 requests at a time to each of two
servers; late: http.client, with the library of TLS loaded after the line and used after another one; steady: pairs of requests
on one connection from the start on, ready after some, and 30 pairs after the line. TLS_CERTS: directory of ca.pem, and with
TLS_OPT=mtls of client.pem and client.key; PROXY: URL of one for aiohttp.
"""
import os
import sys
import urllib.parse

LIBRARY, BASE = sys.argv[1:3]
CERTS = os.environ["TLS_CERTS"]
PAIR = (CERTS + "/client.pem", CERTS + "/client.key")
MTLS = os.environ.get("TLS_OPT") == "mtls"


def context():
    import ssl
    tls = ssl.create_default_context(cafile=CERTS + "/ca.pem")
    if MTLS:
        tls.load_cert_chain(*PAIR)
    return tls


def plan():
    """method, path, body: what each library does, in one go and with connections of their own; the server counts"""
    name = "/" + LIBRARY
    for i in range(15):
        yield "GET", f"{name}/{i}", None
    for i in range(3):
        yield "POST", f"/up{name}/{i}", b"x" * (10 ** i)
        yield "GET", f"/missing{name}/{i}", None
        yield "GET", f"/gz{name}/{i}", None
    yield "PUT", f"/up{name}/big", b"x" * 3000000
    yield "HEAD", f"{name}/head", None
    yield "GET", "/file/big", None
    yield "GET", f"{name}/last", None


def go():
    print("ready", flush=True)
    sys.stdin.readline()


def with_http_client(tls):
    import http.client
    host = urllib.parse.urlsplit(BASE).netloc
    c = http.client.HTTPSConnection(host, context=tls, timeout=20)
    for method, path, body in plan():
        c.request(method, path, body, {"Accept-Encoding": "gzip"})
        c.getresponse().read()
    c.close()
    for i in range(5):
        c = http.client.HTTPSConnection(host, context=tls, timeout=20)
        c.request("GET", f"/{LIBRARY}/close/{i}", headers={"Connection": "close"})
        c.getresponse().read()


def with_urllib3():
    import urllib3
    pool = urllib3.PoolManager(ssl_context=context())
    go()
    for method, path, body in plan():
        pool.request(method, BASE + path, body=body, headers={"Accept-Encoding": "gzip"})
    for i in range(5):
        pool.request("GET", f"{BASE}/{LIBRARY}/close/{i}", headers={"Connection": "close"})


def with_requests():
    import requests
    session = requests.Session()
    session.trust_env = False
    session.verify = CERTS + "/ca.pem"
    if MTLS:
        session.cert = PAIR
    go()
    for method, path, body in plan():
        session.request(method, BASE + path, data=body)
    for i in range(5):
        session.get(f"{BASE}/{LIBRARY}/close/{i}", headers={"Connection": "close"})


def with_httpx(http2):
    import httpx
    with httpx.Client(verify=context(), http2=http2) as c:
        go()
        for method, path, body in plan():
            c.request(method, BASE + path, content=body)


async def all_aiohttp(jobs):
    import aiohttp
    go()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context(), limit=0)) as session:
        async def one(method, url, body):
            async with session.request(method, url, data=body, proxy=os.environ.get("PROXY")) as r:
                await r.read()
        await jobs(one)


async def all_httpx(jobs):
    import httpx
    go()
    async with httpx.AsyncClient(verify=context(), limits=httpx.Limits(max_connections=None)) as c:
        async def one(method, url, body):
            await c.request(method, url, content=body)
        await jobs(one)


async def in_turn(one):
    import asyncio
    for method, path, body in plan():
        await one(method, BASE + path, body)
    await asyncio.gather(*(one("GET", f"{BASE}/{LIBRARY}/many/{i}", None) for i in range(50)))


async def to_two(one):
    """each worker has its own path, and each server its own paths"""
    import asyncio

    async def worker(i):
        for k in range(8):
            base = sys.argv[2 + (i & 1)]
            await one("GET", f"{base}/two/{i & 1}/{i}/{k}", None)
    await asyncio.gather(*(worker(i) for i in range(100)))


def with_late():
    assert "ssl" not in sys.modules
    go()
    tls = context()
    sys.stdin.readline()
    with_http_client(tls)


def with_standard():
    tls = context()
    go()
    with_http_client(tls)


def with_steady():
    import http.client
    import select
    c = http.client.HTTPSConnection(urllib.parse.urlsplit(BASE).netloc, context=context(), timeout=20)

    def pair(name):
        for path in (f"/{name}", f"/missing/{name}"):
            c.request("GET", path)
            c.getresponse().read()

    i = 0
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        pair(f"before/{i}")
        i += 1
        if i == 3:
            print("ready", flush=True)
    for i in range(30):
        pair(f"after/{i}")


def run(jobs):
    import asyncio
    asyncio.run(jobs)


{
    "http.client": with_standard,
    "urllib3": with_urllib3,
    "requests": with_requests,
    "httpx": lambda: with_httpx(False),
    "httpx2": lambda: with_httpx(True),
    "aiohttp": lambda: run(all_aiohttp(in_turn)),
    "two_aiohttp": lambda: run(all_aiohttp(to_two)),
    "two_httpx": lambda: run(all_httpx(to_two)),
    "late": with_late,
    "steady": with_steady,
}[LIBRARY]()
