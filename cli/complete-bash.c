/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/completers.h"
#include "cli/render/width.h"
#include "cli/shell/words.h"

/*
 * Completion for bash. It takes words apart at ":", "=" and "@" and inserts
 * what it is given as it stands, so the whole line is read here, and what goes
 * in place of the part that bash replaces is quoted here. Files are listed here
 * too: bash would quote either both, files and names, or none.
 */

struct answer {
	const char *head; /* of the word, stays in front of what is replaced */
	char quote;	  /* the one that is open before the cursor, or 0 */
	bool described, paths;
	char **values, **abouts; /* as they go into the line; "" for none */
};
#define FOLDER "/" /* what a value is about that a slash belongs behind */

/* --- quoting ------------------------------------------------------------- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       (c && strchr("_./:=@%+,^-~", c));
}

static void quote_one(char c, char quote, struct str *out)
{
	if (quote == '\'') {
		str_add(out, c == '\'' ? "'\\''" : (char[]){ c, '\0' });
		return;
	}
	/* Between double quotes nothing else keeps history expansion off. */
	if (quote == '"' && c == '!') {
		str_add(out, "\"'!'\"");
		return;
	}
	if (quote == '"' ? strchr("$`\"\\", c) != NULL : !is_plain(c))
		str_addc(out, '\\');
	str_addc(out, c);
}

static void quote(const char *text, bool begins, char quote, struct str *out)
{
	/* "~/" is meant, any other "~" in front is a name's. */
	if (begins && !quote && text[0] == '~' && text[1] != '/')
		str_addc(out, '\\');
	for (; *text; text++)
		quote_one(*text, quote, out);
}

/* --- what there is to choose from ---------------------------------------- */

/* What does not begin with the part that stays cannot be inserted. */
static void add(struct answer *a, const char *value, const char *about)
{
	size_t head = strlen(a->head);
	auto_str text = STR_INIT;

	if (!str_starts(value, a->head))
		return;
	quote(value + head, !head, a->quote, &text);
	if (str_check(&text, NULL) ||
	    strv_append(&a->values, str_text(&text)) < 0 ||
	    strv_append(&a->abouts, about) < 0)
		return;
	a->described |= *about && !str_eq(about, FOLDER);
	a->paths |= strchr(value, '/') != NULL;
}

static bool is_folder(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* What control characters would do to the line is not worth such a name. */
static bool is_usable(const char *name)
{
	auto_free char *safe = str_printable(name, strlen(name), false);

	return safe && str_eq(safe, name) && !str_eq(name, ".") &&
	       !str_eq(name, "..");
}

/* The files that a path begins; `before` goes in front ("--file="). */
static void add_files(struct answer *a, const char *before, const char *path)
{
	const char *slash = strrchr(path, '/'), *home = getenv("HOME");
	int folder = slash ? (int)(slash + 1 - path) : 0;
	bool tilde = str_starts(path, "~/") && home;
	auto_free char *where = str_printf("%s%.*s",
					   tilde    ? home
					   : folder ? ""
						    : ".",
					   folder - tilde, path + tilde);
	auto_dir DIR *dir = where ? opendir(where) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		auto_free char *value = NULL;

		if (!str_starts(e->d_name, path + folder) ||
		    (e->d_name[0] == '.' && path[folder] != '.') ||
		    !is_usable(e->d_name))
			continue;
		value = str_printf("%s%.*s%s", before, folder, path, e->d_name);
		if (value)
			add(a, value,
			    is_folder(dirfd(dir), e->d_name) ? FOLDER : "");
	}
	a->paths = true;
}

/* Where the value begins in a word like "--file=a". */
static size_t value_begin(const char *word)
{
	const char *equals = strchr(word, '=');

	return str_starts(word, "--") && equals ? (size_t)(equals + 1 - word)
						: 0;
}

/* The lines of complete_words(). */
static void add_found(struct answer *a, char *lines, const char *word)
{
	char *save = NULL;

	for (char *l = strtok_r(lines, "\n", &save); l;
	     l = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(l, '\t');

		if (str_eq(l, ":files")) {
			size_t n = value_begin(word);
			auto_free char *before = strndup(word, n);

			if (before)
				add_files(a, before, word + n);
			continue;
		}
		if (tab)
			*tab = '\0';
		add(a, l, tab ? tab + 1 : "");
	}
}

