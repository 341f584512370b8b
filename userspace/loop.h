/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_LOOP_H
#define OE_LOOP_H
/* The capture thread's event loop: ring buffer, timer, signals. */
#include <stdbool.h>
#include <stdint.h>

struct loop_ops {
	void (*ready)(void *ctx);  /* the polled descriptor is readable */
	void (*tick)(void *ctx);   /* every tick_ms */
	void (*hangup)(void *ctx); /* SIGHUP; NULL: ignored */
};

#define LOOP_TICK_MS 50

/*
 * Blocks SIGTERM, SIGINT, SIGHUP and SIGPIPE in this thread and those it makes later. Call before
 * any thread is started. 0 or negative errno.
 */
int loop_block_signals(void);
/*
 * Runs until SIGTERM or SIGINT (0), until duration_ms have passed (0; UINT64_MAX = no limit),
 * or until an error (negative errno). fd < 0: timer and signals only.
 */
int loop_run(int fd, uint64_t duration_ms, const struct loop_ops *ops, void *ctx);

#endif
