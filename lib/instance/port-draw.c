/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "driver/hostport.h"
#include "instance/port.h"

/* Which ports of the host are taken, and which are free to be chosen: below
 * what Linux gives to outgoing connections by default (ip_local_port_range,
 * 32768), above the registered crowd. */
#define PORT_FIRST 22000
#define PORT_COUNT 8000

static bool overlaps_any(const struct state_port *port,
			 const struct state_port *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].host_port && state_ports_overlap(&list[i], port))
			return true;
	return false;
}

int port_draw(struct vmctl *ctx, bool udp, const char *address,
	      const struct state_port *avoid, size_t avoid_count, int64_t *ret,
	      struct vmctl_error *err)
{
	struct state_port port = { .udp = udp };
	struct state *db;
	uint16_t random;
	int r = context_state(ctx, &db, err);

	memcpy(port.address, address, strlen(address) + 1);
	/* Begun anywhere, so that two users seldom meet. */
	if (r == 0)
		r = random_bytes(&random, sizeof(random), err);
	for (int i = 0; r == 0 && i < PORT_COUNT; i++) {
		auto_free char *owner = NULL;

		port.host_port = PORT_FIRST + (random + i) % PORT_COUNT;
		if (overlaps_any(&port, avoid, avoid_count))
			continue;
		r = state_port_owner(db, &port, &owner, NULL, err);
		if (r < 0 || owner)
			continue;
		/* The holder of a port that is not needed is not looked for. */
		r = hostport_check(udp, address, port.host_port, NULL);
		if (r < 0 && r != -VMCTL_EXISTS)
			r = hostport_check(udp, address, port.host_port, err);
		if (r == 0) {
			*ret = port.host_port;
			return 0;
		}
		if (r == -VMCTL_EXISTS)
			r = 0;
	}
	if (r < 0)
		return r;
	return fail(err, VMCTL_LIMIT, 0,
		    "all ports from %d to %d are taken on this host",
		    PORT_FIRST, PORT_FIRST + PORT_COUNT - 1);
}

int ports_settle(struct vmctl *ctx, struct state_port *ports, size_t n,
		 struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(ctx, &db, err);

	/* What is asked for goes first: what is drawn must not be in its way.
	 */
	for (size_t i = 0; i < n; i++)
		if (ports[i].drawn)
			ports[i].host_port = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (ports[i].drawn)
			continue;
		r = state_port_refuse_owned(db, &ports[i], err);
		if (r == 0)
			r = hostport_check(ports[i].udp, ports[i].address,
					   ports[i].host_port, err);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		int64_t port;

		if (!ports[i].drawn)
			continue;
		r = port_draw(ctx, ports[i].udp, ports[i].address, ports, n,
			      &port, err);
		if (r == 0)
			ports[i].host_port = (int)port;
	}
	return r;
}

bool instance_has_user(const struct vmctl_instance *row)
{
	for (char **n = row->networks; n && *n; n++)
		if (str_eq(*n, "user"))
			return true;
	return false;
}

bool instance_relayed(const struct vmctl_instance *row)
{
	return !instance_forwarded(row) && !instance_has_user(row);
}

int ports_require_way(const char *name, bool has_user, const char *connection,
		      struct vmctl_error *err)
{
	/* "qemu+ssh://host/system" has a host. */
	if (has_user || strstr(connection, ":///"))
		return 0;
	fail(err, VMCTL_STATE, 0,
	     "no port of this host can be forwarded to %s: it has no user-mode "
	     "interface, and its address is on another host (%s)",
	     name, connection);
	fail_hint(err, "vmctl ssh -L 8080:localhost:80 %s", name);
	return -VMCTL_STATE;
}
