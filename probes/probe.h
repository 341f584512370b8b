/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PROBE_H
#define OE_PROBE_H
/*
 * A parser is a function (state, direction, bytes) -> status + message. No
 * I/O, clock, logging or globals; memory beyond the state (HTTP/2: header tables, streams) has a
 * written maximum per connection and goes with state_done(). The caller owns the state
 * (state_size zeroed bytes per connection) and the buffering: it calls parse()
 * with the contiguous captured bytes that stand at the current position of one
 * direction, drops *ret_used of them, and calls again until NEED_MORE. A message
 * is set as a whole with PARSE_OK and left alone otherwise. Unless INVALID comes
 * between, or the caller stops calling, every MSG_F_BEGIN of a direction is followed by exactly
 * one MSG_F_END of it.
 */
#include "probes/message.h"
#include "userspace/base/bytes.h"

/* Direction as the watched process sees it. */
enum oe_dir { OE_DIR_IN = 0, OE_DIR_OUT = 1 };

enum parse_status {
	PARSE_OK = 0, /* *ret_msg is a message (or a part, see MSG_F_*); *ret_used consumed, may be
			 0 */
	PARSE_SKIP,   /* *ret_used > 0 bytes consumed, nothing to say */
	PARSE_NEED_MORE, /* nothing consumed: give more contiguous bytes */
	PARSE_INVALID,	 /* not this protocol at this point: the direction has lost its footing. The
			    state says nothing more; the caller starts anew with a fresh one */
};

enum detect_result { DETECT_NO = 0, DETECT_MAYBE /* more bytes needed */, DETECT_YES };

struct proto_ops {
	const char *name;
	bool multiplexed;  /* responses name their request: pairing is certain however late the
			      connection was met; orphans say nothing about other pairs */
	size_t state_size; /* per connection, zeroed at start, owned by the caller */
	/* Largest incomplete input the parser may ask to be kept (NEED_MORE beyond it means
	 * truncation). */
	size_t need_max;
	/* Do these first bytes of a run in one direction belong to the protocol? */
	enum detect_result (*detect)(struct bytes in, enum oe_dir dir);
	enum parse_status (*parse)(void *st, enum oe_dir dir, struct bytes in,
				   struct message *ret_msg, size_t *ret_used);
	/*
	 * `len` bytes at the current position are known to exist but were not captured. Consumes
	 * up to *ret_used of them: PARSE_OK with a message that ended inside, PARSE_SKIP when
	 * they lay inside a part of known length, PARSE_INVALID when they hide a boundary.
	 * Called right after parse() said NEED_MORE for what was captured before them;
	 * `in` is that incomplete rest (empty if there was none): when it is the start of a
	 * head, the answer is PARSE_OK with that head, BEGIN|TRUNCATED, fields seen so far;
	 * *ret_used then counts bytes of the rest AND of the gap together.
	 */
	enum parse_status (*gap)(void *st, enum oe_dir dir, struct bytes in, uint64_t len,
				 struct message *ret_msg, uint64_t *ret_used);
	/* The direction's stream ended in order (FIN) or not (`aborted`). PARSE_OK: a message
	 * ended. */
	enum parse_status (*eof)(void *st, enum oe_dir dir, bool aborted, struct message *ret_msg);
	/*
	 * The other direction began to speak. A message of `dir` whose end cannot be seen any more
	 * (a gap hid it, or its head was cut) is over: PARSE_OK with END|SIZE_UNKNOWN, and the next
	 * run of `dir` starts a message. PARSE_SKIP: nothing to say. PARSE_INVALID: what is open
	 * cannot be told apart. NULL: never anything to say.
	 */
	enum parse_status (*run_end)(void *st, enum oe_dir dir, struct message *ret_msg);
	void (*state_done)(void *st); /* NULL: nothing to free */
	/*
	 * The next `len` bytes were not captured: the kernel stepped over whole messages that only
	 * need counting (rows of a result; OE_F_WHOLE). `msgs` of them began in these bytes; the
	 * last one may end in the next such piece. Called with nothing left over from parse().
	 * PARSE_SKIP, or PARSE_INVALID where that cannot be. NULL: a gap like any other.
	 */
	enum parse_status (*whole)(void *st, enum oe_dir dir, uint64_t len, uint64_t msgs);
	/*
	 * On a client's connection: do these bytes, next in `dir`, answer a request that was not
	 * seen yet? Then another thread's send has not been reported yet. NULL: the caller knows,
	 * since responses come in order.
	 */
	bool (*early)(const void *st, enum oe_dir dir, struct bytes in);
	/* Protocols whose server speaks first: does it begin like this? NULL: the client does. */
	bool (*greets)(struct bytes in);
	/*
	 * The state is fresh, of the inside of TLS; `plain` is that of what went before it in the
	 * clear, on the same socket: what it told. NULL: connections do not begin in the clear, or
	 * say nothing there.
	 */
	void (*inherit)(void *st, const void *plain);
	/* HTTP Upgrade token (lower case) by which a connection comes to speak this protocol; NULL:
	 * none. upgraded(): the state is fresh, the request that asked went in `request_dir`. */
	const char *upgrade_token;
	void (*upgraded)(void *st, enum oe_dir request_dir);
};

/* All known protocols, from protocols.def; NULL-terminated. */
extern const struct proto_ops *const proto_table[];

/*
 * Finds the protocol of a connection from the first bytes of a run in one direction.
 * DETECT_YES: *ret_ops is set. DETECT_MAYBE: at least one protocol needs more bytes.
 */
enum detect_result proto_detect(struct bytes in, enum oe_dir dir, const struct proto_ops **ret_ops);
/* Is this what the server of a protocol says before it was asked? */
bool proto_greets(struct bytes in);
/* The protocol that an Upgrade field names, NULL: none we know. */
const struct proto_ops *proto_upgrade(struct bytes token);

#endif
