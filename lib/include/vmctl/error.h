/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_ERROR_H
#define VMCTL_ERROR_H

/*
 * Errors.
 *
 * Every call that can fail takes a struct vmctl_error as its last argument and
 * returns 0 or the negative of an enum vmctl_code. The structure belongs to
 * the caller, holds its text inline and needs no freeing; NULL is accepted by
 * a caller that only wants the code. On failure no other output argument has
 * been touched.
 */

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VMCTL_API __attribute__((visibility("default")))
#else
#define VMCTL_API
#endif

/* A closed set. The meaning, the JSON name and the exit status of each stand
 * in one table, lib/base/error.c. New codes go to the end. */
enum vmctl_code {
	VMCTL_OK = 0,
	VMCTL_FAILED,	  /* an outside program or system call failed */
	VMCTL_INVALID,	  /* an argument has the wrong form or range */
	VMCTL_NOT_FOUND,  /* the thing named does not exist */
	VMCTL_EXISTS,	  /* the name is taken */
	VMCTL_BUSY,	  /* another process is at work on it */
	VMCTL_STATE,	  /* not possible in the state that it is in */
	VMCTL_IN_USE,	  /* something else depends on it */
	VMCTL_TIMEOUT,	  /* the time allowed ran out; what was made is kept */
	VMCTL_PARTIAL,	  /* some of several targets failed */
	VMCTL_HYPERVISOR, /* hypervisor missing, unreachable or not permitted */
	VMCTL_LIMIT,	  /* refused by a limit of the host */
	VMCTL_BAD_DATA,	  /* a file's contents are not acceptable */
	VMCTL_DENIED,	  /* the operating system refused permission */
	VMCTL_NO_MEMORY,  /* memory could not be allocated */
	VMCTL_UNSUPPORTED, /* not possible on this host or connection */
	VMCTL_CANCELLED,   /* the caller asked to stop (interrupt) */
	VMCTL_TRANSPORT,   /* the way into the guest failed */
	VMCTL_INTERNAL,	   /* a defect in vmctl */
	VMCTL_CODE_COUNT
};

struct vmctl_error {
	enum vmctl_code code;
	int sys_errno;	    /* 0 when no system call is behind it */
	char message[1024]; /* what failed and why; one line, no full stop */
	char hint[512];	    /* the next thing to type, or empty */
};

/* The stable name used in JSON output, for example "not-found". Never NULL. */
VMCTL_API const char *vmctl_code_name(enum vmctl_code code);

/* One line for the manual, for example "the thing named does not exist". */
VMCTL_API const char *vmctl_code_summary(enum vmctl_code code);

/* The exit status a command ends with: 0 to 8, 255 for a failed transport, 130
 * for an interrupt as shells do. */
VMCTL_API int vmctl_code_exit(enum vmctl_code code);

/* What an exit status of 0 to 8 means, in a few words, or NULL. */
VMCTL_API const char *vmctl_exit_summary(int status);

#ifdef __cplusplus
}
#endif
#endif
