/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of Go programs. With arguments a tool: test_gosym FILE [NAME...] says the version, then
 * ADDRESS SIZE NAME of each function that is found (names from stdin when there are none), and "at
 * ADDRESS NAME" as gosym_at() has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/gosym_elf.h"
#include "tests/unit/tap.h"
#include "userspace/gosym.h"

#define READ  "crypto/tls.(*Conn).Read"
#define WRITE "crypto/tls.(*Conn).Write"

static const char *const names[] = {
	"go.buildid",
	"internal/cpu.Initialize",
	"crypto/tls.(*Conn).ReadX",
	READ,
	"x" READ,
	WRITE,
	"twice",
	"twice",
	"main.main",
};

#define FUNCS (sizeof(names) / sizeof(names[0]))

static struct ge ge;

static struct gosym *open_mem(struct bytes file, struct elf_image **ret_e, int *ret_err)
{
	struct gosym *s = NULL;

	*ret_e = NULL;
	*ret_err = elf_open_mem(file, ret_e);
	if (!*ret_err)
		*ret_err = gosym_open(*ret_e, &s);
	return s;
}

static void check(const char *what, struct ge_spec spec)
{
	struct gosym_want want[] = {{.name = WRITE},
				    {.name = "none.such"},
				    {.name = READ},
				    {.name = "twice"},
				    {.name = "main.main"}};
	struct elf_func f = {0};
	char at[GOSYM_NAME_MAX];
	struct elf_image *e;
	struct gosym *s;
	int err;

	spec.names = names;
	spec.funcs = FUNCS;
	if (!spec.machine)
		spec.machine = EM_X86_64;
	if (!spec.version)
		spec.version = "go1.99.1 X:none";
	s = open_mem(ge_make(&ge, &spec), &e, &err);
	printf("# %s\n", what);
	if (!ok(s, "opened (%d)", err))
		return;
	is_str(gosym_version(s), spec.version, "version");
	is_int(gosym_in_registers(s), spec.magic <= 0xfffffff1 || !strcmp(spec.version, "go1.17.3"),
	       "registers");
	is_int(gosym_find_many(s, want, 5), 3, "three of five");
	ok(want[0].found && want[0].func.addr == ge_func(&spec, 5) && want[0].func.size == GE_FUNC,
	   "Write");
	ok(!want[1].found, "one that is not there");
	ok(want[2].found && want[2].func.addr == ge_func(&spec, 3),
	   "Read, which others begin and end with");
	ok(!want[3].found, "two of one name");
	ok(want[4].found && want[4].func.addr == ge_func(&spec, 8) && want[4].func.size == GE_FUNC,
	   "the last");
	ok(gosym_find(s, READ, &f) && f.addr == ge_func(&spec, 3), "one alone");
	f.addr = 1;
	ok(!gosym_find(s, "crypto/tls.(*Conn).Rea", &f) && f.addr == 1, "a beginning is no name");
	if (!spec.pie || spec.magic <= 0xfffffff1) {
		ok(gosym_at(s, ge_func(&spec, 3) + GE_FUNC - 1, at) && !strcmp(at, READ),
		   "name at the last byte");
		ok(gosym_at(s, ge_func(&spec, 4), at) && !strcmp(at, "x" READ),
		   "and at the first of the next");
		ok(!gosym_at(s, ge_func(&spec, 0) - 1, at) &&
			   !gosym_at(s, ge_func(&spec, FUNCS), at),
		   "none before and behind");
	}
	gosym_close(s);
	elf_close(e);
}

static void errors(void)
{
	struct ge_spec spec = {.magic = 0xfffffff2,
			       .names = names,
			       .funcs = FUNCS,
			       .machine = EM_X86_64,
			       .base = 0x400000,
			       .version = "go2"};
	struct elf_image *e;
	int err;

	open_mem(ge_make(&ge, &spec), &e, &err);
	is_int(err, -ENOTSUP, "a table of another kind");
	elf_close(e);

	spec.magic = 0xfffffff1;
	ge_make(&ge, &spec);
	memcpy(ge.b + ge.sh[ge.sh_cnt - 1].sh_offset,
	       ".nosuch_and_long_enough_to_hide_the_others_xxxxxxxxxxxxxxxxxx", 60);
	open_mem(bytes_of(ge.b, ge.len), &e, &err);
	is_int(err, -ENOENT, "no section of Go's");
	elf_close(e);

	spec.module = true;
	ge_make(&ge, &spec);
	for (unsigned int i = 0; i < ge.sh_cnt; i++)
		if (!strcmp(ge.names + ge.sh[i].sh_name, ".go.module"))
			ge.b[ge.sh[i].sh_offset + 160] ^= 1; /* minpc */
	open_mem(bytes_of(ge.b, ge.len), &e, &err);
	is_int(err, -ENOTSUP, "a moduledata that contradicts the table is not believed");
	elf_close(e);
}

