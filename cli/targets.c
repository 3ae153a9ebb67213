/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "cli/targets.h"

/* From NAME..., --all and -l SELECTOR to instances. */

DEFINE_CLEANUP(list, struct vmctl_instance_list *, vmctl_instance_list_free);

int targets_check(const struct strings *selectors, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < selectors->count; i++)
		r = vmctl_selector_check(selectors->items[i], err);
	return r;
}

bool targets_select(const struct strings *selectors,
		    const struct vmctl_instance *row)
{
	return !selectors->count ||
	       vmctl_selector_match(selectors->items,
				    (const char *const *)row->labels);
}

static int check(const struct cli *cli, const struct targets *t,
		 struct vmctl_error *err)
{
	auto_str usage = STR_INIT;
	int r;

	if (t->all && t->names.count)
		return fail(err, VMCTL_INVALID, 0,
			    "%s: names and --all exclude each other",
			    cli->command->path);
	if (t->all || t->names.count || t->selectors.count)
		return targets_check(&t->selectors, err);
	r = fail(err, VMCTL_INVALID, 0, "%s: missing argument NAME",
		 cli->command->path);
	if (command_usage(cli->command, &usage) == 0)
		fail_hint(err, "%s", str_text(&usage));
	return r;
}

static int list_all(struct cli *cli, unsigned flags,
		    struct vmctl_instance_list **ret, struct vmctl_error *err)
{
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r
		     : vmctl_instance_list(ctx, VMCTL_LIST_CACHED | flags, ret,
					   NULL, err);
}

void bound_done(struct bound *b)
{
	strv_free(b->names);
	strv_free(b->ids);
	*b = (struct bound){ 0 };
}

const char *bound_name(const struct bound *b, const char *id)
{
	for (size_t i = 0; b->ids[i]; i++)
		if (str_eq(b->ids[i], id))
			return b->names[i];
	return id;
}

void bound_explain(const struct bound *b, const char *id,
		   struct vmctl_error *err)
{
	const char *name = bound_name(b, id);

	if (err->code == VMCTL_NOT_FOUND && !str_eq(name, id))
		fail_prefix(err, "%s", name);
}

/* What is meant by a name or id; case does not count in names. NULL: nobody
 * knows. */
static const struct vmctl_instance *
row_of(const struct vmctl_instance_list *list, const char *given)
{
	for (size_t i = 0; list && i < list->count; i++)
		if (strcasecmp(list->items[i]->name, given) == 0)
			return list->items[i];
	for (size_t i = 0; list && i < list->count; i++)
		if (str_eq(list->items[i]->id, given))
			return list->items[i];
	return NULL;
}

static int add_once(struct bound *b, const char *name, const char *id,
		    struct vmctl_error *err)
{
	for (char **known = b->ids; *known; known++)
		if (str_eq(*known, id))
			return 0;
	return strv_append(&b->names, name) < 0 || strv_append(&b->ids, id) < 0
		       ? fail_oom(err)
		       : 0;
}

/* Of "role=wbe,tier" the first condition that no instance knows: the label, or
 * the key where there is none like it. */
static void hint_labels(struct cli *cli, const char *selector,
			struct vmctl_error *err)
{
	const char *all = "vmctl list --columns name,labels";
	auto_free char *word = NULL;
	auto_strv char **labels = NULL;
	struct vmctl *ctx;

	selector += strspn(selector, "!");
	word = strndup(selector, strcspn(selector, ",!"));
	if (word && cli_context(cli, &ctx, NULL) == 0)
		(void)vmctl_label_list(ctx, &labels, NULL);
	for (char **l = labels; word && !strchr(word, '=') && l && *l; l++)
		(*l)[strcspn(*l, "=")] = '\0';
	fail_hint_nearest(err, word ? word : "", (const char *const *)labels,
			  "", all);
}

static int fail_none(struct cli *cli, const struct targets *t,
		     struct vmctl_error *err)
{
	int r;

	if (!t->selectors.count) {
		r = fail(err, VMCTL_NOT_FOUND, 0, "there is no instance");
		fail_hint(err, "vmctl create");
		return r;
	}
	r = fail(err, VMCTL_NOT_FOUND, 0, "no instance has the labels %s%s",
		 t->selectors.items[0], t->selectors.count > 1 ? " ..." : "");
	hint_labels(cli, t->selectors.items[0], err);
	return r;
}

static int add_selected(struct cli *cli, const struct targets *t,
			struct bound *b, struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	size_t found = 0;
	int r = list_all(cli, 0, &list, err);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		if (!targets_select(&t->selectors, list->items[i]))
			continue;
		r = add_once(b, list->items[i]->name, list->items[i]->id, err);
		found++;
	}
	return r == 0 && !found ? fail_none(cli, t, err) : r;
}

/* A single one may stay as it was typed, and needs no look at the others. */
static int add_given(struct cli *cli, const struct targets *t, struct bound *b,
		     struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	bool look = t->bind || t->names.count > 1 || t->selectors.count;
	int r = 0;

	if (t->names.count && look)
		r = list_all(cli, VMCTL_LIST_BRIEF, &list, err);
	for (size_t i = 0; r == 0 && i < t->names.count; i++) {
		const char *word = t->names.items[i];
		const struct vmctl_instance *row = row_of(list, word);

		r = add_once(b, row ? row->name : word, row ? row->id : word,
			     err);
	}
	return r;
}

int targets_expand(struct cli *cli, const struct targets *t, struct bound *ret,
		   struct vmctl_error *err)
{
	auto_bound b = { .names = strv_dup(NULL), .ids = strv_dup(NULL) };
	int r = b.names && b.ids ? check(cli, t, err) : fail_oom(err);

	if (r == 0)
		r = add_given(cli, t, &b, err);
	if (r == 0 && (t->all || t->selectors.count))
		r = add_selected(cli, t, &b, err);
	if (r < 0)
		return r;
	*ret = b;
	b = (struct bound){ 0 };
	return 0;
}

struct loop {
	const struct bound *b;
	int (*each)(struct cli *cli, const char *id, void *data,
		    struct vmctl_error *err);
	void *data;
};

static int one_of_them(struct cli *cli, const char *id, void *data,
		       struct vmctl_error *err)
{
	const struct loop *l = data;
	int r = l->each(cli, id, l->data, err);

	if (r < 0)
		bound_explain(l->b, id, err);
	return r;
}

int bound_each(struct cli *cli, const struct bound *b,
	       int (*each)(struct cli *cli, const char *id, void *data,
			   struct vmctl_error *err),
	       void *data, struct vmctl_error *err)
{
	struct loop l = { b, each, data };
	const struct strings list = {
		.items = (const char **)b->ids,
		.count = strv_len((const char *const *)b->ids),
	};

	return cli_each(cli, &list, one_of_them, &l, err);
}

int targets_each(struct cli *cli, const struct targets *t,
		 int (*each)(struct cli *cli, const char *id, void *data,
			     struct vmctl_error *err),
		 void *data, struct vmctl_error *err)
{
	auto_bound b = { 0 };
	int r = targets_expand(cli, t, &b, err);

	return r < 0 ? r : bound_each(cli, &b, each, data, err);
}
