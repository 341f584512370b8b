/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The probes in TLS libraries. Userspace has chosen the instructions (userspace/site.h); the
 * cookie of each probe says which function it belongs to and where arguments and result stand.
 * At an entry site the call is noted (the frame), at an exit site the plaintext is where the
 * arguments said, as long as the result says. An exit without its entry is another caller's, or a
 * call that began before we came: nothing is known of it.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define OE_INSIDE_TLS 1
#include "bpf/select.bpf.h"
#include "bpf/site.bpf.h"
#include "bpf/tls.h"
#include "bpf/tls_conn.bpf.h"

#define OE_TLS_NEAR   (64 << 10) /* no function of a library has a stack frame this big */
#define OE_TLS_IO_MAX (1U << 30)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OE_TLS_SITES);
	__type(key, __u32);
	__type(value, struct oe_site);
} tls_sites OE_WEAK SEC(".maps");

static const struct oe_tls_task tls_no_task = {};

struct tls_io {
	__u64 conn, ptr;
	__u32 len, dir;
	__u32 kind; /* OE_SRC_* */
	__u32 pad;
};

/* A scratch of this CPU that no other probe is using; the program cannot change CPUs. */
static __always_inline struct oe_scratch *scratch_take(__u32 *ret_key)
{
	__u32 base = 2 * oe_cpus + OE_SCRATCHES_TLS * bpf_get_smp_processor_id();

	for (__u32 i = 0; i < OE_SCRATCHES_TLS; i++) {
		__u32 key = base + i;
		struct oe_scratch *b = bpf_map_lookup_elem(&scratch, &key);

		if (b && !__sync_val_compare_and_swap(&b->busy, 0, 1)) {
			*ret_key = key;
			return b;
		}
	}
	return NULL;
}

/* Its socket is not known yet, or not at all. */
static __always_inline long announce_bare(struct oe_tls_conn *t, const struct oe_io *io, __u64 ts)
{
	struct oe_conn c = {
		.hdr = {.type = OE_EV_CONN, .len = sizeof(c), .ts_ns = ts},
		.id = t->s.id,
		.off = {t->s.next[0], t->s.next[1]},
		.tgid = io->tgid,
		.tid = io->tid,
		.role = t->s.role,
		.flags = OE_CONN_TLS | (t->s.fresh ? OE_CONN_FRESH : 0),
	};

	return oe_emit_aux(&c, sizeof(c));
}

/* Plaintext has moved. Global: verified once. */
__weak __noinline int oe_tls_data(struct tls_io *a)
{
	struct oe_stats *st = oe_stats();
	__u64 id = bpf_get_current_pid_tgid(), ts;
	struct oe_io io = {.tgid = id >> 32, .tid = (__u32)id};
	struct oe_src src = {};
	struct oe_tls_conn *t;
	struct oe_scratch *b;

	if (!a)
		return 0;
	io.dir = a->dir & 1;
	io.len = a->len;
	src.kind = a->kind;
	src.ptr = a->ptr;
	t = oe_tls_get(a->conn, io.tgid);
	if (!t)
		return 0;
	io.off = t->s.next[io.dir & 1];
	t->s.next[io.dir & 1] = io.off + io.len;
	if (!oe_stream_run(&t->s, &io, st))
		return 0;
	b = scratch_take(&io.key);
	if (!b) {
		OE_COUNT(st, io_dropped, 1);
		OE_COUNT(st, bytes_dropped, io.len);
		return 0;
	}
	if (oe_stream_look(&t->s, &io, b, &src, st)) {
		ts = bpf_ktime_get_boot_ns();
		if (!t->s.announced) {
			t->s.next[io.dir & 1] = io.off;
			t->s.announced = !announce_bare(t, &io, ts);
			t->s.next[io.dir & 1] = io.off + io.len;
		}
		oe_stream_send(&t->s, &io, b, &src, st, ts);
	}
	b->busy = 0;
	return 0;
}

