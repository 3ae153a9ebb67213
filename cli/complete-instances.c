/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Completers of the names of instances, from the database. */

DEFINE_CLEANUP(list, struct vmctl_instance_list *, vmctl_instance_list_free);

/* Whether a word stands on the line already. */
static bool is_given(const struct cli *cli, const char *name)
{
	for (int i = 1; i < cli->word_count; i++)
		if (str_eq(cli->words[i], name))
			return true;
	return false;
}

/* "running, 127.0.0.1:2201" */
static void add_one(const struct vmctl_instance *in, struct str *out)
{
	auto_str about = STR_INIT;

	str_add(&about, vmctl_state_name(in->state));
	if (in->address && *in->address)
		str_addf(&about, ", %s", in->address);
	if (in->address && *in->address && in->ssh_port != 22)
		str_addf(&about, ":%lld", (long long)in->ssh_port);
	completion_add(out, in->name, str_text(&about));
}

/* What the database says of a state may be old (a guest that powered itself
 * off): where what is typed begins none of the names that are wanted, it may
 * begin any. */
static void add_instances(struct cli *cli, const char *prefix, struct str *out,
			  bool (*want)(enum vmctl_state state))
{
	auto_cleanup(list_cleanup) struct vmctl_instance_list *list = NULL;
	struct vmctl *ctx;
	bool found = false;

	if (cli_context(cli, &ctx, NULL) ||
	    vmctl_instance_list(ctx, VMCTL_LIST_CACHED | VMCTL_LIST_BRIEF,
				&list, NULL, NULL))
		return;
	for (int pass = 0; pass < 2 && !found; pass++) {
		for (size_t i = 0; i < list->count; i++) {
			const struct vmctl_instance *in = list->items[i];

			if (!str_starts(in->name, prefix) ||
			    (pass == 0 && want && !want(in->state)) ||
			    is_given(cli, in->name))
				continue;
			add_one(in, out);
			found = true;
		}
		if (!*prefix)
			break;
	}
}

static bool runs(enum vmctl_state state)
{
	return state == VMCTL_STATE_RUNNING || state == VMCTL_STATE_PAUSED ||
	       state == VMCTL_STATE_STOPPING || state == VMCTL_STATE_PENDING;
}

static bool can_start(enum vmctl_state state)
{
	return state != VMCTL_STATE_PENDING && state != VMCTL_STATE_RUNNING;
}

void complete_instances(struct cli *cli, const char *prefix, struct str *out)
{
	add_instances(cli, prefix, out, NULL);
}

void complete_running(struct cli *cli, const char *prefix, struct str *out)
{
	add_instances(cli, prefix, out, runs);
}

void complete_stopped(struct cli *cli, const char *prefix, struct str *out)
{
	add_instances(cli, prefix, out, can_start);
}

void complete_logins(struct cli *cli, const char *prefix, struct str *out)
{
	const char *at = strrchr(prefix, '@');
	int head = at ? (int)(at + 1 - prefix) : 0;
	auto_str names = STR_INIT;

	complete_running(cli, prefix + head, &names);
	for (const char *p = str_text(&names); *p;) {
		size_t line = strcspn(p, "\n") + 1;

		str_addn(out, prefix, (size_t)head);
		str_addn(out, p, line);
		p += line;
	}
}
