/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static enum log_level level_now = LOG_INFO;

void log_set_level(enum log_level level)
{
	level_now = level;
}

enum log_level log_get_level(void)
{
	return level_now;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"", "error: ", "warning: ", "", "debug: "};
	char line[1024];
	va_list ap;
	int n, m;

	if (level > level_now)
		return;
	n = snprintf(line, sizeof(line), "otel-ebpf: %s", names[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	if (m < 0)
		return;
	n += m;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* one write, so that lines of two threads do not mix */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}
