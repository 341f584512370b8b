/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "userspace/config_table.h"

/* A quoted YAML scalar. */
static void quoted(FILE *f, const char *s, size_t len)
{
	fputc('"', f);
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)s[i];

		if (ch == '"' || ch == '\\')
			fprintf(f, "\\%c", ch);
		else if (ch < 0x20 || ch == 0x7f)
			fprintf(f, "\\x%02x", ch);
		else
			fputc(ch, f);
	}
	fputc('"', f);
}

/* user:password@ in a URL is nobody's business. */
static void quoted_url(FILE *f, const char *s)
{
	const char *host = strstr(s, "://"), *at;
	char text[1024];

	host = host ? host + 3 : s;
	at = memrchr(host, '@', strcspn(host, "/?#"));
	if (at)
		snprintf(text, sizeof(text), "%.*s[hidden]%s", (int)(host - s), s, at);
	else
		snprintf(text, sizeof(text), "%s", s);
	quoted(f, text, strlen(text));
}

static void list(FILE *f, const struct string_list *l)
{
	fputc('[', f);
	for (uint32_t i = 0; i < l->cnt; i++) {
		if (i)
			fputs(", ", f);
		quoted(f, l->v[i], strlen(l->v[i]));
	}
	fputc(']', f);
}

static void value(const struct config *c, const struct option_row *o, FILE *f)
{
	const void *at = (const char *)c + o->at;
	const char *s;

	switch (o->type) {
	case OPT_STR:
		s = *(char *const *)at;
		if (!s)
			fputs("null", f);
		else if (o->secret)
			fputs("\"[hidden]\"", f);
		else if (strstr(o->name, "endpoint"))
			quoted_url(f, s);
		else
			quoted(f, s, strlen(s));
		break;
	case OPT_BOOL:
		fputs(*(const bool *)at ? "true" : "false", f);
		break;
	case OPT_ONOFF:
		fputs(*(const bool *)at ? "\"on\"" : "\"off\"", f);
		break;
	case OPT_U32:
	case OPT_COUNT:
		if (*(const uint32_t *)at == UINT32_MAX)
			fputs("null", f);
		else
			fprintf(f, "%u", *(const uint32_t *)at);
		break;
	case OPT_U64:
		fprintf(f, "%llu", (unsigned long long)*(const uint64_t *)at);
		break;
	case OPT_ENUM:
		s = "null";
		for (const struct opt_word *w = o->words; w->word; w++)
			if (w->val == *(const uint32_t *)at)
				s = w->word;
		fputs(s, f);
		break;
	case OPT_LIST:
		list(f, at);
		break;
	case OPT_SELECTOR:
		break;
	}
}

static void selectors(const struct config *c, FILE *f)
{
	fprintf(f, "selection:%s\n", c->selector_cnt ? "" : " []");
	for (uint32_t i = 0; i < c->selector_cnt; i++) {
		const struct selector *s = &c->selectors[i];

		switch (s->kind) {
		case SELECT_PID:
			fprintf(f, "  - pid: %d\n", s->pid);
			break;
		case SELECT_PORT:
			fprintf(f, "  - port: \"%u-%u\"\n", s->lo, s->hi);
			break;
		case SELECT_ALL:
			fprintf(f, "  - all: true\n");
			break;
		case SELECT_EXE:
		case SELECT_CGROUP:
			fprintf(f, "  - %s: ", s->kind == SELECT_EXE ? "exe" : "cgroup");
			quoted(f, s->text, strlen(s->text));
			fputc('\n', f);
			break;
		}
	}
}

void config_print(const struct config *c, FILE *f)
{
	fprintf(f,
		"# effective configuration of otel-ebpf %s: option, value, where it comes from\n",
		OE_VERSION);
	selectors(c, f);
	for (size_t i = 0; i < option_cnt; i++) {
		const struct option_row *o = &option_table[i];

		if (o->type == OPT_SELECTOR)
			continue;
		fprintf(f, "%s: ", o->name);
		value(c, o, f);
		fprintf(f, "  # %s\n", c->origin[i] ? c->origin[i] : "default");
	}
}
