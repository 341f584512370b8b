/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/tls_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "userspace/gosym.h"

/* Functions of one library in the image; false: the library is not there. */
static bool find_funcs(const struct elf_image *e, const struct gosym *go,
		       const struct target_lib *lib, struct elf_func found[TLS_PLAN_FUNCS])
{
	struct gosym_want want[TLS_PLAN_FUNCS];

	if (lib->go && !go)
		return false;
	for (size_t i = 0; i < lib->func_cnt && i < TLS_PLAN_FUNCS; i++)
		want[i] = (struct gosym_want){.name = lib->funcs[i].symbol};
	if (lib->go)
		gosym_find_many(go, want,
				lib->func_cnt < TLS_PLAN_FUNCS ? lib->func_cnt : TLS_PLAN_FUNCS);
	for (size_t i = 0; i < lib->func_cnt && i < TLS_PLAN_FUNCS; i++) {
		const struct target_func *f = &lib->funcs[i];
		bool have = lib->go ? want[i].found : elf_find_func(e, f->symbol, true, &found[i]);

		if (lib->go && have)
			found[i] = want[i].func;
		if (!have) {
			found[i].addr = 0;
			if (!f->optional)
				return false;
		}
	}
	return true;
}

/*
 * With user shadow stacks (CET) the kernel must not carry out a call for a program: it leaves the
 * shadow out. Asked of the machine, not of a process: probes are in the file.
 */
static bool shadow_stacks(void)
{
	static int have = -1;
	char *line = NULL;
	size_t cap = 0;
	FILE *f;

	if (have >= 0)
		return have;
	have = 0;
	f = fopen("/proc/cpuinfo", "re");
	while (f && !have && getline(&line, &cap, f) > 0)
		have = !strncmp(line, "flags", 5) && strstr(line, " user_shstk");
	if (f)
		fclose(f);
	free(line);
	return have;
}

static void plan_func(const struct elf_image *e, const struct gosym *go,
		      const struct target_lib *lib, const struct target_func *def,
		      const struct elf_func *at, bool uretprobes, struct tls_plan_func *ret)
{
	struct site_want want = {.name = def->symbol,
				 .abi = lib->go ? SITE_ABI_GO : SITE_ABI_C,
				 .go = go,
				 .fn = def->fn,
				 .arg_mask = def->arg_mask,
				 .arg4_mask = def->arg4_mask,
				 .no_calls = shadow_stacks(),
				 .result = def->result,
				 .result4 = def->result4};

	ret->def = def;
	if (lib->go && !gosym_in_registers(go)) {
		ret->err = -ENOTSUP;
		snprintf(ret->set.why, sizeof(ret->set.why),
			 "this Go passes arguments on the stack (before 1.17; arm64: before 1.18)");
	} else {
		ret->err = site_find(e, at, &want, uretprobes, &ret->set);
	}
	if (ret->err)
		ret->set.cnt = 0;
}

/* A function that only jumps to another one of the list leaves the work to it. */
static bool forwarded(const struct tls_plan *p, const char *to)
{
	for (size_t i = 0; i < p->func_cnt; i++)
		if (!strcmp(p->funcs[i].def->symbol, to) && p->funcs[i].set.cnt)
			return true;
	return false;
}

static bool sees(const struct tls_plan *p, uint8_t fn)
{
	for (size_t i = 0; i < p->func_cnt; i++) {
		const struct tls_plan_func *f = &p->funcs[i];

		if (f->def->fn == fn &&
		    (f->set.cnt || (f->set.forwards_to && forwarded(p, f->set.forwards_to))))
			return true;
	}
	return false;
}

static int make(const struct elf_image *e, bool uretprobes, struct tls_plan *p)
{
	struct elf_func found[TLS_PLAN_FUNCS];
	struct gosym *go = NULL;
	size_t i;

	gosym_open(e, &go); /* a program, or a library made with -buildmode=c-shared */
	for (i = 0; i < target_lib_count(); i++) {
		p->lib = target_lib_at(i);
		/* the full symbol table, too: OpenSSL linked into a library (librdkafka) is local
		 * there */
		if (find_funcs(e, go, p->lib, found))
			break;
	}
	if (i == target_lib_count()) {
		gosym_close(go);
		return -ENOENT;
	}
	if (p->lib->go)
		strncat(p->version, gosym_version(go), sizeof(p->version) - 1);
	for (size_t k = 0; k < p->lib->func_cnt && k < TLS_PLAN_FUNCS; k++)
		if (found[k].addr)
			plan_func(e, go, p->lib, &p->lib->funcs[k], &found[k], uretprobes,
				  &p->funcs[p->func_cnt++]);
	/* what another function of the list does is not done twice */
	for (i = 0; i < p->func_cnt; i++)
		if (p->funcs[i].set.forwards_to && forwarded(p, p->funcs[i].set.forwards_to))
			p->funcs[i].set.cnt = 0;
	gosym_close(go);
	p->usable = p->lib->go ? sees(p, OE_TLS_GO_READ) && sees(p, OE_TLS_GO_WRITE)
			       : sees(p, OE_TLS_READ) && sees(p, OE_TLS_WRITE);
	return 0;
}

int tls_plan_make(int fd, bool uretprobes, struct tls_plan **ret)
{
	struct tls_plan *p;
	struct elf_image *e;
	int err = elf_open(fd, &e);

	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	err = p ? make(e, uretprobes, p) : -ENOMEM;
	elf_close(e);
	if (err) {
		free(p);
		return err;
	}
	/* the image, which they point into, is gone */
	for (size_t i = 0; i < p->func_cnt; i++)
		if (p->funcs[i].set.forwards_to)
			p->funcs[i].set.forwards_to = "";
	*ret = p;
	return 0;
}

const char *tls_plan_out_of_reach(int fd, const char *path)
{
	static const struct {
		const char *text, *says;
	} marks[] = {
		{"rustls",
		 "rustls (Rust) inside: its functions have no stable names; out of reach"},
		{"BoringSSL",
		 "BoringSSL inside, but without symbols (SSL_read, SSL_write): out of reach"},
		{"part of OpenSSL",
		 "OpenSSL inside, but without symbols (SSL_read, SSL_write): out of reach"},
	};
	const char *name = strrchr(path, '/'), *says = NULL;
	struct stat st;
	void *map;

	if (name && !strcmp(name, "/libjvm.so"))
		return "Java: TLS (JSSE) is compiled at run time inside the virtual machine; out "
		       "of reach";
	if (fstat(fd, &st) || st.st_size <= 0)
		return NULL;
	/* libcrypto has the marks of its family, but TLS is in libssl */
	if (name && strstr(name, "libcrypto"))
		return NULL;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && !says; i++)
		if (memmem(map, (size_t)st.st_size, marks[i].text, strlen(marks[i].text)))
			says = marks[i].says;
	munmap(map, (size_t)st.st_size);
	return says;
}
