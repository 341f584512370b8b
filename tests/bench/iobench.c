/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iobench tcp|unix SECONDS: one thread moves 200-byte HTTP messages back and forth over a socket
 * pair of its own, and prints the best nanoseconds per I/O over slices of 10,000 rounds. Prints its
 * pid first and waits for a line.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	char req[200] = "GET /bench HTTP/1.1\r\nHost: bench\r\nX-Pad: ", resp[200], buf[4096],
	     line[8];
	double best = 1e18, until;
	int fd[2], one = 1;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "unix")) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
			return 1;
	} else {
		struct sockaddr_in a = {.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t n = sizeof(a);
		int l = socket(AF_INET, SOCK_STREAM, 0);

		fd[0] = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(l, (void *)&a, n) || getsockname(l, (void *)&a, &n) || listen(l, 1) ||
		    connect(fd[0], (void *)&a, n))
			return 1;
		fd[1] = accept(l, NULL, NULL);
		setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	memset(req + strlen(req), 'x', sizeof(req) - strlen(req));
	memcpy(req + 196, "\r\n\r\n", 4);
	memset(resp, 'b', sizeof(resp));
	memcpy(resp, "HTTP/1.1 200 OK\r\nContent-Length: 160\r\n\r\n", 40);
	printf("%d\n", getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	until = now() + atof(argv[2]) * 1e9;
	while (now() < until) {
		double t = now();

		for (int i = 0; i < 10000; i++) {
			if (write(fd[0], req, 200) != 200 || read(fd[1], buf, sizeof(buf)) != 200 ||
			    write(fd[1], resp, 200) != 200 || read(fd[0], buf, sizeof(buf)) != 200)
				return 1;
		}
		t = (now() - t) / 40000;
		if (t < best)
			best = t;
	}
	printf("%.0f\n", best);
	return 0;
}
