/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "cli/find.h"
#include "cli/value.h"

/*
 * The command line: GNU style, "--name value", "--name=value", "-n value",
 * "-nvalue", flags bundled as "-qy", options anywhere, "--" ends them.
 * Neither commands nor options may be abbreviated: a script must not change
 * its meaning when one is added.
 */

struct parser {
	const struct command *cmd; /* NULL in front of the command */
	struct parsed *out;
	int n, i; /* words[i] is the next to read */
	const char *const *words;
	struct vmctl_error *err;
};

static const char *parser_name(const struct parser *p)
{
	return p->cmd ? p->cmd->path : "vmctl";
}

/* The option of the command, else the global one; *ret_base is what it is
 * bound to. */
static const struct option *find_option(const struct parser *p,
					const char *name, size_t len,
					char letter, void **ret_base)
{
	const struct option *lists[] = { p->cmd ? p->cmd->opts : NULL,
					 global_options };
	void *bases[] = { p->out->opts, &p->out->globals };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct option *opt;

		opt = name ? option_by_name(lists[i], name, len)
			   : option_by_letter(lists[i], letter);
		if (opt) {
			*ret_base = bases[i];
			return opt;
		}
	}
	return NULL;
}

static void hint_option(const struct parser *p, const char *name)
{
	const struct option *opts = p->cmd ? p->cmd->opts : NULL;
	auto_free char *all =
		p->cmd ? str_printf("vmctl %s --help lists the options",
				    p->cmd->path)
		       : strdup("options of a command follow its name; vmctl "
				"--help lists the global ones");
	const char *list[128];
	size_t n = 0;

	for (; opts && opts->name && n < 64; opts++)
		list[n++] = opts->name;
	for (opts = global_options; opts->name && n < 127; opts++)
		if (option_applies(opts, p->cmd))
			list[n++] = opts->name;
	list[n] = NULL;
	fail_hint_nearest(p->err, name ? name : "", list, "--", all);
}

static int fail_unknown(const struct parser *p, const char *word,
			const char *name, size_t len)
{
	auto_free char *copy = name ? strndup(name, len) : NULL;
	int rc = fail(p->err, VMCTL_INVALID, 0, "%s has no option '%.*s'",
		      parser_name(p), (int)strcspn(word, "="), word);

	hint_option(p, copy);
	return rc;
}

static int fail_value(const struct parser *p, const struct option *opt)
{
	auto_str meta = STR_INIT;
	int rc;

	option_metavar(opt, &meta);
	rc = fail(p->err, VMCTL_INVALID, 0, "--%s needs a value", opt->name);
	if (p->cmd)
		fail_hint(p->err, "vmctl %s --%s %s", p->cmd->path, opt->name,
			  str_text(&meta));
	return rc;
}

/* The value that follows an option, or NULL. */
static const char *next_value(struct parser *p, const struct option *opt)
{
	const char *word = p->i < p->n ? p->words[p->i] : NULL;

	if (opt->bare && (!word || !isdigit((unsigned char)word[0])))
		return opt->bare;
	p->i += word != NULL;
	return word;
}

static int parse_long(struct parser *p, const char *word)
{
	const char *name = word + 2, *value = NULL;
	size_t len = strcspn(name, "=");
	const struct option *opt;
	void *base;

	if (name[len])
		value = name + len + 1;
	opt = find_option(p, name, len, 0, &base);
	if (!opt)
		return fail_unknown(p, word, name, len);
	if (!option_takes_value(opt)) {
		if (value)
			return fail(p->err, VMCTL_INVALID, 0,
				    "--%s takes no value", opt->name);
	} else if (!value) {
		value = next_value(p, opt);
		if (!value)
			return fail_value(p, opt);
	}
	return value_store(opt, value, base, p->err);
}

