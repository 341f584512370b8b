/* SPDX-License-Identifier: Apache-2.0 */
/* Segments in any order in, streams out. */
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "userspace/tcp_reasm.h"

static char got[8192];

static void on_record(void *ctx, const void *rec, size_t len)
{
	const struct oe_hdr *h = rec;
	size_t n = strlen(got);

	if (h->type == OE_EV_CONN) {
		const struct oe_conn *c = rec;

		snprintf(got + n, sizeof(got) - n, "C%u<%u%s ", c->lport, c->rport,
			 c->flags & OE_CONN_FRESH ? "" : "?");
	} else if (h->type == OE_EV_DATA) {
		const struct oe_data *d = rec;

		snprintf(got + n, sizeof(got) - n, "%c%u:%.*s", h->flags & OE_F_OUT ? 'o' : 'i',
			 (uint32_t)d->off, (int)d->cap_len, (const char *)d->payload);
		n = strlen(got);
		snprintf(got + n, sizeof(got) - n, d->cap_len < d->io_len ? "+%u " : " ",
			 d->io_len - d->cap_len);
	} else {
		const struct oe_close *c = rec;

		snprintf(got + n, sizeof(got) - n, "X%u/%u ", c->what, c->err);
	}
}

static struct tcp_reasm *r;

static void seg(bool from_client, uint32_t seq, uint32_t ack, const char *flags, const char *text,
		uint32_t missing)
{
	struct tcp_segment s = {.ts_ns = 1,
				.family = OE_AF_INET,
				.sport = from_client ? 4000 : 80,
				.dport = from_client ? 80 : 4000,
				.seq = seq,
				.ack = ack,
				.syn = strchr(flags, 'S'),
				.has_ack = strchr(flags, 'A'),
				.fin = strchr(flags, 'F'),
				.rst = strchr(flags, 'R'),
				.len = (uint32_t)strlen(text) + missing,
				.bytes = bytes_str(text)};

	s.src[0] = from_client ? 1 : 2;
	s.dst[0] = from_client ? 2 : 1;
	tcp_reasm_add(r, &s);
}

static void start(void)
{
	got[0] = 0;
	tcp_reasm_new(100, on_record, NULL, &r);
}

static void end(const char *want, const char *name)
{
	tcp_reasm_free(r);
	is_str(got, want, name);
}

static void shake(void)
{
	seg(true, 99, 0, "S", "", 0);
	seg(false, 499, 100, "SA", "", 0);
	seg(true, 100, 500, "A", "", 0);
}

int main(void)
{
	start();
	shake();
	seg(true, 100, 500, "A", "ab", 0);
	seg(false, 500, 102, "A", "xy", 0);
	seg(true, 102, 502, "FA", "", 0);
	seg(false, 502, 103, "FA", "", 0);
	end("C80<4000 i100:ab o500:xy X2/0 X1/0 X4/0 ", "a whole connection");

	start();
	shake();
	seg(true, 102, 500, "A", "cd", 0);
	seg(true, 104, 500, "A", "ef", 0);
	seg(true, 100, 500, "A", "ab", 0);
	end("C80<4000 i100:ab i102:cd i104:ef ", "out of order");

	start();
	shake();
	seg(true, 100, 500, "A", "ab", 0);
	seg(true, 100, 500, "A", "ab", 0);
	seg(true, 101, 500, "A", "Xcd", 0);
	end("C80<4000 i100:ab i102:cd ", "retransmission and overlap: the first copy wins");

	start();
	shake();
	seg(true, 100, 500, "A", "ab", 0);
	seg(true, 104, 500, "A", "ef", 0);
	seg(false, 500, 106, "A", "xy", 0);
	end("C80<4000 i100:ab i104:ef o500:xy ",
	    "a hole the receiver acknowledged was only missed by the capture");

	start();
	shake();
	seg(true, 100, 500, "A", "ab", 98);
	seg(true, 200, 500, "A", "cd", 0);
	end("C80<4000 i100:ab+98 i200:cd ", "cut by the snap length");

	start();
	seg(false, 500, 102, "A", "xy", 0);
	seg(true, 102, 502, "A", "ab", 0);
	end("C80<4000? o500:xy i102:ab ", "met in mid-life: the lower port is the server");

	start();
	shake();
	seg(true, 100, 500, "A", "ab", 0);
	seg(false, 500, 102, "R", "", 0);
	seg(true, 102, 500, "A", "cd", 0);
	end("C80<4000 i100:ab X4/104 ", "a reset ends it");

	start();
	seg(true, 0xfffffffe, 0, "S", "", 0);
	seg(false, 499, 0xffffffff, "SA", "", 0);
	seg(true, 0xffffffff, 500, "A", "abcd", 0);
	seg(true, 3, 500, "A", "ef", 0);
	end("C80<4000 i4294967295:abcd i3:ef ", "sequence numbers wrap");

	start();
	shake();
	seg(true, 100, 500, "A", "ab", 0);
	seg(true, 1999, 0, "S", "", 0);
	seg(false, 2999, 2000, "SA", "", 0);
	seg(true, 2000, 3000, "A", "new", 0);
	end("C80<4000 i100:ab C80<4000 i2000:new ", "the ports are used again");
	return tap_done();
}
