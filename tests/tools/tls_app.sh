#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tls_app.sh: makes a python with the packages of tests/apps/tls/requirements.txt, once, under $OUT/peers/tls, and prints its name.
# Exits 77 with the reason on stderr when it cannot be had here.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
src=$root/tests/apps/tls
who=tls_app.sh
# shellcheck source=tests/tools/peer_app.bash
. "$root/tests/tools/peer_app.bash"

need python3
group=py
packages='requests urllib3 aiohttp httpx h2'
dir=$out/peers/tls/py
deps=$src/requirements.txt
build_once
echo "$dir/bin/python -B"
