/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/ssh-config/ssh-config.h"

#include "base/pass-fd.h"

/*
 * ssh's ProxyCommand with ProxyUseFdpass: makes the connection to an instance
 * and hands it over, so that nothing stands between the two.
 */

#define DIAL_MS 30000

struct connect_options {
	const char *name;
	struct strings pins;
};

static const struct argument args[] = {
	ARG_ONE(struct connect_options, name, .name = "NAME",
		.help = "name or id of an instance"),
	ARG_MANY(struct connect_options, pins, .name = "PIN", .optional = true,
		 .help = "NAME=VALUE of the environment"),
	ARG_END,
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct connect_options *o = data;
	auto_close int fd = -1;
	struct vmctl *ctx;
	int r = take_pins(&o->pins, err);

	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r == 0)
		r = vmctl_instance_dial(ctx, o->name, cli_timeout(cli, DIAL_MS),
					&fd, err);
	return r < 0 ? r : pass_fd(STDOUT_FILENO, fd, err);
}

const struct command cmd_ssh_connect = {
	.path = "__ssh-connect",
	.summary = "make a connection for ssh",
	.group = GROUP_HIDDEN,
	.flags = COMMAND_NO_CONFIG,
	.args = args,
	.opts_size = sizeof(struct connect_options),
	.run = run,
};
