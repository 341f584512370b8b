#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kafka over TLS, by every TLS library that its clients bring along; the same is expected as without TLS (kafka_clients.bats).
load lib.bash
load kafka.bash

CODECS='none lz4'
ALL='confluent kafka_python aiokafka kafkajs sarama franz_go'

setup_file() {
	local certs=$BATS_FILE_TMPDIR/certs lang
	"$ROOT/tests/tools/tls_certs.sh" "$certs" 2>"$BATS_FILE_TMPDIR/certs.err" || {
		export KAFKA_SKIP="no certificates: $(tail -1 "$BATS_FILE_TMPDIR/certs.err")"
		return 0
	}
	export KAFKA_TLS=$certs/ca.pem
	start_kafka "$certs"
	[ -z "$KAFKA_SKIP" ] || return 0
	# while the tests begin
	(for lang in $ALL; do
		topic "$lang-both" 3
	done) 2>&1 3>&- &
	topic kcat
	wait $!
	sleep 1 # until the broker leads them
}
teardown_file() { stop_kafka; }
setup() {
	common_setup
	[ -n "${OE_CLIENTS_ONLY:-}" ] || need_root
	need_kafka
}
teardown() { common_teardown; }

# hold COMMAND...: one that waits for its input while the test runs, so that its TLS library has probes before the first connection
# that counts
hold() {
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	mkfifo "$TMP/hold"
	"$@" <"$TMP/hold" >/dev/null 2>&1 3>&- &
	KAFKA_WATCH="--pid $!"
	PIDS="$PIDS $!"
	exec 4>"$TMP/hold"
	sleep 0.5 # until it has loaded what it needs
}

tls() { # LANG
	client "$1"
	hold "${CLIENT[@]}" produce "127.0.0.1:$KAFKA_TLS_PORT" none 1
	both "127.0.0.1:$KAFKA_TLS_PORT" "$1" server.address=127.0.0.1 server.port="$KAFKA_TLS_PORT"
	[ -n "${OE_CLIENTS_ONLY:-}" ] || [ "$(ledger capture.tls plaintext_not_seen)" = 0 ]
}

@test "confluent-kafka: librdkafka with an OpenSSL of its own inside" { tls confluent; }
@test "kafka-python: Python's ssl" { tls kafka_python; }
@test "aiokafka: TLS in memory" { tls aiokafka; }
@test "kafkajs: TLS in memory by Node's own OpenSSL" { tls kafkajs; }
@test "sarama: Go's crypto/tls" { tls sarama; }
@test "franz-go: Go's crypto/tls" { tls franz_go; }

@test "kcat: the system's librdkafka and OpenSSL" {
	need kcat
	local conf="-b 127.0.0.1:$KAFKA_TLS_PORT -X security.protocol=SSL -X ssl.ca.location=$KAFKA_TLS"
	# shellcheck disable=SC2086
	hold kcat -P $conf -t none
	printf 'key-%s:CANARY\n' {1..300} >"$TMP/in"
	# shellcheck disable=SC2016
	under_watch bash -c 'kcat -P $1 -t kcat -K : -z none <"$2" && kcat -C $1 -t kcat -o beginning -e -q -f "%k\n"' _ "$conf" "$TMP/in"
	[ "$(sort -u "$TMP/out" | grep -c '^key-')" = 300 ]
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	[ "$(metric messaging.client.sent.messages messaging.destination.name=kcat)" = 300 ]
	[ "$(metric messaging.client.consumed.messages messaging.destination.name=kcat)" = 300 ]
	all_have kcat server.address=127.0.0.1 server.port="$KAFKA_TLS_PORT"
	sound
	no_canary
}
