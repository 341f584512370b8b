/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TLS_FILES_H
#define OE_TLS_FILES_H
/*
 * The files that have been looked at, and those of them with probes in them. One thread at a time.
 */
#include <stdbool.h>

#include "userspace/base/hashmap.h"
#include "userspace/loader.h"

struct tls_file {
	struct tls_file *next;
	uint64_t id;
	struct loader_tls_link *link; /* NULL: not possible */
	uint32_t users;		      /* processes that have it mapped */
	uint64_t idle_since;	      /* when the last one went */
	char path[256];		      /* for people */
};

struct tls_files {
	struct loader *loader;
	bool uretprobes;
	struct hashmap seen;	/* identity -> struct tls_file, or tls_nothing */
	struct tls_file *first; /* with a TLS library */
	uint32_t cnt;
	bool full_said;
};

/* What is remembered for a file without a TLS library. */
extern struct tls_file tls_nothing;

void tls_files_init(struct tls_files *t, struct loader *l, bool uretprobes);
/* Takes all probes out. */
void tls_files_done(struct tls_files *t);
/*
 * The file behind fd, which stays the caller's: examined when it was not seen before, and probes
 * put in. tls_nothing: there is nothing to probe. NULL: it could not be read, or there is no
 * memory.
 */
struct tls_file *tls_files_get(struct tls_files *t, int fd, const char *path);
/* Lets go of what nobody has mapped for a minute. True: something went; pointers to it are to be
 * forgotten. */
bool tls_files_tidy(struct tls_files *t);

#endif
