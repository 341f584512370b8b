/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_DAEMON_H
#define OE_DAEMON_H
#include "userspace/config.h"

/* `run`, `trace`, `record`: captures until a signal or --duration. Returns the exit code. */
int daemon_run(const struct config *cfg);
/* `replay`: a recording or a packet capture through the same pipeline. Returns the exit code. */
int daemon_replay(const struct config *cfg);

#endif
