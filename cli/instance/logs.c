/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "cli/command.h"
#include "cli/render/render.h"

/* Prints what a guest wrote on its serial console. */

/* virtlogd begins a new file at 2 MiB. Of what is larger, and was not limited,
 * the end is shown. */
#define LOG_MAX (8 << 20)

struct logs_options {
	const char *name;
	int64_t lines;
};

static const struct argument args[] = {
	ARG_ONE(struct logs_options, name, .name = "NAME",
		.complete = complete_instances,
		.help = "name or id of an instance"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_INT(struct logs_options, lines, .name = "lines", .letter = 'n',
		.metavar = "N", .min = 1, .max = 1000000,
		.help = "only the last lines"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl logs web1", "Print all that the guest wrote." },
	{ "vmctl logs -n 20 web1", "Print the end of it." },
	{ NULL },
};

/* Where the last n lines begin. */
static const char *tail(const struct str *text, int64_t n)
{
	const char *p = str_text(text) + text->len;

	if (text->len && p[-1] == '\n')
		p--;
	while (p > str_text(text)) {
		if (p[-1] == '\n' && --n == 0)
			break;
		p--;
	}
	return p;
}

/* Serial lines end in CR LF; the terminal gets LF. */
static void drop_cr(struct str *text)
{
	size_t kept = 0;

	for (size_t i = 0; i < text->len; i++) {
		if (text->p[i] == '\r' || text->p[i] == '\0')
			continue;
		text->p[kept++] = text->p[i];
	}
	text->len = kept;
	if (text->p)
		text->p[kept] = '\0';
}

/* To where the end begins that is shown: a guest may go on writing. */
static int skip(struct cli *cli, int fd, struct vmctl_error *err)
{
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > LOG_MAX / 2 ? size - LOG_MAX / 2 : 0;

	if (from)
		cli_note(cli, "the last %d MiB of the console record:",
			 LOG_MAX >> 21);
	return lseek(fd, from, SEEK_SET) < 0
		       ? fail_sys(err, errno, "cannot read the console record")
		       : 0;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct logs_options *o = data;
	auto_str text = STR_INIT;
	auto_close int fd = -1;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_log_open(ctx, o->name, &fd, err);
	if (r == 0)
		r = skip(cli, fd, err);
	if (r == 0)
		r = fd_read_all(fd, LOG_MAX, "the console record", &text, err);
	if (r < 0)
		return r;
	drop_cr(&text);
	const char *from = o->lines ? tail(&text, o->lines) : str_text(&text);
	/* What a guest writes must not move this terminal's cursor; a file
	 * or a pipe gets the bytes. */
	return render_text(cli->out, from, cli->tty_out, err);
}

const struct command cmd_logs = {
	.path = "logs",
	.summary = "print what a guest wrote on its console",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct logs_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 0 },
	.run = run,
};
