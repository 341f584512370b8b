#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tls_certs.sh DIR: makes in DIR what TLS tests need: ca.pem and ca.key, server.pem and server.key (localhost, 127.0.0.1, ::1),
# client.pem and client.key, both signed by that CA; EC P-256, no passwords. What is there and still good stays as it is.
set -eu
[ $# = 1 ] || {
	sed -n '3,4s/^# //p' "$0" >&2
	exit 2
}
mkdir -p "$1"
cd "$1"
exec 9>.lock
flock 9
openssl verify -CAfile ca.pem server.pem client.pem >/dev/null 2>&1 && exit 0

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }

# signed NAME SUBJECT EXTENSIONS
signed() {
	key "$1"
	openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 3650 \
		-extfile <(printf '%b' "$3") -out "$1.pem.new" 2>/dev/null
	rm "$1.csr"
	mv "$1.pem.new" "$1.pem"
}

key ca
openssl req -x509 -new -key ca.key -subj '/CN=otel-ebpf test CA' -days 3650 -out ca.pem \
	-addext 'keyUsage=critical,keyCertSign,cRLSign'
signed server /CN=localhost 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth
authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n'
signed client '/CN=test client' 'basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n'
