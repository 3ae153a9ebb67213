/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/shell/edit.h"
#include "cli/shell/run.h"

/* Commands typed one after another, or read from a file. */

struct shell_options {
	const char *file;
	bool keep_going;
};

static const struct argument args[] = {
	ARG_ONE(struct shell_options, file, .name = "FILE", .optional = true,
		.complete = complete_files,
		.help = "file of commands, instead of standard input"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_FLAG(struct shell_options, keep_going, .name = "keep-going",
		 .letter = 'k',
		 .help = "go on after a command that failed; for commands that "
			 "are not typed"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl shell", "Type commands, with completion and history." },
	{ "vmctl shell < setup.vmctl",
	  "Run the commands of a file, up to the first that fails." },
	{ NULL },
};

/* Where the history is kept: beside the log's folder. NULL: nowhere. */
static char *history_file(struct vmctl *ctx)
{
	const char *log = vmctl_log_path(ctx);
	auto_free char *dir = log ? strdup(log) : NULL;

	for (int i = 0; dir && i < 2; i++) {
		char *slash = strrchr(dir, '/');

		if (slash)
			*slash = '\0';
	}
	if (!dir || dir_make(dir, 0700, NULL) < 0)
		return NULL;
	return str_printf("%s/history", dir);
}

static void ignore(int sig)
{
}

/* What ends a command must not end the shell that waits for it. A handler, not
 * SIG_IGN: that would be inherited. */
static void keep_alive(void)
{
	struct sigaction act = { .sa_handler = ignore, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGQUIT, &act, NULL);
	sigaction(SIGTSTP, &act, NULL);
}

static int type_lines(struct shell *sh, struct vmctl *ctx,
		      struct vmctl_error *err)
{
	auto_free char *history = history_file(ctx);
	int r = edit_begin(sh->cli, history, err);

	if (r < 0)
		return r;
	cli_note(sh->cli, "Type help for the commands, exit to leave.");
	sh->own_input = true;
	keep_alive();
	while (!sh->done) {
		auto_free char *prompt = NULL;
		auto_free char *line = NULL;

		prompt = sh->current ? str_printf("vmctl:%s> ", sh->current)
				     : strdup("vmctl> ");
		line = prompt ? edit_line(prompt) : NULL;
		if (!line)
			break;
		edit_remember(line);
		shell_run(sh, line);
		if (sh->status == 128 + SIGINT)
			cli_note(sh->cli, "%s", "");
	}
	if (!sh->done) /* ^D: the next prompt is another's */
		cli_note(sh->cli, "%s", "");
	edit_end();
	return 0;
}

/* A line without its end, which may be that of DOS: a carriage return at the
 * end is no part of a file's name. The first may begin with a mark. */
static char *line_text(char *line, size_t n, bool first)
{
	const char *text = line;

	if (first)
		str_skip_mark(&text, &n);
	line = (char *)text;
	line[strcspn(line, "\n")] = '\0';
	n = strlen(line);
	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	return line;
}

static int fail_encoding(const char *name, const char *encoding,
			 struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "%s is text in %s, not in UTF-8", name,
	     encoding);
	fail_hint(err, "iconv -f %s -t UTF-8 FILE | vmctl shell", encoding);
	return -VMCTL_INVALID;
}

static int read_lines(struct shell *sh, const char *name, bool keep_going,
		      struct vmctl_error *err)
{
	auto_file FILE *file = name ? fopen(name, "re") : fdopen(dup(0), "r");
	auto_free char *line = NULL;
	const char *encoding;
	size_t room = 0, number = 0;
	ssize_t n;
	int failed = 0;

	if (!file)
		return fail(err,
			    errno == ENOENT ? VMCTL_NOT_FOUND : VMCTL_FAILED,
			    errno, "cannot open %s",
			    name ? name : "standard input");
	/* Commands that read would eat the rest of the script. */
	sh->own_input = name != NULL;
	while (!sh->done && !cli_interrupted() &&
	       (n = getline(&line, &room, file)) >= 0) {
		encoding =
			number++ ? NULL : str_other_encoding(line, (size_t)n);
		if (encoding)
			return fail_encoding(name ? name : "standard input",
					     encoding, err);
		shell_run(sh, line_text(line, (size_t)n, number == 1));
		if (!sh->status || sh->done)
			continue;
		failed = sh->status;
		if (keep_going)
			continue;
		cli_note(sh->cli,
			 "stopped at line %zu%s%s, which ended with "
			 "status %d",
			 number, name ? " of " : "", name ? name : "", failed);
		break;
	}
	if (!sh->done && failed)
		sh->status = failed;
	return 0;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct shell_options *o = data;
	struct shell sh;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = shell_begin(&sh, cli, err);
	if (r < 0)
		return r;
	if (!o->file && cli->tty_in && cli->tty_err)
		r = type_lines(&sh, ctx, err);
	else
		r = read_lines(&sh, o->file, o->keep_going, err);
	cli->status = sh.status;
	shell_done(&sh);
	return r;
}

const struct command cmd_shell = {
	.path = "shell",
	.summary = "type commands one after another",
	.group = GROUP_OTHER,
	.flags = COMMAND_PASSES_STATUS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct shell_options),
	.examples = examples,
	.exits = (const int[]){ 3, 0 },
	.run = run,
};
