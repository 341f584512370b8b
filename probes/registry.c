/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/probe.h"

#define OE_PROTO(name) extern const struct proto_ops name##_ops;
#include "probes/protocols.def"
#undef OE_PROTO

const struct proto_ops *const proto_table[] = {
#define OE_PROTO(name) &name##_ops,
#include "probes/protocols.def"
#undef OE_PROTO
	NULL,
};

enum detect_result proto_detect(struct bytes in, enum oe_dir dir, const struct proto_ops **ret_ops)
{
	enum detect_result all = DETECT_NO;

	for (const struct proto_ops *const *p = proto_table; *p; p++) {
		enum detect_result one = (*p)->detect(in, dir);

		if (one == DETECT_YES) {
			*ret_ops = *p;
			return DETECT_YES;
		}
		if (one == DETECT_MAYBE)
			all = DETECT_MAYBE;
	}
	return all;
}

bool proto_greets(struct bytes in)
{
	for (const struct proto_ops *const *p = proto_table; *p; p++)
		if ((*p)->greets && (*p)->greets(in))
			return true;
	return false;
}

const struct proto_ops *proto_upgrade(struct bytes token)
{
	for (const struct proto_ops *const *p = proto_table; *p; p++)
		if ((*p)->upgrade_token && bytes_ieq(token, bytes_str((*p)->upgrade_token)))
			return *p;
	return NULL;
}
