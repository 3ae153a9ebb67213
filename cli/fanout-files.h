/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_FANOUT_FILES_H
#define CLI_FANOUT_FILES_H

#include "cli/outcome.h"

/*
 * The folder of --output-dir. NAME.out and NAME.err are written as the bytes
 * come, so that they can be watched; NAME.status, one line with the status and
 * what was wrong, appears complete and last: where it is, the two others are
 * complete. Those of an earlier run are taken away before anything is begun.
 */
int fanout_dir(const char *dir, const char *const *names, size_t n,
	       struct vmctl_error *err);

/* Opens the first two of them into ret_fd[0] and [1]. */
int fanout_open(const char *dir, const char *name, int *ret_fd,
		struct vmctl_error *err);
int fanout_note(const char *dir, const struct outcome *o,
		struct vmctl_error *err);

/* All that standard input has, in a file without a name. */
int fanout_spool(int in, int *ret_fd, struct vmctl_error *err);

/* That file, or another, from its beginning. */
int fanout_reopen(int fd, int *ret_fd, struct vmctl_error *err);

/* Like fd_write_all(), but a reader that does not read keeps no interrupt
 * waiting: what is left then is not written. */
int fanout_put(int fd, const char *bytes, size_t n, struct vmctl_error *err);

#endif
