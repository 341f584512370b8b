/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_PROC_NAME_H
#define OE_PROC_NAME_H
#include <stdbool.h>
#include <stddef.h>

/*
 * What users call a program: the script or module that an interpreter runs, else the executable's
 * name. cmdline: the text of /proc/PID/cmdline (NUL between arguments). exe: base name of the
 * executable, may be "". ret_runtime: process.runtime.name when certain, else NULL; ret_language:
 * telemetry.sdk.language or NULL. False: nothing usable is known.
 *
 *   python3 app.py, python3 -m pkg.mod, python3 /usr/bin/gunicorn ...   app, pkg.mod, gunicorn
 *   node server.js, node dist/index.js                                 server, dist
 *   java -jar shop.jar, java -cp x com.acme.Main                       shop, Main
 *   nginx: worker process                                              nginx
 *
 * Names that say nothing (index, main, app, server, __main__, wsgi, asgi, manage) keep their own
 * name unless they are "index" or "__main__", where the folder's name is used.
 */
bool proc_service_name(const char *cmdline, size_t len, const char *exe, char *out, size_t out_size,
		       const char **ret_runtime, const char **ret_language);

#endif
