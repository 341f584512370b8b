/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OE_SNIFF_H
#define OE_SNIFF_H
/*
 * Pure byte tests: could these first bytes of a run belong to a protocol that
 * userspace parses? They only keep obvious strangers (TLS, SSH, databases) out of the
 * ring buffer; the decision is userspace's. Compiles for BPF and for the host.
 */
#define OE_SNIFF_NO    0
#define OE_SNIFF_MAYBE 1 /* too short to say */
#define OE_SNIFF_YES   2

/* Bytes a caller must provide (zero-padded behind `len`). */
#define OE_SNIFF_BYTES 24

/* Upper-case letters, '-' and '_': what methods are made of in practice. */
static __attribute__((always_inline)) inline int oe_sniff_method_char(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/*
 * HTTP/1: "HTTP/1" or METHOD SP ( '/' | '*' | 'h' | 'H' | anything after CONNECT ).
 * Methods longer than 20 bytes are not looked for.
 */
static __attribute__((always_inline)) inline int oe_sniff_http1(const unsigned char *p,
								unsigned int len)
{
	const char version[] = "HTTP/1";
	unsigned int i;
	unsigned char c;

	if (p[0] == 'H' && p[1] == 'T' && p[3] == 'P') {
		for (i = 0; i < sizeof(version) - 1; i++) {
			if (i >= len)
				return OE_SNIFF_MAYBE;
			if (p[i] != (unsigned char)version[i])
				return OE_SNIFF_NO;
		}
		return OE_SNIFF_YES;
	}
	/* empty lines may stand before a request line (RFC 9112 section 2.2) */
	if (p[0] == '\r' || p[0] == '\n')
		return OE_SNIFF_MAYBE;
	for (i = 0; i < 21; i++) {
		if (i >= len)
			return OE_SNIFF_MAYBE;
		if (!oe_sniff_method_char(p[i]))
			break;
	}
	if (i == 0 || i > 20 || p[i] != ' ')
		return OE_SNIFF_NO;
	if (i + 1 >= len)
		return OE_SNIFF_MAYBE;
	c = p[i + 1];
	if (c == '/' || c == '*' || c == 'h' || c == 'H')
		return OE_SNIFF_YES;
	return i == 7 && p[0] == 'C' && p[1] == 'O' && p[6] == 'T' ? OE_SNIFF_YES : OE_SNIFF_NO;
}

#endif
