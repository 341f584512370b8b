/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PROC_H
#define OE_PROC_H
/* What /proc tells of a process: its resource, its container, its family. */
#include <sys/types.h>

#include "exporter/telemetry.h"

struct proc_host; /* host.*, os.*: read once */

struct proc_config {
	const char *proc_root;	   /* "/proc" (or the host's, mounted elsewhere; tests use a made-up
				      tree) */
	const char *service_name;  /* operator's word for the one explicit target, NULL = none */
	const char *fallback_name; /* operator's word for processes that have no name of their own,
				      NULL = none */
	const char *resource_attrs; /* operator's `k=v,k=v` (percent-encoded), NULL = none */
	bool target_env; /* honour the target's own OTEL_SERVICE_NAME / OTEL_RESOURCE_ATTRIBUTES
			    (default true) */
};

int proc_host_new(const struct proc_config *cfg, struct proc_host **ret);
void proc_host_free(struct proc_host *h);

/*
 * The resource of process pid (a tgid): service.name, process.*, host.*, container.id,
 * telemetry.sdk.*. Order of precedence: operator's service_name > target's OTEL_SERVICE_NAME >
 * service.name of its OTEL_RESOURCE_ATTRIBUTES > script or module name for interpreters (python
 * app.py, python -m x, node x.js, java -jar x.jar) > executable name. A process that is gone or
 * unreadable still gets a resource with what is known (pid, and unknown_service). NULL only when
 * out of memory.
 */
struct resource *proc_resource(const struct proc_host *h, pid_t pid);
/* A resource from key NUL value NUL pairs (recordings). */
struct resource *proc_resource_from_pairs(const void *pairs, size_t len);
/* The other way: string and int attributes as pairs; returns bytes written, 0 if it does not fit.
 */
size_t proc_resource_to_pairs(const struct resource *r, void *out, size_t size);
/* For pcap: a resource that says that the process is unknown (service.name = unknown_service). */
struct resource *proc_resource_unknown(const struct proc_host *h);

/* Container id (64 hex digits) from the text of /proc/PID/cgroup, v1 and v2, docker, containerd,
 * CRI-O, podman. False: none. */
bool proc_container_id(const char *cgroup_text, char ret_id[65]);

/* Parent of pid, or negative errno. */
pid_t proc_parent(const struct proc_config *cfg, pid_t pid);
/* Absolute path of the executable (" (deleted)" taken off); 0 or negative errno. */
int proc_exe(const struct proc_config *cfg, pid_t pid, char *out, size_t size);
/* Calls fn for every process; stops at and returns its first non-zero answer. */
int proc_each(const struct proc_config *cfg, int (*fn)(void *ctx, pid_t pid, pid_t ppid),
	      void *ctx);
/*
 * Calls fn once for every process that holds a TCP socket which listens on, or is connected from or
 * to, a port in [lo,hi]. Each network namespace's tables are read once. Returns the first non-zero
 * answer, or negative errno.
 */
int proc_port_pids(const struct proc_config *cfg, uint16_t lo, uint16_t hi,
		   int (*fn)(void *ctx, pid_t pid), void *ctx);

#endif
