/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HYPERVISOR_H
#define DRIVER_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

/*
 * The narrow waist between instances and what runs them. libvirt.so is the
 * one engine today; a module with this table can be another, or a fake.
 * Nothing above it may assume libvirt.
 */

#define HV_ABI 7

struct hv;

enum hv_state {
	HV_ABSENT, /* no such domain */
	HV_STOPPED,
	HV_RUNNING,
	HV_STOPPING,
	HV_PAUSED,
	HV_SAVED, /* stopped with its memory saved */
	HV_CRASHED,
};

/* What an interface of a guest is connected to. */
enum hv_nic_kind {
	HV_NIC_USER,	/* the engine's own NAT; no privileges needed */
	HV_NIC_NETWORK, /* a network of the hypervisor, by name */
	HV_NIC_BRIDGE,	/* a bridge of the host, by name */
};

struct hv_nic {
	enum hv_nic_kind kind;
	const char *source; /* network or bridge; NULL for HV_NIC_USER */
	const char *mac;
};

/* What to define. All strings borrowed; paths absolute. */
struct hv_spec {
	const char *id;	  /* the domain's name: "i-0123abcd" */
	const char *name; /* its title: the instance's name */
	const char *uuid;
	const char *image_digest;
	const char *image;	 /* name of the image, for the metadata */
	const char *const *keys; /* key names, for the metadata */
	const char *user;
	const char *arch;	 /* "x86_64", "aarch64" */
	const char *accel;	 /* "kvm" or "tcg" */
	int64_t vcpus, memory;	 /* memory in bytes */
	const char *disk;	 /* qcow2 */
	const char *seed;	 /* ISO 9660 */
	const char *console_log; /* appended to */
	const struct hv_nic *nics;
	size_t nic_count;
};

struct hv_domain {
	char uuid[37];
	char name[64];
	enum hv_state state;
};

/* A domain that carries vmctl's metadata, whoever's it is. */
struct hv_owned {
	char uuid[37];
	char id[16];   /* "i-0123abcd" */
	char name[64]; /* the instance's */
	char disk[4096];
	enum hv_state state;
};

struct hv_info {
	char engine[32]; /* "QEMU" */
	char engine_version[32];
	char library_version[32]; /* of libvirt's daemon */
	char client_version[32];  /* of the library that is loaded here */
};

/* A port of the host forwarded to one of the guest. */
struct hv_forward {
	char host_addr[16]; /* IPv4; "0.0.0.0" is all of the host's */
	int host_port, guest_port;
	bool udp; /* else TCP */
};

/* A network with NAT, DHCP and DNS for its guests. Addresses are IPv4. */
struct hv_network {
	char name[64];
	char uuid[37];
	char bridge[16];
	char address[16]; /* of the host in it: "192.168.100.1" */
	int prefix;
	char range_first[16], range_last[16]; /* of DHCP; "": none */
	bool active, nat;
	bool no_hosts; /* guests are not told the names of /etc/hosts */
};

struct hv_lease {
	char mac[18];
	char address[46];
	char hostname[64]; /* may be empty */
	int64_t expires;   /* epoch seconds; 0: never */
};

/* Where an address of a guest is looked up. */
enum hv_address_source { HV_ADDRESS_AGENT, HV_ADDRESS_ARP };

/* What happened to a domain, or to the connection. */
enum hv_change_kind {
	HV_CHANGE_STATE,  /* started, stopped, paused, defined, …: look */
	HV_CHANGE_AGENT,  /* the QEMU guest agent came or went, see `up` */
	HV_CHANGE_REBOOT, /* the guest starts over, and nothing else changed */
	HV_CHANGE_MISSED, /* more than is kept: look at everything */
	HV_CHANGE_LOST,	  /* the connection is; no more will come */
};

struct hv_change {
	enum hv_change_kind kind;
	char uuid[37]; /* "" for the connection */
	bool up;
	const char *why; /* "its power was cut", static; may be empty */
};

/* What is known of a domain beside its state. Channels are virtio-serial
 * ports; `up` while something in the guest has one open. */
struct hv_details {
	enum hv_state state;
	char why[96];	  /* how it came into that state, or empty: "by a
			   * user", for one that is paused */
	char control[96]; /* what keeps the engine from answering, or empty */
	bool silent;	  /* … is that it hangs, as it seems */
	struct hv_channel {
		char name[64];
		bool up;
	} channels[4];
	size_t channel_count;
};

#define HV_QEMU_AGENT "org.qemu.guest_agent.0"
#define HV_AGENT "org.vmctl.exec.0" /* that of vmctl's own agent */

