/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls a TLS library's functions for real and counts how often control passes the sites that were
 * chosen in them: each call must pass one entry site, with its arguments in the places that the
 * site names, and then one exit site with its result. x86-64 only.
 *
 *   tls_calls ssl|gnutls LIBRARY CERT.pem KEY.pem SITES     SITES: what `sites LIBRARY FUNCTION...`
 * printed
 *
 * Breakpoints are written into the library's code (in our own memory); a SIGTRAP handler takes
 * notes, puts the instruction back, and steps over it. Client and server talk in this process.
 * Prints "ok"/"not ok" lines and, last, how many; exits 1 if any is not ok, 77 if the library
 * cannot be loaded here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#define SITES_MAX 256
#define ARGS	  5

struct val {
	char kind[8]; /* "": none */
	int reg;
};

struct site {
	char func[40], what[8];
	uint8_t *at;
	uint8_t byte;
	struct val arg[ARGS], result;
	int hits;
	int64_t seen[ARGS];
};

static struct site sites[SITES_MAX];
static char forwards[SITES_MAX][2][40];
static size_t site_cnt, forward_cnt;
static uint8_t *stepping;
static int order; /* of hits */
static int order_of[SITES_MAX];
static int tested, failed;

static const int gregs[] = {REG_R15, REG_R14, REG_R13, REG_R12, REG_RBP, REG_RBX, REG_R11, REG_R10,
			    REG_R9,  REG_R8,  REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_RDI};

static int64_t val_read(const struct val *v, const ucontext_t *u)
{
	int64_t raw = u->uc_mcontext.gregs[gregs[v->reg]];

	return !strcmp(v->kind, "reg4") ? (int32_t)raw : raw;
}

static void on_trap(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *u = ctx;
	uint8_t *pc = (uint8_t *)(uintptr_t)u->uc_mcontext.gregs[REG_RIP] - 1;
	bool found = false;

	(void)sig;
	(void)si;
	if (stepping) {
		*stepping = 0xcc;
		stepping = NULL;
		u->uc_mcontext.gregs[REG_EFL] &= ~0x100;
		/* the step may have led to another breakpoint: that has its own turn */
		return;
	}
	for (size_t i = 0; i < site_cnt; i++) {
		struct site *s = &sites[i];

		if (s->at != pc)
			continue;
		found = true;
		s->hits++;
		order_of[i] = ++order;
		for (int k = 0; k < ARGS; k++)
			if (s->arg[k].kind[0])
				s->seen[k] = val_read(&s->arg[k], u);
		if (s->result.kind[0])
			s->seen[0] = val_read(&s->result, u);
		*pc = s->byte;
	}
	if (!found)
		_exit(9);
	stepping = pc;
	u->uc_mcontext.gregs[REG_RIP]--;
	u->uc_mcontext.gregs[REG_EFL] |= 0x100;
}

static void die(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool val_parse(const char *word, struct val *ret)
{
	const char *eq = strchr(word, '='), *colon = eq ? strchr(eq, ':') : NULL;

	if (!colon)
		return false;
	snprintf(ret->kind, sizeof(ret->kind), "%.*s", (int)(colon - eq - 1), eq + 1);
	ret->reg = atoi(colon + 1);
	return true;
}

static void sites_read(const char *path, uintptr_t base)
{
	char line[512];
	FILE *f = fopen(path, "r");

	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f)) {
		struct site *s = &sites[site_cnt];
		unsigned long long addr;
		char cost[16], *word, *bar = strchr(line, '|');
		int at;

		if (sscanf(line, "%39s forwards %39s", forwards[forward_cnt][0],
			   forwards[forward_cnt][1]) == 2) {
			forward_cnt++;
			continue;
		}
		if (!bar || sscanf(line, "%39s %7s 0x%llx %*s %15s %*s %*s %*s%n", s->func, s->what,
				   &addr, cost, &at) < 4)
			continue;
		if (!strcmp(s->what, "return"))
			continue; /* the kernel's own business */
		*bar = 0;
		for (word = strtok(line + at, " "); word; word = strtok(NULL, " ")) {
			if (!strncmp(word, "arg", 3))
				val_parse(word, &s->arg[word[3] - '0']);
			else if (!strncmp(word, "result", 6))
				val_parse(word, &s->result);
		}
		s->at = (uint8_t *)(base + addr);
		if (++site_cnt == SITES_MAX)
			break;
	}
	fclose(f);
}

