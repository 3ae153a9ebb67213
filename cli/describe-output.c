/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/describe.h"

/* The records: the section OUTPUT of a command, all of them for
 * vmctl-output(5), and a list for tests. */

static const char *unit(const struct field *field)
{
	switch (field->type) {
	case FIELD_SIZE:
		return ", bytes";
	case FIELD_DURATION:
		return ", seconds";
	default:
		return "";
	}
}

/* "integer, bytes"; "time or null". */
static void add_type(const struct field *field, struct str *out)
{
	const char *type = field_json_type(field);
	int len = (int)strcspn(type, "|");

	str_addf(out, "%.*s%s%s", len, type, unit(field),
		 type[len] ? " or null" : "");
}

static void add_fields(const struct field *f, struct str *out)
{
	str_add(out, ".Bl -tag -width Ds -compact\n");
	for (; f->key; f++) {
		str_addf(out, ".It Cm %s Pq ", f->key);
		add_type(f, out);
		str_addc(out, '\n');
		describe_about(f->help ? f->help : f->heading, ".", out);
	}
	str_add(out, ".El\n");
}

void describe_output(const struct command *cmd, struct str *out)
{
	if (!cmd || !cmd->record)
		return;
	str_add(out, "These are the fields, as\n.Fl -output Cm json\nnames "
		     "them and\n.Fl -columns\ntakes them, with their types, "
		     "which are explained in\n.Xr vmctl-output 5 :\n.Pp\n");
	add_fields(cmd->record->fields, out);
}

/* Whether no command before this one has the same. */
static bool is_first(size_t at)
{
	const struct record *record = commands[at]->record;

	for (size_t i = 0; record && i < at; i++) {
		if (commands[i]->record == record)
			return false;
	}
	return record != NULL;
}

static void add_users(const struct record *record, struct str *out)
{
	const char *before = "Given by\n";

	for (size_t i = 0; commands[i]; i++) {
		const char *end = ".";

		if (commands[i]->record != record)
			continue;
		for (size_t j = i + 1; commands[j]; j++) {
			if (commands[j]->record == record)
				end = ",";
		}
		str_addf(out, "%s.Ic %s %s\n", before, commands[i]->path, end);
		before = "";
	}
	str_add(out, ".Pp\n");
}

void describe_records(const struct command *unused, struct str *out)
{
	for (size_t i = 0; commands[i]; i++) {
		if (!is_first(i))
			continue;
		str_addf(out, ".Ss %s\n", commands[i]->record->name);
		add_users(commands[i]->record, out);
		add_fields(commands[i]->record->fields, out);
	}
}

void describe_schema(struct str *out)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct record *record = commands[i]->record;

		if (!is_first(i))
			continue;
		for (const struct field *f = record->fields; f->key; f++)
			str_addf(out, "%s\t%s\t%s\n", record->name, f->key,
				 field_json_type(f));
	}
}
