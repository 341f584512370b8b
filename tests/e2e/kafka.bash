# SPDX-License-Identifier: Apache-2.0
# Helpers for tests with Kafka; after lib.bash. A file's setup_file starts a broker that its tests share; each test has topics of its
# own.

KAFKA_SERVER=$ROOT/tests/tools/kafka_server.sh
KAFKA_APP=$ROOT/tests/tools/kafka_app.sh

# start_kafka: for setup_file; sets KAFKA_PORT, KAFKA_PID, KAFKA_JARS, or KAFKA_SKIP: why there is none
start_kafka() {
	local dir=$BATS_FILE_TMPDIR/kafka
	KAFKA_SKIP=''
	KAFKA_PID=''
	export KAFKA_PORT KAFKA_PID KAFKA_JARS KAFKA_SKIP
	KAFKA_JARS=$(OUT=$OUT "$KAFKA_SERVER" get 2>"$BATS_FILE_TMPDIR/kafka.err") || {
		KAFKA_SKIP=$(tail -1 "$BATS_FILE_TMPDIR/kafka.err")
		return 0
	}
	KAFKA_PORT=$(free_port)
	mkdir -p "$dir"
	OUT=$OUT "$KAFKA_SERVER" start "$dir" "$KAFKA_PORT" >/dev/null 2>"$BATS_FILE_TMPDIR/kafka.err" 3>&- &
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

# under_watch COMMAND...: runs it under our eyes from its first instruction on; its output in $TMP/out
under_watch() {
	local pid
	rm -f "$TMP/go" "$TMP/spans.json"
	mkfifo "$TMP/go"
	bash -c 'read -r _ <"$1"; shift; "$@"' _ "$TMP/go" "$@" >"$TMP/out" 2>"$TMP/client.err" 3>&- &
	pid=$!
	PIDS="$PIDS $pid"
	start_watch --pid "$pid"
	echo go >"$TMP/go"
	wait "$pid" || {
		tail -5 "$TMP/client.err" >&2
		stop_watch
		return 1
	}
	stop_watch 0.7
}

# nothing was lost on the way, nothing said that is not known
sound() {
	nothing_lost
	[ "$(ledger stream.events gap)" = 0 ]
	[ "$(ledger capture.io dropped_ring_full)" = 0 ]
}

# no byte of a message anywhere
no_canary() {
	! grep -q CANARY "$TMP/spans.json"
}
