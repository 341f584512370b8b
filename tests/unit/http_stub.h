/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_HTTP_STUB_H
#define OE_HTTP_STUB_H
/*
 * A tiny HTTP/1.1 server on a free loopback port, in a thread, one connection
 * at a time: it keeps the last request and answers what the test says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STUB_REQ_MAX (4U << 20)

enum stub_mode {
	STUB_ANSWER,	  /* send `answer` */
	STUB_SILENT,	  /* read the request, answer nothing until told to stop */
	STUB_CLOSE,	  /* read the request, close without an answer */
	STUB_CLOSE_AFTER, /* answer, then close without having said so */
	STUB_HALF_BODY,	  /* send `answer`, whose Content-Length promises more, then close */
};

struct stub {
	int listen_fd, stop_pipe[2];
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock;
	/* under the lock */
	enum stub_mode mode;
	const char *answer;
	size_t answer_len;
	char head[16384];
	uint8_t *body;
	size_t body_len;
	int requests, connections;
};

/* More than an answer's worth of memory so that big bodies are possible. */
static inline void stub_set(struct stub *s, enum stub_mode mode, const char *answer, size_t len)
{
	pthread_mutex_lock(&s->lock);
	s->mode = mode;
	s->answer = answer;
	s->answer_len = len;
	pthread_mutex_unlock(&s->lock);
}

/* True when fd can be read, false when the stub shall end. */
static inline bool stub_wait(struct stub *s, int fd)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
			      {.fd = s->stop_pipe[0], .events = POLLIN}};

	return poll(p, 2, -1) > 0 && !p[1].revents;
}

/* Reads one request. False when there is none (peer closed, or the end). */
static inline bool stub_read(struct stub *s, int fd, uint8_t *buf, size_t *ret_head,
			     size_t *ret_len)
{
	size_t len = 0, head = 0, want = 0;

	while (!head || len < head + want) {
		ssize_t n;

		if (len >= STUB_REQ_MAX || !stub_wait(s, fd))
			return false;
		n = read(fd, buf + len, STUB_REQ_MAX - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		buf[len] = 0;
		if (!head) {
			uint8_t *end = memmem(buf, len, "\r\n\r\n", 4);
			char *cl;

			if (!end)
				continue;
			head = (size_t)(end - buf) + 4;
			cl = strcasestr((char *)buf, "\r\ncontent-length:");
			want = cl && (uint8_t *)cl < end ? strtoul(cl + 17, NULL, 10) : 0;
		}
	}
	*ret_head = head;
	*ret_len = len;
	return true;
}

/* One request and its answer; false ends the connection. */
static inline bool stub_serve(struct stub *s, int fd, uint8_t *buf)
{
	size_t head, len, sent = 0, answer_len;
	enum stub_mode mode;
	const char *answer;

	if (!stub_read(s, fd, buf, &head, &len))
		return false;
	pthread_mutex_lock(&s->lock);
	s->requests++;
	snprintf(s->head, sizeof(s->head), "%.*s", (int)head, (char *)buf);
	free(s->body);
	s->body_len = len - head;
	s->body = malloc(s->body_len + 1);
	memcpy(s->body, buf + head, s->body_len);
	mode = s->mode;
	answer = s->answer;
	answer_len = s->answer_len;
	pthread_mutex_unlock(&s->lock);
	if (mode == STUB_CLOSE)
		return false;
	if (mode == STUB_SILENT)
		return stub_wait(s, fd) && false;
	while (sent < answer_len) {
		ssize_t n = send(fd, answer + sent, answer_len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	return mode == STUB_ANSWER;
}

static inline void *stub_thread(void *arg)
{
	struct stub *s = arg;
	uint8_t *buf = malloc(STUB_REQ_MAX + 1);

	while (stub_wait(s, s->listen_fd)) {
		int fd = accept(s->listen_fd, NULL, NULL);

		if (fd < 0)
			continue;
		pthread_mutex_lock(&s->lock);
		s->connections++;
		pthread_mutex_unlock(&s->lock);
		while (stub_serve(s, fd, buf))
			;
		close(fd);
	}
	free(buf);
	return NULL;
}

/* port 0: any. False when it cannot listen. */
static inline bool stub_start(struct stub *s, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int one = 1;

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (pipe(s->stop_pipe) || bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(s->listen_fd, 16) || getsockname(s->listen_fd, (struct sockaddr *)&a, &len))
		return false;
	s->port = ntohs(a.sin_port);
	return !pthread_create(&s->thread, NULL, stub_thread, s);
}

static inline void stub_stop(struct stub *s)
{
	close(s->stop_pipe[1]);
	pthread_join(s->thread, NULL);
	close(s->stop_pipe[0]);
	close(s->listen_fd);
	free(s->body);
}

#endif
