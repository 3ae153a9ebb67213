/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "cli/describe.h"

/* Whole pages of the manual, and the list of commands for lints. */

static bool path_is(const char *path, const char *page, size_t len)
{
	size_t i = 0;

	for (; i < len && path[i]; i++) {
		if (page[i] != (path[i] == ' ' ? '-' : path[i]))
			return false;
	}
	return i == len && !path[i];
}

/* The command of "man/vmctl-image-import.1.in"; NULL for vmctl.1.in and the
 * other sections. */
static int command_of_page(const char *file, const struct command **ret,
			   struct vmctl_error *err)
{
	const char *page = path_base(file), *end = strstr(page, ".1.in");
	size_t skip = strlen("vmctl-");

	if (str_eq(page, "vmctl.1.in") || (!end && str_ends(page, ".in"))) {
		*ret = NULL;
		return 0;
	}
	if (end && str_starts(page, "vmctl-")) {
		for (size_t i = 0; commands[i]; i++) {
			if (!path_is(commands[i]->path, page + skip,
				     (size_t)(end - page) - skip))
				continue;
			*ret = commands[i];
			return 0;
		}
	}
	return fail(err, VMCTL_NOT_FOUND, 0,
		    "%s: no command has a page of that name", file);
}

/* "@NAME@" alone on a line. */
static bool is_mark(const char *line, size_t len)
{
	return len > 2 && line[0] == '@' && line[len - 1] == '@';
}

int describe_page(const char *file, struct str *out, struct vmctl_error *err)
{
	const struct command *cmd = NULL;
	auto_str text = STR_INIT;
	int rc = command_of_page(file, &cmd, err);

	if (rc == 0)
		rc = file_read(file, 1 << 20, &text, err);
	for (const char *line = str_text(&text); rc == 0 && *line;) {
		size_t len = strcspn(line, "\n");

		if (is_mark(line, len)) {
			auto_free char *mark = strndup(line + 1, len - 2);

			rc = mark ? describe_mdoc(cmd, mark, out, err)
				  : fail_oom(err);
			if (rc == -VMCTL_NOT_FOUND)
				fail_prefix(err, "%s", file);
		} else {
			str_addn(out, line, len);
			str_addc(out, '\n');
		}
		line += len + (line[len] != 0);
	}
	return rc ? rc : str_check(out, err);
}

/* --- for lints ------------------------------------------------------------ */

static void list_options(const char *path, const char *kind,
			 const struct option *opts, struct str *out)
{
	for (; opts && opts->name; opts++) {
		str_addf(out, "%s\t%s\t--%s\t", path, kind, opts->name);
		if (opts->letter)
			str_addf(out, "-%c", opts->letter);
		str_addc(out, '\t');
		if (option_takes_value(opts))
			option_metavar(opts, out);
		str_addc(out, '\n');
	}
}

/*
 * One line each, tab-separated:
 *	<path>	command		<symbol>	<group>	<summary>
 *	<path>	alias		<path>
 *	<path>	argument	<name>
 *	<path>	option		--name	-letter or nothing metavar or nothing
 *	<path>	exit		<status>
 *	<path>	field		<key>		<type>
 * Hidden commands are left out. The global options, in the form of "option"
 * lines with the path "vmctl", are a list of their own.
 */
void describe_commands(struct str *out)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];
		const struct field *f;

		if (cmd->group == GROUP_HIDDEN)
			continue;
		str_addf(out, "%s\tcommand\t%s\t%s\t%s\n", cmd->path,
			 command_symbols[i], group_title(cmd->group),
			 cmd->summary);
		for (size_t j = 0; cmd->aliases && cmd->aliases[j]; j++)
			str_addf(out, "%s\talias\t%s\n", cmd->path,
				 cmd->aliases[j]);
		for (const struct argument *a = cmd->args; a && a->name; a++)
			str_addf(out, "%s\targument\t%s\n", cmd->path, a->name);
		list_options(cmd->path, "option", cmd->opts, out);
		for (const int *e = cmd->exits; e && *e; e++)
			str_addf(out, "%s\texit\t%d\n", cmd->path, *e);
		f = cmd->record ? cmd->record->fields : NULL;
		for (; f && f->key; f++)
			str_addf(out, "%s\tfield\t%s\t%s\n", cmd->path, f->key,
				 field_json_type(f));
	}
}

void describe_globals(struct str *out)
{
	list_options("vmctl", "option", global_options, out);
}
