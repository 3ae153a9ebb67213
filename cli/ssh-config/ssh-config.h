/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_SSH_CONFIG_SSH_CONFIG_H
#define CLI_SSH_CONFIG_SSH_CONFIG_H

#include "cli/command.h"

/* This program, as ssh is to start it. The caller frees *ret. */
int own_program(char **ret, struct vmctl_error *err);

/* Sets the environment that lib/ssh-config wrote down for what ssh starts:
 * words as "VMCTL_HOME=/a+20b". Before the context is made. */
int take_pins(const struct strings *pins, struct vmctl_error *err);

#endif
