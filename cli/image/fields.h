/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_IMAGE_FIELDS_H
#define CLI_IMAGE_FIELDS_H

#include "cli/command.h"

extern const struct record image_record;
extern const struct record catalogue_record;

/* What was stored: the name alone for people and scripts, all of it for
 * programs. With a note when nobody, by --user (`user`) or in a catalogue, has
 * named the account that the keys go to. */
int image_print_made(struct cli *cli, const struct vmctl_image *image,
		     const char *user, struct vmctl_error *err);

/* Names of the catalogue. */
void complete_catalogue(struct cli *cli, const char *prefix, struct str *out);

#endif
