/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OE_SEM_ATTR_H
#define OE_SEM_ATTR_H
/* What the files of semantic conventions share: building attributes, and reading an exchange. */
#include <arpa/inet.h>

#include "userspace/sem.h"
#include "userspace/source.h"

/* The span's attributes while they are gathered. */
struct out {
	struct arena *a;
	struct attr *attrs;
	uint32_t cnt, cap, dropped;
	uint32_t value_max, count_max;
};

/* Room for `cap` attributes in the batch's arena; false: no memory. */
bool out_init(struct out *o, struct batch *b, uint32_t cap, const struct sem_config *cfg);
/* What was gathered becomes the span's. */
void out_done(const struct out *o, struct span *sp);
/* NULL: the span has as many attributes as it may, or there is no memory; counted as dropped. */
struct attr *out_next(struct out *o, const char *key, enum attr_type type);
/* Left out when empty; cut to the longest allowed value, never inside a UTF-8 character. */
void out_str(struct out *o, const char *key, const char *s, size_t len);
void out_view(struct out *o, const char *key, struct bytes b);
void out_text(struct out *o, const char *key, const char *s);
void out_num(struct out *o, const char *key, int64_t v);
/* A list of n static strings; left out when n is 0. */
void out_list(struct out *o, const char *key, const char *const *names, uint32_t n);
/* network.peer.*, and on the server's side client.address. */
void out_peer(struct out *o, const struct exchange *x);

/* The same for a metric's series. `at`: bytes of s->scratch used so far. */
void series_str(struct sem_series *s, const char *key, const char *v, size_t len);
void series_view(struct sem_series *s, const char *key, struct bytes b);
/* A string that outlives the series; NULL: none. */
void series_static(struct sem_series *s, const char *key, const char *v);
/* One that does not: it is copied. */
void series_text(struct sem_series *s, size_t *at, const char *key, const char *v);
void series_int(struct sem_series *s, const char *key, int64_t v);

/* Name of an HTTP/2 error code (RFC 9113 section 7). */
const char *sem_h2_error(uint32_t code);
/* Text form of an address; NULL when the family has none. */
const char *sem_address(const uint8_t *a, uint16_t family, char buf[INET6_ADDRSTRLEN]);
/* error.type of a connection that ended too soon; err: errno, 0 = orderly. */
const char *sem_broken(int err);

/* server.address and server.port. Not to be copied: host may point to addr. */
struct sem_server {
	struct bytes host; /* may be empty */
	uint16_t port;	   /* 0 = not known */
	char addr[INET6_ADDRSTRLEN];
};

/*
 * Host or authority; else, since never invented, the address at the server's end of the
 * connection. default_port: what an authority without a port means, 0 = nothing.
 */
void sem_server(const struct exchange *x, uint16_t default_port, struct sem_server *ret);
void out_server(struct out *o, const struct sem_server *server);
void series_server(struct sem_series *s, size_t *at, const struct sem_server *server);

#endif
