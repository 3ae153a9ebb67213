/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/openssh.h"

#include "base/proc.h"

#define CHECK_MS 10000

char *openssh_version(void)
{
	static const char *const argv[] = { "ssh", "-V", NULL };
	const struct proc_spec spec = { .argv = argv, .timeout_ms = CHECK_MS };
	struct proc_result out = { 0 };
	char *text = NULL;

	if (proc_run(&spec, &out, NULL) == 0) {
		const char *line = str_text(&out.err);

		text = strndup(line, strcspn(line, ",\n"));
		proc_result_done(&out);
	}
	return text;
}

int openssh_check(const char *file, const struct events *ev,
		  struct vmctl_error *err)
{
	const char *const argv[] = { "ssh", "-F", file, "-G", "vmctl", NULL };
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = CHECK_MS,
		.cancelled = ev ? ev->cancelled : NULL,
		.data = ev ? ev->data : NULL,
	};
	struct vmctl_error why;
	int r = proc_check(&spec, NULL, &why);

	if (r == -VMCTL_NOT_FOUND || r == -VMCTL_CANCELLED) {
		if (err)
			*err = why;
		return r;
	}
	if (r == 0)
		return 0;
	auto_free char *which = openssh_version();
	fail(err, VMCTL_UNSUPPORTED, 0,
	     "the ssh here (%s) does not understand what it is to read: %s",
	     which && *which ? which : "of unknown version", why.message);
	fail_hint(err, "OpenSSH 8.5 or newer is needed");
	return -VMCTL_UNSUPPORTED;
}
