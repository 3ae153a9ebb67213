/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/completers.h"

#include "base/units.h"

/* Ready-made completers. They read the database and say nothing on failure:
 * a shell has no place to show it. */

DEFINE_CLEANUP(images, struct vmctl_image_list *, vmctl_image_list_free);
DEFINE_CLEANUP(keys, struct vmctl_key_list *, vmctl_key_list_free);
DEFINE_CLEANUP(types, struct vmctl_type_list *, vmctl_type_list_free);

void complete_images(struct cli *cli, const char *prefix, struct str *out)
{
	auto_cleanup(images_cleanup) struct vmctl_image_list *list = NULL;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) || vmctl_image_list(ctx, &list, NULL))
		return;
	for (size_t i = 0; i < list->count; i++)
		completion_add(out, list->items[i]->name, list->items[i]->os);
}

void complete_keys(struct cli *cli, const char *prefix, struct str *out)
{
	auto_cleanup(keys_cleanup) struct vmctl_key_list *list = NULL;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) || vmctl_key_list(ctx, &list, NULL))
		return;
	for (size_t i = 0; i < list->count; i++)
		completion_add(out, list->items[i]->name, list->items[i]->type);
}

/* What needs no hypervisor to know: the modes, and the networks in use. */
void complete_networks(struct cli *cli, const char *prefix, struct str *out)
{
	auto_strv char **used = NULL;
	struct vmctl *ctx;

	completion_add(out, "nat", "the network vmctl");
	completion_add(out, "user", "user-mode, no privileges needed");
	if (cli_context(cli, &ctx, NULL) ||
	    vmctl_network_used(ctx, &used, NULL))
		return;
	for (char **n = used; *n; n++)
		if (!str_eq(*n, "user"))
			completion_add(out, *n, NULL);
}

void complete_types(struct cli *cli, const char *prefix, struct str *out)
{
	auto_cleanup(types_cleanup) struct vmctl_type_list *list = NULL;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) || vmctl_type_list(ctx, &list, NULL))
		return;
	for (size_t i = 0; i < list->count; i++) {
		const struct vmctl_type *t = &list->items[i];
		char memory[SIZE_TEXT], disk[SIZE_TEXT];
		auto_free char *about = NULL;

		about = str_printf("%lld vCPU, %s memory, %s disk",
				   (long long)t->vcpus,
				   format_size(t->memory, memory),
				   format_size(t->disk, disk));
		completion_add(out, t->name, about);
	}
}

void complete_files(struct cli *cli, const char *prefix, struct str *out)
{
	str_add(out, ":files\n");
}

void complete_uris(struct cli *cli, const char *prefix, struct str *out)
{
	completion_add(out, "qemu:///session", "of this user");
	completion_add(out, "qemu:///system", "of the whole system");
}

/* The keys of the command's record behind what stands before them. */
static void add_keys(struct cli *cli, const char *before, int head,
		     struct str *out)
{
	const struct record *record =
		cli->command ? cli->command->record : NULL;

	for (const struct field *f = record ? record->fields : NULL;
	     f && f->key; f++) {
		auto_free char *value =
			str_printf("%.*s%s", head, before, f->key);

		if (value)
			completion_add(out, value, f->help);
		if (f->each)
			complete_label_fields(cli, before, head, out);
	}
}

/* Where the last of several begins, which `ends` part. */
static int last_begin(const char *prefix, const char *ends)
{
	int head = 0;

	for (int i = 0; prefix[i]; i++)
		if (strchr(ends, prefix[i]))
			head = i + 1;
	return head;
}

/* "name,st" is completed to "name,state". */
void complete_columns(struct cli *cli, const char *prefix, struct str *out)
{
	add_keys(cli, prefix, last_begin(prefix, ","), out);
}

void complete_sort(struct cli *cli, const char *prefix, struct str *out)
{
	add_keys(cli, prefix, last_begin(prefix, ",-"), out);
}

/* "state=running and na" to "state=running and name". */
void complete_filter(struct cli *cli, const char *prefix, struct str *out)
{
	add_keys(cli, prefix, last_begin(prefix, " (\t"), out);
}

static void add_noun(const struct command *first, size_t len, struct str *out)
{
	auto_free char *noun = strndup(first->path, len);
	const struct command *cmd = NULL;
	auto_str verbs = STR_INIT;

	while (noun && (cmd = noun_next(noun, cmd)))
		str_addf(&verbs, "%s%s", verbs.len ? ", " : "",
			 cmd->path + len + 1);
	if (noun)
		completion_add(out, noun, str_text(&verbs));
}

/* The next word of a command's name, after those in cli->words ("help" has
 * its own name before them). */
void complete_commands(struct cli *cli, const char *prefix, struct str *out)
{
	int given = cli->word_count;
	const char *const *words = cli->words;
	const char *last = "";

	if (cli->command && given) {
		given--;
		words++;
	}
	if (given > 1)
		return;
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];
		size_t len = strcspn(cmd->path, " ");

		if (cmd->group == GROUP_HIDDEN)
			continue;
		if (given) {
			if (cmd->path[len] && strlen(words[0]) == len &&
			    strncmp(words[0], cmd->path, len) == 0)
				completion_add(out, cmd->path + len + 1,
					       cmd->summary);
		} else if (!cmd->path[len]) {
			completion_add(out, cmd->path, cmd->summary);
		} else if (strncmp(last, cmd->path, len + 1) != 0) {
			add_noun(cmd, len, out);
			last = cmd->path;
		}
	}
}
