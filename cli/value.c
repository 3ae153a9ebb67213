/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/value.h"
#include "base/units.h"

/* Options: looking them up, and turning text into typed values. */

const struct option *option_by_name(const struct option *opts, const char *name,
				    size_t len)
{
	for (; opts && opts->name; opts++) {
		if (strlen(opts->name) == len &&
		    memcmp(opts->name, name, len) == 0)
			return opts;
	}
	return NULL;
}

const struct option *option_by_letter(const struct option *opts, char letter)
{
	for (; opts && opts->name; opts++) {
		if (opts->letter && opts->letter == letter)
			return opts;
	}
	return NULL;
}

bool option_applies(const struct option *opt, const struct command *cmd)
{
	return !cmd || !opt->needs || cmd->flags & opt->needs;
}

bool option_takes_value(const struct option *opt)
{
	return opt->type != VALUE_FLAG && opt->type != VALUE_COUNT;
}

/* Choices are shown where they are few; --output has its metavar. */
bool option_shows_choices(const struct option *opt)
{
	size_t len = 0;

	for (size_t i = 0; opt->choices && opt->choices[i]; i++)
		len += strlen(opt->choices[i]) + 1;
	return len && (len <= 24 || !opt->metavar);
}

void option_metavar(const struct option *opt, struct str *out)
{
	if (!option_shows_choices(opt)) {
		str_addf(out, opt->bare ? "[%s]" : "%s", opt->metavar);
		return;
	}
	for (size_t i = 0; opt->choices[i]; i++)
		str_addf(out, "%s%s", i ? "|" : "", opt->choices[i]);
}

void option_about(const struct option *opt, struct str *out)
{
	str_add(out, opt->help);
	if (!opt->choices || option_shows_choices(opt))
		return;
	for (size_t i = 0; opt->choices[i]; i++)
		str_addf(out, "%s%s",
			 i == 0		       ? ": "
			 : opt->choices[i + 1] ? ", "
					       : " or ",
			 opt->choices[i]);
}

int strings_add(struct strings *list, const char *text, struct vmctl_error *err)
{
	const char **grown;

	grown = realloc(list->items, (list->count + 2) * sizeof(*grown));
	if (!grown)
		return fail_oom(err);
	grown[list->count++] = text;
	grown[list->count] = NULL;
	list->items = grown;
	return 0;
}

static int store_choice(const struct option *opt, const char *text,
			const char **ret, struct vmctl_error *err)
{
	auto_str all = STR_INIT;
	auto_free char *before = str_printf("--%s ", opt->name);
	int rc;

	for (size_t i = 0; opt->choices[i]; i++) {
		if (str_eq(opt->choices[i], text)) {
			*ret = opt->choices[i];
			return 0;
		}
		str_addf(&all, "%s%s", i ? ", " : "", opt->choices[i]);
	}
	rc = fail(err, VMCTL_INVALID, 0, "--%s: '%s' is not one of %s",
		  opt->name, text, str_text(&all));
	fail_hint_nearest(err, text, opt->choices, before ? before : "", NULL);
	return rc;
}

/* Some of the choices, joined by commas; those in the list are static. */
static int store_choices(const struct option *opt, const char *text,
			 struct strings *list, struct vmctl_error *err)
{
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, ",");
		auto_free char *word = strndup(p, n);
		const char *choice;
		int rc = word ? store_choice(opt, word, &choice, err)
			      : fail_oom(err);

		if (rc == 0)
			rc = strings_add(list, choice, err);
		p += n;
		if (rc || !*p)
			return rc;
	}
}

static int store_duration(const struct option *opt, const char *text,
			  const char *label, int64_t *member,
			  struct vmctl_error *err)
{
	char least[DURATION_TEXT];
	int64_t ms;
	int r = parse_duration(text, label, &ms, err);

	if (r == 0 && ms < opt->min)
		r = fail(err, VMCTL_INVALID, 0, "%s must be at least %s", label,
			 format_duration(opt->min, least));
	if (r == 0)
		*member = ms;
	return r;
}

int value_store(const struct option *opt, const char *text, void *base,
		struct vmctl_error *err)
{
	void *member = (char *)base + opt->offset;
	char label[64];

	snprintf(label, sizeof(label), "--%s", opt->name);
	switch (opt->type) {
	case VALUE_FLAG:
		*(bool *)member = true;
		return 0;
	case VALUE_COUNT:
		++*(int *)member;
		return 0;
	case VALUE_STRING:
		*(const char **)member = text;
		return 0;
	case VALUE_CHOICE:
		return store_choice(opt, text, member, err);
	case VALUE_INT:
		return parse_int(text, label, opt->min, opt->max, member, err);
	case VALUE_SIZE:
		return parse_size(text, label, member, err);
	case VALUE_DURATION:
		return store_duration(opt, text, label, member, err);
	case VALUE_STRINGS:
		return opt->choices ? store_choices(opt, text, member, err)
				    : strings_add(member, text, err);
	}
	return fail(err, VMCTL_INTERNAL, 0, "--%s has no type", opt->name);
}

static void free_strings(const struct command *cmd, void *opts)
{
	for (const struct option *o = cmd->opts; o && o->name; o++) {
		if (o->type == VALUE_STRINGS)
			free(((struct strings *)((char *)opts + o->offset))
				     ->items);
	}
	for (const struct argument *a = cmd->args; a && a->name; a++) {
		if (a->many || a->after_dashes)
			free(((struct strings *)((char *)opts + a->offset))
				     ->items);
	}
}

void parsed_done(struct parsed *p)
{
	if (p->opts && p->command)
		free_strings(p->command, p->opts);
	free(take_ptr(&p->opts));
}
