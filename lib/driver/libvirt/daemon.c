/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/*
 * libvirt asks again what QEMU can do, for seconds, whenever KVM answered root
 * while its own user for QEMU may not open the device: at every single call.
 * That user cannot use it anyway, so the daemon is started where the device is
 * hidden behind an empty file of root's; and where QEMU gets no /dev of its
 * own, as libvirt 9.0 fails to carry that mount over.
 */
#define QEMU_CONF "/etc/libvirt/qemu.conf"

static bool kvm_for_root_only(void)
{
	struct stat st;
	struct passwd *pw = getpwnam("libvirt-qemu");
	int groups[64], n = 64;

	if (stat("/dev/kvm", &st) < 0 || !pw || (st.st_mode & 006) == 006)
		return false;
	if (getgrouplist(pw->pw_name, pw->pw_gid, (gid_t *)groups, &n) < 0)
		return false;
	for (int i = 0; i < n && (st.st_mode & 060) == 060; i++)
		if ((gid_t)groups[i] == st.st_gid)
			return false;
	return true;
}

/* Bind mounts a file of these contents over `path`. The file stays: what is
 * mounted needs a name. */
static int cover(const char *path, const char *file, const char *text)
{
	if (file_write_atomic(file, text, strlen(text), 0600, NULL) < 0)
		return -1;
	return mount(file, path, NULL, MS_BIND, NULL);
}

static int hide_kvm(void)
{
	auto_str conf = STR_INIT;

	if (file_read(QEMU_CONF, 1 << 20, &conf, NULL) < 0)
		return -1;
	str_add(&conf, "\nnamespaces = []\n");
	if (conf.oom || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    cover(QEMU_CONF, "/run/vmctl-qemu.conf", str_text(&conf)) < 0)
		return -1;
	return cover("/dev/kvm", "/run/vmctl-no-kvm", "");
}

/* In a child, whose mounts are its own. */
static int start_without_kvm(const char *const *argv, const struct events *ev,
			     struct vmctl_error *err)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (hide_kvm() < 0)
			log_debug(ev, "cannot hide /dev/kvm");
		_exit(start(argv, ev, NULL) < 0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status)
		return fail(err, VMCTL_HYPERVISOR, 0, "cannot start %s",
			    argv[0]);
	return 0;
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
		r = kvm_for_root_only() ? start_without_kvm(daemon, ev, err)
					: start(daemon, ev, err);
	if (r == 0)
		r = wait_for(main_socket, err);
	if (r == 0)
		*ret_started = true;
	return r;
}
