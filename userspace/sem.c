/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/sem.h"

extern const struct sem_ops sem_http_ops;  /* sem_http.c */
extern const struct sem_ops sem_rpc_ops;   /* sem_rpc.c */
extern const struct sem_ops sem_db_ops;	   /* sem_db.c */
extern const struct sem_ops sem_kafka_ops; /* sem_kafka.c */

static const struct sem_ops *const sem_table[] = {&sem_http_ops, &sem_rpc_ops, &sem_db_ops,
						  &sem_kafka_ops};

const struct sem_ops *sem_find(enum msg_family family)
{
	for (size_t i = 0; i < sizeof(sem_table) / sizeof(sem_table[0]); i++)
		if (sem_table[i]->family == family)
			return sem_table[i];
	return NULL;
}
