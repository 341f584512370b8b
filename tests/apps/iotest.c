/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves HTTP/1.1 through every system call that moves bytes over stream sockets.
 *
 *   iotest FAMILY N METHOD...      FAMILY: tcp4 tcp6 unix
 *
 * Prints "ready PID", waits for a line on stdin (so that a tracer can be attached), then for each
 * METHOD a server thread and a client thread exchange N requests on one connection, both ends by
 * that method. Prints one JSON line per request: what was really sent and received. Exits 0 when
 * every byte arrived. Request i: GET (even) or POST with a body (odd), /io/METHOD/FAMILY/i,
 * statuses vary.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- sending ---- */

static void all_write(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k <= 0)
			die("write");
		p += k;
		n -= (size_t)k;
	}
}

static void s_write(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	all_write(fd, h, hn);
	if (bn)
		all_write(fd, b, bn);
}

static int cut_iov(struct iovec *v, const char *h, size_t hn, const char *b, size_t bn)
{
	/* the head over three buffers, one of them empty, the body in one more */
	v[0] = (struct iovec){(void *)h, 5};
	v[1] = (struct iovec){(void *)h, 0};
	v[2] = (struct iovec){(void *)(h + 5), hn - 5};
	v[3] = (struct iovec){(void *)b, bn};
	return bn ? 4 : 3;
}

static void check(ssize_t k, size_t want, const char *what)
{
	if (k != (ssize_t)want) {
		fprintf(stderr, "iotest: %s: %zd of %zu: %s\n", what, k, want, strerror(errno));
		exit(1);
	}
}

static void s_writev(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	struct iovec v[4];

	check(writev(fd, v, cut_iov(v, h, hn, b, bn)), hn + bn, "writev");
}

static void s_pwritev2(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	struct iovec v[4];

	check(pwritev2(fd, v, cut_iov(v, h, hn, b, bn), -1, 0), hn + bn, "pwritev2");
}

static void s_send(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	check(sendto(fd, h, hn, bn ? MSG_MORE : 0, NULL, 0), hn, "sendto");
	if (bn)
		check(send(fd, b, bn, MSG_NOSIGNAL), bn, "send");
}

static void s_sendmsg(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	struct iovec v[4];
	struct msghdr m = {.msg_iov = v};

	m.msg_iovlen = (size_t)cut_iov(v, h, hn, b, bn);
	check(sendmsg(fd, &m, 0), hn + bn, "sendmsg");
}

static void s_sendmmsg(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	struct iovec v[3] = {{(void *)h, 9}, {(void *)(h + 9), hn - 9}, {(void *)b, bn}};
	struct mmsghdr m[3] = {0};

	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	check(sendmmsg(fd, m, bn ? 3 : 2, 0), bn ? 3 : 2, "sendmmsg");
}

static int memory_file(const char *b, size_t bn)
{
	int f = memfd_create("body", MFD_CLOEXEC);

	if (f < 0)
		die("memfd_create");
	all_write(f, b, bn);
	return f;
}

static void s_sendfile(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	int f = memory_file(b, bn);
	off_t at = 0;

	all_write(fd, h, hn);
	if (bn)
		check(sendfile(fd, f, &at, bn), bn, "sendfile");
	close(f);
}

static void s_splice(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	int f = memory_file(b, bn), p[2];
	loff_t at = 0;

	all_write(fd, h, hn);
	if (pipe(p))
		die("pipe");
	if (bn) {
		check(splice(f, &at, p[1], NULL, bn, 0), bn, "splice into the pipe");
		check(splice(p[0], NULL, fd, NULL, bn, 0), bn, "splice into the socket");
	}
	close(p[0]);
	close(p[1]);
	close(f);
}

static void s_zerocopy(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	int one = 1;
	char control[128];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct pollfd pf = {.fd = fd};

	all_write(fd, h, hn);
	if (!bn)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one))) {
		all_write(fd, b, bn);
		return;
	}
	check(send(fd, b, bn, MSG_ZEROCOPY), bn, "send MSG_ZEROCOPY");
	/* the error queue tells when the buffer is free: these reads are no data */
	poll(&pf, 1, 1000);
	(void)!recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
}

