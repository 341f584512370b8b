#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver for OTLP/HTTP (protobuf) for tests.

Decodes every request with the official definitions (see requirements.txt) and
writes one JSON line per span, per metric point and per refused request.

  {"signal": "span", "resource": {...}, "resource_schema_url": ..., "scope": ..., "scope_version": ...,
   "schema_url": ..., "name": ..., "kind": "SERVER", "trace_id": hex, "span_id": hex,
   "parent_span_id": hex or "", "flags": n, "trace_state": ..., "start": ns, "end": ns,
   "status": "UNSET"|"OK"|"ERROR", "status_message": ..., "attributes": {...},
   "dropped_attributes": n, "links": [{"trace_id", "span_id", "flags", "trace_state"}], "dropped_links": n,
   "events": [...], "request": n}
  {"signal": "metric", "resource": ..., "scope": ..., "name": ..., "unit": ..., "description": ...,
   "type": "sum"|"gauge"|"histogram", "temporality": "DELTA"|"CUMULATIVE", "monotonic": bool,
   "attributes": {...}, "start": ns, "time": ns, "value": x | "count", "sum", "min", "max", "bounds",
   "buckets", "request": n}
  {"signal": "error", "error": why, "path": ..., "request": n}

A request that does not decode, holds fields the definitions do not know (at any depth), or breaks a rule of
the data model (id lengths, zero ids, bucket counts, empty attribute keys, missing names) is answered 400.
Requests that the sink was told to fail leave no span or metric lines: only what was accepted is written.

