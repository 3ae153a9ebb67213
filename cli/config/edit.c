/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "base/file.h"
#include "base/proc.h"
#include "cli/config/fields.h"

/* Opens an editor on a copy of the file, and puts the copy in its place when it
 * is acceptable. */

#define READ_MAX (1 << 20)

static const struct example examples[] = {
	{ "vmctl config edit", "Edit the settings by hand." },
	{ "EDITOR='emacs -nw' vmctl config edit",
	  "With another editor, this time." },
	{ NULL },
};

/* $VISUAL or $EDITOR may have options, and is not for a shell to interpret. */
static int run_editor(const char *editor, const char *file,
		      struct vmctl_error *err)
{
	auto_strv char **words = NULL;
	int status, r;

	if (strv_words(editor, &words) < 0 || strv_append(&words, file) < 0)
		return fail_oom(err);
	r = proc_interactive((const char *const *)words, &status, err);
	if (r == 0 && status)
		r = fail(err, VMCTL_FAILED, 0, "%s ended with status %d",
			 words[0], status);
	return r;
}

static const char *chosen_editor(void)
{
	const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");

	if (visual && visual[strspn(visual, " \t")])
		return visual;
	return editor && editor[strspn(editor, " \t")] ? editor : NULL;
}

static int edit(const char *file, struct vmctl_error *err)
{
	static const char *const usual[] = { "editor", "nano", "vi", NULL };
	const char *chosen = chosen_editor();
	int r = -VMCTL_NOT_FOUND;

	if (chosen)
		return run_editor(chosen, file, err);
	for (size_t i = 0; usual[i] && r == -VMCTL_NOT_FOUND; i++)
		r = run_editor(usual[i], file, err);
	if (r == -VMCTL_NOT_FOUND) {
		fail(err, VMCTL_NOT_FOUND, 0, "no editor was found");
		fail_hint(err, "EDITOR=PROGRAM vmctl config edit");
	}
	return r;
}

/* A copy beside the file, so that it is as private. Its name ends as editors
 * like it. */
static int make_copy(struct vmctl *ctx, const char *text, char **ret,
		     struct vmctl_error *err)
{
	const char *path = vmctl_config_path(ctx);
	size_t n = (size_t)(path_base(path) - path);
	auto_free char *dir = strndup(path, n);
	auto_free char *copy =
		str_printf("%.*sconfig-XXXXXX.json", (int)n, path);
	auto_close int fd = -1;
	int r;

	if (!dir || !copy)
		return fail_oom(err);
	r = dir_make(dir, 0700, err);
	if (r < 0)
		return r;
	fd = mkostemps(copy, (int)strlen(".json"), O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return fail_sys(err, errno, "cannot make %s", copy);
	r = fd_write_all(fd, text, strlen(text), err);
	if (r < 0) {
		unlink(copy);
		return r;
	}
	*ret = take_ptr(&copy);
	return 0;
}

/* Publishes what the editor left. *keep: whether there is anything in it that
 * would be a pity to lose. */
static int take_copy(struct cli *cli, struct vmctl *ctx, const char *before,
		     const char *copy, bool *keep, struct vmctl_error *err)
{
	auto_str after = STR_INIT;
	int r = file_read(copy, READ_MAX, &after, err);

	if (r < 0)
		return r;
	*keep = !str_eq(str_text(&after), before);
	if (!*keep) {
		cli_note(cli, "Nothing was changed.");
		return 0;
	}
	if (memchr(str_text(&after), '\0', after.len))
		return fail(err, VMCTL_INVALID, 0, "%s is not a text file",
			    copy);
	return vmctl_config_replace(ctx, before, str_text(&after), copy, err);
}

/* Beside what was meant by a word, where that is known. */
static void hint_kept(const char *copy, struct vmctl_error *err)
{
	auto_free char *meant = NULL;

	if (str_starts(err->hint, "did you mean "))
		meant = strndup(err->hint, strcspn(err->hint, "?"));
	fail_hint(err,
		  "%s%syour text is kept in %s; the settings are as they "
		  "were",
		  meant ? meant : "", meant ? "? " : "", copy);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	auto_free char *before = NULL, *copy = NULL;
	struct vmctl_error edited = { 0 };
	bool keep = false;
	struct vmctl *ctx;
	int left, r = cli_context(cli, &ctx, err);

	if (r == 0)
		r = vmctl_config_read(ctx, &before, err);
	if (r == 0)
		r = make_copy(ctx, before, &copy, err);
	if (r < 0)
		return r;
	r = edit(copy, err);
	if (r == 0) {
		r = take_copy(cli, ctx, before, copy, &keep, err);
	} else {
		/* An editor that failed may have saved something before. */
		auto_str after = STR_INIT;

		left = file_read(copy, READ_MAX, &after, &edited);
		keep = left == 0 && !str_eq(str_text(&after), before);
	}
	if (r < 0 && keep)
		hint_kept(copy, err);
	else
		unlink(copy);
	return r;
}

const struct command cmd_config_edit = {
	.path = "config edit",
	.summary = "edit the settings with $VISUAL or $EDITOR",
	.group = GROUP_CONFIG,
	.flags = COMMAND_ANY_CONFIG,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 0 },
	.run = run,
};
