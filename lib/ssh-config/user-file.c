/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#include "base/file.h"
#include "base/owner.h"
#include "ssh-config/ssh-config.h"

#define FILE_MAX ((size_t)4 << 20)

#define COMMENT                                                                \
	"# Instances of vmctl, by name; taken out by: vmctl ssh-config "       \
	"uninstall"

void user_file_done(struct user_file *f)
{
	free(f->path);
	str_done(&f->text);
	*f = (struct user_file){ 0 };
}

static int fail_not_ours(const char *path, const char *why,
			 struct vmctl_error *err)
{
	fail(err, VMCTL_DENIED, 0, "cannot change %s: %s", path, why);
	fail_hint(err, "put the output of this at its beginning yourself: "
		       "vmctl ssh-config show");
	return -VMCTL_DENIED;
}

/* A link is followed, so that it stays one. */
static int resolve(const char *path, char **ret, struct vmctl_error *err)
{
	struct stat st;
	char *real;

	if (lstat(path, &st) < 0 && errno == ENOENT) {
		*ret = strdup(path);
		return *ret ? 0 : fail_oom(err);
	}
	real = realpath(path, NULL);
	if (!real && errno == ENOENT)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is a symbolic link to a file that does not "
			    "exist",
			    path);
	if (!real)
		return fail_sys(err, errno, "cannot look at %s", path);
	*ret = real;
	return 0;
}

static int check_owner(const struct user_file *f, struct vmctl_error *err)
{
	auto_free char *dir =
		strndup(f->path, (size_t)(path_base(f->path) - f->path));

	if (!dir)
		return fail_oom(err);
	if (f->exists && f->st.st_uid != geteuid())
		return fail_not_ours(f->path, "it belongs to another user",
				     err);
	/* Root could, but whoever took the permission away meant it. */
	if (f->exists && !(f->st.st_mode & S_IWUSR))
		return fail_not_ours(f->path, "it is read-only", err);
	if (access(dir, W_OK) < 0 && errno != ENOENT)
		return fail_not_ours(f->path, "its folder cannot be written",
				     err);
	return owner_check(dir, err);
}

int user_file_open(const char *path, struct user_file *ret,
		   struct vmctl_error *err)
{
	auto_user_file f = { 0 };
	auto_close int fd = -1;
	int r = resolve(path, &f.path, err);

	if (r == 0)
		r = file_open(f.path, &fd, err);
	if (r == 0 && fstat(fd, &f.st) < 0)
		r = fail_sys(err, errno, "cannot read %s", f.path);
	if (r == 0)
		r = fd_read_all(fd, FILE_MAX, f.path, &f.text, err);
	f.exists = r == 0;
	if (r < 0 && r != -VMCTL_NOT_FOUND)
		return r;
	r = check_owner(&f, err);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct user_file){ 0 };
	return 0;
}

/* Somebody may have it open in an editor. */
static int check_unchanged(const struct user_file *f, struct vmctl_error *err)
{
	struct stat now;
	bool there = stat(f->path, &now) == 0;

	if (there == f->exists &&
	    (!there ||
	     (now.st_ino == f->st.st_ino && now.st_size == f->st.st_size &&
	      now.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
	      now.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec)))
		return 0;
	fail(err, VMCTL_BUSY, 0, "%s is being changed by another process",
	     f->path);
	fail_hint(err, "try again");
	return -VMCTL_BUSY;
}

int user_file_replace(const struct user_file *f, const struct str *text,
		      bool made, struct vmctl_error *err)
{
	mode_t mode = f->exists ? f->st.st_mode & 07777 : 0600;
	int r = check_unchanged(f, err);

	if (r < 0)
		return r;
	/* What something is mounted on stays, empty. */
	if (!text->len && made && (unlink(f->path) == 0 || errno == ENOENT))
		return 0;
	if (!text->len && made && errno != EBUSY)
		return fail_sys(err, errno, "cannot remove %s", f->path);
	r = file_write_atomic(f->path, str_text(text), text->len, mode, err);
	if (r == 0 && f->exists && f->st.st_gid != getegid() &&
	    /* It is as private as it was in every case. */
	    chown(f->path, (uid_t)-1, f->st.st_gid) == 0)
		(void)chmod(f->path, mode);
	return r;
}

