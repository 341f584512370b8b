/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_ROUTE_H
#define OE_ROUTE_H
/*
 * Low-cardinality routes from paths: configured patterns first ("/users/{id}", "/static/{rest...}"
 * for a tail), else a heuristic that replaces segments that look like identifiers. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#include "userspace/base/bytes.h"

struct route_table;

/* patterns: cnt strings, each beginning with '/'. On a bad one -EINVAL and err[] says which and
 * why. */
int route_table_new(const char *const *patterns, size_t cnt, struct route_table **ret,
		    char err[256]);
void route_table_free(struct route_table *t);

enum route_source { ROUTE_NONE, ROUTE_CONFIGURED, ROUTE_HEURISTIC };

/*
 * Route of a path (no query). Configured: the most specific pattern that matches (literal before
 * placeholder, left to right). out is NUL-terminated. ROUTE_NONE when nothing applies with
 * certainty to be low-cardinality (path empty, too long, too many segments, not valid ASCII).
 */
enum route_source route_of(const struct route_table *t, bool heuristic, struct bytes path,
			   char *out, size_t out_size);

#endif
