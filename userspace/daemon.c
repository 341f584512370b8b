/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/daemon.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "userspace/base/clock.h"
#include "userspace/base/log.h"
#include "userspace/loop.h"
#include "userspace/outputs.h"
#include "userspace/pipeline.h"
#include "userspace/selfstats.h"
#include "userspace/tls_watch.h"

struct daemon {
	const struct config *cfg;
	struct proc_config proc;
	struct proc_host *host;
	struct exporter_config exporter;
	struct outputs outputs;
	struct pipeline_config pc;
	struct pipeline *pipeline;
	struct selection *selection;
	struct loader *loader;
	struct tls_watch *tls;
	struct recorder *recorder;
};

static void kernel_stats(void *ctx, struct loader_stats *ret)
{
	loader_stats(((struct daemon *)ctx)->loader, ret);
}

static void on_process(void *ctx, const struct oe_proc *p)
{
	struct daemon *d = ctx;

	selection_process(d->selection, p);
	if (d->tls)
		tls_watch_process(d->tls, p);
}

static void on_ready(void *ctx)
{
	struct daemon *d = ctx;

	loader_drain(d->loader, pipeline_record, d->pipeline);
}

static void on_tick(void *ctx)
{
	struct daemon *d = ctx;

	/* the ring buffer wakes by fill level only: at low load the timer fetches */
	loader_drain(d->loader, pipeline_record, d->pipeline);
	pipeline_tick(d->pipeline);
}

/* sd_notify without the library: one datagram to $NOTIFY_SOCKET. */
static void notify_ready(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (!path || !*path || strlen(path) >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, path, strlen(path));
	if (a.sun_path[0] == '@')
		a.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&a,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		log_warn("cannot tell $NOTIFY_SOCKET that we are ready: %s", strerror(errno));
	close(fd);
}

static int fail(const char *err)
{
	log_error("%s", err);
	return 1;
}

/* Everything behind the source: common to live capture and replay. 0 or -1 with one line logged. */
static int open_pipeline(struct daemon *d, bool live)
{
	const struct config *c = d->cfg;
	bool one_target = c->selector_cnt == 1 && c->selectors[0].kind == SELECT_PID;
	char err[256] = "out of memory";
	int e;

	d->proc = (struct proc_config){
		.proc_root = c->proc_root,
		.service_name = one_target || !live ? c->service_name : NULL,
		.fallback_name = c->service_name,
		.resource_attrs = c->resource_attributes,
		.target_env = c->target_env,
	};
	e = proc_host_new(&d->proc, &d->host);
	if (!e)
		e = config_sem(c, &d->pc.sem, err);
	if (!e && c->command != CMD_RECORD)
		e = config_exporter(c, &d->exporter, err);
	if (!e && c->command != CMD_RECORD)
		e = outputs_open(&d->exporter, c, &d->outputs, &d->pc, err);
	if (e)
		return -fail(err);
	config_sampler(c, &d->pc.sampler);
	d->pc.live = live;
	d->pc.host = d->host;
	d->pc.propagate = config_propagates(c);
	d->pc.max_conns = c->max_connections;
	d->pc.batch_max_spans = c->bsp_batch;
	/* a person who watches does not want to wait for a batch */
	d->pc.batch_delay_ms = c->command == CMD_TRACE ? 0 : c->bsp_delay_ms;
	d->pc.metric_interval_ms = c->metric_interval_ms;
	d->pc.red.temporality =
		c->temporality == PREFER_CUMULATIVE ? METRIC_CUMULATIVE : METRIC_DELTA;
	d->pc.recorder = d->recorder;
	e = pipeline_new(&d->pc, &d->pipeline);
	return e ? -fail(strerror(-e)) : 0;
}

static void print_ledger(struct daemon *d)
{
	struct selfstats *s = calloc(1, sizeof(*s));

	if (s) {
		pipeline_ledger(d->pipeline, s);
		selfstats_print(s, stderr);
	}
	free(s);
}

static void close_all(struct daemon *d)
{
	tls_watch_free(d->tls);
	pipeline_free(d->pipeline);
	outputs_close(&d->outputs, 0);
	loader_close(d->loader);
	selection_free(d->selection);
	proc_host_free(d->host);
	route_table_free((struct route_table *)d->pc.sem.routes);
	exporter_config_done(&d->exporter);
}

/* Hands over what is left, in time; then the words at the end. */
static void finish(struct daemon *d)
{
	const struct config *c = d->cfg;

	pipeline_finish(d->pipeline);
	outputs_flush(&d->outputs, c->shutdown_timeout_ms);
	if (c->command == CMD_TRACE || c->command == CMD_REPLAY) {
		fputc('\n', stdout);
		red_print(pipeline_red(d->pipeline), stdout);
		fflush(stdout);
	}
	if (c->verbose)
		print_ledger(d);
}

/* What was lost before it could be recorded belongs into the recording. */
static void record_loss(struct daemon *d)
{
	struct oe_ev_loss r = {
		.hdr = {.type = OE_EV_LOSS, .len = sizeof(r), .ts_ns = clock_boot_ns()}};
	struct loader_stats s;

	loader_stats(d->loader, &s);
	r.ring_full = s.k.io_dropped + s.k.aux_dropped;
	r.missed = s.missed;
	recorder_add(d->recorder, &r, sizeof(r));
}

