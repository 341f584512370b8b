/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context, sampling, routes, URLs, containers, names of programs: the pure parts, as tables.
 */
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "userspace/proc.h"
#include "userspace/proc_name.h"
#include "userspace/route.h"
#include "userspace/sample.h"
#include "userspace/tracectx.h"
#include "userspace/url.h"

#define ID "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"

static void test_tracectx(void)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"00-" ID "-01", true},
		{"00-" ID "-00", true},
		{"00-" ID "-ff", true},
		{"01-" ID "-01-more", true},
		{"01-" ID "-01", true},
		{"00-" ID "-01-x", false},
		{"ff-" ID "-01", false},
		{"00-" ID "-1", false},
		{"00-" ID "-0g", false},
		{"00-" ID "", false},
		{"", false},
		{"01-" ID "-01more", false},
		{"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
		{"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
		{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
		{" 00-" ID "-01", false},
	};
	static const struct {
		const char *text;
		bool good;
	} states[] = {
		{"a=1", true},		 {"vendor=x,t@v=y", true},
		{"a=1, b=2 ,c=3", true}, {"a", false},
		{"A=1", false},		 {"a=1=2", false},
		{"=1", false},		 {"a=", false},
		{"a@b@c=1", false},	 {"", false},
		{",,", false},
	};
	struct tracectx c = {.flags = 77};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(tracectx_parse(bytes_str(rows[i].text), &c), rows[i].good, rows[i].text);
	tracectx_parse(bytes_str(rows[0].text), &c);
	is_int(c.trace_id[0], 0x0a, "first byte of the trace id");
	is_int(c.span_id[7], 0x31, "last byte of the span id");
	is_int(c.flags, 1, "flags");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		is_int(tracestate_valid(bytes_str(states[i].text)), states[i].good, states[i].text);
}

static void test_sampler(void)
{
	struct sampler s = {.root = SAMPLER_TRACEIDRATIO, .ratio = 0.25};
	struct tracectx yes = {.flags = 3}, no = {.flags = 2};
	uint8_t id[16] = {0};
	int hits = 0;

	srand(1);
	for (int i = 0; i < 100000; i++) {
		for (int k = 0; k < 16; k++)
			id[k] = (uint8_t)(rand() >> 7);
		hits += sampler_decide(&s, id, NULL);
	}
	ok(hits > 24500 && hits < 25500, "a ratio of 0.25 takes a quarter (%d of 100000)", hits);
	memset(id, 0xff, 16);
	ok(!sampler_decide(&s, id, NULL), "the highest id is out");
	s.ratio = 1;
	ok(sampler_decide(&s, id, NULL), "1.0 takes all");
	s.ratio = 0;
	memset(id, 0, 16);
	ok(!sampler_decide(&s, id, NULL), "0.0 takes none");
	s.parent_based = true;
	ok(sampler_decide(&s, id, &yes), "the parent's decision comes first: bit 0 of flags 3");
	s.ratio = 1;
	ok(!sampler_decide(&s, id, &no), "also when it says no");
}

static void test_routes(void)
{
	static const char *const patterns[] = {"/users/{id}", "/users/me", "/static/{rest...}",
					       "/a/{x}/c", "/a/b/{y}"};
	static const struct {
		const char *path, *want;
	} rows[] = {
		{"/users/42", "/users/{id}"},
		{"/users/me", "/users/me"},
		{"/users/", "/users/"},
		{"/static/js/x.js", "/static/{rest...}"},
		{"/a/b/c", "/a/b/{y}"},
		{"/", "/"},
		{"/products", "/products"},
		{"/products/17/reviews", "/products/{id}/reviews"},
		{"/orders/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/orders/{id}"},
		{"/api/v1/items/5f3a9c1b2d", "/api/v1/items/{id}"},
		{"/t/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/t/{id}"},
		{"/by-mail/a.b@example.org", "/by-mail/{id}"},
		{"/day/2024-05-17", "/day/{id}"},
		{"/hash/d41d8cd98f00b204e9800998ecf8427e", "/hash/{id}"},
		{"/healthz", "/healthz"},
		{"/index.html", "/index.html"},
		{"/img/20240517.png", "/img/{file}"},
		{"/oauth2/token", "/oauth2/token"},
		{"/.well-known/openid-configuration", "/.well-known/openid-configuration"},
		{"/wp-login.php", "/wp-login.php"},
		{"/robots.txt", "/robots.txt"},
		{"/a//b", ""},
		{"/1/2/3/4/5/6/7/8/9", ""},
		{"/\xc3\xa4", ""},
		{"*", ""},
	};
	struct route_table *t = NULL;
	char out[256], err[256];

	is_int(route_table_new(patterns, 5, &t, err), 0, "patterns");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		out[0] = 0;
		if (route_of(t, true, bytes_str(rows[i].path), out, sizeof(out)) == ROUTE_NONE)
			out[0] = 0;
		is_str(out, rows[i].want, rows[i].path);
	}
	is_int(route_of(t, false, bytes_str("/products"), out, sizeof(out)), ROUTE_NONE,
	       "without the heuristic only patterns");
	route_table_free(t);
	is_int(route_table_new((const char *const[]){"users"}, 1, &t, err), -22,
	       "a pattern must begin with /");
	is_int(route_table_new((const char *const[]){"/{rest...}/x"}, 1, &t, err), -22,
	       "a tail stands at the end");
}

