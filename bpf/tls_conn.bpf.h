/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_TLS_CONN_BPF_H
#define OE_TLS_CONN_BPF_H
/*
 * TLS connections: what the probes in the libraries (tls.bpf.c) and the socket hooks
 * (tls_sock.bpf.h) both know of. A connection is an object of the library in a process; its
 * plaintext is a stream of its own, with an id of its own, offsets counting from its first byte.
 *
 * Which thread is inside which call of the library stands in its task storage; for Go, where
 * a goroutine may go on in another thread, in a table by goroutine.
 */
#include "bpf/maps.bpf.h"
#include "bpf/stream.bpf.h"
#include "bpf/tls.h"

#define OE_TLS_DEPTH 4 /* calls inside each other: TLS inside TLS, callbacks; a power of two */

struct oe_tls_key {
	__u64 conn; /* address of the library's object */
	__u32 tgid;
	__u32 pad;
};

struct oe_tls_conn {
	struct oe_sk s; /* id: bit 63 is set, unlike those of sockets */
	__u64 sk_id;	/* of its socket; 0: not known */
	__u32 writer;	/* Go: the site that tells of writes, + 1 */
	__u32 weak;	/* the socket was inferred from what was sent, not seen inside a call */
};

/* One call of the library that has not returned. */
struct oe_tls_frame {
	__u64 conn, buf, num;
	__u64 done; /* _ex functions: where the number of bytes will stand */
	__u64 sp;
	__u8 fn;      /* OE_TLS_* */
	__u8 covered; /* another call tells of what it moves */
	__u8 io;      /* a socket was used inside */
	__u8 pad;
	__u32 gen; /* of the site */
};

struct oe_tls_task {
	struct oe_tls_frame frame[OE_TLS_DEPTH];
	__u32 depth;
	/* since this thread last sent anything, without using a socket (memory BIO): */
	__u32 gen;     /* of the site that touched it */
	__u64 touched; /* the last connection that was used, */
	__u64 writer;  /* the first one that plaintext was written to, */
	__u32 wrote;   /* how much at first, */
	__u32 writers; /* and whether to others, too */
};

/* The i-th, from 0; the mask for the verifier. */
static __always_inline struct oe_tls_frame *oe_tls_frame(struct oe_tls_task *k, __u32 i)
{
	return &k->frame[i & (OE_TLS_DEPTH - 1)];
}

/* goroutines: the address of their g */
struct oe_tls_go {
	__u64 g;
	__u32 tgid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct oe_tls_key);
	__type(value, struct oe_tls_conn);
} tls_conns OE_WEAK SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct oe_tls_task);
} tls_tasks OE_WEAK SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct oe_tls_go);
	__type(value, struct oe_tls_task);
} tls_gos OE_WEAK SEC(".maps");

/*
 * Connections whose object is gone and whose socket is still to be closed, by the socket's id. Not
 * kept with the others: the next object may stand at the same address, and sockets are
 * closed on any CPU at any time.
 */
struct oe_tls_closing {
	__u64 id;
	__u64 next[2];
	__u32 closed;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct oe_tls_closing);
} tls_closing OE_WEAK SEC(".maps");

/* some of the probes are in Go programs */
volatile __u32 oe_tls_go_on OE_WEAK = 0;
__u64 oe_tls_ids OE_WEAK = 0;

static __always_inline struct oe_tls_conn *oe_tls_find(__u64 conn, __u32 tgid)
{
	struct oe_tls_key key = {.conn = conn, .tgid = tgid};

	return bpf_map_lookup_elem(&tls_conns, &key);
}

static const struct oe_tls_conn oe_tls_no_conn = {}; /* too big for the stack */

static __always_inline void oe_tls_begin(struct oe_tls_conn *t)
{
	t->s.id = 1ULL << 63 | __sync_fetch_and_add(&oe_tls_ids, 1);
	t->s.next[0] = t->s.next[1] = OE_OFF_BASE;
}

/* Another connection takes the place. */
static __always_inline void oe_tls_reset(struct oe_tls_conn *t)
{
	if (t->s.announced && !(t->s.closed & OE_CLOSE_ALL))
		oe_close_event(&t->s, OE_CLOSE_ALL, 0);
	__builtin_memset(t, 0, sizeof(*t));
	oe_tls_begin(t);
}

static __always_inline struct oe_tls_conn *oe_tls_get(__u64 conn, __u32 tgid)
{
	struct oe_tls_key key = {.conn = conn, .tgid = tgid};
	struct oe_tls_conn *t = bpf_map_lookup_elem(&tls_conns, &key);

	if (t)
		return t;
	bpf_map_update_elem(&tls_conns, &key, &oe_tls_no_conn, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&tls_conns, &key);
	if (t) {
		oe_tls_begin(t);
	} else {
		struct oe_stats *st = oe_stats();

		OE_COUNT(st, state_failed, 1);
	}
	return t;
}

#endif
