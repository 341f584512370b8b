/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_odd: a program with functions named like OpenSSL's, of which SSL_read ends in a jump that
 * nobody can follow: only a return probe sees its end. No TLS and no network: SSL_read hands out
 * requests, SSL_write takes their answers. Says ready, waits for a line, answers 20 requests.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REQUESTS 20
#define KEPT	 __attribute__((used, noinline))

int SSL_read(void *ssl, void *buf, int num);
int SSL_write(void *ssl, const void *buf, int num);
int SSL_do_handshake(void *ssl);
int SSL_shutdown(void *ssl);
void SSL_free(void *ssl);

static int next;

KEPT static int take(void *ssl, void *buf, int num)
{
	return snprintf(buf, (size_t)num, "GET /odd/%d HTTP/1.1\r\nHost: odd\r\n\r\n", next++);
}

int (*volatile tls_odd_take)(void *ssl, void *buf, int num) = take;

#if defined(__x86_64__)
__asm__(".globl SSL_read\n.type SSL_read, @function\nSSL_read:\n"
	"push %rbp\nmov tls_odd_take(%rip), %rax\npop %rbp\njmp *%rax\n"
	".size SSL_read, . - SSL_read\n");
#else
int SSL_read(void *ssl, void *buf, int num)
{
	return tls_odd_take(ssl, buf, num);
}
#endif

KEPT int SSL_write(void *ssl, const void *buf, int num)
{
	return num > 0 ? (int)write(*(int *)ssl, buf, (size_t)num) : -1;
}

KEPT int SSL_do_handshake(void *ssl)
{
	return ssl != NULL;
}

KEPT int SSL_shutdown(void *ssl)
{
	return ssl != NULL;
}

KEPT void SSL_free(void *ssl)
{
	__asm__ volatile("" ::"r"(ssl));
}

int main(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	int out = STDERR_FILENO; /* where the answers go: no socket */
	char buf[256];

	printf("ready\n");
	fflush(stdout);
	if (!fgets(buf, sizeof(buf), stdin) || SSL_do_handshake(&out) != 1)
		return 1;
	for (int i = 0; i < REQUESTS; i++)
		if (SSL_read(&out, buf, sizeof(buf)) <= 0 ||
		    SSL_write(&out, answer, (int)sizeof(answer) - 1) <= 0)
			return 1;
	SSL_shutdown(&out);
	SSL_free(&out);
	return 0;
}
