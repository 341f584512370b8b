#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where gosym.c finds functions of real programs of many versions of Go, against what `go tool nm` says of the same
# program with its symbols. Nothing is watched.
load lib.bash
setup() {
	common_setup
	need go
	TOOL=$OUT/tests/unit/test_gosym
	[ -x "$TOOL" ] || skip "not built: $TOOL"
}
teardown() { common_teardown; }

SDK=$ROOT/tests/tools/go_sdk.sh
# there gosym_at() does not work for PIE
OLD='1.15.15 1.17.13'

# build VERSION MODE FILE FLAGS: MODE exe, pie, exe_c, pie_c (a C linker), exe_arm64, pie_arm64
build() {
	local mode=${2%%_*} env=CGO_ENABLED=0
	case $2 in
	*_c) env=CGO_ENABLED=1 ;;
	*_arm64) env='CGO_ENABLED=0 GOARCH=arm64' ;;
	esac
	[ -x "$3" ] && [ "$3" -nt "$APPS/tls_gosym/main.go" ] && return
	mkdir -p "${3%/*}"
	# shellcheck disable=SC2086
	(cd "$APPS/tls_gosym" && env $env "$SDK" "$1" build -buildmode="$mode" -ldflags "$4" -o "$3" .) >"$TMP/build" 2>&1 || {
		local rc=$?
		[ $rc != 77 ] || skip "$(tail -1 "$TMP/build")"
		cat "$TMP/build" >&2
		return 1
	}
}

# same NM FILE VERSION: all functions of crypto/tls, with the address of nm
same() {
	# generic functions and (1.17) wrappers of defer have other names in the runtime's table; of two of one name none is found
	awk '$2 ~ /^[Tt]$/ && $3 ~ /^crypto\/tls\./ && $3 !~ /\[|\.dwrap\./ { print $3, $1 }' "$1" | sort >"$TMP/all"
	awk '{ print $1 }' "$TMP/all" | uniq -u >"$TMP/names"
	join "$TMP/names" "$TMP/all" >"$TMP/want"
	"$TOOL" "$2" <"$TMP/names" >"$TMP/out"
	[ "$(head -1 "$TMP/out" | cut -d' ' -f1)" = "$3" ]
	awk 'NR > 1 && $1 != "at" { print $3, $1 }' "$TMP/out" | sort >"$TMP/got"
	diff "$TMP/want" "$TMP/got" | head
	[ "$(wc -l <"$TMP/want")" -gt 200 ]
	cmp "$TMP/want" "$TMP/got"
	grep -q '^crypto/tls.(\*Conn).Read ' "$TMP/got"
	if [ -z "${4:-}" ]; then # the other way: from the address of its last byte
		awk '$1 == "at" { print $3, $2 }' "$TMP/out" | sort >"$TMP/got"
		cmp "$TMP/want" "$TMP/got"
	fi
}

# whole VERSION MODE...
whole() {
	local dir=$OUT/peers/gosym/go$1 v=go$1 mode noat
	[ -n "$1" ] || v=$(go env GOVERSION)
	[ -n "$1" ] || dir=$OUT/peers/gosym/$v
	for mode in "${@:2}"; do
		case $mode in *_c) command -v gcc >/dev/null || continue ;; esac
		build "$1" "$mode" "$dir/$mode" ''
		build "$1" "$mode" "$dir/$mode.s" '-s -w'
		"$SDK" "$1" tool nm "$dir/$mode" >"$TMP/nm"
		cp "$dir/$mode" "$TMP/strip"
		case $mode in
		*_arm64) ;;
		*) strip -s "$TMP/strip" ;;
		esac
		noat=''
		case $mode:$OLD in pie*"$1"*) [ -z "$1" ] || noat=1 ;; esac
		echo "$v $mode"
		same "$TMP/nm" "$dir/$mode" "$v" $noat
		same "$TMP/nm" "$dir/$mode.s" "$v" $noat
		same "$TMP/nm" "$TMP/strip" "$v" $noat
	done
}

# each way to link compiles Go's library anew: minutes on a new machine
many() {
	[ -n "${OE_TEST_ALL:-}" ] || skip 'minutes of compiling: run with OE_TEST_ALL=1'
}

@test "the installed Go" { whole '' exe pie; }
@test "Go 1.20" { whole 1.20.14 exe; }
@test "Go 1.17" { whole 1.17.13 exe; }
@test "the installed Go, with a C linker and for arm64" {
	many
	whole '' exe_c pie_c exe_arm64 pie_arm64
}
@test "other ways to link with other versions" {
	many
	whole 1.27.0 exe pie exe_c pie_c exe_arm64
	whole 1.22.12 exe pie_c
	whole 1.20.14 pie exe_c exe_arm64
	whole 1.18.10 exe pie_c
	whole 1.17.13 pie_c exe_arm64
	whole 1.15.15 exe pie
}
