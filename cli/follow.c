/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/watch.h"

struct seen {
	char *id, *line;
	bool listed;
};

struct follow {
	struct seen *items;
	size_t count, room;
};

struct follow *follow_new(void)
{
	return calloc(1, sizeof(struct follow));
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].id);
		free(f->items[i].line);
	}
	free(f->items);
	free(f);
}

static struct seen *find(const struct follow *f, const char *id)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->items[i].id, id))
			return &f->items[i];
	return NULL;
}

static struct seen *add(struct follow *f, const char *id)
{
	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 16;
		struct seen *grown =
			reallocarray(f->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		f->items = grown;
		f->room = room;
	}
	struct seen *seen = &f->items[f->count];
	*seen = (struct seen){ .id = strdup(id), .line = strdup("") };
	if (!seen->id || !seen->line) {
		free(seen->id);
		free(seen->line);
		return NULL;
	}
	f->count++;
	return seen;
}

int follow_note(struct follow *f, const char *id, const char *line, bool listed,
		bool *ret_news, struct vmctl_error *err)
{
	struct seen *seen = find(f, id);

	*ret_news = false;
	if (!seen && !listed)
		return 0;
	if (!seen)
		seen = add(f, id);
	if (!seen)
		return fail_oom(err);
	bool changed = !str_eq(seen->line, line) || seen->listed != listed;
	*ret_news = changed && (listed || seen->listed);
	if (*ret_news) {
		char *copy = strdup(line);

		if (!copy)
			return fail_oom(err);
		free(seen->line);
		seen->line = copy;
	}
	seen->listed = listed;
	return 0;
}
