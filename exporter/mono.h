/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_MONO_H
#define OE_MONO_H
/* Deadlines: CLOCK_MONOTONIC readings and condition variables that wait for one. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "userspace/base/clock.h"

static inline uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline int mono_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return -err;
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
	return -err;
}

/* Waits until signalled or until `until_ns`; may wake for no reason. */
static inline void mono_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t until_ns)
{
	struct timespec ts = {.tv_sec = (time_t)(until_ns / NSEC_PER_SEC),
			      .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};

	pthread_cond_timedwait(c, m, &ts);
}

/* now + ms without wrapping. */
static inline uint64_t mono_after_ms(uint64_t now_ns, uint64_t ms)
{
	uint64_t max_ms = (UINT64_MAX / 2 - now_ns) / NSEC_PER_MSEC;

	return now_ns + (ms < max_ms ? ms : max_ms) * NSEC_PER_MSEC;
}

#endif
