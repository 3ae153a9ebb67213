/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "cli/command.h"

/* Pages of the manual that are about no single command. */
struct topic {
	const char *name; /* "tutorial"; NULL ends the list */
	const char *page; /* "vmctl-tutorial" */
	int section;
	const char *about;
};
extern const struct topic topics[];

/* The topic of that name, or of that page; or NULL. */
const struct topic *topic_find(const char *name);

/* The page of a command: "vmctl-image-import". The caller frees it; NULL: no
 * memory. */
char *page_of(const struct command *cmd);

/*
 * Shows a page: by man(1) on a terminal, else as plain text, which the build
 * makes; that also serves where man is missing. VMCTL_NOT_FOUND when there is
 * no such page, as where neither was installed.
 */
int page_show(struct cli *cli, const char *page, int section,
	      struct vmctl_error *err);

#endif
