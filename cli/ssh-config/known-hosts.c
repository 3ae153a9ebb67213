/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/render.h"
#include "cli/ssh-config/ssh-config.h"

/*
 * ssh's KnownHostsCommand: the host key of an instance, under whatever name ssh
 * looks for. ssh asks twice: for the order in which to offer algorithms, and
 * again with the fingerprint of the key that it met.
 *
 * A key that is not the pinned one is ssh's to refuse, which it does when it is
 * told of no key, or of another: here it is said what to do then.
 */

#define CONTACT_MS 30000

struct known_options {
	const char *name, *search, *reason, *seen;
	struct strings pins;
};

static const struct argument args[] = {
	ARG_ONE(struct known_options, name, .name = "NAME",
		.help = "name or id of an instance"),
	ARG_ONE(struct known_options, search, .name = "SEARCH",
		.help = "what ssh calls it"),
	ARG_ONE(struct known_options, reason, .name = "REASON",
		.help = "ORDER, HOSTNAME or ADDRESS"),
	ARG_ONE(struct known_options, seen, .name = "FINGERPRINT",
		.help = "of the key that ssh met, or NONE"),
	ARG_MANY(struct known_options, pins, .name = "PIN", .optional = true,
		 .help = "NAME=VALUE of the environment"),
	ARG_END,
};

/* The words come from ssh, and so from whoever typed the host's name. */
static bool fits_a_line(const char *text)
{
	return *text && !text[strcspn(text, " \t\r\n,*?!#")];
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct known_options *o = data;
	auto_free char *key = NULL, *line = NULL;
	/* With FingerprintHash md5 there is nothing to compare with. */
	const char *seen = str_starts(o->seen, "SHA256:") ? o->seen : NULL;
	bool ordering = str_eq(o->reason, "ORDER");
	struct vmctl *ctx;
	int r = take_pins(&o->pins, err);

	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r < 0)
		return r;
	if (!fits_a_line(o->search))
		return fail(err, VMCTL_INVALID, 0, "'%s' is not a host's name",
			    o->search);
	r = vmctl_instance_host_key(
		ctx, o->name, seen,
		ordering ? -1 : cli_timeout(cli, CONTACT_MS), &key, err);
	if (r < 0)
		return r;
	line = *key ? str_printf("%s %s\n", o->search, key) : strdup("");
	return line ? render_text(cli->out, line, false, err) : fail_oom(err);
}

const struct command cmd_known_hosts = {
	.path = "__known-hosts",
	.summary = "tell ssh a host key",
	.group = GROUP_HIDDEN,
	.flags = COMMAND_NO_CONFIG,
	.args = args,
	.opts_size = sizeof(struct known_options),
	.run = run,
};
