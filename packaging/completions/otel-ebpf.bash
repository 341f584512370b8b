# SPDX-License-Identifier: Apache-2.0
# Bash completion of otel-ebpf. The options come from --help, so that there is one list of them.

# _otel_ebpf_words CMD...: the long options that --help of a command knows
_otel_ebpf_words() {
	"$@" --help 2>/dev/null | sed -n 's/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p'
}

_otel_ebpf() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev='' word command='' commands='run trace doctor record replay config'
	local i=1 values=''

	COMPREPLY=()
	# readline splits --opt=value at the =
	if [ "$cur" = = ]; then
		cur='' prev=${COMP_WORDS[COMP_CWORD - 1]}
	elif [ "$COMP_CWORD" -gt 0 ]; then
		prev=${COMP_WORDS[COMP_CWORD - 1]}
		[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	while [ "$i" -lt "$COMP_CWORD" ]; do
		word=${COMP_WORDS[i]}
		case " $commands " in *" $word "*) [ -n "$command" ] || command=$word ;; esac
		i=$((i + 1))
	done

	case $prev in
	--hooks) values='auto sock syscall' ;;
	--route-heuristic | --target-env) values='on off' ;;
	--url-query) values='redact raw drop' ;;
	--db-statement) values='sanitized raw off' ;;
	--console-color) values='auto always never' ;;
	--log-level) values='none error warn info debug' ;;
	--propagators) values='tracecontext,baggage tracecontext none' ;;
	--traces-exporter | --metrics-exporter) values='otlp console otlp_file none' ;;
	--traces-sampler)
		values='parentbased_always_on parentbased_always_off parentbased_traceidratio always_on always_off traceidratio'
		;;
	--exporter-otlp-protocol | --exporter-otlp-*-protocol) values='http/protobuf' ;;
	--exporter-otlp-compression | --exporter-otlp-*-compression) values='gzip none' ;;
	--exporter-otlp-metrics-temporality-preference) values='cumulative delta lowmemory' ;;
	--exporter-otlp-metrics-default-histogram-aggregation) values='explicit_bucket_histogram' ;;
	--ring-size) values='1 2 4 8 16 32 64' ;;
	--pid | -p)
		values=$(cd /proc 2>/dev/null && printf '%s\n' [0-9]*)
		;;
	-o | --output | -c | --config | --experimental-config-file | --check | --otlp-file | --proc-root | --cgroup | --exe | \
		--exporter-otlp-certificate | --exporter-otlp-client-* | --exporter-otlp-*-certificate | --exporter-otlp-*-client-*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if [ -n "$values" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
		return
	fi
	case $cur in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$(_otel_ebpf_words "${COMP_WORDS[0]}" ${command:+"$command"})" -- "$cur")
		;;
	*)
		if [ -z "$command" ]; then
			mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		elif [ "$command" = replay ]; then
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	esac
}

complete -F _otel_ebpf otel-ebpf
