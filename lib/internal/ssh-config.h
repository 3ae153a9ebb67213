/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INTERNAL_SSH_CONFIG_H
#define INTERNAL_SSH_CONFIG_H

#include "context.h"

/* What lib/ssh-config does for the context: where ssh knows the instances by
 * name, each change of them from now on is written to the file that it reads.
 * Where it is not installed this costs one look at the disk for each change.
 * What goes wrong is logged. */
void ssh_config_watch(struct vmctl *ctx);

/* Whether ssh knows instances by name, and all that it takes is in its place: 1,
 * 0 when it is not installed, or -code with what mends it as hint. Changes
 * nothing. */
int ssh_config_look(struct vmctl *ctx, struct vmctl_error *err);

#endif
