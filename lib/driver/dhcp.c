/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/file.h"

/* RFC 2131, section 2; all in network byte order. */
struct dhcp_message {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16], sname[64], file[128];
	uint8_t options[312];
};

static int parse_mac(const char *text, uint8_t mac[6])
{
	unsigned b[6];

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3],
		   &b[4], &b[5]) != 6)
		return -1;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

static void fill(struct dhcp_message *m, const struct in_addr *server,
		 const struct in_addr *address, const uint8_t mac[6])
{
	/* The cookie and message type 7, RELEASE (RFC 2132). */
	static const uint8_t head[] = { 99, 130, 83, 99, 53, 1, 7, 54, 4 };
	/* The client id that a lease by MAC has: type 1, and the MAC. */
	static const uint8_t id[] = { 61, 7, 1 };
	uint8_t *o = m->options;

	m->op = 1; /* from a client */
	m->htype = 1;
	m->hlen = 6;
	m->ciaddr = address->s_addr;
	memcpy(m->chaddr, mac, 6);
	memcpy(o, head, sizeof(head));
	o += sizeof(head);
	memcpy(o, &server->s_addr, 4);
	o += 4;
	memcpy(o, id, sizeof(id));
	o += sizeof(id);
	memcpy(o, mac, 6);
	o[6] = 255; /* end */
}

int dhcp_release(const char *bridge, const char *server, const char *address,
		 const char *mac, struct vmctl_error *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(67) };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct dhcp_message m = { 0 };
	struct in_addr addr;
	uint8_t raw[6];

	if (inet_pton(AF_INET, server, &to.sin_addr) != 1 ||
	    inet_pton(AF_INET, address, &addr) != 1 || parse_mac(mac, raw) < 0)
		return fail(err, VMCTL_INVALID, 0,
			    "cannot release %s: not an address", address);
	fill(&m, &to.sin_addr, &addr, raw);
	int r = random_bytes(&m.xid, sizeof(m.xid), err);
	if (r < 0)
		return r;
	/* The server takes it for a guest's only on its own interface. */
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, bridge,
		       (socklen_t)strlen(bridge) + 1) < 0 ||
	    sendto(fd, &m, sizeof(m), 0, (struct sockaddr *)&to, sizeof(to)) <
		    0)
		return fail_sys(err, errno, "cannot release the lease of %s",
				address);
	return 0;
}
