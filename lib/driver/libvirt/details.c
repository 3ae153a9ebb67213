/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "driver/libvirt/document.h"
#include "driver/libvirt/libvirt.h"

/* What libvirt knows of a domain that may help to tell why it cannot be used.
 * None of it asks QEMU, which may hang. */

/* An answer of a QEMU that does not hang takes less. */
#define SILENT_MS 2000

static const char *why_paused(int reason)
{
	switch (reason) {
	case VIR_DOMAIN_PAUSED_USER:
		return "by a user";
	case VIR_DOMAIN_PAUSED_IOERROR:
		return "by an I/O error of its disk";
	case VIR_DOMAIN_PAUSED_WATCHDOG:
		return "by its watchdog";
	case VIR_DOMAIN_PAUSED_CRASHED:
		return "as the guest crashed";
	case VIR_DOMAIN_PAUSED_STARTING_UP:
		return "as it is being started";
	case VIR_DOMAIN_PAUSED_SAVE:
	case VIR_DOMAIN_PAUSED_DUMP:
	case VIR_DOMAIN_PAUSED_SNAPSHOT:
		return "while its memory is saved";
	}
	return "";
}

static const char *why_off(int reason)
{
	switch (reason) {
	case VIR_DOMAIN_SHUTOFF_SHUTDOWN:
		return "it was shut down";
	case VIR_DOMAIN_SHUTOFF_DESTROYED:
		return "its power was cut";
	case VIR_DOMAIN_SHUTOFF_CRASHED:
		return "its QEMU process ended unexpectedly";
	case VIR_DOMAIN_SHUTOFF_FAILED:
		return "it could not be started";
	case VIR_DOMAIN_SHUTOFF_DAEMON:
		return "libvirt lost it when its daemon was restarted";
	}
	return "";
}

/* A guest is paused when the file of its disk cannot be written. */
static bool disk_is_full(virDomainPtr dom)
{
	virDomainDiskError errors[8];
	bool full = false;
	int n = virDomainGetDiskErrors(dom, errors, ARRAY_LEN(errors), 0);

	for (int i = 0; i < n; i++) {
		full |= errors[i].error == VIR_DOMAIN_DISK_ERROR_NO_SPACE;
		free(errors[i].disk);
	}
	return full;
}

static void read_state(virDomainPtr dom, struct hv_details *out)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;
	const char *why = "";

	if (virDomainGetState(dom, &state, &reason, 0) < 0)
		return;
	if (state == VIR_DOMAIN_SHUTOFF) {
		why = why_off(reason);
	} else if (state == VIR_DOMAIN_PAUSED) {
		why = why_paused(reason);
		if (reason == VIR_DOMAIN_PAUSED_IOERROR && disk_is_full(dom))
			why = "as the host's disk is full";
	} else if (state == VIR_DOMAIN_CRASHED) {
		why = "the guest crashed";
	}
	out->state = domain_state(dom, state);
	snprintf(out->why, sizeof(out->why), "%s", why);
}

static void read_control(virDomainPtr dom, struct hv_details *out)
{
	virDomainControlInfo info;

	if (virDomainGetControlInfo(dom, &info, 0) < 0)
		return;
	const char *what = info.state == VIR_DOMAIN_CONTROL_JOB
				   ? "a job of libvirt is at work on it"
			   : info.state == VIR_DOMAIN_CONTROL_OCCUPIED
				   ? "QEMU has not answered libvirt"
			   : info.state == VIR_DOMAIN_CONTROL_ERROR
				   ? "libvirt cannot control its QEMU process"
				   : NULL;
	out->silent = info.state == VIR_DOMAIN_CONTROL_OCCUPIED &&
		      info.stateTime >= SILENT_MS;
	if (what)
		snprintf(out->control, sizeof(out->control), "%s for %.1f s",
			 what, info.stateTime / 1000.0);
}

static void read_channels(struct hv *hv, virDomainPtr dom,
			  struct hv_details *out)
{
	auto_free char *xml = virDomainGetXMLDesc(dom, 0);
	struct vmctl_error why;

	if (xml && channels_read(xml, out, &why) < 0)
		log_info(hv->ev, "the domain's channels: %s", why.message);
}

int domain_details(struct hv *hv, const char *uuid, struct hv_details *ret,
		   struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	struct hv_details out = { .state = HV_STOPPED };
	read_state(dom, &out);
	read_control(dom, &out);
	read_channels(hv, dom, &out);
	*ret = out;
	return 0;
}
