/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "userspace/proc.h"

#define ID_LEN 64

static bool hex_id(const char *s, size_t len)
{
	if (len != ID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

/*
 * One path component: "ID", "docker-ID.scope", "cri-containerd-ID.scope", "crio-ID.scope",
 * "libpod-ID.scope", "nerdctl-ID". A systemd unit that is no container has no 64 hex digits.
 */
static bool component(const char *s, size_t len, char ret_id[65])
{
	const char *dash;

	if (len > 6 && !memcmp(s + len - 6, ".scope", 6))
		len -= 6;
	dash = memrchr(s, '-', len);
	if (dash) {
		/* conmon is podman's and CRI-O's helper beside the container, not the container */
		if (memmem(s, len, "conmon", 6))
			return false;
		len -= (size_t)(dash + 1 - s);
		s = dash + 1;
	}
	if (!hex_id(s, len))
		return false;
	memcpy(ret_id, s, ID_LEN);
	ret_id[ID_LEN] = 0;
	return true;
}

bool proc_container_id(const char *text, char ret_id[65])
{
	/* lines of "hierarchy:controllers:path"; the deepest component that is an id wins */
	while (*text) {
		size_t line = strcspn(text, "\n");
		const char *path = memchr(text, '/', line), *end = text + line;
		bool found = false;

		while (path && path < end) {
			size_t n = strcspn(path + 1, "/\n");

			if (path + 1 + n > end)
				break;
			found |= component(path + 1, n, ret_id);
			path += 1 + n;
		}
		if (found)
			return true;
		text += line + (text[line] == '\n');
	}
	return false;
}
