/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/render.h"
#include "cli/ssh-config/ssh-config.h"

/* Takes out what install put in. */

static const struct example examples[] = {
	{ "vmctl ssh-config uninstall", "Leave ssh as it was." },
	{ "vmctl ssh-config uninstall && vmctl ssh-config install",
	  "Begin anew, with the line at the top of the file." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	auto_free char *file = NULL, *line = NULL;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_ssh_config_uninstall(ctx, &file, err);
	if (r < 0)
		return r;
	if (!file) {
		cli_note(cli, "it was not installed");
		return 0;
	}
	line = str_printf("%s\n", file);
	return line ? render_text(cli->out, line, false, err) : fail_oom(err);
}

const struct command cmd_ssh_config_uninstall = {
	.path = "ssh-config uninstall",
	.summary = "take the instances out of ssh's configuration again",
	.group = GROUP_INSTANCES,
	.examples = examples,
	.exits = (const int[]){ 4, 0 },
	.run = run,
};