static void sites_arm(void)
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	long page = sysconf(_SC_PAGESIZE);

	sigaction(SIGTRAP, &sa, NULL);
	for (size_t i = 0; i < site_cnt; i++)
		if (mprotect((void *)((uintptr_t)sites[i].at & -(uintptr_t)page), 2 * (size_t)page,
			     PROT_READ | PROT_WRITE | PROT_EXEC))
			die("mprotect");
	for (size_t i = 0; i < site_cnt; i++)
		sites[i].byte = *sites[i].at;
	for (size_t i = 0; i < site_cnt; i++)
		*sites[i].at = 0xcc;
}

static void begin(void)
{
	order = 0;
	memset(order_of, 0, sizeof(order_of));
	for (size_t i = 0; i < site_cnt; i++)
		sites[i].hits = 0;
}

static void check(bool good, const char *func, const char *note, const char *what, int64_t got,
		  int64_t want)
{
	tested++;
	if (good)
		return;
	failed++;
	printf("not ok - %s (%s): %s: %lld, not %lld\n", func, note, what, (long long)got,
	       (long long)want);
}

/* One call of `func` with these arguments has just returned `result`. */
static void end(const char *func, const char *note, const int64_t *args, int arg_cnt,
		int64_t result)
{
	int entries = 0, exits = 0, has_exit = 0, has = 0, entry_order = 0;

	for (size_t i = 0; i < forward_cnt; i++)
		if (!strcmp(forwards[i][0], func)) {
			func = forwards[i][1];
			arg_cnt = arg_cnt > 3 ? 3 : arg_cnt; /* the first three are the same */
		}
	for (size_t i = 0; i < site_cnt; i++) {
		const struct site *s = &sites[i];

		if (strcmp(s->func, func))
			continue;
		has = 1;
		if (!strcmp(s->what, "exit")) {
			has_exit = 1;
			exits += s->hits;
			if (s->hits) {
				check(s->seen[0] == result, func, note, "result", s->seen[0],
				      result);
				check(order_of[i] > entry_order, func, note, "order", order_of[i],
				      entry_order);
			}
			continue;
		}
		entries += s->hits;
		if (!s->hits)
			continue;
		entry_order = order_of[i];
		for (int k = 0; k < arg_cnt; k++)
			if (s->arg[k].kind[0])
				check(s->seen[k] == args[k], func, note, "argument", s->seen[k],
				      args[k]);
	}
	if (!has)
		return;
	check(entries == 1, func, note, "entry sites passed", entries, 1);
	if (has_exit)
		check(exits == 1, func, note, "exit sites passed", exits, 1);
}

/* Nothing of func may be passed by a call of something else. */
static void end_other(const char *func, const char *note)
{
	for (size_t i = 0; i < site_cnt; i++)
		if (!strcmp(sites[i].func, func) && !strcmp(sites[i].what, "entry"))
			check(!sites[i].hits, func, note, "entry sites passed", sites[i].hits, 0);
}

/* any prototype: the libraries' headers are not needed here; results are cut to int below */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
typedef long (*fn)();
#pragma GCC diagnostic pop

static void *lib;

static fn sym(const char *name)
{
	return (fn)(uintptr_t)dlsym(lib, name);
}

static int64_t call(const char *name, const char *note, bool result4, bool args4, int cnt,
		    int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)
{
	fn f = sym(name);
	int64_t args[] = {a, b, c, d, e}, r;

	if (!f)
		return -99;
	begin();
	/* an int comes with whatever was in the register's upper half */
	r = f(a, b, args4 ? (int64_t)((uint64_t)c & 0xffffffff) | 0x1234500000000000 : c, d, e);
	if (result4)
		r = (int32_t)r;
	end(name, note, args, cnt, r);
	return r;
}

#define P(p) ((int64_t)(uintptr_t)(p))

/* ---- OpenSSL ---- */

static void *libcrypto;

static void *ssl_new(void *ctx, bool server)
{
	void *s = (void *)sym("SSL_new")(ctx);

	if (!s)
		die("SSL_new");
	sym(server ? "SSL_set_accept_state" : "SSL_set_connect_state")(s);
	return s;
}

static void ssl_pair(void *ctx, void **ret_client, void **ret_server)
{
	fn bio_pair = (fn)(uintptr_t)dlsym(libcrypto, "BIO_new_bio_pair");
	void *cb, *sb;

	*ret_client = ssl_new(ctx, false);
	*ret_server = ssl_new(ctx, true);
	bio_pair(&cb, (size_t)0, &sb, (size_t)0);
	sym("SSL_set_bio")(*ret_client, cb, cb);
	sym("SSL_set_bio")(*ret_server, sb, sb);
}