/* A connection to such a channel: bytes to and from what has it open in the
 * guest. `fd` is a stream socket to be polled, read and written without
 * blocking; end of file is the end of the connection. */
struct hv_pipe {
	int fd;
};

/* A session on the serial console. */
struct hv_console {
	int in; /* -1: nothing is sent, and the end is the machine's */
	int out;
	int escape; /* the byte that leaves, where `in` is a terminal; -1: none
		     */
	bool force; /* ends the session that somebody else has */
	long timeout_ms; /* 0: none */
	/* How long the guest may be silent after the end of an input that is
	 * no terminal; then it is over. Negative: for ever. */
	long linger_ms;
	void (*opened)(void *data); /* before the first byte; may be NULL */
	void *data;
};
enum hv_console_end {
	HV_CONSOLE_LEFT,   /* by the escape, at the end of the input, or as
			    * nobody reads the output any more */
	HV_CONSOLE_CLOSED, /* the machine went off, or another took it over */
};

struct hv_ops {
	unsigned abi;

	/* VMCTL_HYPERVISOR with what to do as hint. Where no daemon answers,
	 * starts what may be started (see DESIGN section 6 on root). Neither
	 * this nor a later call waits much longer than patience_ms for one that
	 * hangs, nor for an engine that does; 0, and more than the module's own
	 * limits, are those. */
	int (*open)(const char *uri, long patience_ms, const struct events *ev,
		    struct hv **ret, struct vmctl_error *err);
	void (*close)(struct hv *hv); /* NULL is allowed */

	/* What kind of connection it is: a user's own, where user-mode
	 * networking is the default; one that may have networks; one whose
	 * guests run as another user than the caller. */
	bool (*is_session)(const struct hv *hv);
	bool (*has_networks)(const struct hv *hv);
	bool (*is_other_user)(const struct hv *hv);

	/* Versions. May take seconds the first time after a start. */
	int (*info)(struct hv *hv, struct hv_info *ret,
		    struct vmctl_error *err);

	/* The engine's own document for a domain; needs no connection. The
	 * caller frees *ret. */
	int (*describe)(const struct hv_spec *spec, char **ret,
			struct vmctl_error *err);

	/* All calls below name the domain by UUID and fail with
	 * VMCTL_NOT_FOUND when there is none, VMCTL_STATE when its state does
	 * not allow the call, VMCTL_HYPERVISOR when the connection is lost,
	 * VMCTL_TIMEOUT when the domain's engine does not answer, VMCTL_FAILED
	 * when it refuses. */
	int (*define)(struct hv *hv, const struct hv_spec *spec,
		      struct vmctl_error *err);
	int (*undefine)(struct hv *hv, const char *uuid,
			struct vmctl_error *err);
	int (*start)(struct hv *hv, const char *uuid, struct vmctl_error *err);
	int (*shutdown)(struct hv *hv, const char *uuid,
			struct vmctl_error *err); /* asks the guest */
	int (*destroy)(struct hv *hv, const char *uuid,
		       struct vmctl_error *err); /* cuts the power */
	int (*reboot)(struct hv *hv, const char *uuid,
		      struct vmctl_error *err); /* asks the guest */
	int (*reset)(struct hv *hv, const char *uuid, struct vmctl_error *err);

	/* One bulk call. The caller frees *ret. */
	int (*list)(struct hv *hv, struct hv_domain **ret, size_t *ret_n,
		    struct vmctl_error *err);

	/* HV_ABSENT is an answer here, not a failure. */
	int (*state)(struct hv *hv, const char *uuid, enum hv_state *ret,
		     struct vmctl_error *err);

	/*
	 * Relays between descriptors and the first serial console of a running
	 * domain, until one side ends. Bytes are passed on as they are. A
	 * terminal is raw for the time of the call and restored on every way
	 * out including SIGHUP, SIGTERM, SIGINT and SIGQUIT, which are raised
	 * again after that. VMCTL_BUSY when somebody else has the console,
	 * VMCTL_TIMEOUT, VMCTL_CANCELLED.
	 */
	int (*console)(struct hv *hv, const char *uuid,
		       const struct hv_console *what, enum hv_console_end *ret,
		       struct vmctl_error *err);

	/* Forwards through the first user-mode interface of a running domain.
	 * They last until it stops. VMCTL_EXISTS when the engine cannot listen
	 * there: mostly as the host port is taken. */
	int (*forward_add)(struct hv *hv, const char *uuid,
			   const struct hv_forward *fwd,
			   struct vmctl_error *err);
	/* guest_port does not count. VMCTL_NOT_FOUND when there is none. */
	int (*forward_remove)(struct hv *hv, const char *uuid,
			      const struct hv_forward *fwd,
			      struct vmctl_error *err);
	/* All that are set, in one question. The caller frees *ret. */
	int (*forward_list)(struct hv *hv, const char *uuid,
			    struct hv_forward **ret, size_t *ret_n,
			    struct vmctl_error *err);

