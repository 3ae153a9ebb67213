/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

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

#ifdef __cplusplus
}
#endif
#endif
