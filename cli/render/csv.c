/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/internal.h"

/*
 * csv as RFC 4180 has it: CRLF, quotes around what needs them, doubled inside.
 * tsv: one record for each line whatever the values hold; tab, line feed,
 * carriage return and backslash are written \t, \n, \r and \\.
 */

static void add_csv(const char *text, struct str *out)
{
	if (!strpbrk(text, ",\"\r\n")) {
		str_add(out, text);
		return;
	}
	str_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			str_addc(out, '"');
		str_addc(out, *text);
	}
	str_addc(out, '"');
}

static void add_tsv(const char *text, struct str *out)
{
	static const char from[] = "\t\n\r\\", to[] = "tnr\\";

	for (; *text; text++) {
		const char *at = strchr(from, *text);

		if (at) {
			str_addc(out, '\\');
			str_addc(out, to[at - from]);
		} else {
			str_addc(out, *text);
		}
	}
}

static void add_value(const char *text, bool first, bool tabs, struct str *out)
{
	if (!first)
		str_addc(out, tabs ? '\t' : ',');
	if (tabs)
		add_tsv(text, out);
	else
		add_csv(text, out);
}

static void end_line(bool tabs, struct str *out)
{
	str_add(out, tabs ? "\n" : "\r\n");
}

void csv_header(const struct columns *columns, bool tabs, struct str *out)
{
	for (size_t i = 0; i < columns->count; i++)
		add_value(columns->items[i]->key, i == 0, tabs, out);
	end_line(tabs, out);
}

void csv_row(const struct columns *columns, const void *item, bool tabs,
	     bool safe, struct str *out)
{
	for (size_t i = 0; i < columns->count; i++) {
		auto_str value = STR_INIT;
		auto_free char *printable = NULL;
		const char *text;

		cell_raw(columns->items[i], item, &value);
		text = str_text(&value);
		if (safe) {
			printable = str_printable(text, value.len, true);
			text = printable;
		}
		if (!text || value.oom) {
			out->oom = true;
			return;
		}
		add_value(text, i == 0, tabs, out);
	}
	end_line(tabs, out);
}
