/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/shell/edit.h"

#include <strings.h>

#include "base/module.h"
#include "cli/render/width.h"
#include "cli/shell/lines.h"
#include "cli/shell/words.h"

static struct {
	const struct lines_ops *ops;
	struct cli *cli;
} edit;

/* --- completion ---------------------------------------------------------- */

static const char *const builtins[] = { "use\tchoose the current instance",
					"cd\tchange the folder of the host",
					"exit\tleave the shell", NULL };

static void complete_builtins(const char *prefix, struct str *out)
{
	for (size_t i = 0; builtins[i]; i++)
		if (str_starts(builtins[i], prefix))
			str_addf(out, "%s\n", builtins[i]);
}

/* Lines of candidates for the words so far. */
static void candidates(char **words, struct str *out)
{
	struct cli fresh = { .name = "vmctl shell",
			     .in_shell = true,
			     .glance = true,
			     .globals = edit.cli->globals };
	size_t n = strv_len((const char *const *)words);

	fresh.globals.quiet = true;
	if (n == 2 && str_eq(words[0], "use"))
		complete_instances(&fresh, words[1], out);
	else if (n == 2 && str_eq(words[0], "cd"))
		str_add(out, ":files\n");
	else
		complete_words(&fresh, (int)n, (const char *const *)words, out);
	if (n == 1)
		complete_builtins(words[0], out);
	vmctl_free(fresh.ctx);
}

static char *complete(const char *line, size_t end, struct str *found)
{
	auto_strv char **words = NULL;

	if (shell_split_partial(line, end, &words, NULL) < 0)
		return NULL;
	candidates(words, found);
	return strdup(words[strv_len((const char *const *)words) - 1]);
}

static size_t cut(const char *text, int columns)
{
	return width_cut(text, columns, NULL);
}

/* --- lines --------------------------------------------------------------- */

static bool may_be_secret(const char *line)
{
	static const char *const words[] = { "passw",  "passphrase", "secret",
					     "token",  "apikey",     "api_key",
					     "api-key" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasestr(line, words[i]))
			return true;
	return false;
}

void edit_remember(const char *line)
{
	if (*line && *line != ' ' && *line != '\t' && !may_be_secret(line))
		edit.ops->remember(line);
}

int edit_begin(struct cli *cli, const char *history, struct vmctl_error *err)
{
	static const struct lines_host host = {
		.complete = complete,
		.cut = cut,
		.interrupted = cli_interrupted,
	};
	const void *ops;
	int r = module_load("readline", LINES_ABI, &ops, err);

	if (r < 0)
		return r;
	edit.ops = ops;
	edit.cli = cli;
	edit.ops->begin(&host, history);
	return 0;
}

char *edit_line(const char *prompt)
{
	return edit.ops->read(prompt);
}

void edit_end(void)
{
	edit.ops->end();
}
