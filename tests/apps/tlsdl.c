/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlsdl DIR CERT KEY TIMES REQUESTS PAUSE_MS: TIMES times: loads libssl with dlopen, talks HTTP
 * over TLS with itself (REQUESTS times, on one connection), and lets the library go again, PAUSE_MS
 * after each of the three. Not linked with it. Prints its pid and waits for a line first; at the
 * end: how many requests, and at how many places the library stood.
 *
 * The distribution marks OpenSSL as never to be unloaded; copies in DIR without that mark are what
 * is used here.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CRYPTO "libcrypto.so.3"
#define TLS    "libssl.so.3"

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "tlsdl: %s: %s\n", what, why ? why : "?");
	_exit(1);
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* Copies the library `name` to path, and clears DF_1_NODELETE there. */
static void copy(const char *name, const char *path)
{
	void *h = dlopen(name, RTLD_LAZY);
	struct link_map *l;
	struct stat st;
	ElfW(Ehdr) * e;
	ElfW(Phdr) * p;
	ElfW(Dyn) * d;
	int in, out;

	if (!h || dlinfo(h, RTLD_DI_LINKMAP, &l) || (in = open(l->l_name, O_RDONLY)) < 0 ||
	    fstat(in, &st))
		die(name, "not found");
	out = open(path, O_RDWR | O_CREAT | O_TRUNC, 0755);
	if (out < 0 || ftruncate(out, st.st_size))
		die(path, "cannot write");
	e = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, out, 0);
	if (e == MAP_FAILED || pread(in, e, (size_t)st.st_size, 0) != st.st_size)
		die(path, "cannot copy");
	p = (void *)((char *)e + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type != PT_DYNAMIC)
			continue;
		for (d = (void *)((char *)e + p[i].p_offset); d->d_tag != DT_NULL; d++) {
			if (d->d_tag == DT_FLAGS_1)
				d->d_un.d_val &= ~(ElfW(Xword))DF_1_NODELETE;
		}
	}
	munmap(e, (size_t)st.st_size);
	close(in);
	close(out);
}

static void make_sockets(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(l, (void *)&a, n) || getsockname(l, (void *)&a, &n) || listen(l, 1) ||
	    connect(fd[0], (void *)&a, n))
		die("sockets", "tcp");
	fd[1] = accept(l, NULL, NULL);
	close(l);
	for (int i = 0; i < 2; i++) {
		fcntl(fd[i], F_SETFL, O_NONBLOCK);
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
}

/* what of the library is used, looked up anew each time */
#define USED(f)                                                                                    \
	f(TLS_client_method) f(TLS_server_method) f(SSL_CTX_new) f(SSL_CTX_free)                   \
		f(SSL_CTX_use_certificate_file) f(SSL_CTX_use_PrivateKey_file) f(SSL_CTX_ctrl)     \
			f(SSL_CTX_set_num_tickets) f(SSL_new) f(SSL_free) f(SSL_set_fd)            \
				f(SSL_set_connect_state) f(SSL_set_accept_state)                   \
					f(SSL_do_handshake) f(SSL_in_init) f(SSL_read)             \
						f(SSL_write) f(SSL_shutdown)
#define POINTER(name) __typeof__(name) *name##_;
#define LOOK_UP(name) ssl->name##_ = (__typeof__(name) *)dlsym(h, #name);
#define MISSING(name) || !ssl->name##_

struct library {
	USED(POINTER)
};

static void look_up(void *h, struct library *ssl)
{
	USED(LOOK_UP)
	if (0 USED(MISSING))
		die(TLS, "a function is missing");
}

