#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a daemon that is gone has left behind.

tls_left.py text PID...       compares the executable pages of the processes, as they are in memory, with the files they come
                              from: a probe that stayed shows as a byte that differs. What is another daemon's is waited for.
tls_left.py ids               the numbers of all BPF programs and links there are, as JSON
tls_left.py new FILE          those that were not in FILE (of ids) and that no living process holds
Prints what it found; 1 if that is anything that should not be there.
"""
import glob
import json
import os
import re
import subprocess
import sys
import time

PATIENCE = 10  # seconds: the kernel takes links of a killed process down in its own time


def differences(pid):
    """(bytes compared, [what differs]); a process that is gone has nothing"""
    total, found = 0, []
    try:
        maps = open(f'/proc/{pid}/maps').read().splitlines()
        mem = open(f'/proc/{pid}/mem', 'rb', 0)
    except OSError:
        return 0, []
    for line in maps:
        f = line.split(None, 5)
        if len(f) < 6 or 'x' not in f[1] or not f[5].startswith('/'):
            continue
        start, end = (int(x, 16) for x in f[0].split('-'))
        offset = int(f[2], 16)
        try:
            with open(f'/proc/{pid}/map_files/{f[0]}', 'rb') as file:
                file.seek(offset)
                want = file.read(end - start)
            mem.seek(start)
            have = mem.read(len(want))
        except OSError:
            continue  # unmapped, or the process ended, between two lines
        total += len(have)
        if have == want[:len(have)]:
            continue
        for i in range(len(have)):
            if have[i] != want[i]:
                found.append(f'{pid}: {f[5]}+0x{offset + i:x} is {have[i]:02x}, in the file {want[i]:02x}')
    return total, found


def text(pids):
    until = time.monotonic() + PATIENCE
    while True:
        total, found = 0, []
        for pid in pids:
            n, d = differences(pid)
            total += n
            found += d
        if not found or time.monotonic() > until:
            break
        time.sleep(0.5)
    for d in found[:50]:
        print(d)
    print(f'{total} bytes of {len(pids)} processes compared, {len(found)} differ')
    return bool(found) or not total


def ids():
    ret = {}
    for kind in 'prog', 'link':
        out = subprocess.run(['bpftool', '-j', kind, 'list'], capture_output=True, text=True, check=True).stdout
        ret[kind] = {str(x['id']): f'{x.get("type")} {x.get("name", "")}'.strip() for x in json.loads(out or '[]')}
    return ret


def held():
    """what the processes that live hold by a descriptor"""
    ret = {'prog': set(), 'link': set()}
    for path in glob.glob('/proc/[0-9]*/fdinfo/*'):
        try:
            info = open(path).read()
        except OSError:
            continue
        for kind, n in re.findall(r'^(prog|link)_id:\s*(\d+)', info, re.M):
            ret[kind].add(n)
    return ret


def new(file):
    before = json.load(open(file))
    until = time.monotonic() + PATIENCE
    while True:
        now, mine = ids(), []
        owned = held()
        for kind, entries in now.items():
            mine += [f'{kind} {n}: {what}' for n, what in entries.items() if n not in before[kind] and n not in owned[kind]]
        if not mine or time.monotonic() > until:
            break
        time.sleep(0.5)
    for m in mine:
        print(m)
    print(f'{len(mine)} programs and links left')
    return bool(mine)


def main():
    what = sys.argv[1:2]
    if what == ['text'] and len(sys.argv) > 2:
        return text(sys.argv[2:])
    if what == ['ids']:
        print(json.dumps(ids()))
        return 0
    if what == ['new'] and len(sys.argv) == 3:
        return new(sys.argv[2])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main())
