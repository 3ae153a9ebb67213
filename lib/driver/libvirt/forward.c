/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "driver/libvirt/libvirt.h"

/*
 * libvirt 9.0 cannot describe forwarded ports of user-mode networking, so they
 * are set in the running QEMU through its human monitor. Its commands take the
 * name of a backend, but without one they mean the first user-mode interface,
 * wherever among the guest's interfaces that stands.
 */

#define LINE_SIZE 256

static const char *protocol(const struct hv_forward *fwd)
{
	return fwd->udp ? "udp" : "tcp";
}

int forward_add(struct hv *hv, const char *uuid, const struct hv_forward *fwd,
		struct vmctl_error *err)
{
	char command[128];
	auto_free char *reply = NULL;

	snprintf(command, sizeof(command), "hostfwd_add %s:%s:%d-:%d",
		 protocol(fwd), fwd->host_addr, fwd->host_port,
		 fwd->guest_port);
	int r = monitor_command(hv, uuid, command, &reply, err);
	if (r < 0)
		return r;
	/* It answers nothing when it has worked. */
	if (!reply || !*reply)
		return 0;
	reply[strcspn(reply, "\r\n")] = '\0';
	if (strcasestr(reply, "could not set up host forwarding"))
		return fail(err, VMCTL_EXISTS, 0,
			    "QEMU cannot listen at port %d of %s",
			    fwd->host_port, fwd->host_addr);
	return fail(err, VMCTL_FAILED, 0, "cannot forward port %d: %s",
		    fwd->host_port, reply);
}

int forward_remove(struct hv *hv, const char *uuid,
		   const struct hv_forward *fwd, struct vmctl_error *err)
{
	char command[128];
	auto_free char *reply = NULL;

	snprintf(command, sizeof(command), "hostfwd_remove %s:%s:%d",
		 protocol(fwd), fwd->host_addr, fwd->host_port);
	int r = monitor_command(hv, uuid, command, &reply, err);
	if (r < 0)
		return r;
	/* "host forwarding rule for tcp:127.0.0.1:2222 removed" */
	if (reply)
		reply[strcspn(reply, "\r\n")] = '\0';
	if (reply && str_ends(reply, " removed"))
		return 0;
	if (reply && str_ends(reply, " not found"))
		return fail(err, VMCTL_NOT_FOUND, 0,
			    "port %d of %s is not forwarded", fwd->host_port,
			    fwd->host_addr);
	return fail(err, VMCTL_FAILED, 0,
		    "cannot end the forwarding of port %d: %s", fwd->host_port,
		    reply && *reply ? reply : "QEMU does not say why");
}

/* One line; false when it is another. The guest's address does not count. A
 * wildcard is shown as "*". "TCP[HOST_FORWARD]  13  127.0.0.1  2222  10.0.2.15
 * 22  0  0" */
static bool parse_line(const char *line, struct hv_forward *out)
{
	struct in_addr ip;
	char addr[16], kind[4];

	if (sscanf(line, " %3[A-Z][HOST_FORWARD] %*d %15s %d %*s %d", kind,
		   addr, &out->host_port, &out->guest_port) != 4)
		return false;
	out->udp = str_eq(kind, "UDP");
	snprintf(out->host_addr, sizeof(out->host_addr), "%s",
		 str_eq(addr, "*") ? "0.0.0.0" : addr);
	return (out->udp || str_eq(kind, "TCP")) &&
	       inet_pton(AF_INET, out->host_addr, &ip) == 1;
}

static int parse(const char *text, struct hv_forward **ret, size_t *ret_n,
		 struct vmctl_error *err)
{
	auto_free struct hv_forward *list = NULL;
	size_t n = 0, room = 0;
	char line[LINE_SIZE];

	while (str_line(&text, line, sizeof(line))) {
		struct hv_forward one = { 0 };

		if (parse_line(line, &one)) {
			if (n == room) {
				room = room ? room * 2 : 16;
				struct hv_forward *more =
					reallocarray(list, room, sizeof(*list));
				if (!more)
					return fail_oom(err);
				list = more;
			}
			list[n++] = one;
		}
	}
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

int forward_list(struct hv *hv, const char *uuid, struct hv_forward **ret,
		 size_t *ret_n, struct vmctl_error *err)
{
	auto_free char *reply = NULL;
	int r = monitor_command(hv, uuid, "info usernet", &reply, err);

	return r < 0 ? r : parse(reply ? reply : "", ret, ret_n, err);
}

/* "TCP[ESTABLISHED]  15  127.0.0.1  2222  10.0.2.15  22  0  0": a connection
 * that came to a forwarded port is listed with that port, not with its own. It
 * is in SYN_SENT until the guest takes it. */
int forward_reached(struct hv *hv, const char *uuid,
		    const struct hv_forward *fwd, bool *ret,
		    struct vmctl_error *err)
{
	auto_free char *reply = NULL;
	bool found = false;
	int r = monitor_command(hv, uuid, "info usernet", &reply, err);
	const char *text = reply ? reply : "";
	char line[LINE_SIZE];

	if (r < 0)
		return r;
	while (str_line(&text, line, sizeof(line))) {
		char addr[64];
		int port = 0, guest = 0;

		if (sscanf(line, " TCP[ESTABLISHED] %*d %63s %d %*s %d", addr,
			   &port, &guest) == 3 &&
		    port == fwd->host_port && guest == fwd->guest_port)
			found = true;
	}
	*ret = found;
	return 0;
}
