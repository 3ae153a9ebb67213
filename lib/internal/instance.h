/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_INSTANCE_H
#define INTERNAL_INSTANCE_H

#include "context.h"
#include "driver/ssh.h"

/* What the instances offer other subsystems. */

struct vmctl_instance;

/*
 * The record of an instance by name or id, and an authenticated connection
 * to its guest, as `user` (NULL: the image's), waiting up to timeout_ms (0:
 * 30 s) for it to answer. The caller frees both. VMCTL_NOT_FOUND, VMCTL_STATE
 * when it does not run or has no address, VMCTL_TRANSPORT.
 */
int instance_log_in(struct vmctl *ctx, const char *name, const char *user,
		  long timeout_ms, struct vmctl_instance **ret_row,
		  const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		  struct vmctl_error *err);

/* Finishes or undoes what processes that died left behind. Failing to reach the
 * hypervisor is not a failure: it is tried again next time. */
int instance_reap(struct vmctl *ctx, struct vmctl_error *err);

/* Whether QEMU's user can reach the disks; VMCTL_DENIED names the folder that is
 * in the way. */
int instance_access_check(struct vmctl *ctx, struct vmctl_error *err);

/* How many sockets of kept ssh connections there are whose process is gone; with
 * `remove` they go too. */
size_t instance_dead_holders(const struct vmctl *ctx, bool remove);

/* Likewise of processes that forwarded ports. */
size_t instance_dead_relays(const struct vmctl *ctx, bool remove);

#endif
