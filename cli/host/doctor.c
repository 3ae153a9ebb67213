/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* Everything that can make vmctl fail here, looked at, and mended if wished. */

struct doctor_options {
	bool fix;
};

static const struct option opts[] = {
	OPT_FLAG(struct doctor_options, fix, .name = "fix",
		 .help = "mend what is vmctl's own and can be mended without "
			 "loss, and say what was done"),
	OPT_END,
};

#define AT(member) offsetof(struct vmctl_check, member)

static const char *verdict_of(const void *record)
{
	return vmctl_verdict_name(
		((const struct vmctl_check *)record)->verdict);
}

static const struct field fields[] = {
	{ "group", "GROUP", FIELD_STRING, AT(group), FIELD_ALWAYS,
	  .help = "what the check is about: programs, records, libvirt, host, "
		  "network, ssh, instances, leftovers" },
	{ "check", "CHECK", FIELD_STRING, AT(check), FIELD_NAME,
	  .help = "the check; it may have found several things" },
	{ "verdict", "VERDICT", FIELD_TEXT, 0, 0, .text = verdict_of,
	  .help = "ok, note, warning, problem or fixed" },
	{ "text", "FOUND", FIELD_STRING, AT(text), FIELD_ALWAYS,
	  .help = "what was found" },
	{ "fix", "FIX", FIELD_STRING, AT(fix), 0,
	  .help = "what to type about it" },
	{ .key = NULL },
};

static const struct record check_record = { "check", fields };

static const struct example examples[] = {
	{ "vmctl host doctor", "Look at everything; nothing is changed." },
	{ "vmctl host doctor --fix",
	  "Also remove what dead processes and deleted instances left." },
	{ "vmctl host doctor -q || mail -s doctor root </dev/null",
	  "Be told by cron of what is to be mended." },
	{ "vmctl host doctor -o json --filter verdict=problem",
	  "The same for a program." },
	{ NULL },
};

/* With -q only what is to be mended, or has been. */
static bool is_shown(const struct cli *cli, const struct vmctl_check *c)
{
	return !cli->globals.quiet || c->verdict >= VMCTL_VERDICT_PROBLEM;
}

/* A line for each, and what to type on a line of its own, where it can be
 * copied whole. */
static void add_line(const struct vmctl_check *c, struct str *out)
{
	str_addf(out, "  %-7s  %-12s  %s\n", vmctl_verdict_name(c->verdict),
		 c->check, c->text);
	if (*c->fix)
		str_addf(out, "%25s%s\n", "", c->fix);
}

static int put_text(struct cli *cli, const struct vmctl_doctor *found,
		    struct vmctl_error *err)
{
	auto_str out = STR_INIT;
	const char *group = "";

	for (size_t i = 0; i < found->count; i++) {
		const struct vmctl_check *c = &found->items[i];

		if (!is_shown(cli, c))
			continue;
		if (!str_eq(c->group, group) && !cli->globals.no_header)
			str_addf(&out, "%s\n", c->group);
		group = c->group;
		add_line(c, &out);
	}
	int r = str_check(&out, err);
	return r < 0 || !out.len ? r : render_text(cli->out, out.p, false, err);
}

static int put_list(struct cli *cli, const struct vmctl_doctor *found,
		    struct vmctl_error *err)
{
	int r = render_begin(cli->out, &check_record, err);

	for (size_t i = 0; r == 0 && i < found->count; i++)
		if (is_shown(cli, &found->items[i]))
			r = render_row(cli->out, &found->items[i], err);
	return r < 0 ? r : render_end(cli->out, err);
}

static bool wants_list(const struct cli *cli)
{
	const struct globals *g = &cli->globals;

	return !str_eq(g->output, "table") || g->columns || g->filter ||
	       g->sort;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct doctor_options *o = data;
	struct vmctl_doctor *found;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_host_doctor(ctx, o->fix, cli_timeout(cli, 0), &found,
				      err);
	if (r < 0)
		return r;
	r = wants_list(cli) ? put_list(cli, found, err)
			    : put_text(cli, found, err);
	if (r == 0 && found->problems) {
		render_flush(cli->out, STDOUT_FILENO, err);
		r = fail(err, VMCTL_FAILED, 0, "%zu %s to be mended",
			 found->problems,
			 found->problems == 1 ? "thing is" : "things are");
	}
	vmctl_doctor_free(found);
	return r;
}

const struct command cmd_host_doctor = {
	.path = "host doctor",
	.summary = "look for everything that can make vmctl fail, and mend it",
	.group = GROUP_HOST,
	.flags = COMMAND_LISTS | COMMAND_ANY_CONFIG,
	.opts = opts,
	.opts_size = sizeof(struct doctor_options),
	.record = &check_record,
	.examples = examples,
	.run = run,
};
