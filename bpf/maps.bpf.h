/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_MAPS_BPF_H
#define OE_MAPS_BPF_H
/*
 * Every map and knob, weak, so that all .bpf.c files link into one object. Sizes
 * written as 1 are set by the loader. Maps of a backend that is not used are not created.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "bpf/event.h"
#include "bpf/stats.h"

#define OE_WEAK __attribute__((weak))

/* largest copy of one I/O (the knob oe_cap_max may be lower) */
#define OE_CAP_LIMIT   16384
#define OE_CGROUPS_MAX 8
#define OE_PORTS_MAX   8

/* knobs, set before load */
const volatile __u32 oe_self_tgid OE_WEAK = 0;
const volatile __u32 oe_cpus OE_WEAK = 1; /* possible ones */
const volatile __u32 oe_cap_max OE_WEAK =
	OE_CAP_LIMIT;				      /* copied of one I/O while the run is young */
const volatile __u32 oe_cap_tail OE_WEAK = 256;	      /* copied of one I/O after that */
const volatile __u32 oe_run_max OE_WEAK = 65536;      /* bytes copied of one run before it is old */
const volatile __u32 oe_wakeup_bytes OE_WEAK = 65536; /* fill level that wakes the consumer */
const volatile __u8 oe_select_all OE_WEAK = 0;
const volatile __u8 oe_db_server OE_WEAK = 0;	 /* the server's side of databases is wanted */
const volatile __u8 oe_kafka_broker OE_WEAK = 0; /* the same of Kafka brokers */
const volatile __u8 oe_exec_events OE_WEAK = 0; /* report every exec (there is an --exe selector) */
const volatile __u8 oe_use_sk_hash OE_WEAK =
	0; /* per-socket state in sk_hash instead of socket storage */
const volatile __u32 oe_cgroup_cnt OE_WEAK = 0;
const volatile __u64 oe_cgroup_id[OE_CGROUPS_MAX] OE_WEAK = {};
const volatile __u32 oe_cgroup_level[OE_CGROUPS_MAX] OE_WEAK = {};
const volatile __u32 oe_port_cnt OE_WEAK = 0;
const volatile __u16 oe_port_lo[OE_PORTS_MAX] OE_WEAK = {};
const volatile __u16 oe_port_hi[OE_PORTS_MAX] OE_WEAK = {};

/* set when all hooks are on: a request seen has its response seen, whichever hook came first */
volatile __u32 oe_on OE_WEAK = 0;

/* raised by userspace whenever a process leaves the selection: cached verdicts are void */
volatile __u32 oe_generation OE_WEAK = 1;

/*
 * Attachments to TLS libraries so far; 0: none, socket hooks need not look. A connection whose
 * socket began when a library's probes were on is known from its first byte of plaintext.
 */
volatile __u32 oe_tls_gen OE_WEAK = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events OE_WEAK SEC(".maps");

/*
 * The selected processes, present and (by fork) future: one bit per process id, which Linux
 * keeps below 2^22. Global data instead of a map: an unselected process costs a load and a test.
 */
#define OE_PID_WORDS (1 << 16)
__u64 oe_pid_bits[OE_PID_WORDS] OE_WEAK = {};

static __always_inline bool oe_pid_get(__u32 tgid)
{
	return oe_pid_bits[tgid >> 6 & (OE_PID_WORDS - 1)] >> (tgid & 63) & 1;
}

static __always_inline void oe_pid_set(__u32 tgid)
{
	__sync_fetch_and_or(&oe_pid_bits[tgid >> 6 & (OE_PID_WORDS - 1)], 1ULL << (tgid & 63));
}

static __always_inline void oe_pid_clear(__u32 tgid)
{
	__sync_fetch_and_and(&oe_pid_bits[tgid >> 6 & (OE_PID_WORDS - 1)], ~(1ULL << (tgid & 63)));
}

