/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_IMAGE_FIELDS_H
#define CLI_IMAGE_FIELDS_H

#include "cli/command.h"

extern const struct record image_record;

#endif
