/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Runs a command in a guest; its exit status becomes ours. */

struct exec_options {
	const char *name, *user;
	struct strings argv;
	bool tty;
};

static const struct argument args[] = {
	ARG_ONE(struct exec_options, name, .name = "NAME",
		.complete = complete_running,
		.help = "name or id of an instance"),
	ARG_MANY(struct exec_options, argv, .name = "COMMAND",
		 .after_dashes = true,
		 .help = "the command and its arguments, which arrive as they "
			 "are given"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct exec_options, user, .name = "user", .letter = 'u',
		   .metavar = "USER", .help = "account to run it as",
		   .fallback = "the image's"),
	OPT_FLAG(struct exec_options, tty, .name = "tty", .letter = 't',
		 .help = "give it a terminal"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl exec web1 -- uname -a", "Run a command." },
	{ "tar c site | vmctl exec web1 -- tar x -C /srv",
	  "Send standard input to it." },
	{ "vmctl exec --timeout 5m web1 -- make test",
	  "End it after five minutes, with status 124." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct exec_options *o = data;
	struct vmctl_exit exit = { 0 };
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	struct vmctl_exec what = {
		.size = sizeof(what),
		.argv = o->argv.items,
		.tty = o->tty,
		.user = o->user,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.timeout_ms = cli_timeout(cli, 0),
	};
	r = vmctl_instance_exec(ctx, o->name, &what, &exit, err);
	cli->status = exit.status;
	if (r == 0 && exit.timed_out) {
		struct vmctl_error late;

		/* The status is the guest's command's; the reason is told. */
		fail(&late, VMCTL_TIMEOUT, 0,
		     "%s: the command did not end in time", o->name);
		cli_error(cli, &late);
	}
	return r;
}

const struct command cmd_exec = {
	.path = "exec",
	.summary = "run a command in a guest",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_PASSES_STATUS | COMMAND_STOPS_AT_ARGS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct exec_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 7, 0 },
	.run = run,
};
