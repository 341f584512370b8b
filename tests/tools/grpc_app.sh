#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# grpc_app.sh LANG build | server PORT | client TARGET SCENARIO [N]: a gRPC peer of tests/apps/grpc (LANG: node java cpp;
# Python's and Go's are tests/apps/grpc_py.py and grpc_go), made once under $OUT/peers/grpc/LANG; the process becomes the
# peer. Exits 77 with the reason on stderr when the peer cannot be made here.
#   server: on 127.0.0.1:PORT (or unix:PATH), says "ready", ends on SIGTERM.
#   client: N calls (1 when not said) on one channel, for each a line METHOD CODE SENT RECEIVED. Scenarios: unary, codes,
#   streams, deadline, cancel, large, metadata, unimplemented; load says METHOD CODE CALLS for each code at the end.
# GRPC_TLS=DIR: over TLS, with the certificates that tls_certs.sh made there (not Java).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
[ $# -ge 2 ] || {
	echo "usage: grpc_app.sh node|java|cpp build | server PORT | client TARGET SCENARIO [N]" >&2
	exit 2
}
lang=$1
shift
src=$root/tests/apps/grpc/$lang
dir=$out/peers/grpc/$lang
log=$dir/build.log

lacks() {
	echo "grpc_app.sh: $lang: $*" >&2
	exit 77
}

# the first line of the log that looks like a reason, or else its last
why() {
	grep -iE -m1 'error|cannot|fail' "$log" || tail -1 "$log"
}

need() {
	command -v "$1" >/dev/null || lacks "no $1 here"
}

build_node() {
	cp "$src/package.json" "$src/package-lock.json" "$dir/" && cd "$dir" &&
		npm ci --loglevel=error --no-audit --no-fund --ignore-scripts
}

build_java() {
	rm -rf "${dir:?}/lib" "$dir/classes"
	cp "$src/pom.xml" "$dir/" &&
		flock "$out/peers/mvn.lock" mvn -q -B -f "$dir/pom.xml" dependency:copy-dependencies \
			-DincludeScope=runtime -DoutputDirectory="$dir/lib" &&
		javac -encoding UTF-8 -d "$dir/classes" -cp "$dir/lib/*" "$src/Echo.java"
}

build_cpp() {
	# shellcheck disable=SC2046
	g++ -std=c++17 -O1 -g -o "$dir/echo" "$src/echo.cpp" $(pkg-config --cflags grpc++) -lgrpc++_reflection \
		$(pkg-config --libs grpc++)
}

case $lang in
node) need node && need npm ;;
java) need java && need javac && need mvn ;;
cpp)
	need g++ && need pkg-config
	pkg-config --exists grpc++ || lacks "no libgrpc++-dev here"
	;;
*)
	echo "grpc_app.sh: no peer in $lang" >&2
	exit 2
	;;
esac

# built, and nothing that went into it has changed since (echo.js runs from where it is)
built() {
	[ -e "$dir/ok" ] && [ -z "$(find "$src" -type f -newer "$dir/ok" ! -name echo.js)" ]
}

mkdir -p "$dir"
if ! built; then
	# two tests that come at once: the second waits
	exec 9>"$dir/lock"
	flock 9
	if ! built; then
		rm -f "$dir/ok"
		(set +e; "build_$lang") >"$log" 2>&1 9>&- || lacks "cannot be built: $(why)"
		touch "$dir/ok"
	fi
	exec 9>&-
fi
[ "$1" != build ] || exit 0

case $lang in
cpp) exec "$dir/echo" "$@" ;;
node) NODE_PATH=$dir/node_modules exec node "$src/echo.js" "$@" ;;
java) exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$dir/classes:$dir/lib/*" Echo "$@" ;;
esac
