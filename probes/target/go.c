/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's crypto/tls, since its functions take their arguments in registers (Go 1.17). A slice is
 * three arguments: pointer, length, capacity. Read and Write also come through handshakeContext, on
 * every call; the two functions that really shake hands run once.
 */
#include "probes/target.h"

extern const struct target_lib target_go;

static const struct target_func funcs[] = {
	{.symbol = "crypto/tls.(*Conn).Read",
	 .fn = OE_TLS_GO_READ,
	 .arg_mask = 0x7,
	 .result = true},
	{.symbol = "crypto/tls.(*Conn).Write", .fn = OE_TLS_GO_WRITE, .arg_mask = 0x7},
	{.symbol = "crypto/tls.(*Conn).clientHandshake",
	 .fn = OE_TLS_GO_HANDSHAKE,
	 .arg_mask = 0x1,
	 .result = true,
	 .optional = true},
	{.symbol = "crypto/tls.(*Conn).serverHandshake",
	 .fn = OE_TLS_GO_HANDSHAKE,
	 .arg_mask = 0x1,
	 .result = true,
	 .optional = true},
};

const struct target_lib target_go = {.name = "Go crypto/tls",
				     .go = true,
				     .funcs = funcs,
				     .func_cnt = sizeof(funcs) / sizeof(funcs[0])};
