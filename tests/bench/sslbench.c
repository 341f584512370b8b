/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sslbench [-t unix|tcp|mem] [-f plain|ex] [-p self|thread|process] [-s SECONDS] [-b BYTES]
 *[-v 1.2|1.3]
 *	    [-F CHILDREN] [-w]
 *
 * A TLS connection to itself, on which HTTP messages of BYTES (200) go back and forth. Prints its
 *pid, then waits before each phase for a line on stdin: `pairs` (or an empty line) writes and reads
 *for SECONDS (1) and prints the nanoseconds of one SSL_write and the one SSL_read that belongs to
 *it: the best slice of 2,000 pairs, the middle one, and how many pairs there were. `want` does the
 *same for calls of SSL_read that find nothing. `fork` does CHILDREN times: fork; the child makes a
 *connection of its own, does 10 pairs and ends. Ends with stdin; not 0 when anything was not as it
 *should be.
 *
 * The peer is this same thread (self: both calls of a pair are of one watched process, and nothing
 *is waited for), another thread, or another process (then only one side is watched: who writes and
 * reads waits for the peer). -w: the connection is made before the pid is printed, that is before
 *anybody can have attached. mem: both ends are joined by memory BIOs, as in Node and Java, no
 *socket at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLICE	   2000
#define SLICES_MAX 100000
#define BYTES_MAX  16384

enum { CLIENT, SERVER };

static SSL_CTX *ctx[2];
static bool mem, unix_pair, ex;
static enum { SELF, THREAD, PROCESS } peer;
static double seconds = 1;
static int bytes = 200, children = 100;
static char req[BYTES_MAX], resp[BYTES_MAX];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "sslbench: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* A key and a certificate that says localhost, of one day. */
static void make_contexts(int version)
{
	EVP_PKEY_CTX *gen = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	if (!gen || EVP_PKEY_keygen_init(gen) <= 0 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(gen, NID_X9_62_prime256v1) <= 0 ||
	    EVP_PKEY_keygen(gen, &key) <= 0)
		die("key");
	EVP_PKEY_CTX_free(gen);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
				   -1, 0);
	X509_set_issuer_name(cert, name);
	if (!X509_sign(cert, key, EVP_sha256()))
		die("certificate");
	ctx[CLIENT] = SSL_CTX_new(TLS_client_method());
	ctx[SERVER] = SSL_CTX_new(TLS_server_method());
	if (!ctx[CLIENT] || !ctx[SERVER] || !SSL_CTX_use_certificate(ctx[SERVER], cert) ||
	    !SSL_CTX_use_PrivateKey(ctx[SERVER], key))
		die("context");
	for (int i = 0; i < 2; i++) {
		SSL_CTX_set_min_proto_version(ctx[i], version);
		SSL_CTX_set_max_proto_version(ctx[i], version);
	}
	SSL_CTX_set_num_tickets(ctx[SERVER], 0); /* or the client's first read would find them */
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void make_sockets(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int l, one = 1;

	if (unix_pair) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
			die("socketpair");
		return;
	}
	l = socket(AF_INET, SOCK_STREAM, 0);
	fd[CLIENT] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(l, (void *)&a, n) || getsockname(l, (void *)&a, &n) || listen(l, 1) ||
	    connect(fd[CLIENT], (void *)&a, n))
		die("tcp");
	fd[SERVER] = accept(l, NULL, NULL);
	close(l);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void connect_self(SSL *ssl[2], int fd[2])
{
	fd[CLIENT] = fd[SERVER] = -1;
	for (int i = 0; i < 2; i++) {
		ssl[i] = SSL_new(ctx[i]);
		if (!ssl[i])
			die("SSL_new");
	}
	if (mem) {
		BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());

		BIO_up_ref(up);
		BIO_up_ref(down);
		SSL_set_bio(ssl[CLIENT], down, up);
		SSL_set_bio(ssl[SERVER], up, down);
	} else {
		make_sockets(fd);
		for (int i = 0; i < 2; i++) {
			fcntl(fd[i], F_SETFL, O_NONBLOCK);
			SSL_set_fd(ssl[i], fd[i]);
		}
	}
	SSL_set_connect_state(ssl[CLIENT]);
	SSL_set_accept_state(ssl[SERVER]);
	for (int turn = 0; SSL_in_init(ssl[CLIENT]) || SSL_in_init(ssl[SERVER]); turn++) {
		SSL *s = ssl[turn & 1];
		int rc = SSL_do_handshake(s);

		if (rc <= 0 && SSL_get_error(s, rc) != SSL_ERROR_WANT_READ)
			die("handshake");
	}
}

