/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PGSQL_WIRE_H
#define OE_PGSQL_WIRE_H
/* PostgreSQL's messages by their heads alone. Part of pgsql.c. */
#include "userspace/base/bytes.h"

#define PG_HEAD 5u /* type and length, which counts itself */

/* of a client's first message */
#define PG_CODE_CANCEL 80877102u
#define PG_CODE_SSL    80877103u
#define PG_CODE_GSS    80877104u

static inline uint32_t pg_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Could these PG_HEAD bytes begin a message of this side? Types whose length cannot vary tell the
 * two sides and chance apart. */
bool pg_head_ok(const uint8_t *p, bool front);
/* How many messages stand whole at the beginning of `in`, 0 also when something else does.
 * *ret_last: type of the last one looked at; *ret_exact: `in` ends with the last of them. */
uint32_t pg_chain(struct bytes in, bool front, uint8_t *ret_last, bool *ret_exact);
/* Begins like text that a person or a driver would send. */
bool pg_texty(struct bytes in);
/* 8 bytes: a client's first message? */
bool pg_is_startup(const uint8_t *p);

enum pg_side { PG_SIDE_NONE = 0, PG_SIDE_STARTUP, PG_SIDE_FRONT, PG_SIDE_BACK, PG_SIDE_MAYBE };

/* What these first bytes of a run are, on a connection that nothing is known of. */
enum pg_side pg_classify(struct bytes in);

#endif
