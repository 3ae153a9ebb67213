/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The serial console of an instance: a session on it, and the record that is
 * kept of all that the guest writes there.
 */

struct vmctl_console {
	size_t size;
	int in;	    /* descriptor; -1: nothing is typed */
	int out;    /* descriptor */
	int escape; /* the byte that leaves, where `in` is a terminal: 0x1d is
		     * Ctrl-]; -1: none */
	bool force; /* takes it over from whoever has it */
	long timeout_ms; /* 0: none */
	long linger_ms;	 /* how long the guest may be silent after the end of
			  * an input that is no terminal; negative: for ever */
	void (*opened)(void *data); /* called when it is, before the terminal
				     * is made raw; may be NULL */
	void *data;
};

enum vmctl_console_end {
	VMCTL_CONSOLE_LEFT, /* by the escape, at the end of the input, or as
			     * nobody reads the output any more */
	VMCTL_CONSOLE_OFF,  /* the machine went off */
};

/*
 * Relays bytes as they are between descriptors and the first serial console of
 * a running instance. A terminal at `in` is in raw mode for the time of the
 * call and restored in every case.
 *
 * VMCTL_STATE when it does not run. VMCTL_BUSY when somebody else is on the
 * console, naming the process where it is one of vmctl's, and when another took
 * it over. VMCTL_TIMEOUT, VMCTL_CANCELLED, VMCTL_HYPERVISOR.
 */
VMCTL_API int vmctl_console_open(struct vmctl *ctx, const char *name,
				 const struct vmctl_console *what,
				 enum vmctl_console_end *ret,
				 struct vmctl_error *err);

/*
 * The record. It is kept for each start of the machine by vmctl apart; what a
 * guest writes after a reboot of its own, or after a start by other means,
 * belongs to the start before. How much is kept is said by the settings
 * logs.size, logs.boots and logs.deleted. It needs no hypervisor, and outlives
 * the instance for as long as the instance's own record does.
 *
 * In all calls below `name` may be that of a deleted instance, of which the
 * last one counts, when no other has it now.
 */

struct vmctl_boot {
	int64_t index;	    /* 0: the newest, -1: the one before … */
	int64_t number;	    /* the first start ever is 1 */
	int64_t started_at; /* epoch; 0: not known */
	int64_t written_at; /* of the last output; 0: none */
	int64_t size;	    /* bytes kept */
	char *ended;	    /* how, in words; empty: not known, or it runs */
};

struct vmctl_boot_list {
	size_t count;
	struct vmctl_boot *items; /* the oldest first */
};

VMCTL_API void vmctl_boot_list_free(struct vmctl_boot_list *list);

/* Whose record it is. *ret_deleted (may be NULL): only the record is left. The
 * caller frees *ret_id. */
VMCTL_API int vmctl_console_find(struct vmctl *ctx, const char *name,
				 char **ret_id, bool *ret_deleted,
				 struct vmctl_error *err);

VMCTL_API int vmctl_console_boots(struct vmctl *ctx, const char *name,
				  struct vmctl_boot_list **ret,
				  struct vmctl_error *err);

struct vmctl_console_log {
	size_t size;
	/* Which starts: the index as in struct vmctl_boot, or the number where
	 * it is positive. `last` is not looked at with `follow`. */
	int64_t first, last;
	int64_t lines; /* the last ones only; 0: all */
	/* Goes on with what is written from now on, through starts and stops,
	 * until the instance is deleted. */
	bool follow;

	/* Gets the bytes in order, as the guest wrote them; n is 0 when there
	 * is nothing more for now. 0, 1: enough was read, or -code with *err
	 * set; the call ends with anything but 0. */
	int (*put)(void *data, const char *bytes, size_t n,
		   struct vmctl_error *err);
	void *data;
	int out; /* when its reader goes away following ends; -1: none */
};

/*
 * Reads the record. VMCTL_STATE when there is none, VMCTL_NOT_FOUND when a
 * start is not, or not any more, VMCTL_DENIED when a file of it belongs to
 * another user. *ret_gone (may be NULL): followed until the instance was
 * deleted.
 */
VMCTL_API int vmctl_console_log(struct vmctl *ctx, const char *name,
				const struct vmctl_console_log *what,
				bool *ret_gone, struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
