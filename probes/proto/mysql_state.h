/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MYSQL_STATE_H
#define OE_MYSQL_STATE_H
/* What mysql.c and mysql_cmd.c share: the state of a connection. Nobody else sees it. */
#include "probes/probe.h"
#include "probes/proto/dbstate.h"
#include "probes/proto/mysql_wire.h"
#include "probes/proto/mysql_zip.h"

#define MY_DATABASE_MAX 255u

enum my_command {
	COM_QUIT = 0x01,
	COM_INIT_DB = 0x02,
	COM_QUERY = 0x03,
	COM_FIELD_LIST = 0x04,
	COM_STATISTICS = 0x09,
	COM_PING = 0x0e,
	COM_CHANGE_USER = 0x11,
	COM_BINLOG_DUMP = 0x12,
	COM_STMT_PREPARE = 0x16,
	COM_STMT_EXECUTE = 0x17,
	COM_STMT_SEND_LONG_DATA = 0x18,
	COM_STMT_CLOSE = 0x19,
	COM_STMT_RESET = 0x1a,
	COM_SET_OPTION = 0x1b,
	COM_STMT_FETCH = 0x1c,
	COM_BINLOG_DUMP_GTID = 0x1e,
	COM_RESET_CONNECTION = 0x1f,
	COM_STMT_BULK_EXECUTE = 0xfa,
	COM_LOGIN = 0xf0, /* ours: the login */
};

/* What the next packet of a response is. */
enum my_expect {
	EXPECT_HEAD = 0,
	EXPECT_DEFS,	 /* `defs` definitions, then an EOF or rows */
	EXPECT_DEFS_EOF, /* the EOF behind them, or the first row */
	EXPECT_ROWS,
	EXPECT_PREPARED, /* definitions of a prepared statement's parameters and columns */
	EXPECT_FILE,	 /* the client sends a file first */
};

/* Is there an EOF behind definitions? */
enum my_eof_form { EOF_UNKNOWN = 0, EOF_SENT, EOF_LEFT_OUT };

/* Where one direction stands. */
struct my_dir {
	uint64_t left; /* of the current packet, to be skipped */
	bool aligned;
	bool goes_on; /* the current packet is continued in the next one */
	uint8_t seq;  /* of the last packet */
};

struct my {
	struct db_stmts stmts;
	struct db_ops ops;
	struct my_dir d[2];
	struct my_zip zip[2]; /* when `zipped` */
	uint8_t client;	      /* 1 + direction of the client; 0 = not known yet */
	enum db_system system;
	bool greeted; /* the greeting was seen: the next packet of the client is its login */
	bool caps_known;
	bool inherited; /* the greeting was seen, on the plaintext side of a TLS connection */
	bool opaque;	/* encrypted from here on, or compressed in a way that we cannot read */
	bool zipped;
	bool declared;	  /* a prepare's text has been handed out, its request not yet */
	uint8_t eof_form; /* enum my_eof_form */
	bool lost_untold;
	bool outcome_unknown;	 /* of the operation at the front: bytes of it were missed */
	uint32_t caps, extended; /* of both sides */
	uint32_t prepares;	 /* keys of statements that have no number yet */
	/* the response to the operation at the front */
	enum my_expect expect;
	bool began, failed, rows_come, rows_unknown, affected_known;
	uint8_t eofs;  /* of a prepare's response, still to come */
	uint32_t defs; /* definitions still to come */
	uint64_t rows, affected, bytes;
	uint32_t results;
	char code[8];
	uint8_t database_len, next_len; /* next: when the command at hand succeeds */
	char database[MY_DATABASE_MAX], next[MY_DATABASE_MAX];
};

/* db_op.flags */
#define MY_OP_SETS_DATABASE 1

/* mysql.c */

/* What is open can no longer be paired: forgets it, and says so. */
enum parse_status my_lose(struct my *s, struct message *m);

/* mysql_cmd.c */

/* First bytes of a packet of the client. *ret_again set: to be called with them once more. */
enum parse_status my_from_client(struct my *s, struct bytes body, uint64_t len, uint8_t seq,
				 struct message *m, bool *ret_again);
/* Is it a statement that is executed, and not something about the connection? */
bool my_executes(uint8_t command);
/* A database's name into one of the two places for it; empty if too long. */
void my_set_database(char *to, uint8_t *to_len, struct bytes name);
/* Under which a statement stands that has a number: its four bytes as they came. */
struct bytes my_number_key(const uint8_t *id);

#endif