static void talk(const struct library *ssl, const char *cert, const char *key, int requests)
{
	static const char req[] = "GET /dl HTTP/1.1\r\nHost: dl\r\n\r\n",
			  resp[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	SSL_CTX *ctx[2] = {ssl->SSL_CTX_new_(ssl->TLS_client_method_()),
			   ssl->SSL_CTX_new_(ssl->TLS_server_method_())};
	char buf[4096];
	SSL *s[2];
	int fd[2];

	if (!ctx[0] || !ctx[1] ||
	    ssl->SSL_CTX_use_certificate_file_(ctx[1], cert, SSL_FILETYPE_PEM) != 1 ||
	    ssl->SSL_CTX_use_PrivateKey_file_(ctx[1], key, SSL_FILETYPE_PEM) != 1)
		die("context", cert);
	ssl->SSL_CTX_set_num_tickets_(ctx[1], 0);
	make_sockets(fd);
	for (int i = 0; i < 2; i++) {
		s[i] = ssl->SSL_new_(ctx[i]);
		if (!s[i] || !ssl->SSL_set_fd_(s[i], fd[i]))
			die("SSL_new", NULL);
	}
	ssl->SSL_set_connect_state_(s[0]);
	ssl->SSL_set_accept_state_(s[1]);
	for (int turn = 0; ssl->SSL_in_init_(s[0]) || ssl->SSL_in_init_(s[1]); turn++) {
		if (turn > 100)
			die("handshake", "without end");
		ssl->SSL_do_handshake_(s[turn & 1]);
	}
	for (int i = 0; i < requests; i++) {
		if (ssl->SSL_write_(s[0], req, sizeof(req) - 1) != sizeof(req) - 1 ||
		    ssl->SSL_read_(s[1], buf, sizeof(buf)) != sizeof(req) - 1 ||
		    ssl->SSL_write_(s[1], resp, sizeof(resp) - 1) != sizeof(resp) - 1 ||
		    ssl->SSL_read_(s[0], buf, sizeof(buf)) != sizeof(resp) - 1 ||
		    memcmp(buf, resp, sizeof(resp) - 1))
			die("request", "not what was sent");
	}
	for (int i = 0; i < 2; i++) {
		ssl->SSL_shutdown_(s[i]);
		ssl->SSL_free_(s[i]);
		ssl->SSL_CTX_free_(ctx[i]);
		close(fd[i]);
	}
}

int main(int argc, char **argv)
{
	char crypto[4096], tls[4096], line[16];
	int times, requests, ms, status, places = 0;
	pid_t copier;
	uintptr_t last = 0;

	if (argc != 7) {
		fprintf(stderr, "tlsdl DIR CERT KEY TIMES REQUESTS PAUSE_MS\n");
		return 2;
	}
	times = atoi(argv[4]);
	requests = atoi(argv[5]);
	ms = atoi(argv[6]);
	snprintf(crypto, sizeof(crypto), "%s/" CRYPTO, argv[1]);
	snprintf(tls, sizeof(tls), "%s/" TLS, argv[1]);
	copier = fork(); /* the originals stay where they are loaded, and that shall not be here */
	if (!copier) {
		copy(CRYPTO, crypto);
		copy(TLS, tls);
		_exit(0);
	}
	if (copier < 0 || waitpid(copier, &status, 0) < 0 || status)
		die("copies", argv[1]);
	printf("%d\n", getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (int i = 0; i < times; i++) {
		void *c = dlopen(crypto, RTLD_NOW | RTLD_GLOBAL),
		     *t = c ? dlopen(tls, RTLD_NOW) : NULL;
		struct library ssl;
		struct link_map *l;

		if (!t || dlinfo(t, RTLD_DI_LINKMAP, &l))
			die("dlopen", dlerror());
		places += l->l_addr != last;
		last = l->l_addr;
		look_up(t, &ssl);
		pause_ms(ms);
		talk(&ssl, argv[2], argv[3], requests);
		pause_ms(ms);
		/* both go with the second: libcrypto's end calls into libssl */
		if (dlclose(c) || dlclose(t))
			die("dlclose", dlerror());
		if (dlopen(tls, RTLD_NOW | RTLD_NOLOAD))
			die("dlclose", "the library stays");
		/* so that the next one stands somewhere else */
		if (mmap(NULL, 4096u * (1u + (unsigned)i % 7), PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			die("mmap", NULL);
		pause_ms(ms);
	}
	printf("%d requests, %d places\n", times * requests, places);
	return 0;
}
