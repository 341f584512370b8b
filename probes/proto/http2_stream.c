/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/http2_stream.h"

#include <stdlib.h>

#define H2_SPARE_MAX   16u
#define H2_BUCKETS_MIN 16u

static struct h2_stream **bucket_of(const struct h2_streams *t, uint32_t id)
{
	return &t->buckets[(id >> 1) & (t->bucket_cnt - 1)];
}

struct h2_stream *h2_stream_find(const struct h2_streams *t, uint32_t id)
{
	struct h2_stream *s = t->buckets ? *bucket_of(t, id) : NULL;

	while (s && s->id != id)
		s = s->chain;
	return s;
}

/* More buckets; when there is no memory the chains grow longer. */
static bool more_buckets(struct h2_streams *t)
{
	uint32_t cnt = t->bucket_cnt ? t->bucket_cnt * 2 : H2_BUCKETS_MIN;
	struct h2_stream **b = calloc(cnt, sizeof(struct h2_stream *));

	if (!b)
		return t->buckets != NULL;
	free(t->buckets);
	t->buckets = b;
	t->bucket_cnt = cnt;
	for (struct h2_stream *s = t->oldest; s; s = s->newer) {
		struct h2_stream **at = bucket_of(t, s->id);

		s->chain = *at;
		*at = s;
	}
	return true;
}

struct h2_stream *h2_stream_new(struct h2_streams *t, uint32_t id)
{
	struct h2_stream *s = t->spare, **at;

	if (t->cnt >= t->bucket_cnt && !more_buckets(t))
		return NULL;
	if (s) {
		t->spare = s->chain;
		t->spare_cnt--;
	} else {
		s = malloc(sizeof(*s));
		if (!s)
			return NULL;
	}
	memset(s, 0, sizeof(*s));
	s->id = id;
	at = bucket_of(t, id);
	s->chain = *at;
	*at = s;
	s->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = s;
	t->newest = s;
	t->cnt++;
	return s;
}

static void bury(struct h2_streams *t)
{
	struct h2_stream *s = t->grave;

	t->grave = NULL;
	if (!s)
		return;
	if (t->spare_cnt >= H2_SPARE_MAX) {
		free(s);
		return;
	}
	s->chain = t->spare;
	t->spare = s;
	t->spare_cnt++;
}

/* Its memory stays until the next one ends. */
void h2_stream_end(struct h2_streams *t, struct h2_stream *s)
{
	struct h2_stream **at = bucket_of(t, s->id);

	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	*(s->older ? &s->older->newer : &t->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &t->newest) = s->older;
	t->cnt--;
	bury(t);
	t->grave = s;
}

void h2_streams_end(struct h2_streams *t)
{
	while (t->oldest)
		h2_stream_end(t, t->oldest);
	bury(t);
}

void h2_streams_done(struct h2_streams *t)
{
	h2_streams_end(t);
	while (t->spare) {
		struct h2_stream *s = t->spare;

		t->spare = s->chain;
		free(s);
	}
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}
