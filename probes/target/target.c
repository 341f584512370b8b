/* SPDX-License-Identifier: Apache-2.0 */
#include "probes/target.h"

#define TARGET(var) extern const struct target_lib var;
#include "probes/targets.def"
#undef TARGET

#define TARGET(var) &var,
static const struct target_lib *const libs[] = {
#include "probes/targets.def"
};
#undef TARGET

size_t target_lib_count(void)
{
	return sizeof(libs) / sizeof(libs[0]);
}

const struct target_lib *target_lib_at(size_t i)
{
	return libs[i];
}
