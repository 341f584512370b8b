/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PARENT_H
#define OE_PARENT_H
/*
 * Who caused what, on one thread: a client request sent by a thread while that thread is handling
 * exactly one server request belongs to it. With none or several it belongs to nobody:
 * a wrong parent is worse than none.
 */
#include "userspace/base/hashmap.h"

struct txn;

struct parent_table {
	struct hashmap threads; /* tid -> first txn of a list */
};

void parent_init(struct parent_table *p);
void parent_done(struct parent_table *p);
/* A server request was read by thread tid. */
void parent_enter(struct parent_table *p, struct txn *t, uint32_t tid);
/* Its response is complete, or it will never be. */
void parent_leave(struct parent_table *p, struct txn *t);
/* The one server request that thread tid is handling, or NULL. */
struct txn *parent_of_thread(const struct parent_table *p, uint32_t tid);

#endif
