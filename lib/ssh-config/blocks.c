/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "base/file.h"
#include "ssh-config/ssh-config.h"

/* Hosts that share everything are one block, so that ssh to other hosts has
 * little to read; of at most so many, so that no line grows without end. */
#define TOGETHER 50

/* ssh takes 100 and fails on the next. */
#define IDENTITIES_MAX 90

static void add_lower(struct str *out, const char *name)
{
	for (; *name; name++)
		str_addc(out, (char)tolower((unsigned char)*name));
}

static bool has_capital(const char *name)
{
	for (; *name; name++)
		if (isupper((unsigned char)*name))
			return true;
	return false;
}

/* Completion reads Host lines. */
static void add_host_lines(struct str *out, const struct state_host *hosts,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		str_addf(out, "%s%s", i % TOGETHER ? " " : "Host ",
			 hosts[i].name);
		if (has_capital(hosts[i].name)) {
			str_addc(out, ' ');
			add_lower(out, hosts[i].name);
		}
		str_addf(out, " %s%s", hosts[i].id,
			 i % TOGETHER == TOGETHER - 1 || i == n - 1 ? "\n"
								    : "");
	}
}

static bool is_user_name(const char *user)
{
	return *user && !user[strspn(user, "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789._-")];
}

/* The lines in which one instance differs from another. */
static int add_own(struct str *out, const struct how *how,
		   const struct state_host *host, struct vmctl_error *err)
{
	bool any = false;

	if (is_user_name(host->user))
		str_addf(out, "\tUser %s\n", host->user);
	for (size_t i = 0; i < host->key_count && i < IDENTITIES_MAX; i++) {
		auto_free char *file = key_identity(how, &host->keys[i]);

		if (!file)
			return fail_oom(err);
		/* "${" would be expanded, and cannot be told not to. */
		if (!quote_possible(file) || strstr(file, "${"))
			continue;
		str_add(out, "\tIdentityFile ");
		quote_word_percent(out, file);
		str_addc(out, '\n');
		any = true;
	}
	/* Without it an agent with many keys uses up the guest's patience
	 * before the one that fits. */
	if (any)
		str_add(out, "\tIdentitiesOnly yes\n");
	return str_check(out, err);
}

static void add_pins(struct str *out, const struct how *how)
{
	for (char **p = how->pins; p && *p; p++)
		str_addf(out, " %s", *p);
	str_addc(out, '\n');
}

/*
 * The connection is made by vmctl, which knows where the instance is now, and
 * handed to ssh: no process of ours stays. Its host key is told by vmctl too,
 * and nothing else is asked: no file remembers an instance that is gone.
 */
static void add_common(struct str *out, const struct how *how)
{
	str_add(out, "\tProxyCommand ");
	quote_shell_percent(out, how->program);
	str_add(out, " __ssh-connect %n");
	add_pins(out, how);
	str_add(out, "\tProxyUseFdpass yes\n"
		     "\tKnownHostsCommand ");
	/* The program itself is not expanded, only its arguments. */
	quote_word(out, how->program);
	str_add(out, " __known-hosts %n %H %I %f");
	add_pins(out, how);
	/*
	 * The first value of an option counts: what follows in the user's file
	 * or the system's for all hosts does not lock anybody out. "+" stands
	 * for the algorithms of this ssh, among them those that it would have
	 * had. HostName and CanonicalizeHostname: nothing asks a name server
	 * for an instance.
	 */
	str_add(out, "\tPubkeyAuthentication yes\n"
		     "\tPreferredAuthentications publickey,"
		     "keyboard-interactive,password\n"
		     "\tPubkeyAcceptedAlgorithms +ssh-ed25519\n"
		     "\tHostKeyAlgorithms +ssh-ed25519\n"
		     "\tHostName %h\n"
		     "\tCanonicalizeHostname no\n"
		     "\tUserKnownHostsFile /dev/null\n"
		     "\tGlobalKnownHostsFile /dev/null\n"
		     "\tStrictHostKeyChecking yes\n"
		     "\tNoHostAuthenticationForLocalhost no\n"
		     "\tCheckHostIP no\n"
		     "\tVerifyHostKeyDNS no\n"
		     "\tUpdateHostKeys no\n");
}

/* Case does not count here, as in the names of instances. */
static void add_match(struct str *out, const struct state_host *host,
		      bool first)
{
	str_add(out, first ? "\nMatch originalhost " : ",");
	add_lower(out, host->name);
	str_addf(out, ",%s", host->id);
}

