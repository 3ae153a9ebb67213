/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_NETWORK_FIELDS_H
#define CLI_NETWORK_FIELDS_H

#include "cli/command.h"

extern const struct record network_fields;
extern const struct record lease_fields;

#endif
