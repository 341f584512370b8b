/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_DOCTOR_H
#define OE_DOCTOR_H
#include <stdio.h>
#include <sys/types.h>

#include "userspace/proc.h"

/*
 * What this kernel and these privileges allow, and, when pid > 0, what would be watched of that
 * process. Attaches nothing. Returns the exit code: 0 capture is possible, 1 it is not.
 */
int doctor_run(const struct proc_config *proc, pid_t pid, bool uretprobes, FILE *f);

#endif
