/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

int command_usage(const struct command *cmd, struct str *out)
{
	str_addf(out, "vmctl %s", cmd->path);
	if (cmd->opts && cmd->opts->name)
		str_add(out, " [options]");
	for (const struct argument *a = cmd->args; a && a->name; a++) {
		bool stops = cmd->flags & COMMAND_STOPS_AT_ARGS;
		bool many = a->many || a->after_dashes;

		str_addf(out, " %s%s%s%s%s", a->optional ? "[" : "",
			 a->after_dashes && !stops ? "-- " : "", a->name,
			 many ? "..." : "", a->optional ? "]" : "");
	}
	return str_check(out, NULL);
}
