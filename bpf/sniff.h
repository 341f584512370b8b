/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_SNIFF_H
#define OE_SNIFF_H
/*
 * Pure byte tests: could these first bytes of a run belong to a protocol that
 * userspace parses? They only keep obvious strangers (TLS, SSH, databases) out of the
 * ring buffer; the decision is userspace's. Compiles for BPF and for the host.
 */
#define OE_SNIFF_NO    0
#define OE_SNIFF_MAYBE 1 /* too short to say */
#define OE_SNIFF_YES   2
#define OE_SNIFF_NEVER 3 /* of a connection: not to be looked at any more */

/* Bytes a caller must provide (zero-padded behind `len`). */
#define OE_SNIFF_BYTES 24

/* Upper-case letters, '-' and '_': what methods are made of in practice. */
static __attribute__((always_inline)) inline int oe_sniff_method_char(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* The header of a TLS record (RFC 8446 section 5.1), of the types that occur. */
static __attribute__((always_inline)) inline int oe_is_tls(const unsigned char *p)
{
	return p[0] >= 20 && p[0] <= 23 && p[1] == 3 && p[2] <= 4;
}

/*
 * HTTP/1: "HTTP/1" or METHOD SP ( '/' | '*' | 'h' | 'H' | anything after CONNECT ).
 * Methods longer than 20 bytes are not looked for.
 */
static __attribute__((always_inline)) inline int oe_sniff_http1(const unsigned char *p,
								unsigned int len)
{
	const char version[] = "HTTP/1";
	unsigned int i;
	unsigned char c;

	if (p[0] == 'H' && p[1] == 'T' && p[3] == 'P') {
		for (i = 0; i < sizeof(version) - 1; i++) {
			if (i >= len)
				return OE_SNIFF_MAYBE;
			if (p[i] != (unsigned char)version[i])
				return OE_SNIFF_NO;
		}
		return OE_SNIFF_YES;
	}
	/* empty lines may stand before a request line (RFC 9112 section 2.2) */
	if (p[0] == '\r' || p[0] == '\n')
		return OE_SNIFF_MAYBE;
	for (i = 0; i < 21; i++) {
		if (i >= len)
			return OE_SNIFF_MAYBE;
		if (!oe_sniff_method_char(p[i]))
			break;
	}
	if (i == 0 || i > 20 || p[i] != ' ')
		return OE_SNIFF_NO;
	if (i + 1 >= len)
		return OE_SNIFF_MAYBE;
	c = p[i + 1];
	if (c == '/' || c == '*' || c == 'h' || c == 'H')
		return OE_SNIFF_YES;
	return i == 7 && p[0] == 'C' && p[1] == 'O' && p[6] == 'T' ? OE_SNIFF_YES : OE_SNIFF_NO;
}

/* A frame that RFC 9113 section 6 allows: its length and stream, by type. */
static __attribute__((always_inline)) inline int oe_h2_frame_ok(unsigned int len, unsigned int type,
								unsigned int id)
{
	switch (type) {
	case 0: /* DATA */
		return id != 0;
	case 1: /* HEADERS */
	case 9: /* CONTINUATION */
		return id != 0;
	case 2: /* PRIORITY */
		return id != 0 && len == 5;
	case 3: /* RST_STREAM */
		return id != 0 && len == 4;
	case 4: /* SETTINGS */
		return id == 0 && len % 6 == 0;
	case 5: /* PUSH_PROMISE */
		return id != 0 && len >= 4;
	case 6: /* PING */
		return id == 0 && len == 8;
	case 7: /* GOAWAY */
		return id == 0 && len >= 8;
	case 8: /* WINDOW_UPDATE */
		return len == 4;
	default: /* extensions are to be stepped over */
		return 1;
	}
}

/* Lengths that a client's first messages, and its statements, have in practice. */
#define OE_DB_LEN_MAX (16u << 20)

/*
 * PostgreSQL, what a client sends first in a run: a startup packet, or a message of a type that
 * begins one. `io` is the length of the whole I/O: a client's messages are written whole.
 */
static __attribute__((always_inline)) inline int oe_sniff_pgsql(const unsigned char *p,
								unsigned int len, unsigned int io)
{
	unsigned int size;

	if (len < 5)
		return OE_SNIFF_NO;
	if (p[0] == 0) {
		if (len < 8 || p[1] || p[2] > 0x27)
			return OE_SNIFF_NO;
		size = (unsigned int)p[2] << 8 | p[3];
		/* a name follows the version; in Kafka's Metadata request a small number */
		if (p[4] == 0 && len > 8 && size > 9 && p[8] < 0x20)
			return OE_SNIFF_NO;
		/* 3.x, or CancelRequest, SSLRequest, GSSENCRequest */
		return size >= 8 && size == io &&
				       ((p[4] == 0 && p[5] == 3) ||
					(p[4] == 4 && p[5] == 0xd2 && p[6] == 0x16 &&
					 p[7] >= 0x2e && p[7] <= 0x30))
			       ? OE_SNIFF_YES
			       : OE_SNIFF_NO;
	}
	/* Query, Parse, Bind, FunctionCall: letters that servers do not use */
	if (p[0] != 'Q' && p[0] != 'P' && p[0] != 'B' && p[0] != 'F')
		return OE_SNIFF_NO;
	size = (unsigned int)p[1] << 24 | (unsigned int)p[2] << 16 | (unsigned int)p[3] << 8 | p[4];
	if (size < 4 || size > OE_DB_LEN_MAX)
		return OE_SNIFF_NO;
	return OE_SNIFF_YES;
}

/* MySQL: the server's greeting, a login, or a command: one packet with the length of the I/O. */
static __attribute__((always_inline)) inline int oe_sniff_mysql(const unsigned char *p,
								unsigned int len, unsigned int io)
{
	unsigned int size;

	if (len < 4 || p[3] > 1)
		return OE_SNIFF_NO;
	size = (unsigned int)p[2] << 16 | (unsigned int)p[1] << 8 | p[0];
	if (p[3] == 1) /* a login: protocol 4.1, and the zeroes of its reserved bytes */
		return size >= 32 && size + 4 == io && len >= 24 && (p[5] & 2) && !p[13] &&
				       !p[14] && !p[15] && !p[16] && !p[17] && !p[18] && !p[19] &&
				       !p[20] && !p[21] && !p[22]
			       ? OE_SNIFF_YES
			       : OE_SNIFF_NO;
	if (len == 4) /* read by itself, as servers do */
		return size && size < 65536 ? OE_SNIFF_MAYBE : OE_SNIFF_NO;
	if (!size || size + 4 > io)
		return size == 0xffffff && p[4] == 3 ? OE_SNIFF_YES : OE_SNIFF_NO;
	if (p[4] == 10 && size > 20 && size + 4 == io) /* protocol version 10 */
		return OE_SNIFF_YES;
	/* COM_QUERY, COM_STMT_PREPARE, _EXECUTE, _CLOSE may have others behind them */
	if (size + 4 < io)
		return p[4] == 3 || (p[4] >= 0x16 && p[4] <= 0x19) ? OE_SNIFF_YES : OE_SNIFF_NO;
	return (p[4] && p[4] <= 0x1f) || p[4] == 0xfa ? OE_SNIFF_YES : OE_SNIFF_NO;
}

/* MySQL: the first packet inside of TLS, a login; or its head that is read by itself, as servers
 * do. */
static __attribute__((always_inline)) inline int
oe_sniff_mysql_tls(const unsigned char *p, unsigned int len, unsigned int io)
{
	unsigned int size;

	if (len < 4 || p[3] != 2 || p[2])
		return OE_SNIFF_NO;
	size = (unsigned int)p[1] << 8 | p[0];
	if (size < 34 || (io != 4 && io != size + 4))
		return OE_SNIFF_NO;
	return len == 4 || (len >= 24 && (p[5] & 2) && (p[5] & 8) && !p[13] && !p[14] && !p[15] &&
			    !p[16] && !p[17] && !p[18] && !p[19] && !p[20] && !p[21] && !p[22])
		       ? OE_SNIFF_YES
		       : OE_SNIFF_NO;
}

/* The head of a Kafka request behind its length: API key, version and names have these bounds in
 * practice. */
static __attribute__((always_inline)) inline int oe_is_kafka_head(const unsigned char *p,
								  unsigned int len)
{
	unsigned int name, i;

	if (len < 10 || p[0] || p[1] > 92 || p[2] || p[3] > 26 || p[4] > 0x7f)
		return 0;
	name = (unsigned int)p[8] << 8 | p[9];
	if (name == 0xffff)
		return 1;
	if (name > 255)
		return 0;
	for (i = 10; i < 16; i++)
		if (i < 10 + name && i < len && (p[i] < 0x20 || p[i] >= 0x7f))
			return 0;
	return 1;
}

/* Kafka: a request, or its length that is read by itself, as brokers do. */
static __attribute__((always_inline)) inline int oe_sniff_kafka(const unsigned char *p,
								unsigned int len, unsigned int io)
{
	unsigned int size;

	if (len < 4 || p[0] > 0x3f)
		return OE_SNIFF_NO;
	size = (unsigned int)p[0] << 24 | (unsigned int)p[1] << 16 | (unsigned int)p[2] << 8 | p[3];
	if (size < 10)
		return OE_SNIFF_NO;
	if (len == 4 || len == 8)
		return io == len && !p[0] ? OE_SNIFF_MAYBE : OE_SNIFF_NO;
	return oe_is_kafka_head(p + 4, len - 4) ? OE_SNIFF_YES : OE_SNIFF_NO;
}

/* The same when the I/O is that one request: then it is nothing else. */
static __attribute__((always_inline)) inline int oe_is_kafka(const unsigned char *p,
							     unsigned int len, unsigned int io)
{
	return len >= 14 && io >= 14 && !p[0] &&
	       ((unsigned int)p[1] << 16 | (unsigned int)p[2] << 8 | p[3]) == io - 4 &&
	       oe_sniff_kafka(p, len, io) == OE_SNIFF_YES;
}

#define OE_H2_HEAD	9
#define OE_H2_LEN_USUAL 16384 /* SETTINGS_MAX_FRAME_SIZE unless somebody raised it */

/* Could an I/O of a connection that nothing is known of start with this frame? */
static __attribute__((always_inline)) inline int oe_sniff_h2(const unsigned char *p,
							     unsigned int len)
{
	unsigned int size, id, flags;

	if (len < OE_H2_HEAD)
		return OE_SNIFF_NO;
	size = (unsigned int)p[0] << 16 | (unsigned int)p[1] << 8 | p[2];
	id = (unsigned int)p[5] << 24 | (unsigned int)p[6] << 16 | (unsigned int)p[7] << 8 | p[8];
	if (p[3] > 9 || size > OE_H2_LEN_USUAL || id >> 31 || !oe_h2_frame_ok(size, p[3], id))
		return OE_SNIFF_NO;
	/* flags that the type has (section 6): END_STREAM or ACK 1, END_HEADERS 4, PADDED 8,
	 * PRIORITY 0x20 */
	switch (p[3]) {
	case 0:
		flags = 0x09;
		break;
	case 1:
		flags = 0x2d;
		break;
	case 4:
	case 6:
		flags = 0x01;
		break;
	case 5:
		flags = 0x0c;
		break;
	case 9:
		flags = 0x04;
		break;
	default:
		flags = 0;
		break;
	}
	return p[4] & ~flags ? OE_SNIFF_NO : OE_SNIFF_YES;
}

#endif
