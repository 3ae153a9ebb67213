/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/openssh.h"

#include "base/proc.h"
#include "driver/ssh.h"

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

int openssh_config(const char *file, const char *host, const struct events *ev,
		   char ***ret, struct vmctl_error *err)
{
	const char *const with[] = {
		"ssh", "-F", file, "-G", "--", host, NULL
	};
	const char *const without[] = { "ssh", "-G", "--", host, NULL };
	const struct proc_spec spec = {
		.argv = file ? with : without,
		.timeout_ms = CHECK_MS,
		.cancelled = ev ? ev->cancelled : NULL,
		.data = ev ? ev->data : NULL,
	};
	auto_strv char **lines = strv_dup(NULL);
	auto_str out = STR_INIT;
	int r = lines ? proc_check(&spec, &out, err) : fail_oom(err);

	if (r < 0)
		return r;
	for (char *p = (char *)str_text(&out); *p;) {
		char *end = p + strcspn(p, "\n");
		bool last = !*end;

		*end = '\0';
		if (strv_append(&lines, p) < 0)
			return fail_oom(err);
		p = last ? end : end + 1;
	}
	*ret = take_ptr(&lines);
	return 0;
}

const char *openssh_option(char **lines, const char *keyword)
{
	size_t n = strlen(keyword);

	for (; *lines; lines++)
		if (str_starts(*lines, keyword) && (*lines)[n] == ' ')
			return *lines + n + 1;
	return "";
}

/* Of the values of IdentityAgent, `ssh -G` leaves these as they stand. */
static const char *agent_path(const char *setting)
{
	const char *path = str_eq(setting, "none") ? NULL
			   : *setting == '$'	   ? getenv(setting + 1)
						   : setting;

	return path && *path ? path : NULL;
}

static char *before_ssh_add(const char *path)
{
	const char *const argv[] = { path, NULL };
	auto_free char *quoted = path ? ssh_quote_argv(argv) : NULL;

	if (!path)
		return strdup("name an agent by IdentityAgent in "
			      "~/.ssh/config, then: ");
	return quoted ? str_printf("SSH_AUTH_SOCK=%s ", quoted) : NULL;
}

void openssh_agent(const char *host, const struct events *ev,
		   struct ssh_agent *ret)
{
	auto_strv char **lines = NULL;
	struct vmctl_error why;
	const char *usual = getenv("SSH_AUTH_SOCK");

	*ret = (struct ssh_agent){ 0 };
	if (openssh_config(NULL, host, ev, &lines, &why) < 0) {
		log_info(ev, "which agent ssh asks is not known: %s",
			 why.message);
		return;
	}
	const char *setting = openssh_option(lines, "identityagent");
	if (!*setting || str_eq(setting, "SSH_AUTH_SOCK"))
		return;
	const char *path = agent_path(setting);
	if (path && usual && str_eq(path, usual))
		return;
	ret->prefix = before_ssh_add(path);
	ret->path = path ? strdup(path) : NULL;
	ret->setting = strdup(setting);
	if (!ret->prefix || !ret->setting || (path && !ret->path))
		openssh_agent_done(ret);
}

void openssh_agent_done(struct ssh_agent *agent)
{
	free(agent->setting);
	free(agent->path);
	free(agent->prefix);
	*agent = (struct ssh_agent){ 0 };
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
