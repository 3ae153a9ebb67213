/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/instance.h"
#include "instance/user-data.h"
#include "internal/key.h"

/*
 * The host key of a user's own, in `ssh_keys` of the user data. cloud-init
 * joins that with ours, key by key, and the user's wins: what is pinned must be
 * that. Another type than ours is served beside it, and changes nothing.
 */
#define PRIVATE "ed25519_private"
#define PUBLIC "ed25519_public"
#define CERTIFICATE "ed25519_certificate"

static int fail_unread(struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0,
	     "the user data sets ssh_keys, and the host key to expect can only "
	     "be read from one cloud-config");
	fail_hint(err, "leave ssh_keys out: vmctl gives the guest a host key; "
		       "or set it in one document or part that begins with "
		       "#cloud-config");
	return -VMCTL_INVALID;
}

static int fail_key(const char *why, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "ssh_keys in the user data: %s", why);
	fail_hint(err, "give " PRIVATE " as ssh-keygen -t ed25519 -N '' writes "
		       "it, or leave it out");
	return -VMCTL_INVALID;
}

/* Type and data alone; a comment may follow. */
static bool same_key(const char *line, const char *given)
{
	size_t n = strlen(line);

	given += strspn(given, " \t\r\n");
	return strncmp(given, line, n) == 0 &&
	       (!given[n] || strchr(" \t\r\n", given[n]));
}

static int take_pair(const json_t *keys, char **ret_private, char **ret_public,
		     struct vmctl_error *err)
{
	const json_t *private = json_object_get(keys, PRIVATE);
	const json_t *public = json_object_get(keys, PUBLIC);
	auto_free char *line = NULL;
	struct vmctl_error why;

	if (!private && !public && !json_object_get(keys, CERTIFICATE))
		return 0;
	if (!json_is_string(private))
		return fail_key("there is no " PRIVATE " to go with the rest",
				err);
	int r = key_public_half(json_string_value(private), &line, &why);
	if (r == -VMCTL_BAD_DATA || r == -VMCTL_UNSUPPORTED)
		return fail_key(why.message, err);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	if (!str_starts(line, "ssh-ed25519 "))
		return fail_key(PRIVATE " is a key of another type", err);
	if (public && (!json_is_string(public) ||
		       !same_key(line, json_string_value(public))))
		return fail_key(PUBLIC " is not the public half of " PRIVATE,
				err);
	*ret_private = strdup(json_string_value(private));
	if (!*ret_private)
		return fail_oom(err);
	*ret_public = take_ptr(&line);
	return 0;
}

int user_data_host_key(const char *text, char **ret_private, char **ret_public,
		       struct vmctl_error *err)
{
	auto_user_configs c = USER_CONFIGS_INIT;
	size_t n = 0;
	int r = user_configs_read(text, &c, err);

	if (r < 0)
		return r;
	const json_t *keys = user_configs_get(&c, "ssh_keys", &n);
	/* How several are joined is a matter of what each says of that. */
	if (c.hides_keys || n > 1)
		return fail_unread(err);
	return take_pair(keys, ret_private, ret_public, err);
}