/* Many identifiers of many kinds under a few templates must stay a few routes. */
static void test_route_cardinality(void)
{
	static const char *const templates[] = {"/users/%s", "/users/%s/orders", "/api/v2/files/%s",
						"/t/%s/x"};
	static const char hexd[] = "0123456789abcdef", b32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char seen[16][256];
	size_t cnt = 0, none = 0;

	srand(7);
	for (int i = 0; i < 100000; i++) {
		char id[64] = "", path[160], out[256];
		size_t k = 0;

		switch (i % 5) {
		case 0:
			snprintf(id, sizeof(id), "%d", rand() % 100000000);
			break;
		case 1:
			for (k = 0; k < 32; k++)
				id[k] = hexd[rand() % 16];
			break;
		case 2:
			for (k = 0; k < 26; k++)
				id[k] = b32[rand() % 32];
			break;
		case 3:
			snprintf(id, sizeof(id), "%08x-%04x-4%03x-a%03x-%012x",
				 (unsigned int)rand(), rand() & 0xffff, rand() & 0xfff,
				 rand() & 0xfff, (unsigned int)rand());
			break;
		case 4:
			snprintf(id, sizeof(id), "20%02d-%02d-%02d", rand() % 30, 1 + rand() % 12,
				 1 + rand() % 28);
			break;
		}
		snprintf(path, sizeof(path), templates[rand() % 4], id);
		if (route_of(NULL, true, bytes_str(path), out, sizeof(out)) == ROUTE_NONE) {
			none++;
			continue;
		}
		for (k = 0; k < cnt && strcmp(seen[k], out); k++)
			;
		if (k == cnt && cnt < 16)
			snprintf(seen[cnt++], sizeof(seen[0]), "%s", out);
	}
	is_int(cnt, 4, "100,000 identifiers under 4 templates make 4 routes");
	is_int(none, 0, "and every path has one");
}

static void test_urls(void)
{
	static const struct {
		const char *query, *redacted, *raw;
	} rows[] = {
		{"a=1&b=2", "a=REDACTED&b=REDACTED", "a=1&b=2"},
		{"sig=abc&x=y", "sig=REDACTED&x=REDACTED", "sig=REDACTED&x=y"},
		{"", "", ""},
		{"flag", "REDACTED", "flag"},
		{"a=&b", "a=&REDACTED", "a=&b"},
		{"a=1;b=2", "a=REDACTED;b=REDACTED", "a=1;b=2"},
		{"a=b=c", "a=REDACTED", "a=b=c"},
	};
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool good;
	} hosts[] = {
		{"example.org", "example.org", 0, true},
		{"example.org:8080", "example.org", 8080, true},
		{"[::1]:90", "::1", 90, true},
		{"[::1]", "::1", 0, true},
		{"a:b", "", 0, false},
		{"a:99999", "", 0, false},
		{"", "", 0, false},
		{"u@h", "", 0, false},
		{":80", "", 0, false},
		{"[::1", "", 0, false},
		{"a b", "", 0, false},
	};
	struct target_parts p;
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_str(query_show(&a, bytes_str(rows[i].query), QUERY_REDACT), rows[i].redacted,
		       rows[i].query);
		is_str(query_show(&a, bytes_str(rows[i].query), QUERY_RAW), rows[i].raw, "  raw");
	}
	ok(!query_show(&a, bytes_str("a=1"), QUERY_DROP), "dropped");
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct bytes h = BYTES_NONE;
		uint16_t port = 0;
		bool good = authority_split(bytes_str(hosts[i].text), &h, &port);

		ok(good == hosts[i].good && (!good || (bytes_eq(h, bytes_str(hosts[i].host)) &&
						       port == hosts[i].port)),
		   "authority '%s'", hosts[i].text);
	}
	target_split(BYTES_LIT("GET"), BYTES_LIT("http://u:p@h:1/a/b?c=d#e"), &p);
	ok(bytes_eq(p.path, BYTES_LIT("/a/b")) && bytes_eq(p.query, BYTES_LIT("c=d")) &&
		   bytes_eq(p.scheme, BYTES_LIT("http")),
	   "absolute-form");
	target_split(BYTES_LIT("GET"), BYTES_LIT("http://h?x"), &p);
	ok(bytes_eq(p.path, BYTES_LIT("/")) && bytes_eq(p.query, BYTES_LIT("x")),
	   "absolute-form without a path");
	target_split(BYTES_LIT("CONNECT"), BYTES_LIT("h:443"), &p);
	ok(!p.path.len && !p.has_query, "authority-form has no path");
	target_split(BYTES_LIT("OPTIONS"), BYTES_LIT("*"), &p);
	ok(!p.path.len, "the asterisk has no path");
	arena_done(&a);
}

