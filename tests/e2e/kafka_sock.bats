#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kafka at full speed, and met late. kafka_syscall.bats is a link, for the other backend.
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
	TRACES=none perf_producer large 5000 10240
	[ "$(metric messaging.client.sent.messages)" = 5000 ]
	sound
	copied_below 10
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
	[ "$(ledger kafka.topics name_unknown)" -gt 10 ]
	[ "$(ledger kafka.topics records_unknown)" = 0 ]
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
