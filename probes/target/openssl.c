/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL 1.1.1 and 3, BoringSSL and others of the family. SSL_peek is left out: it takes nothing.
 * SSL_connect and SSL_accept come down to SSL_do_handshake.
 */
#include "probes/target.h"

extern const struct target_lib target_openssl;

static const struct target_func funcs[] = {
	{.symbol = "SSL_read",
	 .fn = OE_TLS_READ,
	 .arg_mask = 0x7,
	 .arg4_mask = 0x4,
	 .result = true,
	 .result4 = true},
	{.symbol = "SSL_write",
	 .fn = OE_TLS_WRITE,
	 .arg_mask = 0x7,
	 .arg4_mask = 0x4,
	 .result = true,
	 .result4 = true},
	{.symbol = "SSL_read_ex",
	 .fn = OE_TLS_READ_EX,
	 .arg_mask = 0xf,
	 .result = true,
	 .result4 = true,
	 .optional = true},
	{.symbol = "SSL_write_ex",
	 .fn = OE_TLS_WRITE_EX,
	 .arg_mask = 0xf,
	 .result = true,
	 .result4 = true,
	 .optional = true},
	{.symbol = "SSL_write_ex2",
	 .fn = OE_TLS_WRITE_EX2,
	 .arg_mask = 0x17,
	 .result = true,
	 .result4 = true,
	 .optional = true},
	{.symbol = "SSL_read_early_data",
	 .fn = OE_TLS_READ_EX,
	 .arg_mask = 0xf,
	 .result = true,
	 .result4 = true,
	 .optional = true},
	{.symbol = "SSL_write_early_data",
	 .fn = OE_TLS_WRITE_EX,
	 .arg_mask = 0xf,
	 .result = true,
	 .result4 = true,
	 .optional = true},
	{.symbol = "SSL_sendfile",
	 .fn = OE_TLS_SENDFILE,
	 .arg_mask = 0x1,
	 .result = true,
	 .optional = true},
	{.symbol = "SSL_do_handshake", .fn = OE_TLS_HANDSHAKE, .arg_mask = 0x1},
	{.symbol = "SSL_shutdown", .fn = OE_TLS_SHUTDOWN, .arg_mask = 0x1},
	{.symbol = "SSL_free", .fn = OE_TLS_FREE, .arg_mask = 0x1},
};

const struct target_lib target_openssl = {
	.name = "OpenSSL", .funcs = funcs, .func_cnt = sizeof(funcs) / sizeof(funcs[0])};
