/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_PORT_H
#define VMCTL_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ports of this host that are forwarded to an instance. It is the instance's
 * user-mode interface that does it, the first one if there are several. To an
 * instance that is on networks or bridges alone, and so has an address of its
 * own, it is a process called vmctl-relay, which the calls below leave behind;
 * it ends with the machine.
 *
 * A forward is written
 *
 *	[[ADDRESS:]HOSTPORT:]GUESTPORT[/PROTOCOL]
 *
 * ADDRESS is an IPv4 address of this host, 127.0.0.1 when none is given,
 * 0.0.0.0 for all; PROTOCOL is tcp, which is the default, or udp. Without
 * HOSTPORT, or with 0, a free one is chosen. Both may be ranges of the same
 * length, as in 8000-8010:80-90.
 *
 * What is recorded is set anew whenever the instance starts. A port of this
 * host belongs to one instance at most, also while that is stopped.
 */

/* As many an instance may have. */
#define VMCTL_PORTS_MAX 256

enum vmctl_port_state {
	VMCTL_PORT_ACTIVE,
	VMCTL_PORT_INACTIVE,
	VMCTL_PORT_UNKNOWN, /* the hypervisor cannot be asked */
};

/* "active"; never NULL. */
VMCTL_API const char *vmctl_port_state_name(enum vmctl_port_state state);

struct vmctl_port {
	char *text;	/* "127.0.0.1:8080->80/tcp" */
	char *instance; /* its name */
	char *protocol; /* "tcp" or "udp" */
	char *address;	/* of this host */
	int64_t host_port, guest_port;
	enum vmctl_port_state state;
	char *reason; /* why it is not active, or empty */
};

struct vmctl_port_list {
	size_t count;
	struct vmctl_port **items;
};

VMCTL_API void vmctl_port_list_free(struct vmctl_port_list *list);

/* Whether the text has the form above; VMCTL_INVALID. *ret_fixed (may be
 * NULL): it names a port of the host, so that one instance alone can have it.
 */
VMCTL_API int vmctl_port_check(const char *spec, bool *ret_fixed,
			       struct vmctl_error *err);

/*
 * The forwards of an instance, or of all for NULL, by instance and port, as
 * they are set now. One that is missing of a running instance is set again;
 * where that fails, or the guest's address is not known, `reason` tells why. When a hypervisor cannot be
 * asked the call succeeds, its ports are in state unknown, and *unreachable
 * (may be NULL) tells why.
 */
VMCTL_API int vmctl_port_list(struct vmctl *ctx, const char *name,
			      struct vmctl_port_list **ret,
			      struct vmctl_error *unreachable,
			      struct vmctl_error *err);

/*
 * Records forwards, NULL-terminated, and sets them when the instance runs: all
 * of them or none. *ret (may be NULL) has what was added.
 *
 * VMCTL_INVALID for a bad text, an address that this host does not have, or a
 * port that this user may not have; VMCTL_EXISTS when a port belongs to another
 * instance or program, which the message names; VMCTL_STATE when the instance
 * has no user-mode interface and is on another host; VMCTL_LIMIT beyond
 * VMCTL_PORTS_MAX.
 */
VMCTL_API int vmctl_port_add(struct vmctl *ctx, const char *name,
			     const char *const *specs,
			     struct vmctl_port_list **ret,
			     struct vmctl_error *err);

/*
 * Ends forwards, NULL-terminated. Each is written
 * [ADDRESS:]HOSTPORT[/PROTOCOL], or as above, or as a list shows it.
 * VMCTL_NOT_FOUND, before anything is removed, for one that does not exist;
 * VMCTL_INVALID for one that means several.
 */
VMCTL_API int vmctl_port_remove(struct vmctl *ctx, const char *name,
				const char *const *specs,
				struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
