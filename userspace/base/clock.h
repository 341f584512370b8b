/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_CLOCK_H
#define OE_CLOCK_H
#include <stdint.h>

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

uint64_t clock_boot_ns(void);
uint64_t clock_unix_ns(void);
/* What to add to a CLOCK_BOOTTIME reading to get Unix time: the best of several tries. */
int64_t clock_boot_to_unix_ns(void);

#endif
