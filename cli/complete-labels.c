/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/completers.h"

/* Completers of labels and of what selects by them, from the database. */

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

/* The labels are in order, and so the keys are. */
static void know(struct cli *cli, struct known *k)
{
	struct vmctl *ctx;
	const char *last = "";
	size_t n = 0;

	if (cli_context(cli, &ctx, NULL) ||
	    vmctl_label_list(ctx, &k->labels, NULL))
		return;
	for (char **l = k->labels; *l; l++) {
		if (strcspn(*l, "=") == n && strncmp(*l, last, n) == 0)
			continue;
		last = *l;
		n = strcspn(*l, "=");
		auto_free char *key = strndup(*l, n);
		if (key)
			(void)strv_append(&k->keys, key);
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

/* The labels as fields, "label.env". */
void complete_label_fields(struct cli *cli, const char *before, int head,
			   struct str *out)
{
	auto_known k = { 0 };

	know(cli, &k);
	for (char **s = k.keys; s && *s; s++) {
		auto_free char *value =
			str_printf("%.*slabel.%s", head, before, *s);
		if (value)
			completion_add(out, value, "the value of this label");
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
