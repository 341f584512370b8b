/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SELECT_H
#define OE_SELECT_H
/*
 * Which processes are watched. Keeps the kernel's table true: at the start from
 * /proc, then from fork, exec and exit records. The daemon itself is never in it.
 */
#include <stdbool.h>

#include "userspace/loader.h"
#include "userspace/proc.h"

enum selector_kind { SELECT_PID, SELECT_EXE, SELECT_PORT, SELECT_CGROUP, SELECT_ALL };

/* One word of the user; several are combined with OR. */
struct selector {
	enum selector_kind kind;
	pid_t pid;	 /* SELECT_PID */
	uint16_t lo, hi; /* SELECT_PORT */
	char *text;	 /* SELECT_EXE: glob; SELECT_CGROUP: path */
};

struct selection;

int selection_new(const struct selector *sel, size_t cnt, const struct proc_config *proc,
		  struct selection **ret);
void selection_free(struct selection *s);
/* Fills what the kernel side needs to know. -E2BIG with err[] when there are too many of a kind. */
int selection_loader_config(const struct selection *s, struct loader_config *ret, char err[256]);
/*
 * Enters the processes that match now. After loader_attach_proc(), so that none slips
 * through. -ESRCH with err[] for a --pid that does not exist. *ret_cnt: processes matched now.
 */
int selection_scan(struct selection *s, struct loader *l, size_t *ret_cnt, char err[256]);
/* A process was born, changed its program or died. */
void selection_process(struct selection *s, const struct oe_proc *r);

#endif
