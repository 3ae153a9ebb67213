/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/openssh.h"
#include "internal/ssh-config.h"
#include "ssh-config/ssh-config.h"

static int fail_look(struct vmctl_error *err, const char *fmt, const char *what)
	__attribute__((format(printf, 2, 0)));
static int fail_look(struct vmctl_error *err, const char *fmt, const char *what)
{
	auto_free char *text = str_printf(fmt, what);

	fail(err, VMCTL_BAD_DATA, 0, "%s", text ? text : what);
	fail_hint(err, "vmctl ssh-config install");
	return -VMCTL_BAD_DATA;
}

/* Whether our line is where it takes effect. */
static int look_at_include(struct vmctl *ctx, const struct record *rec,
			   struct vmctl_error *err)
{
	auto_user_file f = { 0 };
	auto_free char *include = NULL;
	auto_str text = STR_INIT;
	int r = our_include(ctx, &include, err);

	if (r == 0)
		r = user_file_open(rec->file, &f, err);
	if (r == 0)
		r = include_add(&f.text, include, &text, err);
	if (r < 0)
		return r;
	if (!f.exists || !str_eq(str_text(&text), str_text(&f.text)))
		return fail_look(err,
				 "%s no longer has the line by which ssh knows "
				 "instances by name",
				 rec->file);
	return 0;
}

static bool has_word(const char *value, const char *want)
{
	const char *at = strstr(value, want);

	return at && (at == value || strchr(", /'\"", at[-1]));
}

/*
 * What ssh makes of it in the end, for one instance: a line of the user's above
 * ours goes before it. Where no ssh is, or it does not answer, nothing is
 * known.
 */
static int look_at_effect(struct vmctl *ctx, const struct record *rec,
			  const struct state_host *host,
			  struct vmctl_error *err)
{
	static const struct {
		const char *keyword, *shown, *want;
	} settled[] = {
		/* "true" since 9.1, "yes" before. */
		{ "pubkeyauthentication", "PubkeyAuthentication", "true yes" },
		{ "preferredauthentications", "PreferredAuthentications",
		  "publickey" },
		{ "proxycommand", "ProxyCommand", "__ssh-connect" },
		{ "knownhostscommand", "KnownHostsCommand", "__known-hosts" },
		{ "proxyusefdpass", "ProxyUseFdpass", "yes" },
	};
	auto_strv char **lines = NULL;

	if (openssh_config(rec->file, host->id, &ctx->ev, &lines, NULL) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(settled); i++) {
		const char *value = openssh_option(lines, settled[i].keyword);

		if (has_word(value, settled[i].want) ||
		    (*value && has_word(settled[i].want, value)))
			continue;
		fail(err, VMCTL_BAD_DATA, 0,
		     "plain ssh does not enter %s: %s is \"%s\", by a line "
		     "above that of vmctl in %s",
		     host->name, settled[i].shown, *value ? value : "none",
		     rec->file);
		fail_hint(err, "vmctl ssh-config uninstall && vmctl ssh-config "
			       "install");
		return -VMCTL_BAD_DATA;
	}
	return 0;
}

int ssh_config_look(struct vmctl *ctx, struct vmctl_error *err)
{
	auto_record rec = { 0 };
	auto_free char *path = our_file(ctx);
	struct state_host *hosts = NULL;
	struct state *db;
	size_t n = 0;
	int r = path ? record_get(ctx, &rec, err) : fail_oom(err);

	if (r <= 0)
		return r;
	if (access(rec.how.program, X_OK) < 0)
		return fail_look(err, "ssh is told to start %s, which is gone",
				 rec.how.program);
	if (access(path, R_OK) < 0)
		return fail_look(err, "%s, which ssh is told to read, is gone",
				 path);
	r = look_at_include(ctx, &rec, err);
	if (r == 0)
		r = context_state(ctx, &db, err);
	if (r == 0)
		r = state_hosts(db, &hosts, &n, err);
	if (r == 0 && n)
		r = look_at_effect(ctx, &rec, &hosts[0], err);
	state_hosts_free(hosts, n);
	return r < 0 ? r : 1;
}
