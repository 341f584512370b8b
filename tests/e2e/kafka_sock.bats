#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kafka at full speed, transactions, errors, attaching late, lag. kafka_syscall.bats is a link, for the other backend.
case ${BATS_TEST_FILENAME##*/} in
*_syscall.bats) HOOKS=syscall ;;
*) HOOKS=sock ;;
esac
load lib.bash
load kafka.bash
setup_file() { start_kafka; }
teardown_file() { stop_kafka; }
setup() {
	common_setup
	need_root
	need_kafka
	P=127.0.0.1:$KAFKA_PORT
}
teardown() { common_teardown; }

JAVA='java -Xmx256m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=error'

# perf_producer TOPIC RECORDS SIZE [PROPERTY...]
perf_producer() {
	# shellcheck disable=SC2086
	under_watch $JAVA -cp "$KAFKA_JARS/*" org.apache.kafka.tools.ProducerPerformance --topic "$1" --num-records "$2" \
		--record-size "$3" --throughput -1 --producer-props bootstrap.servers="$P" "${@:4}"
	grep -q "^$2 records sent" "$TMP/out"
}

# less than a part in N of what was moved was copied
copied_below() {
	local seen copied
	seen=$(ledger capture.io.size seen)
	copied=$(ledger capture.io.size copied)
	echo "copied $copied of $seen bytes"
	[ $((copied * $1)) -lt "$seen" ]
}

@test "kafka-producer-perf-test and kafka-consumer-perf-test at full speed: every message counted" {
	topic perf 2
	sleep 1
	TRACES=none perf_producer perf 300000 100
	[ "$(metric messaging.client.sent.messages messaging.destination.name=perf)" = 300000 ]
	sound
	copied_below 10
	# shellcheck disable=SC2086
	TRACES=none under_watch $JAVA -cp "$KAFKA_JARS/*" org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "$P" \
		--topic perf --messages 300000 --group perf-group --show-detailed-stats --reporting-interval 60000 --hide-header
	cat "$TMP/out"
	[ "$(metric messaging.client.consumed.messages messaging.destination.name=perf)" = 300000 ]
	sound
	copied_below 10
}

@test "records of 10 KiB: heads are copied, values are not" {
	topic large
	sleep 1
	TRACES=none perf_producer large 20000 10240
	[ "$(metric messaging.client.sent.messages)" = 20000 ]
	sound
	copied_below 10
}

@test "transactions: markers are no messages" {
	client confluent
	topic txn
	sleep 1
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" produce "$P" txn 150 --txn
	[ "$(metric messaging.client.sent.messages messaging.destination.name=txn)" = 150 ]
	sound
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" consume "$P" txn group-txn 150
	[ "$(metric messaging.client.consumed.messages messaging.destination.name=txn)" = 150 ]
	sound
}

@test "acks=0: requests without a response are sent all the same" {
	client confluent
	topic oneway 2
	sleep 3
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" produce "$P" oneway 500 --acks 0
	[ "$(metric messaging.client.sent.messages messaging.destination.name=oneway)" = 500 ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER error.type=None)" -gt 0 ]
	sound
}

@test "errors: a message too large, a topic there is none of" {
	client confluent
	topic narrow 1 max.message.bytes=500
	sleep 1
	under_watch bash -c 'echo go | "$@" || true' _ "${CLIENT[@]}" produce "$P" narrow 1 --size 5000 --timeout 5
	[ "$(metric messaging.client.sent.messages messaging.destination.name=narrow error.type=MESSAGE_TOO_LARGE)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER name='send narrow' error.type=MESSAGE_TOO_LARGE)" = 1 ]
	under_watch bash -c 'echo go | "$@" || true' _ "${CLIENT[@]}" produce "$P" nowhere 1 --timeout 5
	[ "$("$SPANS" count "$TMP/spans.json" name=Metadata error.type=UNKNOWN_TOPIC_OR_PARTITION)" -gt 0 ]
	[ "$(metric messaging.client.sent.messages)" = 0 ]
	no_canary
}

