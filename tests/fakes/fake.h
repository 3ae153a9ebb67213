/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_FAKES_FAKE_H
#define TESTS_FAKES_FAKE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver/hypervisor.h"

/*
 * A hypervisor without machines: the module libvirt.so as tests want it. What
 * it knows lives in memory that forked processes share, as a daemon's would,
 * so that one process can be killed and another look at what is left.
 *
 * Every call counts. The nth one can be made to fail, before its effect or
 * after it, or to be the last thing that its process does.
 */
#define FAKE_DOMAINS 16
#define FAKE_PORTS 32
#define FAKE_HOSTS 16
#define FAKE_CHANGES 256

struct fake_domain {
	bool used, transient;
	char uuid[37], name[64], disk[256], console_log[256];
	enum hv_state state;
	struct hv_forward ports[FAKE_PORTS]; /* host_port 0: none */
	int starting; /* calls until a start begun by a dead process is done */
};

struct fake {
	int calls;
	int fail_at;	/* that call fails, and has no effect */
	int lie_at;	/* that call fails, and has its effect */
	int kill_at;	/* its process dies before the effect */
	int killed_at;	/* … after it */
	int start_late; /* … while the start that it asked for goes on for so
			 * many calls */
	enum vmctl_code fail_code; /* of fail_at and lie_at; 0: VMCTL_FAILED */
	bool down;		   /* nobody answers */
	int down_after; /* … once that many calls were made; 0: never */
	bool deaf;	/* guests do not hear the power button */
	bool has_networks;
	bool has_disks; /* machines that run hold theirs, as QEMU does; for the
			 * process that started them to live */
	int start_call; /* the last start's number */
	int opened, shutdowns, destroys, starts;
	long patience_ms; /* of the last that was opened */
	int taken_port;	  /* of the host, by somebody else */
	int lost_race;	  /* the next so many forward_add find the port set by
			   * another process in the same moment */
	bool console_held, console_off; /* in use; the machine goes off in it */
	enum hv_console_end console_end;
	char console_says[64];
	char start_says[64]; /* written to the console's record at a start */
	char last[32];	     /* name of the last call */
	void (*hook)(const char *name); /* of this process; at each call */
	struct fake_domain domains[FAKE_DOMAINS];
	struct hv_network net; /* name "": there is none */
	struct hv_lease hosts[FAKE_HOSTS];
	int host_count;
	bool race_net; /* another process makes the network just before */

	/* Changes, of whichever process: a watcher takes them in their order,
	 * and the descriptor is readable for all that watch. */
	int event_fd; /* an eventfd */
	unsigned changes;
	struct hv_change log[FAKE_CHANGES];
	bool mute;	/* … are not reported */
	bool no_events; /* the engine has none */
	int watchers;	/* that have begun to listen */
	int restarts;	/* of the daemon: older connections are lost */
	struct hv_details details; /* of all, but for the state */
	char agent[108]; /* where vmctl's agent listens; "": no guest has one */
	bool agent_busy; /* somebody else has the channel */
	bool agent_pings;	/* the QEMU guest agent answers */
	char agent_address[46]; /* what any agent answers; "": nothing */
	bool reached;		/* guests have taken what came by a forward */
};

/* Exported by the module as "fake_hypervisor". */
typedef struct fake *(*fake_getter)(void);

/* As the kernel sees it: all addresses are also each of them. */
static inline bool fake_same_place(const struct hv_forward *a,
				   const struct hv_forward *b)
{
	return a->udp == b->udp && a->host_port == b->host_port &&
	       (!strcmp(a->host_addr, b->host_addr) ||
		!strcmp(a->host_addr, "0.0.0.0") ||
		!strcmp(b->host_addr, "0.0.0.0"));
}

/* Reports a change of a domain. `why` is static. */
static inline void fake_report(struct fake *fake, enum hv_change_kind kind,
			       const char *uuid, bool up, const char *why)
{
	const uint64_t one = 1;
	struct hv_change *c = &fake->log[fake->changes % FAKE_CHANGES];

	*c = (struct hv_change){ .kind = kind, .up = up, .why = why };
	snprintf(c->uuid, sizeof(c->uuid), "%s", uuid);
	fake->changes++;
	(void)!write(fake->event_fd, &one, sizeof(one));
}

#endif
