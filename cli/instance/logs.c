/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/console.h>

#include "base/file.h"
#include "cli/instance/fields.h"
#include "cli/render/render.h"

/* Prints what a guest wrote on its serial console. */

/* A line that is longer is given out in pieces. */
#define LINE_MAX_BYTES 65536

struct logs_options {
	const char *name;
	int64_t lines, since, boot;
	bool follow, list;
};

static const struct argument args[] = {
	ARG_ONE(struct logs_options, name, .name = "NAME",
		.complete = complete_instances,
		.help = "name or id of an instance, also of a deleted one"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_FLAG(struct logs_options, follow, .name = "follow", .letter = 'f',
		 .help = "go on with what is written from now on"),
	OPT_INT(struct logs_options, lines, .name = "lines", .letter = 'n',
		.metavar = "N", .min = 1, .max = 1000000,
		.help = "only the last lines"),
	OPT_INT(struct logs_options, since, .name = "since", .metavar = "BOOT",
		.min = -1000000, .max = 1000000000,
		.help = "begin with that start of the machine: 0 is the last "
			"one, -1 the one before, 1 the first ever",
		.fallback = "0"),
	OPT_INT(struct logs_options, boot, .name = "boot", .letter = 'b',
		.metavar = "BOOT", .min = -1000000, .max = 1000000000,
		.help = "that start alone"),
	OPT_FLAG(struct logs_options, list, .name = "list-boots",
		 .help = "list the starts that are recorded"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl logs web1", "Print what the guest wrote since its start." },
	{ "vmctl logs -f -n 20 web1", "Print the end of it, and go on." },
	{ "vmctl logs -b -1 web1", "Print what it wrote before it was "
				   "started the last time." },
	{ "vmctl logs --list-boots web1", "See which starts are recorded." },
	{ NULL },
};

static int list_boots(struct cli *cli, struct vmctl *ctx, const char *name,
		      struct vmctl_error *err)
{
	struct vmctl_boot_list *list;
	int r = vmctl_console_boots(ctx, name, &list, err);

	if (r < 0)
		return r;
	r = render_begin(cli->out, &boot_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, &list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_boot_list_free(list);
	return r;
}

/* --- output ------------------------------------------------------------------
 */

struct output {
	struct str pending; /* a line without its end */
	bool safe;	    /* for a terminal */
};

/* Serial lines end in CR LF; here they end in LF. */
static void drop_cr(struct str *text)
{
	size_t kept = 0;

	for (size_t i = 0; i < text->len; i++)
		if (text->p[i] != '\r' || i + 1 == text->len ||
		    text->p[i + 1] != '\n')
			text->p[kept++] = text->p[i];
	text->len = kept;
}

/* What a terminal is better off without. */
static void drop_quiet(struct str *text)
{
	size_t kept = 0;

	for (size_t i = 0; i < text->len; i++)
		if (text->p[i] != '\r' && text->p[i] != '\0')
			text->p[kept++] = text->p[i];
	text->len = kept;
}

/* 1: nobody reads any more. */
static int write_out(const struct output *o, struct str *text,
		     struct vmctl_error *err)
{
	struct vmctl_error why;
	auto_free char *safe = NULL;
	const char *p = text->p;
	size_t n;

	drop_cr(text);
	if (o->safe)
		drop_quiet(text);
	n = text->len;
	if (!n)
		return 0;
	if (o->safe) {
		p = safe = str_printable(text->p, text->len, true);
		n = safe ? strlen(safe) : 0;
		if (!safe)
			return fail_oom(err);
	}
	int r = fd_write_all(STDOUT_FILENO, p, n, &why);
	if (r < 0 && why.sys_errno == EPIPE)
		return 1;
	if (r < 0)
		*err = why;
	return r;
}

/* How much of a text without its end may be shown: not a CR whose LF is still
 * to come, nor the begin of a character. */
static size_t complete_part(const struct str *text)
{
	size_t n = text->len, back = 0;

	while (back < 3 && back < n &&
	       ((unsigned char)text->p[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n) {
		unsigned char c = (unsigned char)text->p[n - 1 - back];
		size_t wants = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0;

		if (wants > back)
			n -= back + 1;
	}
	while (n && text->p[n - 1] == '\r')
		n--;
	return n;
}

static int give(struct output *o, size_t n, struct vmctl_error *err)
{
	auto_str out = STR_INIT;

	if (!n)
		return 0;
	str_addn(&out, o->pending.p, n);
	if (str_check(&out, err) < 0)
		return -VMCTL_NO_MEMORY;
	memmove(o->pending.p, o->pending.p + n, o->pending.len - n);
	o->pending.len -= n;
	return write_out(o, &out, err);
}

/* Whole lines as they come; when nothing more comes for now, as at a prompt,
 * also the begin of one. */
static int put(void *data, const char *bytes, size_t n, struct vmctl_error *err)
{
	struct output *o = data;
	const char *nl;

	str_addn(&o->pending, bytes, n);
	if (str_check(&o->pending, err) < 0)
		return -VMCTL_NO_MEMORY;
	if (!o->pending.len)
		return 0;
	nl = memrchr(o->pending.p, '\n', o->pending.len);
	if (n && !nl && o->pending.len < LINE_MAX_BYTES)
		return 0;
	return give(o,
		    n && nl ? (size_t)(nl + 1 - o->pending.p)
			    : complete_part(&o->pending),
		    err);
}

static int print(struct cli *cli, struct vmctl *ctx,
		 const struct logs_options *o, const char *id,
		 struct vmctl_error *err)
{
	struct output out = { .safe = cli->tty_out };
	const struct vmctl_console_log what = {
		.size = sizeof(what),
		.first = o->boot ? o->boot : o->since,
		.last = o->boot,
		.lines = o->lines,
		.follow = o->follow,
		.put = put,
		.data = &out,
		.out = STDOUT_FILENO,
	};
	bool gone = false;
	int r = vmctl_console_log(ctx, id, &what, &gone, err);

	if (r == 0)
		r = give(&out, out.pending.len, err);
	str_done(&out.pending);
	if (r == 0 && gone)
		cli_note(cli, "%s was deleted.", o->name);
	return r < 0 ? r : 0;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct logs_options *o = data;
	auto_free char *id = NULL;
	bool deleted = false;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0 && o->boot && (o->since || o->follow)) {
		fail(err, VMCTL_INVALID, 0,
		     "--boot is one start alone: not with --since or --follow");
		return -VMCTL_INVALID;
	}
	if (r == 0)
		r = vmctl_console_find(ctx, o->name, &id, &deleted, err);
	if (r < 0)
		return r;
	if (deleted && !str_eq(id, o->name))
		cli_note(cli,
			 "%s is deleted; this is the record of %s:", o->name,
			 id);
	return o->list ? list_boots(cli, ctx, id, err)
		       : print(cli, ctx, o, id, err);
}

const struct command cmd_logs = {
	.path = "logs",
	.summary = "print what a guest wrote on its console",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct logs_options),
	.record = &boot_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 0 },
	.run = run,
};
