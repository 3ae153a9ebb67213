/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_EXECUTION_H
#define VMCTL_EXECUTION_H

#include <stddef.h>
#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Executions: the record of what was run in guests by vmctl_instance_exec(),
 * kept for as many days as the setting keep-days says. Argument lists are
 * recorded, environments and streams are not.
 */
enum vmctl_execution_state {
	VMCTL_EXECUTION_RUNNING,
	VMCTL_EXECUTION_DONE,	/* it has an exit status */
	VMCTL_EXECUTION_FAILED, /* it has none; `error` says why */
	VMCTL_EXECUTION_LOST,	/* its vmctl died before the end was known */
};

struct vmctl_execution {
	int64_t id;
	enum vmctl_execution_state state;
	char *instance; /* id */
	char *name;	/* of the instance, as it was then */
	char *user;
	char **argv;	 /* any bytes; NULL-terminated; none: a login shell */
	char *transport; /* "agent", "ssh", or empty when none was entered */
	int64_t pid;	 /* of the vmctl that ran it */
	int64_t started_at_ms; /* milliseconds since the epoch */
	int64_t duration_ms;   /* -1: not known */
	int64_t status;	       /* as struct vmctl_exit has it; -1: none */
	int64_t signal;
	bool timed_out;
	int64_t bytes_in, bytes_out, bytes_err;
	char *error; /* why there is no status, or empty */
};

struct vmctl_execution_list {
	size_t count;
	struct vmctl_execution **items;
};

VMCTL_API void vmctl_execution_free(struct vmctl_execution *e);
VMCTL_API void vmctl_execution_list_free(struct vmctl_execution_list *list);

struct vmctl_execution_filter {
	size_t size;
	const char *instance; /* name or id, also of one that is gone; NULL */
	int64_t limit;	      /* the newest so many; 0: all */
	bool failed;	      /* only what did not end with 0 */
};

/* The oldest first. `filter` may be NULL. VMCTL_NOT_FOUND for an instance that
 * neither is nor has a record. The caller frees *ret. */
VMCTL_API int vmctl_execution_list(struct vmctl *ctx,
				   const struct vmctl_execution_filter *filter,
				   struct vmctl_execution_list **ret,
				   struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
