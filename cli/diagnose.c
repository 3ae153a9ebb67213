/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/diagnose.h"

#include <errno.h>

/* Why an instance cannot be used, below the error. */

#define TOPIC_WIDTH 10

/* The time ran out, or it stopped on the way: see vmctl_instance_wait_all(). */
static bool worth_it(const struct vmctl_error *err)
{
	return err->code == VMCTL_TIMEOUT || err->sys_errno == ETIMEDOUT ||
	       err->sys_errno == ESHUTDOWN;
}

void cli_diagnose(struct cli *cli, const char *name, struct vmctl_error *err)
{
	struct vmctl_diagnosis *d = NULL;
	struct vmctl *ctx;

	vmctl_diagnosis_free(take_ptr(&cli->diagnosis));
	if (!worth_it(err) || cli->globals.quiet ||
	    cli_context(cli, &ctx, NULL) < 0 ||
	    vmctl_instance_diagnose(ctx, name, &d, NULL) < 0)
		return;
	if (d->next)
		snprintf(err->hint, sizeof(err->hint), "%s", d->next);
	cli->diagnosis = d;
}

void diagnosis_text(struct cli *cli, struct str *out)
{
	const struct vmctl_diagnosis *d = cli->diagnosis;
	const char *last = "";

	for (size_t i = 0; d && i < d->count; i++) {
		const struct vmctl_finding *f = &d->items[i];

		str_addf(out, "  %-*s %s\n", TOPIC_WIDTH,
			 str_eq(f->topic, last) ? "" : f->topic, f->text);
		last = f->topic;
	}
	vmctl_diagnosis_free(take_ptr(&cli->diagnosis));
}

json_t *diagnosis_json(struct cli *cli)
{
	const struct vmctl_diagnosis *d = cli->diagnosis;
	json_t *list = d ? json_array() : NULL;

	for (size_t i = 0; list && i < d->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "topic",
						      d->items[i].topic, "text",
						      d->items[i].text));
	vmctl_diagnosis_free(take_ptr(&cli->diagnosis));
	return list;
}
