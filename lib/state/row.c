/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "state/state.h"

/* Texts of a row: to allocate and free each took most of the time of a long
 * list. */

void state_row_free_text(const struct vmctl_instance *row, char *text)
{
	if ((uintptr_t)text - (uintptr_t)row->own.p >= row->own.n)
		free(text);
}

bool state_row_set(struct vmctl_instance *row, char **at, const char *text)
{
	char *copy;

	if (*at && str_eq(*at, text))
		return true;
	copy = strdup(text);
	if (!copy)
		return false;
	state_row_free_text(row, *at);
	*at = copy;
	return true;
}