static void ssl_handshake(void *c, void *s)
{
	int64_t rc = 0, rs = 0;

	for (int i = 0; i < 10 && (rc != 1 || rs != 1); i++) {
		if (rc != 1)
			rc = call("SSL_do_handshake", "client", true, false, 1, P(c), 0, 0, 0, 0);
		if (rs != 1)
			rs = call("SSL_do_handshake", "server", true, false, 1, P(s), 0, 0, 0, 0);
	}
	if (rc != 1 || rs != 1) {
		printf("not ok - no handshake\n");
		exit(1);
	}
}

static void ssl_reads(void *c, void *s, const char *note)
{
	static char buf[20000], msg[20000];
	size_t done = 0;

	memset(msg, 'x', sizeof(msg));
	for (int i = 0; i < 3; i++) {
		call("SSL_write", note, true, true, 3, P(c), P(msg), 200, 0, 0);
		call("SSL_write_ex", note, true, false, 4, P(c), P(msg), 100, P(&done), 0);
		call("SSL_write_ex2", note, true, false, 5, P(c), P(msg), 77, 0, P(&done));
		begin();
		sym("SSL_peek")(s, buf, 10);
		end_other("SSL_read", "a peek");
		begin();
		sym("SSL_peek_ex")(s, buf, (size_t)10, &done);
		end_other("SSL_read_ex", "a peek");
		call("SSL_read", note, true, true, 3, P(s), P(buf), 150, 0, 0);
		call("SSL_read", note, true, true, 3, P(s), P(buf), sizeof(buf), 0, 0);
		call("SSL_read_ex", note, true, false, 4, P(s), P(buf), sizeof(buf), P(&done), 0);
		call("SSL_read", note, true, true, 3, P(s), P(buf), sizeof(buf), 0, 0);
		call("SSL_read", "would block", true, true, 3, P(s), P(buf), sizeof(buf), 0, 0);
		call("SSL_read_ex", "would block", true, false, 4, P(s), P(buf), sizeof(buf),
		     P(&done), 0);
	}
	call("SSL_read", "nothing wanted", true, true, 3, P(s), P(buf), 0, 0, 0);
	call("SSL_read", "negative", true, true, 3, P(s), P(buf), -5, 0, 0);
	call("SSL_write", "nothing", true, true, 3, P(c), P(msg), 0, 0, 0);
	call("SSL_write", "negative", true, true, 3, P(c), P(msg), -5, 0, 0);
	call("SSL_write_ex", "nothing", true, false, 4, P(c), P(msg), 0, P(&done), 0);
	for (int i = 0; i < 3; i++) /* until the pipe is full */
		call("SSL_write", "large", true, true, 3, P(s), P(msg), 16000, 0, 0);
	for (int i = 0; i < 6; i++)
		call("SSL_read", "large", true, true, 3, P(c), P(buf), sizeof(buf), 0, 0);
	call("SSL_sendfile", note, false, false, 4, P(c), 0, 0, 10, 0);
	call("SSL_read_early_data", "too late", true, false, 4, P(s), P(buf), 10, P(&done), 0);
	call("SSL_write_early_data", "too late", true, false, 4, P(c), P(msg), 10, P(&done), 0);
}

