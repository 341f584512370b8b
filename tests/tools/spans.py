#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks into what otel-ebpf wrote with the otlp_file exporter.

spans.py list FILE                        one line per span: KIND METHOD PATH STATUS
spans.py count FILE [key=value ...]       number of spans that match; keys: kind, name, service, or an attribute
spans.py tally FILE KEYS [key=value ...]  of those that match, how often which values of KEYS (with commas) come: COUNT VALUE...
spans.py expect FILE TRUTH --kind SERVER [--fields method,path,status,req_body,resp_body,ATTRIBUTE] [--only REGEX]
                                          the spans of that kind are exactly the requests of TRUTH (JSON lines); only those
                                          of which one attribute, written KEY=VALUE, matches. --fetches: rows that FETCH
                                          brought belong to the statement; what a pipeline skipped was not done
spans.py sum FILE METRIC [key=value ...]  sum of a histogram's counts, or of a sum's values
spans.py lag FILE TOPIC GROUP             PARTITION:LAG ..., the last value of each
"""
import argparse
import collections
import json
import re
import sys

KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT", 4: "PRODUCER", 5: "CONSUMER"}


def value(v):
    if "intValue" in v:
        return int(v["intValue"])
    if "arrayValue" in v:
        return [value(x) for x in v["arrayValue"].get("values", [])]
    return next(iter(v.values()), None)


def attrs(item):
    return {a["key"]: value(a["value"]) for a in item.get("attributes", [])}


def lines(path, what):
    """the requests with spans (what: resourceSpans) or metrics; files are large, and the other kind is not worth its parsing"""
    with open(path, encoding="utf-8") as f:
        for line in f:
            if what in line:
                yield json.loads(line)


def spans(path):
    for req in lines(path, "resourceSpans"):
        for rs in req.get("resourceSpans", []):
            res = attrs(rs.get("resource", {}))
            for ss in rs.get("scopeSpans", []):
                for s in ss.get("spans", []):
                    a = attrs(s)
                    target = a.get("url.path")
                    if target is None and "url.full" in a:
                        rest = a["url.full"].split("://", 1)[1]
                        target = "/" + rest.split("/", 1)[1] if "/" in rest else ""
                        target = target.split("?")[0]
                    yield {
                        "kind": KINDS.get(s.get("kind"), "?"), "name": s["name"], "resource": res,
                        "service": res.get("service.name"), "attrs": a, "span": s,
                        "method": a.get("http.request.method_original", a.get("http.request.method")),
                        "path": target, "status": a.get("http.response.status_code"),
                        "req_body": a.get("http.request.body.size"), "resp_body": a.get("http.response.body.size"),
                    }


def tally(path, keys, conds):
    """How many spans that match have which values of the keys; looks at nothing else of them."""
    conds = [c.partition("=")[::2] for c in conds]
    wanted = {*keys, *(k for k, _ in conds)}
    out = collections.Counter()
    if wanted & {"path", "method", "status"}:
        for s in spans(path):
            have = {k: s[k] if k in s else s["attrs"].get(k) for k in wanted}
            if all(str(have[k]) == v for k, v in conds):
                out[tuple(str(have[k]) for k in keys)] += 1
        return out
    own = wanted & {"kind", "name", "service"}
    for req in lines(path, "resourceSpans"):
        for rs in req.get("resourceSpans", []):
            service = attrs(rs.get("resource", {})).get("service.name")
            for ss in rs.get("scopeSpans", []):
                for s in ss.get("spans", []):
                    have = {}
                    if wanted - own:
                        have = {a["key"]: value(a["value"]) for a in s.get("attributes", []) if a["key"] in wanted}
                    if own:
                        have |= {"kind": KINDS.get(s.get("kind"), "?"), "name": s["name"], "service": service}
                    if all(str(have.get(k)) == v for k, v in conds):
                        out[tuple(str(have.get(k)) for k in keys)] += 1
    return out


def with_fetches(all_spans):
    """Databases: FETCH continues a statement; pipeline_aborted was never done."""
    out, last = [], {}
    for s in sorted(all_spans, key=lambda s: int(s["span"]["startTimeUnixNano"])):
        a = s["attrs"]
        if a.get("error.type") == "pipeline_aborted" or a.get("db.query.text") == "select $$":
            continue  # never done; what MySQL's command line asks to learn the dialect
        text = a.get("db.query.text")
        if a.get("db.operation.name") == "FETCH" and text in last and not text.startswith("FETCH"):
            to = last[text]["attrs"]
            for k in ("db.response.returned_rows",):
                to[k] = to.get(k, 0) + a.get(k, 0)
            for k in ("db.response.status_code",):
                if k in a:
                    to[k] = a[k]
            continue
        if a.get("db.operation.name", "").startswith(("BATCH", "CALL")):
            a.pop("db.response.returned_rows", None)  # of all of them: the client does not say
        last[text] = s
        out.append(s)
    return out


def expect(args):
    fields = args.fields.split(",")

    def wanted(attributes):
        return not args.only or any(re.search(args.only, f"{k}={v}", re.S) for k, v in attributes.items())

    all_spans = list(spans(args.file))
    if args.fetches:
        all_spans = with_fetches(all_spans)
    got = collections.Counter(tuple(s[f] if f in s else s["attrs"].get(f) for f in fields) for s in all_spans
                              if s["kind"] == args.kind and wanted(s["attrs"]))
    want = collections.Counter()
    with open(args.truth, encoding="utf-8") as f:
        for line in f:
            if line.startswith("{"):
                t = json.loads(line)
                if t.get("db.operation.batch.size", 0) > 1 and not t.get("db.operation.name", "BATCH").startswith("BATCH"):
                    t["db.operation.name"] = "BATCH " + t["db.operation.name"]
                if wanted(t):
                    want[tuple(t.get(f) for f in fields)] += 1
    missing, extra = want - got, got - want
    for what, items in (("missing", missing), ("unexpected", extra)):
        for row, n in sorted(items.items(), key=str)[:20]:
            print(f"{what}: {n} x {dict(zip(fields, row))}")
    total = sum(want.values())
    print(f"{args.kind}: {total} requests, {sum((want & got).values())} of them as spans, "
          f"{sum(missing.values())} missing, {sum(extra.values())} unexpected")
    return 0 if total and not missing and not extra else 1


def points(path, metric):
    for req in lines(path, "resourceMetrics"):
        for rm in req.get("resourceMetrics", []):
            for sm in rm.get("scopeMetrics", []):
                for m in sm.get("metrics", []):
                    if m["name"] == metric:
                        for kind in ("histogram", "sum", "gauge"):
                            for p in m.get(kind, {}).get("dataPoints", []):
                                yield attrs(p), p


def lag(args):
    last = {}
    for a, p in points(args.file, "otel_ebpf.messaging.kafka.consumer.lag"):
        if a.get("messaging.destination.name") == args.topic and a.get("messaging.consumer.group.name") == args.group:
            last[int(a["messaging.destination.partition.id"])] = int(p["asInt"])
    print(*(f"{k}:{v}" for k, v in sorted(last.items())))
    return 0


def metric_sum(args):
    total = 0
    for a, p in points(args.file, args.metric):
        if all(str(a.get(c.partition("=")[0])) == c.partition("=")[2] for c in args.cond):
            total += int(p.get("count", p.get("asInt", 0)))
    print(total)
    return 0


def main():
    ap = argparse.ArgumentParser()
    sub = ap.add_subparsers(dest="cmd", required=True)
    for name in ("list", "count", "tally", "expect", "sum", "lag"):
        p = sub.add_parser(name)
        p.add_argument("file")
        if name == "count":
            p.add_argument("cond", nargs="*")
        elif name == "tally":
            p.add_argument("keys")
            p.add_argument("cond", nargs="*")
        elif name == "expect":
            p.add_argument("truth")
            p.add_argument("--kind", required=True)
            p.add_argument("--fields", default="method,path,status")
            p.add_argument("--only")
            p.add_argument("--fetches", action="store_true")
        elif name == "lag":
            p.add_argument("topic")
            p.add_argument("group")
        elif name == "sum":
            p.add_argument("metric")
            p.add_argument("cond", nargs="*")
    args = ap.parse_args()
    if args.cmd == "expect":
        return expect(args)
    if args.cmd == "lag":
        return lag(args)
    if args.cmd == "sum":
        return metric_sum(args)
    if args.cmd == "count":
        print(sum(tally(args.file, [], args.cond).values()))
        return 0
    if args.cmd == "tally":
        for values, n in sorted(tally(args.file, args.keys.split(","), args.cond).items()):
            print(n, *values)
        return 0
    for s in spans(args.file):
        print(s["kind"], s["method"], s["path"], s["status"], s["attrs"].get("error.type", ""))
    return 0


sys.exit(main())
