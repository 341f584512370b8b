/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ASSEMBLE_KAFKA_H
#define OE_ASSEMBLE_KAFKA_H
/*
 * The part of assemble that knows Kafka: names of topics that requests give by id, groups of
 * clients, what became of an operation.
 *
 * A fetch is one request whose response tells of several topics: each that brought something
 * becomes an exchange of its own. One that brought nothing is quiet, as are heartbeats and the like
 * unless they fail.
 */
#include "userspace/assemble.h"

void kafka_names_init(struct kafka_names *n);
void kafka_names_done(struct kafka_names *n);
/* The process is gone: so are its groups. */
void assemble_kafka_process_gone(struct assemble *a, uint32_t tgid);
/* A topic's id has a name, or a client of this process has a group. */
void assemble_kafka_declare(struct assemble *a, struct conn *c, const struct message *m);
/* What a new request says. *ret_ctx: the context of its only record. */
void assemble_kafka_request(struct assemble *a, struct conn *c, struct txn *t,
			    const struct message *m, struct tracectx *ret_ctx, bool *ret_has_ctx);
/* What its response, or the part of it about one topic, says. */
void assemble_kafka_response(struct assemble *a, struct conn *c, struct txn *t,
			     const struct message *m);
/* Is there something to tell of this answer to a fetch? */
bool assemble_kafka_brought(const struct exchange *x);
/* A request to send or commit of which no topic was seen (missed, or of a version not known). */
bool assemble_kafka_hidden(const struct exchange *x);
/* Did housekeeping end as it should? */
bool assemble_kafka_fine(const struct exchange *x);

#endif
