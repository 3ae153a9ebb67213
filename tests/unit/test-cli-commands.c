/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
#include "cli/command.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

#include <ctype.h>

/* The real table: what no compiler checks of it. */

/* The command under test, for the message of a failure. */
static void expect(bool fine, const struct command *cmd, const char *what,
		   const char *why)
{
	if (!fine)
		print_error("# %s: %s %s\n", cmd ? cmd->path : "global", what,
			    why);
	assert_true(fine);
}

/* "lower case, no full stop": an upper-case word such as SSH may begin it. */
static bool is_plain(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len && text[len - 1] != '.' && text[0] != ' ' &&
	       (!isupper((unsigned char)text[0]) ||
		!islower((unsigned char)text[1])) &&
	       !strchr(text, '\n');
}

static bool is_word(const char *text)
{
	if (!islower((unsigned char)*text))
		return false;
	for (; *text; text++) {
		if (!islower((unsigned char)*text) &&
		    !isdigit((unsigned char)*text) && *text != '-')
			return false;
	}
	return true;
}

static void check_option(const struct command *cmd, const struct option *o)
{
	bool valued = option_takes_value(o);

	expect(is_word(o->name), cmd, o->name, "is not a lower-case word");
	expect(is_plain(o->help), cmd, o->name, "has a malformed help");
	expect(valued == (o->metavar || o->choices), cmd, o->name,
	       "needs a metavar when and only when it takes a value");
	/* Of several texts choices are what completion proposes. */
	expect(o->type == VALUE_STRINGS ||
		       (o->type == VALUE_CHOICE) == (o->choices != NULL),
	       cmd, o->name, "has choices, or lacks them, against its type");
	expect(!o->choices || o->choices[0], cmd, o->name, "has no choice");
	expect(o->type != VALUE_INT || o->min < o->max, cmd, o->name,
	       "has no range");
	expect(!cmd || o->offset < cmd->opts_size, cmd, o->name,
	       "is bound outside of the struct");
}

static void every_option_is_whole(void **state)
{
	for (const struct option *o = global_options; o->name; o++)
		check_option(NULL, o);
	for (size_t i = 0; commands[i]; i++) {
		const struct option *o = commands[i]->opts;

		for (; o && o->name; o++)
			check_option(commands[i], o);
	}
}

static void no_name_or_letter_means_two_options(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];

		for (const struct option *o = cmd->opts; o && o->name; o++) {
			size_t len = strlen(o->name);

			expect(!option_by_name(o + 1, o->name, len) &&
				       !option_by_name(global_options, o->name,
						       len),
			       cmd, o->name, "is there twice");
			expect(!o->letter ||
				       (!option_by_letter(o + 1, o->letter) &&
					!option_by_letter(global_options,
							  o->letter)),
			       cmd, o->name, "shares its letter");
		}
	}
	for (const struct option *o = global_options; o->name; o++)
		expect(!option_by_letter(o + 1, o->letter), NULL, o->name,
		       "shares its letter");
}

static void every_command_is_whole(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];
		const char *path = cmd->path;

		expect(cmd->run, cmd, "run", "is missing");
		expect(is_plain(cmd->summary), cmd, "summary", "is malformed");
		expect(strlen(cmd->summary) <= 60, cmd, "summary",
		       "is too long");
		expect(cmd->opts_size || !cmd->opts, cmd, "opts_size",
		       "is missing");
		expect(cmd->opts_size || !cmd->args, cmd, "opts_size",
		       "is missing");
		expect(cmd->group == GROUP_HIDDEN ||
			       (cmd->examples && cmd->examples[0].command),
		       cmd, "examples", "are missing");
		/* cmd_image_import is "image import". */
		if (cmd->group == GROUP_HIDDEN)
			continue;
		expect(str_starts(command_symbols[i], "cmd_"), cmd, "symbol",
		       "is odd");
		for (const char *s = command_symbols[i] + 4; *s; s++, path++)
			expect(*s == (isalnum((unsigned char)*path) ? *path
								    : '_'),
			       cmd, command_symbols[i], "is not its path");
	}
}

