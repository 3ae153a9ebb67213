/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include "base/str.h"

/* Words as they could be typed in bash(1), with spaces between: plain where
 * they can be, between single quotes otherwise, and as $'…' with escapes where
 * there are control characters or bytes that are not UTF-8. So nothing in them
 * moves a terminal, and nothing is lost. */
void add_quoted_words(const char *const *words, struct str *out);

#endif
