/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "exporter/exporter.h"

#define OE_EXPORTER(symbol) extern const struct exporter_ops symbol;
#include "exporter/exporters.def"
#undef OE_EXPORTER

#define OE_EXPORTER(symbol) &symbol,
const struct exporter_ops *const exporter_table[] = {
#include "exporter/exporters.def"
	NULL,
};
#undef OE_EXPORTER

const struct exporter_ops *exporter_find(const char *name)
{
	for (size_t i = 0; exporter_table[i]; i++)
		if (!strcmp(exporter_table[i]->name, name))
			return exporter_table[i];
	return NULL;
}
