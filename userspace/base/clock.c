/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/base/clock.h"

#include <time.h>

static uint64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return now(CLOCK_BOOTTIME);
}

uint64_t clock_unix_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t clock_boot_to_unix_ns(void)
{
	uint64_t best = UINT64_MAX;
	int64_t diff = 0;

	/* the pair of readings with the least time between them errs least */
	for (int i = 0; i < 10; i++) {
		uint64_t a = now(CLOCK_BOOTTIME), r = now(CLOCK_REALTIME), b = now(CLOCK_BOOTTIME);

		if (b - a < best) {
			best = b - a;
			diff = (int64_t)(r - (a + (b - a) / 2));
		}
	}
	return diff;
}
