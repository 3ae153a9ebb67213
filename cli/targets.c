/* SPDX-License-Identifier: LGPL-2.1-or-later */
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

static int add_once(char ***names, const char *name, struct vmctl_error *err)
{
	for (char **n = *names; *n; n++)
		if (str_eq(*n, name))
			return 0;
	return strv_append(names, name) < 0 ? fail_oom(err) : 0;
}

static int fail_none(const struct targets *t, struct vmctl_error *err)
{
	int r;

	if (!t->selectors.count) {
		r = fail(err, VMCTL_NOT_FOUND, 0, "there is no instance");
		fail_hint(err, "vmctl create");
		return r;
	}
	r = fail(err, VMCTL_NOT_FOUND, 0, "no instance has the labels %s%s",
		 t->selectors.items[0], t->selectors.count > 1 ? " ..." : "");
	fail_hint(err, "vmctl list --columns name,labels");
	return r;
}

static int add_selected(struct cli *cli, const struct targets *t, char ***names,
			struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	struct vmctl *ctx;
	size_t found = 0;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_list(ctx, VMCTL_LIST_CACHED, &list, NULL,
					err);
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		if (!targets_select(&t->selectors, list->items[i]))
			continue;
		r = add_once(names, list->items[i]->name, err);
		found++;
	}
	return r == 0 && !found ? fail_none(t, err) : r;
}

int targets_expand(struct cli *cli, const struct targets *t, char ***ret,
		   struct vmctl_error *err)
{
	auto_strv char **names = strv_dup(NULL);
	int r = names ? check(cli, t, err) : fail_oom(err);

	for (size_t i = 0; r == 0 && i < t->names.count; i++)
		r = add_once(&names, t->names.items[i], err);
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
