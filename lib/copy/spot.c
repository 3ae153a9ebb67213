/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

#include "base/file.h"

void spot_done(struct spot *p)
{
	free(p->instance);
	free(p->user);
	free(p->path);
	free(p->name);
	*p = (struct spot){ 0 };
}

/* "a//b//" without the slashes at the end; "/" stays. */
static char *trimmed(const char *text)
{
	size_t n = strlen(text);

	while (n > 1 && text[n - 1] == '/')
		n--;
	return n ? strndup(text, n) : strdup(".");
}

static int set_path(struct spot *p, const char *text, struct vmctl_error *err)
{
	p->path = trimmed(text);
	p->name = p->path ? strdup(path_base(p->path)) : NULL;
	if (!p->name)
		return fail_oom(err);
	p->slash = strlen(text) > strlen(p->path);
	p->contents =
		!*p->name || str_eq(p->name, ".") || str_eq(p->name, "..");
	return 0;
}

int spot_move(struct spot *p, const char *path, struct vmctl_error *err)
{
	char *moved = trimmed(path);

	if (!moved)
		return fail_oom(err);
	free(p->path);
	p->path = moved;
	return 0;
}

static int set_guest(struct spot *p, const char *word, size_t n,
		     struct vmctl_error *err)
{
	const char *at = memrchr(word, '@', n);
	const char *name = at ? at + 1 : word;
	size_t len = n - (size_t)(name - word);

	p->where = SPOT_GUEST;
	if (!len || at == word) {
		fail(err, VMCTL_INVALID, 0, "no instance is named in '%s'",
		     word);
		fail_hint(err,
			  "a file of this host whose name has a colon is "
			  "written ./%s",
			  word);
		return -VMCTL_INVALID;
	}
	p->instance = strndup(name, len);
	p->user = at ? strndup(word, (size_t)(at - word)) : NULL;
	if (!p->instance || (at && !p->user))
		return fail_oom(err);
	return set_path(p, word + n + 1, err);
}

int spot_parse(const char *word, struct spot *ret, struct vmctl_error *err)
{
	struct spot p = { .word = word };
	size_t n = strcspn(word, ":/");
	int r;

	if (str_eq(word, "-")) {
		p.where = SPOT_STREAM;
		r = set_path(&p, word, err);
	} else if (word[n] == ':') {
		r = set_guest(&p, word, n, err);
	} else if (!*word) {
		r = fail(err, VMCTL_INVALID, 0, "an empty name is no file");
	} else {
		r = set_path(&p, word, err);
	}
	if (r < 0)
		spot_done(&p);
	else
		*ret = p;
	return r;
}

const char *spot_base(const struct spot *p)
{
	return path_base(p->path);
}

char *spot_parent(const struct spot *p)
{
	size_t n = (size_t)(path_base(p->path) - p->path);

	while (n > 1 && p->path[n - 1] == '/')
		n--;
	return strndup(p->path, n);
}
