#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Kafka: transactions, errors, lag, a broker that goes; and librdkafka's mock cluster, which needs no Java.
load lib.bash
load kafka.bash
setup_file() { start_kafka; }
teardown_file() { stop_kafka; }
setup() {
	common_setup
	need_root
	P=127.0.0.1:$KAFKA_PORT
}
teardown() { common_teardown; }

@test "transactions: markers are no messages" {
	need_kafka
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

@test "a message's trace context: the producer's span is what the header says, the consumer's has a link to it" {
	need_kafka
	client confluent
	topic traced
	sleep 1
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" produce "$P" traced 1 \
		--traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER name='send traced' messaging.kafka.offset=0)" = 1 ]
	grep -q '"traceId": *"0af7651916cd43dd8448eb211c80319c", *"spanId": *"b7ad6b7169203331"' "$TMP/spans.json"
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" consume "$P" traced traced-group 1
	[ "$("$SPANS" count "$TMP/spans.json" kind=CONSUMER name='poll traced' messaging.batch.message_count=1)" = 1 ]
	grep -q '"links": *\[[^]]*"traceId": *"0af7651916cd43dd8448eb211c80319c", *"spanId": *"b7ad6b7169203331"' "$TMP/spans.json"
}

@test "acks=0: requests without a response are sent all the same" {
	need_kafka
	client confluent
	topic oneway 2
	sleep 3
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" produce "$P" oneway 500 --acks 0
	[ "$(metric messaging.client.sent.messages messaging.destination.name=oneway)" = 500 ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER error.type=None)" -gt 0 ]
	sound
}

@test "errors: a message too large, a topic there is none of" {
	need_kafka
	client confluent
	topic narrow 1 max.message.bytes=500
	sleep 1
	under_watch bash -c 'echo go | "$@" || true' _ "${CLIENT[@]}" produce "$P" narrow 1 --size 5000 --timeout 3
	[ "$(metric messaging.client.sent.messages messaging.destination.name=narrow error.type=MESSAGE_TOO_LARGE)" = 1 ]
	[ "$("$SPANS" count "$TMP/spans.json" kind=PRODUCER name='send narrow' error.type=MESSAGE_TOO_LARGE)" = 1 ]
	under_watch bash -c 'echo go | "$@" || true' _ "${CLIENT[@]}" produce "$P" nowhere 1 --timeout 3
	[ "$("$SPANS" count "$TMP/spans.json" name=Metadata error.type=UNKNOWN_TOPIC_OR_PARTITION)" -gt 0 ]
	[ "$(metric messaging.client.sent.messages)" = 0 ]
	no_canary
}

@test "a broker that is killed: sends without an answer are failures" {
	need_kafka
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
	need_kafka
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

@test "librdkafka's mock cluster" {
	client confluent
	start_server "${CLIENT[0]}" "$APPS/kafka/mock_cluster.py"
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" produce "127.0.0.1:$PORT" mocked 300
	[ "$(metric messaging.client.sent.messages messaging.destination.name=mocked)" = 300 ]
	sound
	no_canary
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" consume "127.0.0.1:$PORT" mocked mock-group 300
	[ "$(metric messaging.client.consumed.messages messaging.destination.name=mocked messaging.consumer.group.name=mock-group)" = 300 ]
	sound
	no_canary
}

@test "a broker is shown when that is asked for" {
	need_kafka
	client confluent
	topic shown
	sleep 1
	start_watch --pid "$KAFKA_PID" --kafka-broker
	echo go | "${CLIENT[@]}" produce "$P" shown 50
	echo go | "${CLIENT[@]}" consume "$P" shown shown-group 50
	stop_watch 0.5
	[ "$("$SPANS" count "$TMP/spans.json" kind=SERVER name='send shown' error.type=None)" -gt 0 ]
	[ "$(metric otel_ebpf.messaging.server.operation.duration messaging.destination.name=shown messaging.operation.name=send)" -gt 0 ]
	[ "$(metric messaging.client.sent.messages)" = 0 ]
	# by default its clients tell
	start_watch --pid "$KAFKA_PID"
	echo go | "${CLIENT[@]}" produce "$P" shown 50
	stop_watch 0.5
	[ "$(ledger requests completed)" = 0 ]
	[ "$(ledger capture.io.size copied)" -lt 1000 ]
}
