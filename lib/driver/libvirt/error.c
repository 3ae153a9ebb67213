/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "driver/libvirt/libvirt.h"

static enum vmctl_code code_of(const virError *e)
{
	switch (e->code) {
	case VIR_ERR_NO_DOMAIN:
	case VIR_ERR_NO_NETWORK:
		return VMCTL_NOT_FOUND;
	case VIR_ERR_OPERATION_INVALID:
		return VMCTL_STATE;
	case VIR_ERR_DOM_EXIST:
		return VMCTL_EXISTS;
	case VIR_ERR_OPERATION_TIMEOUT: /* another's job on the domain */
		return VMCTL_BUSY;
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_INVALID_CONN:
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_AUTH_UNAVAILABLE:
	case VIR_ERR_AUTH_CANCELLED:
	case VIR_ERR_RPC:
	case VIR_ERR_NO_CLIENT:
		return VMCTL_HYPERVISOR;
	}
	/* A connection that broke shows as a system error of the RPC layer. */
	if (e->domain == VIR_FROM_RPC)
		return VMCTL_HYPERVISOR;
	return VMCTL_FAILED;
}

/* libvirt's message without the prefix that says nothing to a user; a copy
 * with the line feeds that QEMU's own text brings folded into spaces. */
static char *clean(const char *message)
{
	static const char internal[] = "internal error: ";

	if (str_starts(message, internal))
		message += sizeof(internal) - 1;
	char *copy = strdup(message);
	for (char *p = copy; p && *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = p[1] ? ' ' : '\0';
	return copy;
}

/* How long it is held against the daemon. */
#define HUNG_MS 5000

static _Atomic int64_t hung_at = -HUNG_MS;

bool libvirt_hung(void)
{
	return clock_mono_ms() - hung_at < HUNG_MS;
}

int libvirt_fail_hung(struct vmctl_error *err, const char *what)
{
	hung_at = clock_mono_ms();
	fail(err, VMCTL_HYPERVISOR, 0, "%s: libvirt's daemon does not answer",
	     what);
	fail_hint(err, "vmctl host doctor");
	return -VMCTL_HYPERVISOR;
}

/* libvirt has one code for many things, such as VIR_ERR_SYSTEM_ERROR and
 * VIR_ERR_INTERNAL_ERROR: which of them it was is in its words alone. */
static bool says(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

int libvirt_fail(struct vmctl_error *err, const char *what)
{
	return libvirt_fail_by(virGetLastError(), err, what);
}

int libvirt_fail_by(const virError *e, struct vmctl_error *err,
		    const char *what)
{
	enum vmctl_code code = e ? code_of(e) : VMCTL_FAILED;
	auto_free char *why =
		clean(e && e->message ? e->message : "no reason given");

	if (why && says(why, "keepalive timeout"))
		return libvirt_fail_hung(err, what);
	/* libvirt's own words are those of a socket. */
	fail(err, code, 0, "%s: %s%s", what,
	     code == VMCTL_HYPERVISOR ? "the connection to libvirt is lost: "
				      : "",
	     why ? why : "out of memory");
	if (code == VMCTL_HYPERVISOR)
		fail_hint(err, "vmctl host doctor");
	/* For consoles and channels; libvirt makes the files, not their
	 * directory. */
	else if (why && says(why, "Couldn't create lock file"))
		fail_hint(err, "sudo mkdir -m 1777 /run/lock");
	return -(int)code;
}

int libvirt_fail_open(const char *uri, const virError *e,
		      struct vmctl_error *err)
{
	auto_free char *why =
		clean(e && e->message ? e->message : "no reason given");

	if (!why)
		return fail_oom(err);
	fail(err, VMCTL_HYPERVISOR, 0, "cannot connect to %s: %s", uri, why);
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (strstr(uri, "/session") && geteuid() != 0 && run &&
	    access(run, W_OK | X_OK) < 0)
		fail_hint(err,
			  "XDG_RUNTIME_DIR is %s, which is no folder of "
			  "yours: unset it or mend it",
			  run);
	else if (says(why, "ermission denied") ||
		 (e && e->code == VIR_ERR_AUTH_FAILED) ||
		 (e && e->code == VIR_ERR_AUTH_UNAVAILABLE))
		fail_hint(err, "sudo usermod -aG libvirt $USER and log in "
			       "again, or use -c qemu:///session");
	else if (says(why, "libvirtd") || says(why, "virtqemud") ||
		 says(why, "no connection driver"))
		fail_hint(err, "sudo apt-get install libvirt-daemon "
			       "libvirt-daemon-driver-qemu qemu-system-x86");
	else if (says(why, "libvirt-sock") || says(why, "recv data"))
		fail_hint(err, "sudo systemctl restart libvirtd");
	else
		fail_hint(err, "check the address given with -c or "
			       "VMCTL_CONNECT");
	return -VMCTL_HYPERVISOR;
}
