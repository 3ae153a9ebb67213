/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/describe.h"

/*
 * mdoc for the manual, made from the structs, and a list for lints.
 *
 * How to add a page: man/vmctl-<path-with-hyphens>.1.in holds the prose, with
 * these marks, each alone on its line, where text is put in:
 *
 *	@NAME@         the name and the summary, below .Sh NAME
 *	@SYNOPSIS@     the command line, below .Sh SYNOPSIS
 *	@OPTIONS@      arguments and options, below .Sh OPTIONS
 *	@OUTPUT@       the fields of the record, below .Sh OUTPUT; only for
 *	               commands that have a record
 *	@EXIT_STATUS@  below .Sh EXIT STATUS
 *	@EXAMPLES@     below .Sh EXAMPLES
 *
 * and in vmctl.1.in also @COMMANDS@ and, by @OPTIONS@, the global options; in
 * vmctl-config.5.in @SETTINGS@, in vmctl-output.5.in @RECORDS@ and
 * @CODES@.
 * `vmctl __describe man FILE` writes the page; the build does that for each.
 * `mandoc -Tlint` has to be silent about the result.
 */

#define TEXT_WIDTH 76 /* of input lines; mandoc complains from 80 on */

/* One word on a text line: a backslash begins an escape, and a dot or
 * apostrophe a request at the beginning of the line. */
static void add_word(const char *word, size_t len, bool first, struct str *out)
{
	if (first && (*word == '.' || *word == '\''))
		str_add(out, "\\&");
	for (; len; len--, word++) {
		if (*word == '\\')
			str_add(out, "\\e");
		else
			str_addc(out, *word);
	}
}

/* Text as lines of at most TEXT_WIDTH, without a line feed at the end. */
static void add_text(const char *text, struct str *out)
{
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (at && at + 1 + len > TEXT_WIDTH) {
			str_addc(out, '\n');
			at = 0;
		} else if (at) {
			str_addc(out, ' ');
			at++;
		}
		add_word(text, len, at == 0, out);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
}

/* Help text as a sentence, in lines. */
void describe_about(const char *text, const char *stop, struct str *out)
{
	auto_str sentence = STR_INIT;

	add_sentence(text, stop, &sentence);
	add_text(str_text(&sentence), out);
	str_addc(out, '\n');
}

/* --- the sections -------------------------------------------------------- */

static void add_page_name(const struct command *cmd, struct str *out)
{
	str_add(out, "vmctl");
	if (!cmd)
		return;
	str_addc(out, '-');
	for (const char *p = cmd->path; *p; p++)
		str_addc(out, *p == ' ' ? '-' : *p);
}

static void section_name(const struct command *cmd, struct str *out)
{
	str_add(out, ".Nm ");
	add_page_name(cmd, out);
	str_addf(out, "\n.Nd %s\n",
		 cmd ? cmd->summary : "virtual machines from a terminal");
}

/* "Ar NAME" or "Cm auto | kvm", as arguments of another macro. */
static void add_value(const struct option *opt, struct str *out)
{
	if (!option_takes_value(opt))
		return;
	if (!option_shows_choices(opt)) {
		str_addf(out, "%s Ar %s", opt->bare ? " Op" : "", opt->metavar);
		return;
	}
	str_add(out, " Cm");
	for (size_t i = 0; opt->choices[i]; i++)
		str_addf(out, "%s%s", i ? " | " : " ", opt->choices[i]);
}

static void add_synopsis_argument(const struct command *cmd,
				  const struct argument *a, struct str *out)
{
	bool stops = cmd->flags & COMMAND_STOPS_AT_ARGS &&
		     !command_has_short_form(cmd);

	str_add(out, a->optional ? ".Op " : ".");
	if (a->after_dashes && !stops)
		str_add(out, "Fl - ");
	str_addf(out, "Ar %s%s\n", a->name,
		 a->many || a->after_dashes ? " ..." : "");
}

static void section_synopsis(const struct command *cmd, struct str *out)
{
	str_add(out, ".Nm vmctl\n");
	if (!cmd) {
		str_add(out, ".Op Ar global-option ...\n.Ar command\n"
			     ".Op Ar argument ...\n");
		return;
	}
	str_addf(out, ".Cm %s\n", cmd->path);
	for (const struct option *o = cmd->opts; o && o->name; o++) {
		str_addf(out, ".Op Fl -%s", o->name);
		add_value(o, out);
		str_add(out, o->type == VALUE_STRINGS ? " ...\n" : "\n");
	}
	for (const struct argument *a = cmd->args; a && a->name; a++)
		add_synopsis_argument(cmd, a, out);
	if (!command_has_short_form(cmd))
		return;
	str_addf(out, ".Nm vmctl\n.Cm %s\n.Op Ar option ...\n", cmd->path);
	for (const struct argument *a = cmd->args; a->name; a++)
		str_addf(out, ".Ar %s%s\n", a->name,
			 a->after_dashes ? " ..." : "");
}

static void add_option(const struct option *o, struct str *out)
{
	auto_str about = STR_INIT;

	str_add(out, ".It ");
	if (o->letter)
		str_addf(out, "Fl %c , ", o->letter);
	str_addf(out, "Fl -%s", o->name);
	add_value(o, out);
	str_addc(out, '\n');
	option_about(o, &about);
	describe_about(str_text(&about), ".", out);
	if (o->type == VALUE_STRINGS)
		str_add(out, "May be given several times.\n");
	if (o->fallback) {
		auto_free char *text = NULL;

		text = str_printf("The default is %s", o->fallback);
		if (text)
			describe_about(text, ".", out);
	}
}

