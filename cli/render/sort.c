/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/internal.h"

struct key {
	const struct field *field;
	bool down;
};

struct row {
	struct value *values;	  /* one for each key */
	size_t index, begin, end; /* where it came, and its part of the body */
};

struct sorter {
	struct key *keys;
	struct made *made; /* fields of keys */
	size_t key_count;
	struct row *rows;
	size_t count, cap;
};

void sorter_free(struct sorter *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = 0; k < s->key_count; k++)
			value_done(&s->rows[i].values[k]);
		free(s->rows[i].values);
	}
	free(s->rows);
	free(s->keys);
	made_free(s->made);
	free(s);
}
DEFINE_CLEANUP(sorter, struct sorter *, sorter_free);

int sorter_new(const struct record *record, const char *keys,
	       struct sorter **ret, struct vmctl_error *err)
{
	auto_cleanup(sorter_cleanup) struct sorter *s = calloc(1, sizeof(*s));

	if (s) /* more than there are commas */
		s->keys = calloc(strlen(keys) + 1, sizeof(*s->keys));
	if (!s || !s->keys)
		return fail_oom(err);
	for (const char *p = keys;; p++) {
		struct key *key = &s->keys[s->key_count++];
		int rc;

		key->down = *p == '-';
		p += key->down;
		size_t len = strcspn(p, ",");
		rc = field_find(record, "--sort", p, len, &s->made, &key->field,
				err);
		if (rc)
			return rc;
		p += len;
		if (!*p)
			break;
	}
	*ret = take_ptr(&s);
	return 0;
}

int sorter_add(struct sorter *s, const void *item, size_t body_end,
	       struct vmctl_error *err)
{
	struct row *row;
	int rc = 0;

	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;

		row = reallocarray(s->rows, cap, sizeof(*row));
		if (!row)
			return fail_oom(err);
		s->rows = row;
		s->cap = cap;
	}
	row = &s->rows[s->count];
	*row = (struct row){
		.values = calloc(s->key_count, sizeof(*row->values)),
		.index = s->count,
		.begin = s->count ? row[-1].end : 0,
		.end = body_end,
	};
	if (!row->values)
		return fail_oom(err);
	s->count++;
	for (size_t k = 0; rc == 0 && k < s->key_count; k++)
		rc = value_of(s->keys[k].field, item, &row->values[k], err);
	return rc;
}

/* What has no value is last in either direction; equal rows stay as they came.
 */
static int compare_rows(const void *pa, const void *pb, void *data)
{
	const struct row *a = pa, *b = pb;
	const struct sorter *s = data;

	for (size_t k = 0; k < s->key_count; k++) {
		const struct value *x = &a->values[k], *y = &b->values[k];
		int c = value_compare(x, y);

		if (c)
			return s->keys[k].down && !x->none && !y->none ? -c : c;
	}
	return (a->index > b->index) - (a->index < b->index);
}

static int sort_cells(const struct sorter *s, struct render *r,
		      struct vmctl_error *err)
{
	size_t n = r->columns.count;
	struct cell *sorted = calloc(s->count * n + 1, sizeof(*sorted));

	if (!sorted)
		return fail_oom(err);
	for (size_t i = 0; n && i < s->count; i++)
		memcpy(sorted + i * n, r->cells + s->rows[i].index * n,
		       n * sizeof(*sorted));
	free(r->cells);
	r->cells = sorted;
	return 0;
}

static int sort_array(const struct sorter *s, struct render *r,
		      struct vmctl_error *err)
{
	auto_json json_t *sorted = json_array();

	for (size_t i = 0; i < s->count; i++) {
		if (json_array_append(
			    sorted, json_array_get(r->array, s->rows[i].index)))
			return fail_oom(err);
	}
	json_decref(r->array);
	r->array = take_ptr(&sorted);
	return r->array ? 0 : fail_oom(err);
}

static int sort_body(const struct sorter *s, struct render *r,
		     struct vmctl_error *err)
{
	struct str sorted = STR_INIT;

	for (size_t i = 0; i < s->count; i++)
		str_addn(&sorted, str_text(&r->body) + s->rows[i].begin,
			 s->rows[i].end - s->rows[i].begin);
	str_done(&r->body);
	r->body = sorted;
	return str_check(&r->body, err);
}

int sorter_apply(struct sorter *s, struct render *r, struct vmctl_error *err)
{
	if (!s->count)
		return 0;
	qsort_r(s->rows, s->count, sizeof(*s->rows), compare_rows, s);
	if (r->array)
		return sort_array(s, r, err);
	if (r->cells)
		return sort_cells(s, r, err);
	return sort_body(s, r, err);
}
