/* SPDX-License-Identifier: Apache-2.0 */
#include "userspace/proc_name.h"

#include <stdio.h>
#include <string.h>

struct runtime {
	const char *prefix; /* of the executable's name, followed by digits, dots or nothing */
	const char *runtime, *language;
	const char *with_value; /* options that take the next argument, ' ' around each */
	const char *module;	/* options whose next argument names what runs */
};

static const struct runtime runtimes[] = {
	{"python", "cpython", "python", " -W -X --check-hash-based-pycs ", " -m "},
	{"pypy", "pypy", "python", " -W -X ", " -m "},
	{"node", "nodejs", "nodejs",
	 " -r --require --import --loader --experimental-loader -C --conditions --env-file ", " "},
	{"java", NULL, "java",
	 " -cp -classpath --class-path -p --module-path --add-modules --add-opens --add-exports "
	 "--add-reads --upgrade-module-path ",
	 " -jar -m --module "},
	{"ruby", NULL, "ruby", " -I -r -C ", " "},
	{"perl", NULL, NULL, " -I ", " "},
	{"php", NULL, "php", " -c -d ", " -f "},
};

static bool is_runtime(const struct runtime *r, const char *name)
{
	size_t n = strlen(r->prefix);

	return !strncmp(name, r->prefix, n) && !name[n + strspn(name + n, "0123456789.")];
}

static bool listed(const char *list, const char *opt)
{
	size_t n = strlen(opt);

	for (const char *p = list; (p = strstr(p, opt)); p++)
		if (p > list && p[-1] == ' ' && p[n] == ' ')
			return true;
	return false;
}

static const char *base_name(const char *path)
{
	const char *s = strrchr(path, '/');

	return s ? s + 1 : path;
}

/* app.py -> app, shop-1.2.jar -> shop-1.2, com.acme.Main -> Main; index.js -> its folder */
static void script_name(const char *script, bool java_class, char *out, size_t size)
{
	static const char *const suffixes[] = {".py",  ".pyc", ".js", ".mjs", ".cjs", ".ts",
					       ".jar", ".war", ".rb", ".pl",  ".php"};
	const char *b = base_name(script), *dot;
	size_t n = strlen(b);

	if (java_class && (dot = strrchr(b, '.')) && dot[1])
		b = dot + 1, n = strlen(b);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t s = strlen(suffixes[i]);

		if (n > s && !strcmp(b + n - s, suffixes[i])) {
			n -= s;
			break;
		}
	}
	if (((n == 5 && !strncmp(b, "index", 5)) || (n == 8 && !strncmp(b, "__main__", 8))) &&
	    b > script + 1) {
		const char *end = b - 1, *start = end;

		while (start > script && start[-1] != '/')
			start--;
		if (end > start && *start != '.') {
			b = start;
			n = (size_t)(end - start);
		}
	}
	snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), b);
}

/* Copies a name; the rest of a rewritten title ("nginx: worker process") is cut off. */
static bool plain_name(const char *name, char *out, size_t size)
{
	size_t n = strcspn(name, ": \t");

	if (!n)
		return false;
	snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), name);
	return true;
}

bool proc_service_name(const char *cmdline, size_t len, const char *exe, char *out, size_t size,
		       const char **ret_runtime, const char **ret_language)
{
	const struct runtime *r = NULL;
	const char *end = cmdline + len, *arg, *name = exe && *exe ? exe : NULL;
	bool next_is_module = false, skip = false, jar = false;

	*ret_runtime = *ret_language = NULL;
	if (!name && len)
		name = base_name(cmdline);
	if (!name || !*name)
		return false;
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]) && !r; i++)
		if (is_runtime(&runtimes[i], name))
			r = &runtimes[i];
	if (!r)
		return plain_name(name, out, size);
	*ret_runtime = r->runtime;
	*ret_language = r->language;
	for (arg = len ? cmdline + strlen(cmdline) + 1 : end; arg < end; arg += strlen(arg) + 1) {
		if (skip) {
			skip = false;
			continue;
		}
		if (next_is_module) {
			if (!strcmp(r->prefix, "java") && !jar)
				script_name(arg, true, out, size);
			else if (jar)
				script_name(arg, false, out, size);
			else
				snprintf(out, size, "%s", arg);
			return out[0] != 0;
		}
		if (arg[0] == '-' && arg[1]) {
			if (!strcmp(arg, "-c") || !strcmp(arg, "-e") || !strcmp(arg, "--eval"))
				break; /* program text on the command line names nothing */
			next_is_module = listed(r->module, arg);
			jar = !strcmp(arg, "-jar");
			skip = !next_is_module && listed(r->with_value, arg);
			continue;
		}
		if (!*arg || !strcmp(arg, "-"))
			break;
		script_name(arg, !strcmp(r->prefix, "java"), out, size);
		return out[0] != 0;
	}
	return plain_name(name, out, size);
}
