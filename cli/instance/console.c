/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/console.h>

#include "cli/command.h"

/* A terminal on the serial console of a guest. */

#define LINGER_MS 2000

struct console_options {
	const char *name, *escape;
	bool force;
	int64_t linger;
};

static const struct argument args[] = {
	ARG_ONE(struct console_options, name, .name = "NAME",
		.complete = complete_running,
		.help = "name or id of an instance"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct console_options, escape, .name = "escape",
		   .letter = 'e', .metavar = "KEY",
		   .help = "the key that leaves: ^ and a character, or none",
		   .fallback = "^]"),
	OPT_FLAG(struct console_options, force, .name = "force", .letter = 'f',
		 .help = "take it over from whoever has it"),
	OPT_DURATION(struct console_options, linger, .name = "linger",
		     .metavar = "DURATION",
		     .help = "how long a guest may be silent after the end of "
			     "input from a pipe or file",
		     .fallback = "2s"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl console web1", "Enter; Ctrl-] leaves." },
	{ "printf 'root\\n' | vmctl console --timeout 30s web1",
	  "Type a line and show what comes of it." },
	{ NULL },
};

/* "^]" as ssh(1) and virsh(1) write it. -1: none. */
static int parse_escape(const char *text, int *ret, struct vmctl_error *err)
{
	unsigned char c = (unsigned char)text[0];

	if (str_eq(text, "none")) {
		*ret = -1;
		return 0;
	}
	if (c == '^' && text[1] && !text[2]) {
		c = (unsigned char)text[1];
		if (c >= 'a' && c <= 'z')
			c = (unsigned char)(c - 'a' + 'A');
		if (c == '?' || (c >= '@' && c <= '_')) {
			*ret = c ^ 0x40;
			return 0;
		}
	} else if (c > ' ' && c < 0x7f && !text[1]) {
		*ret = c;
		return 0;
	}
	fail(err, VMCTL_INVALID, 0, "'%s' is no key for --escape", text);
	fail_hint(err, "write it as ^], ^a or x, or none");
	return -VMCTL_INVALID;
}

struct meeting {
	struct cli *cli;
	const struct console_options *o;
	int escape;
	bool opened;
};

static void say_how(void *data)
{
	struct meeting *m = data;
	const char *key = m->o->escape ? m->o->escape : "^]";

	m->opened = true;
	if (!m->cli->tty_in)
		return;
	if (m->escape < 0)
		cli_note(m->cli,
			 "On the console of %s, until it is off. Press Enter "
			 "if nothing shows.",
			 m->o->name);
	else
		cli_note(m->cli,
			 "On the console of %s; %s%s leaves it. Press Enter if "
			 "nothing shows.",
			 m->o->name, *key == '^' && key[1] ? "Ctrl-" : "",
			 *key == '^' && key[1] ? key + 1 : key);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct console_options *o = data;
	struct meeting meeting = { cli, o, -1, false };
	enum vmctl_console_end end = VMCTL_CONSOLE_LEFT;
	struct vmctl *ctx;
	int r = parse_escape(o->escape ? o->escape : "^]", &meeting.escape,
			     err);

	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r < 0)
		return r;
	struct vmctl_console what = {
		.size = sizeof(what),
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.escape = meeting.escape,
		.force = o->force,
		.timeout_ms = cli_timeout(cli, 0),
		.linger_ms = o->linger ? (long)o->linger : LINGER_MS,
		.opened = say_how,
		.data = &meeting,
	};
	r = vmctl_console_open(ctx, o->name, &what, &end, err);
	/* The guest leaves the cursor anywhere. */
	if (meeting.opened && cli->tty_in)
		cli_note(cli, "%s", "");
	if (r == 0 && end == VMCTL_CONSOLE_OFF)
		cli_note(cli, "%s went off.", o->name);
	else if (r == 0 && cli->tty_in)
		cli_note(cli, "Left the console of %s.", o->name);
	return r;
}

const struct command cmd_console = {
	.path = "console",
	.summary = "enter an instance by its serial console",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct console_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 5, 7, 0 },
	.run = run,
};
