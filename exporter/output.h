/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_OUTPUT_H
#define OE_OUTPUT_H
/*
 * Writing whole pieces of text to a file, pipe or terminal: never past the
 * deadline (a reader that stopped reading must not hold up a shutdown), and
 * never mixed with another exporter's piece (console and otlp_file may share
 * stdout, and have a thread each).
 */
#include <stdatomic.h>

#include "exporter/exporter.h"
#include "userspace/base/bytes.h"

/*
 * 0 when all was written, or negative errno (-ETIMEDOUT at the deadline, -ECANCELED when *abort
 * became true). *ret_written is always set. `abort` may be NULL.
 */
int output_write(int fd, struct bytes data, uint64_t deadline_ns, atomic_bool *abort,
		 size_t *ret_written);
/* Low-cardinality word for such an error: "no_space", "broken_pipe", "timeout", "io" ... */
const char *output_error_type(int err);
/* Fills *info for a failed write to `where`; always EXPORT_REJECTED. */
enum export_result output_failed(struct export_info *info, const char *where, int err);

#endif
