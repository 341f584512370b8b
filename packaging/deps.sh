#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh SET...: installs what is missing of the named sets (build, demo, test) through apt. A machine that has
# everything is left alone: no network, no root needed.
set -eu

# command or file to look for, then the package that brings it
build='
cmd:gcc gcc
cmd:make make
cmd:clang clang
cmd:llvm-strip llvm
cmd:bpftool bpftool
cmd:protoc-c protobuf-c-compiler
cmd:pkg-config pkg-config
file:/usr/include/bpf/libbpf.h libbpf-dev
file:/usr/include/libelf.h libelf-dev
file:/usr/include/zlib.h zlib1g-dev
file:/usr/include/capstone/capstone.h libcapstone-dev
file:/usr/include/protobuf-c/protobuf-c.h libprotobuf-c-dev
hdr:curl/curl.h libcurl4-openssl-dev
file:/usr/include/pcap/pcap.h libpcap-dev
file:/usr/include/yaml.h libyaml-dev
file:/usr/include/sys/capability.h libcap-dev
file:/usr/include/lz4frame.h liblz4-dev
file:/usr/include/snappy-c.h libsnappy-dev
file:/usr/include/zstd.h libzstd-dev
'
demo='
cmd:python3 python3
cmd:curl curl
'
test='
cmd:python3 python3
lib:libclang_rt.fuzzer-x86_64.a libclang-rt-14-dev
pyvenv:venv python3-venv
cmd:curl curl
cmd:bats bats
cmd:prove perl
cmd:nginx nginx-light
cmd:apache2 apache2
cmd:lighttpd lighttpd
cmd:node nodejs
cmd:wrk wrk
cmd:h2load nghttp2-client
cmd:nghttpd nghttp2-server
hdr:jansson.h libjansson-dev
hdr:nghttp2/nghttp2.h libnghttp2-dev
hdr:openssl/ssl.h libssl-dev
cmd:g++ g++
file:/usr/include/grpcpp/grpcpp.h libgrpc++-dev
pg:postgres postgresql
cmd:psql postgresql-client
hdr:postgresql/libpq-fe.h libpq-dev
cmd:mariadbd mariadb-server-core
cmd:mariadb mariadb-client-core
cmd:mariadb-slap mariadb-client
cmd:sysbench sysbench
hdr:mariadb/mysql.h libmariadb-dev
cmd:setpriv util-linux
hdr:Python.h python3-dev
cmd:javac default-jdk-headless
cmd:mvn maven
cmd:tcpdump tcpdump
cmd:tshark tshark
cmd:jq jq
cmd:openssl openssl
cmd:gnutls-cli gnutls-bin
cmd:wget wget
cmd:git git
so:libcurl-gnutls.so.4 libcurl3-gnutls
cmd:ip iproute2
cmd:openssl openssl
cmd:clang-format clang-format
'

present() {
	case $1 in
	cmd:llvm-strip) ls /usr/bin/llvm-strip* /usr/lib/llvm-*/bin/llvm-strip >/dev/null 2>&1 ;;
	cmd:*) PATH="$PATH:/usr/sbin:/sbin" command -v "${1#cmd:}" >/dev/null ;;
	file:*) [ -e "${1#file:}" ] ;;
	hdr:*) [ -e "/usr/include/${1#hdr:}" ] || ls /usr/include/*/"${1#hdr:}" >/dev/null 2>&1 ;;
	lib:*) find /usr/lib/llvm-* /usr/lib/clang -name "${1#lib:}" 2>/dev/null | grep -q . ;;
	so:*) ls /usr/lib/*/"${1#so:}" >/dev/null 2>&1 ;;
	pg:*) ls /usr/lib/postgresql/*/bin/"${1#pg:}" >/dev/null 2>&1 ;;
	pyvenv:*) python3 -c 'import ensurepip' 2>/dev/null ;;
	esac
}

# the fuzzer's runtime belongs to clang's own version; bpftool has another home on Ubuntu
resolve() {
	case $1 in
	libclang-rt-14-dev)
		v=$(clang --version 2>/dev/null | sed -n 's/.*version \([0-9]*\).*/\1/p')
		[ -n "$v" ] || v=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
		echo "libclang-rt-${v:-14}-dev"
		;;
	bpftool)
		if apt-cache show bpftool 2>/dev/null | grep -q '^Filename'; then
			echo bpftool
		else
			echo linux-tools-common "linux-tools-$(uname -r)"
		fi
		;;
	*) echo "$1" ;;
	esac
}

missing=()
for set in "$@"; do
	while read -r what pkg; do
		[ -n "$what" ] || continue
		present "$what" || missing+=("$pkg")
	done <<<"${!set}"
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "deps: these are missing, and there is no apt-get here to install them: ${missing[*]}" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "deps: these are missing, and only root can install them (run with sudo): ${missing[*]}" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/tmp/otel-ebpf-apt.log 2>&1 || {
	echo "deps: apt-get update failed, see /tmp/otel-ebpf-apt.log" >&2
	exit 1
}
names=()
for p in "${missing[@]}"; do
	# word splitting wanted: one name may stand for two packages
	# shellcheck disable=SC2207
	names+=($(resolve "$p"))
done
echo "deps: installing ${names[*]}"
# a server that is only wanted as a program shall not start by itself on its port (MariaDB's -core packages have no service at
# all; PostgreSQL would make a cluster as well)
policy=/usr/sbin/policy-rc.d
made=''
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod +x "$policy"
	made=1
fi
cluster=/etc/postgresql-common/createcluster.conf
if [ ! -e "$cluster" ]; then
	case " ${names[*]} " in *' postgresql '*)
		mkdir -p "${cluster%/*}"
		echo 'create_main_cluster = false' >"$cluster"
		;;
	esac
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
if ! apt-get install -y -q --no-install-recommends "${names[@]}" >>/tmp/otel-ebpf-apt.log 2>&1; then
	echo "deps: apt-get install failed:" >&2
	tail -5 /tmp/otel-ebpf-apt.log >&2
	exit 1
fi
