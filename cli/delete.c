/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/delete.h"

/* Keys and images go by what they were when the question was asked. */

struct meant {
	const struct deletion *what;
	char **names; /* the word that was given, where it names nothing */
	char **marks; /* as many; "" for such a word */
	size_t known;
};

static void meant_done(struct meant *m)
{
	strv_free(m->names);
	strv_free(m->marks);
}

static int look(struct vmctl *ctx, const char *word, struct meant *m,
		struct vmctl_error *err)
{
	auto_free char *name = NULL, *mark = NULL;
	int r = m->what->find(ctx, word, &name, &mark, err);

	if (r < 0 && r != -VMCTL_NOT_FOUND && r != -VMCTL_INVALID)
		return r;
	if (r == 0)
		m->known++;
	return strv_append(&m->names, r < 0 ? word : name) < 0 ||
			       strv_append(&m->marks, r < 0 ? "" : mark) < 0
		       ? fail_oom(err)
		       : 0;
}

static const char *mark_of(const struct meant *m, const char *name)
{
	size_t i = 0;

	while (!str_eq(m->names[i], name))
		i++;
	return m->marks[i];
}

static int delete_one(struct cli *cli, const char *name, void *data,
		      struct vmctl_error *err)
{
	const struct meant *m = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	return r < 0 ? r : m->what->delete (ctx, name, mark_of(m, name), err);
}

static bool is_meant(struct cli *cli, const struct meant *m)
{
	size_t n = strv_len((const char *const *)m->names);

	return !m->known ||
	       cli_confirm(cli, "Delete the %s %s%s?%s", m->what->noun,
			   m->names[0], n > 1 ? " and the others" : "",
			   m->what->notes);
}

int cli_delete(struct cli *cli, const struct deletion *what,
	       const struct strings *words, struct vmctl_error *err)
{
	auto_cleanup(meant_done) struct meant m = { .what = what,
						    .names = strv_dup(NULL),
						    .marks = strv_dup(NULL) };
	struct strings names = { 0 };
	struct vmctl *ctx;
	int r = m.names && m.marks ? cli_context(cli, &ctx, err)
				   : fail_oom(err);

	for (size_t i = 0; r == 0 && i < words->count; i++)
		r = look(ctx, words->items[i], &m, err);
	if (r < 0)
		return r;
	if (!is_meant(cli, &m))
		return fail(err, VMCTL_FAILED, 0, "nothing was deleted");
	names.items = (const char **)m.names;
	names.count = strv_len((const char *const *)m.names);
	return cli_each(cli, &names, delete_one, &m, err);
}
