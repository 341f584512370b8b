/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes as /proc shows them. Command-line arguments are looked at to find a script's name and
 * are never exported: secrets stand there. Of the environment only two variables are read.
 */
#include "userspace/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "userspace/proc_name.h"

#define ATTRS_MAX	   64
#define ENVIRON_MAX	   (256u << 10)
#define RESOURCE_BYTES_MAX (64u << 10)

struct proc_host {
	struct proc_config cfg;
	char name[256];
	char id[40];
	const char *arch;
};

/* A resource being filled. Keys given first win. */
struct filling {
	struct resource *r;
	struct attr *attrs;
	uint32_t cnt;
};

static bool has(const struct filling *f, const char *key)
{
	for (uint32_t i = 0; i < f->cnt; i++)
		if (!strcmp(f->attrs[i].key, key))
			return true;
	return false;
}

static void put_strn(struct filling *f, const char *key, const char *val, size_t len)
{
	char *k, *v;

	if (!len || f->cnt >= ATTRS_MAX || has(f, key))
		return;
	k = arena_strndup(&f->r->arena, key, strlen(key));
	v = arena_strndup(&f->r->arena, val, len);
	if (k && v)
		f->attrs[f->cnt++] =
			(struct attr){.key = k, .type = ATTR_STR, .len = (uint32_t)len, .s = v};
}

static void put_str(struct filling *f, const char *key, const char *val)
{
	if (val)
		put_strn(f, key, val, strlen(val));
}

static void put_int(struct filling *f, const char *key, int64_t val)
{
	if (f->cnt < ATTRS_MAX && !has(f, key))
		f->attrs[f->cnt++] = (struct attr){.key = key, .type = ATTR_INT, .i = val};
}

static bool fill_start(struct filling *f)
{
	*f = (struct filling){.r = resource_new()};
	if (!f->r)
		return false;
	f->r->arena.max = RESOURCE_BYTES_MAX;
	f->attrs = arena_alloc(&f->r->arena, ATTRS_MAX * sizeof(*f->attrs));
	if (!f->attrs) {
		resource_put(f->r);
		return false;
	}
	return true;
}

static struct resource *fill_end(struct filling *f)
{
	f->r->attrs = f->attrs;
	f->r->attr_cnt = f->cnt;
	return f->r;
}

/* Reads a small file of a process, NUL-terminated. Returns its length or negative errno. */
static ssize_t read_file(const struct proc_config *cfg, pid_t pid, const char *name, char *buf,
			 size_t size)
{
	char path[PATH_MAX];
	size_t len = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%d/%s", cfg->proc_root, pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	buf[len] = 0;
	return (ssize_t)len;
}

int proc_exe(const struct proc_config *cfg, pid_t pid, char *out, size_t size)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%d/exe", cfg->proc_root, pid);
	n = readlink(path, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = 0;
	if ((size_t)n > sizeof(deleted) - 1 && !strcmp(out + n - (sizeof(deleted) - 1), deleted))
		out[n - (ssize_t)(sizeof(deleted) - 1)] = 0;
	return 0;
}

pid_t proc_parent(const struct proc_config *cfg, pid_t pid)
{
	char text[1024], *p;
	ssize_t n = read_file(cfg, pid, "stat", text, sizeof(text));

	if (n < 0)
		return (pid_t)n;
	/* the name in parentheses may hold anything: look behind the last one */
	p = strrchr(text, ')');
	if (!p || strlen(p) < 5)
		return -EINVAL;
	return (pid_t)atol(p + 4);
}

int proc_each(const struct proc_config *cfg, int (*fn)(void *ctx, pid_t pid, pid_t ppid), void *ctx)
{
	DIR *d = opendir(cfg->proc_root);
	struct dirent *e;
	int err = 0;

	if (!d)
		return -errno;
	while (!err && (e = readdir(d))) {
		pid_t pid = isdigit((unsigned char)e->d_name[0]) ? (pid_t)atol(e->d_name) : 0, ppid;

		if (pid <= 0)
			continue;
		ppid = proc_parent(cfg, pid);
		if (ppid >= 0) /* else it has ended meanwhile */
			err = fn(ctx, pid, ppid);
	}
	closedir(d);
	return err;
}

