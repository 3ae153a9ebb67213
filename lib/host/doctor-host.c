/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/units.h"
#include "driver/host-log.h"
#include "driver/kvm.h"
#include "host/doctor.h"
#include "host/host.h"
#include "internal/config.h"

/* What the host gives. */

#define KVM_NODE "/dev/kvm"

/* --- KVM ------------------------------------------------------------------ */

/* What the loop of the probe takes on real hardware. */
#define PROBE_USUAL_NS 10000

/* Whether the processor can do it, whatever the kernel makes of it. */
static bool processor_virtualises(void)
{
	auto_str text = STR_INIT;

	return file_read("/proc/cpuinfo", 4 << 20, &text, NULL) == 0 &&
	       (strstr(str_text(&text), " vmx ") ||
		strstr(str_text(&text), " svm "));
}

/* Measured anew: what was remembered may be the very thing that is wrong. */
void check_kvm(struct doctor *d)
{
	struct kvm_verdict v = { 0 };

	kvm_probe(&v);
	if (v.usable) {
		say_ok(d, "machines run on the processor: %s", v.reason);
		return;
	}
	if (v.probe_ns)
		say_note(d,
			 "machines are emulated, as KVM is %lld times slower "
			 "here than on hardware: a probe loop took %.1f ms",
			 (long long)(v.probe_ns / PROBE_USUAL_NS),
			 (double)v.probe_ns / 1000000);
	else
		say_note(d, "machines are emulated, which is slow: %s",
			 v.reason);
	if (access(KVM_NODE, F_OK) < 0 && processor_virtualises())
		doctor_type(d, "sudo modprobe kvm_intel || sudo modprobe "
			       "kvm_amd");
}

/* --- groups --------------------------------------------------------------- */

/* In the file already, so that a new login has it. */
static bool is_listed(const struct group *g, const char *user)
{
	for (char **m = g->gr_mem; user && *m; m++)
		if (str_eq(*m, user))
			return true;
	return false;
}

void check_groups(struct doctor *d)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct stat st;

	if (access(KVM_NODE, F_OK) < 0) {
		say_ok(d, "there is no " KVM_NODE " to be allowed to use");
		return;
	}
	if (access(KVM_NODE, R_OK | W_OK) == 0) {
		say_ok(d, "you may use " KVM_NODE);
		return;
	}
	const struct group *g =
		stat(KVM_NODE, &st) == 0 ? getgrgid(st.st_gid) : NULL;
	const char *name = g ? g->gr_name : "kvm";

	if (g && is_listed(g, pw ? pw->pw_name : NULL)) {
		say_warning(d,
			    "you are in the group %s since your last login, "
			    "and not yet here",
			    name);
		doctor_type(d, "newgrp %s, or log in again", name);
		return;
	}
	say_warning(d,
		    "you may not use " KVM_NODE ", which belongs to the "
		    "group %s",
		    name);
	doctor_type(d, "sudo usermod -aG %s %s, and log in again", name,
		    pw ? pw->pw_name : "$USER");
}

/* --- room ----------------------------------------------------------------- */

void check_memory(struct doctor *d)
{
	const char *name = config_text(d->config, "type");
	int64_t reserve = config_number(d->config, "reserve.memory");
	char have[SIZE_TEXT], total[SIZE_TEXT], keep[SIZE_TEXT];
	struct host_memory m;
	struct vmctl_type type = { 0 };
	struct vmctl_error why = { 0 };

	if (host_meminfo_read(MEMINFO, &m, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_WARNING, &why);
		return;
	}
	format_size(m.available, have);
	format_size(m.total, total);
	if (config_type(d->config, name, &type, NULL) < 0 || !reserve ||
	    m.available - type.memory >= reserve) {
		say_ok(d, "%s of %s are available", have, total);
		return;
	}
	say_warning(d,
		    "%s of %s are available, of which %s stay in reserve: a "
		    "new %s is refused",
		    have, total, format_size(reserve, keep), name);
	doctor_type(d, "stop an instance, or vmctl config set reserve.memory "
		       "SIZE");
}

/* Below that the database itself cannot be written. */
#define DISK_LEAST (INT64_C(64) << 20)

void check_disk(struct doctor *d)
{
	int64_t reserve = config_number(d->config, "reserve.disk");
	const char *folder = context_storage(d->ctx);
	char have[SIZE_TEXT], total[SIZE_TEXT], keep[SIZE_TEXT];
	struct vmctl_error why = { 0 };
	struct host_disk disk;

	if (host_disk_read(folder, &disk, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	format_size(disk.available, have);
	format_size(disk.total, total);
	if (disk.available < DISK_LEAST) {
		say_problem(d, "only %s of %s are free for %s", have, total,
			    folder);
		doctor_type(d, "delete instances or images, or move the "
			       "storage");
	} else if (reserve && disk.available < reserve) {
		say_warning(d,
			    "%s of %s are free for %s, and %s have to stay "
			    "free: new instances are refused",
			    have, total, folder, format_size(reserve, keep));
		doctor_type(d, "delete instances or images, or vmctl config "
			       "set reserve.disk SIZE");
	} else {
		say_ok(d, "%s of %s are free for %s", have, total, folder);
	}
}

/* --- what the kernel refused ---------------------------------------------- */

static void say_denial(struct doctor *d, const char *line)
{
	if (strstr(line, "apparmor=")) {
		say_warning(d, "AppArmor refused QEMU something: %s", line);
		doctor_type(d, "sudo journalctl -k --grep 'apparmor=\"DENIED\"'"
			       "; what QEMU may do stands in "
			       "/etc/apparmor.d/local/abstractions/"
			       "libvirt-qemu");
	} else if (strstr(line, "avc:")) {
		say_warning(d, "SELinux refused QEMU something: %s", line);
		doctor_type(d,
			    "sudo ausearch -m avc -ts recent, and sudo "
			    "restorecon -R %s",
			    context_storage(d->ctx));
	} else {
		say_warning(d, "the kernel ended or refused QEMU something: %s",
			    line);
		doctor_type(d, "vmctl host stats");
	}
}

void check_denials(struct doctor *d)
{
	static const char *const words[] = { "qemu-system", "qemu-kvm",
					     "virt-aa-helper", "svirt_t",
					     NULL };
	const struct host_log_names names = { words };
	auto_strv char **lines = host_log_denials(&names, 1);

	if (lines && lines[0])
		say_denial(d, lines[0]);
	else
		say_ok(d, "none of QEMU, as far as you may read the kernel's "
			  "log");
}
