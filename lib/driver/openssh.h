/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_OPENSSH_H
#define DRIVER_OPENSSH_H

#include "base/error.h"
#include "base/log.h"

/* Has the ssh that is installed read a configuration, without connecting to
 * anything. VMCTL_UNSUPPORTED, with its complaint, when it does not understand
 * it; VMCTL_NOT_FOUND when no ssh is installed. */
int openssh_check(const char *file, const struct events *ev,
		  struct vmctl_error *err);

/* What ssh makes of a configuration for a host, without connecting to it: lines
 * "keyword value", the keyword in lower case. `file` NULL is what it reads by
 * itself. VMCTL_NOT_FOUND when no ssh is installed. The caller frees *ret with
 * strv_free(). */
int openssh_config(const char *file, const char *host, const struct events *ev,
		   char ***ret, struct vmctl_error *err);
/* The value of a keyword in such lines, borrowed; "" when it is not there. */
const char *openssh_option(char **lines, const char *keyword);

/* The agent that ssh asks for a host. Where no ssh is, or nothing can be
 * learned from it, that is the one in SSH_AUTH_SOCK. *ret is ended with
 * openssh_agent_done(). */
struct ssh_agent;
void openssh_agent(const char *host, const struct events *ev,
		   struct ssh_agent *ret);
void openssh_agent_done(struct ssh_agent *agent);

/* "OpenSSH_9.2p1 Debian-2"; NULL when no ssh is installed. The caller frees
 * it. */
char *openssh_version(void);

#endif