static void s_bytes(int fd, const char *h, size_t hn, const char *b, size_t bn)
{
	for (size_t i = 0; i < hn; i++)
		all_write(fd, h + i, 1);
	for (size_t i = 0; i < bn; i++)
		all_write(fd, b + i, 1);
}

/* ---- receiving: one call, 0 at the end of the stream ---- */

static ssize_t r_read(int fd, char *p, size_t n)
{
	return read(fd, p, n);
}

static ssize_t r_readv(int fd, char *p, size_t n)
{
	struct iovec v[3] = {{p, 7}, {p + 7, 3}, {p + 10, n - 10}};

	return readv(fd, v, 3);
}

static ssize_t r_preadv2(int fd, char *p, size_t n)
{
	struct iovec v[2] = {{p, 11}, {p + 11, n - 11}};

	return preadv2(fd, v, 2, -1, 0);
}

static ssize_t r_recv(int fd, char *p, size_t n)
{
	return recv(fd, p, n, 0);
}

static ssize_t r_recvmsg(int fd, char *p, size_t n)
{
	struct iovec v[3] = {{p, 13}, {p + 13, 17}, {p + 30, n - 30}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};

	return recvmsg(fd, &m, 0);
}

static ssize_t r_recvmmsg(int fd, char *p, size_t n)
{
	struct iovec v[3] = {{p, 40}, {p + 40, 50}, {p + 90, n - 90}};
	struct mmsghdr m[3] = {0};
	ssize_t sum = 0;
	char *to = p;
	int k;

	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	k = recvmmsg(fd, m, 3, MSG_WAITFORONE, NULL);
	/* short messages leave holes between the buffers */
	for (int i = 0; i < k; i++) {
		memmove(to, v[i].iov_base, m[i].msg_len);
		to += m[i].msg_len;
		sum += m[i].msg_len;
	}
	return k < 0 ? -1 : sum;
}

static ssize_t r_peek(int fd, char *p, size_t n)
{
	if (recv(fd, p, n, MSG_PEEK) < 0)
		return -1;
	memset(p, 'x', n < 64 ? n : 64);
	return recv(fd, p, n, 0);
}

static ssize_t r_byte(int fd, char *p, size_t n)
{
	return recv(fd, p, 1, 0);
}

static const struct method {
	const char *name;
	void (*send)(int fd, const char *h, size_t hn, const char *b, size_t bn);
	ssize_t (*recv)(int fd, char *p, size_t n);
} methods[] = {
	{"write", s_write, r_read},	     {"writev", s_writev, r_readv},
	{"pwritev2", s_pwritev2, r_preadv2}, {"sendto", s_send, r_recv},
	{"sendmsg", s_sendmsg, r_recvmsg},   {"sendmmsg", s_sendmmsg, r_recvmmsg},
	{"sendfile", s_sendfile, r_read},    {"splice", s_splice, r_recv},
	{"zerocopy", s_zerocopy, r_recv},    {"peek", s_write, r_peek},
	{"bytewise", s_bytes, r_byte},
};

/* ---- HTTP, just enough ---- */

struct conn {
	int fd;
	const struct method *m;
	char buf[65536];
	size_t len;
};

/* Reads one message; returns its head (cut out of the buffer into head) and the body's size. */
static size_t message(struct conn *c, char *head, size_t size)
{
	char *end, *cl;
	size_t hn, bn;

	while (!(end = memmem(c->buf, c->len, "\r\n\r\n", 4))) {
		ssize_t k = c->m->recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len);

		if (k <= 0)
			die("receive head");
		c->len += (size_t)k;
	}
	hn = (size_t)(end - c->buf) + 4;
	if (hn >= size)
		die("head too long");
	memcpy(head, c->buf, hn);
	head[hn] = 0;
	cl = strstr(head, "Content-Length: ");
	bn = cl ? (size_t)atol(cl + 16) : 0;
	while (c->len < hn + bn) {
		ssize_t k = c->m->recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len);

		if (k <= 0)
			die("receive body");
		c->len += (size_t)k;
	}
	memmove(c->buf, c->buf + hn + bn, c->len - hn - bn);
	c->len -= hn + bn;
	return bn;
}

