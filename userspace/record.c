/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/recording.h"
#include "userspace/source.h"

struct recorder {
	FILE *f;
	uint64_t cnt;
	int err; /* the first one; later records are not written */
};

int recorder_open(const char *path, int64_t boot_to_unix_ns, struct recorder **ret_rec)
{
	struct recording_header h = {.magic = RECORDING_MAGIC,
				     .byte_order = RECORDING_BYTE_ORDER,
				     .abi = OE_ABI,
				     .boot_to_unix_ns = boot_to_unix_ns};
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	errno = 0;
	r->f = strcmp(path, "-") ? fopen(path, "wxe") : stdout;
	/* an older file of that name is replaced, never appended to; a special file is written as
	 * it is */
	if (!r->f && errno == EEXIST)
		r->f = fopen(path, "we");
	if (!r->f) {
		int err = -errno;

		free(r);
		return err;
	}
	if (fwrite(&h, sizeof(h), 1, r->f) != 1)
		r->err = errno ? -errno : -EIO;
	*ret_rec = r;
	return 0;
}

void recorder_add(struct recorder *r, const void *rec, size_t len)
{
	static const uint8_t zeros[8];
	size_t pad = -len & 7;

	if (r->err)
		return;
	if (fwrite(rec, len, 1, r->f) != 1 || (pad && fwrite(zeros, pad, 1, r->f) != 1))
		r->err = errno ? -errno : -EIO;
	else
		r->cnt++;
}

int recorder_close(struct recorder *r, uint64_t *ret_cnt)
{
	int err = r->err;

	if (r->f == stdout ? fflush(r->f) : fclose(r->f))
		err = err ? err : -errno;
	if (ret_cnt)
		*ret_cnt = r->cnt;
	free(r);
	return err;
}
