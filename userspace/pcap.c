/* SPDX-License-Identifier: Apache-2.0 */
/* Packet captures: link, network and transport headers; the streams are put together in
 * tcp_reasm.c. */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "userspace/base/clock.h"
#include "userspace/tcp_reasm.h"

#define FLOWS_MAX    65536u
#define IPV6_EXT_MAX 8

#define PROTO_TCP 6
#define ETH_IPV4  0x0800
#define ETH_IPV6  0x86dd
#define ETH_VLAN  0x8100
#define ETH_QINQ  0x88a8

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Takes the link header off. ret_type: an EtherType. False: not IP. */
static bool link_layer(int type, struct bytes *p, uint16_t *ret_type)
{
	uint16_t et;

	switch (type) {
	case DLT_EN10MB:
		if (p->len < 14)
			return false;
		et = be16(p->data + 12);
		*p = bytes_from(*p, 14);
		while ((et == ETH_VLAN || et == ETH_QINQ) && p->len >= 4) {
			et = be16(p->data + 2);
			*p = bytes_from(*p, 4);
		}
		break;
	case DLT_LINUX_SLL:
		if (p->len < 16)
			return false;
		et = be16(p->data + 14);
		*p = bytes_from(*p, 16);
		break;
	case DLT_LINUX_SLL2:
		if (p->len < 20)
			return false;
		et = be16(p->data);
		*p = bytes_from(*p, 20);
		break;
	case DLT_NULL:
	case DLT_LOOP:
		if (p->len < 5)
			return false;
		*p = bytes_from(*p, 4); /* the family's number differs between systems: look at the
					   version instead */
		et = p->data[0] >> 4 == 6 ? ETH_IPV6 : ETH_IPV4;
		break;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		if (!p->len)
			return false;
		et = p->data[0] >> 4 == 6 ? ETH_IPV6 : ETH_IPV4;
		break;
	default:
		return false;
	}
	*ret_type = et;
	return et == ETH_IPV4 || et == ETH_IPV6;
}

/* IPv4 header off; *ret_len: bytes of the IP payload on the wire. False: no whole TCP segment. */
static bool ipv4(struct bytes *p, struct tcp_segment *s, uint32_t *ret_len)
{
	uint32_t ihl, total;

	if (p->len < 20 || p->data[0] >> 4 != 4)
		return false;
	ihl = (p->data[0] & 15u) * 4;
	total = be16(p->data + 2);
	/* fragments are not put together; segmentation offload leaves 0 for more than 64 KiB */
	if (ihl < 20 || p->len < ihl || (be16(p->data + 6) & 0x3fff) || p->data[9] != PROTO_TCP ||
	    (total && total < ihl))
		return false;
	s->family = OE_AF_INET;
	memcpy(s->src, p->data + 12, 4);
	memcpy(s->dst, p->data + 16, 4);
	*ret_len = total ? total - ihl : UINT32_MAX;
	*p = bytes_from(*p, ihl);
	return true;
}

static bool ipv6(struct bytes *p, struct tcp_segment *s, uint32_t *ret_len)
{
	uint8_t next;
	uint32_t len;

	if (p->len < 40 || p->data[0] >> 4 != 6)
		return false;
	next = p->data[6];
	len = be16(p->data + 4);
	s->family = OE_AF_INET6;
	memcpy(s->src, p->data + 8, 16);
	memcpy(s->dst, p->data + 24, 16);
	*p = bytes_from(*p, 40);
	if (!len)
		len = UINT32_MAX; /* a jumbogram, or offload */
	for (int i = 0; i < IPV6_EXT_MAX && next != PROTO_TCP; i++) {
		uint32_t ext;

		/* hop-by-hop, routing, destination options; anything else (fragments) is not for us
		 */
		if ((next != 0 && next != 43 && next != 60) || p->len < 8)
			return false;
		ext = (p->data[1] + 1u) * 8;
		if (ext > p->len || ext > len)
			return false;
		next = p->data[0];
		*p = bytes_from(*p, ext);
		len = len == UINT32_MAX ? len : len - ext;
	}
	*ret_len = len;
	return next == PROTO_TCP;
}

/* wire_left: bytes on the wire from here on, when the IP header does not say. */
static bool tcp(struct bytes p, uint32_t ip_len, uint32_t wire_left, struct tcp_segment *s)
{
	uint32_t hl;

	if (p.len < 20)
		return false;
	hl = (p.data[12] >> 4) * 4u;
	if (ip_len == UINT32_MAX)
		ip_len = wire_left;
	if (hl < 20 || hl > ip_len)
		return false;
	s->sport = be16(p.data);
	s->dport = be16(p.data + 2);
	s->seq = be32(p.data + 4);
	s->ack = be32(p.data + 8);
	s->fin = p.data[13] & 1;
	s->syn = p.data[13] & 2;
	s->rst = p.data[13] & 4;
	s->has_ack = p.data[13] & 16;
	s->len = ip_len - hl;
	s->bytes = bytes_head(bytes_from(p, hl), s->len); /* Ethernet pads short frames */
	return true;
}

int pcap_run(const char *path, source_cb cb,
	     void (*on_start)(void *ctx, const struct source_info *info), void *ctx,
	     struct source_info *ret_info, char err[256])
{
	char perr[PCAP_ERRBUF_SIZE] = "";
	struct source_info info = {0};
	struct tcp_reasm *r = NULL;
	struct pcap_pkthdr *h;
	const uint8_t *data;
	pcap_t *p;
	int n, type, e;

	p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, perr);
	if (!p) {
		snprintf(err, 256, "%.255s", perr);
		return -EINVAL;
	}
	type = pcap_datalink(p);
	e = tcp_reasm_new(FLOWS_MAX, cb, ctx, &r);
	if (e)
		goto out;
	on_start(ctx, &info);
	while ((n = pcap_next_ex(p, &h, &data)) == 1) {
		struct tcp_segment s = {0};
		struct bytes b = bytes_of(data, h->caplen);
		uint32_t ip_len = 0;
		uint16_t et = 0;

		info.records++;
		/* with nanosecond precision tv_usec holds nanoseconds */
		s.ts_ns = (uint64_t)h->ts.tv_sec * NSEC_PER_SEC + (uint64_t)h->ts.tv_usec;
		if (!link_layer(type, &b, &et) ||
		    !(et == ETH_IPV4 ? ipv4(&b, &s, &ip_len) : ipv6(&b, &s, &ip_len)) ||
		    !tcp(b, ip_len, h->len - (uint32_t)(h->caplen - b.len), &s)) {
			info.skipped++;
			continue;
		}
		tcp_reasm_add(r, &s);
	}
	if (n == PCAP_ERROR) {
		/* most often a file that was cut off while it was written */
		if (info.records) {
			info.truncated = 1;
		} else {
			snprintf(err, 256, "%.255s", pcap_geterr(p));
			e = -EINVAL;
		}
	}
out:
	tcp_reasm_free(r);
	pcap_close(p);
	*ret_info = info;
	return e;
}
