/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/diagnose.h"
#include "cli/shell-line.h"

/* A login shell in a guest, or a command, as ssh(1) would give it. */

struct ssh_options {
	const char *name, *user;
	struct strings argv, forwards;
	bool agent, no_command, tty, no_tty;
};

static const struct argument args[] = {
	ARG_ONE(struct ssh_options, name, .name = "NAME", .optional = true,
		.complete = complete_logins,
		.help = "name or id of an instance, with USER@ in front of it "
			"for another account; without it the one that runs is "
			"entered, or chosen from a list"),
	ARG_MANY(struct ssh_options, argv, .name = "COMMAND", .optional = true,
		 .after_dashes = true,
		 .help = "a command instead of a login shell"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct ssh_options, user, .name = "user", .letter = 'l',
		   .metavar = "USER", .help = "account to enter",
		   .fallback = "the image's"),
	OPT_FLAG(struct ssh_options, agent, .name = "forward-agent",
		 .letter = 'A',
		 .help = "let the guest use the ssh agent of this host"),
	OPT_STRINGS(struct ssh_options, forwards, .name = "local-forward",
		    .letter = 'L', .metavar = "[ADDRESS:]PORT:HOST:HOSTPORT",
		    .help = "pass connections to a port of this host on to a "
			    "host and port as the guest sees them"),
	OPT_FLAG(struct ssh_options, no_command, .name = "no-command",
		 .letter = 'N', .help = "forward ports and do nothing else"),
	OPT_FLAG(struct ssh_options, tty, .name = "tty", .letter = 't',
		 .help = "give the guest a terminal in every case"),
	OPT_FLAG(struct ssh_options, no_tty, .name = "no-tty", .letter = 'T',
		 .help = "give it none"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl ssh web1", "Enter an instance." },
	{ "vmctl ssh", "Enter the one that runs, or choose." },
	{ "vmctl ssh root@web1 -- journalctl -f",
	  "Run one command as root, on a terminal." },
	{ "vmctl ssh -N -L 8080:localhost:80 web1",
	  "Reach its web server at http://localhost:8080 until interrupted." },
	{ NULL },
};

static int check(const struct ssh_options *o, struct vmctl_error *err)
{
	if (o->tty && o->no_tty)
		return fail(err, VMCTL_INVALID, 0,
			    "ssh: --tty and --no-tty exclude each other");
	if (!o->no_command)
		return 0;
	if (o->argv.count || o->tty)
		return fail(err, VMCTL_INVALID, 0,
			    "ssh: --no-command runs nothing, so there is no "
			    "place for %s",
			    o->tty ? "--tty" : "a command");
	if (!o->forwards.count) {
		fail(err, VMCTL_INVALID, 0,
		     "ssh: --no-command without --local-forward does nothing");
		fail_hint(err, "vmctl ssh -N -L 8080:localhost:80 %s",
			  o->name ? o->name : "NAME");
		return -VMCTL_INVALID;
	}
	return 0;
}

/* "USER@NAME" into its halves, as people type it. *ret_user, which the caller
 * frees, stays NULL where none is said. */
static int split(const struct ssh_options *o, char **ret_user,
		 const char **ret_name, struct vmctl_error *err)
{
	const char *at = o->name ? strrchr(o->name, '@') : NULL;

	*ret_name = at ? at + 1 : o->name;
	if (at)
		*ret_user = strndup(o->name, (size_t)(at - o->name));
	else if (o->user)
		*ret_user = strdup(o->user);
	if ((at || o->user) && !*ret_user)
		return fail_oom(err);
	if ((*ret_user && !**ret_user) || (at && !at[1]))
		return fail(err, VMCTL_INVALID, 0, "ssh: '%s' is not USER@NAME",
			    at ? o->name : o->user);
	if (at && o->user && !str_eq(o->user, *ret_user))
		return fail(err, VMCTL_INVALID, 0,
			    "ssh: two accounts are named, %s and %s", o->user,
			    *ret_user);
	return 0;
}

static bool wants_tty(const struct cli *cli, const struct ssh_options *o)
{
	/* A terminal only where both ends are one, so that scripts get
	 * bytes. */
	return o->tty ||
	       (!o->no_tty && !o->no_command && cli->tty_in && cli->tty_out);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct ssh_options *o = data;
	struct vmctl_exit exit = { 0 };
	auto_free char *user = NULL;
	auto_free char *chosen = NULL;
	const char *name = NULL;
	struct vmctl *ctx;
	int r = check(o, err);

	if (r == 0)
		r = split(o, &user, &name, err);
	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r == 0 && !name) {
		r = cli_choose_instance(cli, &chosen, err);
		name = chosen;
	}
	if (r < 0)
		return r;
	struct vmctl_exec what = {
		.size = sizeof(what),
		.argv = o->argv.count ? o->argv.items : NULL,
		.tty = wants_tty(cli, o),
		.user = user,
		.in = o->no_command ? -1 : STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.connect_timeout_ms = cli_timeout(cli, 0),
		.transport = "ssh",
		.local_forwards = o->forwards.count ? o->forwards.items : NULL,
		.forward_agent = o->agent,
		.no_command = o->no_command,
	};
	r = vmctl_instance_exec(ctx, name, &what, &exit, err);
	cli->status = exit.status;
	if (r < 0)
		cli_diagnose(cli, name, err);
	else
		hint_shell_line(cli, o->name ? o->name : name, what.argv,
				exit.status);
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
