/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MYSQL_WIRE_H
#define OE_MYSQL_WIRE_H
/*
 * MySQL's and MariaDB's packets (MySQL internals manual and MariaDB knowledge base, "Client/Server
 * Protocol"): a length of three bytes, little-endian, a sequence number that starts at 0 with each
 * command, and a payload. Part of mysql.c.
 */
#include "userspace/base/bytes.h"

#define MY_HEAD	      4u
#define MY_PACKET_MAX 0xffffffu /* a packet of this length goes on in the next one */

/* capabilities */
#define MY_CLIENT_MYSQL		  0x1u /* unset by a MariaDB server: extended ones are there */
#define MY_CONNECT_WITH_DB	  0x8u
#define MY_COMPRESS		  0x20u
#define MY_PROTOCOL_41		  0x200u
#define MY_SSL			  0x800u
#define MY_SECURE_CONNECTION	  0x8000u
#define MY_PLUGIN_AUTH_LENENC	  0x200000u
#define MY_SESSION_TRACK	  0x800000u
#define MY_DEPRECATE_EOF	  0x1000000u
#define MY_OPTIONAL_METADATA	  0x2000000u
#define MY_ZSTD			  0x4000000u
#define MY_QUERY_ATTRIBUTES	  0x8000000u
#define MY_MARIADB_CACHE_METADATA 0x10u /* of the extended ones */

/* server status */
#define MY_STATUS_MORE_RESULTS	0x8u
#define MY_STATUS_CURSOR	0x40u
#define MY_STATUS_STATE_CHANGED 0x4000u

static inline uint32_t my_le16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t my_le24(const uint8_t *p)
{
	return my_le16(p) | (uint32_t)p[2] << 16;
}

static inline uint32_t my_le32(const uint8_t *p)
{
	return my_le24(p) | (uint32_t)p[3] << 24;
}

/* A length-encoded integer at the start of *b, which it leaves. False: not all there, or none. */
bool my_lenenc(struct bytes *b, uint64_t *ret);
/* A length-encoded string. */
bool my_lenenc_str(struct bytes *b, struct bytes *ret);
/* Steps over a value of a parameter in binary form. False: not all there, or an unknown type. */
bool my_skip_value(struct bytes *b, uint8_t type);

/* What a server says of itself in its first packet. False: no greeting. */
struct my_greeting {
	bool mariadb;
	uint32_t caps;	   /* MY_* */
	uint32_t extended; /* MariaDB's */
};
bool my_greeting(struct bytes body, struct my_greeting *ret);

/* What a client answers. */
struct my_login {
	uint32_t caps, extended;
	bool encrypts; /* only asks for TLS, which follows */
	bool database_known;
	struct bytes database;
};
bool my_login(struct bytes body, struct my_login *ret);

/* SQL text of a COM_QUERY's body (behind the command), past its attributes. attributes: 1 they are
 * there, 0 not, -1 not known. False: where it begins is not certain. */
bool my_query_text(struct bytes body, int attributes, struct bytes *ret);
/* How many parameters a statement asks for, as far as its text tells: ? outside of quotes and
 * comments. To be confirmed by what fits. */
uint32_t my_placeholders(struct bytes text);
/* Sets of parameters of a COM_STMT_BULK_EXECUTE (behind the command); 0: not certain. */
uint32_t my_bulk_count(struct bytes body, uint32_t params);
/* `USE db`: the name of the database. */
bool my_use(struct bytes text, struct bytes *ret);

/* NULL: no such command. */
const char *my_command_name(uint8_t command);

enum my_side {
	MY_SIDE_NONE = 0,
	MY_SIDE_MAYBE,
	MY_SIDE_GREETING,
	MY_SIDE_CLIENT,
	MY_SIDE_LOGIN, /* of a client, the first packet inside of TLS */
};

/* The greeting and the client's wish for TLS go before it, in the clear: 0 and 1. */
#define MY_SEQ_TLS_LOGIN 2

/* What these first bytes of a run are, on a connection that nothing is known of. */
enum my_side my_classify(struct bytes in);
/* Do these bytes begin a response: packets numbered from 1 on, as far as they go? */
bool my_response_begins(struct bytes in);

#endif
