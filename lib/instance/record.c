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
				  i->dir };
	for (size_t n = 0; n < ARRAY_LEN(strings); n++)
		free(strings[n]);
	strv_free(i->keys);
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
	bool reachable = row->state == VMCTL_STATE_RUNNING && row->ssh_port;

	free(row->dir);
	row->dir = row->state == VMCTL_STATE_TERMINATED
			   ? str_dup("")
			   : instance_dir(ctx, row->id);
	free(row->address);
	row->address = str_dup(reachable ? "127.0.0.1" : "");
	return row->dir && row->address ? 0 : fail_oom(err);
}

void spec_paths_done(struct spec_paths *p)
{
	free(p->disk);
	free(p->seed);
	free(p->console_log);
	*p = (struct spec_paths){ 0 };
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
		.mac = row->mac,
	};
	return 0;
}
