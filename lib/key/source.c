/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/key.h>

#include "base/file.h"
#include "context.h"
#include "driver/http.h"
#include "driver/openssh.h"
#include "driver/ssh.h"
#include "key/key.h"

/* Keys that are found elsewhere than in a file that is named: the ssh agent, a
 * web address, ~/.ssh. */

#define URL_MAX (64 * 1024)
#define KEYS_MAX 256

/* ssh's configuration is asked of hosts: no instance is meant yet. */
#define ANY_HOST "vmctl"

/* --- several candidates -------------------------------------------------- */

struct candidates {
	struct pubkey *items;
	size_t count;
};

static void candidates_done(struct candidates *c)
{
	for (size_t i = 0; i < c->count; i++)
		pubkey_done(&c->items[i]);
	free(c->items);
}
#define auto_candidates auto_cleanup(candidates_done) struct candidates

static int candidates_add(struct candidates *c, struct pubkey *take,
			  struct vmctl_error *err)
{
	struct pubkey *grown =
		reallocarray(c->items, c->count + 1, sizeof(*grown));

	if (!grown)
		return fail_oom(err);
	c->items = grown;
	grown[c->count++] = *take;
	*take = (struct pubkey){ 0 };
	return 0;
}

/* Whether `which` is its comment or one of its fingerprints. NULL is every
 * key's. */
static int is_meant(const struct pubkey *key, const char *which, bool *ret,
		    struct vmctl_error *err)
{
	auto_free char *sha256 = NULL;
	auto_free char *md5 = NULL;
	int r = key_fingerprints(key->blob, key->blob_len, &sha256, &md5, err);

	if (r == 0)
		*ret = !which || str_eq(which, key->comment) ||
		       str_eq(which, sha256) || str_eq(which, md5);
	return r;
}

/* Parses one line and adds it when it is meant. A line that is no acceptable
 * key is a failure when `strict`, else nobody's. */
static int consider(struct candidates *c, const char *line, size_t len,
		    const char *which, bool strict, struct vmctl_error *err)
{
	auto_pubkey key = { 0 };
	bool meant = false;
	int r = pubkey_parse(line, len, &key, err);

	if (r == -VMCTL_BAD_DATA && !strict)
		return 0;
	if (r == 0)
		r = is_meant(&key, which, &meant, err);
	for (size_t i = 0; i < c->count; i++)
		if (str_eq(c->items[i].line, key.line ? key.line : ""))
			return r; /* given twice */
	return r == 0 && meant ? candidates_add(c, &key, err) : r;
}

/* "SHA256:… (comment), …" */
static int describe(const struct candidates *c, struct str *out,
		    struct vmctl_error *err)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct pubkey *key = &c->items[i];
		auto_free char *sha256 = NULL;
		auto_free char *md5 = NULL;
		int r = key_fingerprints(key->blob, key->blob_len, &sha256,
					 &md5, err);

		if (r < 0)
			return r;
		str_addf(out, "%s%s", i ? ", " : "", sha256);
		if (*key->comment)
			str_addf(out, " (%s)", key->comment);
	}
	return str_check(out, err);
}

/* --- the agent ----------------------------------------------------------- */

static int fail_choice(const struct candidates *c, const char *name,
		       const char *which, struct vmctl_error *err)
{
	auto_str list = STR_INIT;
	int r = describe(c, &list, err);

	if (r < 0)
		return r;
	fail(err, VMCTL_INVALID, 0, "the ssh agent has %zu keys%s%s%s: %s",
	     c->count, which ? " called \"" : "", which ? which : "",
	     which ? "\"" : "", str_text(&list));
	fail_hint(err, "vmctl key import %s --agent %s", name,
		  which ? "FINGERPRINT" : "COMMENT");
	return -VMCTL_INVALID;
}

static int fail_none(const struct ssh_agent *agent, const char *which,
		     struct vmctl_error *err)
{
	if (which)
		fail(err, VMCTL_NOT_FOUND, 0,
		     "the ssh agent has no key with the comment or "
		     "fingerprint \"%s\"",
		     which);
	else
		fail(err, VMCTL_NOT_FOUND, 0,
		     "the ssh agent has no key that can be used");
	fail_hint(err, "%sssh-add%s", agent->prefix ? agent->prefix : "",
		  which ? " -l" : "");
	return -VMCTL_NOT_FOUND;
}

static int agent_candidates(struct vmctl *ctx, const struct ssh_agent *agent,
			    const char *which, struct candidates *c,
			    struct vmctl_error *err)
{
	auto_strv char **lines = NULL;
	const struct ssh_ops *ops;
	int r = ssh_load(&ops, err);

	if (r == 0)
		r = ops->agent_keys(agent, &ctx->ev, &lines, err);
	for (size_t i = 0; r == 0 && lines[i] && i < KEYS_MAX; i++)
		r = consider(c, lines[i], strlen(lines[i]), which, false, err);
	return r;
}

int vmctl_key_import_agent(struct vmctl *ctx, const char *name,
			   const char *which, struct vmctl_key **ret,
			   struct vmctl_error *err)
{
	auto_candidates c = { 0 };
	auto_cleanup(openssh_agent_done) struct ssh_agent agent = { 0 };
	int r = key_name_check(name, err);

	if (r < 0)
		return r;
	openssh_agent(ANY_HOST, &ctx->ev, &agent);
	r = agent_candidates(ctx, &agent, which, &c, err);
	if (r < 0)
		return r;
	if (c.count == 0)
		return fail_none(&agent, which, err);
	if (c.count > 1)
		return fail_choice(&c, name, which, err);
	return key_store(ctx, name, &c.items[0], NULL, ret, err);
}

