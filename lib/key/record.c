/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/key.h>

#include "base/clock.h"
#include "key/key.h"

#define NAME_MAX_LEN 63

void vmctl_key_free(struct vmctl_key *key)
{
	if (!key)
		return;
	free(key->name);
	free(key->type);
	free(key->public_key);
	free(key->comment);
	free(key->sha256);
	free(key->md5);
	free(key->private_path);
	free(key);
}

void vmctl_key_list_free(struct vmctl_key_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_key_free(list->items[i]);
	free(list->items);
	free(list);
}

/* The name is also that of a file. One that ends in .pub would be taken for
 * the public half of another key, and is most likely a file name in the wrong
 * place. */
int key_name_check(const char *name, struct vmctl_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				     "._@-";

	if (!*name)
		return fail(err, VMCTL_INVALID, 0, "the key's name is empty");
	if (strlen(name) > NAME_MAX_LEN)
		return fail(err, VMCTL_INVALID, 0,
			    "the key's name is longer than %d characters",
			    NAME_MAX_LEN);
	if (!strchr(letters, *name) || name[strspn(name, others)])
		return fail(err, VMCTL_INVALID, 0,
			    "\"%s\" cannot be the name of a key: letters, "
			    "digits and . _ @ - can, with a letter or digit "
			    "first",
			    name);
	if (str_ends(name, ".pub"))
		return fail(err, VMCTL_INVALID, 0,
			    "a key's name must not end in .pub");
	return 0;
}

int key_record(const char *name, const struct pubkey *pub,
	       const char *private_path, struct vmctl_key **ret,
	       struct vmctl_error *err)
{
	auto_key struct vmctl_key *key = calloc(1, sizeof(*key));
	int r;

	if (!key)
		return fail_oom(err);
	r = key_fingerprints(pub->blob, pub->blob_len, &key->sha256, &key->md5,
			     err);
	if (r < 0)
		return r;
	key->name = strdup(name);
	key->type = strdup(pub->type);
	key->public_key = strdup(pub->line);
	key->comment = strdup(pub->comment);
	key->private_path = private_path ? strdup(private_path) : NULL;
	key->bits = pub->bits;
	key->created_at = clock_now();
	if (!key->name || !key->type || !key->public_key || !key->comment ||
	    (private_path && !key->private_path))
		return fail_oom(err);
	*ret = take_ptr(&key);
	return 0;
}
