/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/command.h"
#include "cli/render/width.h"

/* --help: made from the structs; touches neither database nor hypervisor. */

#define INDENT 2
#define LEFT_MAX 30 /* a longer left side has its own line */

/* What stands in two columns. Without `right`, a heading. */
struct row {
	char *left, *right;
};

struct rows {
	struct row *items;
	size_t count;
	bool oom;
};

static void rows_add(struct rows *rows, char *left, char *right)
{
	struct row *grown;

	grown = realloc(rows->items, (rows->count + 1) * sizeof(*grown));
	if (!grown || !left) {
		free(left);
		free(right);
		rows->oom = true;
		rows->items = grown ? grown : rows->items;
		return;
	}
	rows->items = grown;
	grown[rows->count++] = (struct row){ left, right };
}

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].left);
		free(rows->items[i].right);
	}
	free(rows->items);
}
#define auto_rows auto_cleanup(rows_done) struct rows

static void pad(int n, struct str *out)
{
	for (; n > 0; n--)
		str_addc(out, ' ');
}

/* Fills lines up to `width`, each after the first indented. `at` is the
 * column that the first begins in. Ends with a line feed. */
static void wrap(const char *text, int at, int indent, int width,
		 struct str *out)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		auto_free char *word = strndup(text, len);
		int columns = word ? width_of(word) : 0;

		if (at > indent && at + 1 + columns > width) {
			str_addc(out, '\n');
			pad(indent, out);
			at = indent;
		} else if (at > indent) {
			str_addc(out, ' ');
			at++;
		}
		str_addn(out, text, len);
		at += columns;
		text += len;
		text += strspn(text, " ");
	}
	str_addc(out, '\n');
}

static void rows_print(const struct rows *rows, int width, struct str *out)
{
	int column = 0;

	for (size_t i = 0; i < rows->count; i++) {
		int left = width_of(rows->items[i].left);

		if (rows->items[i].right && left <= LEFT_MAX && left > column)
			column = left;
	}
	column += 2 * INDENT;
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		int left = INDENT + width_of(row->left);

		if (!row->right) {
			str_addf(out, "\n%s:\n", row->left);
			continue;
		}
		str_addf(out, "%*s%s", INDENT, "", row->left);
		if (left + INDENT > column) {
			str_addc(out, '\n');
			left = 0;
		}
		pad(column - left, out);
		wrap(row->right, column, column, width, out);
	}
	if (rows->oom)
		out->oom = true;
}

/* "-k, --key NAME"; the letters stand under each other. */
static char *option_left(const struct option *opt)
{
	auto_str left = STR_INIT;
	char *text = NULL;

	if (opt->letter)
		str_addf(&left, "-%c, ", opt->letter);
	else
		str_add(&left, "    ");
	str_addf(&left, "--%s", opt->name);
	if (option_takes_value(opt)) {
		str_addc(&left, ' ');
		option_metavar(opt, &left);
	}
	return str_take(&left, &text, NULL) ? NULL : text;
}

static char *option_right(const struct option *opt)
{
	bool many = opt->type == VALUE_STRINGS;
	auto_str right = STR_INIT;
	char *text = NULL;

	option_about(opt, &right);
	if (many || opt->fallback)
		str_addf(&right, " (%s%s%s%s)", many ? "may be repeated" : "",
			 many && opt->fallback ? "; " : "",
			 opt->fallback ? "default: " : "",
			 opt->fallback ? opt->fallback : "");
	return str_take(&right, &text, NULL) ? NULL : text;
}

static void add_options(const struct option *opts, const char *heading,
			struct rows *rows)
{
	if (!opts || !opts->name)
		return;
	rows_add(rows, str_dup(heading), NULL);
	for (; opts->name; opts++)
		rows_add(rows, option_left(opts), option_right(opts));
}

static void add_arguments(const struct command *cmd, struct rows *rows)
{
	const struct argument *a = cmd->args;

	if (!a || !a->name)
		return;
	rows_add(rows, str_dup("Arguments"), NULL);
	for (; a->name; a++)
		rows_add(rows, str_dup(a->name), str_dup(a->help));
}

static void add_examples(const struct command *cmd, int width, struct str *out)
{
	const struct example *e = cmd->examples;

	if (!e || !e->command)
		return;
	str_add(out, "\nExamples:\n");
	for (; e->command; e++) {
		auto_str about = STR_INIT;

		add_sentence(e->about, ".", &about);
		str_addf(out, "%*s%s\n%*s", INDENT, "", e->command, 3 * INDENT,
			 "");
		wrap(str_text(&about), 3 * INDENT, 3 * INDENT, width, out);
	}
}

static void add_fields(const struct command *cmd, int width, struct str *out)
{
	auto_str list = STR_INIT;

	if (!cmd->record)
		return;
	for (const struct field *f = cmd->record->fields; f->key; f++)
		str_addf(&list, "%s%s", list.len ? ", " : "", f->key);
	str_add(out, "\nFields (-o json, --columns):\n  ");
	wrap(str_text(&list), INDENT, INDENT, width, out);
}

