/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "driver/hostport.h"
#include "network/network.h"

/* A network's dnsmasq is at its own address, which is in nobody's way. */
static bool find_holder(int port, char *out, size_t size)
{
	return hostport_holder(true, HOSTPORT_NOBODYS, port, out, size) ||
	       (port == 53 &&
		hostport_holder(false, HOSTPORT_NOBODYS, port, out, size));
}

int network_tell_holder(struct vmctl_error *err)
{
	struct vmctl_error said;
	char who[128];

	if (!err)
		return -VMCTL_IN_USE;
	said = *err;
	int port = strstr(said.message, " port 67") ? 67 : 53;
	if (find_holder(port, who, sizeof(who))) {
		fail(err, VMCTL_IN_USE, 0, "%s by %s", said.message, who);
		fail_hint(err,
			  "end it, or have it listen at addresses of its own "
			  "alone, then try again");
	} else {
		fail_hint(err, "sudo ss -lnp 'sport = :%d' tells who has it",
			  port);
	}
	return -VMCTL_IN_USE;
}
