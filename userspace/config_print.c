/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
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

/*
 * user:password@ in a URL is nobody's business, nor are the values of its query (keys are passed
 * there as well). The last @ before the query counts: a password with a slash in it is still a
 * password.
 */
void config_hide_url(const char *url, char *out, size_t size)
{
	const char *host = strstr(url, "://"), *at, *query;

	host = host ? host + 3 : url;
	query = host + strcspn(host, "?#");
	at = memrchr(host, '@', (size_t)(query - host));
	snprintf(out, size, "%.*s%s%.*s%s", (int)(host - url), url, at ? "[hidden]" : "",
		 (int)(query - (at ? at : host)), at ? at : host, *query ? "?[hidden]" : "");
}

static void quoted_url(FILE *f, const char *s)
{
	size_t size = strlen(s) + 32;
	char *text = malloc(size);

	if (!text)
		return;
	config_hide_url(s, text, size);
	quoted(f, text, strlen(text));
	free(text);
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
	const struct opt_word *w;
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
		/* the first of several spellings */
		for (w = o->words; w->word && w->val != *(const uint32_t *)at; w++)
			;
		fputs(w->word ? w->word : "null", f);
		break;
	case OPT_LIST:
		list(f, at);
		break;
	case OPT_SELECTOR:
		break;
	}
}

/* Where the selectors of a kind come from. */
static const char *selector_origin(const struct config *c, enum selector_kind kind)
{
	for (size_t i = 0; i < option_cnt; i++)
		if (option_table[i].type == OPT_SELECTOR && option_table[i].min == kind &&
		    c->origin[i])
			return c->origin[i];
	return "default";
}

static void selectors(const struct config *c, FILE *f)
{
	fprintf(f, "selection:%s\n", c->selector_cnt ? "" : " []");
	for (uint32_t i = 0; i < c->selector_cnt; i++) {
		const struct selector *s = &c->selectors[i];

		switch (s->kind) {
		case SELECT_PID:
			fprintf(f, "  - pid: %d", s->pid);
			break;
		case SELECT_PORT:
			if (s->lo == s->hi)
				fprintf(f, "  - port: %u", s->lo);
			else
				fprintf(f, "  - port: \"%u-%u\"", s->lo, s->hi);
			break;
		case SELECT_ALL:
			fprintf(f, "  - all: true");
			break;
		case SELECT_EXE:
		case SELECT_CGROUP:
			fprintf(f, "  - %s: ", s->kind == SELECT_EXE ? "exe" : "cgroup");
			quoted(f, s->text, strlen(s->text));
			break;
		}
		fprintf(f, "  # %s\n", selector_origin(c, s->kind));
	}
}

/* Where it would go, after all rules: what most people come for. */
static void destinations(const struct config *c, FILE *f)
{
	struct exporter_config e;
	char err[256] = "";

	if (config_exporter(c, &e, err)) {
		fprintf(f, "# cannot export: %s\n", err);
		return;
	}
	for (int i = 0; i < 2; i++) {
		const char *url = i ? e.metrics.url : e.traces.url;
		char shown[300];

		if (!url)
			continue;
		config_hide_url(url, shown, sizeof(shown));
		fprintf(f, "# otlp: %s to %s\n", i ? "metrics" : "spans", shown);
	}
	exporter_config_done(&e);
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
	destinations(c, f);
}
