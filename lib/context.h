/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <sys/types.h>

#include <vmctl/context.h>

#include "base/log.h"
#include "driver/hypervisor.h"
#include "state/state.h"

/* The inside of a context, for the subsystems. */
struct vmctl {
	struct events ev;
	char *data_dir;	   /* database, images, instances, keys, locks */
	char *runtime_dir; /* sockets, short-lived */
	char *uri;
	char *command;
	long lock_timeout_ms;
	struct state *db;	     /* use context_state() */
	const struct hv_ops *hv_ops; /* use context_hv() */
	struct link {
		char *uri;
		struct hv *hv;
	} links[4]; /* instances may be on several connections */
};

/* The database, opened at first use. Borrowed. */
int context_state(struct vmctl *ctx, struct state **ret,
		  struct vmctl_error *err);

/* A hypervisor, connected at first use; `uri` NULL is the context's own. Both
 * are borrowed. An instance is always spoken to on the connection that it was
 * made on, whatever the context's own is. */
int context_hv(struct vmctl *ctx, const char *uri,
	       const struct hv_ops **ret_ops, struct hv **ret,
	       struct vmctl_error *err);

/* Mode of the folders that hold disks: 0700, but 0711 for root, whose guests
 * libvirt runs as another user. */
mode_t context_dir_mode(void);

/* data_dir/sub. NULL only when memory is short. The caller frees. */
char *context_path(const struct vmctl *ctx, const char *sub);

#endif
