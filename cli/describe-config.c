/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/describe.h"

/* The settings, for vmctl-config(5). */

static void add_value(const struct vmctl_setting *s, struct str *out)
{
	if (!s->choices) {
		str_addf(out, " Ar %s", vmctl_setting_type_name(s->type));
		return;
	}
	str_add(out, " Cm");
	for (size_t i = 0; s->choices[i]; i++)
		str_addf(out, "%s%s", i ? " | " : " ", s->choices[i]);
}

static void add_default(const struct vmctl_setting *s, struct str *out)
{
	auto_free char *text = NULL;

	text = str_printf("The default is %s",
			  s->fallback ? s->fallback : s->fallback_about);
	if (text)
		describe_about(text, ".", out);
}

void describe_settings(const struct command *unused, struct str *out)
{
	str_add(out, ".Bl -tag -width Ds\n");
	for (const struct vmctl_setting *s = vmctl_settings(); s->key; s++) {
		str_addf(out, ".It Cm %s", s->key);
		add_value(s, out);
		str_addc(out, '\n');
		describe_about(s->about, ".", out);
		if (s->type == VMCTL_SETTING_NAMES)
			str_add(out, "It is a list.\n");
		if (s->fallback || s->fallback_about)
			add_default(s, out);
		if (s->environment)
			str_addf(out,
				 "The variable\n.Ev %s\ncomes before it.\n",
				 s->environment);
	}
	str_add(out, ".El\n");
}
