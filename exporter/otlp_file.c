/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exporter `otlp_file`: one OTLP JSON request per line, written with one call
 * where the file takes it, so that lines of several exporters (or processes)
 * appending to one file stay whole. A write that broke in the middle of a line
 * is ended with a newline before the next one: exactly one line is spoilt.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/otlp.h"
#include "exporter/output.h"

#define FILE_KEEP_BYTES (1U << 20)

struct otlp_file {
	char *path;
	int fd;
	bool own_fd;
	bool mid_line; /* the last write ended inside a line */
	atomic_bool abort;
	struct arena arena;
	struct buf line;
};

static void otlp_file_close(void *state)
{
	struct otlp_file *f = state;

	if (!f)
		return;
	if (f->own_fd)
		close(f->fd);
	arena_done(&f->arena);
	buf_done(&f->line);
	free(f->path);
	free(f);
}

static int otlp_file_open(const struct exporter_config *cfg, void **ret_state, char err[256])
{
	struct otlp_file *f;
	int e;

	if (!cfg->otlp_file || !*cfg->otlp_file) {
		snprintf(err, 256, "otlp_file: no file given (--otlp-file PATH, or - for stdout)");
		return -EINVAL;
	}
	f = calloc(1, sizeof(*f));
	if (f)
		f->path = strdup(cfg->otlp_file);
	if (!f || !f->path) {
		free(f);
		snprintf(err, 256, "otlp_file: out of memory");
		return -ENOMEM;
	}
	f->fd = STDOUT_FILENO;
	arena_init(&f->arena, OTLP_TREE_MAX);
	buf_init(&f->line, OTLP_REQUEST_MAX);
	if (strcmp(f->path, "-")) {
		/* not for everybody's eyes: URLs and statements of other programs */
		f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
		if (f->fd < 0) {
			char reason[96];

			e = -errno;
			snprintf(err, 256, "otlp_file: cannot open '%.120s': %s", f->path,
				 strerror_r(-e, reason, sizeof(reason)));
			otlp_file_close(f);
			return e;
		}
		f->own_fd = true;
	}
	*ret_state = f;
	return 0;
}

static int encode(struct otlp_file *f, const struct batch *b)
{
	const ProtobufCMessage *msg;
	int err;

	buf_clear(&f->line, FILE_KEEP_BYTES);
	if (f->mid_line) {
		err = buf_add_char(&f->line, '\n');
		if (err)
			return err;
	}
	err = otlp_build(&f->arena, b, &msg);
	if (err)
		return err;
	err = otlp_json(msg, &f->line);
	return err ? err : buf_add_char(&f->line, '\n');
}

static enum export_result otlp_file_export(void *state, const struct batch *b, uint64_t deadline_ns,
					   struct export_info *ret_info)
{
	struct otlp_file *f = state;
	const char *where = f->own_fd ? f->path : "stdout";
	size_t written;
	int err;

	err = encode(f, b);
	arena_reset(&f->arena);
	if (err)
		return output_failed(ret_info, "cannot encode", err);
	err = output_write(f->fd, buf_bytes(&f->line), deadline_ns, &f->abort, &written);
	if (written)
		f->mid_line = f->line.data[written - 1] != '\n';
	return err ? output_failed(ret_info, where, err) : EXPORT_OK;
}

static void otlp_file_abort(void *state)
{
	struct otlp_file *f = state;

	atomic_store(&f->abort, true);
}

const struct exporter_ops exporter_otlp_file = {
	.name = "otlp_file",
	.traces = true,
	.metrics = true,
	.open = otlp_file_open,
	.export_batch = otlp_file_export,
	.close = otlp_file_close,
	.abort = otlp_file_abort,
};
