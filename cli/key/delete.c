/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/delete.h"

/* Forgets keys. Instances that were made with them keep working. */

struct delete_options {
	struct strings names;
};

static const struct argument args[] = {
	ARG_MANY(struct delete_options, names, .name = "NAME",
		 .complete = complete_keys, .help = "name of a key"),
	ARG_END,
};

static const struct example examples[] = {
	{ "vmctl key delete work", "Forget a key, after asking." },
	{ "vmctl key delete -y work home", "Forget two without asking." },
	{ NULL },
};

static int find(struct vmctl *ctx, const char *word, char **ret_name,
		char **ret_mark, struct vmctl_error *err)
{
	struct vmctl_key *key;
	int r = vmctl_key_get(ctx, word, &key, err);

	if (r < 0)
		return r;
	*ret_name = take_ptr(&key->name);
	*ret_mark = take_ptr(&key->sha256);
	vmctl_key_free(key);
	return 0;
}

static const struct deletion key = {
	.noun = "key",
	.notes = " A private half that vmctl made is deleted too.",
	.find = find,
	.delete = vmctl_key_delete,
};

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct delete_options *o = data;

	return cli_delete(cli, &key, &o->names, err);
}

const struct command cmd_key_delete = {
	.path = "key delete",
	.aliases = (const char *const[]){ "key rm", NULL },
	.summary = "forget ssh keys",
	.group = GROUP_KEYS,
	.args = args,
	.opts_size = sizeof(struct delete_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 0 },
	.run = run,
};
