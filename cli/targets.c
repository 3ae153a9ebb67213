/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "cli/targets.h"

/* From NAME..., --all and -l SELECTOR to names. */

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

/* The name of what is meant by a name or id; case does not count in names. What
 * is not known stays what it is. */
static const char *name_of(const struct vmctl_instance_list *list,
			   const char *given)
{
	for (size_t i = 0; list && i < list->count; i++)
		if (strcasecmp(list->items[i]->name, given) == 0)
			return list->items[i]->name;
	for (size_t i = 0; list && i < list->count; i++)
		if (str_eq(list->items[i]->id, given))
			return list->items[i]->name;
	return given;
}

static int add_once(char ***names, const char *name, struct vmctl_error *err)
{
	for (char **n = *names; *n; n++)
		if (str_eq(*n, name))
			return 0;
	return strv_append(names, name) < 0 ? fail_oom(err) : 0;
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

static int add_selected(struct cli *cli, const struct targets *t, char ***names,
			struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	size_t found = 0;
	int r = list_all(cli, 0, &list, err);

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		if (!targets_select(&t->selectors, list->items[i]))
			continue;
		r = add_once(names, list->items[i]->name, err);
		found++;
	}
	return r == 0 && !found ? fail_none(cli, t, err) : r;
}

/* A single one stays as it was typed, and needs no look at the others. */
static int add_given(struct cli *cli, const struct targets *t, char ***names,
		     struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	bool several = t->names.count > 1 || t->selectors.count;
	int r = 0;

	if (t->names.count && several)
		r = list_all(cli, VMCTL_LIST_BRIEF, &list, err);
	for (size_t i = 0; r == 0 && i < t->names.count; i++)
		r = add_once(names, name_of(list, t->names.items[i]), err);
	return r;
}

int targets_expand(struct cli *cli, const struct targets *t, char ***ret,
		   struct vmctl_error *err)
{
	auto_strv char **names = strv_dup(NULL);
	int r = names ? check(cli, t, err) : fail_oom(err);

	if (r == 0)
		r = add_given(cli, t, &names, err);
	if (r == 0 && (t->all || t->selectors.count))
		r = add_selected(cli, t, &names, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&names);
	return 0;
}

int targets_each(struct cli *cli, const struct targets *t,
		 int (*each)(struct cli *cli, const char *name, void *data,
			     struct vmctl_error *err),
		 void *data, struct vmctl_error *err)
{
	auto_strv char **names = NULL;
	int r = targets_expand(cli, t, &names, err);

	if (r < 0)
		return r;
	const struct strings list = {
		.items = (const char **)names,
		.count = strv_len((const char *const *)names),
	};
	return cli_each(cli, &list, each, data, err);
}