static void add_aliases(const struct command *cmd, struct str *out)
{
	if (!cmd->aliases || !cmd->aliases[0])
		return;
	str_add(out, "The command may also be written\n");
	for (size_t i = 0; cmd->aliases[i]; i++)
		str_addf(out, "%s.Cm %s%s\n", i ? "or\n" : "", cmd->aliases[i],
			 cmd->aliases[i + 1] ? "" : " .");
}

static void section_options(const struct command *cmd, struct str *out)
{
	const struct argument *a = cmd ? cmd->args : NULL;
	const struct option *o = cmd ? cmd->opts : global_options;

	if ((a && a->name) || (o && o->name)) {
		str_add(out, ".Bl -tag -width Ds\n");
		for (; a && a->name; a++) {
			str_addf(out, ".It Ar %s\n", a->name);
			describe_about(a->help, ".", out);
		}
		for (; o && o->name; o++)
			add_option(o, out);
		str_add(out, ".El\n.Pp\n");
	}
	if (cmd) {
		add_aliases(cmd, out);
		str_add(out, "The global options are described in\n"
			     ".Xr vmctl 1 .\n");
	} else {
		str_add(out, "They may stand before or after the command.\n");
	}
}

static void add_exit(const char *status, const char *about, struct str *out)
{
	if (!about)
		return;
	str_addf(out, ".It %s\n", status);
	describe_about(about, ".", out);
}

static void section_exit(const struct command *cmd, struct str *out)
{
	char status[16];

	str_add(out, ".Bl -tag -width Ds\n");
	for (int i = 0; i <= (cmd ? 2 : 8); i++) {
		snprintf(status, sizeof(status), "%d", i);
		add_exit(status, vmctl_exit_summary(i), out);
	}
	for (const int *e = cmd ? cmd->exits : NULL; e && *e; e++) {
		snprintf(status, sizeof(status), "%d", *e);
		add_exit(status, vmctl_exit_summary(*e), out);
	}
	if (!cmd || cmd->flags & COMMAND_PASSES_STATUS) {
		add_exit("124",
			 "the time allowed for a command in the guest "
			 "ran out",
			 out);
		add_exit("128+N", "the command in the guest died by signal N",
			 out);
		add_exit("255", "the connection to the guest failed", out);
	}
	if (!cmd)
		add_exit("130", "interrupted", out);
	str_add(out, ".El\n");
	if (cmd && cmd->flags & COMMAND_PASSES_STATUS)
		str_add(out, ".Pp\nOnce the command in the guest has run, the "
			     "exit status is its own.\n");
}

/* Of errors: their names in JSON, and the statuses they end a command with. */
static void section_codes(const struct command *unused, struct str *out)
{
	str_add(out, ".Bl -tag -width Ds -compact\n");
	for (int i = VMCTL_OK + 1; i < VMCTL_CODE_COUNT; i++) {
		str_addf(out, ".It Cm %s Pq %d\n", vmctl_code_name(i),
			 vmctl_code_exit(i));
		describe_about(vmctl_code_summary(i), ".", out);
	}
	str_add(out, ".El\n");
}

static void section_examples(const struct command *cmd, struct str *out)
{
	const struct example *e = cmd ? cmd->examples : NULL;

	for (; e && e->command; e++) {
		describe_about(e->about, ":", out);
		str_add(out, ".Bd -literal -offset indent\n$ ");
		add_word(e->command, strlen(e->command), false, out);
		str_add(out, "\n.Ed\n");
		if (e[1].command)
			str_add(out, ".Pp\n");
	}
}

static void section_commands(const struct command *unused, struct str *out)
{
	enum command_group group = GROUP_HIDDEN;

	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];

		if (cmd->group == GROUP_HIDDEN)
			continue;
		if (cmd->group != group) {
			if (group != GROUP_HIDDEN)
				str_add(out, ".El\n");
			str_addf(out,
				 ".Ss %s\n.Bl -tag -width image-generate "
				 "-compact\n",
				 group_title(cmd->group));
			group = cmd->group;
		}
		str_addf(out, ".It Cm %s\n", cmd->path);
		describe_about(cmd->summary, ".", out);
	}
	if (group != GROUP_HIDDEN)
		str_add(out, ".El\n");
}

int describe_mdoc(const struct command *cmd, const char *section,
		  struct str *out, struct vmctl_error *err)
{
	static const struct {
		const char *name;
		void (*add)(const struct command *cmd, struct str *out);
	} sections[] = {
		{ "NAME", section_name },
		{ "SYNOPSIS", section_synopsis },
		{ "OPTIONS", section_options },
		{ "OUTPUT", describe_output },
		{ "EXIT_STATUS", section_exit },
		{ "EXAMPLES", section_examples },
		{ "COMMANDS", section_commands },
		{ "SETTINGS", describe_settings },
		{ "RECORDS", describe_records },
		{ "CODES", section_codes },
	};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		if (!str_eq(sections[i].name, section))
			continue;
		sections[i].add(cmd, out);
		return str_check(out, err);
	}
	return fail(err, VMCTL_NOT_FOUND, 0, "a page has no section '%s'",
		    section);
}