static void disconnect(SSL *ssl[2], int fd[2])
{
	for (int i = 0; i < 2; i++) {
		SSL_shutdown(ssl[i]);
		SSL_free(ssl[i]);
		if (fd[i] >= 0)
			close(fd[i]);
	}
}

static void write_one(SSL *s, const char *msg)
{
	size_t n = 0;

	if (ex ? !SSL_write_ex(s, msg, (size_t)bytes, &n) || n != (size_t)bytes
	       : SSL_write(s, msg, bytes) != bytes)
		die("write");
}

static void read_one(SSL *s)
{
	char buf[BYTES_MAX];
	size_t n = 0;

	if (ex ? !SSL_read_ex(s, buf, sizeof(buf), &n) || n != (size_t)bytes
	       : SSL_read(s, buf, sizeof(buf)) != bytes)
		die("read");
}

/* there and back: two pairs, of which this side does one when the peer is someone else */
static void round_trip(SSL *ssl[2])
{
	write_one(ssl[CLIENT], req);
	if (peer == SELF) {
		read_one(ssl[SERVER]);
		write_one(ssl[SERVER], resp);
	}
	read_one(ssl[CLIENT]);
}

static void serve(SSL *s)
{
	char buf[BYTES_MAX];

	while (SSL_read(s, buf, sizeof(buf)) == bytes && SSL_write(s, resp, bytes) == bytes)
		;
}

static void *serve_thread(void *s)
{
	serve(s);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d < 0 ? -1 : d > 0;
}

static void report(double *slice, size_t cnt, double per_slice)
{
	qsort(slice, cnt, sizeof(*slice), by_value);
	printf("%.0f %.0f %.0f\n", slice[0] / per_slice, slice[cnt / 2] / per_slice,
	       (double)cnt * per_slice);
	fflush(stdout);
}

static void phase(SSL *ssl[2], bool want)
{
	static double slice[SLICES_MAX];
	double until = now() + seconds * 1e9;
	size_t cnt = 0;
	char buf[16];
	size_t n;
	int rc;

	do {
		double t = now();

		for (int i = 0; i < SLICE; i += peer == SELF && !want ? 2 : 1) {
			if (!want) {
				round_trip(ssl);
				continue;
			}
			rc = ex ? SSL_read_ex(ssl[CLIENT], buf, sizeof(buf), &n)
				: SSL_read(ssl[CLIENT], buf, sizeof(buf));
			if (SSL_get_error(ssl[CLIENT], rc) != SSL_ERROR_WANT_READ)
				die("read of nothing");
		}
		slice[cnt++] = now() - t;
	} while (now() < until && cnt < SLICES_MAX);
	report(slice, cnt, SLICE);
}

/* a short life with TLS in it */
static void short_life(void)
{
	SSL *ssl[2];
	int fd[2];

	peer = SELF;
	connect_self(ssl, fd);
	for (int i = 0; i < 5; i++)
		round_trip(ssl);
	disconnect(ssl, fd);
}

