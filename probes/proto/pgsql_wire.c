/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/pgsql_wire.h"

#define LEN_MAX	    0x3fffffffu /* PQ_LARGE_MESSAGE_LIMIT */
#define STARTUP_MAX 10000u	/* MAX_STARTUP_PACKET_LENGTH */
#define CODE_3_0    0x00030000u /* the minor version is in the low bits */

/* Shortest legal value of the length field; 0: no such message. */
static uint32_t front_min(uint8_t type)
{
	switch (type) {
	case 'H': /* Flush */
	case 'S': /* Sync */
	case 'X': /* Terminate */
	case 'c': /* CopyDone */
	case 'd': /* CopyData */
		return 4;
	case 'Q': /* Query */
	case 'f': /* CopyFail */
	case 'p': /* password, SASL, GSS */
		return 5;
	case 'C': /* Close */
	case 'D': /* Describe */
		return 6;
	case 'P': /* Parse */
		return 8;
	case 'E': /* Execute */
		return 9;
	case 'B': /* Bind */
		return 12;
	case 'F': /* FunctionCall */
		return 14;
	default:
		return 0;
	}
}

static uint32_t back_min(uint8_t type)
{
	switch (type) {
	case '1': /* ParseComplete */
	case '2': /* BindComplete */
	case '3': /* CloseComplete */
	case 'I': /* EmptyQueryResponse */
	case 'n': /* NoData */
	case 's': /* PortalSuspended */
	case 'c': /* CopyDone */
	case 'd': /* CopyData */
		return 4;
	case 'Z': /* ReadyForQuery */
	case 'C': /* CommandComplete */
	case 'E': /* ErrorResponse */
	case 'N': /* NoticeResponse */
		return 5;
	case 'S': /* ParameterStatus */
	case 'T': /* RowDescription */
	case 'D': /* DataRow */
	case 't': /* ParameterDescription */
		return 6;
	case 'G': /* CopyInResponse */
	case 'H': /* CopyOutResponse */
	case 'W': /* CopyBothResponse */
		return 7;
	case 'R': /* Authentication... */
	case 'V': /* FunctionCallResponse */
		return 8;
	case 'A': /* NotificationResponse */
		return 10;
	case 'K': /* BackendKeyData */
	case 'v': /* NegotiateProtocolVersion */
		return 12;
	default:
		return 0;
	}
}

bool pg_head_ok(const uint8_t *p, bool front)
{
	uint32_t min = front ? front_min(p[0]) : back_min(p[0]), len = pg_be32(p + 1);

	if (!min || len < min || len > LEN_MAX)
		return false;
	if (front ? p[0] == 'H' || p[0] == 'S' || p[0] == 'X' || p[0] == 'c'
		  : (min == 4 && p[0] != 'd') || p[0] == 'Z')
		return len == min;
	return true;
}

uint32_t pg_chain(struct bytes in, bool front, uint8_t *ret_last, bool *ret_exact)
{
	size_t at = 0;
	uint32_t n = 0;

	*ret_exact = false;
	while (in.len - at >= PG_HEAD) {
		if (!pg_head_ok(in.data + at, front))
			return 0;
		*ret_last = in.data[at];
		if (in.len - at - 1 < pg_be32(in.data + at + 1))
			return n;
		at += 1 + pg_be32(in.data + at + 1);
		n++;
	}
	*ret_exact = n && at == in.len;
	return n;
}

bool pg_texty(struct bytes in)
{
	size_t n = in.len < 16 ? in.len : 16;

	for (size_t i = 0; i < n; i++)
		if (in.data[i] < ' ' && (in.data[i] < '\t' || in.data[i] > '\r'))
			return false;
	return n >= 4;
}

bool pg_is_startup(const uint8_t *p)
{
	uint32_t len = pg_be32(p), code = pg_be32(p + 4);

	if (len < 8 || len > STARTUP_MAX)
		return false;
	return (code & ~0xfu) == CODE_3_0 ||
	       ((code == PG_CODE_SSL || code == PG_CODE_GSS) && len == 8) ||
	       (code == PG_CODE_CANCEL && len >= 16);
}

/* Are these first bytes of a message, fewer than a head, those of a short one? */
static bool begins(struct bytes in)
{
	if (!in.len || (!front_min(in.data[0]) && !back_min(in.data[0])))
		return false;
	for (size_t i = 1; i < in.len && i < 3; i++)
		if (in.data[i])
			return false;
	return true;
}

enum pg_side pg_classify(struct bytes in)
{
	bool exact, may = false;
	uint8_t last = 0;

	if (in.len && in.data[0] == 0) {
		if (in.len > 1 && in.data[1])
			return PG_SIDE_NONE;
		if (in.len < 8)
			return PG_SIDE_MAYBE;
		/* a name follows the version; in Kafka's Metadata request a small number */
		if (!in.data[4] && in.len > 9 && in.data[8] < 0x20)
			return PG_SIDE_NONE;
		return pg_is_startup(in.data) ? PG_SIDE_STARTUP : PG_SIDE_NONE;
	}
	if (in.len < PG_HEAD)
		return begins(in) ? PG_SIDE_MAYBE : PG_SIDE_NONE;
	if (pg_chain(in, true, &last, &exact) || pg_head_ok(in.data, true))
		may = in.data[1] == 0;
	if (exact && (last == 'Q' || last == 'S' || last == 'H' || last == 'F'))
		return PG_SIDE_FRONT;
	/* a statement that is longer than what was captured */
	if (in.data[0] == 'Q' && may && in.len > 64 && pg_texty(bytes_from(in, PG_HEAD)) &&
	    pg_be32(in.data + 1) >= in.len)
		return PG_SIDE_FRONT;
	if (pg_chain(in, false, &last, &exact) || pg_head_ok(in.data, false))
		may = may || in.data[1] == 0;
	if (exact && last == 'Z')
		return PG_SIDE_BACK;
	return may ? PG_SIDE_MAYBE : PG_SIDE_NONE;
}
