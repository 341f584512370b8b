/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_LOG_H
#define OE_LOG_H
/*
 * One line per message on stderr: "otel-ebpf: warning: text". Only the modules
 * that decide what happens next log; base, probes and the encoders do not.
 * Payload bytes never above debug.
 */
enum log_level { LOG_NONE = 0, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_get_level() >= LOG_DEBUG)                                                  \
			log_at(LOG_DEBUG, __VA_ARGS__);                                            \
	} while (0)

#endif
