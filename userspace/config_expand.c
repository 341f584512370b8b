/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to the environment in the file's scalars: ${VAR}, ${env:VAR}, ${VAR:-default}; $$ is a
 * dollar sign, a $ before anything else stands for itself. What comes out is not looked at again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/base/buf.h"
#include "userspace/config_table.h"

#define EXPANDED_MAX (64U << 10)
#define NAME_MAX_LEN 255

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

/* One reference at p (behind "${"): its value is added. *ret_next: what follows. */
static int reference(struct buf *out, const char *p, const char **ret_next, char why[WHY_SIZE])
{
	const char *end = strchr(p, '}'), *start = p, *val;
	char name[NAME_MAX_LEN + 1];
	size_t n;

	if (!end) {
		snprintf(why, WHY_SIZE, "'${%.40s' has no closing brace ($$ is a dollar sign)",
			 start);
		return -EINVAL;
	}
	if (!strncmp(p, "env:", 4))
		p += 4;
	n = strspn(p, LETTERS "0123456789");
	if (!n || n > NAME_MAX_LEN || !strchr(LETTERS, *p) ||
	    (p + n != end && strncmp(p + n, ":-", 2))) {
		snprintf(why, WHY_SIZE,
			 "'${%.*s}' is not a reference: ${NAME}, ${env:NAME} or ${NAME:-default}",
			 (int)(end - start < 60 ? end - start : 60), start);
		return -EINVAL;
	}
	memcpy(name, p, n);
	name[n] = 0;
	*ret_next = end + 1;
	val = getenv(name);
	if (val && *val)
		return buf_add_str(out, val);
	return p + n == end ? 0 : buf_add(out, p + n + 2, (size_t)(end - p) - n - 2);
}

int config_expand(const char *text, char **ret, char why[WHY_SIZE])
{
	struct buf out;
	int err = 0;

	why[0] = 0;
	buf_init(&out, EXPANDED_MAX);
	while (*text && !err) {
		size_t n = strcspn(text, "$");

		err = buf_add(&out, text, n);
		text += n;
		if (err || !*text)
			break;
		if (text[1] == '{') {
			err = reference(&out, text + 2, &text, why);
		} else {
			err = buf_add_char(&out, '$');
			text += text[1] == '$' ? 2 : 1;
		}
	}
	if (!err)
		err = buf_add_char(&out, 0);
	if (err == -E2BIG) {
		snprintf(why, WHY_SIZE, "longer than %u bytes when its references are replaced",
			 EXPANDED_MAX);
		err = -EINVAL;
	}
	if (err) {
		buf_done(&out);
		return err;
	}
	*ret = (char *)out.data;
	return 0;
}
