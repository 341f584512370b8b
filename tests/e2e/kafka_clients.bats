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

# all LANG: with each codec
all() {
	client "$1"
	topic "$1-both" 3
	sleep 1 # until the broker leads it
	CODECS='none gzip snappy lz4 zstd'
	both "127.0.0.1:$KAFKA_PORT" "$1"
}

@test "confluent-kafka (librdkafka)" { all confluent; }
@test "kafka-clients, Java" { all java; }
@test "kafka-python" { all kafka_python; }
@test "aiokafka" { all aiokafka; }
@test "kafkajs" { all kafkajs; }
@test "segmentio kafka-go" { all kafka_go; }
@test "sarama" { all sarama; }
@test "franz-go" { all franz_go; }
