/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "driver/libvirt/libvirt.h"

/*
 * libvirt 9.0 cannot describe forwarded ports of user-mode networking, so they
 * are set in the running QEMU through its human monitor. "hostnet0" is the
 * name that libvirt gives to the backend of the first interface.
 */
#define NETDEV "hostnet0"

static int monitor(struct hv *hv, const char *uuid, const char *command,
		   char **ret, struct vmctl_error *err)
{
	auto_domain virDomainPtr dom = NULL;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	if (virDomainQemuMonitorCommand(
		    dom, command, ret, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
		return libvirt_fail(err, "cannot talk to QEMU");
	return 0;
}

int forward_add(struct hv *hv, const char *uuid, const struct hv_forward *fwd,
		struct vmctl_error *err)
{
	char command[128];
	auto_free char *reply = NULL;

	snprintf(command, sizeof(command),
		 "hostfwd_add " NETDEV " tcp:%s:%d-:%d", fwd->host_addr,
		 fwd->host_port, fwd->guest_port);
	int r = monitor(hv, uuid, command, &reply, err);
	if (r < 0)
		return r;
	/* It answers nothing when it has worked. */
	if (!reply || !*reply)
		return 0;
	reply[strcspn(reply, "\r\n")] = '\0';
	if (strcasestr(reply, "could not set up host forwarding"))
		return fail(err, VMCTL_EXISTS, 0,
			    "port %d of %s is in use on this host",
			    fwd->host_port, fwd->host_addr);
	return fail(err, VMCTL_FAILED, 0, "cannot forward port %d: %s",
		    fwd->host_port, reply);
}

int forward_present(struct hv *hv, const char *uuid,
		    const struct hv_forward *fwd, bool *ret,
		    struct vmctl_error *err)
{
	auto_free char *reply = NULL;
	bool found = false;
	int r = monitor(hv, uuid, "info usernet", &reply, err);

	if (r < 0)
		return r;
	/* "TCP[HOST_FORWARD]  13  127.0.0.1  2222  10.0.2.15  22  0  0" */
	for (char *line = reply; line && *line;) {
		char addr[64];
		int port = 0, guest = 0;

		if (sscanf(line, " TCP[HOST_FORWARD] %*d %63s %d %*s %d", addr,
			   &port, &guest) == 3 &&
		    port == fwd->host_port && guest == fwd->guest_port &&
		    str_eq(addr, fwd->host_addr))
			found = true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	*ret = found;
	return 0;
}
