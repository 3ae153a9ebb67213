/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_PREFIX_H
#define CLI_PREFIX_H

#include <stdbool.h>

#include "base/str.h"

/*
 * One stream of many, cut into lines that carry the name of where they come
 * from, so that lines of several streams can follow each other in one place.
 * Bytes stay what they are, but: a last line without its end gets one; a line
 * of more than PREFIX_LINE_MAX bytes is cut into several; and on a terminal
 * control characters become `?`, and what follows a carriage return has the
 * name in front too, as it stands over what was there.
 */
#define PREFIX_LINE_MAX (64 * 1024)

struct prefixer {
	char *label; /* what stands in front of each line */
	bool terminal;
	struct str line; /* begun and not ended */
};

/* "web1   | ", where `width` is that of the longest name; in colours of its own
 * for each `number` with `color`. Done with prefixer_done(). */
int prefixer_init(struct prefixer *p, const char *name, int width, int number,
		  bool color, bool terminal, struct vmctl_error *err);
void prefixer_done(struct prefixer *p);

/* Adds the lines that are complete with these bytes to `out`; at the end of
 * the stream, the rest. */
void prefixer_feed(struct prefixer *p, const char *bytes, size_t n,
		   struct str *out);
void prefixer_end(struct prefixer *p, struct str *out);

#endif
