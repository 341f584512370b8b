/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_TAP_H
#define OE_TAP_H
/* Minimal TAP producer for prove. A test's main ends with `return tap_done();`. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_cnt, tap_failed;

static inline bool tap_result(bool good, const char *file, int line, const char *fmt, va_list ap)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_cnt);
	vprintf(fmt, ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool good, const char *file,
								int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	return good;
}

static inline bool tap_int(int64_t got, int64_t want, const char *file, int line, const char *name)
{
	if (!tap_ok(got == want, file, line, "%s", name))
		printf("#   got %" PRId64 ", want %" PRId64 "\n", got, want);
	return got == want;
}

static inline bool tap_str(const char *got, const char *want, const char *file, int line,
			   const char *name)
{
	bool good = got && want ? !strcmp(got, want) : got == want;

	if (!tap_ok(good, file, line, "%s", name))
		printf("#   got  '%s'\n#   want '%s'\n", got ? got : "(null)",
		       want ? want : "(null)");
	return good;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_cnt);
	return tap_failed ? 1 : 0;
}

#define ok(cond, ...)		tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, name) tap_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, name)
#define is_str(got, want, name) tap_str((got), (want), __FILE__, __LINE__, name)
#define skip_test(why)		printf("ok %d # SKIP %s\n", ++tap_cnt, why)

#endif
