/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_SSH_CONFIG_H
#define VMCTL_SSH_CONFIG_H

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Instances by name for OpenSSH and all that uses it: one Include line in the
 * user's ssh_config(5), and a file of ours that it names. That file is kept up
 * to date by whatever changes the instances through this library.
 *
 * Needs OpenSSH 8.5 (KnownHostsCommand).
 */

struct vmctl_ssh_config {
	size_t size;
	/* Absolute path of the vmctl that ssh is to start: its __ssh-connect
	 * and __known-hosts. Must be given. */
	const char *program;
	/* The user's configuration; NULL is ~/.ssh/config of the password
	 * database, which is where ssh looks whatever HOME says. */
	const char *file;
};

/*
 * Puts the Include line at the very top of the file, where it is outside of
 * every Host block, and makes file and folder when there are none. Mode, owner
 * and all other bytes stay; a symbolic link is followed. What is installed
 * already is brought up to date.
 *
 * *ret_file is the user's file, which the caller frees; *ret_changed (may be
 * NULL) whether it was changed.
 *
 * VMCTL_DENIED when the file is not the caller's to change, VMCTL_BAD_DATA when
 * it is no regular file, VMCTL_UNSUPPORTED when the ssh here is too old; then
 * nothing has changed.
 */
VMCTL_API int vmctl_ssh_config_install(struct vmctl *ctx,
				       const struct vmctl_ssh_config *what,
				       char **ret_file, bool *ret_changed,
				       struct vmctl_error *err);

/* Takes out what the former put in: the file is as it would be without it, and
 * gone when there was none. *ret_file is NULL when nothing was installed. */
VMCTL_API int vmctl_ssh_config_uninstall(struct vmctl *ctx, char **ret_file,
					 struct vmctl_error *err);

/* The configuration of one instance, or of all for NULL, as text to be put into
 * an ssh_config(5). The caller frees it. `what` as above; its `file` is not
 * looked at. Public keys whose private half only the agent has are written to
 * files that it names. */
VMCTL_API int vmctl_ssh_config_show(struct vmctl *ctx,
				    const struct vmctl_ssh_config *what,
				    const char *name, char **ret,
				    struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
