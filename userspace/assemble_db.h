/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ASSEMBLE_DB_H
#define OE_ASSEMBLE_DB_H
/* The part of assemble that knows databases: statements and what became of them. */
#include "userspace/assemble.h"

/* A parser's place stands for this text from now on. */
void assemble_db_declare(struct assemble *a, struct conn *c, const struct message *m);
/* Statement, namespace, command of a new request, which t keeps. *ret_ctx: the trace context that
 * came with it. 0 or -ENOMEM. */
int assemble_db_request(struct assemble *a, struct txn *t, const struct message *m,
			struct tracectx *ret_ctx, bool *ret_has_ctx);
void assemble_db_response(struct txn *t, const struct message *m);
/* Did it end as an operation should? Quiet ones are not told then. */
bool assemble_db_fine(const struct exchange *x);
/* Forgets what the connection's statements stand for; the parser's places are emptied. */
void assemble_db_forget(struct assemble *a, struct conn *c);

#endif