static int start_tls(struct daemon *d, char err[256])
{
	struct tls_watch_config wc = {.proc_root = d->cfg->proc_root,
				      .uretprobes = d->cfg->uretprobes};
	int e;

	for (uint32_t i = 0; i < d->cfg->selector_cnt; i++)
		wc.all |= d->cfg->selectors[i].kind == SELECT_ALL;
	e = tls_watch_new(&wc, d->loader, &d->tls);
	if (!e)
		e = tls_watch_start(d->tls);
	if (e)
		snprintf(err, 256, "cannot look for TLS libraries: %s", strerror(-e));
	return e;
}

static int start_capture(struct daemon *d, char err[256])
{
	const struct config *c = d->cfg;
	struct source_info info = {.boot_to_unix_ns = clock_boot_to_unix_ns()};
	size_t matched;
	int e;

	e = loader_attach_proc(d->loader, err);
	if (!e)
		e = selection_scan(d->selection, d->loader, &matched, err);
	if (!e && c->tls)
		e = start_tls(d, err);
	if (!e)
		e = loader_attach_io(d->loader, err);
	if (e)
		return e;
	pipeline_start(d->pipeline, &info);
	/* loading went through the kernel's type information, tens of MiB that are not needed again
	 */
	malloc_trim(0);
	/* capturing shall not lose its place to the load it watches */
	if (setpriority(PRIO_PROCESS, 0, -5))
		log_debug("priority stays as it is: %s", strerror(errno));
	if (matched)
		log_info("capturing %zu process%s, hooks: %s", matched, matched == 1 ? "" : "es",
			 loader_hooks(d->loader));
	else
		log_info("capturing 0 processes, hooks: %s; nothing matches yet, waiting for it to "
			 "start",
			 loader_hooks(d->loader));
	if (c->log_level < LOG_INFO)
		fprintf(stderr, "otel-ebpf: capturing %zu\n", matched);
	notify_ready();
	return 0;
}

int daemon_run(const struct config *cfg)
{
	struct daemon d = {.cfg = cfg};
	struct loader_config lc = {.hooks = (enum hooks)cfg->hooks,
				   .ring_bytes = (size_t)cfg->ring_mib << 20,
				   .capture_bytes = cfg->capture_bytes,
				   .tls_connections = cfg->tls ? cfg->max_connections : 0,
				   .db_server = cfg->db_server,
				   .kafka_broker = cfg->kafka_broker};
	static const struct loop_ops ops = {.ready = on_ready, .tick = on_tick};
	char err[256] = "out of memory";
	uint64_t cnt = 0;
	int rc = 1, e;

	if (cfg->disabled) {
		log_info("OTEL_SDK_DISABLED is true: nothing is watched or exported");
		return 0;
	}
	if (loop_block_signals())
		return fail("cannot set up signals");
	if (cfg->command == CMD_RECORD) {
		e = recorder_open(cfg->output, clock_boot_to_unix_ns(), &d.recorder);
		if (e) {
			log_error("cannot write %s: %s", cfg->output, strerror(-e));
			return 1;
		}
	}
	d.pc.kernel_stats = kernel_stats;
	d.pc.process = on_process;
	d.pc.kernel_ctx = d.pc.process_ctx = &d;
	d.proc.proc_root = cfg->proc_root;
	e = selection_new(cfg->selectors, cfg->selector_cnt, &d.proc, &d.selection);
	if (!e)
		e = selection_loader_config(d.selection, &lc, err);
	if (!e)
		e = loader_open(&lc, &d.loader, err);
	if (e) {
		fail(err);
		goto out;
	}
	if (open_pipeline(&d, true))
		goto out;
	e = start_capture(&d, err);
	if (e) {
		fail(err);
		goto out;
	}
	e = loop_run(loader_ring_fd(d.loader),
		     cfg->duration_s ? cfg->duration_s * 1000 : UINT64_MAX, &ops, &d);
	loader_pause(d.loader);
	tls_watch_free(d.tls);
	d.tls = NULL;
	loader_detach(d.loader);
	loader_drain(d.loader, pipeline_record, d.pipeline);
	finish(&d);
	rc = e ? 1 : 0;
out:
	if (d.recorder) {
		if (d.loader)
			record_loss(&d);
		e = recorder_close(d.recorder, &cnt);
		if (e) {
			log_error("writing %s: %s", cfg->output, strerror(-e));
			rc = 1;
		} else if (!rc) {
			log_info("%llu records written to %s", (unsigned long long)cnt,
				 cfg->output);
		}
	}
	close_all(&d);
	return rc;
}

int daemon_replay(const struct config *cfg)
{
	struct daemon d = {.cfg = cfg};
	struct source_info info = {0};
	char err[256] = "";
	int kind = source_kind(cfg->file), rc = 1, e;

	if (kind < 0) {
		log_error("cannot read %s: %s", cfg->file, strerror(-kind));
		return 1;
	}
	if (!kind) {
		log_error("%s is neither a recording nor pcap nor pcapng", cfg->file);
		return 1;
	}
	if (loop_block_signals() || open_pipeline(&d, false))
		goto out;
	pipeline_flow_control(d.pipeline, true);
	if (kind == 1)
		e = replay_run(cfg->file, pipeline_record, pipeline_start, d.pipeline, &info, err);
	else
		e = pcap_run(cfg->file, pipeline_record, pipeline_start, d.pipeline, &info, err);
	finish(&d);
	if (e) {
		log_error("%s: %s", cfg->file, err[0] ? err : strerror(-e));
		goto out;
	}
	if (info.truncated)
		log_warn("%s ends in the middle: what stands before was used", cfg->file);
	if (info.skipped)
		log_info("%s: %llu packets are not whole TCP segments and were skipped", cfg->file,
			 (unsigned long long)info.skipped);
	rc = 0;
out:
	close_all(&d);
	return rc;
}
