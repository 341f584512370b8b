/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_USER_STATS_H
#define OE_USER_STATS_H
/*
 * Userspace's part of the ledger: one struct, counted by the capture thread. Every
 * field has a row in selfstats.c, which exports and prints it.
 */
#include <stdint.h>

struct stats {
	/* records */
	uint64_t records;     /* taken from the source */
	uint64_t records_bad; /* malformed: lengths do not fit, unknown type */
	/* streams */
	uint64_t conns;		/* connections met */
	uint64_t conns_evicted; /* forgotten because the table was full */
	uint64_t conns_other;	/* ended (or given up) without a protocol we know */
	uint64_t gaps;		/* places where bytes of a stream are missing */
	uint64_t gap_bytes;
	uint64_t bytes_parsed;
	uint64_t bytes_unparsed; /* of unknown protocols, and behind a loss until the next safe
				    start */
	uint64_t stream_lost;	 /* times a direction lost its footing */
	uint64_t
		held_overflow; /* reordered records let go because the hold was full or timed out */
	/* messages */
	uint64_t requests;
	uint64_t responses;
	uint64_t responses_orphan; /* their request was not seen */
	uint64_t truncated;	   /* messages whose head was captured in part */
	/* exchanges: requests = completed + no_response + cut + unknown + kind_unknown +
	   quiet + other_end + open at the end */
	uint64_t completed;
	uint64_t no_response;
	uint64_t cut;
	uint64_t kind_unknown; /* HTTP or gRPC? The fields that say it were never seen */
	uint64_t unknown;      /* bytes were lost: neither span duration nor RED */
	uint64_t open_at_end;  /* still waiting for their response at shutdown */
	uint64_t quiet;	       /* pings, prepares and the like that went well: no spans */
	uint64_t
		other_end; /* at a database server or a Kafka broker: shown by the client's spans */
	uint64_t kafka_topic_unknown;	/* topics given by an id that nobody has named */
	uint64_t kafka_records_unknown; /* topics whose records could not be counted */
	uint64_t stmt_unknown;		/* executions of statements prepared before we came */
	/* spans */
	uint64_t spans;		  /* made and handed to the exporters */
	uint64_t spans_unsampled; /* left out by the sampler */
	uint64_t spans_no_memory;
	uint64_t red_counted;
	uint64_t red_no_memory;
	uint64_t red_gauges_full; /* values of gauges beyond the limit of series */
	uint64_t traceparent_bad; /* ignored: not valid, or sent more than once */
	uint64_t tracestate_bad;
};

#endif
