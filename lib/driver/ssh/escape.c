/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "driver/ssh/session.h"

bool escape_take(struct escape *e, char *bytes, size_t *n)
{
	char in[RELAY_INPUT];
	size_t len = *n, put = 0;

	memcpy(in, bytes, len);
	for (size_t i = 0; i < len; i++) {
		if (e->tilde) {
			e->tilde = false;
			if (in[i] == '.')
				return true;
			bytes[put++] = '~';
			if (in[i] == '~')
				continue;
		} else if (in[i] == '~' && e->line_start) {
			e->tilde = true;
			e->line_start = false;
			continue;
		}
		bytes[put++] = in[i];
		e->line_start = in[i] == '\r' || in[i] == '\n';
	}
	*n = put;
	return false;
}
