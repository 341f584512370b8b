/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_TLS_H
#define OE_TLS_H
/*
 * What userspace tells the kernel about a probe inside a TLS library: which function it belongs
 * to, and where its arguments and its result stand at that very instruction. The cookie of the
 * probe is the index of its struct oe_site in the map `tls_sites`.
 *
 * Registers are numbered as the kernel's struct pt_regs holds them, in units of 8 bytes. x86-64:
 * r15 0, r14 1, r13 2, r12 3, rbp 4, rbx 5, r11 6, r10 7, r9 8, r8 9, rax 10, rcx 11, rdx 12,
 * rsi 13, rdi 14, rip 16, flags 18, rsp 19. arm64: x0 to x30, sp 31, pc 32, pstate 33.
 *
 * The includer provides the __u8..__u64 types.
 */

/* What a function does with its connection, the first argument, and its buffer. */
#define OE_TLS_NONE	 0
#define OE_TLS_READ	 1 /* (conn, buf, num) -> bytes read, or <= 0 */
#define OE_TLS_WRITE	 2 /* (conn, buf, num) -> bytes written, or <= 0 */
#define OE_TLS_READ_EX	 3 /* (conn, buf, num, size_t *done) -> > 0 for success */
#define OE_TLS_WRITE_EX	 4 /* the same for writing */
#define OE_TLS_WRITE_EX2 5 /* (conn, buf, num, flags, size_t *done) -> > 0 for success */
#define OE_TLS_SENDFILE                                                                            \
	6 /* (conn, ...) -> bytes written from a file, or < 0; up to here data moves */
#define OE_TLS_HANDSHAKE 7  /* (conn): the next handshake record that the thread sends is of it */
#define OE_TLS_SHUTDOWN	 8  /* (conn): nothing more will be written */
#define OE_TLS_FREE	 9  /* (conn): the object is gone */
#define OE_TLS_FLUSH	 10 /* (conn): what is written inside was counted when it was handed over */
/* From here on of Go: the goroutine counts, not the thread. */
#define OE_TLS_GO_READ	    16 /* as READ */
#define OE_TLS_GO_WRITE	    17 /* (conn, buf, num): writes all, or the connection is broken */
#define OE_TLS_GO_HANDSHAKE 18 /* (conn): what is sent and received inside is the connection's */

/* oe_site.flags */
#define OE_SITE_EXIT   0x1 /* the result is known here; unset: the arguments are */
#define OE_SITE_SKIP   0x2 /* not counted when the condition `cc` holds */
#define OE_SITE_RETURN 0x4 /* a return probe: the result is in the ABI's return register */
#define OE_SITE_WHOLE  0x8 /* an exit at which the arguments are known as well */

/* oe_val.kind */
#define OE_VAL_NONE 0
#define OE_VAL_REG  1 /* 64 bits of the register */
#define OE_VAL_REG4 2 /* its low 32 bits, signed */
#define OE_VAL_MEM  3 /* 8 bytes of memory at register + off */
#define OE_VAL_MEM4 4 /* 4 bytes there, signed */

#define OE_SITE_ARGS 5
#define OE_TLS_SITES 4096 /* of all files at a time */

struct oe_val {
	__u8 kind;
	__u8 reg;
	__s16 off;
};

struct oe_site {
	__u8 fn;    /* OE_TLS_* */
	__u8 flags; /* OE_SITE_* */
	__u8 cc;    /* x86: low 4 bits of the opcode of a jcc (0 o, 2 b, 4 e, 6 be, 8 s, ...); arm64: of b.cond */
	__u8 pad;
	struct oe_val arg[OE_SITE_ARGS]; /* those that the function has and we want */
	struct oe_val result;		 /* exit */
	__u32 gen;			 /* the loader's: of the attachment, rising */
};
_Static_assert(sizeof(struct oe_site) == 32, "what the loader writes into tls_sites");

#endif
