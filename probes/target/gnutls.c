/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS 3. gnutls_record_uncork() sends what corked gnutls_record_send()s have taken before. */
#include "probes/target.h"

extern const struct target_lib target_gnutls;

static const struct target_func funcs[] = {
	{.symbol = "gnutls_record_recv", .fn = OE_TLS_READ, .arg_mask = 0x7, .result = true},
	{.symbol = "gnutls_record_send", .fn = OE_TLS_WRITE, .arg_mask = 0x7, .result = true},
	{.symbol = "gnutls_record_recv_seq",
	 .fn = OE_TLS_READ,
	 .arg_mask = 0x7,
	 .result = true,
	 .optional = true},
	{.symbol = "gnutls_record_send2",
	 .fn = OE_TLS_WRITE,
	 .arg_mask = 0x7,
	 .result = true,
	 .optional = true},
	{.symbol = "gnutls_record_uncork",
	 .fn = OE_TLS_FLUSH,
	 .arg_mask = 0x1,
	 .result = true,
	 .result4 = true,
	 .optional = true},
	{.symbol = "gnutls_handshake", .fn = OE_TLS_HANDSHAKE, .arg_mask = 0x1},
	{.symbol = "gnutls_bye", .fn = OE_TLS_SHUTDOWN, .arg_mask = 0x1},
	{.symbol = "gnutls_deinit", .fn = OE_TLS_FREE, .arg_mask = 0x1},
};

const struct target_lib target_gnutls = {
	.name = "GnuTLS", .funcs = funcs, .func_cnt = sizeof(funcs) / sizeof(funcs[0])};
