/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TARGET_LIB_H
#define OE_TARGET_LIB_H
/*
 * Which functions of which library are probed, and what they mean. One file per library in
 * probes/target/, one line in probes/targets.def; nothing else knows a library's name.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "bpf/tls.h"

struct target_func {
	const char *symbol;
	uint8_t fn;	   /* OE_TLS_* */
	uint8_t arg_mask;  /* bit i: argument i must be known at the entry */
	uint8_t arg4_mask; /* bit i: argument i is a C int: its low 32 bits count */
	bool result;	   /* where it ends, and with what result, must be known */
	bool result4;	   /* which is a C int */
	bool optional;	   /* older or newer versions lack it */
};

struct target_lib {
	const char *name; /* for people */
	bool go; /* functions are looked up in Go's own tables, and follow its calling convention */
	const struct target_func *funcs;
	size_t func_cnt;
};

size_t target_lib_count(void);
const struct target_lib *target_lib_at(size_t i);

#endif