struct own {
	char *text;
	size_t host;
};

static int by_text(const void *a, const void *b)
{
	const struct own *x = a, *y = b;
	int d = strcmp(x->text, y->text);

	return d ? d : x->host < y->host ? -1 : x->host > y->host;
}

static int add_blocks(struct str *out, const struct how *how,
		      const struct state_host *hosts, const struct own *own,
		      size_t n, struct vmctl_error *err)
{
	size_t together = 0;

	for (size_t i = 0; i < n; i++) {
		bool first = !together || together == TOGETHER;

		together = first ? 1 : together + 1;
		add_match(out, &hosts[own[i].host], first);
		if (i + 1 < n && together < TOGETHER &&
		    str_eq(own[i].text, own[i + 1].text))
			continue;
		str_addf(out, "\n%s", own[i].text);
		add_common(out, how);
		together = 0;
	}
	return str_check(out, err);
}

int blocks_text(const struct how *how, const struct state_host *hosts, size_t n,
		struct str *out, struct vmctl_error *err)
{
	auto_free struct own *own = calloc(n + 1, sizeof(*own));
	int r = own ? 0 : fail_oom(err);

	if (n)
		str_add(out, "# These are for the completion of names; what "
			     "counts comes below.\n");
	add_host_lines(out, hosts, n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_str text = STR_INIT;

		own[i].host = i;
		r = add_own(&text, how, &hosts[i], err);
		if (r == 0)
			r = str_take(&text, &own[i].text, err);
	}
	if (r == 0) {
		qsort(own, n, sizeof(*own), by_text);
		r = add_blocks(out, how, hosts, own, n, err);
	}
	for (size_t i = 0; own && i < n; i++)
		free(own[i].text);
	return r;
}

/* --- how the programs find the same records ------------------------------- */

void how_done(struct how *h)
{
	free(h->program);
	strv_free(h->pins);
	free(h->key_dir);
	*h = (struct how){ 0 };
}

static int add_pin(struct how *h, const char *name, const char *value)
{
	auto_str pin = STR_INIT;

	if (!value || !*value)
		return 0;
	quote_pin(&pin, name, value);
	return str_check(&pin, NULL) < 0 ? -VMCTL_NO_MEMORY
					 : strv_append(&h->pins, pin.p);
}

/* The folder above the "vmctl" that a path ends in. */
static char *above(const char *path)
{
	return str_ends(path, "/vmctl")
		       ? strndup(path, strlen(path) - strlen("/vmctl"))
		       : NULL;
}

static int add_places(const struct vmctl *ctx, struct how *h)
{
	auto_free char *one = path_join(ctx->data_dir, "config.json");
	auto_free char *data = above(ctx->data_dir);
	auto_free char *config = NULL;

	if (!one)
		return -VMCTL_NO_MEMORY;
	if (!data || !ctx->config_path || str_eq(one, ctx->config_path))
		return add_pin(h, "VMCTL_HOME", ctx->data_dir);
	if (str_ends(ctx->config_path, "/config.json")) {
		auto_free char *dir = strndup(ctx->config_path,
					      strlen(ctx->config_path) -
						      strlen("/config.json"));
		config = dir ? above(dir) : NULL;
	}
	int r = add_pin(h, "XDG_DATA_HOME", data);
	return r < 0 ? r : add_pin(h, "XDG_CONFIG_HOME", config);
}

int how_make(const struct vmctl *ctx, const char *program, struct how *ret,
	     struct vmctl_error *err)
{
	auto_how h = { 0 };
	auto_free char *dir = our_dir(ctx);

	if (!program || program[0] != '/' || !quote_possible(program))
		return fail(err, VMCTL_INVALID, 0,
			    "the program for ssh to start is not an absolute "
			    "path that fits a line");
	h.program = strdup(program);
	h.key_dir = dir ? path_join(dir, "keys") : NULL;
	h.pins = strv_dup(NULL);
	if (!h.program || !h.key_dir || !h.pins || add_places(ctx, &h) < 0 ||
	    /* Where libvirt's own daemon of the user is. */
	    add_pin(&h, "XDG_RUNTIME_DIR", getenv("XDG_RUNTIME_DIR")) < 0 ||
	    add_pin(&h, "VMCTL_MODULE_DIR", getenv("VMCTL_MODULE_DIR")) < 0)
		return fail_oom(err);
	*ret = h;
	h = (struct how){ 0 };
	return 0;
}
