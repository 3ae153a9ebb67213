/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "cli/context.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/render/render.h"
#include "cli/value.h"

/* From argv to an exit status. */

static int stdout_columns(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || !ws.ws_col)
		return 80;
	return ws.ws_col;
}

int help_width(void)
{
	int columns = isatty(STDOUT_FILENO) ? stdout_columns() : 80;

	/* Long lines are hard to read, short ones leave nothing to say. */
	return columns < 40 ? 40 : columns > 100 ? 100 : columns;
}

/* "vmctl create web1", as another process shows it that waits for a lock.
 * Allocated; NULL when memory is short. */
static char *name_process(int argc, char **argv)
{
	auto_str text = STR_INIT;

	str_add(&text, "vmctl");
	for (int i = 1; i < argc && text.len < 200; i++)
		str_addf(&text, " %.100s", argv[i]);
	return str_printable(str_text(&text), text.len, false);
}

int cli_render(const struct cli *cli, struct render **ret,
	       struct vmctl_error *err)
{
	struct render_options opts = {
		.columns = cli->globals.columns,
		.filter = cli->globals.filter,
		.sort = cli->globals.sort,
		.print0 = cli->globals.print0,
		.no_header = cli->globals.no_header,
		.color = color_wanted(cli->globals.color, cli->tty_out),
		.width = cli->tty_out ? stdout_columns() : 0,
		.now = clock_now(),
	};
	int rc = format_parse(cli->globals.output, &opts.format, err);

	if (opts.print0)
		opts.format = FORMAT_NAME;
	if (rc == 0 && cli->command && cli->command->record)
		rc = render_check(&opts, cli->command->record, err);
	return rc ? rc : render_new(&opts, ret, err);
}

/* Output is written on success; where part of the work was done and is kept,
 * as its names are what the user needs then; and where a list shows what was
 * last seen, as the hypervisor does not answer. */
static int flush(struct cli *cli, int rc, struct vmctl_error *err)
{
	struct vmctl_error failure = { 0 };
	int flushed;

	if (rc && rc != -VMCTL_PARTIAL && rc != -VMCTL_TIMEOUT &&
	    rc != -VMCTL_HYPERVISOR && rc != -VMCTL_CANCELLED)
		return rc;
	progress_clear(cli);
	flushed = render_flush(cli->out, STDOUT_FILENO, &failure);
	if (!flushed)
		return rc;
	if (rc)
		cli_error(cli, err);
	*err = failure;
	return flushed;
}

static int run_command(struct cli *cli, const struct parsed *p,
		       struct vmctl_error *err)
{
	int rc = cli_render(cli, &cli->out, err);

	if (rc == 0)
		rc = flush(cli, p->command->run(cli, p->opts, err), err);
	return rc;
}

static int print_help(struct cli *cli, const struct parsed *p,
		      struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	int rc = cli_render(cli, &cli->out, err);

	if (rc)
		return rc;
	if (p->globals.version)
		str_add(&text, "vmctl " VMCTL_VERSION "\n");
	else if (p->noun)
		noun_help(p->noun, help_width(), &text);
	else
		command_help(p->command, help_width(), &text);
	rc = str_check(&text, err);
	if (rc == 0)
		rc = render_text(cli->out, str_text(&text), false, err);
	return flush(cli, rc, err);
}

static int no_command(struct cli *cli, struct vmctl_error *err)
{
	auto_str text = STR_INIT;

	if (!str_eq(cli->globals.output, "json") &&
	    !str_eq(cli->globals.output, "ndjson")) {
		short_help(&text);
		fprintf(stderr, "%s", str_text(&text));
		/* All is said: nothing is left for cli_error. */
		err->message[0] = '\0';
		return -VMCTL_INVALID;
	}
	fail(err, VMCTL_INVALID, 0, "a command is missing");
	fail_hint(err, "vmctl --help lists the commands");
	return -VMCTL_INVALID;
}

static int check_settings(struct cli *cli, struct vmctl_error *err)
{
	const char *unused;
	struct vmctl *ctx;
	int rc = cli_context(cli, &ctx, err);

	return rc ? rc : vmctl_config_text(ctx, "output", &unused, err);
}

/* The value of a global option from the settings, as the option's own choices
 * have it: those outlive a change of the settings. */
