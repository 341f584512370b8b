/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_EVENT_H
#define OE_EVENT_H
/*
 * The contract between kernel, recordings and userspace: every record that
 * crosses the ring buffer (or stands in a recording) starts with struct
 * oe_hdr and is one of the structs below. Fixed-width types, explicit padding,
 * numbers are append-only. The includer provides the __u8..__u64 types
 * (vmlinux.h in BPF, <linux/types.h> in userspace).
 *
 * Time is CLOCK_BOOTTIME nanoseconds. Ports are host order, addresses network
 * order (IPv4 in the first 4 bytes). Payload stands last, exactly as long as
 * the header says.
 */

/* Raise on every change of layout or meaning; recordings carry it. */
#define OE_ABI 3 /* 2: OE_F_WHOLE; 3: OE_CONN_TLS, oe_conn.sk_id, OE_PROC_SELECTED */

#define OE_ABI_OLDEST 2 /* what 3 added is missing there, all else is the same */

/* record types */
#define OE_EV_CONN  1 /* struct oe_conn: a connection is announced (first I/O seen, or connect) */
#define OE_EV_DATA  2 /* struct oe_data: one I/O, or one part of an I/O with several buffers */
#define OE_EV_CLOSE 3 /* struct oe_close: one direction, or the whole connection, ended */
#define OE_EV_PROC  4 /* struct oe_proc: fork, exec, exit of a process */
/* from 0x100: made by userspace, only in recordings (see userspace/source.h) */
#define OE_EV_USER 0x100

/* oe_hdr.flags of OE_EV_DATA */
#define OE_F_OUT   0x1 /* sent by the watched process; unset: received */
#define OE_F_NOBUF 0x2 /* the bytes cannot be read at this hook (sendfile, splice, io_uring) */
#define OE_F_FAULT 0x4 /* the buffer's page was not readable at the hook */
#define OE_F_CUT   0x8 /* cap_len < io_len because of the copy limits */
#define OE_F_WHOLE                                                                                 \
	0x10 /* cap_len is 0: whole messages that only need counting (rows), see oe_data.extra */

/* oe_conn.role */
#define OE_ROLE_UNKNOWN 0
#define OE_ROLE_CLIENT	1 /* this socket connected */
#define OE_ROLE_SERVER	2 /* this socket was accepted */

/* oe_conn.flags */
#define OE_CONN_FRESH 0x1 /* no byte moved on this connection before those that follow */
#define OE_CONN_TLS                                                                                \
	0x2 /* these are the plaintext bytes of a TLS connection; family 0: its socket is not      \
	       known. Announced again when it becomes known. */

/* oe_conn.family: values of AF_UNIX, AF_INET, AF_INET6 */
#define OE_AF_UNIX  1
#define OE_AF_INET  2
#define OE_AF_INET6 10

/* oe_close.what */
#define OE_CLOSE_OUT 0x1 /* no more bytes will be sent (shutdown, FIN) */
#define OE_CLOSE_IN  0x2 /* end of file was read */
#define OE_CLOSE_ALL 0x4 /* the connection is gone */

/* oe_proc.what */
#define OE_PROC_FORK	 1
#define OE_PROC_EXEC	 2
#define OE_PROC_EXIT	 3
#define OE_PROC_SELECTED 4 /* met by one of the kernel's selectors (cgroup, port, all) */

struct oe_hdr {
	__u16 type;
	__u16 flags;
	__u32 len; /* of the whole record, header included */
	__u64 ts_ns;
};
_Static_assert(sizeof(struct oe_hdr) == 16, "oe_hdr is part of the ABI");

/*
 * off[] are the stream offsets of the next byte in each direction ([0] in,
 * [1] out) when the record was made. On TCP the low 32 bits of an offset are
 * the TCP sequence number, extended to 64 bits per connection; the same byte
 * has the same low 32 bits at both ends. Unix sockets count from the first byte seen.
 */
struct oe_conn {
	struct oe_hdr hdr;
	__u64 id; /* socket cookie; with bit 63 set: of a TLS connection, unique on this host while
		     the daemon runs */
	__u64 off[2];
	__u32 tgid;
	__u32 tid;
	__u16 family;
	__u16 lport;
	__u16 rport;
	__u8 role;
	__u8 path_len; /* Unix: bytes of path[] used */
	__u8 laddr[16];
	__u8 raddr[16];
	__u32 netns;
	__u32 flags;	/* OE_CONN_* */
	__u8 path[108]; /* Unix: bound path of this or the other end; '@' for a leading NUL */
	__u32 pad2;
	__u64 sk_id; /* OE_CONN_TLS: id of its socket, which may be announced as well; 0: not known
		      */
};
_Static_assert(sizeof(struct oe_conn) == 16 + 24 + 8 + 8 + 32 + 8 + 112 + 8,
	       "oe_conn is part of the ABI");

struct oe_data {
	struct oe_hdr hdr;
	__u64 id;
	__u64 off;     /* stream offset of the first byte of this record */
	__u32 io_len;  /* bytes of the stream that this record stands for */
	__u32 cap_len; /* of which so many, from the first, follow as payload */
	__u32 tgid;
	__u32 tid;
	/* goroutine, 0 = none; with OE_F_WHOLE how many messages began in these bytes, of which
	 * the last may end in the next such record */
	__u64 extra;
	__u8 payload[];
};
_Static_assert(sizeof(struct oe_data) == 16 + 40, "oe_data is part of the ABI");

struct oe_close {
	struct oe_hdr hdr;
	__u64 id;
	__u64 off[2]; /* as in oe_conn; where the stream(s) ended */
	__u32 what;
	__u32 err; /* errno of the socket, 0 = orderly */
};
_Static_assert(sizeof(struct oe_close) == 16 + 32, "oe_close is part of the ABI");

struct oe_proc {
	struct oe_hdr hdr;
	__u32 what;
	__u32 tgid;
	__u32 ptgid; /* fork: of the parent */
	__u32 pad;
	__u8 comm[16];
};
_Static_assert(sizeof(struct oe_proc) == 16 + 32, "oe_proc is part of the ABI");

#endif
