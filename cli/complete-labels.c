/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Completers of labels and of what selects by them, from the database. */

DEFINE_CLEANUP(list, struct vmctl_instance_list *, vmctl_instance_list_free);

/* What is known, each once. */
struct known {
	char **keys, **labels;
};

static void known_done(struct known *k)
{
	strv_free(k->keys);
	strv_free(k->labels);
}
#define auto_known auto_cleanup(known_done) struct known

static void add_once(char ***list, const char *text, size_t n)
{
	auto_free char *copy = strndup(text, n);

	for (char **s = *list; s && *s; s++)
		if (!copy || str_eq(*s, copy))
			return;
	if (copy)
		(void)strv_append(list, copy);
}

static void know(struct cli *cli, struct known *k)
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) ||
	    vmctl_instance_list(ctx, VMCTL_LIST_CACHED, &list, NULL, NULL))
		return;
	for (size_t i = 0; i < list->count; i++) {
		char *const *label = list->items[i]->labels;

		for (; label && *label; label++) {
			add_once(&k->keys, *label, strcspn(*label, "="));
			add_once(&k->labels, *label, strlen(*label));
		}
	}
}

void complete_labels(struct cli *cli, const char *prefix, struct str *out)
{
	auto_known k = { 0 };

	know(cli, &k);
	for (char **s = k.labels; s && *s; s++)
		completion_add(out, *s, NULL);
}

/* "role=web,ti" is completed to "role=web,tier" and "role=web,tier=gold". */
void complete_selectors(struct cli *cli, const char *prefix, struct str *out)
{
	const char *comma = strrchr(prefix, ',');
	int head = comma ? (int)(comma - prefix) + 1 : 0;
	bool not = prefix[head] == '!';
	auto_known k = { 0 };

	know(cli, &k);
	for (char **s = k.keys; s && *s; s++) {
		auto_free char *value = str_printf("%.*s%s%s", head, prefix,
						   not ? "!" : "", *s);
		if (value)
			completion_add(out, value,
				       not ? "without this label"
					   : "with this label");
	}
	for (char **s = k.labels; !not &&s && *s; s++) {
		auto_free char *value = str_printf("%.*s%s", head, prefix, *s);
		if (value)
			completion_add(out, value, NULL);
	}
}

/* For `label`: instances, and what may be done to their labels. */
void complete_label_words(struct cli *cli, const char *prefix, struct str *out)
{
	auto_known k = { 0 };

	complete_instances(cli, prefix, out);
	know(cli, &k);
	for (char **s = k.labels; s && *s; s++)
		completion_add(out, *s, NULL);
	for (char **s = k.keys; s && *s; s++) {
		auto_free char *value = str_printf("%s-", *s);
		if (value)
			completion_add(out, value, "take it away");
	}
}
