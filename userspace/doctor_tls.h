/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_DOCTOR_TLS_H
#define OE_DOCTOR_TLS_H
/* `doctor --pid N`: which TLS libraries the process has, and where probes would be put. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

void doctor_tls(const char *proc_root, pid_t pid, bool uretprobes, FILE *f);

#endif
