/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_INSTANCE_FIELDS_H
#define CLI_INSTANCE_FIELDS_H

#include "cli/command.h"

/* The record of an instance, and the part of it that says where it is. */
extern const struct record instance_record;
extern const struct record address_record;

/* A start of its machine, as its console record has it. */
extern const struct record boot_record;

#endif
