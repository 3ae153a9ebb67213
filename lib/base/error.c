/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* One row for each code: everything else about errors is read from here. */
static const struct {
	const char *name;
	int exit;
	const char *summary;
} codes[VMCTL_CODE_COUNT] = {
	[VMCTL_OK] = { "ok", 0, "done" },
	[VMCTL_FAILED] = { "failed", 1,
			   "an outside program or system call failed" },
	[VMCTL_INVALID] = { "invalid", 2,
			    "an argument has the wrong form or range" },
	[VMCTL_NOT_FOUND] = { "not-found", 3,
			      "the thing named does not exist" },
	[VMCTL_EXISTS] = { "exists", 4, "the name is taken" },
	[VMCTL_BUSY] = { "busy", 4, "another process is at work on it" },
	[VMCTL_STATE] = { "state", 4,
			  "not possible in the state that it is in" },
	[VMCTL_IN_USE] = { "in-use", 4, "something else depends on it" },
	[VMCTL_TIMEOUT] = { "timeout", 5,
			    "the time ran out; what was made is kept" },
	[VMCTL_PARTIAL] = { "partial", 6, "some of several targets failed" },
	[VMCTL_HYPERVISOR] = { "hypervisor", 7,
			       "the hypervisor is missing, unreachable or not "
			       "permitted" },
	[VMCTL_LIMIT] = { "limit", 8, "refused by a limit of the host" },
	[VMCTL_BAD_DATA] = { "bad-data", 1,
			     "the contents of a file are not acceptable" },
	[VMCTL_DENIED] = { "denied", 1, "permission was refused" },
	[VMCTL_NO_MEMORY] = { "no-memory", 1, "out of memory" },
	[VMCTL_UNSUPPORTED] = { "unsupported", 1,
				"not possible on this host or connection" },
	[VMCTL_CANCELLED] = { "cancelled", 130, "interrupted" },
	[VMCTL_TRANSPORT] = { "transport", 255,
			      "the way into the guest failed" },
	[VMCTL_INTERNAL] = { "internal", 1, "a defect in vmctl" },
};

static const char *const exits[] = {
	[0] = "done",
	[1] = "failed",
	[2] = "wrong usage",
	[3] = "not found",
	[4] = "conflict: it exists, is busy, in use, or in the wrong state",
	[5] = "timed out; what was made is kept",
	[6] = "partial: some targets failed",
	[7] = "hypervisor missing, unreachable or not permitted",
	[8] = "refused by a limit of the host: memory, disk, addresses",
};

static enum vmctl_code known(enum vmctl_code code)
{
	return (unsigned)code < VMCTL_CODE_COUNT ? code : VMCTL_INTERNAL;
}

const char *vmctl_code_name(enum vmctl_code code)
{
	return codes[known(code)].name;
}

const char *vmctl_code_summary(enum vmctl_code code)
{
	return codes[known(code)].summary;
}

int vmctl_code_exit(enum vmctl_code code)
{
	return codes[known(code)].exit;
}

const char *vmctl_exit_summary(int status)
{
	if (status < 0 || (size_t)status >= ARRAY_LEN(exits))
		return NULL;
	return exits[status];
}

/* In place: what would move a terminal's cursor becomes '?', and a character
 * cut in the middle by the size of the buffer goes. */
static void make_safe(char *text)
{
	auto_free char *safe = str_printable(text, strlen(text), false);

	if (safe && strlen(safe) <= strlen(text))
		memcpy(text, safe, strlen(safe) + 1);
}

static int set(struct vmctl_error *err, enum vmctl_code code, int sys_errno,
	       const char *fmt, va_list ap)
{
	if (!err)
		return -(int)code;

	char message[sizeof(err->message)];
	/* Formatted apart: the arguments may point into *err. */
	int n = vsnprintf(message, sizeof(message), fmt, ap);

	if (sys_errno && n >= 0 && (size_t)n < sizeof(message))
		snprintf(message + n, sizeof(message) - (size_t)n, ": %s",
			 strerrordesc_np(sys_errno) ? strerrordesc_np(sys_errno)
						    : "unknown error");
	make_safe(message);
	err->code = code;
	err->sys_errno = sys_errno;
	err->hint[0] = '\0';
	memcpy(err->message, message, sizeof(message));
	return -(int)code;
}

int fail(struct vmctl_error *err, enum vmctl_code code, int sys_errno,
	 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = set(err, code, sys_errno, fmt, ap);
	va_end(ap);
	return r;
}

int fail_oom(struct vmctl_error *err)
{
	return fail(err, VMCTL_NO_MEMORY, 0, "out of memory");
}

int fail_sys(struct vmctl_error *err, int sys_errno, const char *fmt, ...)
{
	enum vmctl_code code = VMCTL_FAILED;
	va_list ap;

	switch (sys_errno) {
	case EACCES:
	case EPERM:
	case EROFS:
		code = VMCTL_DENIED;
		break;
	case ENOMEM:
		code = VMCTL_NO_MEMORY;
		break;
	case ENOSPC:
	case EDQUOT:
		code = VMCTL_LIMIT;
		break;
	}
	va_start(ap, fmt);
	int r = set(err, code, sys_errno, fmt, ap);
	va_end(ap);
	return r;
}

void fail_hint(struct vmctl_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	char hint[sizeof(err->hint)];
	vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	make_safe(hint);
	memcpy(err->hint, hint, sizeof(hint));
}

void fail_prefix(struct vmctl_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	char prefix[256], message[sizeof(err->message) + sizeof(prefix) + 2];
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	snprintf(message, sizeof(message), "%s: %s", prefix, err->message);
	message[sizeof(err->message) - 1] = '\0';
	make_safe(message);
	memcpy(err->message, message, sizeof(err->message));
}