/* --- its lines ------------------------------------------------------------ */

struct line {
	const char *p;
	size_t len;  /* without the line feed */
	size_t size; /* with it */
};

static bool next_line(const struct str *text, size_t *at, struct line *ret)
{
	if (*at >= text->len)
		return false;
	ret->p = text->p + *at;
	const char *end = memchr(ret->p, '\n', text->len - *at);
	ret->len = end ? (size_t)(end - ret->p) : text->len - *at;
	ret->size = ret->len + (end ? 1 : 0);
	*at += ret->size;
	return true;
}

/* Blanks around it, and the carriage return of another system, are nothing. */
static bool line_is(const struct line *line, const char *want)
{
	size_t from = 0, to = line->len;

	while (from < to && strchr(" \t", line->p[from]))
		from++;
	while (to > from && strchr(" \t\r", line->p[to - 1]))
		to--;
	return to - from == strlen(want) &&
	       memcmp(line->p + from, want, to - from) == 0;
}

/* The words of a line: blanks, "=" and quotes as ssh takes them, near enough.
 * 0: no more. */
static size_t next_word(const struct line *line, size_t *at, const char **ret)
{
	static const char between[] = " \t\r=\"";
	size_t from = *at;

	while (from < line->len && strchr(between, line->p[from]))
		from++;
	size_t to = from;
	while (to < line->len && !strchr(between, line->p[to]))
		to++;
	*ret = line->p + from;
	*at = to;
	return to - from;
}

static bool word_is(const char *word, size_t n, const char *want)
{
	return n == strlen(want) && strncasecmp(word, want, n) == 0;
}

static bool begins_block(const struct line *line)
{
	const char *word;
	size_t at = 0, n = next_word(line, &at, &word);

	return word_is(word, n, "Host") || word_is(word, n, "Match");
}

bool names_host(const struct str *text, const char *name)
{
	struct line line;
	size_t at = 0;

	while (next_line(text, &at, &line)) {
		const char *word;
		size_t in = 0, n = next_word(&line, &in, &word);

		if (!word_is(word, n, "Host"))
			continue;
		while ((n = next_word(&line, &in, &word)) && *word != '#')
			if (word_is(word, n, name))
				return true;
	}
	return false;
}

/* Whether our line is where it counts for every host. */
static bool takes_effect(const struct str *text, const char *include)
{
	struct line line;
	size_t at = 0;

	while (next_line(text, &at, &line)) {
		if (line_is(&line, include))
			return true;
		if (begins_block(&line))
			return false;
	}
	return false;
}

int include_remove(const struct str *text, const char *include, struct str *out,
		   struct vmctl_error *err)
{
	auto_str all = STR_INIT;
	struct line line;
	size_t at = 0;

	str_addf(&all, COMMENT "\n%s\n\n", include);
	if (str_check(&all, err) < 0)
		return -VMCTL_NO_MEMORY;
	while (at < text->len) {
		size_t here = at;

		/* As it was written; and as somebody may have left it. */
		if (text->len - at >= all.len &&
		    memcmp(text->p + at, all.p, all.len) == 0) {
			at += all.len;
			continue;
		}
		next_line(text, &at, &line);
		if (line_is(&line, include))
			continue;
		struct line next;
		size_t after = at;
		if (line_is(&line, COMMENT) && next_line(text, &after, &next) &&
		    line_is(&next, include)) {
			at = after;
			continue;
		}
		str_addn(out, text->p + here, line.size);
	}
	return str_check(out, err);
}

int include_add(const struct str *text, const char *include, struct str *out,
		struct vmctl_error *err)
{
	if (takes_effect(text, include)) {
		str_addn(out, str_text(text), text->len);
		return str_check(out, err);
	}
	str_addf(out, COMMENT "\n%s\n\n", include);
	/* A line in a Host block would count for that host alone. */
	return include_remove(text, include, out, err);
}
