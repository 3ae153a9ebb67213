/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "instance/instance.h"
#include "internal/key.h"

/*
 * The host key of a user's own, in `ssh_keys` of the user data. cloud-init
 * joins that with ours, key by key, and the user's wins: what is pinned must be
 * that. Another type than ours is served beside it, and changes nothing.
 */
#define PRIVATE "ed25519_private"
#define PUBLIC "ed25519_public"
#define CERTIFICATE "ed25519_certificate"

/* A cloud-config in JSON, without the comments before it; NULL if it is not. */
static json_t *config_of(const char *text)
{
	json_t *doc = NULL;

	while (*text == '#') {
		text += strcspn(text, "\n");
		text += strspn(text, " \t\r\n");
	}
	if (json_parse(text, strlen(text), "", &doc, NULL) < 0)
		return NULL;
	return doc;
}

/* "ssh_keys:" at the beginning of a line, in quotes or not; of JSON anywhere,
 * as its lines may begin anyhow. */
static bool names_keys(const char *text)
{
	static const char key[] = "ssh_keys";

	for (const char *p = text; (p = strstr(p, key)); p += strlen(key)) {
		const char *from = p, *to = p + strlen(key);
		bool quoted = p > text && strchr("\"'", p[-1]) && *to == p[-1];

		from -= quoted;
		to += quoted;
		to += strspn(to, " \t");
		if (*to == ':' && (quoted || from == text || from[-1] == '\n' ||
				   from[-1] == '{'))
			return true;
	}
	return false;
}

static int fail_unread(struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0,
	     "the user data sets ssh_keys, and the host key to expect can only "
	     "be read from a cloud-config in JSON");
	fail_hint(err, "leave ssh_keys out: vmctl gives the guest a host key; "
		       "or write all of the user data as JSON behind the line "
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
	const char *type = user_data_type(text);
	auto_json json_t *doc = NULL;

	if (type && str_eq(type, "text/cloud-config"))
		doc = config_of(text);
	if (!doc)
		return names_keys(text) ? fail_unread(err) : 0;
	return take_pair(json_object_get(doc, "ssh_keys"), ret_private,
			 ret_public, err);
}