	/* Networks, by name. The caller frees lists. */
	int (*net_list)(struct hv *hv, struct hv_network **ret, size_t *ret_n,
			struct vmctl_error *err);
	/* Defines it, to be started with the host, and starts it. name, uuid,
	 * address, prefix and range of `net` count. */
	int (*net_create)(struct hv *hv, const struct hv_network *net,
			  struct vmctl_error *err);
	int (*net_start)(struct hv *hv, const char *name,
			 struct vmctl_error *err);
	/* The one with that UUID, whatever has its name by now. */
	int (*net_delete)(struct hv *hv, const char *uuid,
			  struct vmctl_error *err);

	/* What is reserved in it, by whomever: networks belong to the host and
	 * not to one user. `expires` is 0; `mac` is empty where only a name
	 * goes with the address. */
	int (*net_reserved)(struct hv *hv, const char *name,
			    struct hv_lease **ret, size_t *ret_n,
			    struct vmctl_error *err);

	/* Reserves an address for a MAC, with a name in the network's DNS
	 * unless somebody else's machine has that already. Adding what is there
	 * already and removing what is not succeed; VMCTL_EXISTS when another
	 * MAC has the address. */
	int (*net_reserve)(struct hv *hv, const char *name, const char *mac,
			   const char *address, const char *hostname,
			   struct vmctl_error *err);
	int (*net_unreserve)(struct hv *hv, const char *name, const char *mac,
			     const char *address, struct vmctl_error *err);
	int (*net_leases)(struct hv *hv, const char *name,
			  struct hv_lease **ret, size_t *ret_n,
			  struct vmctl_error *err);

	/* The first IPv4 address of the interface with that MAC, loopback and
	 * link-local ones left out. VMCTL_NOT_FOUND when it has none, or the
	 * source does not know. */
	int (*address)(struct hv *hv, const char *uuid,
		       enum hv_address_source source, const char *mac,
		       char ret[46], struct vmctl_error *err);

	/*
	 * Begins to take note of changes; calling it again changes nothing.
	 * *ret_fd, borrowed until close, polls readable as long as there is one
	 * to take. Whoever calls this before looking at a state misses no
	 * change of it. VMCTL_UNSUPPORTED where the engine gives no events.
	 */
	int (*watch)(struct hv *hv, int *ret_fd, struct vmctl_error *err);
	/* Takes the oldest change; false: there is none. Never waits. */
	bool (*change)(struct hv *hv, struct hv_change *ret);

	/* Without asking what may hang. */
	int (*details)(struct hv *hv, const char *uuid, struct hv_details *ret,
		       struct vmctl_error *err);

	/* Connects again when the connection is lost, as after a restart of
	 * the daemon; else does nothing, at no cost. `hv` and a descriptor got
	 * from `watch` stay what they are; HV_CHANGE_MISSED follows there. */
	int (*revive)(struct hv *hv, struct vmctl_error *err);

	/* Connects to a channel of a running domain. One client has it at a
	 * time. At once VMCTL_UNSUPPORTED when there is no such channel, or
	 * nothing in the guest has it open; VMCTL_BUSY when somebody else is
	 * connected, who is left alone. */
	int (*channel_open)(struct hv *hv, const char *uuid, const char *name,
			    struct hv_pipe **ret, struct vmctl_error *err);
	void (*channel_close)(struct hv_pipe *pipe); /* NULL is allowed */

	/* All that vmctl has ever defined there, by one call for each domain.
	 * The caller frees *ret. */
	int (*owned)(struct hv *hv, struct hv_owned **ret, size_t *ret_n,
		     struct vmctl_error *err);
	/* The document of one, as the engine has it. The caller frees it. */
	int (*document)(struct hv *hv, const char *uuid, char **ret,
			struct vmctl_error *err);

	/* Whether the guest has taken a connection that came by this forward
	 * and is still there: the engine itself accepts all at once. */
	int (*forward_reached)(struct hv *hv, const char *uuid,
			       const struct hv_forward *fwd, bool *ret,
			       struct vmctl_error *err);

	/* Asks the QEMU guest agent for a sign of life; that it gives none within
	 * that time, which may be rounded, is a failure as any other. */
	int (*agent_ping)(struct hv *hv, const char *uuid, long timeout_ms,
			  struct vmctl_error *err);
};

/* VMCTL_HYPERVISOR when the module or its library is missing. */
int hv_load(const struct hv_ops **ret, struct vmctl_error *err);

#endif