static int take_setting(struct cli *cli, const char *key,
			struct vmctl_error *err)
{
	const struct option *opt =
		option_by_name(global_options, key, strlen(key));
	const char *value = NULL;
	struct vmctl *ctx;
	int rc = cli_context(cli, &ctx, err);

	if (rc == 0)
		rc = vmctl_config_text(ctx, key, &value, err);
	return rc ? rc : value_store(opt, value, &cli->globals, err);
}

/* Where the command line says nothing, the settings do, and what is built in
 * otherwise. NO_COLOR comes before the settings. */
static int take_settings(struct cli *cli, unsigned flags,
			 struct vmctl_error *err)
{
	const char *no_color = getenv("NO_COLOR");
	struct vmctl_error why = { 0 };
	int rc = 0;

	if (!(flags & COMMAND_NO_CONFIG)) {
		/* Read also when all is given: a broken file is not passed
		 * over in silence. */
		rc = check_settings(cli, &why);
		if (rc == 0 && !cli->globals.output)
			rc = take_setting(cli, "output", &why);
		if (rc == 0 && !cli->globals.color && !(no_color && *no_color))
			rc = take_setting(cli, "color", &why);
	}
	if (!cli->globals.output)
		cli->globals.output = "table";
	if (!cli->globals.color)
		cli->globals.color = "auto";
	if (rc == 0 || flags & COMMAND_ANY_CONFIG)
		return 0;
	*err = why;
	return rc;
}

static int dispatch(struct cli *cli, int argc, char **argv, struct parsed *p,
		    struct vmctl_error *err)
{
	int settled, rc = parse_command_line(argc, (const char *const *)argv, p,
					     err);
	unsigned flags = p->command ? p->command->flags : COMMAND_NO_CONFIG;
	bool shows = p->globals.help || p->globals.version;

	cli->globals = p->globals;
	cli->command = p->command;
	if (rc)
		flags |= COMMAND_ANY_CONFIG; /* how to tell of it */
	else if (shows)
		flags |= COMMAND_NO_CONFIG;
	settled = take_settings(cli, flags, err);
	if (rc || settled)
		return rc ? rc : settled;
	if (shows)
		return print_help(cli, p, err);
	if (!p->command)
		return no_command(cli, err);
	return run_command(cli, p, err);
}

static int finish(struct cli *cli, int rc, struct vmctl_error *err)
{
	progress_clear(cli);
	render_free(cli->out);
	if (rc == 0) {
		bool passes = cli->command &&
			      cli->command->flags & COMMAND_PASSES_STATUS;

		vmctl_free(cli->ctx);
		return passes ? cli->status : 0;
	}
	err->code = -rc;
	if (!err->message[0] && cli->command)
		fail(err, err->code, 0, "%s failed: %s", cli->command->path,
		     vmctl_code_summary(err->code));
	/* The context knows where the log is. */
	if (err->message[0])
		cli_error(cli, err);
	vmctl_free(cli->ctx);
	if (err->code == VMCTL_CANCELLED)
		die_of_signal();
	return vmctl_code_exit(err->code);
}

/* Started with a standard descriptor closed, the next file opened would take
 * its number: error messages would go into the database. The direction is the
 * wrong one, so that using it fails as if it were closed. */
static void keep_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", fd ? O_RDONLY : O_WRONLY);
	}
}

int cli_main(int argc, char **argv)
{
	struct vmctl_error err = { 0 };
	struct progress progress = { 0 };
	struct parsed parsed = { 0 };
	auto_free char *name = name_process(argc, argv);
	struct cli cli = {
		.tty_in = isatty(STDIN_FILENO),
		.tty_out = isatty(STDOUT_FILENO),
		.tty_err = isatty(STDERR_FILENO),
		.progress = &progress,
		.name = name ? name : "vmctl",
	};
	int rc;

	keep_standard_fds();
	/* "vmctl list | head -1" shall find out by EPIPE, and no peer of the
	 * library's sockets shall kill the process. */
	signal(SIGPIPE, SIG_IGN);
	/* A limit on the size of files (ulimit -f) is a failed write. */
	signal(SIGXFSZ, SIG_IGN);
	rc = dispatch(&cli, argc, argv, &parsed, &err);
	rc = finish(&cli, rc, &err);
	parsed_done(&parsed);
	return rc;
}
