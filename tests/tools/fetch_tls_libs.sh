#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fetch_tls_libs.sh SUITE ARCH: libssl and libgnutls of a Debian suite and its updates, every version that its lists
# have, from the machine's own mirror; unpacked under $OUT/peers/tls/SUITE-ARCH, not installed. Prints a line for each
# library: PATH DEPS LIBC, the directories with all it depends on and with its C library and loader (amd64 only).
# Exits 77 with the reason on stderr when they cannot be had here.
set -eu
suite=$1 arch=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
dir=$out/peers/tls/$suite-$arch
export LC_ALL=C.UTF-8

lacks() {
	echo "fetch_tls_libs.sh: $suite $arch: $*" >&2
	exit 77
}

# shellcheck source=tests/tools/suite_apt.bash
. "$root/tests/tools/suite_apt.bash"

# lists of this suite; updates that a mirror does not have are no error
apt_setup() {
	local main security s
	main=$(mirror debian) security=$(mirror debian-security)
	[ -n "$main" ] || {
		echo 'ERROR no Debian mirror in the sources of apt'
		return 1
	}
	own_apt "$arch"
	local good=''
	for s in "$main $suite" "$main $suite-updates" ${security:+"$security $suite-security"}; do
		[ "$suite" != sid ] || [ "$s" = "$main sid" ] || continue
		echo "deb [$KEYS] $s main" >apt/etc/sources.list
		apt-get update -q -o APT::Update::Error-Mode=any && good+="deb [$KEYS] $s main"$'\n'
	done
	[ -n "$good" ] || return 1
	printf '%s' "$good" >apt/etc/sources.list
	apt-get update -q
}

# unpack DEB TARGET: only its shared objects
unpack() {
	local t
	mkdir -p "$2"
	dpkg-deb -x "$1" tmp || return 1
	# a link has the name of a file of another directory (the loader): the file counts
	for t in f l; do
		find tmp \( -path '*/gconv/*' -o -path '*/engines*/*' -o -path '*/ossl-modules/*' \) -prune -o \
			-type $t \( -name '*.so' -o -name '*.so.*' \) -exec cp -Pn {} "$2/" \;
	done
	rm -rf tmp
}

fetch() {
	local p v deps
	apt_setup || return 1
	for p in libssl1.1 libssl3 libssl3t64 libssl4 libgnutls30 libgnutls30t64; do
		for v in $(apt-cache madison "$p" | awk -F'|' '{ gsub(/ /, "", $2); print $2 }' | sort -u); do
			apt-get download -q "$p=$v" || continue
			unpack ./"$p"_*.deb "libs/${p}_${v//[:~]/-}"
			rm -f ./*.deb
		done
	done
	[ -d libs ] || {
		echo 'ERROR neither libssl nor libgnutls in the lists'
		return 1
	}
	if [ "$arch" = amd64 ]; then
		deps=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
			--no-enhances libgnutls30 libgnutls30t64 libssl3 libssl3t64 libssl1.1 libssl4 2>/dev/null |
			grep -E '^(lib[a-z0-9.+-]*|zlib1g|openssl-provider[a-z-]*)$' |
			grep -v -E '^lib(gnutls|perl|c-gconv|ssl)' | sort -u)
		mkdir debs
		for p in $deps; do (cd debs && apt-get download -q "$p") || true; done
		for p in debs/*.deb; do
			case $p in
			debs/libc6_*) unpack "$p" libc ;;
			*) unpack "$p" deps ;;
			esac || return 1
		done
		[ -e libc/libc.so.6 ] || return 1
	fi
	rm -rf debs apt
}

command -v apt-get >/dev/null || lacks 'no apt here'
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [ ! -e "$dir/ok" ]; then
	# a failure is remembered for this boot, so that tests without a network are quick
	failed=$dir/failed.$(cut -c1-8 /proc/sys/kernel/random/boot_id)
	[ ! -e "$failed" ] || lacks "cannot be had: $(cat "$failed")"
	(cd "$dir" && rm -rf libs deps libc debs apt && set +e && fetch) >"$dir/fetch.log" 2>&1 9>&- || {
		(grep -m1 -E '^(E:|ERROR)' "$dir/fetch.log" || tail -1 "$dir/fetch.log") | sed 's#https\?://[^ ]*#...#g' >"$failed"
		lacks "cannot be had: $(cat "$failed")"
	}
	touch "$dir/ok"
fi
exec 9>&-
find "$dir/libs" -type f \( -name 'libssl.so.*' -o -name 'libgnutls.so.*' \) | sort | while read -r f; do
	echo "$f $dir/deps $dir/libc"
done
