/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/doctor_tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/base/hashmap.h"
#include "userspace/tls_plan.h"
#include "userspace/tls_watch.h"

#define MAPPED_MAX 4096u

struct tls_report {
	FILE *f;
	const char *proc_root;
	pid_t pid;
	bool uretprobes;
	struct hashmap seen;
	unsigned int found;
};

static const char *cost_text(enum site_cost c)
{
	switch (c) {
	case SITE_CHEAP:
		return "emulated by the kernel, about 0.5 us";
	case SITE_STEPPED:
		return "single-stepped, about 1 us, in virtual machines up to 10 us";
	case SITE_RETURN:
		return "return probe, about 1 us; changes the stack";
	}
	return "";
}

static void print_func(const struct tls_plan_func *fn, FILE *f)
{
	if (fn->set.forwards_to)
		fprintf(f, "        %-26s left to the function that it jumps to\n",
			fn->def->symbol);
	else if (fn->err)
		fprintf(f, "        %-26s no probe: %s\n", fn->def->symbol,
			fn->set.why[0] ? fn->set.why : strerror(-fn->err));
	for (size_t i = 0; i < fn->set.cnt; i++) {
		const struct site *s = &fn->set.sites[i];

		fprintf(f, "        %-26s %-5s +0x%" PRIx64 "  %-24s %s\n",
			i ? "" : fn->def->symbol, s->k.flags & OE_SITE_EXIT ? "exit" : "entry",
			s->offset, s->text, cost_text(s->cost));
	}
	if (fn->set.cnt && fn->set.why[0])
		fprintf(f, "        %-26s why not cheaper: %s\n", "", fn->set.why);
}

static int report_mapping(void *ctx, const struct tls_mapping *m)
{
	struct tls_report *r = ctx;
	struct tls_plan *p = NULL;
	const char *says;
	int fd;

	/* a program with several executable segments stands there several times */
	if (hashmap_get(&r->seen, m->file) || hashmap_put(&r->seen, m->file, r))
		return 0;
	fd = tls_open_mapping(r->proc_root, r->pid, m);
	if (fd < 0) {
		fprintf(r->f, "note  %-34s %s: %s\n", "TLS", m->path, strerror(-fd));
		return 0;
	}
	if (!tls_plan_make(fd, r->uretprobes, &p)) {
		r->found++;
		fprintf(r->f, "%s  %-34s %s%s%s in %s\n", p->usable ? "ok  " : "no  ", "TLS",
			p->lib->name, p->version[0] ? " " : "", p->version, m->path);
		for (size_t i = 0; i < p->func_cnt; i++)
			print_func(&p->funcs[i], r->f);
		free(p);
	} else if ((says = tls_plan_out_of_reach(fd, m->path))) {
		r->found++;
		fprintf(r->f, "no    %-34s %s: %s\n", "TLS", m->path, says);
	}
	close(fd);
	return 0;
}

void doctor_tls(const char *proc_root, pid_t pid, bool uretprobes, FILE *f)
{
	struct tls_report r = {
		.f = f, .proc_root = proc_root, .pid = pid, .uretprobes = uretprobes};
	int err;

	hashmap_init(&r.seen, MAPPED_MAX);
	err = tls_each_mapping(proc_root, pid, report_mapping, &r);
	if (err)
		fprintf(f, "note  %-34s its mappings cannot be read: %s\n", "TLS", strerror(-err));
	else if (!r.found)
		fprintf(f, "note  %-34s none loaded now; one that is loaded later will be found\n",
			"TLS");
	hashmap_done(&r.seen);
}
