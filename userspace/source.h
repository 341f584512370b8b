/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SOURCE_H
#define OE_SOURCE_H
/*
 * Where records come from: the ring buffer (ring.c), a recording (replay.c) or a packet
 * capture (pcap.c). All deliver the records of bpf/event.h, one by one, to the same
 * callback; the rest of the pipeline cannot tell the difference.
 */
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/event.h"

/*
 * One record, 8-byte aligned, valid during the call. `len` bytes are readable; the receiver
 * checks hdr.len and every inner length against it. Never fails: trouble goes to a counter.
 */
typedef void (*source_cb)(void *ctx, const void *rec, size_t len);

/* Records that only recordings hold (type >= OE_EV_USER). */
#define OE_EV_RESOURCE 0x100 /* struct oe_ev_resource */
#define OE_EV_LOSS     0x101 /* struct oe_ev_loss */

/*
 * The resource of a process as it was discovered when the recording was made: payload is
 * key NUL value NUL, repeated; string attributes only except process.pid (decimal).
 */
struct oe_ev_resource {
	struct oe_hdr hdr;
	__u32 tgid;
	__u32 pad;
	__u8 payload[];
};

/* The ledger of the recording host at its end: events lost before they were written. */
struct oe_ev_loss {
	struct oe_hdr hdr;
	__u64 ring_full; /* records that found no room in the ring buffer */
	__u64 missed;	 /* hook firings that the kernel skipped (recursion) */
};

struct source_info {
	int64_t boot_to_unix_ns; /* what to add to a record's ts_ns */
	uint64_t records;
	uint64_t truncated; /* bytes or packets at the end that were cut off */
	uint64_t skipped;   /* pcap: packets that are not TCP, fragments, bad checksums of length */
};

/*
 * Replays a recording: calls on_start(ctx, info) once with boot_to_unix_ns, then cb for each record
 * in order. Returns 0, or negative errno with one line in err[]. A recording cut in the middle of a
 * record is not an error: what stands before is delivered and ret_info->truncated says so.
 */
int replay_run(const char *path, source_cb cb,
	       void (*on_start)(void *ctx, const struct source_info *info), void *ctx,
	       struct source_info *ret_info, char err[256]);

/*
 * The same from pcap or pcapng (through libpcap), with TCP reassembly: retransmissions, reordering,
 * overlaps, snaplen cuts (bytes known to exist but not captured), connections in mid-life. Every
 * connection is shown once, from its server's side (SYN, else lower port number).
 */
int pcap_run(const char *path, source_cb cb,
	     void (*on_start)(void *ctx, const struct source_info *info), void *ctx,
	     struct source_info *ret_info, char err[256]);

/* By the file's first bytes: 1 = a recording, 2 = pcap or pcapng, 0 = neither; negative errno. */
int source_kind(const char *path);

struct recorder;
/* Writes recordings. path "-" = stdout. 0 or negative errno. */
int recorder_open(const char *path, int64_t boot_to_unix_ns, struct recorder **ret_rec);
/* A record as it came; a write error is remembered and returned by recorder_close. */
void recorder_add(struct recorder *r, const void *rec, size_t len);
/* Flushes and frees. ret_cnt: records written. */
int recorder_close(struct recorder *r, uint64_t *ret_cnt);

#endif
