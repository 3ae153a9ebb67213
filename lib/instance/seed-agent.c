/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/module.h"
#include "instance/instance.h"
#include "internal/config.h"
#include "internal/host.h"

/*
 * vmctl's agent for guests whose image does not have it: a file, a unit, and a
 * rule that starts it whenever the port is there. At the first boot, when the
 * port was there before the rule, cloud-init starts it at last. Where there is
 * no systemd it stays out of the way, and ssh is the way in.
 */
#define AGENT_MAX (4 << 20)
#define AGENT_PATH "/usr/local/sbin/vmctl-agent"

/* A command that the guest's kernel kills for want of memory is no reason to
 * end the agent; an agent without a port is not to be started again and again.
 */
static const char unit[] = "[Unit]\n"
			   "Description=Runs commands for vmctl on the host\n"
			   "Documentation=man:vmctl-exec(1)\n"
			   "\n"
			   "[Service]\n"
			   "ExecStart=" AGENT_PATH " --wait 10\n"
			   "Restart=on-abnormal\n"
			   "RestartSec=1\n"
			   "OOMPolicy=continue\n"
			   "TasksMax=infinity\n";

static const char rule[] =
	"SUBSYSTEM==\"virtio-ports\", ATTR{name}==\"" HV_AGENT "\", "
	"TAG+=\"systemd\", ENV{SYSTEMD_WANTS}+=\"vmctl-agent.service\"\n";

static const char start[] =
	"[ ! -d /run/systemd/system ] || { systemctl daemon-reload && "
	"systemctl start --no-block vmctl-agent.service; } || :";

int draft_agent(struct vmctl *ctx, struct draft *d, struct vmctl_error *err)
{
	const struct config *config;
	int r = context_config(ctx, &config, err);

	if (r < 0 || !d->image_wants_agent ||
	    str_eq(config_text(config, "agent"), "off"))
		return r;
	auto_free char *path = str_printf("%s/agent/vmctl-agent-%s.gz",
					  module_dir(), host_arch());
	if (!path)
		return fail_oom(err);
	if (access(path, R_OK) == 0)
		d->agent = take_ptr(&path);
	else
		log_debug(&ctx->ev, "the guest gets no agent: there is no %s",
			  path);
	return 0;
}

static json_t *file(const char *path, const char *mode, const char *encoding,
		    const char *content)
{
	json_t *o =
		json_pack("{s:s, s:s, s:s, s:s}", "path", path, "owner",
			  "root:root", "permissions", mode, "content", content);

	if (o && encoding &&
	    json_object_set_new(o, "encoding", json_string(encoding)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* A dry run shows that it comes, not what it is made of. */
static int content(const struct draft *d, char **ret, struct vmctl_error *err)
{
	auto_str bytes = STR_INIT;
	int r;

	if (d->dry) {
		*ret = strdup("(vmctl's agent)");
		return *ret ? 0 : fail_oom(err);
	}
	r = file_read(d->agent, AGENT_MAX, &bytes, err);
	if (r < 0)
		return r;
	*ret = base64_encode(str_text(&bytes), bytes.len);
	return *ret ? 0 : fail_oom(err);
}

int seed_add_agent(const struct draft *d, json_t *doc, struct vmctl_error *err)
{
	auto_free char *text = NULL;
	int r = d->agent ? content(d, &text, err) : 0;

	if (r < 0 || !d->agent)
		return r;
	json_t *files =
		json_pack("[o, o, o]", file(AGENT_PATH, "0755", "gz+b64", text),
			  file("/etc/systemd/system/vmctl-agent.service",
			       "0644", NULL, unit),
			  file("/etc/udev/rules.d/60-vmctl-agent.rules", "0644",
			       NULL, rule));
	json_t *commands = json_pack("[[s, s, s]]", "sh", "-c", start);
	if (json_object_set_new(doc, "write_files", files) < 0 ||
	    json_object_set_new(doc, "runcmd", commands) < 0)
		return fail_oom(err);
	return 0;
}
