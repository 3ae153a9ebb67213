/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/wire.h"

bool wire_u32(struct wire *w, uint32_t *ret)
{
	if (w->n < 4)
		return false;
	*ret = (uint32_t)w->p[0] << 24 | (uint32_t)w->p[1] << 16 |
	       (uint32_t)w->p[2] << 8 | w->p[3];
	w->p += 4;
	w->n -= 4;
	return true;
}

bool wire_string(struct wire *w, struct wire *ret)
{
	struct wire rest = *w;
	uint32_t n;

	if (!wire_u32(&rest, &n) || rest.n < n)
		return false;
	*ret = (struct wire){ rest.p, n };
	*w = (struct wire){ rest.p + n, rest.n - n };
	return true;
}

bool wire_is(const struct wire *w, const char *text)
{
	return w->n == strlen(text) && memcmp(w->p, text, w->n) == 0;
}

void wire_put_u32(struct str *s, uint32_t value)
{
	unsigned char b[4] = { (unsigned char)(value >> 24),
			       (unsigned char)(value >> 16),
			       (unsigned char)(value >> 8),
			       (unsigned char)value };

	str_addn(s, b, sizeof(b));
}

void wire_put(struct str *s, const void *bytes, size_t n)
{
	wire_put_u32(s, (uint32_t)n);
	str_addn(s, bytes, n);
}