static void arguments_are_in_order(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];
		const struct argument *a = cmd->args;

		for (; a && a->name; a++) {
			bool last = !a[1].name || a[1].after_dashes;

			expect(is_plain(a->help), cmd, a->name,
			       "has a malformed help");
			expect(!islower((unsigned char)a->name[0]), cmd,
			       a->name, "is not in capitals");
			/* One may follow: it takes the last word. */
			expect(!a->many || last || a->after_dashes ||
				       (!a[1].many && !a[1].optional &&
					!a[2].name),
			       cmd, a->name, "takes all and is not the last");
			expect(!a->optional || last || a[1].optional, cmd,
			       a->name, "is optional before one that is not");
			expect(a->offset < cmd->opts_size, cmd, a->name,
			       "is bound outside of the struct");
		}
	}
}

static void examples_can_be_typed(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];

		for (const struct example *e = cmd->examples; e && e->command;
		     e++) {
			auto_free char *call =
				str_printf("vmctl %s", cmd->path);

			expect(strstr(e->command, "vmctl "), cmd, e->command,
			       "does not call vmctl");
			expect(strstr(e->command, call) || cmd->aliases, cmd,
			       e->command, "is about another command");
			expect(strlen(e->command) <= 76, cmd, e->command,
			       "is too long");
			expect(e->about && *e->about, cmd, e->command,
			       "is not explained");
		}
	}
}

static void every_exit_status_has_a_meaning(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		for (const int *e = commands[i]->exits; e && *e; e++) {
			expect(*e > 2 && vmctl_exit_summary(*e), commands[i],
			       "exits", "has a status of no meaning");
			expect(!e[1] || e[1] > *e, commands[i], "exits",
			       "are not in order");
		}
	}
}

static void every_path_and_alias_finds_its_command(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *const *alias = commands[i]->aliases;
		const char *path = commands[i]->path;

		for (; path; path = alias && *alias ? *alias++ : NULL) {
			auto_free char *copy = str_dup(path);
			char *blank = strchr(copy, ' ');
			const char *words[2] = { copy, blank };
			int n = blank ? 2 : 1, used = 0;

			if (blank) {
				*blank = '\0';
				words[1] = blank + 1;
			}
			expect(command_find(n, words, &used, NULL) ==
				       commands[i],
			       commands[i], path, "finds another command");
			assert_int_equal(used, n);
		}
	}
}

static void commands_of_a_group_and_noun_stand_together(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		for (size_t j = i + 1; commands[j]; j++) {
			if (commands[j]->group == commands[i]->group)
				expect(commands[j - 1]->group ==
					       commands[i]->group,
				       commands[j], "group", "is split");
		}
	}
}

static void fields_are_whole(void **state)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *cmd = commands[i];
		int names = 0;

		if (!cmd->record)
			continue;
		for (const struct field *f = cmd->record->fields; f->key; f++) {
			names += (f->flags & FIELD_NAME) != 0;
			expect(f->heading && *f->heading, cmd, f->key,
			       "has no heading");
			expect(f->help && *f->help, cmd, f->key, "has no help");
			expect((f->type == FIELD_TEXT) == (f->text != NULL),
			       cmd, f->key, "has a text function, or none");
			expect(!strpbrk(f->key, ", -"), cmd, f->key,
			       "is no key");
			for (const struct field *g = f + 1; g->key; g++)
				expect(!str_eq(f->key, g->key), cmd, f->key,
				       "is there twice");
		}
		expect(names == 1, cmd, "record",
		       "needs one field with FIELD_NAME");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_whole),
		cmocka_unit_test(no_name_or_letter_means_two_options),
		cmocka_unit_test(every_command_is_whole),
		cmocka_unit_test(arguments_are_in_order),
		cmocka_unit_test(examples_can_be_typed),
		cmocka_unit_test(every_exit_status_has_a_meaning),
		cmocka_unit_test(every_path_and_alias_finds_its_command),
		cmocka_unit_test(commands_of_a_group_and_noun_stand_together),
		cmocka_unit_test(fields_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