/* --- what bash is told --------------------------------------------------- */

static int longest_of(char **values)
{
	int longest = 0;

	for (char **v = values; *v; v++) {
		int n = (int)width_of(*v);

		longest = n > longest ? n : longest;
	}
	return longest;
}

static bool is_folder_at(const struct answer *a, size_t i)
{
	return str_eq(a->abouts[i], FOLDER);
}

/* bash looks at what it takes for the name of a file, and lists a directory
 * with a slash behind it, be there one already. It does not see through what is
 * quoted. */
static bool needs_slash(const struct answer *a, size_t i, bool bash_looks)
{
	return is_folder_at(a, i) &&
	       (!bash_looks || strpbrk(a->values[i], "\\'\"$"));
}

static void print_about(const struct answer *a, size_t i, int longest,
			int width, struct str *out)
{
	int room = width - longest - 5;

	if (room <= 0 || !*a->abouts[i] || is_folder_at(a, i))
		return;
	str_addf(out, "%*s(%.*s)", longest + 2 - (int)width_of(a->values[i]),
		 "", (int)width_cut(a->abouts[i], room, NULL), a->abouts[i]);
}

/* The first line is for compopt, the others go into COMPREPLY: with what they
 * are behind them, where all that is done is to list them in `width` columns.
 */
static void print(const struct answer *a, int width, struct str *out)
{
	size_t n = strv_len((const char *const *)a->values);
	const char *last = n == 1 ? a->values[0] : "";
	bool listed = n > 1 && width && a->described;
	bool names = a->paths && !listed;
	int longest = longest_of(a->values);

	bool open = *last && (is_folder_at(a, 0) ||
			      strchr(":/=@", last[strlen(last) - 1]));

	if (open)
		str_add(out, "-o nospace ");
	if (names)
		str_add(out, "-o filenames -o noquote");
	str_addc(out, '\n');
	/* bash closes a quote behind the only candidate, where more follows. */
	if (open && a->quote)
		str_addf(out, "%s...\n", last);
	for (size_t i = 0; i < n; i++) {
		str_add(out, a->values[i]);
		if (needs_slash(a, i, names && n > 1))
			str_addc(out, '/');
		if (listed)
			print_about(a, i, longest, width, out);
		str_addc(out, '\n');
	}
}

/* --- the line ------------------------------------------------------------ */

static bool is_redirection(const char *word)
{
	word += strspn(word, "0123456789&");
	return *word && strspn(word, "<>|&") == strlen(word);
}

/* What of the word at the cursor stands before the part that bash replaces,
 * without its quotes. */
static char *head_of(const char *line, size_t begin, const char *replaced)
{
	size_t n = strlen(line + begin), tail = strlen(replaced);
	auto_strv char **words = NULL;

	if (tail > n || !str_ends(line, replaced) ||
	    shell_split_partial(line + begin, n - tail, &words, NULL) < 0)
		return strdup("");
	return strdup(words[0]);
}

void complete_bash(struct cli *cli, const char *line, const char *replaced,
		   int width, struct str *out)
{
	auto_strv char **words = NULL;
	auto_str found = STR_INIT;
	size_t begin, n;
	struct answer a = { 0 };

	if (shell_split_partial(line, strlen(line), &words, NULL) < 0)
		return;
	n = strv_len((const char *const *)words);
	shell_word_at(line, &begin, &a.quote);
	auto_free char *head = head_of(line, begin, replaced);
	a.head = head;
	a.values = strv_dup(NULL);
	a.abouts = strv_dup(NULL);
	if (n > 1 && head && a.values && a.abouts) {
		const char *const *own = (const char *const *)words + 1;

		if (n > 2 && is_redirection(words[n - 2]))
			str_add(&found, ":files\n");
		else
			complete_words(cli, (int)n - 1, own, &found);
		if (found.p)
			add_found(&a, found.p, words[n - 1]);
		print(&a, width, out);
	}
	strv_free(a.values);
	strv_free(a.abouts);
}