static __always_inline struct oe_tls_task *
task_of(const struct regs *regs, const struct oe_site *site, __u32 tgid, bool make)
{
	struct oe_tls_go key = {.g = regs->r[REG_GO_G], .tgid = tgid};
	struct oe_tls_task *k;

	if (site->fn < OE_TLS_GO_READ)
		return bpf_task_storage_get(&tls_tasks, bpf_get_current_task_btf(), NULL,
					    make ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	k = bpf_map_lookup_elem(&tls_gos, &key);
	if (k || !make)
		return k;
	bpf_map_update_elem(&tls_gos, &key, &tls_no_task, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_gos, &key);
}

static __always_inline __u32 dir_of(__u32 fn)
{
	return fn == OE_TLS_READ || fn == OE_TLS_READ_EX || fn == OE_TLS_GO_READ ? OE_DIR_IN
										 : OE_DIR_OUT;
}

/* Does it move plaintext? */
static __always_inline bool moves(__u32 fn)
{
	return fn <= OE_TLS_SENDFILE || fn == OE_TLS_GO_READ;
}

/* oe_tls_frame.covered */
#define COVERED	      1 /* by a call inside it */
#define COVERED_FLUSH 2 /* by what was counted before */

/* The library left its output to the program; see tls_sock.bpf.h. */
static __always_inline void touch(struct oe_tls_task *k, __u64 conn, __u32 wrote, __u32 gen)
{
	k->touched = conn;
	k->gen = gen;
	if (!wrote)
		return;
	if (!k->writer) {
		k->writer = conn;
		k->wrote = wrote;
	} else if (k->writer != conn) {
		k->writers = 1;
	}
}

/* A call begins. */
static __always_inline void enter(struct oe_tls_task *k, const struct regs *regs,
				  const struct oe_site *site, __u64 conn)
{
	__u64 sp = regs->r[REG_SP];
	__u32 depth = k->depth;
	struct oe_tls_frame *f;
	bool flushing = false;

	/* calls of this stack that were left without their end; Go's stacks move */
	for (int i = 0; i < OE_TLS_DEPTH; i++) {
		if (!depth)
			break;
		f = oe_tls_frame(k, depth - 1);
		if (site->fn < OE_TLS_GO_READ && (sp < f->sp || sp - f->sp > OE_TLS_NEAR))
			break;
		if (site->fn >= OE_TLS_GO_READ && f->conn != conn)
			break;
		depth--;
	}
	if (depth >= OE_TLS_DEPTH) {
		struct oe_stats *st = oe_stats();

		OE_COUNT(st, tls_lost, depth);
		depth = 0;
	}
	if (depth) {
		f = oe_tls_frame(k, depth - 1);
		flushing = f->conn == conn && f->fn == OE_TLS_FLUSH;
		if (f->conn == conn && moves(f->fn) && moves(site->fn) &&
		    dir_of(f->fn) == dir_of(site->fn)) {
			flushing = f->covered == COVERED_FLUSH;
			f->covered = COVERED;
		}
	}
	f = oe_tls_frame(k, depth);
	f->conn = conn;
	f->buf = value_of(regs, &site->arg[1]);
	f->num = value_of(regs, &site->arg[2]);
	f->done = site->fn == OE_TLS_WRITE_EX2 ? value_of(regs, &site->arg[4])
					       : value_of(regs, &site->arg[3]);
	f->sp = sp;
	f->fn = site->fn;
	f->covered = flushing ? COVERED_FLUSH : 0;
	f->io = 0;
	f->gen = site->gen;
	k->depth = depth + 1;
}

/*
 * Go: the end of a read that began before we came; the exit itself knows the arguments. Only the
 * first of a connection: a second probe at the same place must not count it twice.
 */
static __always_inline void leave_unmet(const struct regs *regs, const struct oe_site *site,
					__u32 tgid, __s64 result)
{
	struct tls_io io = {.conn = value_of(regs, &site->arg[0]),
			    .ptr = value_of(regs, &site->arg[1]),
			    .dir = OE_DIR_IN,
			    .kind = OE_SRC_BUF};
	struct oe_tls_conn *t = oe_tls_find(io.conn, tgid);

	if (site->fn != OE_TLS_GO_READ || !(site->flags & OE_SITE_WHOLE) || result <= 0 ||
	    result >= OE_TLS_IO_MAX || (__u64)result > value_of(regs, &site->arg[2]) ||
	    (t && t->s.next[OE_DIR_IN] != OE_OFF_BASE))
		return;
	io.len = result;
	oe_tls_data(&io);
}

/* A call ends, with `result`. False: it is not known how it began. */
static __always_inline bool leave(struct oe_tls_task *k, const struct regs *regs,
				  const struct oe_site *site, __s64 result)
{
	__u64 sp = regs->r[REG_SP], done = 0;
	struct oe_tls_frame *f = NULL;
	struct tls_io io = {};
	__u32 at;

	for (int i = OE_TLS_DEPTH - 1; i >= 0; i--) {
		__u64 away;

		if (k->depth <= (__u32)i || k->frame[i].fn != site->fn)
			continue;
		away = sp > k->frame[i].sp ? sp - k->frame[i].sp : k->frame[i].sp - sp;
		if (away > OE_TLS_NEAR && site->fn < OE_TLS_GO_READ)
			continue;
		f = &k->frame[i];
		at = i;
		break;
	}
	if (!f)
		return false;
	k->depth = at;
	if (f->fn == OE_TLS_READ_EX || f->fn == OE_TLS_WRITE_EX || f->fn == OE_TLS_WRITE_EX2) {
		if (result > 0 && !bpf_probe_read_user(&done, sizeof(done), (void *)f->done))
			result = done;
		else
			result = 0;
	}
	if (!moves(f->fn))
		result = 0;
	/* more than there is room for: this is not the end of that call */
	if (result > 0 && f->fn != OE_TLS_SENDFILE && (__u64)result > f->num) {
		struct oe_stats *st = oe_stats();

		OE_COUNT(st, tls_lost, 1);
		return true;
	}
	io.conn = f->conn;
	io.ptr = f->buf;
	io.dir = dir_of(f->fn);
	io.kind = f->fn == OE_TLS_SENDFILE ? OE_SRC_NONE : OE_SRC_BUF;
	io.len = result > 0 && result < OE_TLS_IO_MAX ? result : 0;
	if (!f->io && site->fn < OE_TLS_GO_READ)
		touch(k, io.conn, io.dir == OE_DIR_OUT ? io.len : 0, f->gen);
	if (io.len && !f->covered)
		oe_tls_data(&io);
	return true;
}

/* Nothing more will be written, or the object is gone. A known socket tells how it ended. */
static __always_inline void end(__u64 conn, __u32 tgid, bool gone)
{
	struct oe_tls_key key = {.conn = conn, .tgid = tgid};
	struct oe_tls_conn *t = bpf_map_lookup_elem(&tls_conns, &key);

	if (!t)
		return;
	if (!gone) {
		if (t->s.announced && !t->s.closed && t->s.next[OE_DIR_OUT] != OE_OFF_BASE) {
			t->s.closed |= OE_CLOSE_OUT;
			oe_close_event(&t->s, OE_CLOSE_OUT, 0);
		}
		return;
	}
	if (t->s.announced && !(t->s.closed & OE_CLOSE_ALL)) {
		struct oe_tls_closing e = {
			.id = t->s.id, .next = {t->s.next[0], t->s.next[1]}, .closed = t->s.closed};
		__u64 sk_id = t->sk_id;

		if (sk_id)
			bpf_map_update_elem(&tls_closing, &sk_id, &e, BPF_ANY);
		else
			oe_close_event(&t->s, OE_CLOSE_ALL, 0);
	}
	bpf_map_delete_elem(&tls_conns, &key);
}

static __always_inline int probe(struct pt_regs *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, idx;
	const struct oe_site *site;
	struct oe_tls_task *k;
	struct regs regs;
	__u64 conn;

	if (oe_surely_unselected(tgid) || !oe_selected(tgid, 0, 0) || !oe_on)
		return 0;
	idx = bpf_get_attach_cookie(ctx);
	site = bpf_map_lookup_elem(&tls_sites, &idx);
	/* until all probes of the file are there: a call seen has its end seen */
	if (!site || !site->fn || site->gen > oe_tls_gen)
		return 0;
	bpf_probe_read_kernel(&regs, sizeof(regs), ctx);
	if ((site->flags & OE_SITE_SKIP) && taken(regs.r[REG_FLAGS], site->cc))
		return 0;
	if (site->flags & OE_SITE_EXIT) {
		__s64 result = (__s64)value_of(&regs, &site->result);

		k = task_of(&regs, site, tgid, false);
		if (!k || !leave(k, &regs, site, result))
			leave_unmet(&regs, site, tgid, result);
		return 0;
	}
	conn = value_of(&regs, &site->arg[0]);
	if (site->fn == OE_TLS_FREE || site->fn == OE_TLS_SHUTDOWN) {
		end(conn, tgid, site->fn == OE_TLS_FREE);
		return 0;
	}
	if (site->fn == OE_TLS_GO_WRITE) {
		struct oe_tls_conn *t = oe_tls_get(conn, tgid);
		struct tls_io io = {.conn = conn,
				    .ptr = value_of(&regs, &site->arg[1]),
				    .len = value_of(&regs, &site->arg[2]),
				    .dir = OE_DIR_OUT,
				    .kind = OE_SRC_BUF};

		/* without an end to the call, a second probe at the same place would count twice */
		if (t && !t->writer)
			t->writer = idx + 1;
		if (t && t->writer == idx + 1 && io.len && io.len < OE_TLS_IO_MAX)
			oe_tls_data(&io);
		return 0;
	}
	k = task_of(&regs, site, tgid, true);
	if (!k)
		return 0;
	if (site->fn == OE_TLS_HANDSHAKE)
		touch(k, conn, 0, site->gen);
	else
		enter(k, &regs, site, conn);
	return 0;
}

SEC("uprobe")
int oe_tls_probe(struct pt_regs *ctx)
{
	return probe(ctx);
}
