/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_RENDER_WIDTH_H
#define CLI_RENDER_WIDTH_H

#include <stddef.h>

/* Columns of a terminal that UTF-8 text takes: wide characters two, combining
 * marks none. The text is one line fit for a terminal (str_printable). */
int width_of(const char *text);

/* How many bytes of the text fit into `columns`, marks that belong to the last
 * character included; *ret_width (may be NULL) is what they take. */
size_t width_cut(const char *text, int columns, int *ret_width);

#endif
