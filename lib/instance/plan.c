/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/units.h"
#include "instance/instance.h"

/* What a creation would do, without doing any of it. */

void vmctl_plan_free(struct vmctl_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->parts[i].title);
		free(plan->parts[i].text);
	}
	free(plan->parts);
	free(plan);
}
DEFINE_CLEANUP(plan, struct vmctl_plan *, vmctl_plan_free);

/* Takes the text. */
static int add(struct vmctl_plan *plan, const char *title, char *take_text,
	       struct vmctl_error *err)
{
	auto_free char *text = take_text;
	void *grown = reallocarray(plan->parts, plan->count + 1,
				   sizeof(*plan->parts));

	if (grown)
		plan->parts = grown;
	char *copy = strdup(title);
	if (!grown || !text || !copy) {
		free(copy);
		return fail_oom(err);
	}
	plan->parts[plan->count].title = copy;
	plan->parts[plan->count++].text = take_ptr(&text);
	return 0;
}

static char *steps_text(const struct draft *d, const struct hv_spec *spec)
{
	const struct vmctl_instance *row = d->row;
	char memory[SIZE_TEXT], disk[SIZE_TEXT];
	auto_str s = STR_INIT;
	char *text = NULL;

	if (d->key_made)
		str_add(&s, "make the ssh key pair 'default', "
			    "as no key is known\n");
	str_addf(&s, "record %s (%s): %lld vCPU, %s memory, %s disk\n",
		 row->name, row->id, (long long)row->vcpus,
		 format_size(row->memory, memory),
		 format_size(row->disk, disk));
	str_addf(&s, "qemu-img create -f qcow2 -b %s -F qcow2 %s %lld\n",
		 d->image_path, spec->disk, (long long)row->disk);
	str_addf(&s, "write the seed %s\n", spec->seed);
	str_addf(&s, "define and start the domain %s on %s (%s: %s)\n", row->id,
		 row->connection, row->accel, d->accel_reason);
	for (size_t i = 0; i < d->nic_count; i++)
		if (d->nics[i].reserved)
			str_addf(&s, "reserve %s for %s in the network %s\n",
				 d->nics[i].address, d->nics[i].mac,
				 d->nics[i].source);
	if (row->ssh_port)
		str_addf(&s, "forward 127.0.0.1:%lld to port 22 of the guest\n",
			 (long long)row->ssh_port);
	for (size_t i = 0; i < d->port_count; i++)
		str_addf(&s, "forward %s:%d to port %d of the guest (%s)\n",
			 d->ports[i].address, d->ports[i].host_port,
			 d->ports[i].guest_port,
			 d->ports[i].udp ? "udp" : "tcp");
	return str_take(&s, &text, NULL) < 0 ? NULL : text;
}

int vmctl_instance_plan(struct vmctl *ctx,
			const struct vmctl_instance_create *spec,
			struct vmctl_plan **ret, struct vmctl_error *err)
{
	auto_cleanup(draft_done) struct draft d = { 0 };
	auto_cleanup(seed_done) struct seed seed = { 0 };
	auto_cleanup(spec_paths_done) struct spec_paths paths = { 0 };
	auto_cleanup(plan_cleanup) struct vmctl_plan *plan =
		calloc(1, sizeof(*plan));
	auto_free char *xml = NULL, *ours = NULL;
	struct hv_spec hv_spec;

	if (!plan)
		return fail_oom(err);
	int r = draft_make(ctx, spec, false, &d, err);
	if (r == 0 && !ctx->hv_ops)
		r = hv_load(&ctx->hv_ops, err);
	if (r == 0)
		r = instance_spec(ctx, d.row, &paths, &hv_spec, err);
	if (r == 0)
		r = spec_nics(&paths, d.nics, d.nic_count, &hv_spec, err);
	if (r == 0)
		r = ctx->hv_ops->describe(&hv_spec, &xml, err);
	if (r == 0)
		r = seed_make(&d, &seed, err);
	if (r == 0)
		r = add(plan, "steps", steps_text(&d, &hv_spec), err);
	if (r == 0)
		r = add(plan, "domain.xml", take_ptr(&xml), err);
	if (r == 0)
		r = add(plan, "meta-data", take_ptr(&seed.meta_data), err);
	/* Readable, rather than as the parts of a multipart document. */
	if (r == 0 && d.user_data)
		r = add(plan, "user-data (yours)", take_ptr(&d.user_data), err);
	if (r == 0)
		r = seed_cloud_config(&d, &ours, err);
	if (r == 0)
		r = add(plan, "user-data (vmctl's)", take_ptr(&ours), err);
	if (r == 0)
		r = add(plan, "network-config", take_ptr(&seed.network_config),
			err);
	if (r < 0)
		return r;
	*ret = take_ptr(&plan);
	return 0;
}