@test "a broker that is killed: sends without an answer are failures" {
	local dir=$TMP/second port pid client
	client confluent
	port=$(free_port)
	mkdir "$dir"
	OUT=$OUT "$KAFKA_SERVER" start "$dir" "$port" >/dev/null 2>&1 3>&- &
	pid=$!
	PIDS="$PIDS $pid"
	wait_for 60 grep -q 'Kafka Server started' "$dir/log"
	KAFKA_PORT=$port topic gone
	sleep 1
	bash -c 'sleep 1.5; echo go | "$@"' _ "${CLIENT[@]}" produce "127.0.0.1:$port" gone 5000000 --acks all --timeout 6 \
		>"$TMP/out" 2>/dev/null 3>&- &
	client=$!
	PIDS="$PIDS $client"
	start_watch --pid "$client"
	sleep 3
	kill -9 "$pid"
	wait "$client" || true
	stop_watch 0.5
	[ "$(metric messaging.client.sent.messages messaging.destination.name=gone)" -gt 0 ]
	[ "$(ledger stream.events lost)" = 0 ]
	no_canary
}

@test "lag is what kafka-consumer-groups says" {
	local want seen lag
	client confluent
	topic lagging 2
	sleep 1
	echo go | "${CLIENT[@]}" produce "$P" lagging 1000
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" consume "$P" lagging lag-group 300
	# partitions without a commit are not in its report
	want=$(kafka_tool consumer.group.ConsumerGroupCommand --bootstrap-server "$P" --describe --group lag-group |
		awk '$2 == "lagging" && $6 ~ /^[0-9]+$/ { print $3 ":" $6 }')
	seen=$("$SPANS" lag "$TMP/spans.json" lagging lag-group)
	echo "consumer groups: $want, seen: $seen"
	[ -n "$want" ]
	for lag in $want; do grep -qw "$lag" <<<"$seen"; done
}

# late CLASS ARGS...: attaches when the tool has run for a while
late() {
	local tool
	# shellcheck disable=SC2086
	$JAVA -cp "$KAFKA_JARS/*" "org.apache.kafka.tools.$1" "${@:2}" >"$TMP/out" 2>&1 3>&- &
	tool=$!
	PIDS="$PIDS $tool"
	sleep 2.5
	start_watch --pid "$tool"
	sleep 1.5
	stop_watch
	kill "$tool"
}

@test "met in mid-connection, producing: what is not known is said, nothing is wrong" {
	topic late 1
	sleep 1
	late ProducerPerformance --topic late --num-records 100000 --record-size 100 --throughput 2000 --producer-props \
		bootstrap.servers="$P"
	[ "$(metric messaging.client.sent.messages)" -gt 1000 ]
	[ "$(ledger stream.events lost)" = 0 ]
	# topics are given by an id that was named before we came
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER)" = "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER name=send)" ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER error.type=None)" -gt 10 ]
	grep -q '"otel_ebpf.unknown".*"messaging.destination.name"' "$TMP/spans.json"
}

@test "met in mid-connection, fetching" {
	topic latefetch 1
	sleep 1
	# shellcheck disable=SC2086
	$JAVA -cp "$KAFKA_JARS/*" org.apache.kafka.tools.ProducerPerformance --topic latefetch --num-records 100000 --record-size 100 \
		--throughput 2000 --producer-props bootstrap.servers="$P" >/dev/null 2>&1 3>&- &
	PIDS="$PIDS $!"
	late ConsumerPerformance --bootstrap-server "$P" --topic latefetch --messages 1000000 --group late-group --timeout 60000
	[ "$(metric messaging.client.consumed.messages)" -gt 500 ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=CONSUMER name=poll error.type=None)" -gt 3 ]
	[ "$(ledger stream.events lost)" = 0 ]
}
