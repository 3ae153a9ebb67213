/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "instance/instance.h"
#include "instance/user-data.h"

/*
 * The account that vmctl's keys go to. cloud-init gives them to the default
 * account alone, and to root where `disable_root` is off. It makes that account
 * where `user` is set, or `users` is not or has `default` in it; its name is
 * the image's unless the user data has another. (docs.cloud-init.io, "Users and
 * Groups", and how its ug_util normalises these.)
 */

/* What cloud-init's util.is_true() takes for true. */
static bool is_on(const json_t *v)
{
	static const char *const words[] = { "true", "1", "on", "yes" };
	const char *text = json_string_value(v);

	for (size_t i = 0; text && i < ARRAY_LEN(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return json_is_true(v) || json_integer_value(v) == 1;
}

/* Of words between commas. */
static bool names_default(const char *text)
{
	for (size_t n; *text; text += n + (text[n] == ',')) {
		text += strspn(text, " ");
		n = strcspn(text, ",");
		if (strncmp(text, "default", 7) == 0 &&
		    strspn(text + 7, " ") == n - 7)
			return true;
	}
	return false;
}

static bool has_default(const json_t *users)
{
	const json_t *one = json_object_get(users, "default");
	size_t i;

	if (json_is_string(users))
		return names_default(json_string_value(users));
	if (json_is_object(users))
		return json_is_object(one) || is_on(one);
	json_array_foreach(users, i, one)
	{
		const json_t *name = json_object_get(one, "name");

		/* An entry without a name is the default one's. */
		if (json_is_object(one)
			    ? !name || str_eq(json_get_string(one, "name", ""),
					      "default")
			    : has_default(one))
			return true;
	}
	return false;
}

/* --- other accounts ------------------------------------------------------- */

/* The name of the first account among `users` of which `test` is true; NULL:
 * none. They are a list of mappings, or a mapping by name. */
static const char *find_account(const json_t *users,
				bool (*test)(const json_t *account,
					     const struct draft *d),
				const struct draft *d)
{
	const json_t *one;
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)users, name, value)
	{
		if (json_is_object(value) && test(value, d))
			return name;
	}
	json_array_foreach(users, i, one)
	{
		name = json_string_value(json_object_get(one, "name"));
		if (name && test(one, d))
			return name;
	}
	return NULL;
}

static bool may_be_entered(const json_t *account, const struct draft *d)
{
	static const char *const ways[] = { "ssh_authorized_keys",
					    "ssh-authorized-keys",
					    "ssh_import_id",
					    "ssh-import-id",
					    "passwd",
					    "hashed_passwd",
					    "plain_text_passwd" };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		const json_t *v = json_object_get(account, ways[i]);

		if (v && !json_is_null(v))
			return true;
	}
	return false;
}

static bool is_key_of(const char *line, const struct draft *d)
{
	line += strspn(line, " \t\r\n");
	for (size_t i = 0; i < d->key_count; i++) {
		const char *key = d->keys[i].public_key;
		size_t n = strlen(key);

		if (strncmp(line, key, n) == 0 &&
		    (!line[n] || strchr(" \t\r\n", line[n])))
			return true;
	}
	return false;
}

static bool has_our_key(const json_t *account, const struct draft *d)
{
	const json_t *keys = json_object_get(account, "ssh_authorized_keys");
	const json_t *one;
	size_t i;

	if (!keys)
		keys = json_object_get(account, "ssh-authorized-keys");
	json_array_foreach(keys, i, one)
	{
		if (json_is_string(one) && is_key_of(json_string_value(one), d))
			return true;
	}
	return json_is_string(keys) && is_key_of(json_string_value(keys), d);
}

/* --- the document --------------------------------------------------------- */

/* Whether the default account is made; *ret_name: what it is called there,
 * NULL: as the image has it. */
static bool makes_default(const struct user_configs *c, const char **ret_name)
{
	const json_t *user = user_configs_get(c, "user", NULL);
	const json_t *users = user_configs_get(c, "users", NULL);
	const json_t *system = user_configs_get(c, "system_info", NULL);
	const json_t *account = json_object_get(system, "default_user");
	const char *name = json_get_string(account, "name", NULL);
	const char *own = json_is_string(user)
				  ? json_string_value(user)
				  : json_get_string(user, "name", NULL);
	bool given = json_object_size(user) || (own && *own);

	*ret_name = own && *own ? own : name;
	return given || !users || has_default(users);
}

static bool lets_root_in(const struct user_configs *c)
{
	const json_t *off = user_configs_get(c, "disable_root", NULL);

	return off && !is_on(off);
}

/* Whatever else may make an account, or a way in. */
static bool does_more(const struct user_configs *c)
{
	static const char *const keys[] = { "bootcmd",	"runcmd",
					    "chpasswd", "password",
					    "snap",	"ssh_import_id",
					    "packages", "write_files" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (user_configs_get(c, keys[i], NULL))
			return true;
	return c->has_others;
}

int draft_account_check(const struct draft *d, struct vmctl_error *err)
{
	auto_user_configs c = USER_CONFIGS_INIT;
	const char *name;
	int r = d->user_data ? user_configs_read(d->user_data, &c, err) : 0;

	if (r < 0 || !d->user_data || d->agent || d->image_has_agent ||
	    makes_default(&c, &name) || lets_root_in(&c) || does_more(&c) ||
	    find_account(user_configs_get(&c, "users", NULL), may_be_entered,
			 d))
		return r;
	fail(err, VMCTL_INVALID, 0,
	     "with these users in the user data nobody could enter the "
	     "instance: no account has a key or a password");
	fail_hint(err, "add default to users, for the image's own account");
	return -VMCTL_INVALID;
}

/* As `vmctl image import --user` has it. */
static bool is_user_name(const char *name)
{
	static const char more[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strspn(name, more);

	return n > 0 && n <= 32 && !name[n] && !strchr(".-", *name);
}

static int take_account(struct vmctl *ctx, struct draft *d, const char *name,
			struct vmctl_error *err)
{
	if (str_eq(name, d->row->user))
		return 0;
	char *copy = strdup(name);
	if (!copy)
		return fail_oom(err);
	log_note(&ctx->ev,
		 "%s is entered as %s, the account that the user data makes, "
		 "not as %s",
		 d->row->name, name, d->row->user);
	free(d->row->user);
	d->row->user = copy;
	return 0;
}

int draft_account(struct vmctl *ctx, struct draft *d, struct vmctl_error *err)
{
	auto_user_configs c = USER_CONFIGS_INIT;
	const char *name = NULL;
	int r = d->user_data ? user_configs_read(d->user_data, &c, err) : 0;

	if (r < 0 || !d->user_data)
		return r;
	bool made = makes_default(&c, &name);
	if (!made)
		name = find_account(user_configs_get(&c, "users", NULL),
				    has_our_key, d);
	if (!made && !name && lets_root_in(&c))
		name = "root";
	if (name && is_user_name(name))
		return take_account(ctx, d, name, err);
	if (!made)
		log_warn(&ctx->ev,
			 "users in the user data is without default: no "
			 "account is given the keys of %s, and vmctl cannot "
			 "enter it by ssh",
			 d->row->name);
	return 0;
}