static int parse_short(struct parser *p, const char *word)
{
	int rc;

	for (const char *c = word + 1; *c; c++) {
		char text[] = { '-', *c, '\0' };
		const struct option *opt;
		const char *value = NULL;
		void *base;

		opt = find_option(p, NULL, 0, *c, &base);
		if (!opt)
			return fail_unknown(p, c == word + 1 ? word : text,
					    NULL, 0);
		if (option_takes_value(opt)) {
			value = c[1] ? c + 1 : next_value(p, opt);
			if (!value)
				return fail_value(p, opt);
		}
		rc = value_store(opt, value, base, p->err);
		if (rc || value)
			return rc;
	}
	return 0;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

static int parse_option(struct parser *p, const char *word)
{
	return word[1] == '-' ? parse_long(p, word) : parse_short(p, word);
}

static int fail_usage(const struct parser *p, int rc)
{
	auto_str usage = STR_INIT;

	if (command_usage(p->cmd, &usage) == 0)
		fail_hint(p->err, "%s", str_text(&usage));
	return rc;
}

static int fail_missing(const struct parser *p, const struct argument *arg)
{
	return fail_usage(p, fail(p->err, VMCTL_INVALID, 0,
				  "%s: missing argument %s", p->cmd->path,
				  arg->name));
}

/* Gives the words to the arguments in their order. `own` are those before
 * "--" (or all, when nothing is kept for a guest), `guest` those after. */
static int bind_arguments(struct parser *p, const struct strings *own,
			  const struct strings *guest)
{
	const struct argument *arg = p->cmd->args;
	size_t used = 0, end;
	int rc;

	for (; arg && arg->name; arg++) {
		void *member = (char *)p->out->opts + arg->offset;
		const struct strings *from = arg->after_dashes ? guest : own;
		size_t at = arg->after_dashes ? 0 : used;

		if (at >= from->count) {
			if (!arg->optional)
				return fail_missing(p, arg);
			continue;
		}
		if (!arg->many && !arg->after_dashes) {
			*(const char **)member = from->items[used++];
			continue;
		}
		end = from->count - (arg[1].name && !arg[1].after_dashes &&
				     from->count > at + 1);
		for (rc = 0; at < end && !rc; at++)
			rc = strings_add(member, from->items[at], p->err);
		if (rc)
			return rc;
		if (!arg->after_dashes)
			used = at;
	}
	if (used < own->count)
		return fail_usage(p, fail(p->err, VMCTL_INVALID, 0,
					  "%s: extra argument '%s'",
					  p->cmd->path, own->items[used]));
	return 0;
}

/* Whether there is a "--" among the words to come. One that an option would
 * take for its value counts too: nobody means that. */
static bool has_dashes(const struct parser *p)
{
	for (int i = p->i; i < p->n; i++)
		if (str_eq(p->words[i], "--"))
			return true;
	return false;
}

/* Reads all words: options are stored, the others sorted into `own` and
 * `guest`. */
static int read_words(struct parser *p, struct strings *own,
		      struct strings *guest)
{
	bool keeps = command_takes_guest_words(p->cmd);
	bool stops = p->cmd->flags & COMMAND_STOPS_AT_ARGS &&
		     !(command_has_short_form(p->cmd) && has_dashes(p));
	size_t fixed = command_own_arguments(p->cmd);
	size_t needed = command_needed_arguments(p->cmd);
	bool dashes = false;
	int rc = 0;

	while (p->i < p->n && !rc) {
		const char *word = p->words[p->i++];

		if (!dashes && str_eq(word, "--")) {
			dashes = true;
			continue;
		}
		if (!dashes && is_option(word)) {
			rc = parse_option(p, word);
			continue;
		}
		if (stops && own->count >= fixed)
			dashes = true;
		bool ours = !dashes || !keeps || (stops && own->count < needed);
		rc = strings_add(ours ? own : guest, word, p->err);
	}
	return rc;
}

/* Global options that only some commands honour may stand before the command's
 * name, where that is not known yet. */
static int check_needs(const struct parser *p)
{
	for (const struct option *o = global_options; o->name; o++) {
		const void *at = (const char *)&p->out->globals + o->offset;
		bool given = o->type == VALUE_FLAG
				     ? *(const bool *)at
				     : *(const char *const *)at != NULL;

		if (option_applies(o, p->cmd) || !given)
			continue;
		return fail(p->err, VMCTL_INVALID, 0, "%s has no --%s",
			    p->cmd->path, o->name);
	}
	return 0;
}

int parse_arguments(const struct command *cmd, int n, const char *const *words,
		    struct parsed *ret, struct vmctl_error *err)
{
	struct parser p = {
		.cmd = cmd, .out = ret, .n = n, .words = words, .err = err
	};
	struct strings own = { 0 }, guest = { 0 };
	int rc;

	ret->command = cmd;
	ret->opts = calloc(1, cmd->opts_size ? cmd->opts_size : 1);
	if (!ret->opts)
		return fail_oom(err);

	rc = read_words(&p, &own, &guest);
	/* --help wins over what is missing. */
	if (rc == 0 && !ret->globals.help && !ret->globals.version)
		rc = bind_arguments(&p, &own, &guest);
	if (rc == 0)
		rc = check_needs(&p);
	free(own.items);
	free(guest.items);
	return rc;
}

/* "imge lst": what follows is part of what was meant. */
static int fail_near_command(const struct parser *p, int n, const char **name,
			     struct vmctl_error *err)
{
	const char *words[2] = { name[0], n > 1 ? name[1] : NULL };
	const char *nearest = NULL;
	int used, m = n;

	if (n == 1 && p->i < p->n && !is_option(p->words[p->i]))
		words[m++] = p->words[p->i];
	command_find(m, words, &used, &nearest);
	return command_fail(n, words, nearest, err);
}

/* Reads global options and the command's name, whose words may have options
 * between them ("vmctl image -o json list"). */
static int read_command(struct parser *p, struct vmctl_error *err)
{
	const char *name[2];
	int n = 0, used, rc;

	while (p->i < p->n) {
		const char *word = p->words[p->i++];

		if (is_option(word)) {
			rc = parse_option(p, word);
			if (rc)
				return rc;
			continue;
		}
		name[n++] = word;
		p->cmd = command_find(n, name, &used, NULL);
		if (p->cmd)
			return 0;
		if (n == (int)ARRAY_LEN(name) || !noun_next(name[0], NULL))
			return fail_near_command(p, n, name, err);
	}
	if (n == 0)
		return 0;
	if (!p->out->globals.help)
		return command_fail(n, name, NULL, err);
	p->out->noun = name[0];
	return 0;
}

/* After a usage error: whether JSON was asked for further on. */
static void scan_output(struct parser *p)
{
	const struct option *opt = option_by_name(global_options, "output", 6);

	for (; p->i < p->n && !str_eq(p->words[p->i], "--"); p->i++) {
		const char *word = p->words[p->i], *value = NULL;

		if (str_starts(word, "--output="))
			value = word + strlen("--output=");
		else if (str_eq(word, "-o") || str_eq(word, "--output"))
			value = p->i + 1 < p->n ? p->words[p->i + 1] : NULL;
		else if (str_starts(word, "-o"))
			value = word + 2;
		if (value)
			(void)value_store(opt, value, &p->out->globals, NULL);
	}
}

int parse_command_line(int argc, const char *const *argv, struct parsed *ret,
		       struct vmctl_error *err)
{
	struct parser p = {
		.out = ret, .n = argc, .i = 1, .words = argv, .err = err
	};
	int rc;

	*ret = (struct parsed){ .globals = { .timeout = -1 } };
	rc = read_command(&p, err);
	if (rc == 0 && p.cmd)
		rc = parse_arguments(p.cmd, argc - p.i, argv + p.i, ret, err);
	if (rc)
		scan_output(&p);
	return rc;
}
