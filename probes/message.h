/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MESSAGE_H
#define OE_MESSAGE_H
/*
 * What a parser hands out. All byte views point into the parser's input (or
 * into its state) and are valid until the next call; `assemble` copies what
 * it keeps. A field that is not known stays empty or -1: never guessed.
 */
#include "userspace/base/bytes.h"

enum msg_family {
	MSG_FAMILY_NONE = 0,
	MSG_FAMILY_HTTP,  /* HTTP/1 and HTTP/2: struct msg_http */
	MSG_FAMILY_GRPC,  /* on top of HTTP: msg_http and struct msg_rpc */
	MSG_FAMILY_DB,	  /* struct msg_db */
	MSG_FAMILY_KAFKA, /* struct msg_kafka */
};

enum msg_kind {
	MSG_REQUEST = 1,
	MSG_RESPONSE = 2,
};

/* message.flags */
#define MSG_F_BEGIN 0x01 /* head of a message: its fields are set */
#define MSG_F_END   0x02 /* last byte of a message: sizes are final. BEGIN|END: both at once */
#define MSG_F_TRUNCATED                                                                            \
	0x04 /* part of the head was not captured: fields present are right, others unknown */
#define MSG_F_SIZE_UNKNOWN 0x08 /* END: bytes were lost, body_size is a lower bound */
#define MSG_F_UPGRADE	   0x10 /* END of a response: the connection leaves this protocol here */
#define MSG_F_ORPHAN	   0x20 /* a response whose request was never seen on this connection */
#define MSG_F_ABORTED	   0x40 /* END: the stream ended before the message did */
#define MSG_F_INTERIM                                                                              \
	0x80 /* a 1xx response other than 101: belongs to the same request, BEGIN|END */

#define MSG_F_PART  0x100 /* a gRPC message (one or more) began in these bytes */
#define MSG_F_RESET 0x200 /* the stream was reset by this direction's sender: over for both */
#define MSG_F_LOST                                                                                 \
	0x400 /* what is open can no longer be followed: this stream, or all of them (stream_id 0) \
	       */
#define MSG_F_UNKNOWN 0x800 /* BEGIN, END: fields whose names are not known (HPACK, met late) */
#define MSG_F_ADOPT                                                                                \
	0x1000 /* the request is the last one that the protocol before the Upgrade handed out */

#define MSG_F_QUIET                                                                                \
	0x2000 /* BEGIN: housekeeping (a prepare, a ping): it becomes a span only if it fails */
#define MSG_F_DECLARE                                                                              \
	0x4000 /* no request: db.stmt, a place of the parser's, now stands for db.text */

#define MSG_F_MORE                                                                                 \
	0x8000 /* END of a response: others to the same request follow, in the same place */
#define MSG_F_ONEWAY 0x10000 /* END of a request: no response will come, and none is missing */

/* Header fields a span needs, of the request or the response. */
struct msg_http {
	struct bytes method;   /* request: as on the wire */
	struct bytes target;   /* request: request-target as on the wire */
	uint8_t version_major; /* 1 or 2; 0 = unknown */
	uint8_t version_minor; /* of 1: 0 or 1 */
	int status;	       /* response; -1 = unknown */
	struct bytes scheme;   /* :scheme */
	struct bytes host;     /* Host, :authority, or the authority of an absolute-form target */
	struct bytes user_agent;
	struct bytes traceparent; /* raw; empty when absent or sent more than once */
	struct bytes tracestate;  /* raw; several fields joined by ',' in state, or the first ones
				     when too long */
	struct bytes content_type;
	struct bytes upgrade;	/* Upgrade field: what is offered, or what a 101 chose */
	int64_t content_length; /* -1 = none, or without meaning beside Transfer-Encoding */
	bool traceparent_repeated;
	bool target_cut; /* request: `target` is a prefix, the rest was not captured */
};

/* gRPC (also gRPC-Web): what its metadata and its message framing say. */
struct msg_rpc {
	int status;		  /* END of a response: grpc-status; -1 = none */
	struct bytes status_text; /* grpc-message, percent-encoded as on the wire */
	uint64_t timeout_ns;	  /* BEGIN of a request: grpc-timeout; 0 = none */
	struct bytes trace_bin;	  /* BEGIN of a request: grpc-trace-bin, base64 */
	uint32_t messages;	  /* END: messages of this direction */
	uint64_t message_bytes;	  /* END: their payload, as transferred */
	bool messages_unknown;	  /* bytes that separate messages were not captured */
};

enum db_system {
	DB_SYSTEM_NONE = 0, /* not known */
	DB_SYSTEM_POSTGRESQL,
	DB_SYSTEM_MYSQL,
	DB_SYSTEM_MARIADB,
	DB_SYSTEM_MYSQL_LIKE, /* MySQL's protocol, met late: which of the two is not known */
};

