/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/ask.h"

/* Which instance is meant when none is named. */

DEFINE_CLEANUP(instances, struct vmctl_instance_list *,
	       vmctl_instance_list_free);
#define auto_instances                                                         \
	auto_cleanup(instances_cleanup) struct vmctl_instance_list

#define SHOWN_MAX 8 /* names in a hint */

/* Those that run, in the list's order. */
struct running {
	const struct vmctl_instance **items;
	size_t count;
};

static int find_running(const struct vmctl_instance_list *list,
			struct running *ret, struct vmctl_error *err)
{
	ret->items = calloc(list->count + 1, sizeof(*ret->items));
	if (!ret->items)
		return fail_oom(err);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->state == VMCTL_STATE_RUNNING)
			ret->items[ret->count++] = list->items[i];
	return 0;
}

static int fail_none(const struct vmctl_instance_list *list,
		     struct vmctl_error *err)
{
	const char *stopped = NULL;

	if (list->count == 0) {
		fail(err, VMCTL_NOT_FOUND, 0, "there is no instance");
		fail_hint(err, "vmctl create");
		return -VMCTL_NOT_FOUND;
	}
	for (size_t i = 0; i < list->count && !stopped; i++)
		if (list->items[i]->state == VMCTL_STATE_STOPPED ||
		    list->items[i]->state == VMCTL_STATE_SUSPENDED)
			stopped = list->items[i]->name;
	fail(err, VMCTL_STATE, 0, "no instance is running");
	if (stopped)
		fail_hint(err, "vmctl start %s", stopped);
	else
		fail_hint(err, "vmctl list");
	return -VMCTL_STATE;
}

/* Nobody is there to ask. */
static int fail_several(const struct cli *cli, const struct running *from,
			struct vmctl_error *err)
{
	auto_str names = STR_INIT;

	for (size_t i = 0; i < from->count && i < SHOWN_MAX; i++)
		str_addf(&names, "%s%s", i ? "|" : "", from->items[i]->name);
	if (from->count > SHOWN_MAX)
		str_add(&names, "|...");
	fail(err, VMCTL_INVALID, 0,
	     "%s: %zu instances are running, and none is named",
	     cli->command->path, from->count);
	fail_hint(err, "vmctl %s %s", cli->command->path, str_text(&names));
	return -VMCTL_INVALID;
}

static void show(struct cli *cli, const struct running *from)
{
	int width = 0;

	for (size_t i = 0; i < from->count; i++)
		if ((int)strlen(from->items[i]->name) > width)
			width = (int)strlen(from->items[i]->name);
	for (size_t i = 0; i < from->count; i++) {
		const struct vmctl_instance *in = from->items[i];
		auto_free char *port =
			in->ssh_port && in->ssh_port != 22 && *in->address
				? str_printf(":%lld", (long long)in->ssh_port)
				: NULL;

		cli_note(cli, "%4zu  %-*s  %s  %s%s", i + 1, width, in->name,
			 vmctl_state_name(in->state),
			 *in->address ? in->address : "no address yet",
			 port ? port : "");
	}
}

/* The number in the list, from 1; 0: none. */
static size_t number_of(const char *answer, size_t most)
{
	size_t n = 0;

	for (const char *c = answer; *c; c++) {
		if (*c < '0' || *c > '9' || n > most)
			return 0;
		n = n * 10 + (size_t)(*c - '0');
	}
	return n <= most ? n : 0;
}

/* What was typed, as a number of the list, a name or an id. A name may be a
 * number too: then what it is in the list must be the same. */
static const struct vmctl_instance *
meant(struct cli *cli, const struct running *from, const char *answer)
{
	size_t number = number_of(answer, from->count);
	const struct vmctl_instance *found =
		number ? from->items[number - 1] : NULL;

	for (size_t i = 0; i < from->count; i++) {
		const struct vmctl_instance *in = from->items[i];

		if (!str_eq(in->name, answer) && !str_eq(in->id, answer))
			continue;
		if (!found || found == in)
			return in;
		cli_note(cli,
			 "%s is the name of one and the number of another: "
			 "type %s or %s",
			 answer, in->id, found->id);
		return NULL;
	}
	if (!found && *answer)
		cli_note(cli, "there is no '%s' among them", answer);
	return found;
}

/* Without the blanks around it, in place. */
static char *trim(char *text)
{
	char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text;
}

static int let_choose(struct cli *cli, const struct running *from,
		      const struct vmctl_instance **ret,
		      struct vmctl_error *err)
{
	auto_free char *prompt =
		str_printf("which one? [1-%zu or a name] ", from->count);
	char answer[256];

	if (!prompt)
		return fail_oom(err);
	show(cli, from);
	do {
		if (!ask_line(cli, prompt, answer, sizeof(answer))) {
			if (cli_interrupted())
				return fail(err, VMCTL_CANCELLED, 0,
					    "interrupted");
			return fail(err, VMCTL_FAILED, 0, "none was chosen");
		}
		*ret = meant(cli, from, trim(answer));
	} while (!*ret);
	return 0;
}

static int choose(struct cli *cli, const struct vmctl_instance_list *list,
		  const struct running *from, char **ret,
		  struct vmctl_error *err)
{
	const struct vmctl_instance *found = NULL;
	int r = 0;

	if (from->count == 0)
		return fail_none(list, err);
	if (from->count == 1) {
		found = from->items[0];
		cli_note(cli, "%s, the only one that runs", found->name);
	} else if (!cli->tty_in || !cli->tty_err || cli->globals.quiet) {
		r = fail_several(cli, from, err);
	} else {
		r = let_choose(cli, from, &found, err);
	}
	if (r < 0)
		return r;
	*ret = strdup(found->name);
	return *ret ? 0 : fail_oom(err);
}

int cli_choose_instance(struct cli *cli, char **ret, struct vmctl_error *err)
{
	auto_instances *list = NULL;
	struct vmctl_error unreachable = { 0 };
	struct running from = { 0 };
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_instance_list(ctx, 0, &list, &unreachable, err);
	if (r < 0)
		return r;
	if (unreachable.code) {
		*err = unreachable;
		return -VMCTL_HYPERVISOR;
	}
	r = find_running(list, &from, err);
	if (r == 0)
		r = choose(cli, list, &from, ret, err);
	free(from.items);
	return r;
}
