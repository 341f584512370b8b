# SPDX-License-Identifier: Apache-2.0
# Helpers for tests with Kafka; after lib.bash. A file's setup_file starts a broker that its tests share; each test has topics of its
# own.

KAFKA_SERVER=$ROOT/tests/tools/kafka_server.sh
KAFKA_APP=$ROOT/tests/tools/kafka_app.sh

# start_kafka [CERTS]: for setup_file; sets KAFKA_PORT, KAFKA_PID, KAFKA_JARS (with certificates: KAFKA_TLS_PORT as well), or
# KAFKA_SKIP: why there is none. OE_CLIENTS_ONLY=1 leaves our program out
start_kafka() {
	local dir=$BATS_FILE_TMPDIR/kafka
	KAFKA_SKIP=''
	KAFKA_PID=''
	export KAFKA_PORT KAFKA_TLS_PORT KAFKA_PID KAFKA_JARS KAFKA_SKIP
	KAFKA_JARS=$(OUT=$OUT "$KAFKA_SERVER" get 2>"$BATS_FILE_TMPDIR/kafka.err") || {
		KAFKA_SKIP=$(tail -1 "$BATS_FILE_TMPDIR/kafka.err")
		return 0
	}
	KAFKA_PORT=$(free_port)
	[ $# = 0 ] || KAFKA_TLS_PORT=$(free_port)
	mkdir -p "$dir"
	OUT=$OUT "$KAFKA_SERVER" start "$dir" "$KAFKA_PORT" ${1:+"$KAFKA_TLS_PORT" "$1"} >/dev/null 2>"$BATS_FILE_TMPDIR/kafka.err" 3>&- &
	KAFKA_PID=$!
	wait_for 60 grep -q 'Kafka Server started' "$dir/log" || {
		tail -5 "$dir/log" >&2
		return 1
	}
}

# its data are thrown away: no need to end it in order
stop_kafka() {
	[ -z "${KAFKA_PID:-}" ] || kill -9 "$KAFKA_PID"
}

need_kafka() {
	[ -z "$KAFKA_SKIP" ] || skip "$KAFKA_SKIP"
}

# kafka_tool CLASS ARGS...: one of Kafka's own command lines
kafka_tool() {
	java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$KAFKA_JARS/*" \
		"org.apache.kafka.tools.$1" "${@:2}"
}

# topic NAME [PARTITIONS] [CONFIG...]
topic() {
	local c configs=()
	for c in "${@:3}"; do configs+=(--config "$c"); done
	kafka_tool TopicCommand --bootstrap-server "127.0.0.1:$KAFKA_PORT" --create --topic "$1" --partitions "${2:-1}" "${configs[@]}" \
		>/dev/null
}

# client LANG: sets CLIENT, an array, to its command line
client() {
	local line
	line=$(OUT=$OUT "$KAFKA_APP" "$1" 2>"$TMP/app.err") || skip "$(tail -1 "$TMP/app.err")"
	read -r -a CLIENT <<<"$line"
}

# under_watch COMMAND...: runs it under our eyes (KAFKA_WATCH: and more that is watched) from its first instruction on; its output
# in $TMP/out
under_watch() {
	local pid
	rm -f "$TMP/go" "$TMP/spans.json"
	mkfifo "$TMP/go"
	bash -c 'read -r _ <"$1"; shift; "$@"' _ "$TMP/go" "$@" >"$TMP/out" 2>"$TMP/client.err" 3>&- &
	pid=$!
	PIDS="$PIDS $pid"
	# shellcheck disable=SC2086
	[ -n "${OE_CLIENTS_ONLY:-}" ] || start_watch --pid "$pid" ${KAFKA_WATCH:-}
	echo go >"$TMP/go"
	wait "$pid" || {
		tail -5 "$TMP/client.err" >&2
		[ -n "${OE_CLIENTS_ONLY:-}" ] || stop_watch
		return 1
	}
	[ -n "${OE_CLIENTS_ONLY:-}" ] || stop_watch 0.7
}

# nothing was lost on the way, nothing said that is not known
sound() {
	nothing_lost
	[ "$(ledger stream.events gap)" = 0 ]
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
}

# no byte of a message anywhere
no_canary() {
	! grep -q CANARY "$TMP/spans.json" || false
}

# linked CONTEXTS KIND: each one's context was found, and no two spans have one id
linked() {
	local i
	for i in $(seq "$1"); do
		grep -q '"links": *\[[^]]*"traceId": *"0af7651916cd43dd8448eb211c8031'$i$i'", *"spanId": *"b7ad6b71692033'$i$i'"' \
			"$TMP/spans.json" || {
			echo "$2: no link to context $i"
			return 1
		}
	done
	[ "$(grep -o '"spanId": *"[0-9a-f]*", *"parentSpanId\|"spanId": *"[0-9a-f]*", *"name' "$TMP/spans.json" | sort | uniq -d |
		wc -l)" = 0 ]
}

# both BOOTSTRAP LANG [FIELD=VALUE]: with `client LANG` into the topic LANG-both, which has three partitions and no messages: 200
# with each of $CODECS, and then all of them consumed; every span that has a topic has that field as well
both() {
	local p=$1 t=$2-both group=group-$2 n got=messaging.client.consumed.messages
	read -r -a n <<<"$CODECS"
	n=${#n[@]}
	# shellcheck disable=SC2016
	under_watch bash -c 'i=0; for c in '"$CODECS"'; do i=$((i + 1))
		echo go | "$@" --compression $c --traceparent 00-0af7651916cd43dd8448eb211c8031$i$i-b7ad6b71692033$i$i-01 || exit; done' _ \
		"${CLIENT[@]}" produce "$p" "$t" 200
	cat "$TMP/out"
	[ "$(grep -c '"sent": *200' "$TMP/out")" = "$n" ]
	[ -n "${OE_CLIENTS_ONLY:-}" ] || {
		[ "$(metric messaging.client.sent.messages messaging.destination.name="$t")" = $((n * 200)) ]
		[ "$(metric messaging.client.sent.messages)" = $((n * 200)) ]
		linked "$n" PRODUCER
		sound
		no_canary
		all_have "$t" "${@:3}"
	}

	# shellcheck disable=SC2016
	under_watch bash -c 'echo go | "$@"' _ "${CLIENT[@]}" consume "$p" "$t" "$group" $((n * 200))
	cat "$TMP/out"
	grep -q '"consumed": *'$((n * 200)) "$TMP/out"
	[ -z "${OE_CLIENTS_ONLY:-}" ] || return 0
	[ "$(metric $got messaging.destination.name="$t" messaging.consumer.group.name="$group")" = $((n * 200)) ]
	[ "$(metric $got)" = $((n * 200)) ]
	[ "$("$SPANS" lag "$TMP/spans.json" "$t" "$group")" = '0:0 1:0 2:0' ]
	linked "$n" CONSUMER
	sound
	no_canary
	all_have "$t" "${@:3}"
}

# all_have TOPIC FIELD=VALUE...
all_have() {
	[ $# -gt 1 ] || return 0
	local n
	n=$("$SPANS" count "$TMP/spans.json" messaging.destination.name="$1")
	[ "$n" -gt 0 ]
	[ "$("$SPANS" count "$TMP/spans.json" messaging.destination.name="$1" "${@:2}")" = "$n" ]
}
