#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kafka_app.sh LANG: makes a client program of tests/apps/kafka, once, under $OUT/peers/kafka, and prints its command line, to be
# followed by the arguments that tests/apps/kafka/client.py tells; its words have no spaces of their own, the process becomes the
# client. Exits 77 with the reason on stderr when it cannot be had here.
#   LANG: confluent (librdkafka), kafka_python, aiokafka, kafkajs, kafka_go, sarama, franz_go, java (without TLS)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
[ $# = 1 ] || {
	sed -n '3,6s/^# //p' "$0" >&2
	exit 2
}
lang=$1
src=$root/tests/apps/kafka

who="kafka_app.sh: $lang"
# shellcheck source=tests/tools/peer_app.bash
. "$root/tests/tools/peer_app.bash"

build_go() {
	(cd "$src/go" && go build -o "$dir/kafka" .)
}

# the class path in a file, where no shell can take its * for names of files
build_java() {
	rm -rf classes
	javac -encoding UTF-8 -d classes -cp "$jars/*" "$src/java/KafkaApp.java" &&
		printf '%s\n' -Xmx512m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "\"$dir/classes:$jars/*\"" >args
}

packages=''
case $lang in
confluent) packages=confluent-kafka group=py ;;
kafka_python) packages='kafka-python python-snappy lz4 zstandard cramjam' group=py ;;
aiokafka) packages='aiokafka cramjam' group=py ;;
kafkajs) need node npm && group=node ;;
kafka_go | sarama | franz_go) need go && group=go ;;
java)
	need java javac && group=java
	jars=$(OUT=$out "$root/tests/tools/kafka_server.sh" get) || exit 77
	;;
*) lacks 'no such client' ;;
esac

case $group in
py)
	need python3
	dir=$out/peers/kafka/py_$lang deps=$src/requirements.txt
	;;
node) dir=$out/peers/kafka/node deps="$src/node/package.json $src/node/package-lock.json" ;;
go) dir=$out/peers/kafka/go deps="$src/go/go.mod $src/go/main.go $src/go/kafka_go.go $src/go/sarama.go $src/go/franz_go.go" ;;
java) dir=$out/peers/kafka/java deps=$src/java/KafkaApp.java ;;
esac

build_once

case $group in
py) echo "$dir/bin/python -B $src/${lang}_client.py" ;;
node) echo "env NODE_PATH=$dir/node_modules node $src/node/kafkajs.js" ;;
go) echo "$dir/kafka $lang" ;;
java) echo "java @$dir/args KafkaApp" ;;
esac
