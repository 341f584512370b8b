/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Open and close of TCP connections, from their state changes. Connecting and listening happen in
 * the process that does it; the rest may happen in any context. A listener's state is
 * cloned by the kernel into every socket accepted from it, which is how those know their role.
 */
#include "bpf/sock_core.bpf.h"

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_FIN_WAIT1	4
#define TCP_CLOSE	7
#define TCP_CLOSE_WAIT	8
#define TCP_LAST_ACK	9
#define TCP_LISTEN	10
#define ECONNABORTED	103

/* Closed with unread data, or SO_LINGER of 0: this end cut it off. */
static __always_inline __u32 close_error(int oldstate, __u32 err)
{
	return !err && (oldstate == TCP_ESTABLISHED || oldstate == TCP_CLOSE_WAIT) ? ECONNABORTED
										   : err;
}

static __always_inline int state_change(struct sock *sk, int oldstate, int newstate, bool trusted)
{
	__u64 key = (__u64)sk;
	struct oe_sk *s;
	__u32 end, err;
	bool eof;

	if (newstate == TCP_SYN_SENT || newstate == TCP_LISTEN) {
		__u64 ino = 0;

		/* the fallback cannot clone, and learns of roles from connect and accept themselves
		 */
		if (!trusted)
			return 0;
		s = oe_sk_selected(sk, bpf_get_current_pid_tgid() >> 32, trusted, ino);
		if (!s)
			return 0;
		s->id = 0;
		s->role = newstate == TCP_SYN_SENT ? OE_ROLE_CLIENT : OE_ROLE_UNKNOWN;
		s->listener = newstate == TCP_LISTEN;
		return 0;
	}
	if (newstate != TCP_FIN_WAIT1 && newstate != TCP_LAST_ACK && newstate != TCP_CLOSE)
		return 0;
	s = oe_sk_find(sk, trusted);
	if (!s)
		return 0;
	if (newstate == TCP_CLOSE && s->tls_seen && !s->tls) {
		struct oe_stats *st = oe_stats();

		OE_COUNT(st, tls_unseen, 1);
		s->tls_seen = 0;
	}
	err = newstate == TCP_CLOSE ? close_error(oldstate, OE_READ(trusted, sk->sk_err)) : 0;
	if (s->tls)
		oe_tls_sock_end(s, newstate == TCP_CLOSE ? OE_CLOSE_ALL : OE_CLOSE_OUT, err);
	if (s->announced && s->id) {
		if (newstate != TCP_CLOSE) {
			if (s->closed & OE_CLOSE_OUT)
				return 0; /* close() after the other side's FIN passes through two
					     states */
			s->closed |= OE_CLOSE_OUT;
			/* what was sent unseen (splice, a full ring) counts: the stream ends at
			 * write_seq */
			if (oe_tcp_end(sk, trusted, OE_DIR_OUT, &end, &eof))
				s->next[OE_DIR_OUT] = oe_extend(s->next[OE_DIR_OUT], end);
			oe_close_event(s, OE_CLOSE_OUT, 0);
		} else {
			oe_close_event(s, OE_CLOSE_ALL, err);
			s->announced = 0;
		}
	}
	if (newstate == TCP_CLOSE && !trusted)
		bpf_map_delete_elem(&sk_hash, &key);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(oe_conn_state, struct sock *sk, int oldstate, int newstate)
{
	return state_change(sk, oldstate, newstate, true);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(oe_conn_state_hash, struct sock *sk, int oldstate, int newstate)
{
	return state_change(sk, oldstate, newstate, false);
}
