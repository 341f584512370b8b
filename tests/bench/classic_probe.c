/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classic_probe [-e] PID FILE FUNCTION...: probes as everybody places them, a uprobe at the
 * function's entry and (without -e) a return probe, with programs that do nothing. What remains is
 * the price of the place. FUNCTION may be 0xOFFSET, a place in the file. Prints a line when they
 * stand; ends with stdin. Raw system calls: the libbpf of Debian 12 does not know uprobe_multi.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI, Linux 6.6 */
#define PROBES_MAX   64

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "classic_probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* offset in the file of a function of the dynamic symbol table; 0 = there is none */
static uint64_t offset_of(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Phdr ph;
	GElf_Sym sym;
	size_t phnum = 0;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM ||
		    !(data = elf_getdata(scn, NULL)))
			continue;
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			const char *s = elf_strptr(elf, sh.sh_link, sym.st_name);

			if (!s || strcmp(s, name) || !sym.st_value ||
			    GELF_ST_TYPE(sym.st_info) != STT_FUNC)
				continue;
			elf_getphdrnum(elf, &phnum);
			for (size_t p = 0; p < phnum; p++) {
				if (gelf_getphdr(elf, (int)p, &ph) && ph.p_type == PT_LOAD &&
				    sym.st_value - ph.p_vaddr < ph.p_filesz)
					return sym.st_value - ph.p_vaddr + ph.p_offset;
			}
		}
	}
	return 0;
}

static int load(void)
{
	static char log[65536];
	struct bpf_insn ret0[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_KPROBE;
	a.expected_attach_type = UPROBE_MULTI;
	a.insns = (uintptr_t)ret0;
	a.insn_cnt = 2;
	a.license = (uintptr_t) "GPL";
	a.log_buf = (uintptr_t)log;
	a.log_size = sizeof(log);
	a.log_level = 1;
	strcpy(a.prog_name, "classic_nothing");
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	if (fd < 0)
		die("load");
	return fd;
}

static void attach(int prog, const char *path, const uint64_t *offsets, uint32_t cnt, pid_t pid,
		   uint32_t flags)
{
	struct {
		uint32_t prog_fd, target_fd, attach_type, link_flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t cnt, flags, pid, pad;
	} a = {
		.prog_fd = (uint32_t)prog,
		.attach_type = UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cnt = cnt,
		.flags = flags,
		.pid = (uint32_t)pid,
	};

	/* the link lives as long as we do */
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &a, sizeof(a)) < 0)
		die(flags ? "attach at return" : "attach at entry");
}

int main(int argc, char **argv)
{
	uint64_t offsets[PROBES_MAX];
	int entry_only = argc > 1 && !strcmp(argv[1], "-e"), fd, prog;
	char **arg = argv + 1 + entry_only, path[4096];
	uint32_t cnt = 0;
	pid_t pid;
	Elf *elf;

	if (argc - entry_only < 4 || argc - entry_only - 3 > PROBES_MAX) {
		fprintf(stderr, "classic_probe [-e] PID FILE FUNCTION...\n");
		return 2;
	}
	pid = atoi(arg[0]);
	if (!realpath(arg[1], path) || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		die(arg[1]);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	for (arg += 2; *arg; arg++) {
		offsets[cnt] =
			!strncmp(*arg, "0x", 2) ? strtoull(*arg, NULL, 16) : offset_of(elf, *arg);
		if (!offsets[cnt++]) {
			fprintf(stderr, "classic_probe: no function %s in %s\n", *arg, path);
			return 1;
		}
	}
	prog = load();
	attach(prog, path, offsets, cnt, pid, 0);
	if (!entry_only)
		attach(prog, path, offsets, cnt, pid, 1);
	printf("%u probes\n", entry_only ? cnt : 2 * cnt);
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