/* Each byte of the tables changed, and the file cut anywhere: nothing but wrong or no answers. */
static void hostile(struct ge_spec spec)
{
	struct gosym_want want[] = {{.name = READ}, {.name = WRITE}};
	char at[GOSYM_NAME_MAX];
	unsigned int opened = 0, runs = 0;
	uint8_t *copy;

	spec.names = names;
	spec.funcs = FUNCS;
	spec.machine = EM_X86_64;
	spec.version = "go1.99";
	ge_make(&ge, &spec);
	copy = malloc(ge.len);
	for (size_t i = 0; i < ge.len; i += i >= 256 && i < GE_TEXT + GE_TEXT_SZ ? 64 : 1) {
		static const uint8_t flips[] = {0xff, 0x80, 0x01, 0};

		for (size_t k = 0; k < sizeof(flips); k++) {
			struct elf_image *e;
			struct gosym *s;
			int err;

			memcpy(copy, ge.b, ge.len);
			copy[i] ^= flips[k];
			s = open_mem(bytes_of(copy, flips[k] ? ge.len : i), &e, &err);
			if (s) {
				opened++;
				gosym_find_many(s, want, 2);
				for (unsigned int n = 0; n < FUNCS; n++)
					gosym_at(s, ge_func(&spec, n), at);
			}
			gosym_close(s);
			elf_close(e);
			runs++;
		}
	}
	free(copy);
	ok(opened > runs / 10, "damaged: %u programs, %u of them opened", runs, opened);
}

static int tool(int argc, char **argv)
{
	static char lines[GOSYM_WANT_MAX][256];
	struct gosym_want want[GOSYM_WANT_MAX];
	char at[GOSYM_NAME_MAX];
	struct elf_image *e;
	struct gosym *s;
	int err, arg = 2, fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	bool more = true;

	err = fd < 0 ? -errno : elf_open(fd, &e);
	if (!err)
		err = gosym_open(e, &s);
	if (err) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	printf("%s\n", gosym_version(s));
	while (more) {
		size_t n = 0;

		while (n < GOSYM_WANT_MAX && more) {
			if (argc > 2)
				more = arg < argc &&
				       snprintf(lines[n], sizeof(lines[n]), "%s", argv[arg++]) > 0;
			else
				more = fgets(lines[n], sizeof(lines[n]), stdin);
			lines[n][strcspn(lines[n], "\n")] = 0;
			if (more)
				want[n].name = lines[n], n++;
		}
		gosym_find_many(s, want, n);
		for (size_t k = 0; k < n; k++) {
			if (!want[k].found)
				continue;
			printf("%" PRIx64 " %" PRIu64 " %s\n", want[k].func.addr, want[k].func.size,
			       want[k].name);
			if (gosym_at(s, want[k].func.addr + want[k].func.size - 1, at))
				printf("at %" PRIx64 " %s\n", want[k].func.addr, at);
		}
	}
	gosym_close(s);
	elf_close(e);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const uint64_t base = 0x400000;

	if (argc > 1)
		return tool(argc, argv);
	check("Go 1.2 to 1.15",
	      (struct ge_spec){.magic = 0xfffffffb, .base = base, .version_ptr = true});
	check("Go 1.16", (struct ge_spec){.magic = 0xfffffffa, .base = base, .version_ptr = true});
	check("Go 1.17", (struct ge_spec){.magic = 0xfffffffa,
					  .base = base,
					  .version_ptr = true,
					  .version = "go1.17.3"});
	check("Go 1.16, arm64",
	      (struct ge_spec){.magic = 0xfffffffa, .base = base, .machine = EM_AARCH64});
	check("Go 1.16, position-independent",
	      (struct ge_spec){.magic = 0xfffffffa, .pie = true, .version_ptr = true});
	check("Go 1.16, hidden by a C linker",
	      (struct ge_spec){
		      .magic = 0xfffffffa, .pie = true, .hidden = true, .version_ptr = true});
	check("Go 1.18", (struct ge_spec){.magic = 0xfffffff0, .base = base, .before = 0x80});
	check("Go 1.20", (struct ge_spec){.magic = 0xfffffff1, .base = base});
	check("Go 1.20, position-independent", (struct ge_spec){.magic = 0xfffffff1, .pie = true});
	check("Go 1.20, arm64, hidden by a C linker", (struct ge_spec){.magic = 0xfffffff1,
								       .pie = true,
								       .hidden = true,
								       .machine = EM_AARCH64,
								       .before = 0x40});
	check("Go 1.26",
	      (struct ge_spec){.magic = 0xfffffff1, .base = base, .module = true, .before = 0x100});
	check("Go 1.26, position-independent",
	      (struct ge_spec){.magic = 0xfffffff1, .pie = true, .module = true});
	check("no version", (struct ge_spec){.magic = 0xfffffff1, .base = base, .version = ""});
	errors();
	hostile((struct ge_spec){.magic = 0xfffffffb, .base = base, .version_ptr = true});
	hostile((struct ge_spec){
		.magic = 0xfffffffa, .pie = true, .hidden = true, .version_ptr = true});
	hostile((struct ge_spec){.magic = 0xfffffff1, .pie = true, .module = true});
	return tap_done();
}
