/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/render.h"
#include "cli/ssh-config/ssh-config.h"

/* What ssh is told of the instances, to look at or to paste. */

struct show_options {
	const char *name;
};

static const struct argument args[] = {
	ARG_ONE(struct show_options, name, .name = "NAME", .optional = true,
		.complete = complete_instances,
		.help = "name or id of an instance; without it all"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl ssh-config show web1", "What ssh is told of one instance." },
	{ "vmctl ssh-config show >instances.conf",
	  "A file for somebody who keeps ssh's configuration by other means." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct show_options *o = data;
	auto_free char *program = NULL, *text = NULL;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = own_program(&program, err);
	if (r < 0)
		return r;
	const struct vmctl_ssh_config what = { .size = sizeof(what),
					       .program = program };
	r = vmctl_ssh_config_show(ctx, &what, o->name, &text, err);
	return r < 0 ? r : render_text(cli->out, text, false, err);
}

const struct command cmd_ssh_config_show = {
	.path = "ssh-config show",
	.summary = "show what ssh is told of the instances",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct show_options),
	.examples = examples,
	.exits = (const int[]){ 3, 0 },
	.run = run,
};
