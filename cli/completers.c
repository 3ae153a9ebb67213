/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/completers.h"

#include "base/units.h"

/* Ready-made completers. They read the database and say nothing on failure:
 * a shell has no place to show it. */

DEFINE_CLEANUP(instances, struct vmctl_instance_list *,
	       vmctl_instance_list_free);
DEFINE_CLEANUP(images, struct vmctl_image_list *, vmctl_image_list_free);
DEFINE_CLEANUP(keys, struct vmctl_key_list *, vmctl_key_list_free);
DEFINE_CLEANUP(types, struct vmctl_type_list *, vmctl_type_list_free);

static void add_instances(struct cli *cli, struct str *out,
			  bool (*want)(enum vmctl_state state))
{
	auto_cleanup(instances_cleanup) struct vmctl_instance_list *list = NULL;
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) ||
	    vmctl_instance_list(ctx, VMCTL_LIST_CACHED, &list, NULL, NULL))
		return;
	for (size_t i = 0; i < list->count; i++) {
		const struct vmctl_instance *in = list->items[i];
		auto_free char *about = NULL;

		if (want && !want(in->state))
			continue;
		about = str_printf("%s, %s", vmctl_state_name(in->state),
				   in->type);
		completion_add(out, in->name, about);
	}
}

static bool runs(enum vmctl_state state)
{
	return state == VMCTL_STATE_RUNNING || state == VMCTL_STATE_PAUSED ||
	       state == VMCTL_STATE_STOPPING || state == VMCTL_STATE_PENDING;
}

/* The database's state may be old (a guest that powered itself off), so only
 * what certainly is no candidate is left out. */
static bool can_start(enum vmctl_state state)
{
	return state != VMCTL_STATE_PENDING;
}

void complete_instances(struct cli *cli, const char *prefix, struct str *out)
{
	add_instances(cli, out, NULL);
}

void complete_running(struct cli *cli, const char *prefix, struct str *out)
{
	add_instances(cli, out, runs);
}

void complete_stopped(struct cli *cli, const char *prefix, struct str *out)
{
	add_instances(cli, out, can_start);
}

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
	auto_cleanup(instances_cleanup) struct vmctl_instance_list *list = NULL;
	auto_strv char **seen = NULL;
	struct vmctl *ctx;

	completion_add(out, "nat", "the network vmctl");
	completion_add(out, "user", "user-mode, no privileges needed");
	if (cli_context(cli, &ctx, NULL) ||
	    vmctl_instance_list(ctx, VMCTL_LIST_CACHED, &list, NULL, NULL))
		return;
	for (size_t i = 0; i < list->count; i++) {
		for (char **n = list->items[i]->networks; *n; n++) {
			bool known = str_eq(*n, "user");

			for (char **s = seen; s && *s; s++)
				known |= str_eq(*s, *n);
			if (known || strv_append(&seen, *n) < 0)
				continue;
			completion_add(out, *n, NULL);
		}
	}
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
