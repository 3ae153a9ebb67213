/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "internal/network.h"
#include "network/network.h"

/* Whether something of this host is in the way of the network of "nat". */

#define ROUTES "/proc/net/route"

/* Interface, destination, gateway, flags, …, mask: addresses are hexadecimal,
 * in network byte order as this host reads it. */
static int check_route(const struct subnet *s, const char *line,
		       const char *own, struct vmctl_error *err)
{
	char interface[32], base[IPV4_TEXT], there[IPV4_TEXT];
	uint32_t to, mask;

	if (sscanf(line, "%31s %" SCNx32 " %*x %*x %*d %*d %*d %" SCNx32,
		   interface, &to, &mask) != 3 ||
	    !mask || str_eq(interface, own))
		return 0;
	int prefix = __builtin_popcount(mask);
	to = ntohl(to);
	if (!subnet_overlaps(s, to, prefix))
		return 0;
	return fail(err, VMCTL_IN_USE, 0,
		    "the subnet %s/%d overlaps the route of this host to %s/%d "
		    "by %s",
		    ipv4_text(s->base, base), s->prefix, ipv4_text(to, there),
		    prefix, interface);
}

static int check_routes(const struct subnet *s, const char *own,
			struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	int r = 0;

	if (file_read(ROUTES, 1 << 20, &text, NULL) < 0)
		return 0;
	char *rest = text.p, *line;
	while (r == 0 && rest && (line = strsep(&rest, "\n")))
		r = check_route(s, line, own, err);
	return r;
}

int network_conflict(struct vmctl *ctx, struct vmctl_error *err)
{
	struct hv_network net = { 0 };
	struct vmctl_error why = { 0 };
	struct subnet s;
	int r = network_find(ctx, NULL, NETWORK_DEFAULT, &net, &why);

	if (r < 0 && r != -VMCTL_NOT_FOUND) {
		if (err)
			*err = why;
		return r;
	}
	/* Once it is there, another setting is for the next one only. */
	if (r < 0 || !network_subnet(&net, &s))
		r = subnet_default(ctx, NULL, &s, err);
	else
		r = 0;
	if (r == 0)
		r = subnet_check_host(&s, net.bridge, err);
	if (r == 0)
		r = check_routes(&s, net.bridge, err);
	if (r == -VMCTL_IN_USE)
		fail_hint(
			err, "vmctl config set nat.subnet 10.77.0.0/24%s",
			net.name[0]
				? ", and vmctl network delete " NETWORK_DEFAULT
				: "");
	return r;
}
