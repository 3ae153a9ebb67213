/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_BRIEF_H
#define STATE_BRIEF_H

#include "state/state.h"

/* What completion and "did you mean" ask for, in one query each: with many
 * instances, all that belongs to a row takes several times as long. */

/* Those that are not terminated, by name, with what VMCTL_LIST_BRIEF promises,
 * and with `live` what is needed to ask the hypervisor about them; of the
 * networks the first one, and none where that is "user". */
int state_instance_brief(struct state *db, bool live,
			 struct vmctl_instance_list **ret,
			 struct vmctl_error *err);

/* What is in use, each once: the labels of live instances ("key=value"), the
 * networks of interfaces as state_nic_label() says them, the names of what
 * there is. The caller frees *ret with strv_free(). */
enum state_words {
	STATE_WORDS_LABELS,
	STATE_WORDS_NETWORKS,
	STATE_WORDS_INSTANCES,
	STATE_WORDS_IMAGES,
	STATE_WORDS_KEYS,
};
int state_words(struct state *db, enum state_words what, char ***ret,
		struct vmctl_error *err);

/* The hint of a failure for a name that there is not: did you mean …? */
void state_hint_nearest(struct state *db, enum state_words what,
			const char *name, struct vmctl_error *err);

#endif
