/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_PORT_FIELDS_H
#define CLI_PORT_FIELDS_H

#include "cli/command.h"

extern const struct record port_record;

#endif
