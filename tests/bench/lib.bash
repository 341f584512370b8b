# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the benchmarks share. Sourced; expects $root. Sets $out, $bin and $tmp, which the benchmark removes; needs root.

out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
bin=$out/otel-ebpf
[ "$(id -u)" = 0 ] || { echo "bench: needs root" >&2; exit 1; }
tmp=$(mktemp -d)

# need COMMAND...
need() {
	local c
	for c; do command -v "$c" >/dev/null || { echo "bench: $c is missing (make deps)" >&2; exit 1; }; done
}

row() { printf '%-64s %-12s %s\n' "$1" "$2" "$3"; }

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# until_true COMMAND...: at most 10 seconds
until_true() {
	for _ in $(seq 1000); do
		"$@" 2>/dev/null && return
		sleep 0.01
	done
	echo "bench: gave up waiting for: $*" >&2
	exit 1
}

# start PID [TRACES-EXPORTER [OPTION...]]: watches it; sets $watch and $started_ms
start() {
	OTEL_BSP_MAX_QUEUE_SIZE=65536 "$bin" run --pid "$1" --traces-exporter "${2:-none}" --metrics-exporter otlp_file \
		--otlp-file "$tmp/m.json" -v "${@:3}" 2>"$tmp/w.err" &
	watch=$!
	local t0 t1
	t0=$(date +%s%N)
	until_true grep -q "^otel-ebpf: capturing" "$tmp/w.err"
	t1=$(date +%s%N)
	started_ms=$(((t1 - t0) / 1000000))
}

stop() {
	sleep 0.5
	kill "$watch"
	wait "$watch"
	watch=''
}

# ledger NAME FIELD: a number of what -v printed at exit
ledger() { awk -v n="$1" -v f="$2=" '$1 == n { for (i = 2; i <= NF; i++) if (index($i, f) == 1) { print substr($i, length(f) + 1); exit } }' "$tmp/w.err"; }