static int ssl_all(const char *cert, const char *key)
{
	fn method = sym("TLS_method");
	void *ctx, *c, *s, *fresh;
	static char buf[100];
	size_t done = 0;

	libcrypto = lib;
	ctx = (void *)sym("SSL_CTX_new")((void *)method());
	if (!ctx || sym("SSL_CTX_use_certificate_file")(ctx, cert, 1) != 1 ||
	    sym("SSL_CTX_use_PrivateKey_file")(ctx, key, 1) != 1)
		die("certificate");
	sites_arm();
	for (int round = 0; round < 3; round++) {
		if (round == 1) /* TLS 1.2: SSL_CTRL_SET_MAX_PROTO_VERSION */
			sym("SSL_CTX_ctrl")(ctx, 124, 0x303L, NULL);
		ssl_pair(ctx, &c, &s);
		if (round ==
		    2) { /* SSL_CTRL_MODE, SSL_MODE_ASYNC: inside jobs on stacks of their own */
			sym("SSL_ctrl")(c, 33, 0x100L, NULL);
			sym("SSL_ctrl")(s, 33, 0x100L, NULL);
		}
		call("SSL_read", "before the handshake", true, true, 3, P(s), P(buf), sizeof(buf),
		     0, 0);
		ssl_handshake(c, s);
		ssl_reads(c, s, round == 2 ? "in a job" : round ? "TLS 1.2" : "TLS 1.3");
		call("SSL_shutdown", "first", true, false, 1, P(c), 0, 0, 0, 0);
		call("SSL_read", "closed", true, true, 3, P(s), P(buf), sizeof(buf), 0, 0);
		call("SSL_read_ex", "closed", true, false, 4, P(s), P(buf), sizeof(buf), P(&done),
		     0);
		call("SSL_shutdown", "other", true, false, 1, P(s), 0, 0, 0, 0);
		call("SSL_shutdown", "second", true, false, 1, P(c), 0, 0, 0, 0);
		call("SSL_write", "closed", true, true, 3, P(c), P(buf), 10, 0, 0);
		call("SSL_free", "client", false, false, 1, P(c), 0, 0, 0, 0);
		call("SSL_free", "server", false, false, 1, P(s), 0, 0, 0, 0);
	}
	/* without any role */
	fresh = (void *)sym("SSL_new")(ctx);
	call("SSL_read", "no role", true, true, 3, P(fresh), P(buf), 10, 0, 0);
	call("SSL_write", "no role", true, true, 3, P(fresh), P(buf), 10, 0, 0);
	call("SSL_read_ex", "no role", true, false, 4, P(fresh), P(buf), 10, P(&done), 0);
	call("SSL_write_ex", "no role", true, false, 4, P(fresh), P(buf), 10, P(&done), 0);
	call("SSL_do_handshake", "no role", true, false, 1, P(fresh), 0, 0, 0, 0);
	call("SSL_shutdown", "no role", true, false, 1, P(fresh), 0, 0, 0, 0);
	sym("SSL_set_connect_state")(fresh);
	call("SSL_write_early_data", "early", true, false, 4, P(fresh), P(buf), 10, P(&done), 0);
	call("SSL_free", "no role", false, false, 1, P(fresh), 0, 0, 0, 0);
	call("SSL_free", "nothing", false, false, 1, 0, 0, 0, 0, 0);
	fresh = ssl_new(ctx, true);
	call("SSL_read_early_data", "early", true, false, 4, P(fresh), P(buf), 10, P(&done), 0);
	call("SSL_free", "early", false, false, 1, P(fresh), 0, 0, 0, 0);
	return 0;
}

/* ---- GnuTLS ---- */

static void *tls_new(void *cred, int flags, int fd)
{
	void *s = NULL;

	if (sym("gnutls_init")(&s, flags) < 0)
		die("gnutls_init");
	sym("gnutls_set_default_priority")(s);
	sym("gnutls_credentials_set")(s, 1, cred);
	sym("gnutls_transport_set_int2")(s, fd, fd);
	return s;
}

static void tls_talk(void *c, void *s)
{
	static char buf[20000], msg[20000], seq[8];

	for (int i = 0; i < 3; i++) {
		call("gnutls_record_send", "", false, false, 3, P(c), P(msg), 200, 0, 0);
		call("gnutls_record_send2", "", false, false, 3, P(c), P(msg), 100, 0, 0);
		call("gnutls_record_recv", "", false, false, 3, P(s), P(buf), 150, 0, 0);
		call("gnutls_record_recv", "", false, false, 3, P(s), P(buf), sizeof(buf), 0, 0);
		call("gnutls_record_recv_seq", "", false, false, 3, P(s), P(buf), sizeof(buf),
		     P(seq), 0);
		call("gnutls_record_recv", "would block", false, false, 3, P(s), P(buf),
		     sizeof(buf), 0, 0);
		call("gnutls_record_recv_seq", "would block", false, false, 3, P(s), P(buf),
		     sizeof(buf), P(seq), 0);
	}
	call("gnutls_record_recv", "nothing wanted", false, false, 3, P(s), P(buf), 0, 0, 0);
	call("gnutls_record_send", "nothing", false, false, 3, P(c), P(msg), 0, 0, 0);
	sym("gnutls_record_cork")(c);
	call("gnutls_record_send", "corked", false, false, 3, P(c), P(msg), 10, 0, 0);
	sym("gnutls_record_uncork")(c, 0u);
	call("gnutls_record_recv", "corked", false, false, 3, P(s), P(buf), sizeof(buf), 0, 0);
	call("gnutls_record_send2", "padded", false, false, 3, P(c), P(msg), 10, 50, 0);
	call("gnutls_record_recv", "padded", false, false, 3, P(s), P(buf), sizeof(buf), 0, 0);
	sym("gnutls_session_key_update")(c, 1u);
	call("gnutls_record_recv", "key update", false, false, 3, P(s), P(buf), sizeof(buf), 0, 0);
	call("gnutls_record_send", "key update", false, false, 3, P(s), P(msg), 10, 0, 0);
	call("gnutls_record_recv", "key update", false, false, 3, P(c), P(buf), sizeof(buf), 0, 0);
	for (int i = 0; i < 40; i++) /* until the socket is full */
		call("gnutls_record_send", "large", false, false, 3, P(s), P(msg), 16000, 0, 0);
	for (int i = 0; i < 40; i++)
		call("gnutls_record_recv", "large", false, false, 3, P(c), P(buf), sizeof(buf), 0,
		     0);
}

