/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* A login shell in a guest, or a command, as ssh(1) would give it. */

struct ssh_options {
	const char *name, *user;
	struct strings argv;
};

static const struct argument args[] = {
	ARG_ONE(struct ssh_options, name, .name = "NAME",
		.complete = complete_running,
		.help = "name or id of an instance"),
	ARG_MANY(struct ssh_options, argv, .name = "COMMAND", .optional = true,
		 .after_dashes = true,
		 .help = "a command instead of a login shell"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct ssh_options, user, .name = "user", .letter = 'l',
		   .metavar = "USER", .help = "account to enter",
		   .fallback = "the image's"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl ssh web1", "Enter an instance." },
	{ "vmctl ssh web1 -- journalctl -f", "Run one command on a terminal." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct ssh_options *o = data;
	struct vmctl_exit exit = { 0 };
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	struct vmctl_exec what = {
		.size = sizeof(what),
		.argv = o->argv.count ? o->argv.items : NULL,
		/* A terminal only where both ends are one, so that scripts
		 * get bytes. */
		.tty = cli->tty_in && cli->tty_out,
		.user = o->user,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.connect_timeout_ms = cli_timeout(cli, 0),
	};
	r = vmctl_instance_exec(ctx, o->name, &what, &exit, err);
	cli->status = exit.status;
	return r;
}

const struct command cmd_ssh = {
	.path = "ssh",
	.aliases = (const char *const[]){ "sh", NULL },
	.summary = "enter an instance",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_PASSES_STATUS | COMMAND_STOPS_AT_ARGS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct ssh_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 7, 0 },
	.run = run,
};
