/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TLS_PLAN_H
#define OE_TLS_PLAN_H
/* What of one executable file would be probed: its TLS library, the functions, the sites. */
#include "probes/target.h"
#include "userspace/site.h"

#define TLS_PLAN_FUNCS 16

struct tls_plan_func {
	const struct target_func *def;
	struct site_set set;
	int err; /* 0; or why it cannot be probed: set.why */
};

struct tls_plan {
	const struct target_lib *lib;
	char version[32]; /* of Go; "" = not known */
	struct tls_plan_func funcs[TLS_PLAN_FUNCS];
	size_t func_cnt;
	bool usable; /* reading and writing can both be seen */
};

/*
 * The plan of the file behind fd (which stays the caller's). 0 with a plan for the caller to
 * free(); -ENOENT: no TLS library that we know; or another negative errno.
 */
int tls_plan_make(int fd, bool uretprobes, struct tls_plan **ret);
/*
 * For a file without a plan: is there TLS that is out of reach? A sentence about it, or NULL.
 * Reads the whole file: for people who ask, not for every file.
 */
const char *tls_plan_out_of_reach(int fd, const char *path);

#endif
