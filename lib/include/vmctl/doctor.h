/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_DOCTOR_H
#define VMCTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What can make vmctl fail on this host, each looked at by a check. */

enum vmctl_verdict {
	VMCTL_VERDICT_OK,
	VMCTL_VERDICT_NOTE,    /* nothing is wrong; good to know */
	VMCTL_VERDICT_WARNING, /* something will fail, or is not as it might be */
	VMCTL_VERDICT_PROBLEM, /* something is to be mended */
	VMCTL_VERDICT_FIXED,   /* it was, and has been mended by this call */
};

/* "ok", "note", "warning", "problem", "fixed". Static. */
VMCTL_API const char *vmctl_verdict_name(enum vmctl_verdict verdict);

struct vmctl_check {
	char *group; /* "programs", "records", "libvirt", "host", "network",
		      * "ssh", "instances", "leftovers"; more may come */
	char *check; /* "qemu", "connection" …; several may be of one check */
	enum vmctl_verdict verdict;
	char *text; /* what was found: one line, printable */
	char *fix;  /* what to type about it, or empty */
};

struct vmctl_doctor {
	size_t count;
	struct vmctl_check *items; /* those of a group follow each other */
	size_t problems;	   /* how many of them are problems */
};

VMCTL_API void vmctl_doctor_free(struct vmctl_doctor *doctor);

/*
 * Makes all the checks. What a check finds is in *ret, which the caller frees,
 * and no failure of the call; one that has no answer within `timeout_ms`
 * (0: 20 seconds) says so, and the others are made all the same. Asking libvirt
 * may start its daemon, as any other call does.
 *
 * Without `fix` nothing is changed. With it what is vmctl's own and can be
 * mended without loss is: work that dead processes left half done is finished
 * or undone, what deleted instances left is removed, the modes of its own
 * folders are put right, an old database is brought up to date. A domain or a
 * folder of an instance that has no record, not even of its deletion, is set
 * aside in the folder "lost" of the storage, and nothing that runs is ended.
 *
 * VMCTL_CANCELLED, VMCTL_NO_MEMORY.
 */
VMCTL_API int vmctl_host_doctor(struct vmctl *ctx, bool fix, long timeout_ms,
				struct vmctl_doctor **ret,
				struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
