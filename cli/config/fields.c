/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/config/fields.h"

#include "cli/completers.h"

#define AT(member) offsetof(struct vmctl_config_entry, member)

static const struct field fields[] = {
	{ "key", "KEY", FIELD_STRING, AT(key), FIELD_NAME,
	  .help = "the setting's name" },
	{ "value", "VALUE", FIELD_STRING, AT(value), 0,
	  .help = "the value in effect, as text; lists joined by commas" },
	{ "default", "DEFAULT", FIELD_STRING, AT(fallback), 0,
	  .help = "the value that is built in" },
	{ "source", "SOURCE", FIELD_STRING, AT(source), FIELD_ALWAYS,
	  .help = "where the value comes from: environment, configuration or "
		  "default" },
	{ "type", "TYPE", FIELD_STRING, AT(type), FIELD_WIDE | FIELD_ALWAYS,
	  .help = "what kind of value it takes" },
	{ "problem", "PROBLEM", FIELD_STRING, AT(problem), FIELD_HIDDEN,
	  .help = "why the value in the file is not acceptable" },
	{ "description", "DESCRIPTION", FIELD_STRING, AT(about),
	  FIELD_WIDE | FIELD_ALWAYS, .help = "what it is for" },
	{ .key = NULL },
};

const struct record config_record = { "setting", fields };

/* --- completion --------------------------------------------------------------
 */

static void add_type_keys(struct cli *cli, struct str *out)
{
	static const char *const members[] = { "cpus", "memory", "disk" };
	struct vmctl_type_list *list;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) || vmctl_type_list(ctx, &list, NULL))
		return;
	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < ARRAY_LEN(members); j++) {
			auto_free char *key = str_printf(
				"types.%s.%s", list->items[i].name, members[j]);

			if (key &&
			    str_eq(list->items[i].source, "configuration"))
				completion_add(out, key, "of an instance type");
		}
	}
	vmctl_type_list_free(list);
}

void complete_settings(struct cli *cli, const char *prefix, struct str *out)
{
	for (const struct vmctl_setting *s = vmctl_settings(); s->key; s++)
		completion_add(out, s->key, s->about);
	add_type_keys(cli, out);
}

/* What there is to choose from, where the table itself does not say. */
static const struct {
	const char *key;
	completer complete;
} values[] = {
	{ "connect", complete_uris },	  { "image", complete_images },
	{ "type", complete_types },	  { "key", complete_keys },
	{ "network", complete_networks }, { "storage", complete_files },
};

void complete_setting_values(struct cli *cli, const char *prefix,
			     struct str *out)
{
	const char *key = NULL;

	/* The key is what follows "set", whatever options stand between. */
	for (int i = 0; i < cli->word_count && !key; i++) {
		for (const struct vmctl_setting *s = vmctl_settings(); s->key;
		     s++) {
			if (i > 1 && str_eq(s->key, cli->words[i]))
				key = s->key;
		}
	}
	for (const struct vmctl_setting *s = vmctl_settings(); key && s->key;
	     s++) {
		for (size_t i = 0;
		     str_eq(s->key, key) && s->choices && s->choices[i]; i++)
			completion_add(out, s->choices[i], NULL);
	}
	for (size_t i = 0; key && i < ARRAY_LEN(values); i++) {
		if (str_eq(values[i].key, key))
			values[i].complete(cli, prefix, out);
	}
}
