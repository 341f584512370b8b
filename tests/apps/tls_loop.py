#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tls_loop.py PORT CA STOPFILE: requests over TLS, 50 on a connection, until the file is there; says how many. 1 if one failed.

With the package requests where there is one, else with the standard library."""
import os
import sys

port, ca, stop = sys.argv[1:4]
url = f'https://127.0.0.1:{port}'
done = 0


def with_requests(requests):
    global done
    while not os.path.exists(stop):
        with requests.Session() as s:
            for i in range(50):
                r = s.get(f'{url}/py/{i}', verify=ca, timeout=60)
                if r.status_code != 200 or not r.content:
                    raise ValueError(f'status {r.status_code}')
                done += 1


def with_library():
    import http.client
    import ssl
    global done
    context = ssl.create_default_context(cafile=ca)
    while not os.path.exists(stop):
        c = http.client.HTTPSConnection('127.0.0.1', int(port), context=context, timeout=60)
        for i in range(50):
            c.request('GET', f'/py/{i}')
            r = c.getresponse()
            if r.status != 200 or not r.read():
                raise ValueError(f'status {r.status}')
            done += 1
        c.close()


try:
    try:
        import requests as lib
    except ImportError:
        lib = None
    if lib:
        with_requests(lib)
    else:
        with_library()
except Exception as e:
    print(f'fail {done}: {type(e).__name__}: {e}')
    sys.exit(1)
print(f'ok {done}')
