#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the Kafka seeds of fuzz_proto and fuzz_pipeline out of tests/golden/kafka_vectors.txt.

kafka_seeds.py            writes tests/corpus/{proto,pipeline}/kafka_*

A conversation is a list of (direction, bytes) and (direction, number of missing bytes); the client is watched, so requests
go out. The formats of the two programs stand at the top of fuzz_proto.c and in data() of fuzz_pipeline.c.
"""
import pathlib
import struct

KAFKA = 4  # index in probes/protocols.def
IN, OUT = 0, 1
PRODUCE, FETCH, METADATA, COMMIT, HEARTBEAT, SASL = 0, 1, 3, 8, 12, 17
ROOT = pathlib.Path(__file__).resolve().parents[1]


def vectors():
    """(req|resp, API key, version) -> frames that are not too long for a seed"""
    found = {}
    for line in (ROOT / "golden/kafka_vectors.txt").read_text().splitlines():
        if line.startswith("V "):
            _, kind, key, version, _, frame = line.split()
            if len(frame) <= 2 * 1950:
                found.setdefault((kind, int(key), int(version)), []).append(bytes.fromhex(frame))
    return found


V = vectors()


def req(key, version, cid, nr=0):
    f = V["req", key, version][nr]
    return OUT, f[:8] + struct.pack(">i", cid) + f[12:]


def resp(key, version, cid, nr=0):
    f = V["resp", key, version][nr]
    return IN, f[:4] + struct.pack(">i", cid) + f[8:]


def plain(key, version, cid, body=b""):
    """a request to a version that is not flexible"""
    m = struct.pack(">hhih", key, version, cid, 3) + b"cli" + body
    return OUT, struct.pack(">i", len(m)) + m


def answer(cid, body=b""):
    return IN, struct.pack(">ii", 4 + len(body), cid) + body


def produce(version, cid, acks, topics, records=b""):
    body = struct.pack(">h", -1) if version >= 3 else b""
    body += struct.pack(">hii", acks, 1000, len(topics))
    for t in topics:
        body += struct.pack(">h", len(t)) + t + struct.pack(">iii", 1, 0, len(records)) + records
    return plain(PRODUCE, version, cid, body)


def produced(cid, topics, error=0):
    """version 3"""
    body = struct.pack(">i", len(topics))
    for t in topics:
        body += struct.pack(">h", len(t)) + t + struct.pack(">iihqq", 1, 0, error, 42, -1)
    return answer(cid, body + struct.pack(">i", 0))


def token(direction, data):
    return direction, struct.pack(">i", len(data)) + data


def gap(conv, nr, at, missing):
    """Bytes of a step are missing."""
    d, f = conv[nr]
    return conv[:nr] + [(d, f[:at]), (d, missing), (d, f[at + missing:])] + conv[nr + 1:]


def conversations():
    for v in (0, 3, 7, 9, 12, 13):
        yield f"produce{v}", [req(PRODUCE, v, 7), resp(PRODUCE, v, 7)]
    yield "produce_zip", [req(PRODUCE, 9, 1, 1), resp(PRODUCE, 9, 1, 1)]
    for v in (0, 4, 7, 11, 12, 13, 16):
        yield f"fetch{v}", [req(FETCH, v, 7), resp(FETCH, v, 7), req(FETCH, v, 8, 1)]
        yield f"fetch{v}_topics", [req(FETCH, v, 7), resp(FETCH, v, 7, 1)]
    for v in (0, 9, 13):
        yield f"metadata{v}", [plain(METADATA, v, 3), resp(METADATA, v, 3), plain(METADATA, v, 4), resp(METADATA, v, 4, 1)]
    yield "metadata_fetch", [plain(METADATA, 13, 3), resp(METADATA, 13, 3), req(FETCH, 16, 4), resp(FETCH, 16, 4)]
    for v in (0, 2, 6, 8, 10):
        yield f"commit{v}", [req(COMMIT, v, 7), resp(COMMIT, v, 7)]
    for k in (9, 10, 11, 68):
        v = max(x for kind, key, x in V if kind == "req" and key == k)
        yield f"group{k}", [req(k, v, 1), answer(1, b"\0" * 30), req(COMMIT, 8, 2), resp(COMMIT, 8, 2)]
    yield "sasl", [
        plain(SASL, 0, 5, b"\0\5PLAIN"), answer(5, b"\0\0\0\0\0\1\0\5PLAIN"),
        token(OUT, b"\0user\0secret"), token(IN, b""),
        plain(METADATA, 1, 6, b"\0\0\0\0"), resp(METADATA, 1, 6),
    ]
    yield "sasl_rounds", [
        plain(SASL, 0, 1), answer(1, b"\0\0"), token(OUT, b"n,,n=u,r=1"), token(IN, b"r=12,s=x,i=4096"),
        token(OUT, b""), token(IN, b"v=1"), produce(3, 2, 1, [b"a"]), produced(2, [b"a"]),
    ]
    rec = req(PRODUCE, 3, 1)
    yield "acks0", [produce(3, 1, 0, [b"a", b"b"]), produce(3, 2, 1, [b"a"]), produced(2, [b"a"]), produce(3, 3, 0, [])]
    yield "pipelined", [
        (OUT, produce(3, 1, 1, [b"a"])[1] + produce(3, 2, -1, [b"b", b"a"])[1] + req(FETCH, 4, 3)[1]),
        (IN, produced(1, [b"a"])[1] + produced(2, [b"a", b"b"], 6)[1] + resp(FETCH, 4, 3)[1]),
    ]
    many = [produce(3, i, 1, [b"t%d" % i, b"u"]) for i in range(12)]
    yield "overtaken", many + [produced(9, [b"u", b"t9"]), answer(77), produced(11, [b"t11"])]
    yield "same_id", [produce(3, 1, 1, [b"a"])] * 3 + [plain(HEARTBEAT, 0, 1, b"\0\1g")] + [produced(1, [b"a"], 3)] * 4
    wide = [b"topic-%03d" % i for i in range(60)]
    yield "wide", [produce(3, 1, 1, wide), produced(1, wide[::-1])]
    for v in (3, 9):
        conv = [req(PRODUCE, v, 7), resp(PRODUCE, v, 7)]
        yield f"gap_produce{v}", gap(conv, 0, 230, 90)
        yield f"gap_produce{v}_field", gap(conv, 0, 50, 9)
        yield f"gap_produced{v}", gap(conv, 1, 20, 9)
    for v in (4, 12, 13):
        conv = [req(FETCH, v, 7), resp(FETCH, v, 7), req(FETCH, v, 8), resp(FETCH, v, 8)]
        yield f"gap_fetch{v}", gap(conv, 1, 150, 120)
        yield f"gap_fetch{v}_end", gap(conv, 1, len(conv[1][1]) - 40, 40)
        yield f"gap_fetch{v}_next", gap(gap(conv, 1, 400, 120), 5, 2, 100)
    yield "gap_heads", [rec, (OUT, 300), req(FETCH, 4, 8), (IN, 64), resp(FETCH, 4, 8), req(FETCH, 4, 9), resp(FETCH, 4, 9)]


def proto(conv):
    out = bytearray([KAFKA << 1 | 1])
    for direction, data in conv:
        if isinstance(data, int):
            data -= data & 1  # the odd ones are huge
            out += bytes([5 << 1 | direction | (data >> 4 & 0xf0), data & 0xff])
            continue
        while data:
            n, piece = len(data[:4095]), data[:4095]
            out += bytes([direction | (n >> 4 & 0xf0), n & 0xff]) + piece
            data = data[n:]
    return bytes(out)


def pipeline(conv):
    out = bytearray()
    jump = [0, 0]
    for direction, data in conv:
        if isinstance(data, int):
            jump[direction] += min(data, 127)
            continue
        op = direction << 2 | 0x10 | (0x20 if jump[direction] else 0)
        out += bytes([op, len(data) & 0xff, len(data) >> 8])
        if jump[direction]:
            out.append(jump[direction])
        jump[direction] = 0
        out += data
    return bytes(out)


def main():
    for name, conv in conversations():
        for where, make in (("proto", proto), ("pipeline", pipeline)):
            data = make(conv)
            assert len(data) <= 4096, (name, len(data))
            (ROOT / "corpus" / where / f"kafka_{name}").write_bytes(data)


main()
