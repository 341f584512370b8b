#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kafka_server.sh get | start DIR PORT [TLS_PORT CERTS]: a real Apache Kafka broker of its own on loopback; its jars come once by
# Maven, kept under $OUT/peers/kafka. Exits 77 with one line on stderr when it cannot be had here.
#   get: prints the directory of the jars (the broker, its tools, the Java client and its compression libraries).
#   start: one node (KRaft) on 127.0.0.1:PORT (and TLS_PORT, with the certificates that tls_certs.sh made), its data in DIR; the
#   process becomes the broker. It answers 3 to 7 s later: when DIR/log says "Kafka Server started". On SIGTERM it ends in order,
#   which takes 7 s; SIGKILL does no harm. DIR may be used again (after SIGKILL with a slower start: 18 s).
# There are no topics but those that are made: java -cp "$(kafka_server.sh get)/*" org.apache.kafka.tools.TopicCommand
#   --bootstrap-server 127.0.0.1:PORT --create --topic NAME --partitions N
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-.output}
case $out in /*) ;; *) out=$root/$out ;; esac
kafka=4.1.0
peers=$out/peers/kafka/broker-$kafka
jars=$peers/jars

lacks() {
	echo "kafka_server.sh: $*" >&2
	exit 77
}

fetch() {
	cat >pom.xml <<-END
		<project xmlns="http://maven.apache.org/POM/4.0.0">
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>oe.test</groupId>
		  <artifactId>kafka</artifactId>
		  <version>1</version>
		  <dependencies>
		    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka</version></dependency>
		    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$kafka</version></dependency>
		    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
		  </dependencies>
		</project>
	END
	rm -rf jars
	mvn -q -B -f pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$jars" && [ -e "jars/kafka_2.13-$kafka.jar" ]
}

get() {
	[ ! -e "$peers/ok" ] || return 0
	command -v mvn >/dev/null || lacks 'the jars come from Maven: no mvn here'
	mkdir -p "$peers"
	# two that come at once: the second waits
	exec 9>"$peers/lock"
	flock 9
	if [ ! -e "$peers/ok" ]; then
		(set +e; cd "$peers" && fetch) >"$peers/fetch.log" 2>&1 9>&- ||
			lacks "the jars cannot be had: $(grep -m1 -E '^\[?ERROR' "$peers/fetch.log" || tail -1 "$peers/fetch.log")"
		touch "$peers/ok"
	fi
	exec 9>&-
}

need_java() {
	local v
	command -v java >/dev/null || lacks 'no java here'
	v=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p;' | head -1)
	[ "${v:-0}" -ge 17 ] || lacks "Kafka $kafka wants Java 17, this one is ${v:-unknown}"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() { # DIR PORT [TLS_PORT CERTS]
	local dir port controller ssl='' at=127.0.0.1 map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
	mkdir -p "$1"
	dir=$(cd "$1" && pwd)
	: >"$dir/log"
	need_java
	get
	port=$2
	controller=$(free_port)
	[ "$controller" != "$port" ] || controller=$(free_port)
	if [ $# -ge 4 ]; then
		cat "$4/server.key" "$4/server.pem" >"$dir/server.pem"
		ssl=SSL://$at:$3
		map=$map,SSL:SSL
	fi
	cat >"$dir/server.properties" <<-END
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@$at:$controller
		listeners=PLAINTEXT://$at:$port,CONTROLLER://$at:$controller${ssl:+,$ssl}
		advertised.listeners=PLAINTEXT://$at:$port${ssl:+,$ssl}
		listener.security.protocol.map=$map
		${ssl:+ssl.keystore.type=PEM}
		${ssl:+ssl.keystore.location=$dir/server.pem}
		controller.listener.names=CONTROLLER
		inter.broker.listener.name=PLAINTEXT
		log.dirs=$dir/data
		num.partitions=1
		auto.create.topics.enable=false
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=1
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		share.coordinator.state.topic.num.partitions=1
		group.initial.rebalance.delay.ms=0
		group.coordinator.threads=1
		num.network.threads=2
		num.io.threads=4
		num.recovery.threads.per.data.dir=1
		background.threads=2
		log.cleaner.dedupe.buffer.size=8388608
		log.cleaner.threads=1
	END
	local opts=(-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.showDateTime=true
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
	if [ ! -e "$dir/data/meta.properties" ]; then
		java "${opts[@]}" -cp "$jars/*" kafka.tools.StorageTool format -t b2UtdGVzdC1rYWZrYS0wMQ -c "$dir/server.properties" \
			>"$dir/format.log" 2>&1 || {
			echo "kafka_server.sh: no data can be made in $dir: $(grep -m1 -i -E 'error|exception' "$dir/format.log" ||
				tail -1 "$dir/format.log")" >&2
			exit 1
		}
	fi
	exec java "${opts[@]}" -cp "$jars/*" kafka.Kafka "$dir/server.properties" </dev/null >"$dir/log" 2>&1
}

case ${1:-} in
get)
	get
	echo "$jars"
	;;
start)
	[ $# = 3 ] || [ $# = 5 ] || lacks 'start DIR PORT [TLS_PORT CERTS]'
	start "${@:2}"
	;;
*)
	sed -n '3,10s/^# //p' "$0" >&2
	exit 2
	;;
esac
