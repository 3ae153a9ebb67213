/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_KEY_H
#define STATE_KEY_H

#include "state/state.h"

/* Within a transaction: that the private files of these keys are still theirs.
 * VMCTL_NOT_FOUND and the clash KEY when one is not. */
int keys_require(struct state *db, const struct state_instance_key *keys,
		 size_t n, enum state_clash *clash, struct vmctl_error *err);

#endif
