/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OTEL_EXPORTER_OTLP_HEADERS format is that of W3C baggage without
 * metadata: what follows a ';' belongs to the value. Values are secrets: nothing
 * here is ever printed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exporter/transport.h"

/* One header, name and value and colon: more than any server accepts. */
#define HEADER_MAX (32U << 10)

static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int hex_digit(uint8_t c)
{
	c = ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct bytes trim(struct bytes b)
{
	while (b.len && (b.data[0] == ' ' || b.data[0] == '\t'))
		b = bytes_from(b, 1);
	while (b.len && (b.data[b.len - 1] == ' ' || b.data[b.len - 1] == '\t'))
		b.len--;
	return b;
}

/* A '%' that no two hex digits follow stands for itself: raw API keys contain such. */
static int add_decoded(struct buf *out, struct bytes in)
{
	int err = 0;

	for (size_t i = 0; !err && i < in.len; i++) {
		uint8_t c = in.data[i];

		if (c == '%' && in.len - i > 2 && hex_digit(in.data[i + 1]) >= 0 &&
		    hex_digit(in.data[i + 2]) >= 0) {
			c = (uint8_t)(hex_digit(in.data[i + 1]) << 4 | hex_digit(in.data[i + 2]));
			i += 2;
		}
		err = buf_add_char(out, (char)c);
	}
	return err;
}

/* These describe the message itself; ours would no longer be one. */
static bool is_framing(struct bytes name)
{
	static const char *const names[] = {"content-length",	 "content-encoding", "content-type",
					    "transfer-encoding", "connection",	     "expect"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bytes_ieq(name, bytes_str(names[i])))
			return true;
	return false;
}

/* Turns `pair` into a line for curl in *line. 0, -EINVAL (cannot be a header) or -ENOMEM. */
static int parse_pair(struct bytes pair, struct buf *line)
{
	const uint8_t *eq = pair.len ? memchr(pair.data, '=', pair.len) : NULL;
	size_t name_len, value_at;
	int err;

	if (!eq)
		return -EINVAL;
	err = add_decoded(line, trim(bytes_head(pair, (size_t)(eq - pair.data))));
	if (err)
		return err == -E2BIG ? -EINVAL : err;
	name_len = line->len;
	for (size_t i = 0; i < name_len; i++)
		if (!is_token(line->data[i]))
			return -EINVAL;
	if (!name_len || is_framing(buf_bytes(line)))
		return -EINVAL;
	err = buf_add_str(line, ": ");
	value_at = line->len;
	if (!err)
		err = add_decoded(line, trim(bytes_from(pair, (size_t)(eq - pair.data) + 1)));
	if (err)
		return err == -E2BIG ? -EINVAL : err;
	/* a decoded line break would start a header of its own */
	for (size_t i = value_at; i < line->len; i++)
		if ((line->data[i] < 0x20 && line->data[i] != '\t') || line->data[i] == 0x7f)
			return -EINVAL;
	if (line->len == value_at) {
		/* curl: "Name:" takes a header away, "Name;" sends it empty */
		line->len = name_len;
		err = buf_add_char(line, ';');
	}
	return err ? err : buf_add_char(line, '\0');
}

int transport_headers(const char *raw, struct curl_slist **ret_list, unsigned int *ret_skipped)
{
	struct bytes rest = bytes_str(raw);
	struct curl_slist *list = NULL, *longer;
	unsigned int skipped = 0;
	struct buf line;
	int err = 0;

	buf_init(&line, HEADER_MAX);
	while (rest.len) {
		const uint8_t *comma = memchr(rest.data, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.data) : rest.len;
		struct bytes pair = trim(bytes_head(rest, len));

		rest = bytes_from(rest, comma ? len + 1 : len);
		if (!pair.len)
			continue; /* "a=1,,b=2" and a comma at the end mean nothing */
		buf_clear(&line, HEADER_MAX);
		err = parse_pair(pair, &line);
		if (err == -EINVAL) {
			skipped++;
			err = 0;
			continue;
		}
		if (err)
			goto out;
		longer = curl_slist_append(list, (const char *)line.data);
		if (!longer) {
			err = -ENOMEM;
			goto out;
		}
		list = longer;
	}
	*ret_list = list;
	*ret_skipped = skipped;
	list = NULL;
out:
	if (line.data)
		explicit_bzero(line.data, line.cap);
	buf_done(&line);
	curl_slist_free_all(list);
	return err;
}
