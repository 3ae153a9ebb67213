/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/render.h"
#include "cli/targets.h"
#include "cli/value.h"

/* Marks instances with labels, or shows those that they have. */

struct label_options {
	struct targets targets; /* names: with the changes among them */
};

static const struct argument args[] = {
	ARG_MANY(struct label_options, targets.names, .name = "NAME|CHANGE",
		 .optional = true, .complete = complete_label_words,
		 .help = "name or id of an instance; KEY=VALUE to set a label, "
			 "KEY- to take one away; without a change the labels "
			 "are shown"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_TARGETS(struct label_options),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl label web1 web2 role=web tier=gold",
	  "Mark two instances, in place of what they had under these keys." },
	{ "vmctl label -l tier=gold tier-", "Take a label away." },
	{ "vmctl label web1", "Show the labels of an instance." },
	{ NULL },
};

/* One label of one instance. */
struct label {
	const char *instance, *key, *value;
};
#define AT(member) offsetof(struct label, member)

static const struct field fields[] = {
	{ "instance", "NAME", FIELD_STRING, AT(instance), FIELD_ALWAYS,
	  .help = "the instance" },
	{ "key", "KEY", FIELD_STRING, AT(key), FIELD_NAME,
	  .help = "the key of the label" },
	{ "value", "VALUE", FIELD_STRING, AT(value), 0, .help = "its value" },
	{ .key = NULL },
};

static const struct record label_record = { "label", fields };

static int render_label(struct cli *cli, const char *name, const char *label,
			struct vmctl_error *err)
{
	size_t n = strcspn(label, "=");
	auto_free char *key = strndup(label, n);
	const struct label item = { name, key, label + n + 1 };

	return key ? render_row(cli->out, &item, err) : -VMCTL_NO_MEMORY;
}

static int show_one(struct cli *cli, const char *name, void *data,
		    struct vmctl_error *err)
{
	struct vmctl_instance *row;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_get(ctx, name, VMCTL_LIST_CACHED, &row, err);
	if (r < 0)
		return r;
	for (char **l = row->labels; r == 0 && *l; l++)
		r = render_label(cli, row->name, *l, err);
	vmctl_instance_free(row);
	return r;
}

static int change_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	const struct strings *changes = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : vmctl_instance_label(ctx, name, changes->items, err);
}

/* No name has an equals sign in it or ends with a hyphen. */
static bool is_change(const char *word)
{
	return strchr(word, '=') || str_ends(word, "-");
}

static int sort_words(const struct targets *given, struct targets *ret,
		      struct strings *changes, struct vmctl_error *err)
{
	int r = 0;

	*ret = *given;
	ret->names = (struct strings){ 0 };
	for (size_t i = 0; r == 0 && i < given->names.count; i++) {
		const char *word = given->names.items[i];

		r = strings_add(is_change(word) ? changes : &ret->names, word,
				err);
	}
	return r;
}

static int show(struct cli *cli, const struct targets *t,
		struct vmctl_error *err)
{
	int r = render_begin(cli->out, &label_record, err);

	if (r == 0)
		r = targets_each(cli, t, show_one, NULL, err);
	if (r == 0 || r == -VMCTL_PARTIAL) {
		int ended = render_end(cli->out, r < 0 ? NULL : err);
		r = r < 0 ? r : ended;
	}
	return r;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct label_options *o = data;
	struct strings changes = { 0 };
	struct targets targets = { 0 };
	int r = sort_words(&o->targets, &targets, &changes, err);

	if (r == 0 && changes.count)
		r = targets_each(cli, &targets, change_one, &changes, err);
	else if (r == 0)
		r = show(cli, &targets, err);
	free(changes.items);
	free(targets.names.items);
	return r;
}

const struct command cmd_label = {
	.path = "label",
	.summary = "mark instances with labels",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct label_options),
	.record = &label_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 0 },
	.run = run,
};
