/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/libvirt/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

static bool is_session(const struct hv *hv)
{
	return hv->session;
}

/* Root's session is the system's daemon. */
static bool is_system(const struct hv *hv)
{
	return !hv->session || geteuid() == 0;
}

static void version_text(unsigned long v, char *out, size_t n)
{
	snprintf(out, n, "%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
}

static int info(struct hv *hv, struct hv_info *ret, struct vmctl_error *err)
{
	unsigned long engine = 0, library = 0, client = 0;
	const char *type = virConnectGetType(hv->conn);

	if (!type || virConnectGetVersion(hv->conn, &engine) < 0 ||
	    virConnectGetLibVersion(hv->conn, &library) < 0 ||
	    virGetVersion(&client, NULL, NULL) < 0)
		return libvirt_fail(err, "cannot ask libvirt for its version");
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->engine, sizeof(ret->engine), "%s", type);
	version_text(engine, ret->engine_version, sizeof(ret->engine_version));
	version_text(library, ret->library_version,
		     sizeof(ret->library_version));
	version_text(client, ret->client_version, sizeof(ret->client_version));
	return 0;
}

int domain_find(struct hv *hv, const char *uuid, virDomainPtr *ret,
		struct vmctl_error *err)
{
	virDomainPtr dom = virDomainLookupByUUIDString(hv->conn, uuid);

	if (!dom)
		return libvirt_fail(err, "cannot find the domain");
	*ret = dom;
	return 0;
}

static int define(struct hv *hv, const struct hv_spec *spec,
		  struct vmctl_error *err)
{
	auto_free char *xml = NULL;
	int r = domain_xml(spec, &xml, err);

	if (r < 0)
		return r;
	auto_domain virDomainPtr dom = virDomainDefineXMLFlags(
		hv->conn, xml, VIR_DOMAIN_DEFINE_VALIDATE);
	return dom ? 0 : libvirt_fail(err, "cannot define the domain");
}

/* The calls that take a domain and nothing else. */
static int simple(struct hv *hv, const char *uuid, int (*call)(virDomainPtr),
		  const char *what, struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	return call(dom) < 0 ? libvirt_fail(err, what) : 0;
}

static int call_undefine(virDomainPtr dom)
{
	return virDomainUndefineFlags(
		dom, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
			     VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
			     VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
			     VIR_DOMAIN_UNDEFINE_NVRAM);
}

static int call_reboot(virDomainPtr dom)
{
	return virDomainReboot(dom, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN);
}

static int call_shutdown(virDomainPtr dom)
{
	return virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
}

static int call_reset(virDomainPtr dom)
{
	return virDomainReset(dom, 0);
}

static int undefine(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	return simple(hv, uuid, call_undefine, "cannot undefine the domain",
		      err);
}

static int start(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	return simple(hv, uuid, virDomainCreate, "cannot start the domain",
		      err);
}

static int shutdown_guest(struct hv *hv, const char *uuid,
			  struct vmctl_error *err)
{
	return monitor_call(hv, uuid, call_shutdown,
			    "cannot ask the guest to stop", err);
}

static int destroy(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	return simple(hv, uuid, virDomainDestroy, "cannot stop the domain",
		      err);
}

static int reboot_guest(struct hv *hv, const char *uuid,
			struct vmctl_error *err)
{
	return monitor_call(hv, uuid, call_reboot,
			    "cannot ask the guest to reboot", err);
}

static int reset(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	return monitor_call(hv, uuid, call_reset, "cannot reset the domain",
			    err);
}

enum hv_state domain_state(virDomainPtr dom, int state)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_NOSTATE:
		return HV_RUNNING;
	case VIR_DOMAIN_PAUSED:
	case VIR_DOMAIN_PMSUSPENDED:
		return HV_PAUSED;
	case VIR_DOMAIN_SHUTDOWN:
		return HV_STOPPING;
	case VIR_DOMAIN_CRASHED:
		return HV_CRASHED;
	}
	return virDomainHasManagedSaveImage(dom, 0) == 1 ? HV_SAVED
							 : HV_STOPPED;
}

static void stats_free(virDomainStatsRecordPtr *stats)
{
	virDomainStatsRecordListFree(stats);
}
DEFINE_CLEANUP(stats, virDomainStatsRecordPtr *, stats_free);

static int stat_int(const virDomainStatsRecord *rec, const char *name,
		    int fallback)
{
	int v = fallback;

	virTypedParamsGetInt(rec->params, rec->nparams, name, &v);
	return v;
}

