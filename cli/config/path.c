/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/config/fields.h"
#include "cli/render/render.h"

/* Tells where the file is. */

static const struct example examples[] = {
	{ "vmctl config path", "See where the settings are kept." },
	{ "cp settings.json \"$(vmctl config path)\"", "Bring them along." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	auto_free char *line = NULL;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	if (!vmctl_config_path(ctx)) {
		fail(err, VMCTL_NOT_FOUND, 0, "no home directory is known");
		fail_hint(err, "set VMCTL_HOME to a folder for vmctl's files");
		return -VMCTL_NOT_FOUND;
	}
	line = str_printf("%s\n", vmctl_config_path(ctx));
	return line ? render_text(cli->out, line, true, err) : fail_oom(err);
}

const struct command cmd_config_path = {
	.path = "config path",
	.summary = "show which file holds the settings",
	.group = GROUP_CONFIG,
	.flags = COMMAND_ANY_CONFIG,
	.examples = examples,
	.exits = (const int[]){ 3, 0 },
	.run = run,
};
