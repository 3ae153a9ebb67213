/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "cli/diagnose.h"
#include "cli/instance/fields.h"
#include "cli/render/render.h"

/* Makes instances and starts them. */

/* More than cloud-init takes is refused by the library with its own words. */
#define READ_MAX ((16 << 20) + 1)

struct create_options {
	struct strings names;
	const char *image, *type, *user_data, *accel;
	int64_t cpus, memory, disk;
	struct strings keys, networks, labels, ports;
	const char *ip;
	bool wait, force;
};

static const char *const accels[] = { "auto", "kvm", "tcg", NULL };

static const struct argument args[] = {
	ARG_MANY(struct create_options, names, .name = "NAME", .optional = true,
		 .help = "name of the instance; made up from the image's name "
			 "when it is not given"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct create_options, image, .name = "image", .letter = 'i',
		   .metavar = "IMAGE", .complete = complete_images,
		   .help = "image to start from",
		   .fallback = "the setting image, else the only one there is"),
	OPT_STRING(struct create_options, type, .name = "type", .letter = 't',
		   .metavar = "TYPE", .complete = complete_types,
		   .help = "size: vCPUs, memory and disk together",
		   .fallback = "the setting type, else t2.micro"),
	OPT_INT(struct create_options, cpus, .name = "cpus", .metavar = "N",
		.min = 1, .max = 255, .help = "number of virtual processors"),
	OPT_SIZE(struct create_options, memory, .name = "memory", .letter = 'm',
		 .metavar = "SIZE", .help = "memory, as in 2G"),
	OPT_SIZE(struct create_options, disk, .name = "disk", .metavar = "SIZE",
		 .help = "size of the disk, as in 20G"),
	OPT_STRINGS(struct create_options, keys, .name = "key", .letter = 'k',
		    .metavar = "KEY", .complete = complete_keys,
		    .help = "ssh key that may enter",
		    .fallback = "the setting key, else all that are known"),
	OPT_STRINGS(struct create_options, networks, .name = "network",
		    .letter = 'n', .metavar = "NETWORK",
		    .complete = complete_networks,
		    .help = "what an interface is connected to: user, nat, "
			    "bridge=NAME, or a network's name; given again, "
			    "a further interface",
		    .fallback = "nat, but user on a session connection"),
	OPT_STRING(struct create_options, ip, .name = "ip",
		   .metavar = "ADDRESS",
		   .help = "address of the first interface",
		   .fallback = "the first that is free"),
	OPT_STRINGS(struct create_options, labels, .name = "label",
		    .letter = 'l', .metavar = "KEY=VALUE",
		    .complete = complete_labels,
		    .help = "label to mark it with, as in role=web"),
	OPT_STRINGS(struct create_options, ports, .name = "port", .letter = 'p',
		    .metavar = "PORT",
		    .help = "forward a port of this host: "
			    "[[ADDRESS:]HOSTPORT:]GUESTPORT[/udp]; of loopback "
			    "when no address is given, a free one when no host "
			    "port is"),
	OPT_STRING(struct create_options, user_data, .name = "user-data",
		   .letter = 'u', .metavar = "FILE", .complete = complete_files,
		   .help = "cloud-config document or script for the first "
			   "boot; - reads standard input"),
	OPT_CHOICE(struct create_options, accel, .name = "accel",
		   .metavar = "HOW", .choices = accels,
		   .help = "how the processor is virtualised",
		   .fallback = "the setting accel, else auto"),
	OPT_FLAG(struct create_options, wait, .name = "wait", .letter = 'w',
		 .help = "wait until ssh works"),
	OPT_FLAG(struct create_options, force, .name = "force",
		 .help = "also when little memory or disk is left to the "
			 "host"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl create web1 --image debian-12 --wait",
	  "Make an instance and wait until it can be entered." },
	{ "vmctl create db1 --type t2.medium --disk 50G --user-data db.yaml",
	  "Choose a size, with a larger disk, and set it up at the first "
	  "boot." },
	{ "vmctl create web1 -c qemu:///system --network nat --network "
	  "bridge=br0",
	  "With an interface behind NAT and one on a bridge of the host." },
	{ "vmctl create web1 -p 8080:80 -p 127.0.0.2:5353:53/udp",
	  "Forward a TCP and a UDP port of this host to it." },
	{ "vmctl create web1 --dry-run",
	  "Show the domain and the cloud-init documents, and make nothing." },
	{ NULL },
};

struct job {
	const struct create_options *o;
	struct vmctl_instance_create spec;
	bool json;
};

