/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/describe.h"
#include "cli/render/render.h"

/* For the build and the lints: see cli/describe.c. */

struct describe_options {
	const char *what;
	struct strings words;
};

/* __describe mdoc COMMAND… SECTION; without a command, of the overview. */
static int mdoc(const struct strings *words, struct str *out,
		struct vmctl_error *err)
{
	const struct command *cmd = NULL;
	int used = 0, n = (int)words->count - 1;

	if (n > 0)
		cmd = command_find(n, words->items, &used, NULL);
	if (n < 0 || used != n)
		return fail(err, VMCTL_INVALID, 0,
			    "usage: vmctl __describe mdoc COMMAND SECTION");
	return describe_mdoc(cmd, words->items[n], out, err);
}

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct describe_options *o = opts;
	auto_str text = STR_INIT;
	int rc = 0;

	if (str_eq(o->what, "commands"))
		describe_commands(&text);
	else if (str_eq(o->what, "globals"))
		describe_globals(&text);
	else if (str_eq(o->what, "records"))
		describe_schema(&text);
	else if (str_eq(o->what, "mdoc"))
		rc = mdoc(&o->words, &text, err);
	else if (str_eq(o->what, "man") && o->words.count == 1)
		rc = describe_page(o->words.items[0], &text, err);
	else
		rc = fail(err, VMCTL_INVALID, 0,
			  "usage: vmctl __describe commands|globals|records|"
			  "man FILE|mdoc COMMAND SECTION");
	if (rc == 0)
		rc = str_check(&text, err);
	return rc ? rc : render_text(cli->out, str_text(&text), false, err);
}

const struct command cmd_describe = {
	.path = "__describe",
	.summary = "describe the commands for the build",
	.group = GROUP_HIDDEN,
	.flags = COMMAND_NO_CONFIG,
	.args =
		(const struct argument[]){
			ARG_ONE(struct describe_options, what, .name = "WHAT",
				.help = "commands, globals, records, man or "
					"mdoc"),
			ARG_MANY(struct describe_options, words, .name = "WORD",
				 .help = "what it is about", .optional = true),
			ARG_END,
		},
	.opts_size = sizeof(struct describe_options),
	.run = run,
};
