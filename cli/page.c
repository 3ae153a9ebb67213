/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/page.h"

#include "base/file.h"
#include "base/proc.h"
#include "cli/render/render.h"
#include "cli/ssh-config/ssh-config.h"

#define TEXT_MAX (4 << 20)

const struct topic topics[] = {
	{ "vmctl", "vmctl", 1, "the program, its output and exit statuses" },
	{ "tutorial", "vmctl-tutorial", 7, "first steps, line by line" },
	{ "config", "vmctl-config", 5, "the settings" },
	{ "output", "vmctl-output", 5, "the records of -o json" },
	{ "libvmctl", "libvmctl", 3, "the library, for programs in C" },
	{ .name = NULL },
};

const struct topic *topic_find(const char *name)
{
	for (const struct topic *t = topics; t->name; t++) {
		if (str_eq(t->name, name) || str_eq(t->page, name))
			return t;
	}
	return NULL;
}

char *page_of(const struct command *cmd)
{
	char *page = str_printf("vmctl-%s", cmd->path);

	for (char *p = page; p && *p; p++) {
		if (*p == ' ')
			*p = '-';
	}
	return page;
}

static bool is_file(const char *path)
{
	return path && access(path, R_OK) == 0;
}

/*
 * A file of the manual: that of this very program first, beside it as in the
 * folder of a build, or in the tree that it was installed in, wherever that
 * was moved to. NULL: none, or no memory.
 */
static char *find(const char *beside, const char *shared, const char *installed,
		  const char *name)
{
	auto_free char *program = NULL;
	char *path = NULL;
	int n = 0;

	if (own_program(&program, NULL) == 0)
		n = (int)(path_base(program) - program);
	if (n)
		path = str_printf("%.*s%s/%s", n, program, beside, name);
	if (n && !is_file(path)) {
		free(path);
		path = str_printf("%.*s../share/%s/%s", n, program, shared,
				  name);
	}
	if (!is_file(path)) {
		free(path);
		path = str_printf("%s/%s", installed, name);
	}
	if (!is_file(path)) {
		free(path);
		path = NULL;
	}
	return path;
}

/* The source, which packages compress. */
static char *find_source(const char *page, int section)
{
	static const char *const ends[] = { "", ".gz", NULL };
	char *path = NULL;

	for (size_t i = 0; ends[i] && !path; i++) {
		auto_free char *name = str_printf("man%d/%s.%d%s", section,
						  page, section, ends[i]);

		path = name ? find("man", "man", VMCTL_MANDIR, name) : NULL;
	}
	return path;
}

static char *find_text(const char *page)
{
	auto_free char *name = str_printf("%s.txt", page);

	return name ? find("help", "vmctl/help", VMCTL_DATADIR "/help", name)
		    : NULL;
}

/* Whether the program was there and has shown it. */
static bool shown_by(const char *const *before, const char *file)
{
	auto_strv char **argv = strv_dup(before);
	int status;

	return argv && strv_append(&argv, file) == 0 &&
	       proc_interactive((const char *const *)argv, &status, NULL) ==
		       0 &&
	       status == 0;
}

static bool page_through(const char *file)
{
	static const char *const usual[] = { "less", NULL };
	const char *wanted = getenv("PAGER");
	auto_strv char **words = NULL;

	if (wanted && strv_words(wanted, &words) == 0 && words[0])
		return shown_by((const char *const *)words, file);
	return shown_by(usual, file);
}

int page_show(struct cli *cli, const char *page, int section,
	      struct vmctl_error *err)
{
	/* Of a file, not of what else has that name; both implementations
	 * know the option. */
	static const char *const man[] = { "man", "-l", NULL };
	auto_free char *source = find_source(page, section);
	auto_free char *text = find_text(page);
	auto_str all = STR_INIT;
	bool person = cli->tty_in && cli->tty_out;
	int r;

	if (person && source && shown_by(man, source))
		return 0;
	if (person && text && page_through(text))
		return 0;
	if (!text) {
		r = fail(err, VMCTL_NOT_FOUND, 0,
			 "the manual page %s(%d) is not installed here", page,
			 section);
		fail_hint(err, "make install, with mandoc, adds it");
		return r;
	}
	r = file_read(text, TEXT_MAX, &all, err);
	return r < 0 ? r : render_text(cli->out, str_text(&all), false, err);
}
