/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/shell/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include <readline/history.h>
#include <readline/readline.h>

#define HISTORY_MAX 1000

static struct {
	const struct lines_host *host;
	char *history;
	int known;    /* lines that the file has already */
	char *line;   /* the one that was completed */
	bool done;    /* readline has given one, or the end */
	char **about; /* of the candidates shown: "value\tabout" */
} edit;

static volatile sig_atomic_t interrupted, resized;

static void on_interrupt(int sig)
{
	interrupted = sig;
}

static void on_resize(int sig)
{
	resized = sig;
}

/* --- completion ---------------------------------------------------------- */

/* The about of a candidate, in the lines noted by complete(). */
static const char *about_of(const char *value)
{
	size_t len = strlen(value);

	for (char **a = edit.about; a && *a; a++)
		if (strncmp(*a, value, len) == 0 && (*a)[len] == '\t')
			return *a + len + 1;
	return "";
}

/* Candidates below each other with what they are, as far as they fit; readline
 * shows many in columns. */
static void show(char **matches, int n, int longest)
{
	int rows, columns;

	rl_get_screen_size(&rows, &columns);
	if (n > rows / 2 || !about_of(matches[1])[0]) {
		rl_display_match_list(matches, n, longest);
		rl_forced_update_display();
		return;
	}
	fputc('\n', rl_outstream);
	for (int i = 1; i <= n; i++) {
		const char *about = about_of(matches[i]);
		int room = columns - longest - 5;

		fprintf(rl_outstream, "  %-*s  %.*s\n", longest, matches[i],
			(int)edit.host->cut(about, room > 0 ? room : 0), about);
	}
	rl_forced_update_display();
}

/* What all have in common, in readline's form: that, the candidates, NULL. */
static char **matches_of(char **values)
{
	size_t n = strv_len((const char *const *)values), common;
	char **matches = calloc(n + 2, sizeof(*matches));

	if (!matches || !n) {
		free(matches);
		return NULL;
	}
	common = strlen(values[0]);
	for (size_t i = 0; i < n; i++) {
		size_t same = 0;

		while (same < common && values[i][same] == values[0][same])
			same++;
		common = same;
		matches[i + 1] = strdup(values[i]);
	}
	matches[0] = strndup(values[0], common);
	if (n == 1) { /* the candidate itself, alone */
		free(matches[1]);
		matches[1] = NULL;
	}
	return matches;
}

/* `prefix` is the word without its quotes: candidates begin with it. */
static char **complete_from(struct str *found, const char *prefix)
{
	auto_strv char **values = strv_dup(NULL);
	char *save = NULL;
	bool files = false;

	strv_free(edit.about);
	edit.about = strv_dup(NULL);
	for (char *l = found->p ? strtok_r(found->p, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		size_t len = strcspn(l, "\t");
		auto_free char *value = strndup(l, len);

		if (str_eq(l, ":files")) {
			files = true;
		} else if (value && str_starts(value, prefix)) {
			(void)strv_append(&values, value);
			(void)strv_append(&edit.about, l);
		}
	}
	rl_attempted_completion_over = !files;
	return values ? matches_of(values) : NULL;
}

static char **complete(const char *text, int start, int end)
{
	auto_free char *prefix = NULL;
	auto_str found = STR_INIT;

	rl_attempted_completion_over = 1;
	if (rl_line_buffer[strspn(rl_line_buffer, " \t")] == '!') {
		rl_attempted_completion_over = 0;
		return NULL;
	}
	prefix = edit.host->complete(rl_line_buffer, (size_t)end, &found);
	return prefix ? complete_from(&found, prefix) : NULL;
}

/* --- history ------------------------------------------------------------- */

static void lines_remember(const char *line)
{
	HIST_ENTRY *last =
		history_length ? history_get(history_base + history_length - 1)
			       : NULL;

	if (last && str_eq(last->line, line))
		return;
	add_history(line);
	edit.known++;
}

/* --- lines --------------------------------------------------------------- */

static void on_line(char *line)
{
	edit.line = line;
	edit.done = true;
	rl_callback_handler_remove();
}

static void lines_begin(const struct lines_host *host, const char *history)
{
	struct sigaction act = { .sa_handler = on_resize };

	edit.host = host;
	rl_readline_name = "vmctl";
	rl_instream = stdin;
	/* Prompt and echo are for people; standard output is for data. */
	rl_outstream = stderr;
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show;
	rl_completer_word_break_characters = (char *)" \t\n\"'|>";
	rl_completer_quote_characters = "\"'";
	rl_filename_quote_characters = " \t\"'\\;&<>|#`";
	sigaction(SIGWINCH, &act, NULL);
	using_history();
	stifle_history(HISTORY_MAX);
	if (history) {
		edit.history = strdup(history);
		(void)read_history(history);
	}
}

/* ^C: the line is given up, as by a shell. */
static void give_up(const char *prompt)
{
	interrupted = 0;
	fputs("^C\n", rl_outstream);
	rl_on_new_line();
	rl_callback_sigcleanup();
	rl_callback_handler_remove();
	rl_callback_handler_install(prompt, on_line);
}

static char *lines_read(const char *prompt)
{
	struct sigaction act = { .sa_handler = on_interrupt }, old;
	struct pollfd p = { .fd = fileno(stdin), .events = POLLIN };
	sigset_t block, mask;

	/* They come while we wait, and at no other time. */
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGWINCH);
	sigprocmask(SIG_BLOCK, &block, &mask);
	sigaction(SIGINT, &act, &old);
	interrupted = 0;
	edit.done = false;
	edit.line = NULL;
	rl_callback_handler_install(prompt, on_line);
	while (!edit.done) {
		int n = ppoll(&p, 1, NULL, &mask);

		if (resized) {
			resized = 0;
			rl_resize_terminal();
		}
		if (n > 0)
			rl_callback_read_char();
		else if (edit.host->interrupted()) /* SIGTERM, SIGHUP */
			break;
		else if (interrupted)
			give_up(prompt);
		else if (n < 0 && errno != EINTR)
			break;
	}
	if (!edit.done)
		rl_callback_handler_remove();
	sigaction(SIGINT, &old, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return edit.line;
}

static void lines_end(void)
{
	if (edit.history && edit.known) {
		mode_t old = umask(0077);

		if (access(edit.history, F_OK) < 0)
			(void)write_history(edit.history);
		else
			(void)append_history(edit.known, edit.history);
		(void)history_truncate_file(edit.history, HISTORY_MAX);
		(void)chmod(edit.history, 0600);
		umask(old);
	}
	free(edit.history);
	strv_free(edit.about);
}

extern const struct lines_ops vmctl_module_readline;
VMCTL_API const struct lines_ops vmctl_module_readline = {
	.abi = LINES_ABI,
	.begin = lines_begin,
	.read = lines_read,
	.remember = lines_remember,
	.end = lines_end,
};
