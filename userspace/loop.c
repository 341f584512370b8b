/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "userspace/base/clock.h"

static void our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

int loop_block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	our_signals(&set);
	return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int add(int ep, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* True: a signal asks to stop. */
static bool on_signal(int fd, const struct loop_ops *ops, void *ctx)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return false;
	if (si.ssi_signo != SIGHUP)
		return true;
	if (ops->hangup)
		ops->hangup(ctx);
	return false;
}

int loop_run(int fd, uint64_t duration_ms, const struct loop_ops *ops, void *ctx)
{
	struct itimerspec every = {{0, LOOP_TICK_MS * NSEC_PER_MSEC},
				   {0, LOOP_TICK_MS * NSEC_PER_MSEC}};
	uint64_t until = UINT64_MAX, expired;
	int ep = -1, timer = -1, sig = -1, err = 0;
	bool stop = false;
	sigset_t set;

	if (duration_ms != UINT64_MAX)
		until = clock_boot_ns() + duration_ms * NSEC_PER_MSEC;
	our_signals(&set);
	ep = epoll_create1(EPOLL_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	sig = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ep < 0 || timer < 0 || sig < 0 || timerfd_settime(timer, 0, &every, NULL)) {
		err = -errno;
		goto out;
	}
	err = add(ep, timer);
	if (!err)
		err = add(ep, sig);
	if (!err && fd >= 0)
		err = add(ep, fd);
	while (!err && !stop) {
		struct epoll_event evs[4];
		int n = epoll_wait(ep, evs, 4, -1);

		if (n < 0 && errno != EINTR)
			err = -errno;
		for (int i = 0; i < n; i++) {
			if (evs[i].data.fd == sig) {
				stop |= on_signal(sig, ops, ctx);
			} else if (evs[i].data.fd == timer) {
				if (read(timer, &expired, sizeof(expired)) == sizeof(expired))
					ops->tick(ctx);
			} else {
				ops->ready(ctx);
			}
		}
		stop |= clock_boot_ns() >= until;
	}
out:
	if (sig >= 0)
		close(sig);
	if (timer >= 0)
		close(timer);
	if (ep >= 0)
		close(ep);
	return err;
}