/* --- a web address ------------------------------------------------------- */

/* One key on each line; blank ones and those of comments are passed over. */
static int read_lines(const char *text, size_t len, const char *which,
		      struct candidates *c, struct vmctl_error *err)
{
	int r = 0;

	for (int number = 1; r == 0 && len > 0; number++) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf ? (size_t)(lf - text) : len;
		size_t blank = 0;

		while (blank < n && strchr(" \t\r", text[blank]))
			blank++;
		if (blank < n && text[blank] != '#')
			r = consider(c, text, n, which, !which, err);
		if (r == -VMCTL_BAD_DATA)
			fail_prefix(err, "line %d", number);
		if (r == 0 && c->count > KEYS_MAX)
			r = fail(err, VMCTL_BAD_DATA, 0,
				 "it holds more than %d keys", KEYS_MAX);
		n += lf ? 1 : 0;
		text += n;
		len -= n;
	}
	return r;
}

static int read_answer(const struct str *text, const char *which,
		       struct candidates *c, struct vmctl_error *err)
{
	int r;

	if (pubkey_is_private(str_text(text), text->len)) {
		fail(err, VMCTL_BAD_DATA, 0,
		     "it is a private key, which everybody who can read the "
		     "address has too; nothing was stored");
		fail_hint(err, "use that key no more; make another: "
			       "ssh-keygen -t ed25519");
		return -VMCTL_BAD_DATA;
	}
	r = read_lines(str_text(text), text->len, which, c, err);
	if (r == 0 && c->count == 0 && which)
		r = fail(err, VMCTL_NOT_FOUND, 0,
			 "it has no key with the fingerprint \"%s\"", which);
	else if (r == 0 && c->count == 0)
		r = fail(err, VMCTL_BAD_DATA, 0, "there is no key in it");
	return r;
}

static int url_candidates(struct vmctl *ctx, const char *url,
			  struct candidates *c, struct vmctl_error *err)
{
	const char *which = strchr(url, '#');
	size_t n = which ? (size_t)(which - url) : strlen(url);
	struct http_get what = { .url = url, .max = URL_MAX };
	auto_str text = STR_INIT;
	const struct http_ops *ops;
	int r = http_load(&ops, err);

	if (r < 0)
		return r;
	r = ops->get(&what, &ctx->ev, &text, err);
	if (r == 0)
		r = read_answer(&text, which ? which + 1 : NULL, c, err);
	if (text.p) /* it may have been a secret */
		explicit_bzero(text.p, text.len);
	/* An address that is not acceptable may have a password in it. */
	if (r < 0 && r != -VMCTL_INVALID && r != -VMCTL_CANCELLED)
		fail_prefix(err, "%.*s", n < 400 ? (int)n : 400, url);
	return r;
}

/* The first is called NAME, the others NAME-2 and so on. */
static int make_records(const char *name, const struct candidates *c,
			struct vmctl_key_list *list, struct vmctl_error *err)
{
	int r = 0;

	list->items = calloc(c->count, sizeof(struct vmctl_key *));
	if (!list->items)
		return fail_oom(err);
	for (size_t i = 0; r == 0 && i < c->count; i++) {
		auto_free char *each =
			i ? str_printf("%s-%zu", name, i + 1) : strdup(name);

		r = each ? key_name_check(each, err) : fail_oom(err);
		if (r == 0)
			r = key_record(each, &c->items[i], NULL,
				       &list->items[i], err);
		if (r == 0)
			list->count++;
	}
	return r;
}

int vmctl_key_import_url(struct vmctl *ctx, const char *name, const char *url,
			 struct vmctl_key_list **ret, struct vmctl_error *err)
{
	auto_candidates c = { 0 };
	struct vmctl_key_list *list = NULL;
	struct state *db;
	int r = key_name_check(name, err);

	if (r == 0)
		r = url_candidates(ctx, url, &c, err);
	if (r < 0)
		return r;
	list = calloc(1, sizeof(*list));
	r = list ? make_records(name, &c, list, err) : fail_oom(err);
	if (r == 0)
		r = context_state(ctx, &db, err);
	if (r == 0)
		r = state_keys_add(db,
				   (const struct vmctl_key *const *)list->items,
				   list->count, err);
	if (r == 0 && ret)
		*ret = take_ptr(&list);
	vmctl_key_list_free(list);
	return r;
}

/* --- ~/.ssh -------------------------------------------------------------- */

int vmctl_key_own_file(struct vmctl *ctx, char **ret, struct vmctl_error *err)
{
	static const char *const names[] = { "id_ed25519", "id_ed25519_sk",
					     "id_ecdsa", "id_ecdsa_sk",
					     "id_rsa" };
	auto_free char *home = context_home();
	auto_free char *lone = NULL;

	if (!home)
		return context_fail_home(err);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *private =
			str_printf("%s/.ssh/%s", home, names[i]);
		auto_free char *public =
			private ? str_printf("%s.pub", private) : NULL;

		if (!public)
			return fail_oom(err);
		if (access(public, F_OK) == 0) {
			*ret = take_ptr(&public);
			return 0;
		}
		if (!lone && access(private, F_OK) == 0)
			lone = take_ptr(&private);
	}
	fail(err, VMCTL_NOT_FOUND, 0,
	     "there is no public key of yours in %s/.ssh", home);
	if (lone)
		fail_hint(err, "ssh-keygen -y -f %s > %s.pub", lone, lone);
	else
		fail_hint(err, "ssh-keygen -t ed25519");
	return -VMCTL_NOT_FOUND;
}
