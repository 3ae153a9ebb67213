/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_DIAGNOSE_H
#define CLI_DIAGNOSE_H

#include "base/json.h"
#include "cli/command.h"

/*
 * After a failure that may have its reason in the instance: looks for it, and
 * has cli_error() show what was found below the error, the next time that it
 * is called. Sets the error's hint to the next command to type. Nothing for
 * errors that say all there is to say, and with -q.
 */
void cli_diagnose(struct cli *cli, const char *name, struct vmctl_error *err);

/* For cli_error(): what there is to be shown, which is forgotten then. */
void diagnosis_text(struct cli *cli, struct str *out);
json_t *diagnosis_json(struct cli *cli); /* NULL: nothing; the caller's */

#endif