SIGTERM or SIGINT ends it with code 0, after the requests under way.
"""
import argparse
import gzip
import http.server
import json
import os
import signal
import socket
import sys
import threading
import time
import zlib

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

try:
    from google.protobuf.unknown_fields import UnknownFieldSet
except ImportError:  # older packages: the method of the message itself
    UnknownFieldSet = None

BODY_MAX = 256 << 20
REDACT = ("authorization", "api-key", "x-api-key", "cookie")


class Refused(Exception):
    """The request breaks the protocol; the text says how."""


def unknown_fields(msg):
    """First unknown field of a message, at any depth, as text; None when there is none."""
    fields = UnknownFieldSet(msg) if UnknownFieldSet else msg.UnknownFields()
    for f in fields:
        return f"{msg.DESCRIPTOR.full_name}: field {f.field_number}"
    for desc, value in msg.ListFields():
        if desc.message_type is None:
            continue
        # a repeated field's value is a container, a single one's a message
        for sub in ([value] if hasattr(value, "ListFields") else value):
            found = unknown_fields(sub)
            if found:
                return found
    return None


def any_value(v):
    which = v.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [any_value(x) for x in v.array_value.values]
    if which == "kvlist_value":
        return attributes(v.kvlist_value.values)
    if which == "bytes_value":
        return {"bytes": v.bytes_value.hex()}
    return getattr(v, which)


def attributes(kvs):
    out = {}
    for kv in kvs:
        if not kv.key:
            raise Refused("attribute with an empty key")
        if kv.key in out:
            raise Refused(f"attribute {kv.key} twice")
        out[kv.key] = any_value(kv.value)
    return out


def need_id(name, value, size):
    if len(value) != size or not any(value):
        raise Refused(f"{name} is {value.hex() or 'empty'}, want {size} bytes, not all zero")


def flat_span(s):
    need_id("trace_id", s.trace_id, 16)
    need_id("span_id", s.span_id, 8)
    if s.parent_span_id:
        need_id("parent_span_id", s.parent_span_id, 8)
    if not s.name:
        raise Refused("span without a name")
    if not s.start_time_unix_nano or s.end_time_unix_nano < s.start_time_unix_nano:
        raise Refused(f"span times {s.start_time_unix_nano} {s.end_time_unix_nano}")
    for link in s.links:
        need_id("link trace_id", link.trace_id, 16)
        need_id("link span_id", link.span_id, 8)
    return {
        "signal": "span",
        "name": s.name,
        "kind": trace_pb2.Span.SpanKind.Name(s.kind).replace("SPAN_KIND_", ""),
        "trace_id": s.trace_id.hex(),
        "span_id": s.span_id.hex(),
        "parent_span_id": s.parent_span_id.hex(),
        "flags": s.flags,
        "trace_state": s.trace_state,
        "start": s.start_time_unix_nano,
        "end": s.end_time_unix_nano,
        "status": trace_pb2.Status.StatusCode.Name(s.status.code).replace("STATUS_CODE_", ""),
        "status_message": s.status.message,
        "attributes": attributes(s.attributes),
        "dropped_attributes": s.dropped_attributes_count,
        "links": [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "flags": link.flags,
                "trace_state": link.trace_state,
            }
            for link in s.links
        ],
        "dropped_links": s.dropped_links_count,
        "events": [
            {"name": e.name, "time": e.time_unix_nano, "attributes": attributes(e.attributes)}
            for e in s.events
        ],
    }


def flat_point(base, kind, p):
    row = dict(base, type=kind, attributes=attributes(p.attributes), start=p.start_time_unix_nano,
               time=p.time_unix_nano)
    if not p.time_unix_nano:
        raise Refused(f"point of {base['name']} without a time")
    if kind in ("sum", "gauge"):
        which = p.WhichOneof("value")
        if which is None:
            raise Refused(f"point of {base['name']} without a value")
        row["value"] = getattr(p, which)
        row["value_type"] = which.replace("as_", "")
        return row
    if p.bucket_counts or p.explicit_bounds:
        if len(p.bucket_counts) != len(p.explicit_bounds) + 1:
            raise Refused(f"{base['name']}: {len(p.bucket_counts)} buckets, {len(p.explicit_bounds)} bounds")
        if sum(p.bucket_counts) != p.count:
            raise Refused(f"{base['name']}: buckets hold {sum(p.bucket_counts)}, count is {p.count}")
        if list(p.explicit_bounds) != sorted(set(p.explicit_bounds)):
            raise Refused(f"{base['name']}: bounds do not rise")
    row["count"] = p.count
    for opt in ("sum", "min", "max"):
        row[opt] = getattr(p, opt) if p.HasField(opt) else None
    row["bounds"] = list(p.explicit_bounds)
    row["buckets"] = list(p.bucket_counts)
    return row


def flat_metric(m):
    if not m.name:
        raise Refused("metric without a name")
    kind = m.WhichOneof("data")
    if kind not in ("sum", "gauge", "histogram"):
        raise Refused(f"{m.name}: data is {kind}")
    data = getattr(m, kind)
    base = {"signal": "metric", "name": m.name, "unit": m.unit, "description": m.description}
    if kind != "gauge":
        base["temporality"] = metrics_pb2.AggregationTemporality.Name(data.aggregation_temporality).replace(
            "AGGREGATION_TEMPORALITY_", "")
        if base["temporality"] == "UNSPECIFIED":
            raise Refused(f"{m.name}: no temporality")
    if kind == "sum":
        base["monotonic"] = data.is_monotonic
    return [flat_point(base, kind, p) for p in data.data_points]


def flatten(msg, groups, scopes, items, flat):
    rows = []
    for r in getattr(msg, groups):
        resource = attributes(r.resource.attributes)
        for sc in getattr(r, scopes):
            head = {"resource": resource, "resource_schema_url": r.schema_url, "scope": sc.scope.name,
                    "scope_version": sc.scope.version, "schema_url": sc.schema_url}
            for item in getattr(sc, items):
                got = flat(item)
                for row in got if isinstance(got, list) else [got]:
                    rows.append(dict(row, **head))
    return rows


SIGNALS = {
    "/v1/traces": (
        trace_service_pb2.ExportTraceServiceRequest,
        trace_service_pb2.ExportTraceServiceResponse,
        lambda m: flatten(m, "resource_spans", "scope_spans", "spans", flat_span),
        "rejected_spans",
    ),
    "/v1/metrics": (
        metrics_service_pb2.ExportMetricsServiceRequest,
        metrics_service_pb2.ExportMetricsServiceResponse,
        lambda m: flatten(m, "resource_metrics", "scope_metrics", "metrics", flat_metric),
        "rejected_data_points",
    ),
}


def decode(path, headers, body):
    """The rows of a request; raises Refused."""
    if path not in SIGNALS:
        raise Refused(f"no such path {path}")
    ctype = headers.get("Content-Type", "")
    if ctype.split(";")[0].strip().lower() != "application/x-protobuf":
        raise Refused(f"content type {ctype!r}")
    encoding = headers.get("Content-Encoding", "identity").lower()
    if encoding == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as e:
            raise Refused(f"gzip: {e}") from e
    elif encoding != "identity":
        raise Refused(f"content encoding {encoding!r}")
    request = SIGNALS[path][0]()
    try:
        request.ParseFromString(body)
    except Exception as e:  # the class differs between protobuf's implementations
        raise Refused(f"does not decode: {e}") from e
    unknown = unknown_fields(request)
    if unknown:
        raise Refused(f"unknown field: {unknown}")
    return SIGNALS[path][2](request)


class Sink(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, args, out):
        super().__init__((args.host, args.port), Handler)
        self.args = args
        self.out = out
        self.lock = threading.Lock()
        self.requests = 0
        self.conns = set()

    def next_request(self):
        with self.lock:
            self.requests += 1
            return self.requests

    def write(self, rows):
        text = "".join(json.dumps(r, ensure_ascii=False, sort_keys=True) + "\n" for r in rows)
        with self.lock:
            self.out.write(text)
            self.out.flush()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def close_idle(self):
        """Ends kept-alive connections that wait for another request."""
        with self.lock:
            conns = list(self.conns)
        for c in conns:
            try:
                c.shutdown(socket.SHUT_RD)
            except OSError:
                pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "otlp-sink"
    sys_version = ""
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.conns.add(self.connection)

    def finish(self):
        with self.server.lock:
            self.server.conns.discard(self.connection)
        super().finish()

    def log_message(self, fmt, *args):
        if self.server.args.verbose:
            sys.stderr.write("otlp_sink: " + fmt % args + "\n")

    def reply(self, status, body=b"", ctype="application/x-protobuf", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", ctype)
        self.send_header("Content-Length", str(len(body)))
        for k, v in headers:
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(200, b"ok\n", "text/plain")

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                if not size:
                    while self.rfile.readline().strip():
                        pass
                    return b"".join(parts)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
        size = int(self.headers.get("Content-Length", "0"))
        if size > BODY_MAX:
            raise Refused(f"body of {size} bytes")
        return self.rfile.read(size)

    def do_POST(self):
        args = self.server.args
        number = self.server.next_request()
        if args.die_after and number > args.die_after:
            os._exit(3)
        try:
            body = self.read_body()
            if args.delay:
                time.sleep(args.delay)
            if number <= args.fail_first:
                headers = [("Retry-After", args.retry_after)] if args.retry_after else []
                self.reply(args.fail_status, b"told to fail\n", "text/plain", headers)
                return
            rows = decode(self.path, self.headers, body)
        except Refused as e:
            self.server.write([{"signal": "error", "error": str(e), "path": self.path, "request": number}])
            self.reply(400, (str(e) + "\n").encode(), "text/plain")
            return
        if args.headers:
            heads = {k.lower(): "(hidden)" if k.lower() in REDACT else v for k, v in self.headers.items()}
            rows = [dict(r, headers=heads) for r in rows]
        response = SIGNALS[self.path][1]()
        rejected = min(args.reject, len(rows))
        if rejected:
            setattr(response.partial_success, SIGNALS[self.path][3], rejected)
            response.partial_success.error_message = "told to reject"
            rows = rows[: len(rows) - rejected]
        self.server.write([dict(r, request=number) for r in rows])
        self.reply(200, response.SerializeToString())


def main():
    ap = argparse.ArgumentParser(description="OTLP/HTTP receiver for tests")
    ap.add_argument("--host", default="127.0.0.1")
    ap.add_argument("--port", type=int, default=0, help="0 = any free port")
    ap.add_argument("--port-file", help="the port is written here when the sink listens")
    ap.add_argument("--out", default="-", help="file for the JSON lines; - = stdout")
    ap.add_argument("--fail-first", type=int, default=0, metavar="N", help="answer the first N requests with an error")
    ap.add_argument("--fail-status", type=int, default=503)
    ap.add_argument("--retry-after", metavar="S", help="Retry-After of those answers (seconds or HTTP date)")
    ap.add_argument("--delay", type=float, default=0, metavar="S", help="wait before each answer")
    ap.add_argument("--reject", type=int, default=0, metavar="N", help="partial success: refuse N items per request")
    ap.add_argument("--die-after", type=int, default=0, metavar="N", help="end abruptly at request N + 1")
    ap.add_argument("--headers", action="store_true", help="put the request's headers into every line")
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()

    out = sys.stdout if args.out == "-" else open(args.out, "a", encoding="utf-8")
    sink = Sink(args, out)

    def stop(_signo, _frame):
        # shutdown() waits for serve_forever(), which this thread runs
        threading.Thread(target=sink.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if args.port_file:
        tmp = args.port_file + ".tmp"
        with open(tmp, "w", encoding="ascii") as f:
            f.write(f"{sink.server_address[1]}\n")
        os.rename(tmp, args.port_file)
    else:
        print(f"otlp_sink: port {sink.server_address[1]}", file=sys.stderr)
    sink.serve_forever(poll_interval=0.1)
    sink.close_idle()
    sink.server_close()
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
