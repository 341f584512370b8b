/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_DBSTATE_H
#define OE_DBSTATE_H
/*
 * What the parsers of databases keep per connection: prepared statements by key (a name, or a
 * number), and the operations whose responses are still to come, in order.
 *
 * Places never move while the connection lives, and are never given back: a dropped statement goes
 * to a free list and is used again for the next one. So whoever stores a pointer in `owner` finds
 * it there until he is told about another statement in the same place (MSG_F_DECLARE).
 */
#include "userspace/base/bytes.h"

#define DB_STMTS_MAX 1024u /* statements (and portals) per connection; the oldest go first */
#define DB_KEY_MAX   64u   /* longer keys are not kept: the statement is unknown */
#define DB_OPS_MAX   4096u /* operations in flight */

struct db_stmt {
	struct db_stmt *next;	       /* of its hash chain, or of the free list */
	struct db_stmt *older, *newer; /* by age */
	void *owner;		       /* the caller's: what it stands for (struct msg_db.stmt) */
	struct db_stmt *bound;	       /* a portal: its statement, referred to */
	uint32_t refs;		       /* portals bound to it, and 1 for its key */
	uint16_t params;	       /* parser's: number of parameters */
	uint16_t columns;	       /* parser's: columns of its result */
	uint8_t key_len;
	bool keyed; /* can be found by its key */
	bool mark;  /* parser's */
	uint8_t key[DB_KEY_MAX];
};

/* All zero = empty. */
struct db_stmts {
	struct db_stmt *bucket[64];
	struct db_stmt *oldest, *newest, *spare;
	uint32_t cnt;	    /* in use */
	uint32_t forgotten; /* statements that had to go for newer ones */
};

/* NULL: not known. */
struct db_stmt *db_stmt_find(const struct db_stmts *t, struct bytes key);
/* A new statement under this key, which may replace another. NULL: key too long, or no memory;
 * then nothing stands under that key any more. */
struct db_stmt *db_stmt_put(struct db_stmts *t, struct bytes key);
/* It stands under this key from now on, in place of its own and of what stood there. */
void db_stmt_rekey(struct db_stmts *t, struct db_stmt *s, struct bytes key);
/* Nothing stands under this key any more. */
void db_stmt_drop(struct db_stmts *t, struct bytes key);
/* A portal refers to it: it stays until db_stmt_unref(), whatever becomes of its key. */
void db_stmt_ref(struct db_stmt *s);
void db_stmt_unref(struct db_stmts *t, struct db_stmt *s);
/* Forgets all keys. */
void db_stmts_clear(struct db_stmts *t);
void db_stmts_done(struct db_stmts *t);

/* An operation on its way. What `kind` means is the parser's. */
struct db_op {
	void *owner;	      /* the caller's (message.owner) */
	struct db_stmt *stmt; /* parser's; holds a reference if set */
	uint8_t kind;
	uint8_t flags;
};

/*
 * A queue of operations in blocks, so that none moves while it waits: message.owner points into it.
 * All zero = empty.
 */
struct db_op_block;
struct db_ops {
	struct db_op_block *first, *last, *spare;
	uint32_t head, tail; /* in the first and behind the last block's entries */
	uint32_t cnt;
};

/* Behind the last one, zeroed; NULL: full (DB_OPS_MAX), or no memory. */
struct db_op *db_op_push(struct db_ops *q);
/* The i-th from the front; NULL: there are not so many. i is small in practice. */
struct db_op *db_op_at(const struct db_ops *q, uint32_t i);
static inline struct db_op *db_op_first(const struct db_ops *q)
{
	return db_op_at(q, 0);
}
/* Takes the first one away; what stood there stays readable until the next push or pop. */
void db_op_pop(struct db_ops *q);
void db_ops_done(struct db_ops *q);

#endif
