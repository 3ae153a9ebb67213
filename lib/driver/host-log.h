/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HOST_LOG_H
#define DRIVER_HOST_LOG_H

#include <stddef.h>
#include <sys/types.h>

/*
 * What this host has noted of a machine, as far as the caller may read it.
 * Whatever cannot be read is passed over.
 */

/* Words that tell a machine's lines from others, such as its id, its UUID and
 * "pid=123"; NULL-terminated. */
struct host_log_names {
	const char *const *words;
};

/* The last lines, the oldest first, by which the kernel or the audit daemon
 * refused something to one of these: AppArmor, SELinux, seccomp, cgroups. At
 * most `most`, fit for a terminal. NULL only when memory is short; the caller
 * frees the list with strv_free(). Takes a second at most. */
char **host_log_denials(const struct host_log_names *names, size_t most);

/* The last lines that QEMU itself wrote since the last start of the machine,
 * out of libvirt's log of it; without its command line. Likewise. */
char **host_log_qemu(const char *domain, int session, size_t most);

/* The QEMU process of a domain, by its command line, or 0; and for how many
 * seconds it runs. Processes of users who could not have been chosen to run a
 * machine with this disk do not count. */
pid_t host_qemu_process(const char *domain, const char *disk,
			long *ret_seconds);

#endif
