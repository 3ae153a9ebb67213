/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <vmctl/error.h>

/*
 * Filling a struct vmctl_error. Each of these accepts err == NULL.
 *
 * The idiom is
 *	return fail(err, VMCTL_FAILED, errno, "cannot open %s", path);
 * which gives "cannot open FILE: No such file or directory" and returns
 * -VMCTL_FAILED. Control characters in the arguments are replaced, so that a
 * hostile name never reaches a terminal.
 */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

int fail(struct vmctl_error *err, enum vmctl_code code, int sys_errno,
	 const char *fmt, ...) PRINTF_LIKE(4, 5);

/* -VMCTL_NO_MEMORY. */
int fail_oom(struct vmctl_error *err);

/* Like fail(), choosing the code from the errno: EACCES and EPERM become
 * VMCTL_DENIED, ENOMEM VMCTL_NO_MEMORY, ENOSPC and EDQUOT VMCTL_LIMIT, all
 * others VMCTL_FAILED. */
int fail_sys(struct vmctl_error *err, int sys_errno, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* Sets the hint ("the next thing to type") of a failure just made. */
void fail_hint(struct vmctl_error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts "text: " in front of the message. For the borders of layers only. */
void fail_prefix(struct vmctl_error *err, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

#endif