static int gnutls_all(const char *cert, const char *key)
{
	static char buf[100];
	void *cred = NULL, *ccred = NULL, *c, *s;
	int64_t rc = -1, rs = -1;
	int fds[2];

	sym("gnutls_global_init")();
	sym("gnutls_certificate_allocate_credentials")(&cred);
	sym("gnutls_certificate_allocate_credentials")(&ccred);
	if (sym("gnutls_certificate_set_x509_key_file")(cred, cert, key, 1) < 0)
		die("certificate");
	sites_arm();
	for (int round = 0; round < 2; round++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
			die("socketpair");
		c = tls_new(ccred, 2 | 8, fds[0]);
		s = tls_new(cred, 1 | 8, fds[1]);
		if (round) {
			const char *at;

			sym("gnutls_priority_set_direct")(c, "NORMAL:-VERS-TLS1.3", &at);
		}
		call("gnutls_record_recv", "before the handshake", false, false, 3, P(c), P(buf),
		     10, 0, 0);
		call("gnutls_record_send", "before the handshake", false, false, 3, P(c), P(buf),
		     10, 0, 0);
		rc = rs = -1;
		for (int i = 0; i < 20 && (rc || rs); i++) {
			if (rc)
				rc = call("gnutls_handshake", "client", true, false, 1, P(c), 0, 0,
					  0, 0);
			if (rs)
				rs = call("gnutls_handshake", "server", true, false, 1, P(s), 0, 0,
					  0, 0);
		}
		if (rc || rs) {
			printf("not ok - no handshake: %lld %lld\n", (long long)rc, (long long)rs);
			return 1;
		}
		tls_talk(c, s);
		if (!round)
			call("gnutls_handshake", "again", true, false, 1, P(s), 0, 0, 0, 0);
		call("gnutls_bye", "first", true, false, 1, P(c), 0, 0, 0, 0);
		call("gnutls_record_recv", "closed", false, false, 3, P(s), P(buf), 10, 0, 0);
		call("gnutls_bye", "other", true, false, 1, P(s), 1, 0, 0, 0);
		call("gnutls_bye", "second", true, false, 1, P(c), 0, 0, 0, 0);
		call("gnutls_record_recv", "invalid", false, false, 3, P(c), P(buf), 10, 0, 0);
		call("gnutls_record_send", "closed", false, false, 3, P(c), P(buf), 10, 0, 0);
		call("gnutls_deinit", "", false, false, 1, P(c), 0, 0, 0, 0);
		call("gnutls_deinit", "", false, false, 1, P(s), 0, 0, 0, 0);
		close(fds[0]);
		close(fds[1]);
	}
	call("gnutls_deinit", "nothing", false, false, 1, 0, 0, 0, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct link_map *map;

	if (argc != 6) {
		fprintf(stderr, "usage: tls_calls ssl|gnutls LIBRARY CERT KEY SITES\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	lib = dlopen(argv[2], RTLD_NOW | RTLD_GLOBAL);
	if (!lib || dlinfo(lib, RTLD_DI_LINKMAP, &map)) {
		printf("# %s\n", dlerror());
		return 77;
	}
	sites_read(argv[5], map->l_addr);
	if (!strcmp(argv[1], "ssl"))
		ssl_all(argv[3], argv[4]);
	else if (gnutls_all(argv[3], argv[4]))
		return 1;
	printf("%s - %d checks, %d failed\n", failed ? "not ok" : "ok", tested, failed);
	return failed ? 1 : 0;
}
