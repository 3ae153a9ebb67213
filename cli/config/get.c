/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/config/fields.h"
#include "cli/render/render.h"

/* Prints the value of a setting. */

struct get_options {
	const char *key;
};

static const struct argument args[] = {
	ARG_ONE(struct get_options, key, .name = "KEY",
		.complete = complete_settings, .help = "name of a setting"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl config get connect", "See which hypervisor is used." },
	{ "vmctl config get connect -o json", "See also where that is said." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct get_options *o = data;
	struct vmctl_config_entry *entry;
	auto_free char *line = NULL;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_config_get(ctx, o->key, &entry, err);
	if (r < 0)
		return r;
	/* As a script wants it: the value, or nothing where there is none. */
	if (str_eq(cli->globals.output, "table") && !cli->globals.columns) {
		line = str_printf("%s%s", entry->value,
				  *entry->value ? "\n" : "");
		r = line ? render_text(cli->out, line, true, err)
			 : fail_oom(err);
	} else {
		r = render_one(cli->out, &config_record, entry, err);
	}
	vmctl_config_entry_free(entry);
	return r;
}

const struct command cmd_config_get = {
	.path = "config get",
	.summary = "show the value of a setting",
	.group = GROUP_CONFIG,
	.flags = COMMAND_ANY_CONFIG,
	.args = args,
	.opts_size = sizeof(struct get_options),
	.record = &config_record,
	.examples = examples,
	.exits = (const int[]){ 3, 0 },
	.run = run,
};
