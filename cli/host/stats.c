/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* What this host has, and how much of it is used. */

#define AT(member) offsetof(struct vmctl_host_stats, member)

static const struct field fields[] = {
	{ "hostname", "HOST", FIELD_STRING, AT(hostname), FIELD_NAME,
	  .help = "name of this host" },
	{ "cpus", "CPUS", FIELD_INT, AT(cpus), 0,
	  .help = "processors that are online" },
	{ "cpu_used", "CPU USED %", FIELD_REAL, AT(cpu_used), 0,
	  .help = "percent of them all that was busy while it was measured" },
	{ "load1", "LOAD 1 MIN", FIELD_REAL, AT(load1), 0,
	  .help = "average number of processes that run or want to, over the "
		  "last minute" },
	{ "load5", "LOAD 5 MIN", FIELD_REAL, AT(load5), 0,
	  .help = "the same over 5 minutes" },
	{ "load15", "LOAD 15 MIN", FIELD_REAL, AT(load15), 0,
	  .help = "the same over 15 minutes" },
	{ "memory_total", "MEMORY", FIELD_SIZE, AT(memory_total), 0,
	  .help = "memory of the host" },
	{ "memory_used", "MEMORY USED", FIELD_SIZE, AT(memory_used), 0,
	  .help = "what of it cannot be had" },
	{ "memory_available", "MEMORY AVAILABLE", FIELD_SIZE,
	  AT(memory_available), 0,
	  .help = "what of it can be had without swapping" },
	{ "storage", "STORAGE", FIELD_STRING, AT(storage), FIELD_ALWAYS,
	  .help = "folder of images and instances" },
	{ "disk_total", "DISK", FIELD_SIZE, AT(disk_total), 0,
	  .help = "size of the file system that holds it" },
	{ "disk_used", "DISK USED", FIELD_SIZE, AT(disk_used), 0,
	  .help = "what of it is used" },
	{ "disk_available", "DISK AVAILABLE", FIELD_SIZE, AT(disk_available), 0,
	  .help = "what of it this user can still write" },
	{ .key = NULL },
};

static const struct record stats_record = { "host stats", fields };

static const struct example examples[] = {
	{ "vmctl host stats", "See what is left for instances." },
	{ "vmctl host stats -o json", "The same for a monitor." },
	{ NULL },
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct vmctl_host_stats *stats;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_host_stats(ctx, &stats, err);
	if (r < 0)
		return r;
	r = render_one(cli->out, &stats_record, stats, err);
	vmctl_host_stats_free(stats);
	return r;
}

const struct command cmd_host_stats = {
	.path = "host stats",
	.summary = "show memory, processors and disk of this host",
	.group = GROUP_HOST,
	.record = &stats_record,
	.examples = examples,
	.run = run,
};
