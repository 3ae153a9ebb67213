/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/frame.h"

#include "cli/render/width.h"

static int count_lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static const char *skip_lines(const char *text, int n)
{
	for (; n > 0 && *text; n--)
		text += strcspn(text, "\n") + 1;
	return text;
}

static void add_cut(const char *text, int columns, struct str *out)
{
	str_addn(out, text, width_cut(text, columns, NULL));
	str_addc(out, '\n');
}

void frame_fit(const char *table, bool header, const char *notice, int columns,
	       int rows, struct str *out)
{
	int lines = count_lines(table), shown = lines;
	int room = rows - (notice && *notice ? 1 : 0);
	char more[64];

	/* The line that counts takes the place of one more. */
	if (lines > room)
		shown = room > 1 ? room - 1 : 0;
	str_addn(out, table, (size_t)(skip_lines(table, shown) - table));
	if (shown < lines && room > 0) {
		int rest = lines - (shown ? shown : header);

		snprintf(more, sizeof(more), "%d more", rest);
		add_cut(more, columns, out);
	}
	if (notice && *notice)
		add_cut(notice, columns, out);
}
