/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* What vmctl needs of this host, and whether it is there. */

#define AT(member) offsetof(struct vmctl_host, member)

static const struct field fields[] = {
	{ "hostname", "HOST", FIELD_STRING, AT(hostname), FIELD_NAME,
	  .help = "name of this host" },
	{ "arch", "ARCH", FIELD_STRING, AT(arch), FIELD_ALWAYS,
	  .help = "its architecture" },
	{ "kernel", "KERNEL", FIELD_STRING, AT(kernel), FIELD_ALWAYS,
	  .help = "its kernel's release" },
	{ "connection", "CONNECTION", FIELD_STRING, AT(connection),
	  FIELD_ALWAYS, .help = "URI of the hypervisor" },
	{ "reachable", "REACHABLE", FIELD_BOOL, AT(reachable), 0,
	  .help = "whether the hypervisor answers" },
	{ "problem", "PROBLEM", FIELD_STRING, AT(problem), 0,
	  .help = "why it does not" },
	{ "hypervisor", "HYPERVISOR", FIELD_STRING, AT(hypervisor), 0,
	  .help = "what runs the guests" },
	{ "hypervisor_version", "VERSION", FIELD_STRING, AT(hypervisor_version),
	  0, .help = "its version" },
	{ "libvirt_version", "LIBVIRT", FIELD_STRING, AT(libvirt_version), 0,
	  .help = "version of libvirt" },
	{ "accel", "ACCEL", FIELD_STRING, AT(accel), 0,
	  .help = "what --accel auto chooses: kvm or tcg" },
	{ "accel_reason", "BECAUSE", FIELD_STRING, AT(accel_reason), 0,
	  .help = "how that was decided" },
	{ "probe_ns", "PROBE", FIELD_INT, AT(probe_ns),
	  FIELD_WIDE | FIELD_ZERO_NONE,
	  .help = "time of the KVM probe in nanoseconds" },
	{ "instances", "INSTANCES", FIELD_INT, AT(instances), 0,
	  .help = "how many instances there are" },
	{ "running", "RUNNING", FIELD_INT, AT(running), 0,
	  .help = "how many of them run" },
	{ "data_dir", "DATA FOLDER", FIELD_STRING, AT(data_dir), FIELD_ALWAYS,
	  .help = "folder of the database and the keys" },
	{ "storage", "STORAGE", FIELD_STRING, AT(storage), FIELD_ALWAYS,
	  .help = "folder of images and instances" },
	{ "disk_free", "DISK FREE", FIELD_SIZE, AT(disk_free), 0,
	  .help = "what can still be written to the storage" },
	{ "memory_available", "MEMORY AVAILABLE", FIELD_SIZE,
	  AT(memory_available), 0,
	  .help = "memory that guests can get without swapping" },
	{ "database", "DATABASE", FIELD_STRING, AT(database), FIELD_ALWAYS,
	  .help = "file of the records" },
	{ "database_ok", "DATABASE OK", FIELD_BOOL, AT(database_ok), 0,
	  .help = "whether it opens and SQLite's check of it finds nothing" },
	{ "database_problem", "DATABASE PROBLEM", FIELD_STRING,
	  AT(database_problem), 0, .help = "what the check finds" },
	{ .key = NULL },
};

static const struct record host_record = { "host", fields };

static const struct example examples[] = {
	{ "vmctl host health", "See whether everything is in order." },
	{ "vmctl host health -o json", "The same for a monitor." },
	{ NULL },
};

/* What was found is shown, and then what is wrong told. */
static int tell(struct cli *cli, const struct vmctl_host *host,
		struct vmctl_error *err)
{
	struct vmctl_error database;

	render_flush(cli->out, STDOUT_FILENO, err);
	if (!host->database_ok) {
		fail(&database, VMCTL_BAD_DATA, 0,
		     "the database is damaged: %s", host->database_problem);
		fail_hint(&database, "keep a copy of %s before anything else",
			  host->database);
		if (host->reachable) {
			*err = database;
			return -VMCTL_BAD_DATA;
		}
		cli_error(cli, &database);
	}
	fail(err, VMCTL_HYPERVISOR, 0, "%s", host->problem);
	fail_hint(err, "%s", host->hint);
	return -VMCTL_HYPERVISOR;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_host *host;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_host_health(ctx, &host, err);
	if (r < 0)
		return r;
	r = render_one(cli->out, &host_record, host, err);
	if (r == 0 && !(host->reachable && host->database_ok))
		r = tell(cli, host, err);
	vmctl_host_free(host);
	return r;
}

const struct command cmd_host_health = {
	.path = "host health",
	.summary = "check what vmctl needs of this host",
	.group = GROUP_HOST,
	.record = &host_record,
	.examples = examples,
	.exits = (const int[]){ 7, 0 },
	.run = run,
};
