/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_OUTPUTS_H
#define OE_OUTPUTS_H
/* The exporters that a configuration asks for, opened, each signal of each behind its own queue. */
#include "exporter/queue.h"
#include "userspace/config.h"
#include "userspace/pipeline.h"

struct outputs {
	struct queue *queues[2 * PIPELINE_QUEUES_MAX];
	uint32_t cnt;
};

/* Opens and enters the queues into pc. On failure nothing stays open and err[] holds one line. */
int outputs_open(const struct exporter_config *ec, const struct config *cfg, struct outputs *ret,
		 struct pipeline_config *pc, char err[256]);
/* Waits until what was handed over is gone, at most timeout_ms in all. */
void outputs_flush(struct outputs *o, uint32_t timeout_ms);
/* Closes all within timeout_ms together; what is left then is counted as failed. */
void outputs_close(struct outputs *o, uint32_t timeout_ms);

#endif
