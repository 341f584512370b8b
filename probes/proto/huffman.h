/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HUFFMAN_H
#define OE_HUFFMAN_H
/* The Huffman code of HPACK (RFC 7541 appendix B), decoding only. */
#include "userspace/base/bytes.h"

/* Most bytes that `len` coded bytes can stand for: the shortest code has five bits. */
static inline size_t huffman_max(size_t len)
{
	return len * 8 / 5;
}

/*
 * Decodes into to[0..max). Returns the number of bytes written; *ret_cut: there was no room
 * for the rest. -1: not a valid string (RFC 7541 section 5.2).
 */
long huffman_decode(struct bytes in, uint8_t *to, size_t max, bool *ret_cut);

#endif
