#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_fuzz.sh TARGET SECONDS: fuzzes from the committed corpus; a finding is an error. What
# the fuzzer learns stays beside the target.
set -eu
target=$1 seconds=$2
name=$(basename "$target")
dir=$(dirname "$target")
mkdir -p "$dir/corpus-$name" "$dir/found-$name"
seeds=()
case $name in
fuzz_proto) seeds=(tests/corpus/proto) ;;
fuzz_pipeline) seeds=(tests/corpus/pipeline) ;;
fuzz_replay) seeds=(tests/corpus/replay) ;;
fuzz_sqltext) seeds=(tests/corpus/sqltext) ;;
fuzz_elfimg) seeds=(tests/corpus/elfimg) ;;
esac
existing=()
for s in "${seeds[@]}"; do [ -d "$s" ] && existing+=("$s"); done
log=$dir/$name.log
if ! "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -verbosity=1 \
	-print_final_stats=1 -artifact_prefix="$dir/found-$name/" "$dir/corpus-$name" "${existing[@]}" >"$log" 2>&1; then
	echo "fuzz: $name found something, see $log:" >&2
	tail -40 "$log" >&2
	exit 1
fi
printf 'fuzz: %s: %s executions, nothing found\n' "$name" \
	"$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
