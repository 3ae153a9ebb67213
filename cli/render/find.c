/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "base/str.h"
#include "cli/render/compare.h"

/* The fields that somebody names. */

/* One that is in no record, but made of one that is: "label.env". */
struct made {
	struct made *next;
	struct field field;
	char text[]; /* its key and its heading */
};

void made_free(struct made *list)
{
	while (list) {
		struct made *next = list->next;

		free(list);
		list = next;
	}
}

static int make(const struct field *of, const char *key, size_t len,
		struct made **made, const struct field **ret,
		struct vmctl_error *err)
{
	struct made *m = calloc(1, sizeof(*m) + 2 * (len + 1));

	if (!m)
		return fail_oom(err);
	char *heading = memcpy(m->text, key, len);
	heading += len + 1;
	for (size_t i = strlen(of->each) + 1, n = 0; i < len; i++, n++)
		heading[n] = (char)toupper((unsigned char)key[i]);
	m->field = (struct field){ .key = m->text,
				   .heading = heading,
				   .type = FIELD_ELEMENT,
				   .offset = of->offset };
	m->next = *made;
	*made = m;
	*ret = &m->field;
	return 0;
}

static bool is_element(const struct field *f, const char *key, size_t len)
{
	size_t head = f->each ? strlen(f->each) : 0;

	return f->each && len > head + 1 && key[head] == '.' &&
	       memcmp(key, f->each, head) == 0;
}

static int fail_field(const struct record *record, const char *option,
		      const char *word, struct vmctl_error *err)
{
	size_t n = 0;

	while (record->fields[n].key)
		n++;
	auto_free const char **keys = calloc(n + 1, sizeof(*keys));
	if (!keys)
		return fail_oom(err);
	for (size_t i = 0; i < n; i++)
		keys[i] = record->fields[i].key;
	int r = fail(err, VMCTL_INVALID, 0, "%s: %s has no field '%s'", option,
		     record->name, word);
	fail_hint_nearest(err, word, keys, "", "--help lists the fields");
	return r;
}

int field_find(const struct record *record, const char *option, const char *key,
	       size_t len, struct made **made, const struct field **ret,
	       struct vmctl_error *err)
{
	for (const struct field *f = record->fields; f->key; f++) {
		if (strlen(f->key) == len && memcmp(f->key, key, len) == 0) {
			*ret = f;
			return 0;
		}
		if (is_element(f, key, len))
			return make(f, key, len, made, ret, err);
	}
	auto_free char *word = strndup(key, len);
	return word ? fail_field(record, option, word, err) : fail_oom(err);
}
