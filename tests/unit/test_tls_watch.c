/* SPDX-License-Identifier: Apache-2.0 */
/* What is mapped, and what of it would be probed: tls_map.c, mmap_events.c, tls_plan.c on this very
 * process. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "userspace/mmap_events.h"
#include "userspace/tls_plan.h"
#include "userspace/tls_watch.h"

struct found {
	const char *want; /* end of the path */
	struct tls_mapping m;
	int cnt;
};

static int find(void *ctx, const struct tls_mapping *m)
{
	struct found *f = ctx;
	size_t n = strlen(m->path), w = strlen(f->want);

	if (n >= w && !strcmp(m->path + n - w, f->want)) {
		f->m = *m;
		f->cnt++;
	}
	return 0;
}

static int mapping_of(const char *want, struct tls_mapping *ret)
{
	static struct found f;

	f = (struct found){.want = want};
	if (tls_each_mapping("/proc", getpid(), find, &f))
		return -1;
	*ret = f.m;
	return f.cnt;
}

/* A copy of /bin/true, mapped for execution. */
static void *map_copy(const char *path)
{
	char cmd[256];
	void *p;
	int fd;

	snprintf(cmd, sizeof(cmd), "cp /bin/true %s", path);
	if (system(cmd))
		return NULL;
	fd = open(path, O_RDONLY);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void test_mappings(void)
{
	static struct tls_mapping m;
	char path[] = "/tmp/oe_test_XXXXXX";
	struct stat st, st2;
	void *p;
	int fd;

	ok(mapping_of("/test_tls_watch", &m) >= 1, "our own program is mapped");
	fd = tls_open_mapping("/proc", getpid(), &m);
	ok(fd >= 0, "  it can be opened");
	close(fd);
	close(mkstemp(path));
	p = map_copy(path);
	ok(p && mapping_of(path, &m) == 1, "a file mapped for execution is found");
	fd = tls_open_mapping("/proc", getpid(), &m);
	ok(fd >= 0 && !fstat(fd, &st) && !stat(path, &st2) && st.st_ino == st2.st_ino,
	   "  the same file");
	close(fd);
	/* another file takes the name */
	unlink(path);
	fd = open(path, O_CREAT | O_RDWR, 0700);
	close(fd);
	ok(mapping_of(" (deleted)", &m) == 1, "its name is taken by another: the mapping says so");
	fd = tls_open_mapping("/proc", getpid(), &m);
	if (fd < 0)
		ok(geteuid() != 0, "  what is mapped cannot be opened, and nothing else is");
	else
		ok(!fstat(fd, &st2) && st2.st_ino == st.st_ino,
		   "  what is mapped is opened, not the other");
	if (fd >= 0)
		close(fd);
	unlink(path);
	munmap(p, 4096);
	is_int(tls_each_mapping("/proc", 1 << 22, find, NULL), -ENOENT, "no such process");
}

static int seen;

static void on_event(void *ctx, const struct mmap_event *e)
{
	if (e->pid == getpid() && strstr(e->name, ctx))
		seen++;
}

static void test_events(void)
{
	char path[] = "/tmp/oe_test_XXXXXX";
	struct mmap_events *m;
	struct pollfd pfd;
	int err = mmap_events_open(&m);
	void *p;

	if (err) {
		if (ok(err == -EPERM || err == -EACCES, "mapping events: refused"))
			skip_test("CAP_PERFMON is needed for mapping events");
		return;
	}
	close(mkstemp(path));
	p = map_copy(path);
	pfd = (struct pollfd){.fd = mmap_events_fd(m), .events = POLLIN};
	is_int(poll(&pfd, 1, 2000), 1, "a mapping wakes us");
	is_int((long long)mmap_events_read(m, on_event, path), 0, "  no event is dropped");
	is_int(seen, 1, "  and it is the one that was made");
	munmap(p, 4096);
	unlink(path);
	mmap_events_close(m);
}

static int plan_of(const char *path, struct tls_plan **ret)
{
	int fd = open(path, O_RDONLY), err;

	if (fd < 0)
		return -errno;
	err = tls_plan_make(fd, false, ret);
	close(fd);
	return err;
}

static const char *reach(const char *path, const char *text)
{
	const char *says;
	FILE *f = fopen(path, "w+");

	fputs(text, f);
	fflush(f);
	says = tls_plan_out_of_reach(fileno(f), path);
	fclose(f);
	unlink(path);
	return says;
}

static void test_plans(void)
{
	struct tls_plan *p = NULL;
	Dl_info info;
	void *ssl = dlopen("libssl.so.3", RTLD_NOW), *f = ssl ? dlsym(ssl, "SSL_read") : NULL;
	char dir[] = "/tmp/oe_test_XXXXXX", path[64];

	if (f && dladdr(f, &info)) {
		is_int(plan_of(info.dli_fname, &p), 0, "libssl: a plan");
		ok(p && p->usable && !strcmp(p->lib->name, "OpenSSL"), "  usable");
		for (size_t i = 0; p && i < p->func_cnt; i++)
			ok(!p->funcs[i].err && p->funcs[i].set.cnt >= 1, "  %s",
			   p->funcs[i].def->symbol);
		free(p);
	} else {
		skip_test("libssl.so.3 is not installed");
	}
	ok(dladdr(dlsym(RTLD_DEFAULT, "getpid"), &info) && plan_of(info.dli_fname, &p) == -ENOENT,
	   "libc: nothing to probe");
	is_int(plan_of("/etc/passwd", &p), -ENOEXEC, "no ELF file");
	ok(mkdtemp(dir), "a directory");
	snprintf(path, sizeof(path), "%s/libjvm.so", dir);
	ok(strstr(reach(path, ""), "Java"), "Java is out of reach, in words");
	snprintf(path, sizeof(path), "%s/prog", dir);
	ok(strstr(reach(path, "..rustls-0.23.."), "rustls"), "rustls, too");
	ok(strstr(reach(path, "OpenSSL 3.0.1 part of OpenSSL x"), "without symbols"),
	   "OpenSSL without its symbols, too");
	ok(!reach(path, "plain"), "a program without TLS is no matter");
	rmdir(dir);
}

int main(void)
{
	test_mappings();
	test_events();
	test_plans();
	return tap_done();
}
