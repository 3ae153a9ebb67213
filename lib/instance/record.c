/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "instance/instance.h"

static const char *const state_names[VMCTL_STATE_COUNT] = {
	[VMCTL_STATE_PENDING] = "pending",
	[VMCTL_STATE_RUNNING] = "running",
	[VMCTL_STATE_STOPPING] = "stopping",
	[VMCTL_STATE_STOPPED] = "stopped",
	[VMCTL_STATE_PAUSED] = "paused",
	[VMCTL_STATE_SUSPENDED] = "suspended",
	[VMCTL_STATE_ERROR] = "error",
	[VMCTL_STATE_TERMINATED] = "terminated",
	[VMCTL_STATE_UNKNOWN] = "unknown",
};

const char *vmctl_state_name(enum vmctl_state state)
{
	return (unsigned)state < VMCTL_STATE_COUNT ? state_names[state]
						   : "unknown";
}

void vmctl_instance_free(struct vmctl_instance *i)
{
	if (!i)
		return;
	char *const strings[] = { i->id,	 i->name,
				  i->reason,	 i->type,
				  i->image,	 i->image_digest,
				  i->user,	 i->address,
				  i->mac,	 i->accel,
				  i->connection, i->uuid,
				  i->host_key,	 i->host_key_sha256,
				  i->dir,	 i->address_source,
				  i->note };
	for (size_t n = 0; n < ARRAY_LEN(strings); n++)
		state_row_free_text(i, strings[n]);
	free(i->own.p);
	strv_free(i->keys);
	strv_free(i->networks);
	strv_free(i->labels);
	strv_free(i->ports);
	free(i);
}

void vmctl_instance_list_free(struct vmctl_instance_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_instance_free(list->items[i]);
	free(list->items);
	free(list);
}

int fail_state(const struct vmctl_instance *row, const char *what,
	       struct vmctl_error *err)
{
	bool why = *row->reason && (row->state == VMCTL_STATE_ERROR ||
				    row->state == VMCTL_STATE_UNKNOWN);

	fail(err, VMCTL_STATE, 0, "%s %s: it is %s%s%s", row->name, what,
	     row->state == VMCTL_STATE_ERROR ? "in error"
					     : vmctl_state_name(row->state),
	     why ? ": " : "", why ? row->reason : "");
	if (row->state == VMCTL_STATE_STOPPED ||
	    row->state == VMCTL_STATE_SUSPENDED)
		fail_hint(err, "vmctl start %s", row->name);
	else if (row->state != VMCTL_STATE_TERMINATED)
		fail_hint(err, "vmctl show %s", row->name);
	return -VMCTL_STATE;
}

int hint_silent(const struct vmctl_instance *row, int r,
		struct vmctl_error *err)
{
	if (r == -VMCTL_TIMEOUT && err && !*err->hint)
		fail_hint(err, "vmctl stop --force %s", row->name);
	return r;
}

char *instance_dir(const struct vmctl *ctx, const char *id)
{
	auto_free char *instances = context_path(ctx, "instances");

	return instances ? path_join(instances, id) : NULL;
}

char *instance_file(const struct vmctl *ctx, const char *id, const char *name)
{
	auto_free char *dir = instance_dir(ctx, id);

	return dir ? path_join(dir, name) : NULL;
}

int instance_complete(const struct vmctl *ctx, struct vmctl_instance *row,
		      struct vmctl_error *err)
{
	state_row_free_text(row, row->dir);
	row->dir = row->state == VMCTL_STATE_TERMINATED
			   ? str_dup("")
			   : instance_dir(ctx, row->id);
	return row->dir ? instance_locate(row, err) : fail_oom(err);
}

int instance_locate(struct vmctl_instance *row, struct vmctl_error *err)
{
	bool running = row->state == VMCTL_STATE_RUNNING ||
		       row->state == VMCTL_STATE_STOPPING;

	if (row->state == VMCTL_STATE_TERMINATED) {
		row->ssh_port = 0;
		return instance_set_address(row, "", "", err);
	}
	if (instance_forwarded(row))
		return instance_set_address(
			row, running && row->ssh_port ? "127.0.0.1" : "",
			"forward", err);
	row->ssh_port = *row->address ? 22 : 0;
	return 0;
}

bool instance_forwarded(const struct vmctl_instance *row)
{
	return !row->networks || !row->networks[0] ||
	       str_eq(row->networks[0], "user");
}

int instance_set_address(struct vmctl_instance *row, const char *address,
			 const char *source, struct vmctl_error *err)
{
	if (!state_row_set(row, &row->address, address) ||
	    !state_row_set(row, &row->address_source, *address ? source : ""))
		return fail_oom(err);
	if (!instance_forwarded(row))
		row->ssh_port = *address ? 22 : 0;
	return 0;
}

void spec_paths_done(struct spec_paths *p)
{
	free(p->disk);
	free(p->seed);
	free(p->console_log);
	free(p->nics);
	free(p->hv_nics);
	*p = (struct spec_paths){ 0 };
}

int spec_nics(struct spec_paths *paths, const struct state_nic *nics, size_t n,
	      struct hv_spec *spec, struct vmctl_error *err)
{
	static const enum hv_nic_kind kinds[] = {
		[STATE_NIC_USER] = HV_NIC_USER,
		[STATE_NIC_NETWORK] = HV_NIC_NETWORK,
		[STATE_NIC_BRIDGE] = HV_NIC_BRIDGE,
	};

	paths->hv_nics = calloc(n + 1, sizeof(*paths->hv_nics));
	if (!paths->hv_nics)
		return fail_oom(err);
	for (size_t i = 0; i < n; i++)
		paths->hv_nics[i] =
			(struct hv_nic){ kinds[nics[i].kind], nics[i].source,
					 nics[i].mac };
	spec->nics = paths->hv_nics;
	spec->nic_count = n;
	return 0;
}

int instance_spec(const struct vmctl *ctx, const struct vmctl_instance *row,
		  struct spec_paths *paths, struct hv_spec *ret,
		  struct vmctl_error *err)
{
	paths->disk = instance_file(ctx, row->id, "disk.qcow2");
	paths->seed = instance_file(ctx, row->id, "seed.iso");
	paths->console_log = instance_file(ctx, row->id, "console.log");
	if (!paths->disk || !paths->seed || !paths->console_log) {
		spec_paths_done(paths);
		return fail_oom(err);
	}
	*ret = (struct hv_spec){
		.id = row->id,
		.name = row->name,
		.uuid = row->uuid,
		.image_digest = row->image_digest,
		.image = row->image,
		.keys = (const char *const *)row->keys,
		.user = row->user,
		.arch = "x86_64",
		.accel = row->accel,
		.vcpus = row->vcpus,
		.memory = row->memory,
		.disk = paths->disk,
		.seed = paths->seed,
		.console_log = paths->console_log,
	};
	return 0;
}
