/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes hold sockets of certain ports: the tables of each network namespace, then
 * descriptors. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/base/hashmap.h"
#include "userspace/proc.h"

#define INODES_MAX (1u << 20)

struct scan {
	const struct proc_config *cfg;
	uint16_t lo, hi;
	struct hashmap inodes;	   /* sockets that match */
	struct hashmap namespaces; /* seen */
	int (*fn)(void *ctx, pid_t pid);
	void *ctx;
};

static void read_table(struct scan *s, pid_t pid, const char *name)
{
	char path[PATH_MAX], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%d/net/%s", s->cfg->proc_root, pid, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned int lport, rport, state;
		unsigned long inode;

		/* sl local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode */
		if (sscanf(line,
			   "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %*s %*s %*s %*u %*u %lu",
			   &lport, &rport, &state, &inode) != 4 ||
		    !inode)
			continue;
		if ((lport >= s->lo && lport <= s->hi) || (rport >= s->lo && rport <= s->hi))
			hashmap_put(&s->inodes, inode, s);
	}
	if (f)
		fclose(f);
}

static int read_namespace(void *ctx, pid_t pid, pid_t ppid)
{
	struct scan *s = ctx;
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%d/ns/net", s->cfg->proc_root, pid);
	if (stat(path, &st) || hashmap_get(&s->namespaces, st.st_ino))
		return 0;
	hashmap_put(&s->namespaces, st.st_ino, s);
	read_table(s, pid, "tcp");
	read_table(s, pid, "tcp6");
	return 0;
}

static int find_holder(void *ctx, pid_t pid, pid_t ppid)
{
	struct scan *s = ctx;
	char path[PATH_MAX], link[64];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%d/fd", s->cfg->proc_root, pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		if (n < 0)
			continue;
		link[n] = 0;
		if (!strncmp(link, "socket:[", 8))
			found = hashmap_get(&s->inodes, strtoul(link + 8, NULL, 10));
	}
	if (d)
		closedir(d);
	return found ? s->fn(s->ctx, pid) : 0;
}

int proc_port_pids(const struct proc_config *cfg, uint16_t lo, uint16_t hi,
		   int (*fn)(void *ctx, pid_t pid), void *ctx)
{
	struct scan s = {.cfg = cfg, .lo = lo, .hi = hi, .fn = fn, .ctx = ctx};
	int err;

	hashmap_init(&s.inodes, INODES_MAX);
	hashmap_init(&s.namespaces, 65536);
	err = proc_each(cfg, read_namespace, &s);
	if (!err && s.inodes.len)
		err = proc_each(cfg, find_holder, &s);
	hashmap_done(&s.inodes);
	hashmap_done(&s.namespaces);
	return err;
}
