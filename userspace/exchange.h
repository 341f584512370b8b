/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_EXCHANGE_H
#define OE_EXCHANGE_H
/*
 * One request and what became of it: what assemble hands to the semantic
 * mapping (sem.h) when both ends are known. All views point into memory that
 * the exchange owns; times are Unix nanoseconds.
 */
#include "probes/message.h"
#include "userspace/tracectx.h"

struct sql_stmt;

struct endpoints {
	uint16_t family; /* OE_AF_*; 0 = unknown */
	uint16_t lport, rport;
	uint8_t laddr[16], raddr[16]; /* IPv4 in the first 4 bytes; IPv4-mapped IPv6 already turned
					 into IPv4 */
	const char *path;	      /* Unix: bound path, or NULL */
};

enum exchange_end {
	EXCHANGE_COMPLETE = 0, /* request and final response seen to their ends */
	EXCHANGE_NO_RESPONSE,  /* the connection ended before the first byte of a final response */
	EXCHANGE_CUT,	       /* the response began but the connection ended before its end */
	EXCHANGE_UNKNOWN, /* bytes were lost: what became of it is not known (no duration, not in
			     RED) */
};

/* exchange.flags */
#define XCHG_REQ_TRUNCATED     0x1 /* the request's head was captured in part */
#define XCHG_RESP_TRUNCATED    0x2
#define XCHG_REQ_SIZE_UNKNOWN  0x4
#define XCHG_RESP_SIZE_UNKNOWN 0x8
#define XCHG_TARGET_CUT	       0x10 /* the request target itself is not complete */
#define XCHG_TLS	       0x20 /* the bytes came from a TLS library: scheme https */
#define XCHG_REQ_UNKNOWN                                                                           \
	0x40 /* header fields of unknown name: what is not there may be among them */
#define XCHG_RESP_UNKNOWN     0x80 /* the same of the response head */
#define XCHG_TRAILERS_UNKNOWN 0x100
#define XCHG_RESET	      0x200 /* the stream was reset: reset_code */
#define XCHG_RESET_BY_CLIENT  0x400
#define XCHG_MSGS_UNKNOWN     0x800  /* gRPC: message counts are not known */
#define XCHG_STMT_UNKNOWN     0x2000 /* a prepared statement whose text was never seen */

/* gRPC messages of one direction. */
struct exchange_msgs {
	uint64_t first_ns, last_ns; /* when the first and the last began; 0 = none */
	uint64_t bytes;
	uint32_t cnt;
};

/* Family DB. */
struct exchange_db {
	enum db_system system;
	struct bytes name_space;
	const char *command;  /* as in struct msg_db */
	struct sql_stmt *sql; /* NULL: not known, or command tells all */
	uint32_t batch;
	uint32_t results;
	int64_t rows_returned, rows_affected; /* -1 = not known */
	const char *failed;
	char code[16];
};

/* Messages of a partition that its consumer has not got yet. */
struct exchange_lag {
	int32_t partition;
	int64_t messages;
};

/* Family KAFKA: an operation on one topic. */
struct exchange_kafka {
	enum kafka_op op;
	const char *api;
	struct bytes topic, client_id, group; /* empty: none, or not known */
	bool topic_unknown;		      /* given by an id that nobody has named */
	bool group_unknown;   /* clients of this name and process are in several groups */
	bool records_unknown; /* not all could be counted */
	uint32_t part_cnt;
	int32_t partition; /* -1: several, or none */
	uint64_t records, records_failed;
	uint64_t bytes;
	int64_t offset; /* of the first record; -1 = not known */
	int error;	/* the first one; 0 = none */
	const char *error_name;
	uint32_t failed;		 /* partitions with an error */
	const struct exchange_lag *lags; /* POLL, COMMIT: where it is known, while it is told */
	uint32_t lag_cnt;
	const struct tracectx *links;
	uint32_t link_cnt, link_lost;
};

struct exchange {
	enum msg_family family;
	bool server; /* the watched process answered (SERVER); else it asked (CLIENT) */
	enum exchange_end end;
	uint32_t flags;
	uint32_t tgid, tid; /* thread of the request's first byte */
	struct endpoints ep;
	uint64_t start_ns;	/* first byte of the request */
	uint64_t first_byte_ns; /* first byte of the final response, 0 = none */
	uint64_t end_ns;	/* last byte of the response (or of what was seen of it) */
	uint64_t req_body_size, resp_body_size;
	uint64_t req_wire_size, resp_wire_size;
	uint32_t reset_code; /* HTTP/2 error code, with XCHG_RESET */
	int err;	     /* errno of the socket when the connection broke, 0 = orderly end */
	struct msg_http req;
	struct msg_http resp;	      /* status -1 when there is none */
	struct msg_rpc rpc;	      /* family GRPC: status (-1: none came), its text, timeout */
	struct exchange_msgs msgs[2]; /* family GRPC: of the request, of the response */
	struct exchange_db db;	      /* family DB */
	struct exchange_kafka kafka;  /* family KAFKA */
};

#endif