static void add_exits(const struct command *cmd, struct rows *rows)
{
	rows_add(rows, str_dup("Exit status"), NULL);
	for (int i = 0; i <= 2; i++)
		rows_add(rows, str_printf("%d", i),
			 str_dup(i == 0 && cmd->flags & COMMAND_PASSES_STATUS
					 ? "done, and the guest's command "
					   "ended with 0"
					 : vmctl_exit_summary(i)));
	for (const int *e = cmd->exits; e && *e; e++) {
		const char *about = vmctl_exit_summary(*e);

		if (about)
			rows_add(rows, str_printf("%d", *e), str_dup(about));
	}
	if (!(cmd->flags & COMMAND_PASSES_STATUS))
		return;
	rows_add(rows, str_dup("any"), str_dup("of the guest's command"));
	rows_add(rows, str_dup("124"), str_dup("the command's time ran out"));
	rows_add(rows, str_dup("128+N"),
		 str_dup("the command died by signal N"));
	rows_add(rows, str_dup("255"), str_dup("the connection failed"));
}

static void one_help(const struct command *cmd, int width, struct str *out)
{
	auto_rows rows = { 0 }, exits = { 0 };
	auto_str summary = STR_INIT;

	str_add(out, "usage: ");
	command_usage(cmd, out);
	if (command_has_short_form(cmd)) {
		str_add(out, "\n       ");
		command_short_usage(cmd, out);
	}
	str_add(out, "\n\n");
	add_sentence(cmd->summary, ".", &summary);
	wrap(str_text(&summary), 0, 0, width, out);
	if (cmd->aliases && cmd->aliases[0]) {
		str_add(out, "Also:");
		for (size_t i = 0; cmd->aliases[i]; i++)
			str_addf(out, "%s vmctl %s", i ? "," : "",
				 cmd->aliases[i]);
		str_addc(out, '\n');
	}
	add_arguments(cmd, &rows);
	add_options(cmd->opts, "Options", &rows);
	rows_print(&rows, width, out);
	add_fields(cmd, width, out);
	add_examples(cmd, width, out);
	add_exits(cmd, &exits);
	rows_print(&exits, width, out);
	str_add(out, "\nGlobal options: see vmctl --help.\n");
}

static void add_commands(struct rows *rows)
{
	enum command_group group = GROUP_HIDDEN;

	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];

		if (cmd->group == GROUP_HIDDEN)
			continue;
		if (cmd->group != group)
			rows_add(rows, str_dup(group_title(cmd->group)), NULL);
		group = cmd->group;
		rows_add(rows, str_dup(cmd->path), str_dup(cmd->summary));
	}
}

static void all_help(int width, struct str *out)
{
	auto_rows list = { 0 }, options = { 0 };

	str_add(out, "usage: vmctl [global options] COMMAND [arguments]\n\n"
		     "Virtual machines from a terminal.\n");
	add_commands(&list);
	rows_print(&list, width, out);
	add_options(global_options, "Global options", &options);
	rows_print(&options, width, out);
	str_add(out, "\nvmctl COMMAND --help tells more of one.\n");
}

int command_help(const struct command *cmd, int width, struct str *out)
{
	if (cmd)
		one_help(cmd, width, out);
	else
		all_help(width, out);
	return str_check(out, NULL);
}

int noun_help(const char *noun, int width, struct str *out)
{
	auto_rows rows = { 0 };
	const struct command *cmd = NULL;

	str_addf(out, "usage: vmctl %s VERB [arguments]\n\n", noun);
	while ((cmd = noun_next(noun, cmd)))
		rows_add(&rows, str_dup(cmd->path), str_dup(cmd->summary));
	rows_print(&rows, width, out);
	str_addf(out, "\nvmctl %s VERB --help tells more of one.\n", noun);
	return str_check(out, NULL);
}

/* Commands of one noun stand together: "image import|list|show". */
static bool same_noun(const struct command *a, const struct command *b)
{
	size_t noun = strcspn(b->path, " ");

	return a && b->path[noun] && strncmp(a->path, b->path, noun + 1) == 0;
}

#define GROUP_COLUMN 13

/* A word of the short help, in a line of its own where it does not fit. */
static void add_unit(struct str *unit, int width, int *at, struct str *out)
{
	if (!unit->len)
		return;
	if (*at > GROUP_COLUMN && *at + 1 + (int)unit->len > width) {
		str_addf(out, "\n%*s", GROUP_COLUMN, "");
		*at = GROUP_COLUMN;
	} else if (*at > GROUP_COLUMN) {
		str_addc(out, ' ');
		++*at;
	}
	str_add(out, str_text(unit));
	*at += (int)unit->len;
	str_done(unit);
}

/* "Images       image import|list|show" */
void short_help(struct str *out)
{
	const struct command *last = NULL;
	int at = GROUP_COLUMN, width = help_width();
	auto_str unit = STR_INIT;

	str_add(out, "usage: vmctl COMMAND [arguments]\n");
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];

		if (cmd->group == GROUP_HIDDEN)
			continue;
		if (same_noun(last, cmd)) {
			str_addf(&unit, "|%s", strchr(cmd->path, ' ') + 1);
			continue;
		}
		add_unit(&unit, width, &at, out);
		if (!last || last->group != cmd->group) {
			str_addf(out, "\n  %-10s ", group_title(cmd->group));
			at = GROUP_COLUMN;
		}
		str_add(&unit, cmd->path);
		last = cmd;
	}
	add_unit(&unit, width, &at, out);
	str_add(out, "\n\nvmctl --help tells more.\n");
}
