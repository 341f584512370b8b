/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_STATS_H
#define OE_STATS_H
/* what the loader must know of the maps' sizes */
#define OE_SCRATCHES_MAX 4

/*
 * The kernel's part of the ledger, per CPU, only growing. For selected sockets:
 * io_seen = io_emitted + io_filtered + io_dropped. Append only.
 */
struct oe_stats {
	__u64 io_seen;	   /* I/Os of selected processes on stream sockets */
	__u64 io_emitted;  /* became a record */
	__u64 io_filtered; /* of connections whose bytes look like no protocol we parse */
	__u64 io_dropped;  /* ring buffer full */
	__u64 bytes_seen;
	__u64 bytes_copied;
	__u64 bytes_dropped; /* stream bytes of dropped records */
	__u64 io_nobuf;	     /* emitted with length only: sendfile, splice, io_uring ... */
	__u64 io_fault;	     /* emitted with length only or cut: a page was not resident */
	__u64 io_cut; /* emitted with fewer bytes than the I/O had: copy limits, DATA of HTTP/2 */
	__u64 aux_emitted; /* connection, close and process records */
	__u64 aux_dropped;
	__u64 state_failed; /* no memory for a socket's state */
	__u64 io_parts;	    /* further records of I/Os that were emitted in parts */
	__u64 io_tls;	    /* I/Os of sockets that carry TLS whose plaintext is seen: ciphertext */
	__u64 tls_unseen;   /* TCP connections that spoke TLS and ended without being tied to a
			     * probed library */
	__u64 tls_late;	    /* TLS connections met after their first byte of plaintext, perhaps */
	__u64 tls_lost;	    /* calls of TLS libraries whose beginning was forgotten, or does not fit
			       their end */
};

#endif
