/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include "base/str.h"

/* The encoding of RFC 4251 section 5. */

struct wire { /* what is left to read; borrowed bytes */
	const unsigned char *p;
	size_t n;
};

bool wire_u32(struct wire *w, uint32_t *ret);
bool wire_string(struct wire *w, struct wire *ret);
bool wire_is(const struct wire *w, const char *text);

void wire_put_u32(struct str *s, uint32_t value);
void wire_put(struct str *s, const void *bytes, size_t n);

#endif
