/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/doctor.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "userspace/doctor_tls.h"
#include "userspace/feat.h"
#include "userspace/loader.h"

enum verdict { FINE, MISSING, NOTE };

static void line(FILE *f, enum verdict v, const char *what, const char *detail)
{
	static const char *const marks[] = {"ok  ", "no  ", "note"};

	fprintf(f, "%s  %-34s %s\n", marks[v], what, detail);
}

static void yes_no(FILE *f, bool have, const char *what, const char *good, const char *bad)
{
	line(f, have ? FINE : MISSING, what, have ? good : bad);
}

static void kernel_part(const struct feat *x, FILE *f)
{
	fprintf(f, "kernel %s, lockdown: %s\n", x->release, x->lockdown);
	yes_no(f, x->btf, "BTF", "/sys/kernel/btf/vmlinux",
	       "needs CONFIG_DEBUG_INFO_BTF; nothing can be captured without it");
	yes_no(f, x->sock_length, "sock_send_length/sock_recv_length",
	       "backend `sock` (default) can be used",
	       "Linux 6.3 has them; backend `syscall` is used instead");
	yes_no(f, x->sys_exit, "sys_exit", "backend `syscall` can be used (--hooks syscall)",
	       "backend `syscall` cannot be used");
	yes_no(f, x->set_state, "inet_sock_set_state", "opening and closing of TCP connections",
	       "the end of TCP connections cannot be seen");
	yes_no(f, x->sched, "sched_process_fork/exec/exit", "new processes are noticed at once",
	       "processes cannot be followed");
	if (x->cap_bpf || x->cap_sys_admin) {
		yes_no(f, x->ringbuf, "ring buffer map", "", "Linux 5.8 has it");
		yes_no(f, x->sk_storage, "socket storage map", "", "backend `sock` cannot be used");
		yes_no(f, x->task_storage, "task storage map", "", "backend `sock` cannot be used");
	}
}

static void privilege_part(const struct feat *x, FILE *f)
{
	char text[160];

	fprintf(f, "privileges of uid %d\n", (int)geteuid());
	yes_no(f, x->cap_bpf || x->cap_sys_admin, "CAP_BPF", "",
	       "needed to load programs (CAP_SYS_ADMIN on kernels before 5.8)");
	yes_no(f, x->cap_perfmon || x->cap_sys_admin, "CAP_PERFMON", "",
	       "needed to attach to tracepoints");
	line(f, x->cap_sys_ptrace ? FINE : NOTE, "CAP_SYS_PTRACE",
	     x->cap_sys_ptrace ? ""
			       : "without it other users' processes show neither executable nor "
				 "environment: service names are poorer");
	if (x->load_ok)
		line(f, FINE, "loading a program", "tried: works");
	else {
		snprintf(text, sizeof(text), "tried: %s", strerror(x->load_err));
		line(f, MISSING, "loading a program", text);
	}
}

static void process_part(const struct proc_config *proc, pid_t pid, const struct feat *x,
			 bool uretprobes, FILE *f)
{
	struct proc_host *host = NULL;
	struct resource *r;
	char exe[PATH_MAX];
	const char *s;
	int err;

	fprintf(f, "process %d\n", pid);
	if (proc_parent(proc, pid) < 0) {
		line(f, MISSING, "process", "there is no such process");
		return;
	}
	err = proc_exe(proc, pid, exe, sizeof(exe));
	line(f, err ? NOTE : FINE, "executable", err ? strerror(-err) : exe);
	if (!proc_host_new(proc, &host) && (r = proc_resource(host, pid))) {
		s = resource_str(r, "service.name");
		line(f, FINE, "service.name", s ? s : "unknown_service");
		s = resource_str(r, "container.id");
		line(f, FINE, "container.id",
		     s ? s : "none: not in a container, or one whose id cannot be seen");
		resource_put(r);
	}
	proc_host_free(host);
	line(f, x->load_ok ? FINE : MISSING, "plaintext sockets",
	     !x->load_ok      ? "nothing can be attached, see above"
	     : x->sock_length ? "would be captured with hooks sock_send_length, sock_recv_length"
			      : "would be captured with hook sys_exit");
	doctor_tls(proc->proc_root, pid, uretprobes, f);
}

/* Can TLS libraries be probed? Nothing is attached to find out. */
static void tls_part(struct loader *l, const struct feat *x, FILE *f)
{
	char err[256];
	bool multi;

	if (loader_tls_prepare(l, err)) {
		line(f, MISSING, "probes in TLS libraries", err);
		return;
	}
	multi = !strcmp(loader_tls_kind(l), "uprobe.multi");
	if (multi)
		line(f, FINE, "probes in TLS libraries", "uprobe.multi links");
	else
		line(f, x->cap_sys_admin ? FINE : MISSING, "probes in TLS libraries",
		     x->cap_sys_admin ? "perf events (uprobe.multi: Linux 6.6)"
				      : "CAP_SYS_ADMIN is needed for uprobes before Linux 6.6");
}

int doctor_run(const struct proc_config *proc, pid_t pid, bool uretprobes, FILE *f)
{
	struct loader_config cfg = {
		.ring_bytes = 1 << 16, .capture_bytes = 256, .tls_connections = 16};
	char err[256] = "";
	struct loader *l;
	struct feat x;
	int e = -ENOTSUP;

	feat_probe(&x);
	kernel_part(&x, f);
	privilege_part(&x, f);
	if (x.load_ok) {
		e = loader_open(&cfg, &l, err);
		if (!e) {
			fprintf(f, "ok    our programs load; hooks: %s\n", loader_hooks(l));
			tls_part(l, &x, f);
			loader_close(l);
		} else {
			fprintf(f, "no    our programs: %s\n", err);
		}
	}
	if (pid > 0)
		process_part(proc, pid, &x, uretprobes, f);
	if (e)
		fprintf(f, "\nCapture is not possible here. `otel-ebpf replay FILE` (a recording, "
			   "pcap or pcapng) works "
			   "without privileges.\n");
	else
		fprintf(f, "\nCapture is possible.\n");
	return e ? 1 : 0;
}
