/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a process has mapped for execution. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "userspace/base/hashmap.h"
#include "userspace/tls_watch.h"

#define PATH_CHARS	      4095
#define OVERLAYFS_SUPER_MAGIC 0x794c7630

/* "start-end r-xp offset major:minor inode   path" */
static bool parse(char *line, struct tls_mapping *m)
{
	unsigned int maj, min;
	uint64_t parts[3];
	char perms[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %x:%x %" SCNu64 " %n", &m->start, &m->end,
		   perms, &maj, &min, &m->ino, &at) < 6 ||
	    perms[2] != 'x' || !m->ino || line[at] != '/')
		return false;
	line[strcspn(line, "\n")] = 0;
	snprintf(m->path, sizeof(m->path), "%s", line + at);
	parts[0] = maj;
	parts[1] = min;
	parts[2] = m->ino;
	m->file = hash_bytes(parts, sizeof(parts), 0);
	return true;
}

int tls_each_mapping(const char *proc_root, pid_t pid,
		     int (*fn)(void *ctx, const struct tls_mapping *m), void *ctx)
{
	struct tls_mapping *m = malloc(sizeof(*m));
	char name[512], *line = NULL;
	size_t cap = 0;
	int err = 0;
	FILE *f;

	if (!m)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%s/%d/maps", proc_root, pid);
	f = fopen(name, "re");
	if (!f)
		err = -errno;
	while (f && !err && getline(&line, &cap, f) > 0)
		if (parse(line, m))
			err = fn(ctx, m);
	if (f)
		fclose(f);
	free(line);
	free(m);
	return err;
}

/* By name, if the name still is that of the mapped file; overlayfs has inode numbers of its own. */
static int open_same(const char *name, const struct tls_mapping *m)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) &&
	    (st.st_ino == m->ino || (!fstatfs(fd, &fs) && fs.f_type == OVERLAYFS_SUPER_MAGIC)))
		return fd;
	close(fd);
	return -ESTALE;
}

int tls_open_mapping(const char *proc_root, pid_t pid, const struct tls_mapping *m)
{
	struct stat st;
	char name[PATH_CHARS + 64];
	int fd;

	snprintf(name, sizeof(name), "%s/%d/map_files/%" PRIx64 "-%" PRIx64, proc_root, pid,
		 m->start, m->end);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		/* without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, or the mapping has changed: by
		 * name, as the process sees it */
		snprintf(name, sizeof(name), "%s/%d/root%s", proc_root, pid, m->path);
		fd = open_same(name, m);
	}
	if (fd < 0) /* the process is gone already: its file may well be ours, too */
		fd = open_same(m->path, m);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}
