/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/proto/kafka_head.h"

#include "probes/proto/kafka_reader.h"

#define REQUEST_FIXED 14u /* length, API key, version, correlation id, length of the client id */

enum detect_result kafka_read_head(struct bytes in, struct kafka_head *h)
{
	int16_t key, version, n;

	memset(h, 0, sizeof(*h));
	if (in.len < 4)
		return in.len && in.data[0] ? DETECT_NO : DETECT_MAYBE;
	h->size = (uint32_t)kafka_i32(in.data);
	if (h->size < REQUEST_FIXED - 4 || h->size > KAFKA_FRAME_MAX)
		return DETECT_NO;
	if (in.len < 6)
		return DETECT_MAYBE;
	key = kafka_i16(in.data + 4);
	h->api = kafka_api(key);
	if (!h->api)
		return DETECT_NO;
	if (in.len < REQUEST_FIXED)
		return DETECT_MAYBE;
	version = kafka_i16(in.data + 6);
	h->id = kafka_i32(in.data + 8);
	n = kafka_i16(in.data + 12);
	/* some room for versions that came after the tables */
	if (version < 0 || version > h->api->max + 8 || h->id < 0 || n < -1 ||
	    (n > 0 && (uint32_t)n > h->size - (REQUEST_FIXED - 4)))
		return DETECT_NO;
	h->key = (uint8_t)key;
	h->version = (uint8_t)version;
	h->known = version <= h->api->max;
	h->flexible = version >= h->api->flexible;
	h->len = REQUEST_FIXED + (n > 0 ? (size_t)n : 0);
	for (size_t i = REQUEST_FIXED; i < h->len && i < in.len; i++)
		if (in.data[i] < 0x20 || in.data[i] == 0x7f)
			return DETECT_NO;
	if (in.len < h->len)
		return DETECT_MAYBE;
	h->client_id = n > 0 ? bytes_of(in.data + REQUEST_FIXED, (size_t)n) : BYTES_NONE;
	return DETECT_YES;
}
