/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "cli/command.h"

/* Pieces of help and manual. */

int command_usage(const struct command *cmd, struct str *out)
{
	str_addf(out, "vmctl %s", cmd->path);
	if (cmd->opts && cmd->opts->name)
		str_add(out, " [options]");
	for (const struct argument *a = cmd->args; a && a->name; a++) {
		bool stops = cmd->flags & COMMAND_STOPS_AT_ARGS &&
			     !command_has_short_form(cmd);
		bool many = a->many || a->after_dashes;

		str_addf(out, " %s%s%s%s%s", a->optional ? "[" : "",
			 a->after_dashes && !stops ? "-- " : "", a->name,
			 many ? "..." : "", a->optional ? "]" : "");
	}
	return str_check(out, NULL);
}

void command_short_usage(const struct command *cmd, struct str *out)
{
	if (!command_has_short_form(cmd))
		return;
	str_addf(out, "vmctl %s%s", cmd->path,
		 cmd->opts && cmd->opts->name ? " [options]" : "");
	for (const struct argument *a = cmd->args; a->name; a++)
		str_addf(out, " %s%s", a->name, a->after_dashes ? "..." : "");
}

void add_sentence(const char *text, const char *stop, struct str *out)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '.')
		len--;
	if (!len)
		return;
	/* "vmctl" is a name and stays as it is. */
	if (str_starts(text, "vmctl"))
		str_addc(out, text[0]);
	else
		str_addc(out, (char)toupper((unsigned char)text[0]));
	str_addn(out, text + 1, len - 1);
	str_add(out, stop);
}
