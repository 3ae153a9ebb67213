/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "driver/ssh/session.h"

static unsigned escape_of(char c)
{
	switch (c) {
	case '.':
		return ESCAPE_END;
	case '?':
		return ESCAPE_HELP;
	case '#':
		return ESCAPE_LIST;
	case '\x1a':
		return ESCAPE_SUSPEND;
	}
	return 0;
}

unsigned escape_take(struct escape *e, char *bytes, size_t *n)
{
	char in[INPUT_MAX];
	size_t len = *n, put = 0;
	unsigned found = 0;

	memcpy(in, bytes, len);
	for (size_t i = 0; i < len && !(found & ESCAPE_END); i++) {
		if (e->tilde) {
			unsigned escape = escape_of(in[i]);

			found |= escape;
			e->tilde = false;
			e->line_start = escape != 0;
			if (escape)
				continue;
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
	return found;
}