int proc_host_new(const struct proc_config *cfg, struct proc_host **ret)
{
	struct proc_host *h = calloc(1, sizeof(*h));
	struct utsname un;
	FILE *f;

	if (!h)
		return -ENOMEM;
	h->cfg = *cfg;
	gethostname(h->name, sizeof(h->name) - 1);
	f = fopen("/etc/machine-id", "re");
	if (f && fgets(h->id, sizeof(h->id), f))
		h->id[strcspn(h->id, "\n")] = 0;
	if (f)
		fclose(f);
	h->arch = NULL;
	if (!uname(&un))
		/* values of the conventions' host.arch */
		h->arch = !strcmp(un.machine, "x86_64")	   ? "amd64"
			  : !strcmp(un.machine, "aarch64") ? "arm64"
							   : NULL;
	*ret = h;
	return 0;
}

void proc_host_free(struct proc_host *h)
{
	free(h);
}

static int unhex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Percent-decoding in place; false when malformed. */
static bool percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '%') {
			int hi = unhex(s[1]), lo = hi < 0 ? -1 : unhex(s[2]);

			if (lo < 0)
				return false;
			*to++ = (char)(hi << 4 | lo);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
	return true;
}

static char *trimmed(char *s)
{
	char *end;

	s += strspn(s, " \t");
	end = s + strlen(s);
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	return s;
}

/* `k=v,k=v`; one malformed pair discards the whole value, as the specification says. */
static void put_pairs(struct filling *f, const char *text)
{
	char *copy = strdup(text), *save = NULL;

	for (int pass = 0; copy && pass < 2; pass++) {
		memcpy(copy, text, strlen(text) + 1);
		save = NULL;
		for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
			char *eq = strchr(p, '='), *k, *v;

			if (!*trimmed(p))
				continue;
			if (!eq)
				goto out;
			*eq = 0;
			k = trimmed(p);
			v = trimmed(eq + 1);
			if (!*k || !percent_decode(v))
				goto out;
			if (pass)
				put_str(f, k, v);
		}
	}
out:
	free(copy);
}

/* The two variables that concern us; everything else of the environment is wiped at once. */
static void put_environ(struct filling *f, const struct proc_host *h, pid_t pid)
{
	char *env = malloc(ENVIRON_MAX);
	ssize_t n = env ? read_file(&h->cfg, pid, "environ", env, ENVIRON_MAX) : -ENOMEM;
	const char *attrs = NULL;

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(env + i) + 1) {
		if (!strncmp(env + i, "OTEL_SERVICE_NAME=", 18))
			put_str(f, "service.name", env + i + 18);
		else if (!strncmp(env + i, "OTEL_RESOURCE_ATTRIBUTES=", 25))
			attrs = env + i + 25;
	}
	if (attrs)
		put_pairs(f, attrs);
	if (env)
		explicit_bzero(env, ENVIRON_MAX);
	free(env);
}

static void put_container(struct filling *f, const struct proc_host *h, pid_t pid)
{
	char text[16384], id[65], *p;

	if (read_file(&h->cfg, pid, "cgroup", text, sizeof(text)) > 0 &&
	    proc_container_id(text, id)) {
		put_str(f, "container.id", id);
		return;
	}
	/* a private cgroup namespace hides it; the files that runtimes mount into containers show
	 * it */
	if (read_file(&h->cfg, pid, "mountinfo", text, sizeof(text)) <= 0)
		return;
	for (p = text; (p = strstr(p, "/containers/")); p++) {
		const char *end = strchr(p + 12, '/');

		if (end && end - (p + 12) == 64 && !strncmp(end, "/hostname", 9)) {
			char path[80];

			snprintf(path, sizeof(path), "0::/%.64s", p + 12);
			if (proc_container_id(path, id))
				put_str(f, "container.id", id);
			return;
		}
	}
}

static void put_host(struct filling *f, const struct proc_host *h)
{
	put_str(f, "host.name", h->name);
	put_str(f, "host.id", h->id);
	put_str(f, "host.arch", h->arch);
	put_str(f, "os.type", "linux");
}

