/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_UTF8_H
#define OE_UTF8_H
/*
 * UTF-8 as collectors and terminals need it. What the daemon captured is bytes
 * from the wire; an OTLP string must be valid UTF-8, or the receiver refuses the
 * whole request.
 */
#include "userspace/base/arena.h"

struct utf8_char {
	uint32_t cp;  /* the code point; U+FFFD when not valid */
	uint32_t len; /* bytes used; of a broken sequence as many as could have begun one, at least
			 1 */
	bool valid;
};

/* The first character of p[0..len); len must not be 0. */
struct utf8_char utf8_next(const void *p, size_t len);
/* How many bytes are valid from the start on; len when all are. */
size_t utf8_valid_len(const void *p, size_t len);
/*
 * The same text with every broken sequence replaced by U+FFFD: a view of the input itself
 * when nothing is broken, else a copy in the arena. 0 or -ENOMEM.
 */
int utf8_repair(struct arena *a, struct bytes in, struct bytes *ret_text);
/* The same for a C string; NULL stays NULL. */
int utf8_repair_str(struct arena *a, const char *in, const char **ret_text);

#endif
