/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "cli/command.h"

/* mdoc for the manual: the text for one mark of a page (see describe.c).
 * `cmd` is NULL for the overview and vmctl-config(5). VMCTL_NOT_FOUND for an
 * unknown section. */
int describe_mdoc(const struct command *cmd, const char *section,
		  struct str *out, struct vmctl_error *err);

/* Pieces of that: text in lines fit for mdoc, as a sentence; the section of the
 * settings (describe-config.c), the fields of a command's record, and all
 * records (describe-output.c). */
void describe_about(const char *text, const char *stop, struct str *out);
void describe_settings(const struct command *unused, struct str *out);
void describe_output(const struct command *cmd, struct str *out);
void describe_records(const struct command *unused, struct str *out);

/* A whole page, man/vmctl-<path>.1.in or one of another section, with its
 * marks replaced. */
int describe_page(const char *file, struct str *out, struct vmctl_error *err);

/* All commands, options and arguments for lints; see describe.c. */
void describe_commands(struct str *out);
void describe_globals(struct str *out);

/* The fields of all records, which are a contract: a line "record, key, type"
 * with tabs between for each. See tests/data/records. */
void describe_schema(struct str *out);

#endif
