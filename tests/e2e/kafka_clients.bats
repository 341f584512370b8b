#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kafka's client libraries against a real broker: what they count is what we count, for every compression; trace contexts of records
# become links.
load lib.bash
load kafka.bash
setup_file() {
	start_kafka
}
teardown_file() { stop_kafka; }
setup() {
	common_setup
	need_root
	need_kafka
}
teardown() { common_teardown; }

CODECS='none gzip snappy lz4 zstd'

# linked KIND: each codec's context was found, and no two spans have one id
linked() {
	local i
	for i in 1 2 3 4 5; do
		grep -q '"links": *\[[^]]*"traceId": *"0af7651916cd43dd8448eb211c8031'$i$i'", *"spanId": *"b7ad6b71692033'$i$i'"' \
			"$TMP/spans.json" || {
			echo "$1: no link to context $i"
			return 1
		}
	done
	[ "$(grep -o '"spanId": *"[0-9a-f]*", *"parentSpanId\|"spanId": *"[0-9a-f]*", *"name' "$TMP/spans.json" | sort | uniq -d | wc -l)" = 0 ]
}

# both LANG: 200 messages with each codec, then all of them consumed
both() {
	local t=$1-both p=127.0.0.1:$KAFKA_PORT
	client "$1"
	topic "$t" 3
	sleep 1 # until the broker leads it
	# shellcheck disable=SC2016
	under_watch bash -c 'i=0; for c in '"$CODECS"'; do i=$((i + 1))
		echo go | "$@" --compression $c --traceparent 00-0af7651916cd43dd8448eb211c8031$i$i-b7ad6b71692033$i$i-01 || exit; done' _ \
		"${CLIENT[@]}" produce "$p" "$t" 200
	cat "$TMP/out"
	[ "$(grep -c '"sent": *200' "$TMP/out")" = 5 ]
	[ "$(metric messaging.client.sent.messages messaging.destination.name="$t")" = 1000 ]
	[ "$(metric messaging.client.sent.messages)" = 1000 ]
	linked PRODUCER
	sound
	no_canary

	# shellcheck disable=SC2016
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" consume "$p" "$t" "group-$1" 1000
	cat "$TMP/out"
	grep -q '"consumed": *1000' "$TMP/out"
	[ "$(metric messaging.client.consumed.messages messaging.destination.name="$t" messaging.consumer.group.name="group-$1")" = 1000 ]
	[ "$(metric messaging.client.consumed.messages)" = 1000 ]
	[ "$("$SPANS" lag "$TMP/spans.json" "$t" "group-$1")" = '0:0 1:0 2:0' ]
	linked CONSUMER
	sound
	no_canary
}

@test "confluent-kafka (librdkafka)" { both confluent; }
@test "kafka-clients, Java" { both java; }
@test "kafka-python" { both kafka_python; }
@test "aiokafka" { both aiokafka; }
@test "kafkajs" { both kafkajs; }
@test "segmentio kafka-go" { both kafka_go; }
@test "sarama" { both sarama; }
@test "franz-go" { both franz_go; }
