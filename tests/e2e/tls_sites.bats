#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where probes would go in the TLS libraries that are out there: every libssl and libgnutls of four Debian suites, for two
# machines. Each function must have sites, the entry a cheap one; random walks through the code must pass each kind once.
# Those for this machine are called for real, and each call must pass one entry site, with its arguments in the places
# that the site names, and one exit site with its result.
load lib.bash
setup() {
	common_setup
	SITES=$OUT/tests/unit/sites
	export OUT
}
teardown() { common_teardown; }

SSL='SSL_read SSL_read_ex SSL_write SSL_write_ex SSL_do_handshake SSL_shutdown SSL_free SSL_read_early_data
	SSL_write_early_data'
SSL_SOME='SSL_write_ex2 SSL_sendfile' # not in all versions
GNUTLS='gnutls_record_recv gnutls_record_recv_seq gnutls_record_send gnutls_record_send2 gnutls_handshake gnutls_bye
	gnutls_deinit'

# sites_of LIBRARY MUST MAY: sites of these functions to $TMP/sites; all of MUST have an entry, which is cheap
sites_of() {
	local f
	# shellcheck disable=SC2086
	"$SITES" -w 300 "$1" $2 $3 >"$TMP/sites" || {
		grep -E ' none |WRONG' "$TMP/sites"
		return 1
	}
	for f in $2; do
		grep -qE "^$f (entry .* cheap|forwards)" "$TMP/sites" || {
			echo "$1: $f: $(grep "^$f " "$TMP/sites")"
			return 1
		}
	done
	! grep -E ' entry .* stepped ' "$TMP/sites" || false
}

cert() {
	need openssl
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$TMP/key.pem" -out "$TMP/cert.pem" \
		-days 3 -subj /CN=localhost 2>/dev/null
}

# call_all KIND LIBRARY DEPS LIBC: with the suite's own C library, or ours if that is too old for our programs
call_all() {
	local app=$OUT/tests/apps/tls_calls dir=${2%/*}
	local args=("$1" "$2" "$TMP/cert.pem" "$TMP/key.pem" "$TMP/sites")
	if [ -n "${4:-}" ] && "$4/ld-linux-x86-64.so.2" --library-path "$4" "$app" >/dev/null 2>&1 || [ $? = 2 ]; then
		timeout 60 "$4/ld-linux-x86-64.so.2" --library-path "$dir:$3:$4" "$app" "${args[@]}"
	else
		LD_LIBRARY_PATH=$dir${3:+:$3} timeout 60 "$app" "${args[@]}"
	fi
}

suite() { # SUITE ARCH
	local lib deps libc kind n=0
	"$ROOT/tests/tools/fetch_tls_libs.sh" "$1" "$2" >"$TMP/libs" 2>"$TMP/err" || skip "$(tail -1 "$TMP/err")"
	cert
	while read -r lib deps libc; do
		n=$((n + 1))
		case $lib in
		*libssl*) kind=ssl && sites_of "$lib" "$SSL" "$SSL_SOME" ;;
		*) kind=gnutls && sites_of "$lib" "$GNUTLS" ;;
		esac
		[ "$2" = amd64 ] && [ "$(uname -m)" = x86_64 ] || continue
		echo "$lib"
		call_all "$kind" "$lib" "$deps" "$libc"
	done <"$TMP/libs"
	[ $n -ge 2 ]
}

@test "bullseye amd64" { suite bullseye amd64; }
@test "bookworm amd64" { suite bookworm amd64; }
@test "trixie amd64" { suite trixie amd64; }
@test "sid amd64" { suite sid amd64; }
@test "bullseye arm64" { suite bullseye arm64; }
@test "bookworm arm64" { suite bookworm arm64; }
@test "trixie arm64" { suite trixie arm64; }
@test "sid arm64" { suite sid arm64; }

@test "the libraries installed here" {
	[ "$(uname -m)" = x86_64 ] || skip 'x86-64 only'
	local lib n=0
	cert
	for lib in /usr/lib/x86_64-linux-gnu/libssl.so.[13]*; do
		[ -e "$lib" ] || continue
		sites_of "$lib" "$SSL" "$SSL_SOME"
		# a copy: probes of another test in the file itself would stand in the way of ours
		cp "$lib" "$TMP/"
		call_all ssl "$TMP/${lib##*/}" ''
		n=$((n + 1))
	done
	for lib in /usr/lib/x86_64-linux-gnu/libgnutls.so.30; do
		[ -e "$lib" ] || continue
		sites_of "$lib" "$GNUTLS"
		cp "$lib" "$TMP/"
		call_all gnutls "$TMP/${lib##*/}" ''
		n=$((n + 1))
	done
	[ $n -gt 0 ] || skip 'none is'
}

@test "Node.js, with OpenSSL inside" {
	need node
	local node
	node=$(readlink -f "$(command -v node)")
	"$SITES" "$node" SSL_read >"$TMP/sites"
	! grep -q absent "$TMP/sites" || skip 'this node uses a shared library'
	sites_of "$node" "$SSL" "$SSL_SOME"
}

@test "Go, for both machines" {
	need go
	local m
	for m in amd64 arm64; do
		mkdir -p "$OUT/peers"
		[ "$OUT/peers/tls_go_$m" -nt "$APPS/tls_go/main.go" ] ||
			(cd "$APPS/tls_go" && GOARCH=$m CGO_ENABLED=0 go build -o "$OUT/peers/tls_go_$m" .) 2>"$TMP/go.err" ||
			skip "cannot build: $(tail -1 "$TMP/go.err")"
		"$SITES" -w 300 "$OUT/peers/tls_go_$m" 'go:crypto/tls.(*Conn).Read' 'go:crypto/tls.(*Conn).Write' >"$TMP/sites"
		cat "$TMP/sites"
		[ "$(grep -c ' entry .* cheap ' "$TMP/sites")" -ge 2 ]
		if grep -E ' entry .* stepped | return |WRONG' "$TMP/sites"; then return 1; fi
	done
}
