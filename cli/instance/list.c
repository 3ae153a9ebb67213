/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/instance/fields.h"
#include "cli/render/render.h"
#include "cli/targets.h"
#include "cli/watch.h"

/* Lists instances: with their state as the hypervisor tells it now. */

struct list_options {
	bool cached, all_states;
	struct strings selectors;
	int64_t watch;
};

/* Faster than anybody reads, and a load for the hypervisor. */
#define LEAST_MS 100

static const struct option opts[] = {
	OPT_SELECTORS(struct list_options, selectors),
	OPT_FLAG(struct list_options, all_states, .name = "all-states",
		 .letter = 'a', .help = "also those that were deleted"),
	OPT_FLAG(struct list_options, cached, .name = "cached",
		 .help = "what was last seen, without asking the hypervisor"),
	OPT_DURATION(struct list_options, watch, .name = "watch", .letter = 'w',
		     .metavar = "INTERVAL", .bare = "2s", .min = LEAST_MS,
		     .help = "stay, and show what changes; looks again after "
			     "that time though nothing is reported"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl list", "List the instances." },
	{ "vmctl list -l role=web,!retired",
	  "Those with one label and without another." },
	{ "vmctl list --watch", "See what happens to them, until q is typed." },
	{ "vmctl list --watch -o ndjson --columns name,state | while read -r i",
	  "Do something whenever the state of one changes." },
	{ "vmctl list -o json --columns name,address,ssh_port",
	  "The same for a program." },
	{ NULL },
};

static int watch(struct cli *cli, const struct list_options *o, unsigned flags,
		 struct vmctl_error *err)
{
	const struct watch w = { .flags = flags,
				 .selectors = &o->selectors,
				 .interval_ms = o->watch };

	return watch_run(cli, &w, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct list_options *o = data;
	unsigned flags = (o->cached ? VMCTL_LIST_CACHED : 0) |
			 (o->all_states ? VMCTL_LIST_ALL_STATES : 0);
	struct vmctl_error unreachable = { 0 };
	struct vmctl_instance_list *list;
	struct vmctl *ctx;
	int r = targets_check(&o->selectors, err);

	if (r == 0 && o->watch)
		return watch(cli, o, flags, err);
	if (!o->selectors.count && !o->all_states &&
	    render_needs_only(cli->out, &instance_record, FIELD_BRIEF))
		flags |= VMCTL_LIST_BRIEF;
	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r == 0)
		r = vmctl_instance_list(ctx, flags, &list, &unreachable, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &instance_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (targets_select(&o->selectors, list->items[i]))
			r = render_row(cli->out, list->items[i], err);
	/* Before the lines are made, which take as much memory again. */
	vmctl_instance_list_free(list);
	if (r == 0)
		r = render_end(cli->out, err);
	/* The rows are shown, and the status says that they are old. */
	if (r == 0 && unreachable.code) {
		*err = unreachable;
		r = -VMCTL_HYPERVISOR;
	}
	return r;
}

const struct command cmd_list = {
	.path = "list",
	.aliases = (const char *const[]){ "ls", NULL },
	.summary = "list the instances",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_LISTS,
	.opts = opts,
	.opts_size = sizeof(struct list_options),
	.record = &instance_record,
	.examples = examples,
	.exits = (const int[]){ 7, 0 },
	.run = run,
};