static void fork_storm(void)
{
	int bad = 0, status;
	double t = now();

	for (int i = 0, alive = 0; i < children || alive;) {
		if (i < children && alive < 8) {
			pid_t p = fork();

			if (p < 0)
				die("fork");
			if (!p) {
				short_life();
				_exit(0);
			}
			i++;
			alive++;
			continue;
		}
		if (wait(&status) < 0)
			die("wait");
		alive--;
		bad += status != 0;
	}
	printf("%.0f %d %d\n", (now() - t) / children, children, bad);
	fflush(stdout);
	if (bad)
		exit(1);
}

static void usage(void)
{
	fprintf(stderr, "sslbench [-t unix|tcp|mem] [-f plain|ex] [-p self|thread|process] [-s "
			"SECONDS] [-b BYTES]"
			" [-v 1.2|1.3] [-F CHILDREN] [-w]\n");
	exit(2);
}

/* The peer, when it is not ourselves. Both sides of the connection wait in their reads. */
static pid_t start_peer(SSL *ssl[2], int fd[2], pthread_t *ret_thread)
{
	pid_t p;

	if (peer == SELF)
		return 0;
	for (int i = 0; i < 2; i++)
		fcntl(fd[i], F_SETFL, 0);
	if (peer == THREAD) {
		if (pthread_create(ret_thread, NULL, serve_thread, ssl[SERVER]))
			die("thread");
		return 0;
	}
	p = fork();
	if (p < 0)
		die("fork");
	if (p) {
		close(fd[SERVER]);
		fd[SERVER] = -1;
		return p;
	}
	close(fd[CLIENT]);
	serve(ssl[SERVER]);
	_exit(0);
}

int main(int argc, char **argv)
{
	int c, version = TLS1_3_VERSION, fd[2];
	bool early = false;
	char line[64];
	SSL *ssl[2];
	pthread_t thread;
	pid_t other;

	while ((c = getopt(argc, argv, "t:f:p:s:b:v:F:w")) != -1) {
		switch (c) {
		case 't':
			mem = !strcmp(optarg, "mem");
			unix_pair = !strcmp(optarg, "unix");
			break;
		case 'f':
			ex = !strcmp(optarg, "ex");
			break;
		case 'p':
			peer = !strcmp(optarg, "thread")    ? THREAD
			       : !strcmp(optarg, "process") ? PROCESS
							    : SELF;
			break;
		case 's':
			seconds = atof(optarg);
			break;
		case 'b':
			bytes = atoi(optarg);
			break;
		case 'v':
			version = strcmp(optarg, "1.2") ? TLS1_3_VERSION : TLS1_2_VERSION;
			break;
		case 'F':
			children = atoi(optarg);
			break;
		case 'w':
			early = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || bytes < 100 || bytes > BYTES_MAX || (mem && peer != SELF))
		usage();
	memset(req, 'x', sizeof(req));
	memcpy(req, "GET /bench HTTP/1.1\r\nHost: bench\r\nX-Pad: ", 41);
	memcpy(req + bytes - 4, "\r\n\r\n", 4);
	memset(resp, 'b', sizeof(resp));
	c = snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: %05d\r\n\r\n",
		     bytes - 42);
	memcpy(resp, line, (size_t)c);
	signal(SIGPIPE, SIG_IGN);
	make_contexts(version);
	if (early)
		connect_self(ssl, fd);
	printf("%d\n", getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	if (!early)
		connect_self(ssl, fd);
	other = start_peer(ssl, fd, &thread);
	do {
		if (!strncmp(line, "fork", 4))
			fork_storm();
		else
			phase(ssl, !strncmp(line, "want", 4));
	} while (fgets(line, sizeof(line), stdin));
	if (peer == THREAD) {
		shutdown(fd[CLIENT], SHUT_RDWR); /* ends its read */
		pthread_join(thread, NULL);
	}
	disconnect(ssl, fd);
	if (other > 0 && (waitpid(other, &c, 0) < 0 || c))
		return 1;
	for (int i = 0; i < 2; i++)
		SSL_CTX_free(ctx[i]);
	return 0;
}
