/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/instance/fields.h"
#include "cli/render/render.h"

/* Prints where instances are reached, for use in scripts. */

struct ip_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct ip_options, names, .name = "NAME",
		 .complete = complete_running,
		 .help = "name or id of an instance"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl ip web1", "Print ADDRESS:PORT, the place of its ssh server." },
	{ "vmctl ip web1 -o json", "Print address and port apart." },
	{ NULL },
};

static bool plain(const struct cli *cli)
{
	return str_eq(cli->globals.output, "table");
}

static int ip_one(struct cli *cli, const char *name, void *data,
		  struct vmctl_error *err)
{
	struct vmctl_instance *row;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_get(ctx, name, 0, &row, err);
	if (r < 0)
		return r;
	if (!*row->address && row->state == VMCTL_STATE_UNKNOWN) {
		r = fail(err, VMCTL_HYPERVISOR, 0, "%s: %s", row->name,
			 row->reason);
		fail_hint(err, "vmctl host doctor");
	} else if (!*row->address) {
		r = fail(err, VMCTL_STATE, 0, "%s has no address: it is %s",
			 row->name, vmctl_state_name(row->state));
		if (row->state == VMCTL_STATE_STOPPED)
			fail_hint(err, "vmctl start %s", row->name);
	} else if (plain(cli)) {
		auto_free char *line = str_printf("%s:%lld\n", row->address,
						  (long long)row->ssh_port);
		r = line ? render_text(cli->out, line, false, err)
			 : fail_oom(err);
	} else {
		r = render_row(cli->out, row, err);
	}
	vmctl_instance_free(row);
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct ip_options *o = data;
	int r = plain(cli) ? 0 : render_begin(cli->out, &address_record, err);

	if (r == 0)
		r = cli_each(cli, &o->names, ip_one, o, err);
	if (!plain(cli) && (r == 0 || r == -VMCTL_PARTIAL)) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);
		r = r < 0 ? r : ended;
	}
	return r;
}

const struct command cmd_ip = {
	.path = "ip",
	.summary = "print where instances are reached",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts_size = sizeof(struct ip_options),
	.record = &address_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 0 },
	.run = run,
};