static void put_sdk(struct filling *f, const char *language)
{
	put_str(f, "telemetry.sdk.name", OE_SDK_NAME);
	/* the target's, where it is certain; our own otherwise */
	put_str(f, "telemetry.sdk.language", language ? language : "c");
	put_str(f, "telemetry.sdk.version", OE_VERSION);
}

struct resource *proc_resource(const struct proc_host *h, pid_t pid)
{
	char exe[PATH_MAX] = "", cmd[8192], name[256], owner[64];
	const char *runtime = NULL, *language = NULL, *base;
	struct filling f;
	struct stat st;
	ssize_t n;

	if (!fill_start(&f))
		return NULL;
	if (proc_exe(&h->cfg, pid, exe, sizeof(exe)))
		exe[0] = 0;
	base = strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe;
	n = read_file(&h->cfg, pid, "cmdline", cmd, sizeof(cmd));
	put_str(&f, "service.name", h->cfg.service_name);
	if (h->cfg.target_env)
		put_environ(&f, h, pid);
	if (h->cfg.resource_attrs)
		put_pairs(&f, h->cfg.resource_attrs);
	if (proc_service_name(cmd, n > 0 ? (size_t)n : 0, base, name, sizeof(name), &runtime,
			      &language))
		put_str(&f, "service.name", name);
	put_str(&f, "service.name", h->cfg.fallback_name);
	put_str(&f, "service.name", "unknown_service");
	put_int(&f, "process.pid", pid);
	put_str(&f, "process.executable.name", base);
	put_str(&f, "process.executable.path", exe);
	if (n > 0)
		put_strn(&f, "process.command", cmd, strcspn(cmd, " "));
	snprintf(cmd, sizeof(cmd), "%s/%d", h->cfg.proc_root, pid);
	if (!stat(cmd, &st)) {
		snprintf(owner, sizeof(owner), "%u", st.st_uid);
		put_str(&f, "process.owner", st.st_uid ? owner : "root");
	}
	put_str(&f, "process.runtime.name", runtime);
	put_container(&f, h, pid);
	put_host(&f, h);
	put_sdk(&f, language);
	return fill_end(&f);
}

struct resource *proc_resource_unknown(const struct proc_host *h)
{
	struct filling f;

	if (!fill_start(&f))
		return NULL;
	put_str(&f, "service.name", h ? h->cfg.service_name : NULL);
	if (h && h->cfg.resource_attrs)
		put_pairs(&f, h->cfg.resource_attrs);
	put_str(&f, "service.name", "unknown_service");
	put_sdk(&f, NULL);
	return fill_end(&f);
}

struct resource *proc_resource_from_pairs(const void *pairs, size_t len)
{
	const char *p = pairs, *end = p + len;
	struct filling f;

	if (!fill_start(&f))
		return NULL;
	while (p < end) {
		const char *k = p, *v;
		size_t kn = strnlen(k, (size_t)(end - k)), vn;

		v = k + kn + 1;
		if (v >= end)
			break;
		vn = strnlen(v, (size_t)(end - v));
		if (v + vn >= end)
			break; /* not terminated */
		if (!strcmp(k, "process.pid"))
			put_int(&f, "process.pid", atol(v));
		else if (*k)
			put_str(&f, k, v);
		p = v + vn + 1;
	}
	put_str(&f, "service.name", "unknown_service");
	return fill_end(&f);
}

size_t proc_resource_to_pairs(const struct resource *r, void *out, size_t size)
{
	size_t len = 0;

	for (uint32_t i = 0; i < r->attr_cnt; i++) {
		const struct attr *a = &r->attrs[i];
		int n;

		if (a->type == ATTR_INT)
			n = snprintf((char *)out + len, size - len, "%s%c%lld", a->key, 0,
				     (long long)a->i);
		else
			n = snprintf((char *)out + len, size - len, "%s%c%.*s", a->key, 0,
				     (int)a->len, a->s);
		if (n < 0 || (size_t)n + 1 > size - len)
			return 0;
		len += (size_t)n + 1;
	}
	return len;
}
