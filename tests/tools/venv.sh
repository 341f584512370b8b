#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# venv.sh: prints a python that has the packages of tests/tools/requirements.txt, made once under
# $OUT/peers. Fails with the reason when they cannot be had.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
venv=$out/peers/venv
if [ ! -e "$venv/ok" ] || [ "$root/tests/tools/requirements.txt" -nt "$venv/ok" ]; then
	mkdir -p "$out/peers"
	[ -d "$venv" ] || python3 -m venv "$venv" >/dev/null
	"$venv/bin/pip" install -q --disable-pip-version-check -r "$root/tests/tools/requirements.txt" >"$out/peers/pip.log" 2>&1 || {
		tail -1 "$out/peers/pip.log" >&2
		exit 1
	}
	touch "$venv/ok"
fi
echo "$venv/bin/python"
