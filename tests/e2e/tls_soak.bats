#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The short form of tests/tools/tls_soak.sh: TLS programs under load while the daemon comes and goes, half the time killed.
load lib.bash

setup() { common_setup; need_root; }
teardown() { common_teardown; }

@test "no program breaks and nothing is left while the daemon comes and goes under load" {
	need nginx wrk h2load node python3 openssl curl bpftool
	OUT=$OUT run "$ROOT/tests/tools/tls_soak.sh" "${SOAK_SECONDS:-12}" 3>&-
	echo "$output"
	[ "$status" = 0 ]
}