/*
 * One operation of a database. Prepared statements: the parser lends a place per statement
 * (`stmt`); DECLARE says which text it stands for, requests refer to it. A place may be declared
 * anew, then it stands for the new text; requests begun before keep the old one.
 */
struct msg_db {
	/* BEGIN of a request, DECLARE */
	enum db_system system;
	struct bytes name_space; /* database of the connection; empty: not known */
	struct bytes text;	 /* SQL as sent; BEGIN: empty where stmt or only command tells */
	bool text_cut;		 /* the text goes on, uncaptured */
	bool stmt_unknown;	 /* BEGIN: a prepared statement whose text was never seen */
	void **stmt;		 /* BEGIN, DECLARE: NULL: none */
	const char *command;	 /* BEGIN: static upper-case name of what is no SQL ("PING"), or of
				    what is done with the statement besides executing it ("FETCH",
				    "PREPARE"); NULL: the text is executed */
	uint32_t batch;		 /* BEGIN: sets of parameters; 0: not a batch */
	/* END of a response */
	int64_t rows_returned; /* -1 = not known, or none can come */
	int64_t rows_affected; /* the same */
	uint32_t results;      /* statements that were completed */
	struct bytes code;     /* of the error: SQLSTATE or MySQL's number as text; empty: none */
	const char *failed; /* static error.type when it failed without a code; NULL: it did not */
};

enum kafka_op {
	KAFKA_OTHER = 0,
	KAFKA_SEND,   /* Produce */
	KAFKA_POLL,   /* Fetch */
	KAFKA_COMMIT, /* OffsetCommit */
};

/* A partition of a topic, in a request or its response. */
struct msg_kafka_part {
	int32_t partition;
	int16_t error;		/* of the response */
	bool records_unknown;	/* batches that were not captured, or cannot be counted */
	uint64_t records;	/* sent, or received; of those received, from the fetch offset on */
	int64_t high_watermark; /* Fetch; -1 = not known */
	int64_t fetch_offset;	/* Fetch: what was asked for; -1 = not known */
	int64_t next_offset;	/* Fetch: what is to be fetched next, OffsetCommit: what is
				   committed; -1 = not known */
};

/* A trace context in the headers of a record, as text. */
#define KAFKA_LINKS_MAX 16u
struct msg_kafka_link {
	uint8_t len;
	uint8_t text[55];
};

/*
 * An operation on a topic. A request to send or to commit comes once per topic, each with an owner
 * of its own; a fetch comes once, its responses once per topic (MSG_F_MORE), or once without a
 * topic when nothing was there. DECLARE: topic_id now has the name `topic`; or the client
 * `client_id` is in the group `group`.
 */
struct msg_kafka {
	enum kafka_op op;
	const char *api; /* static name of the request */
	struct bytes client_id, group;
	struct bytes topic;	 /* empty: not known, or none */
	const uint8_t *topic_id; /* 16 bytes; NULL: the protocol's version names topics */
	/* where the data of the topic is: request of SEND and COMMIT, response of POLL; errors:
	 * response */
	const struct msg_kafka_part *parts;
	uint32_t part_cnt;
	uint64_t bytes; /* of record batches, as transferred */
	int64_t offset; /* of the first record; -1 = not known */
	const struct msg_kafka_link *links;
	uint32_t link_cnt, link_lost; /* contexts kept, and those beyond KAFKA_LINKS_MAX */
	int error;		      /* of the whole response; 0 = none */
	const char *error_name;	      /* of it, or of the first failed partition; NULL: none */
	uint32_t failed;	      /* partitions with an error */
};

struct message {
	enum msg_family family; /* NONE: not known (yet): fields that would tell were not seen */
	enum msg_kind kind;
	uint32_t flags;	    /* MSG_F_* */
	uint64_t stream_id; /* multiplexed protocols; 0 for HTTP/1 */
	uint64_t head_size; /* BEGIN: bytes of the head on the wire (start line and fields) */
	uint64_t body_size; /* END: payload bytes as transferred, chunk framing excluded */
	uint64_t wire_size; /* END: all bytes of the message on the wire, head, framing and trailers
			       included */
	uint32_t reset_code; /* RESET: HTTP/2 error code, RFC 9113 section 7 */
	void **owner;	     /* a place that belongs to the caller for as long as the stream, or the
				operation, is followed; NULL: responses come in order */
	union {
		struct {
			struct msg_http http; /* BEGIN */
			struct msg_rpc rpc;
		};
		struct msg_db db;	/* family DB */
		struct msg_kafka kafka; /* family KAFKA */
	};
};

#endif