/* Where the frame walk of one direction stands; see walk.bpf.h. */
struct oe_walk {
	__u32 keep, skip;	    /* what comes next: to be copied, then only counted */
	__u32 data_left;	    /* behind that: payload of the current DATA frame */
	__u32 stream;		    /* of the current DATA frame */
	__u32 msg_stream, msg_left; /* the last gRPC message that its frame did not hold whole */
	__u8 head[56]; /* a header that came in pieces: 9 bytes, Kafka's 27; for the verifier more
			*/
	__u8 have;     /* bytes of it */
	__u8 prefix; /* the next header is a gRPC message's, else a frame's; Kafka: see kafka.bpf.h
		      */
	__u8 on;
	/* databases, see rows.bpf.h */
	__u8 state;
	__u32 whole; /* what is left of a message that is stepped over as a whole */
};

/* oe_sk.proto: what the kernel follows */
#define OE_FOLLOW_NOTHING 0
#define OE_FOLLOW_H2	  1 /* walk.bpf.h */
#define OE_FOLLOW_PGSQL	  2 /* rows.bpf.h */
#define OE_FOLLOW_MYSQL	  3
#define OE_FOLLOW_KAFKA	  4 /* kafka.bpf.h */

/* Per socket. All zero = known, nothing decided (also what a listener hands to its children). */
struct oe_sk {
	__u64 id;      /* 0: not initialised */
	__u64 next[2]; /* stream offset after the last byte seen, [0] in, [1] out */
	__u32 tgid;    /* for whom `verdict` was decided, */
	__u32 gen;     /* and in which generation of the selection */
	__u32 run_copied;
	__u8 run_dir; /* 0 none yet, 1 in, 2 out */
	__u8 verdict;
	__u8 role;	/* OE_ROLE_* */
	__u8 announced; /* its OE_EV_CONN is out */
	__u8 sniffed;	/* OE_SNIFF_*: of the connection (YES stays), or of this run */
	__u8 closed;	/* OE_CLOSE_IN, OE_CLOSE_OUT already told */
	__u8 listener;
	__u8 fresh;	 /* seen from the connection's first byte */
	__u8 mmsg;	 /* sendmmsg or recvmmsg was used on it: errors matter too */
	__u8 follow;	 /* OE_FOLLOW_* */
	__u8 misses;	 /* I/Os in a row that should start with a frame or message and do not */
	__u8 client_dir; /* databases: direction of the client's bytes */
	__u8 tls_seen;	 /* it speaks TLS, as its bytes say */
	__u8 pad[3];
	struct oe_walk walk[2];
	__u32 tls_tgid; /* the TLS connection that this socket carries, see tls_conn.bpf.h: */
	__u64 tls;	/* its object in that process; 0: none */
	__u64 tls_gen;	/* probes attached when its first byte was seen, see oe_tls_gen */
	__u64 ino;	/* sk_hash only: inode number, tells a reused struct sock */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct oe_sk);
} sk_store OE_WEAK SEC(".maps");

/* the fallback where socket storage cannot be had from the hook: keyed by the address of the struct
 * sock */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct oe_sk);
} sk_hash OE_WEAK SEC(".maps");

/* where sendmmsg/recvmmsg stand: the hook fires once per message of one call */
struct oe_mmsg {
	__u64 vec, sp_ip, sk; /* which call: its arguments, where from, socket and direction */
	__u32 next; /* index of the message that comes next in the same call; 0 = a new call */
	__u32 dir;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct oe_mmsg);
} mmsg_store OE_WEAK SEC(".maps");

/*
 * Records are put together here and copied into the ring at their exact length. Per CPU one for
 * each direction (a task in the send hook may be preempted by one in the receive hook), behind all
 * of those two for the probes in TLS libraries, which may preempt each other. A
 * plain array, since per-CPU values are limited to 32 KiB. Twice the limit, so that the verifier
 * sees that any offset plus any length stays inside.
 */
#define OE_SCRATCHES_TLS (OE_SCRATCHES_MAX - 2)

struct oe_scratch {
	struct oe_data rec;
	__u8 payload[2 * OE_CAP_LIMIT];
	__u64 emitted;
	__u64 busy; /* TLS only */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* OE_SCRATCHES_MAX x possible CPUs */
	__type(key, __u32);
	__type(value, struct oe_scratch);
} scratch OE_WEAK SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct oe_stats);
} stats OE_WEAK SEC(".maps");

#endif
