/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/libvirt/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static void quiet(void *data, virErrorPtr e)
{
	/* The default prints on standard error. */
	(void)data;
	(void)e;
}

/*
 * libvirt finds a user's session daemon by XDG_RUNTIME_DIR, which su and cron
 * do not set, and would start a second one without it. Where the system has
 * made that folder for the user it is the one that a login has.
 */
static void find_runtime_dir(const char *uri)
{
	char dir[64];
	struct stat st;

	if (geteuid() == 0 || getenv("XDG_RUNTIME_DIR") ||
	    !strstr(uri, "/session"))
		return;
	snprintf(dir, sizeof(dir), "/run/user/%ld", (long)geteuid());
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid())
		setenv("XDG_RUNTIME_DIR", dir, 0);
}

/* A daemon that says nothing for so long is hung: the call that waits for it
 * fails then. It answers in its main loop, however busy it is. */
#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 6

static int connect_to(const char *uri, const struct events *ev,
		      virConnectPtr *ret, struct vmctl_error *err)
{
	struct vmctl_error first, unused;
	bool started = false;

	find_runtime_dir(uri);
	/* Without callbacks for credentials: nothing here may prompt. */
	*ret = virConnectOpen(uri);
	if (!*ret) {
		libvirt_fail_open(uri, &first);
		if (daemon_start(uri, ev, &started, &unused) == 0 && started)
			*ret = virConnectOpen(uri);
	}
	if (!*ret) {
		if (started)
			libvirt_fail_open(uri, &first);
		if (err)
			*err = first;
		return -VMCTL_HYPERVISOR;
	}
	/* Drivers without a daemon have none. */
	(void)virConnectSetKeepAlive(*ret, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

static int open_conn(const char *uri, const struct events *ev, struct hv **ret,
		     struct vmctl_error *err)
{
	int64_t begun = clock_mono_ms();

	if (virInitialize() < 0)
		return libvirt_fail(err, "cannot start the libvirt client");
	virSetErrorFunc(NULL, quiet);
	struct hv *hv = calloc(1, sizeof(*hv));
	if (!hv)
		return fail_oom(err);
	int r = loop_hold(err);
	if (r == 0) {
		r = connect_to(uri, ev, &hv->conn, err);
		if (r < 0)
			loop_release();
	}
	if (r < 0) {
		free(hv);
		return r;
	}
	hv->ev = ev;
	auto_free char *real = virConnectGetURI(hv->conn);
	hv->session = real && strstr(real, "/session");
	log_debug(ev, "connected to %s in %lld ms", uri,
		  (long long)(clock_mono_ms() - begun));
	*ret = hv;
	return 0;
}

static void close_conn(struct hv *hv)
{
	if (!hv)
		return;
	virConnectClose(hv->conn);
	loop_release();
	free(hv);
}

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
	unsigned long engine = 0, library = 0;
	const char *type = virConnectGetType(hv->conn);

	if (!type || virConnectGetVersion(hv->conn, &engine) < 0 ||
	    virConnectGetLibVersion(hv->conn, &library) < 0)
		return libvirt_fail(err, "cannot ask libvirt for its version");
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->engine, sizeof(ret->engine), "%s", type);
	version_text(engine, ret->engine_version, sizeof(ret->engine_version));
	version_text(library, ret->library_version,
		     sizeof(ret->library_version));
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
	return simple(hv, uuid, call_shutdown, "cannot ask the guest to stop",
		      err);
}

static int destroy(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	return simple(hv, uuid, virDomainDestroy, "cannot stop the domain",
		      err);
}

static int reboot_guest(struct hv *hv, const char *uuid,
			struct vmctl_error *err)
{
	return simple(hv, uuid, call_reboot, "cannot ask the guest to reboot",
		      err);
}

static int reset(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	return simple(hv, uuid, call_reset, "cannot reset the domain", err);
}

static enum hv_state state_of(virDomainPtr dom, int state)
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
 * alone are asked for, in one more call. */
static void mark_saved(struct hv *hv, struct hv_domain *domains, int n)
{
	virDomainPtr *saved = NULL;
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
				       : state_of(dom, state);
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
		*ret = state_of(dom, s);
	else if (r == -VMCTL_NOT_FOUND)
		*ret = HV_ABSENT;
	else if (err)
		*err = why;
	return r == -VMCTL_NOT_FOUND ? 0 : r;
}

VMCTL_API extern const struct hv_ops vmctl_module_libvirt;
const struct hv_ops vmctl_module_libvirt = {
	.abi = HV_ABI,
	.open = open_conn,
	.close = close_conn,
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
	.forward_add = forward_add,
	.forward_present = forward_present,
	.net_list = network_list,
	.net_create = network_create,
	.net_start = network_start,
	.net_delete = network_delete,
	.net_reserved = network_reserved,
	.net_reserve = network_reserve,
	.net_unreserve = network_unreserve,
	.net_leases = network_leases,
	.address = network_address,
};
