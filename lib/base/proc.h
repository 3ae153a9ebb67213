/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

/* Running programs: an argument list, never a shell. */

struct proc_spec {
	const char *const *argv; /* argv[0] is looked up on PATH */
	long timeout_ms;	 /* 0: 5 minutes */
	size_t max_output; /* of each stream; 0: 4 MiB. Excess is dropped */
	bool (*cancelled)(void *data); /* may be NULL */
	void *data;
};

struct proc_result {
	int status; /* exit status, or 128 + signal */
	struct str out, err;
};

void proc_result_done(struct proc_result *r);

/* Runs to the end with standard input from /dev/null. The child gets the
 * environment with LC_ALL=C and dies with its parent (PR_SET_PDEATHSIG). A
 * non-zero exit is not a failure of the call. VMCTL_NOT_FOUND when the program
 * is not installed; VMCTL_TIMEOUT, VMCTL_CANCELLED after killing it. */
int proc_run(const struct proc_spec *spec, struct proc_result *ret,
	     struct vmctl_error *err);

/* Like proc_run, but a non-zero exit fails with the program's last line of
 * error output, and *ret_out (may be NULL) gets standard output. */
int proc_check(const struct proc_spec *spec, struct str *ret_out,
	       struct vmctl_error *err);

/* A program that has the terminal, such as an editor: with our standard
 * descriptors and environment, waited for without limit. An interrupt from the
 * keyboard is for it alone. *ret_status as in struct proc_result. */
int proc_interactive(const char *const *argv, int *ret_status,
		     struct vmctl_error *err);

/* Runs `body` in a copy of this process (fork(2)) that goes on by itself: in a
 * session of its own, at /, with signals as at a start, called `name` by ps,
 * with /dev/null for the standard descriptors and none of the others but those
 * in `keep`. It ends with `body`, without the handlers of exit(3). Threads are
 * not copied: `body` may use nothing that another one may have been using. */
int proc_detach(const char *name, const int *keep, size_t n,
		void (*body)(void *data), void *data, struct vmctl_error *err);

/* The identity of a process that outlives pid reuse: field 22 of
 * /proc/PID/stat (proc(5)) in clock ticks since boot. 0 when it is gone. */
uint64_t proc_start_time(pid_t pid);

/* Whether the process of that identity still runs. */
bool proc_alive(pid_t pid, uint64_t start_time);

/* /proc/sys/kernel/random/boot_id, read once. "" when unreadable. */
const char *proc_boot_id(void);

#endif
