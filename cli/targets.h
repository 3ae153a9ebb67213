/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include "cli/command.h"

/*
 * What a verb acts on: NAME..., --all, or -l SELECTOR. A command has a member
 * `struct targets targets` in its options, OPT_TARGETS and ARG_TARGETS in its
 * arrays, and calls targets_expand() or targets_each().
 */
struct targets {
	struct strings names;
	struct strings selectors;
	bool all;
	/* Also a single name is looked up at once: more than one step is done
	 * with it, or a question asked. */
	bool bind;
};

/*
 * What they are, each instance once. Names are for people: who has one may
 * change while a question is asked or others are worked on, so it is ids that
 * are acted on.
 */
struct bound {
	char **names; /* as many; NULL-terminated */
	char **ids;   /* or the word that was given, where it is not known whose
		       * it is: the library will say more */
};
void bound_done(struct bound *b);
#define auto_bound auto_cleanup(bound_done) struct bound
/* The name of an id, or the id itself. Borrowed. */
const char *bound_name(const struct bound *b, const char *id);
/* Puts the name before the error that there is no such id any more. */
void bound_explain(const struct bound *b, const char *id,
		   struct vmctl_error *err);

#define OPT_SELECTORS(strct, member)                                           \
	OPT_STRINGS(strct, member, .name = "selector", .letter = 'l',          \
		    .metavar = "SELECTOR", .complete = complete_selectors,     \
		    .help = "instances with these labels: key=value, "         \
			    "key!=value, key, !key, joined by commas")
#define OPT_TARGETS(strct)                                                     \
	OPT_SELECTORS(strct, targets.selectors),                               \
		OPT_FLAG(strct, targets.all, .name = "all",                    \
			 .help = "all instances")
#define ARG_TARGETS(strct, completer_)                                         \
	ARG_MANY(strct, targets.names, .name = "NAME", .optional = true,       \
		 .complete = (completer_),                                     \
		 .help = "name or id of an instance")

/*
 * What is meant, in *ret, each instance once, be it named by name and by id:
 * the given ones in their order (the unknown as they are given), then, by name,
 * what is selected. VMCTL_INVALID when nothing is given, or names together with
 * --all; VMCTL_NOT_FOUND when there is no such instance.
 */
int targets_expand(struct cli *cli, const struct targets *targets,
		   struct bound *ret, struct vmctl_error *err);

/* targets_expand() and cli_each(): `id` may also be a name that was given. */
int targets_each(struct cli *cli, const struct targets *targets,
		 int (*each)(struct cli *cli, const char *id, void *data,
			     struct vmctl_error *err),
		 void *data, struct vmctl_error *err);

/* The same for what is bound already. */
int bound_each(struct cli *cli, const struct bound *b,
	       int (*each)(struct cli *cli, const char *id, void *data,
			   struct vmctl_error *err),
	       void *data, struct vmctl_error *err);

/* Whether a row is meant by the selectors; with none, every one is. */
bool targets_select(const struct strings *selectors,
		    const struct vmctl_instance *row);
int targets_check(const struct strings *selectors, struct vmctl_error *err);

#endif
