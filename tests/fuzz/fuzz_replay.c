/* SPDX-License-Identifier: Apache-2.0 */
/* Files of strangers: the first byte chooses between a recording and a packet capture. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "userspace/source.h"

static volatile uint64_t sink;

/* Touches every byte that the contract says is there. */
static void on_record(void *ctx, const void *rec, size_t len)
{
	const uint8_t *p = rec;

	if (len < sizeof(struct oe_hdr))
		abort();
	for (size_t i = 0; i < len; i++)
		sink += p[i];
}

static void on_start(void *ctx, const struct source_info *info)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct source_info info;
	char path[64], err[256];
	int fd;

	if (size < 1)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	if (write(fd, input + 1, size - 1) != (ssize_t)(size - 1))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	source_kind(path);
	if (input[0] & 1)
		replay_run(path, on_record, on_start, NULL, &info, err);
	else
		pcap_run(path, on_record, on_start, NULL, &info, err);
	close(fd);
	return 0;
}