static const int statuses[] = {200, 404, 201, 500, 302};

static char body[65536];

struct side {
	int fd;
	const struct method *m;
	int n;
};

static void *serve(void *arg)
{
	struct side *s = arg;
	struct conn *c = calloc(1, sizeof(*c));
	char head[1024], out[256];

	c->fd = s->fd;
	c->m = s->m;
	for (int i = 0; i < s->n; i++) {
		size_t bn = (size_t)(i % 4) * 700;
		int hn;

		message(c, head, sizeof(head));
		hn = snprintf(out, sizeof(out), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n",
			      statuses[i % 5], bn);
		s->m->send(s->fd, out, (size_t)hn, body, bn);
	}
	free(c);
	return NULL;
}

static void ask(struct side *s, const char *family)
{
	struct conn *c = calloc(1, sizeof(*c));
	char head[1024], out[256];

	c->fd = s->fd;
	c->m = s->m;
	for (int i = 0; i < s->n; i++) {
		size_t bn = i % 2 ? (size_t)i * 100 : 0, got;
		int hn = snprintf(
			out, sizeof(out),
			"%s /io/%s/%s/%d HTTP/1.1\r\nHost: io.test\r\nContent-Length: %zu\r\n\r\n",
			i % 2 ? "POST" : "GET", s->m->name, family, i, bn);

		s->m->send(s->fd, out, (size_t)hn, body, bn);
		got = message(c, head, sizeof(head));
		printf("{\"method\": \"%s\", \"path\": \"/io/%s/%s/%d\", \"status\": %d, "
		       "\"req_body\": %zu, \"resp_body\": %zu}\n",
		       i % 2 ? "POST" : "GET", s->m->name, family, i, atoi(head + 9), bn, got);
	}
	free(c);
}

static void make_pair(const char *family, int *a, int *b)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr *sa = (void *)&v4;
	socklen_t len = sizeof(v4);
	int l, one = 1;

	if (!strcmp(family, "tcp6")) {
		sa = (void *)&v6;
		len = sizeof(v6);
	} else if (!strcmp(family, "unix")) {
		snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "iotest-%d", getpid());
		sa = (void *)&un;
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				  strlen(un.sun_path + 1));
	}
	l = socket(sa->sa_family, SOCK_STREAM, 0);
	if (l < 0 || bind(l, sa, len) || listen(l, 1))
		die("listen");
	if (sa->sa_family != AF_UNIX && getsockname(l, sa, &len))
		die("getsockname");
	*a = socket(sa->sa_family, SOCK_STREAM, 0);
	if (*a < 0 || connect(*a, sa, len))
		die("connect");
	*b = accept(l, NULL, NULL);
	if (*b < 0)
		die("accept");
	close(l);
	/* a message in two writes shall not wait for the delayed acknowledgement of the first */
	if (sa->sa_family != AF_UNIX &&
	    (setsockopt(*a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	     setsockopt(*b, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))))
		die("TCP_NODELAY");
}

int main(int argc, char **argv)
{
	char line[16];

	if (argc < 4) {
		fprintf(stderr, "usage: iotest tcp4|tcp6|unix N METHOD...|all\n");
		return 2;
	}
	memset(body, 'b', sizeof(body));
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready %d\n", getpid());
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (size_t k = 0; k < sizeof(methods) / sizeof(methods[0]); k++) {
		struct side server, client;
		bool wanted = !strcmp(argv[3], "all");
		pthread_t t;
		int a, b;

		for (int i = 3; i < argc; i++)
			wanted |= !strcmp(argv[i], methods[k].name);
		if (!wanted)
			continue;
		make_pair(argv[1], &a, &b);
		server = (struct side){.fd = b, .m = &methods[k], .n = atoi(argv[2])};
		client = (struct side){.fd = a, .m = &methods[k], .n = atoi(argv[2])};
		if (pthread_create(&t, NULL, serve, &server))
			die("pthread_create");
		ask(&client, argv[1]);
		pthread_join(t, NULL);
		close(a);
		close(b);
	}
	return 0;
}
