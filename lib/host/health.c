/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/host.h>

#include <errno.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "internal/host.h"

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
	h->problem = str_dup(err.message);
	h->hint = str_dup(err.hint);
	h->hypervisor = str_dup(info.engine);
	h->hypervisor_version = str_dup(info.engine_version);
	h->libvirt_version = str_dup(info.library_version);
}

static int count_instances(struct vmctl *ctx, struct vmctl_host *h,
			   struct vmctl_error *err)
{
	struct vmctl_instance_list *list = NULL;
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = state_instance_list(db, false, &list, err);
	if (r < 0)
		return r;
	h->instances = (int64_t)list->count;
	for (size_t i = 0; i < list->count; i++)
		h->running += list->items[i]->state == VMCTL_STATE_RUNNING;
	vmctl_instance_list_free(list);
	return 0;
}

int vmctl_host_health(struct vmctl *ctx, struct vmctl_host **ret,
		      struct vmctl_error *err)
{
	struct host_accel accel;
	struct utsname u;
	auto_cleanup(host_cleanup) struct vmctl_host *h = calloc(1, sizeof(*h));

	if (!h)
		return fail_oom(err);
	if (uname(&u) < 0)
		return fail_sys(err, errno, "cannot ask the kernel");
	int r = host_accel(ctx, "auto", &accel, err);
	if (r == 0)
		r = count_instances(ctx, h, err);
	if (r < 0)
		return r;
	ask_hypervisor(ctx, h);
	h->hostname = str_dup(u.nodename);
	h->arch = str_dup(u.machine);
	h->kernel = str_dup(u.release);
	h->connection = str_dup(ctx->uri);
	h->accel = str_dup(accel.accel);
	h->accel_reason = str_dup(accel.reason);
	h->probe_ns = accel.probe_ns;
	if (!h->hostname || !h->arch || !h->kernel || !h->connection ||
	    !h->accel || !h->accel_reason || !h->problem || !h->hint ||
	    !h->hypervisor || !h->hypervisor_version || !h->libvirt_version)
		return fail_oom(err);
	*ret = take_ptr(&h);
	return 0;
}
