/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_FRAME_H
#define CLI_FRAME_H

#include <stdbool.h>

#include "base/str.h"

/*
 * What fits of a table into a terminal: all of it, or its first lines and how
 * many rows there are beside them; and below it the notice, cut to `columns`,
 * where there is one (not NULL or ""). `header`: the first line is no row. At
 * least one row of the terminal is taken to be there.
 */
void frame_fit(const char *table, bool header, const char *notice, int columns,
	       int rows, struct str *out);

#endif
