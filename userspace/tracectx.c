/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/tracectx.h"

#include "userspace/base/base64.h"

/* Lower case only, as the text demands; 0xff: no hex digit. */
static uint8_t hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (uint8_t)(c - 'a' + 10);
	return 0xff;
}

static bool hex(const uint8_t *in, uint8_t *out, size_t bytes, bool *ret_zero)
{
	uint8_t any = 0;

	for (size_t i = 0; i < bytes; i++) {
		uint8_t hi = hex_digit(in[2 * i]), lo = hex_digit(in[2 * i + 1]);

		if (hi == 0xff || lo == 0xff)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
		any |= out[i];
	}
	if (ret_zero)
		*ret_zero = !any;
	return true;
}

bool tracectx_parse(struct bytes tp, struct tracectx *ret)
{
	struct tracectx c;
	uint8_t version;
	bool zero_trace, zero_span;

	/* 2 - 32 - 16 - 2 */
	if (tp.len < 55 || tp.data[2] != '-' || tp.data[35] != '-' || tp.data[52] != '-')
		return false;
	if (!hex(tp.data, &version, 1, NULL) || version == 0xff)
		return false;
	/* later versions may go on behind another dash */
	if (version == 0 ? tp.len != 55 : tp.len > 55 && tp.data[55] != '-')
		return false;
	if (!hex(tp.data + 3, c.trace_id, 16, &zero_trace) ||
	    !hex(tp.data + 36, c.span_id, 8, &zero_span) || !hex(tp.data + 53, &c.flags, 1, NULL) ||
	    zero_trace || zero_span)
		return false;
	*ret = c;
	return true;
}

#define TRACE_BIN_LEN 29u /* version, 0 + 16 bytes, 1 + 8 bytes, 2 + 1 byte */

bool tracectx_parse_bin(struct bytes in, struct tracectx *ret)
{
	uint8_t raw[TRACE_BIN_LEN + 3], any_trace = 0, any_span = 0;
	uint32_t acc = 0, bits = 0;
	size_t n = 0;

	if (in.len == TRACE_BIN_LEN + 1 && !in.data[0]) { /* true binary metadata */
		memcpy(raw, in.data + 1, TRACE_BIN_LEN);
		in = BYTES_NONE;
	} else {
		while (in.len && in.data[in.len - 1] == '=')
			in.len--;
		if (in.len != (TRACE_BIN_LEN * 8 + 5) / 6)
			return false;
	}
	for (size_t i = 0; i < in.len; i++) {
		int v = base64_digit(in.data[i]);

		if (v < 0)
			return false;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			raw[n++] = (uint8_t)(acc >> bits);
		}
	}
	if (raw[0] != 0 || raw[1] != 0 || raw[18] != 1 || raw[27] != 2)
		return false;
	for (size_t i = 0; i < 16; i++)
		any_trace |= raw[2 + i];
	for (size_t i = 0; i < 8; i++)
		any_span |= raw[19 + i];
	if (!any_trace || !any_span)
		return false;
	memcpy(ret->trace_id, raw + 2, 16);
	memcpy(ret->span_id, raw + 19, 8);
	ret->flags = raw[28];
	return true;
}

static bool key_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '*' || c == '/' || c == '@';
}

/* key "=" value; simple or tenant@system keys, values of printable ASCII without ',' and '='. */
static bool member_valid(struct bytes m)
{
	const uint8_t *eq = memchr(m.data, '=', m.len);
	struct bytes key, value;
	int at = 0;

	if (!eq)
		return false;
	key = bytes_of(m.data, (size_t)(eq - m.data));
	value = bytes_from(m, key.len + 1);
	if (!key.len || key.len > 256 || !value.len || value.len > 256 ||
	    value.data[value.len - 1] == ' ')
		return false;
	if (!((key.data[0] >= 'a' && key.data[0] <= 'z') ||
	      (key.data[0] >= '0' && key.data[0] <= '9')))
		return false;
	for (size_t i = 0; i < key.len; i++) {
		if (!key_char(key.data[i]))
			return false;
		at += key.data[i] == '@';
	}
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < 0x20 || value.data[i] > 0x7e || value.data[i] == ',' ||
		    value.data[i] == '=')
			return false;
	return at <= 1;
}

bool tracestate_valid(struct bytes ts)
{
	int members = 0;

	while (ts.len) {
		const uint8_t *comma = memchr(ts.data, ',', ts.len);
		struct bytes m = bytes_head(ts, comma ? (size_t)(comma - ts.data) : ts.len);

		ts = comma ? bytes_from(ts, m.len + 1) : BYTES_NONE;
		while (m.len && (m.data[0] == ' ' || m.data[0] == '\t'))
			m = bytes_from(m, 1);
		while (m.len && (m.data[m.len - 1] == ' ' || m.data[m.len - 1] == '\t'))
			m.len--;
		if (!m.len)
			continue; /* empty members are allowed */
		if (++members > 32 || !member_valid(m))
			return false;
	}
	return members > 0;
}
