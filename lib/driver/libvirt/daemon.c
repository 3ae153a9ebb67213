/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "driver/libvirt/libvirt.h"

/*
 * For root, qemu:///session is the system's daemon, which libvirt does not
 * start on demand: a service manager does. In a container there is none, so
 * vmctl starts what is needed itself. virtlogd comes first: libvirtd waits for
 * minutes for it when a console is to be recorded.
 */
static bool have_service_manager(void)
{
	/* sd_booted(3) looks at the same folder. */
	return access("/run/systemd/system", F_OK) == 0;
}

/* A daemon detaches with -d once it listens; it is no child of ours from then
 * on and ends by itself when idle. Where one runs already a second refuses to
 * start, which is as good: whether the socket answers is what counts. */
static int start(const char *const *argv, const struct events *ev,
		 struct vmctl_error *err)
{
	struct proc_spec spec = { .argv = argv, .timeout_ms = 30000 };
	struct proc_result res = { 0 };

	log_info(ev, "no libvirt daemon answers: starting %s", argv[0]);
	int r = proc_run(&spec, &res, err);
	proc_result_done(&res);
	return r;
}

static int wait_for(const char *socket, struct vmctl_error *err)
{
	struct wait w = wait_begin(10000, 100);

	while (access(socket, F_OK) < 0)
		if (!wait_more(&w))
			return fail(err, VMCTL_HYPERVISOR, 0,
				    "%s did not appear", socket);
	return 0;
}

int daemon_start(const char *uri, const struct events *ev, bool *ret_started,
		 struct vmctl_error *err)
{
	static const char log_socket[] = "/run/libvirt/virtlogd-sock";
	static const char main_socket[] = "/run/libvirt/libvirt-sock";
	const char *const logd[] = { "/usr/sbin/virtlogd", "-d", NULL };
	const char *const daemon[] = { "/usr/sbin/libvirtd", "-d", "--timeout",
				       "120", NULL };
	int r;

	*ret_started = false;
	if (geteuid() != 0 || have_service_manager() ||
	    !str_starts(uri, "qemu:///"))
		return 0;
	r = start(logd, ev, err);
	if (r == 0)
		r = wait_for(log_socket, err);
	if (r == 0)
		r = start(daemon, ev, err);
	if (r == 0)
		r = wait_for(main_socket, err);
	if (r == 0)
		*ret_started = true;
	return r;
}