static int print_plan(struct cli *cli, struct job *j, struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	struct vmctl_plan *plan;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_plan(ctx, &j->spec, &plan, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < plan->count; i++)
		str_addf(&text, "%s--- %s ---\n%s%s", i ? "\n" : "",
			 plan->parts[i].title, plan->parts[i].text,
			 str_ends(plan->parts[i].text, "\n") ? "" : "\n");
	vmctl_plan_free(plan);
	r = str_check(&text, err);
	return r < 0 ? r : render_text(cli->out, str_text(&text), true, err);
}

static int print_made(struct cli *cli, const struct vmctl_instance *made,
		      const struct job *j, struct vmctl_error *err)
{
	if (j->json)
		return render_row(cli->out, made, err);
	auto_free char *line = str_printf("%s\n", made->name);
	return line ? render_text(cli->out, line, false, err)
		    : -VMCTL_NO_MEMORY;
}

static int create_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	struct job *j = data;
	struct vmctl_instance *made;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	j->spec.name = name;
	if (r < 0)
		return r;
	if (cli->globals.dry_run)
		return print_plan(cli, j, err);
	r = vmctl_instance_create(ctx, &j->spec, &made, err);
	if (r < 0)
		return r;
	/* Printed before the wait: the user's script has the name then, also
	 * when the wait fails. */
	r = print_made(cli, made, j, err);
	for (char **p = made->ports; p && *p; p++)
		cli_note(cli, "%s: %s", made->name, *p);
	if (r == 0 && j->o->wait)
		r = vmctl_instance_wait(ctx, made->name, VMCTL_WAIT_SSH,
					cli_timeout_of(cli, "timeout.ssh"),
					err);
	if (r < 0)
		cli_diagnose(cli, made->name, err);
	if (r == -VMCTL_CANCELLED) {
		fail(err, VMCTL_CANCELLED, 0,
		     "interrupted; %s was made and runs", made->name);
		fail_hint(err, "vmctl wait %s, or vmctl delete %s", made->name,
			  made->name);
	}
	vmctl_instance_free(made);
	return r;
}

/* A mistake in the third name is no reason to have made two. */
static int check_names(const struct strings *names, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->count; i++)
		r = vmctl_instance_name_check(names->items[i], err);
	return r;
}

/* One port of the host can be forwarded to one of them alone. */
static int check_ports(const struct create_options *o, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->ports.count; i++) {
		const char *spec = o->ports.items[i];
		bool fixed = false;

		r = vmctl_port_check(spec, &fixed, err);
		if (r == 0 && fixed && o->names.count > 1) {
			r = fail(err, VMCTL_INVALID, 0,
				 "'%s' can be forwarded to one instance, not "
				 "to %zu",
				 spec, o->names.count);
			fail_hint(err, "give the guest's port alone, and one "
				       "of this host is chosen for each");
		}
	}
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct create_options *o = data;
	auto_str text = STR_INIT;
	struct job j = { .o = o };
	int r = 0;

	j.spec = (struct vmctl_instance_create){
		.size = sizeof(j.spec),
		.image = o->image,
		.type = o->type,
		.vcpus = o->cpus,
		.memory = o->memory,
		.disk = o->disk,
		.keys = o->keys.count ? o->keys.items : NULL,
		.accel = o->accel,
		.networks = o->networks.count ? o->networks.items : NULL,
		.ip = o->ip,
		.labels = o->labels.count ? o->labels.items : NULL,
		.ports = o->ports.count ? o->ports.items : NULL,
		.force = o->force,
	};
	j.json = !str_eq(cli->globals.output, "table") &&
		 !str_eq(cli->globals.output, "name");
	if (o->user_data) {
		r = file_read(o->user_data, READ_MAX, &text, err);
		j.spec.user_data = str_text(&text);
		j.spec.user_data_len = text.len;
	}
	if (r == 0)
		r = check_names(&o->names, err);
	if (r == 0)
		r = check_ports(o, err);
	bool rows = j.json && !cli->globals.dry_run;
	if (r == 0 && rows)
		r = render_begin(cli->out, &instance_record, err);
	if (r < 0)
		return r;
	r = o->names.count ? cli_each(cli, &o->names, create_one, &j, err)
			   : create_one(cli, NULL, &j, err);
	if (rows && (r == 0 || r == -VMCTL_PARTIAL || r == -VMCTL_TIMEOUT ||
		     r == -VMCTL_CANCELLED)) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);
		r = r < 0 ? r : ended;
	}
	return r;
}

const struct command cmd_create = {
	.path = "create",
	.summary = "make instances and start them",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_DRY_RUN,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct create_options),
	.record = &instance_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 5, 6, 7, 8, 0 },
	.run = run,
};
