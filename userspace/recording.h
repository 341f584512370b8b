/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_RECORDING_H
#define OE_RECORDING_H
/*
 * The recording file: this header, then records of bpf/event.h (and of userspace/source.h), each
 * padded with zeros to a multiple of 8. docs/recordings.md.
 */
#include <stdint.h>

#define RECORDING_MAGIC	     "OTELEBPF"
#define RECORDING_BYTE_ORDER 0x01020304u

struct recording_header {
	char magic[8]; /* without NUL */
	uint32_t byte_order;
	uint32_t abi;
	int64_t boot_to_unix_ns;
	uint64_t reserved;
};
_Static_assert(sizeof(struct recording_header) == 32, "the file format says so");

#endif