/* Statistics do not say whether a domain's memory is saved. Such are few: those
 * alone are asked for, in one more call, where any domain is off. */
static void mark_saved(struct hv *hv, struct hv_domain *domains, int n)
{
	virDomainPtr *saved = NULL;
	int off = 0;

	while (off < n && domains[off].state != HV_STOPPED)
		off++;
	if (off == n)
		return;
	int count = virConnectListAllDomains(
		hv->conn, &saved,
		VIR_CONNECT_LIST_DOMAINS_INACTIVE |
			VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE);

	for (int i = 0; i < count; i++) {
		char uuid[VIR_UUID_STRING_BUFLEN] = "";

		virDomainGetUUIDString(saved[i], uuid);
		for (int j = 0; j < n; j++)
			if (domains[j].state == HV_STOPPED &&
			    str_eq(domains[j].uuid, uuid))
				domains[j].state = HV_SAVED;
		virDomainFree(saved[i]);
	}
	free(saved);
}

static int list(struct hv *hv, struct hv_domain **ret, size_t *ret_n,
		struct vmctl_error *err)
{
	auto_cleanup(stats_cleanup) virDomainStatsRecordPtr *stats = NULL;
	/* NOWAIT: a domain whose monitor hangs is reported from what libvirt
	 * knows, and the others are not kept waiting. */
	int n = virConnectGetAllDomainStats(
		hv->conn, VIR_DOMAIN_STATS_STATE, &stats,
		VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

	if (n < 0)
		return libvirt_fail(err, "cannot list the domains");
	struct hv_domain *out = calloc((size_t)n + 1, sizeof(*out));
	if (!out)
		return fail_oom(err);
	for (int i = 0; i < n; i++) {
		virDomainPtr dom = stats[i]->dom;
		virDomainGetUUIDString(dom, out[i].uuid);
		snprintf(out[i].name, sizeof(out[i].name), "%s",
			 virDomainGetName(dom));
		int state =
			stat_int(stats[i], "state.state", VIR_DOMAIN_NOSTATE);
		out[i].state = state == VIR_DOMAIN_SHUTOFF
				       ? HV_STOPPED
				       : domain_state(dom, state);
	}
	mark_saved(hv, out, n);
	*ret = out;
	*ret_n = (size_t)n;
	return 0;
}

static int state(struct hv *hv, const char *uuid, enum hv_state *ret,
		 struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	struct vmctl_error why;
	int s, reason, r = domain_find(hv, uuid, &dom, &why);

	if (r == -VMCTL_NOT_FOUND) {
		*ret = HV_ABSENT;
		return 0;
	}
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	r = virDomainGetState(dom, &s, &reason, 0) < 0
		    ? libvirt_fail(&why, "cannot ask for the domain's state")
		    : 0;
	/* It may go between the two calls. */
	if (r == 0)
		*ret = domain_state(dom, s);
	else if (r == -VMCTL_NOT_FOUND)
		*ret = HV_ABSENT;
	else if (err)
		*err = why;
	return r == -VMCTL_NOT_FOUND ? 0 : r;
}

VMCTL_API extern const struct hv_ops vmctl_module_libvirt;
const struct hv_ops vmctl_module_libvirt = {
	.abi = HV_ABI,
	.open = connection_open,
	.close = connection_close,
	.is_session = is_session,
	.has_networks = is_system,
	.is_other_user = is_system,
	.info = info,
	.describe = domain_xml,
	.define = define,
	.undefine = undefine,
	.start = start,
	.shutdown = shutdown_guest,
	.destroy = destroy,
	.reboot = reboot_guest,
	.reset = reset,
	.list = list,
	.state = state,
	.console = console_open,
	.forward_add = forward_add,
	.forward_remove = forward_remove,
	.forward_list = forward_list,
	.net_list = network_list,
	.net_create = network_create,
	.net_start = network_start,
	.net_delete = network_delete,
	.net_reserved = network_reserved,
	.net_reserve = network_reserve,
	.net_unreserve = network_unreserve,
	.net_leases = network_leases,
	.address = network_address,
	.watch = watch_begin,
	.change = watch_take,
	.details = domain_details,
	.revive = connection_revive,
	.channel_open = channel_open,
	.channel_close = channel_close,
	.forward_reached = forward_reached,
	.agent_ping = agent_ping,
	.owned = domains_owned,
	.document = domain_document,
};
