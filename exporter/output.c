/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exporter/mono.h"

/* How long one wait may last before the abort flag is looked at again. */
#define OUTPUT_POLL_MS 100

/*
 * "Somebody is writing", for all files of the process: one flag and a condition rather than a
 * mutex, because the wait for it must end at the deadline too.
 */
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t out_free;
static pthread_once_t out_once = PTHREAD_ONCE_INIT;
static bool out_busy;

static void out_init(void)
{
	mono_cond_init(&out_free);
}

static int out_take(uint64_t deadline_ns, atomic_bool *abort)
{
	int err = 0;

	pthread_once(&out_once, out_init);
	pthread_mutex_lock(&out_lock);
	while (out_busy && !err) {
		uint64_t now = mono_ns(), until = now + OUTPUT_POLL_MS * NSEC_PER_MSEC;

		if (abort && atomic_load(abort))
			err = -ECANCELED;
		else if (now >= deadline_ns)
			err = -ETIMEDOUT;
		else
			mono_cond_wait(&out_free, &out_lock,
				       until < deadline_ns ? until : deadline_ns);
	}
	if (!err)
		out_busy = true;
	pthread_mutex_unlock(&out_lock);
	return err;
}

static void out_put(void)
{
	pthread_mutex_lock(&out_lock);
	out_busy = false;
	pthread_cond_signal(&out_free);
	pthread_mutex_unlock(&out_lock);
}

/* 0 = write now, 1 = look again, or negative errno. */
static int wait_writable(int fd, uint64_t deadline_ns, atomic_bool *abort)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t now = mono_ns();
	int n, ms = OUTPUT_POLL_MS;

	if (abort && atomic_load(abort))
		return -ECANCELED;
	/* at the deadline one look without waiting is still allowed: a ready file is never late */
	if (now >= deadline_ns)
		ms = 0;
	n = poll(&p, 1, ms);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (!n)
		return now >= deadline_ns ? -ETIMEDOUT : 1;
	return 0; /* an error condition too: write() then says which */
}

int output_write(int fd, struct bytes data, uint64_t deadline_ns, atomic_bool *abort,
		 size_t *ret_written)
{
	struct stat st;
	bool regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	size_t done = 0;
	int err;

	*ret_written = 0;
	err = out_take(deadline_ns, abort);
	if (err)
		return err;
	while (!err && done < data.len) {
		size_t n = data.len - done;
		ssize_t w;

		err = wait_writable(fd, deadline_ns, abort);
		if (err > 0) {
			err = 0;
			continue;
		}
		if (err)
			break;
		/* a writable pipe takes PIPE_BUF bytes without blocking, more may block for good */
		if (!regular && n > PIPE_BUF)
			n = PIPE_BUF;
		w = write(fd, data.data + done, n);
		if (w < 0)
			err = errno == EINTR || errno == EAGAIN ? 0 : -errno;
		else
			done += (size_t)w;
	}
	out_put();
	*ret_written = done;
	return err;
}

const char *output_error_type(int err)
{
	switch (-err) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "no_space";
	case EPIPE:
		return "broken_pipe";
	case ETIMEDOUT:
		return "timeout";
	case ECANCELED:
		return "aborted";
	case ENOMEM:
		return "no_memory";
	case E2BIG:
		return "too_large";
	default:
		return "io";
	}
}

enum export_result output_failed(struct export_info *info, const char *where, int err)
{
	char reason[96];

	snprintf(info->error, sizeof(info->error), "%s: %s", where,
		 strerror_r(-err, reason, sizeof(reason)));
	snprintf(info->error_type, sizeof(info->error_type), "%s", output_error_type(err));
	return EXPORT_REJECTED;
}
