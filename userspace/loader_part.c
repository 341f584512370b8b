/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The big programs take the verifier a third of a second each. It works on several at a time, but
 * libbpf loads the programs of an object one after the other. So each big one is loaded
 * in a thread of its own, from another opening of the same object file, with every map taken from
 * the first.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "userspace/loader_priv.h"

static int open_object(struct loader_part *p)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "otel_ebpf_bpf");
	struct bpf_program *prog;
	struct bpf_object *o;
	struct bpf_map *m;
	const void *elf;
	size_t size;
	int err = 0;

	elf = otel_ebpf_bpf__elf_bytes(&size);
	o = bpf_object__open_mem(elf, size, &opts);
	if (!o)
		return -errno;
	bpf_object__for_each_map(m, o)
	{
		struct bpf_map *from =
			bpf_object__find_map_by_name(p->loader->skel->obj, bpf_map__name(m));
		int fd = from ? bpf_map__fd(from) : -1;

		if (!err)
			err = fd >= 0 ? bpf_map__reuse_fd(m, fd)
				      : bpf_map__set_autocreate(m, false);
	}
	bpf_object__for_each_program(prog, o)
	{
		bool ours = !strcmp(bpf_program__name(prog), p->name);

		bpf_program__set_autoload(prog, ours);
		if (ours && p->attach_type)
			bpf_program__set_expected_attach_type(prog,
							      (enum bpf_attach_type)p->attach_type);
	}
	if (!err)
		err = bpf_object__load(o);
	if (err) {
		bpf_object__close(o);
		return err;
	}
	p->obj = o;
	return 0;
}

static void *load(void *ctx)
{
	struct loader_part *p = ctx;

	p->err = open_object(p);
	return NULL;
}

void loader_part_start(struct loader *l, struct loader_part *p, const char *name, int attach_type)
{
	*p = (struct loader_part){.loader = l, .name = name, .attach_type = attach_type};
	p->running = !pthread_create(&p->thread, NULL, load, p);
	if (!p->running)
		load(p);
}

int loader_part_join(struct loader_part *p)
{
	if (p->running)
		pthread_join(p->thread, NULL);
	p->running = false;
	return p->err;
}

struct bpf_program *loader_part_prog(const struct loader_part *p)
{
	return p->obj ? bpf_object__find_program_by_name(p->obj, p->name) : NULL;
}

void loader_part_close(struct loader_part *p)
{
	loader_part_join(p);
	bpf_object__close(p->obj);
	p->obj = NULL;
}
