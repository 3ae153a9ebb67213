/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_COPY_H
#define VMCTL_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Files between this host and guests, and between guests, by sftp.
 *
 * A place is written as scp(1) has it: "NAME:PATH" or "USER@NAME:PATH" is in
 * the guest of that instance, where a relative path begins in the login
 * directory, as "~" and "~/…" do; "-" is a stream; anything else is a file of
 * this host, as is what has a slash before its first colon ("./a:b"). No name
 * is ever expanded as a pattern.
 *
 * A file is written under a temporary name in its folder and takes its place
 * when it is complete: whatever happens, the old contents stay until then.
 * What a guest says is not trusted: nothing is written outside the
 * destination, no symbolic link that is met below it is followed, and no
 * set-user-ID or set-group-ID bit is taken from a guest to this host.
 */
struct vmctl_copy {
	size_t size;
	const char *const *sources; /* NULL-terminated, at least one */
	const char *target;
	bool recursive; /* folders too; symbolic links in them stay links */
	bool preserve;	/* times and modes */
	bool resume;	/* go on with what an interrupted copy left */
	const char *user; /* account in the guests; NULL: the image's */
	int in, out;	  /* for "-" */
	long connect_timeout_ms; /* for each guest to answer; 0: 30 s */

	/* Called for each file or folder that could not be copied, when there
	 * is more than that to copy. May be NULL. */
	void (*failed)(void *data, const struct vmctl_error *err);
	void *data;
};

struct vmctl_copied {
	uint64_t files, folders, links;
	uint64_t bytes;	 /* of contents that were written */
	uint64_t failed; /* what was not copied */
};

/*
 * Copies. *ret (may be NULL) is filled on failure, too.
 *
 * VMCTL_PARTIAL when some of it was not copied; when nothing was, the reason.
 * VMCTL_INVALID for places that make no sense together (neither in a guest,
 * several sources and no folder to put them in); VMCTL_NOT_FOUND for an
 * instance or file that is not there; VMCTL_STATE for an instance that does
 * not run; VMCTL_EXISTS when something of another kind is in the way;
 * VMCTL_LIMIT when this host's disk is full; VMCTL_TRANSPORT when a connection
 * breaks; VMCTL_CANCELLED. After the last two an incomplete file of a megabyte
 * or more is kept under its temporary name, for `resume`.
 */
VMCTL_API int vmctl_copy(struct vmctl *ctx, const struct vmctl_copy *what,
			 struct vmctl_copied *ret, struct vmctl_error *err);

/*
 * The names that the last part of `path` begins, in the folder that the rest of
 * it names in a guest, for somebody who is typing it; folders end with a slash.
 * Asks over an ssh connection that is kept, or vmctl's agent, and makes no
 * connection for it. `user` NULL: the image's. The caller frees the texts of
 * *ret, which a NULL ends, and *ret with free(3).
 *
 * *ret is empty where there is no such way in, no such folder, and no such
 * name. VMCTL_TIMEOUT when the names are not all there in time; VMCTL_STATE,
 * VMCTL_NOT_FOUND of the instance.
 */
VMCTL_API int vmctl_copy_names(struct vmctl *ctx, const char *name,
			       const char *user, const char *path,
			       long timeout_ms, char ***ret,
			       struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
