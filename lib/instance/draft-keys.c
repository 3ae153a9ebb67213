/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/key.h>

#include "instance/instance.h"

/* The keys that may enter an instance. */

static int add_key(struct draft *d, const struct vmctl_key *key,
		   struct vmctl_error *err)
{
	struct state_instance_key *grown =
		reallocarray(d->keys, d->key_count + 1, sizeof(*grown));

	if (!grown)
		return fail_oom(err);
	d->keys = grown;
	struct state_instance_key *k = &grown[d->key_count++];
	k->name = strdup(key->name);
	k->public_key = strdup(key->public_key);
	k->private_path = key->private_path ? strdup(key->private_path) : NULL;
	if (!k->name || !k->public_key ||
	    (key->private_path && !k->private_path) ||
	    strv_append(&d->row->keys, key->name) < 0)
		return fail_oom(err);
	return 0;
}

DEFINE_CLEANUP(key, struct vmctl_key *, vmctl_key_free);
DEFINE_CLEANUP(key_list, struct vmctl_key_list *, vmctl_key_list_free);

static int add_named(struct vmctl *ctx, struct draft *d,
		     const char *const *names, struct vmctl_error *err)
{
	for (size_t i = 0; names[i]; i++) {
		auto_cleanup(key_cleanup) struct vmctl_key *key = NULL;
		int r = vmctl_key_get(ctx, names[i], &key, err);

		for (size_t j = 0; r == 0 && j < d->key_count; j++)
			if (str_eq(d->keys[j].name, key->name))
				goto next; /* given twice */
		if (r == 0)
			r = add_key(d, key, err);
		if (r < 0)
			return r;
	next:;
	}
	return 0;
}

/* Every key there is; where there is none, a pair named "default". */
static int add_all(struct vmctl *ctx, struct draft *d, bool make,
		   struct vmctl_error *err)
{
	auto_cleanup(key_list_cleanup) struct vmctl_key_list *all = NULL;
	auto_cleanup(key_cleanup) struct vmctl_key *made = NULL;
	int r = vmctl_key_list(ctx, &all, err);

	for (size_t i = 0; r == 0 && i < all->count; i++)
		r = add_key(d, all->items[i], err);
	if (r < 0 || all->count)
		return r;
	d->key_made = true;
	if (!make)
		return 0;
	r = vmctl_key_generate(ctx, "default", "vmctl", &made, err);
	/* Another creation may have made it in this moment. */
	if (r == -VMCTL_EXISTS)
		r = vmctl_key_get(ctx, "default", &made, err);
	else if (r == 0)
		log_at(&ctx->ev, VMCTL_LOG_WARN,
		       "no ssh key is known: made the pair 'default' (%s)",
		       made->private_path);
	return r < 0 ? r : add_key(d, made, err);
}

int draft_keys(struct vmctl *ctx, struct draft *d, const char *const *names,
	       bool make, struct vmctl_error *err)
{
	return names ? add_named(ctx, d, names, err)
		     : add_all(ctx, d, make, err);
}

int draft_keys_again(struct vmctl *ctx, struct draft *d,
		     struct vmctl_error *err)
{
	state_instance_keys_free(d->keys, d->key_count);
	d->keys = NULL;
	d->key_count = 0;
	strv_free(take_ptr(&d->row->keys));
	return draft_keys(ctx, d, d->key_names, true, err);
}
