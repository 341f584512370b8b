#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# https_go_app.sh [VERSION[/KIND]]: builds tests/apps/https_go once, under $OUT/peers/https_go, and prints the program's name. VERSION of Go:
# 1.22.12 for example, or nothing for the installed one. KIND: stripped, pie, c (linked by a C compiler, stripped, position-independent).
# Exits 77 with the reason on stderr when it cannot be had here.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
src=$root/tests/apps/https_go
version=${1:-}
kind=
case $version in */*) kind=${version#*/} version=${version%%/*} ;; esac
who="https_go_app.sh: Go ${version:-here}${kind:+, $kind}"
# shellcheck source=tests/tools/peer_app.bash
. "$root/tests/tools/peer_app.bash"

build_go() {
	local options=()
	export CGO_ENABLED=0
	case $kind in
	stripped) options=(-ldflags '-s -w') ;;
	pie) options=(-buildmode=pie) ;;
	c)
		options=(-buildmode=pie -ldflags '-s -w -linkmode=external')
		CGO_ENABLED=1
		;;
	esac
	(cd "$src" && "$root/tests/tools/go_sdk.sh" "$version" build "${options[@]}" -o "$dir/https_go" .)
}

need go
[ "$kind" != c ] || need gcc
group=go
dir=$out/peers/https_go/go$version${kind:+-$kind}
deps="$src/go.mod $src/main.go"
build_once
echo "$dir/https_go"
