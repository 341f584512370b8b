/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/recording.h"
#include "userspace/source.h"

/* No record is longer: a data record with the largest copy, with room for growth. */
#define RECORD_MAX (1u << 20)

int source_kind(const char *path)
{
	static const uint32_t pcap_magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
					       0x0a0d0d0a};
	char head[8] = {0};
	uint32_t magic;
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return -errno;
	n = fread(head, 1, sizeof(head), f);
	if (!n && ferror(f)) {
		int err = errno ? -errno : -EIO;

		fclose(f);
		return err;
	}
	fclose(f);
	if (n == sizeof(head) && !memcmp(head, RECORDING_MAGIC, sizeof(head)))
		return 1;
	memcpy(&magic, head, sizeof(magic));
	for (size_t i = 0; n >= 4 && i < sizeof(pcap_magics) / sizeof(pcap_magics[0]); i++)
		if (magic == pcap_magics[i])
			return 2;
	return 0;
}

static int check_header(const struct recording_header *h, char err[256])
{
	if (memcmp(h->magic, RECORDING_MAGIC, sizeof(h->magic))) {
		snprintf(err, 256, "not a recording");
		return -EINVAL;
	}
	if (h->byte_order != RECORDING_BYTE_ORDER) {
		snprintf(err, 256, "recorded on a machine of the other byte order");
		return -EINVAL;
	}
	if (h->abi < OE_ABI_OLDEST || h->abi > OE_ABI) {
		snprintf(err, 256, "made by record format %u, this program reads %u to %u", h->abi,
			 OE_ABI_OLDEST, OE_ABI);
		return -EINVAL;
	}
	return 0;
}

int replay_run(const char *path, source_cb cb,
	       void (*on_start)(void *ctx, const struct source_info *info), void *ctx,
	       struct source_info *ret_info, char err[256])
{
	struct source_info info = {0};
	struct recording_header h;
	uint8_t *rec = NULL;
	size_t cap = 65536;
	int e = 0;
	FILE *f = fopen(path, "re");

	if (!f) {
		e = -errno;
		snprintf(err, 256, "%s", strerror(-e));
		return e;
	}
	rec = malloc(cap);
	if (!rec)
		e = -ENOMEM;
	else if (fread(&h, sizeof(h), 1, f) != 1) {
		snprintf(err, 256, "too short for a recording");
		e = -EINVAL;
	} else {
		e = check_header(&h, err);
	}
	if (e)
		goto out;
	info.boot_to_unix_ns = h.boot_to_unix_ns;
	on_start(ctx, &info);
	for (;;) {
		struct oe_hdr hdr;
		size_t n = fread(&hdr, 1, sizeof(hdr), f), rest;

		if (n < sizeof(hdr)) {
			info.truncated += n;
			break;
		}
		if (hdr.len < sizeof(hdr) || hdr.len > RECORD_MAX) {
			snprintf(err, 256, "record %llu has an impossible length of %u",
				 (unsigned long long)info.records + 1, hdr.len);
			e = -EINVAL;
			break;
		}
		rest = ((hdr.len + 7u) & ~7u) - sizeof(hdr);
		if (sizeof(hdr) + rest > cap) {
			void *more = realloc(rec, sizeof(hdr) + rest);

			if (!more) {
				e = -ENOMEM;
				break;
			}
			rec = more;
			cap = sizeof(hdr) + rest;
		}
		memcpy(rec, &hdr, sizeof(hdr));
		n = fread(rec + sizeof(hdr), 1, rest, f);
		if (n < rest) {
			info.truncated += sizeof(hdr) + n;
			break;
		}
		info.records++;
		cb(ctx, rec, hdr.len);
	}
out:
	free(rec);
	fclose(f);
	*ret_info = info;
	return e;
}
