#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# go_sdk.sh VERSION COMMAND...: runs the go command of that version ("1.17.13"; "" = the installed one), which is fetched as a
# module when it is not there. Exits 77 with the reason on stderr when it cannot be had.
set -eu
version=$1
shift
command -v go >/dev/null || {
	echo "go_sdk.sh: no go here" >&2
	exit 77
}
[ -n "$version" ] || exec go "$@"
# the user's settings may have flags that other versions do not know; where modules come from must stay
for v in GOPROXY GOSUMDB GONOSUMDB GOPRIVATE GOMODCACHE GOCACHE; do
	export "$v=$(go env "$v")"
done
export GOENV=off GOFLAGS='' GOTOOLCHAIN="go$version" GO111MODULE=on
got=$(timeout 300 go env GOVERSION 2>&1) || {
	echo "go_sdk.sh: go$version: $(printf '%s\n' "$got" | tail -1)" >&2
	exit 77
}
exec go "$@"
