/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent.h"

/* What is left to be read. */
struct cursor {
	unsigned char *p;
	size_t n;
	bool bad;
};

static uint32_t number(struct cursor *c)
{
	uint32_t v;

	if (c->n < 4) {
		c->bad = true;
		return 0;
	}
	v = (uint32_t)agent_get32(c->p);
	c->p += 4;
	c->n -= 4;
	return v;
}

/* A text, moved over its length so that there is a place for its NUL. */
static char *text(struct cursor *c)
{
	unsigned char *at = c->p;
	size_t n = number(c);

	if (c->bad || n > c->n || memchr(c->p, '\0', n)) {
		c->bad = true;
		return NULL;
	}
	memmove(at, c->p, n);
	at[n] = '\0';
	c->p += n;
	c->n -= n;
	return (char *)at;
}

static char **texts(struct cursor *c)
{
	uint32_t n = number(c);
	char **v;

	/* Each has a length. */
	if (c->bad || n > c->n / 4) {
		c->bad = true;
		return NULL;
	}
	v = calloc((size_t)n + 1, sizeof(*v));
	if (!v)
		c->bad = true;
	for (uint32_t i = 0; v && i < n; i++)
		v[i] = text(c);
	return v;
}

bool request_parse(struct request *r, unsigned char *take_bytes, size_t n)
{
	struct cursor c = { take_bytes, n, n < 1 };

	memset(r, 0, sizeof(*r));
	r->bytes = take_bytes;
	if (!c.bad) {
		r->flags = *c.p++;
		c.n--;
		r->timeout_ms = number(&c);
	}
	if (!c.bad)
		r->user = text(&c);
	if (!c.bad)
		r->cwd = text(&c);
	if (!c.bad)
		r->argv = texts(&c);
	if (!c.bad)
		r->env = texts(&c);
	for (char **e = r->env; !c.bad && *e; e++)
		c.bad = !strchr(*e, '=') || **e == '=';
	if (!c.bad && c.n == 0 && r->argv[0] && *r->user)
		return true;
	request_done(r);
	return false;
}

void request_done(struct request *r)
{
	free(r->argv);
	free(r->env);
	free(r->bytes);
	memset(r, 0, sizeof(*r));
}
