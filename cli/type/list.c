/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* Lists the instance types. */

#define AT(member) offsetof(struct vmctl_type, member)

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "what create --type takes" },
	{ "vcpus", "VCPUS", FIELD_INT, AT(vcpus), 0,
	  .help = "virtual processors" },
	{ "memory", "MEMORY", FIELD_SIZE, AT(memory), 0,
	  .help = "memory of the guest" },
	{ "disk", "DISK", FIELD_SIZE, AT(disk), 0,
	  .help = "size of the disk; of the image, where that is larger" },
	{ "source", "SOURCE", FIELD_STRING, AT(source), 0,
	  .help = "builtin or configuration" },
	{ .key = NULL },
};

static const struct record type_record = { "type", fields };

static const struct example examples[] = {
	{ "vmctl type list", "See what sizes there are." },
	{ "vmctl config set types.big.memory 16G", "Add one." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_type_list *list;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_type_list(ctx, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &type_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_row(cli->out, &list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_type_list_free(list);
	return r;
}

const struct command cmd_type_list = {
	.path = "type list",
	.aliases = (const char *const[]){ "type ls", NULL },
	.summary = "list the instance types",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_LISTS,
	.record = &type_record,
	.examples = examples,
	.run = run,
};
