/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/completers.h"

/* The options that every command has. */

static const char *const outputs[] = { "table", "wide", "json", "ndjson",
				       "csv",	"tsv",	"name", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

const struct option global_options[] = {
	OPT_STRING(struct globals, connect, .name = "connect", .letter = 'c',
		   .metavar = "URI", .help = "hypervisor to use",
		   .fallback =
			   "$VMCTL_CONNECT, else the setting connect, which "
			   "is qemu:///session unless you change it",
		   .complete = complete_uris),
	OPT_CHOICE(struct globals, output, .name = "output", .letter = 'o',
		   .metavar = "FORMAT", .choices = outputs,
		   .help = "format of the output",
		   .fallback = "the setting output, else table"),
	OPT_STRING(struct globals, columns, .name = "columns",
		   .metavar = "KEY,...",
		   .help = "fields to show, in that order, by their JSON keys",
		   .complete = complete_columns),
	OPT_STRING(struct globals, filter, .name = "filter",
		   .metavar = "EXPRESSION", .needs = COMMAND_LISTS,
		   .help = "rows to show, as in 'state=running and memory>1G'",
		   .complete = complete_filter),
	OPT_STRING(struct globals, sort, .name = "sort", .metavar = "KEY,...",
		   .needs = COMMAND_LISTS,
		   .help = "fields to sort rows by; -KEY from the last to the "
			   "first",
		   .complete = complete_sort),
	OPT_FLAG(struct globals, print0, .name = "print0",
		 .needs = COMMAND_LISTS,
		 .help = "names only, each ended by a zero byte, for xargs -0"),
	OPT_FLAG(struct globals, no_header, .name = "no-header",
		 .help = "leave out headings, and the keys of a single record"),
	OPT_FLAG(struct globals, quiet, .name = "quiet", .letter = 'q',
		 .help = "no notes, no progress, no questions; errors only"),
	OPT_COUNT(struct globals, verbose, .name = "verbose", .letter = 'v',
		  .help = "say what is being done; twice: say how"),
	OPT_CHOICE(
		struct globals, color, .name = "color", .metavar = "WHEN",
		.choices = colors, .help = "when to use colours",
		.fallback =
			"the setting color, else auto: on a terminal, unless "
			"NO_COLOR is set"),
	OPT_FLAG(struct globals, yes, .name = "yes", .letter = 'y',
		 .help = "do not ask for confirmation"),
	OPT_DURATION(struct globals, timeout, .name = "timeout",
		     .metavar = "DURATION",
		     .help = "how long to wait, as in 30s or 5m"),
	OPT_FLAG(struct globals, dry_run, .name = "dry-run",
		 .needs = COMMAND_DRY_RUN,
		 .help = "show what would be done and do nothing"),
	OPT_FLAG(struct globals, help, .name = "help", .letter = 'h',
		 .help = "show help on the command"),
	OPT_FLAG(struct globals, version, .name = "version",
		 .help = "show the version"),
	OPT_END
};
