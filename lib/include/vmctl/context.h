/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_CONTEXT_H
#define VMCTL_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <vmctl/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The context: where the state lives, which hypervisor is meant, and how the
 * library speaks to its caller. Nothing is opened when it is made; the
 * database and the connection are opened by the first call that needs them.
 * One context is for one thread.
 */
struct vmctl;

enum vmctl_log_level {
	VMCTL_LOG_ERROR,
	VMCTL_LOG_WARN,
	VMCTL_LOG_NOTE,	 /* what a person wants to know, all being well */
	VMCTL_LOG_INFO,	 /* what is being done: -v */
	VMCTL_LOG_DEBUG, /* how: -vv */
};

struct vmctl_options {
	size_t size; /* sizeof(struct vmctl_options): lets it grow */

	/* Folder that holds everything (VMCTL_HOME), or NULL for the XDG base
	 * directories. Borrowed for the call. */
	const char *home;

	/* libvirt connection URI, or NULL for that of the settings, which is
	 * "qemu:///session" unless the user changed it. */
	const char *uri;

	/* How long to wait for a lock held by another process, in
	 * milliseconds; negative means the default of 10 seconds. */
	long lock_timeout_ms;

	/* Called with one line of text, without a line feed. May be NULL. */
	void (*log)(void *data, enum vmctl_log_level level, const char *text);

	/* Called while something slow goes on; `text` names the phase, and what
	 * follows a line feed in it is a detail that changes often, such as the
	 * last line on a guest's console. May be called often. May be NULL. total is 0 where it is not known; text is
	 * NULL when it is over though the call goes on, as before a session in
	 * the guest begins. */
	void (*progress)(void *data, const char *text, unsigned long long done,
			 unsigned long long total);

	/* Asked in every wait; true makes the call fail with VMCTL_CANCELLED
	 * after undoing what it made. May be NULL. */
	bool (*cancelled)(void *data);

	/* How this process calls itself in locks and intents that another
	 * process may have to name, for example "vmctl create web1". */
	const char *command;

	void *data; /* first argument of the callbacks */

	/* Asked for a secret that only a person knows: the passphrase of a
	 * private key. Shows `prompt`, a text without line feed, and puts what
	 * is typed, unseen, as a string into the `size` bytes at `answer`,
	 * which the library wipes after use. false when there is nobody to ask
	 * or no answer is given. NULL: such keys are left to the ssh agent. */
	bool (*ask)(void *data, const char *prompt, char *answer, size_t size);

	/* Only to have a look, as completion does while somebody types: where
	 * there is no database none is made, and the first call that needs it
	 * fails with VMCTL_NOT_FOUND; one that is locked is waited for no
	 * longer than lock_timeout_ms. */
	bool glance;

	/* How long a hypervisor that hangs is waited for before the call that
	 * needs it fails: with VMCTL_HYPERVISOR when it is libvirt's daemon that
	 * says nothing, VMCTL_TIMEOUT when it is the process of one machine. At
	 * least a few seconds; 0: as long as a busy one may take. */
	long answer_timeout_ms;
};

/* Makes a context. `opts` may be NULL for the defaults. The caller frees
 * *ret with vmctl_free(). Fails with VMCTL_INVALID when no home directory can
 * be found, VMCTL_NO_MEMORY. */
VMCTL_API int vmctl_new(const struct vmctl_options *opts, struct vmctl **ret,
			struct vmctl_error *err);

/* Closes what is open. NULL is allowed. */
VMCTL_API void vmctl_free(struct vmctl *ctx);

/* The version of the library, for example "0.1.0". */
VMCTL_API const char *vmctl_version(void);

/* The folder that holds the database and the keys. Borrowed from the
 * context. */
VMCTL_API const char *vmctl_data_dir(struct vmctl *ctx);

/* The file that a command notes its errors and warnings in, or NULL. The
 * library itself does not write it. Borrowed from the context. */
VMCTL_API const char *vmctl_log_path(struct vmctl *ctx);

#ifdef __cplusplus
}
#endif
#endif
