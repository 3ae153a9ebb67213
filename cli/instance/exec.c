/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/stat.h>

#include "cli/diagnose.h"
#include "cli/fanout-files.h"
#include "cli/fanout.h"
#include "cli/message.h"
#include "cli/render/render.h"
#include "cli/shell-line.h"
#include "cli/targets.h"

/* Runs a command in guests. One guest's exit status becomes ours. */

#define JOBS 10
#define JOBS_MAX 256

struct exec_options {
	struct targets targets;
	struct strings argv, env;
	const char *user, *cwd, *transport, *prefix, *dir;
	int64_t jobs;
	bool tty, in, no_record;
};

static const char *const transports[] = { "auto", "agent", "ssh", NULL };
static const char *const prefixes[] = { "auto", "always", "never", NULL };

static const struct argument args[] = {
	ARG_TARGETS(struct exec_options, complete_running),
	ARG_MANY(struct exec_options, argv, .name = "COMMAND",
		 .after_dashes = true,
		 .help = "the command and its arguments, which arrive as they "
			 "are given"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct exec_options),
	OPT_INT(struct exec_options, jobs, .name = "jobs", .letter = 'j',
		.metavar = "N", .min = 1, .max = JOBS_MAX,
		.help = "how many instances at a time", .fallback = "10"),
	OPT_STRINGS(struct exec_options, env, .name = "env", .letter = 'e',
		    .metavar = "NAME=VALUE",
		    .help = "environment variable for the command"),
	OPT_STRING(struct exec_options, cwd, .name = "cwd", .letter = 'w',
		   .metavar = "DIR", .help = "folder in the guest to run it in",
		   .fallback = "the user's home"),
	OPT_STRING(struct exec_options, user, .name = "user", .letter = 'u',
		   .metavar = "USER", .help = "account to run it as",
		   .fallback = "the image's"),
	OPT_FLAG(struct exec_options, tty, .name = "tty", .letter = 't',
		 .help = "give it a terminal"),
	OPT_FLAG(struct exec_options, in, .name = "stdin", .letter = 'i',
		 .help = "with several instances: read standard input to its "
			 "end and give all of it to each"),
	OPT_CHOICE(struct exec_options, prefix, .name = "prefix",
		   .metavar = "WHEN", .choices = prefixes,
		   .help = "names in front of the lines of output",
		   .fallback = "auto: with several instances"),
	OPT_STRING(struct exec_options, dir, .name = "output-dir",
		   .metavar = "DIR", .complete = complete_files,
		   .help = "folder for the output instead: NAME.out, NAME.err "
			   "and NAME.status"),
	OPT_CHOICE(struct exec_options, transport, .name = "transport",
		   .metavar = "HOW", .choices = transports,
		   .help = "the way into the guest",
		   .fallback = "auto: the first that is there"),
	OPT_FLAG(struct exec_options, no_record, .name = "no-record",
		 .help = "leave nothing in the history"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl exec web1 uname -a", "Run a command." },
	{ "tar c site | vmctl exec web1 -- tar x -C /srv",
	  "Send standard input to it." },
	{ "vmctl exec --timeout 5m web1 -- make test",
	  "End it after five minutes, with status 124." },
	{ "vmctl exec -l role=web -j 20 -- sudo apt-get -qy upgrade",
	  "On all instances with a label, twenty at a time." },
	{ "vmctl exec web1 web2 -w /srv -e DEBUG=1 -- ./check --all",
	  "In a folder and with a variable, on two." },
	{ NULL },
};

static int run_one(struct cli *cli, const struct bound *b,
		   const struct vmctl_exec *what, struct vmctl_error *err)
{
	const char *name = b->names[0], *id = b->ids[0];
	struct vmctl_exit exit = { 0 };
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_exec(ctx, id, what, &exit, err);
	cli->status = exit.status;
	if (r < 0) {
		bound_explain(b, id, err);
		cli_diagnose(cli, id, err);
	} else {
		hint_shell_line(cli, name, what->argv, exit.status);
	}
	if (r == 0 && exit.timed_out)
		outcome_tell_late(cli, name, &exit);
	return r;
}

/* The table of statuses: for people, and so on standard error; but it is the
 * data of a command whose output goes to files. */
static int show(struct cli *cli, const struct exec_options *o,
		const struct outcome *list, size_t n, struct vmctl_error *err)
{
	int r;

	if (cli->globals.quiet && !o->dir)
		return 0;
	r = render_begin(cli->out, &outcome_record, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = render_row(cli->out, &list[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	if (r == 0 && !o->dir)
		r = render_flush(cli->out, STDERR_FILENO, err);
	return r;
}

/* Input that nobody will read would otherwise be lost in silence. */
static void warn_of_input(struct cli *cli)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) &&
	    poll(&p, 1, 0) == 1 && p.revents & POLLIN)
		cli_note(cli, "standard input is not read with several "
			      "instances; --stdin gives it to each");
}

static int choose_input(struct cli *cli, const struct exec_options *o, size_t n,
			struct fanout *f, struct vmctl_error *err)
{
	f->in = -1;
	if (n == 1) {
		f->in = STDIN_FILENO;
		return 0;
	}
	if (!o->in) {
		warn_of_input(cli);
		return 0;
	}
	f->in_shared = true;
	return fanout_spool(STDIN_FILENO, &f->in, err);
}

static int run_many(struct cli *cli, const struct exec_options *o,
		    const struct vmctl_exec *what, const struct bound *b,
		    struct vmctl_error *err)
{
	size_t n = strv_len((const char *const *)b->ids);
	auto_free struct outcome *list = calloc(n, sizeof(*list));
	struct fanout f = {
		.what = *what,
		.jobs = o->jobs ? o->jobs : JOBS,
		.prefix = !o->prefix || !str_eq(o->prefix, "never"),
		.dir = o->dir,
	};
	int r = list ? choose_input(cli, o, n, &f, err) : fail_oom(err);

	if (r < 0)
		return r;
	r = fanout_run(cli, &f, b, n, list, err);
	if (f.in_shared)
		close(f.in);
	/* As SIGPIPE would have ended it. */
	if (r < 0 && err->sys_errno == EPIPE)
		cli->status = 128 + 13, r = 0;
	else if (r == 0 && (n > 1 || o->dir))
		r = show(cli, o, list, n, err);
	if (r == 0 && !cli->status)
		cli->status = outcomes_status(list, n);
	if (r == 0)
		hint_shell_line(cli, n > 1 ? "NAME..." : b->names[0],
				what->argv, cli->status);
	for (size_t i = 0; i < n; i++)
		free(list[i].message);
	return r;
}

static int check(const struct exec_options *o, size_t n,
		 struct vmctl_error *err)
{
	bool always = o->prefix && str_eq(o->prefix, "always");

	if (o->tty && (n > 1 || always || o->dir))
		return fail(err, VMCTL_INVALID, 0,
			    "a terminal (-t) is for one instance, and for "
			    "nothing but its output");
	if (always && o->dir)
		return fail(err, VMCTL_INVALID, 0,
			    "--prefix and --output-dir exclude each other");
	return 0;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct exec_options *o = data;
	auto_bound b = { 0 };
	int64_t hold_ms = 0;
	struct vmctl *ctx;
	int r = targets_expand(cli, &o->targets, &b, err);
	size_t n = strv_len((const char *const *)b.ids);

	if (r == 0)
		r = check(o, n, err);
	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r == 0)
		r = vmctl_config_number(ctx, "exec.hold", &hold_ms, err);
	if (r < 0)
		return r;
	const struct vmctl_exec what = {
		.size = sizeof(what),
		.argv = o->argv.items,
		.tty = o->tty,
		.user = o->user,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.timeout_ms = cli_timeout(cli, 0),
		.transport = o->transport,
		.env = o->env.items,
		.cwd = o->cwd,
		.hold_ms = (long)hold_ms,
		.no_record = o->no_record,
	};
	if (n == 1 && !o->dir && !(o->prefix && str_eq(o->prefix, "always")))
		return run_one(cli, &b, &what, err);
	return run_many(cli, o, &what, &b, err);
}

const struct command cmd_exec = {
	.path = "exec",
	.summary = "run a command in guests",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_PASSES_STATUS | COMMAND_STOPS_AT_ARGS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct exec_options),
	.record = &outcome_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
