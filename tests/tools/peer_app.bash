# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# How client programs of other people's libraries are made, once, under $OUT/peers. Sourced; expects $root, $src (their sources)
# and $who (for messages). Sets $out.

out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac

# lacks REASON: it cannot be had here
lacks() {
	echo "$who: $*" >&2
	exit 77
}

need() {
	for c in "$@"; do
		command -v "$c" >/dev/null || lacks "no $c here"
	done
}

build_py() {
	python3 -m venv . >/dev/null && for p in $packages; do
		bin/pip install -q --disable-pip-version-check "$(grep -i "^$p==" "$src/requirements.txt")" || return 1
	done
}

build_node() {
	cp "$src/node/package.json" "$src/node/package-lock.json" . && npm ci --loglevel=error --no-audit --no-fund --ignore-scripts
}

# is what build_once() would make there, and newer than its sources?
built() {
	# shellcheck disable=SC2086
	[ -z "$group" ] || { [ -e "$dir/ok" ] && [ -z "$(find $deps -newer "$dir/ok")" ]; }
}

# build_once: runs build_$group in $dir, unless that has been done since the files of $deps changed; $group empty: nothing to do
build_once() {
	built && return
	mkdir -p "$dir"
	exec 9>"$dir/lock"
	flock 9
	if ! built; then
		rm -f "$dir/ok"
		(set +e; cd "$dir" && "build_$group") >"$dir/build.log" 2>&1 9>&- ||
			lacks "cannot be built: $(grep -iE -m1 'error|cannot|fail' "$dir/build.log" || tail -1 "$dir/build.log")"
		touch "$dir/ok"
	fi
	exec 9>&-
}
