/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_LIBVIRT_H
#define DRIVER_LIBVIRT_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/cleanup.h"
#include "driver/hypervisor.h"

/* Inside of the module libvirt.so. */

struct hv {
	virConnectPtr conn;
	const struct events *ev;
	char *uri;
	bool session;
	long patience_ms;    /* see hv_ops.open */
	struct watch *watch; /* event.c; NULL: not yet */
};

DEFINE_CLEANUP(network, virNetworkPtr, virNetworkFree);
#define auto_network auto_cleanup(network_cleanup) virNetworkPtr

DEFINE_CLEANUP(domain, virDomainPtr, virDomainFree);
#define auto_domain auto_cleanup(domain_cleanup)

/* Turns libvirt's last error into ours: no domain is VMCTL_NOT_FOUND, a wrong
 * state VMCTL_STATE, a lost connection VMCTL_HYPERVISOR, others VMCTL_FAILED.
 * `what` says what could not be done. */
int libvirt_fail(struct vmctl_error *err, const char *what);
/* The same of an error that another thread had. NULL: no reason is known. */
int libvirt_fail_by(const virError *e, struct vmctl_error *err,
		    const char *what);

/* The daemon has not answered within the time that it has (VMCTL_HYPERVISOR);
 * and whether that was so a short while ago. */
int libvirt_fail_hung(struct vmctl_error *err, const char *what);
bool libvirt_hung(void);

/* Why a connection could not be made, with what to do (VMCTL_HYPERVISOR). */
int libvirt_fail_open(const char *uri, const virError *e,
		      struct vmctl_error *err);

/* connect.c */
int connection_open(const char *uri, long patience_ms, const struct events *ev,
		    struct hv **ret, struct vmctl_error *err);
void connection_close(struct hv *hv);
int connection_revive(struct hv *hv, struct vmctl_error *err);

/* domain-xml.c: escaped text, and the whole document. */
struct str;
void xml_add(struct str *s, const char *text);
int domain_xml(const struct hv_spec *spec, char **ret, struct vmctl_error *err);

/* event.c: what hv_ops says of watch and change. The connection is left before
 * it is closed; another one may be joined, of which the caller sees that it may
 * have missed something. Nothing where nobody watches. */
int watch_begin(struct hv *hv, int *ret_fd, struct vmctl_error *err);
bool watch_take(struct hv *hv, struct hv_change *ret);
void watch_leave(struct hv *hv);
int watch_join(struct hv *hv, struct vmctl_error *err);
void watch_end(struct hv *hv); /* also leaves */

/* details.c */
int domain_details(struct hv *hv, const char *uuid, struct hv_details *ret,
		   struct vmctl_error *err);

/* daemon.c: starts virtlogd and libvirtd for root where nothing else does.
 * *ret_started says whether a second attempt to connect is worth while. */
int daemon_start(const char *uri, const struct events *ev, bool *ret_started,
		 struct vmctl_error *err);

/* monitor.c: calls that wait for the domain's QEMU, which may hang:
 * VMCTL_TIMEOUT then. `what` says what could not be done. */
int monitor_call(struct hv *hv, const char *uuid, int (*call)(virDomainPtr),
		 const char *what, struct vmctl_error *err);
/* A command for its human monitor. The caller frees *ret. */
int monitor_command(struct hv *hv, const char *uuid, const char *command,
		    char **ret, struct vmctl_error *err);

/* How long a guest's agent may take, in seconds. Left to itself libvirt waits
 * without end for one that takes a question and does not answer. */
#define AGENT_TIMEOUT_S 3
int agent_ping(struct hv *hv, const char *uuid, long timeout_ms,
	       struct vmctl_error *err);

/* connect.c: how long something may be silent, at most `usual`. */
long hv_patience(const struct hv *hv, long usual);

/* forward.c: forwarded ports through QEMU's monitor. */
int forward_add(struct hv *hv, const char *uuid, const struct hv_forward *fwd,
		struct vmctl_error *err);
int forward_remove(struct hv *hv, const char *uuid,
		   const struct hv_forward *fwd, struct vmctl_error *err);
int forward_list(struct hv *hv, const char *uuid, struct hv_forward **ret,
		 size_t *ret_n, struct vmctl_error *err);

int forward_reached(struct hv *hv, const char *uuid,
		    const struct hv_forward *fwd, bool *ret,
		    struct vmctl_error *err);

/* network.c */
int network_list(struct hv *hv, struct hv_network **ret, size_t *ret_n,
		 struct vmctl_error *err);
int network_create(struct hv *hv, const struct hv_network *net,
		   struct vmctl_error *err);
int network_start(struct hv *hv, const char *name, struct vmctl_error *err);
int network_delete(struct hv *hv, const char *uuid, struct vmctl_error *err);
int network_find(struct hv *hv, const char *name, virNetworkPtr *ret,
		 struct vmctl_error *err);

/* reserve.c */
int network_reserved(struct hv *hv, const char *name, struct hv_lease **ret,
		     size_t *ret_n, struct vmctl_error *err);
int network_reserve(struct hv *hv, const char *name, const char *mac,
		    const char *address, const char *hostname,
		    struct vmctl_error *err);
int network_unreserve(struct hv *hv, const char *name, const char *mac,
		      const char *address, struct vmctl_error *err);
int network_leases(struct hv *hv, const char *name, struct hv_lease **ret,
		   size_t *ret_n, struct vmctl_error *err);
int network_address(struct hv *hv, const char *uuid,
		    enum hv_address_source source, const char *mac,
		    char ret[46], struct vmctl_error *err);

/* Our name for one of enum virDomainState. */
enum hv_state domain_state(virDomainPtr dom, int state);

/* console.c */
int console_open(struct hv *hv, const char *uuid, const struct hv_console *what,
		 enum hv_console_end *ret, struct vmctl_error *err);

/* A domain by UUID. */
int domain_find(struct hv *hv, const char *uuid, virDomainPtr *ret,
		struct vmctl_error *err);

/* owned.c */
int domains_owned(struct hv *hv, struct hv_owned **ret, size_t *ret_n,
		  struct vmctl_error *err);
int domain_document(struct hv *hv, const char *uuid, char **ret,
		    struct vmctl_error *err);

/* channel.c */
int channel_open(struct hv *hv, const char *uuid, const char *name,
		 struct hv_pipe **ret, struct vmctl_error *err);
void channel_close(struct hv_pipe *pipe);

#endif