#define CID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_processes(void)
{
	static const struct {
		const char *cgroup;
		bool found;
	} groups[] = {
		{"12:pids:/docker/" CID "\n", true},
		{"0::/system.slice/docker-" CID ".scope\n", true},
		{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podab_cd.slice/"
		 "cri-containerd-" CID ".scope\n",
		 true},
		{"0::/kubepods/burstable/pod1234/" CID "\n", true},
		{"0::/machine.slice/libpod-" CID ".scope/container\n", true},
		{"0::/machine.slice/libpod-conmon-" CID ".scope\n", false},
		{"0::/kubepods.slice/crio-" CID ".scope\n", true},
		{"0::/user.slice/user-1000.slice/session-3.scope\n", false},
		{"0::/\n", false},
		{"0::/docker/0123456789abcdef\n", false},
		{"0::/docker/" CID "00\n", false},
		{"", false},
	};
	static const struct {
		const char *cmd;
		size_t len;
		const char *exe, *want, *language;
	} names[] = {
#define CMD(s) s, sizeof(s)
		{CMD("python3\0app.py"), "python3.11", "app", "python"},
		{CMD("python3\0-u\0-W\0ignore\0/srv/shop/api.py\0--token=x"), "python3.11", "api",
		 "python"},
		{CMD("python3\0-m\0uvicorn\0a:b"), "python3.11", "uvicorn", "python"},
		{CMD("python3\0-c\0secret code"), "python3", "python3", "python"},
		{CMD("/usr/bin/python3\0/usr/bin/gunicorn\0x:y"), "python3.9", "gunicorn",
		 "python"},
		{CMD("node\0--require\0x.js\0dist/server.js"), "node", "server", "nodejs"},
		{CMD("node\0/srv/cart/index.js"), "node", "cart", "nodejs"},
		{CMD("java\0-Xmx1g\0-jar\0/opt/shop-1.2.jar"), "java", "shop-1.2", "java"},
		{CMD("java\0-cp\0a.jar:b.jar\0com.acme.Main\0arg"), "java", "Main", "java"},
		{CMD("nginx: worker process"), "nginx", "nginx", NULL},
		{CMD("/usr/bin/myservice\0--x"), "myservice", "myservice", NULL},
		{CMD("pythonic\0x.py"), "pythonic", "pythonic", NULL},
	};
	const char *runtime, *language;
	char id[65], out[128];

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		bool found = proc_container_id(groups[i].cgroup, id);

		ok(found == groups[i].found && (!found || !strcmp(id, CID)),
		   "container of cgroup row %zu", i);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		out[0] = 0;
		ok(proc_service_name(names[i].cmd, names[i].len, names[i].exe, out, sizeof(out),
				     &runtime, &language),
		   "name %zu", i);
		is_str(out, names[i].want, names[i].cmd);
		is_str(language, names[i].language, "  language");
	}
	ok(!proc_service_name("", 0, "", out, sizeof(out), &runtime, &language),
	   "nothing known, nothing said");
}

int main(void)
{
	test_tracectx();
	test_sampler();
	test_routes();
	test_route_cardinality();
	test_urls();
	test_processes();
	return tap_done();
}
