/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/host.h>

#include <errno.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "host/host.h"
#include "internal/config.h"

void vmctl_host_free(struct vmctl_host *h)
{
	if (!h)
		return;
	free(h->hostname);
	free(h->arch);
	free(h->kernel);
	free(h->connection);
	free(h->problem);
	free(h->hint);
	free(h->hypervisor);
	free(h->hypervisor_version);
	free(h->libvirt_version);
	free(h->accel);
	free(h->accel_reason);
	free(h->database);
	free(h->database_problem);
	free(h->data_dir);
	free(h->storage);
	free(h);
}
DEFINE_CLEANUP(host, struct vmctl_host *, vmctl_host_free);

/* Fills what the hypervisor says of itself, or why it does not. */
static void ask_hypervisor(struct vmctl *ctx, struct vmctl_host *h)
{
	const struct hv_ops *ops;
	struct hv *hv;
	struct hv_info info = { 0 };
	struct vmctl_error err = { 0 };

	h->reachable = context_hv(ctx, NULL, &ops, &hv, &err) == 0 &&
		       ops->info(hv, &info, &err) == 0;
	h->problem = str_dup(h->reachable ? "" : err.message);
	h->hint = str_dup(h->reachable ? "" : err.hint);
	h->hypervisor = str_dup(info.engine);
	h->hypervisor_version = str_dup(info.engine_version);
	h->libvirt_version = str_dup(info.library_version);
}

static int count_instances(struct state *db, struct vmctl_host *h,
			   struct vmctl_error *err)
{
	struct vmctl_instance_list *list = NULL;
	int r = state_instance_list(db, false, &list, err);

	if (r < 0)
		return r;
	h->instances = (int64_t)list->count;
	for (size_t i = 0; i < list->count; i++)
		h->running += list->items[i]->state == VMCTL_STATE_RUNNING;
	vmctl_instance_list_free(list);
	return 0;
}

/* A database that is damaged or cannot be opened is a finding. */
static void ask_database(struct vmctl *ctx, struct vmctl_host *h)
{
	struct vmctl_error why = { 0 };
	auto_free char *finding = NULL;
	struct state *db;
	int r = context_state(ctx, &db, &why);

	if (r == 0)
		r = state_check(db, &finding, &why);
	if (r == 0 && !finding)
		r = count_instances(db, h, &why);
	h->database_ok = r == 0 && !finding;
	h->database_problem = str_dup(r < 0 ? why.message : finding);
	h->database = context_path(ctx, "vmctl.db");
}

/* What cannot be told is 0. */
static void ask_kernel(struct vmctl *ctx, struct vmctl_host *h)
{
	struct host_memory memory;
	struct host_disk disk;

	if (host_meminfo_read(MEMINFO, &memory, NULL) == 0)
		h->memory_available = memory.available;
	if (host_disk_read(context_storage(ctx), &disk, NULL) == 0)
		h->disk_free = disk.available;
	h->data_dir = strdup(ctx->data_dir);
	h->storage = strdup(context_storage(ctx));
}

static bool is_whole(const struct vmctl_host *h)
{
	return h->hostname && h->arch && h->kernel && h->connection &&
	       h->accel && h->accel_reason && h->problem && h->hint &&
	       h->hypervisor && h->hypervisor_version && h->libvirt_version &&
	       h->database && h->database_problem && h->data_dir && h->storage;
}

int vmctl_host_health(struct vmctl *ctx, struct vmctl_host **ret,
		      struct vmctl_error *err)
{
	const struct config *config;
	struct host_accel accel;
	struct utsname u;
	auto_cleanup(host_cleanup) struct vmctl_host *h = calloc(1, sizeof(*h));

	if (!h)
		return fail_oom(err);
	if (uname(&u) < 0)
		return fail_sys(err, errno, "cannot ask the kernel");
	int r = context_config(ctx, &config, err);
	if (r == 0)
		r = host_accel(ctx, "auto", &accel, err);
	if (r < 0)
		return r;
	ask_database(ctx, h);
	ask_hypervisor(ctx, h);
	ask_kernel(ctx, h);
	h->hostname = str_dup(u.nodename);
	h->arch = str_dup(u.machine);
	h->kernel = str_dup(u.release);
	h->connection = str_dup(ctx->uri);
	h->accel = str_dup(accel.accel);
	h->accel_reason = str_dup(accel.reason);
	h->probe_ns = accel.probe_ns;
	if (!is_whole(h))
		return fail_oom(err);
	*ret = take_ptr(&h);
	return 0;
}
