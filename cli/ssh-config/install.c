/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/render.h"
#include "cli/ssh-config/ssh-config.h"

/* Lets ssh and all that uses it know the instances by name. */

struct install_options {
	const char *file;
};

static const struct option opts[] = {
	OPT_STRING(struct install_options, file, .name = "file", .letter = 'F',
		   .metavar = "FILE", .complete = complete_files,
		   .help = "configuration of ssh to put the line into",
		   .fallback = "~/.ssh/config"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl ssh-config install", "From now on: ssh web1." },
	{ "vmctl ssh-config install --file ~/.ssh/lab && ssh -F ~/.ssh/lab "
	  "web1",
	  "Only where it is asked for." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct install_options *o = data;
	auto_free char *program = NULL, *file = NULL, *line = NULL;
	bool changed = false;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = own_program(&program, err);
	if (r < 0)
		return r;
	const struct vmctl_ssh_config what = { .size = sizeof(what),
					       .program = program,
					       .file = o->file };
	r = vmctl_ssh_config_install(ctx, &what, &file, &changed, err);
	if (r < 0)
		return r;
	line = str_printf("%s\n", file);
	if (!line)
		return fail_oom(err);
	cli_note(cli, changed ? "ssh, scp, sftp, rsync and git now know the "
				"instances by name, as in: ssh NAME"
			      : "it was installed already, and is up to date");
	return render_text(cli->out, line, false, err);
}

const struct command cmd_ssh_config_install = {
	.path = "ssh-config install",
	.summary = "let ssh know the instances by name",
	.group = GROUP_INSTANCES,
	.opts = opts,
	.opts_size = sizeof(struct install_options),
	.examples = examples,
	.exits = (const int[]){ 4, 0 },
	.run = run,
};
