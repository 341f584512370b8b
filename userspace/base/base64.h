/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_BASE64_H
#define OE_BASE64_H
/* RFC 4648 section 4. */
#include <stdint.h>

/* The six bits that a character stands for; -1: none, which padding is as well. */
static inline int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

#endif
