/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/internal.h"

#include "base/file.h"

static const char *const format_names[] = {
	[FORMAT_TABLE] = "table", [FORMAT_WIDE] = "wide",
	[FORMAT_JSON] = "json",	  [FORMAT_NDJSON] = "ndjson",
	[FORMAT_CSV] = "csv",	  [FORMAT_TSV] = "tsv",
	[FORMAT_NAME] = "name",	  NULL
};

int format_parse(const char *name, enum format *ret, struct vmctl_error *err)
{
	int rc;

	for (size_t i = 0; format_names[i]; i++) {
		if (str_eq(format_names[i], name)) {
			*ret = (enum format)i;
			return 0;
		}
	}
	rc = fail(err, VMCTL_INVALID, 0, "there is no output format '%s'",
		  name);
	fail_hint_nearest(err, name, format_names, "-o ", NULL);
	return rc;
}

int render_new(const struct render_options *opts, struct render **ret,
	       struct vmctl_error *err)
{
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return fail_oom(err);
	r->opts = *opts;
	*ret = r;
	return 0;
}

static void columns_done(struct columns *c)
{
	free(c->items);
	made_free(c->made);
	*c = (struct columns){ 0 };
}

static void close_list(struct render *r)
{
	free(r->cells);
	str_done(&r->text);
	columns_done(&r->columns);
	json_decref(r->array);
	str_done(&r->body);
	filter_free(take_ptr(&r->filter));
	sorter_free(take_ptr(&r->sorter));
	r->cells = NULL;
	r->array = NULL;
	r->rows = r->cap = 0;
	r->open = false;
}

void render_free(struct render *r)
{
	if (!r)
		return;
	close_list(r);
	str_done(&r->spool);
	free(r);
}

/* --- which fields -------------------------------------------------------- */

/* The fields of "a,b"; without items to check only. */
static int fields_named(const struct record *record, const char *names,
			struct columns *columns, struct vmctl_error *err)
{
	for (const char *p = names;; p++) {
		size_t len = strcspn(p, ",");
		const struct field *field;
		int rc = field_find(record, "--columns", p, len, &columns->made,
				    &field, err);

		if (rc)
			return rc;
		if (columns->items)
			columns->items[columns->count++] = field;
		p += len;
		if (!*p)
			return 0;
	}
}

static int choose_rows(const struct render_options *opts,
		       const struct record *record, struct filter **ret_filter,
		       struct sorter **ret_sorter, struct vmctl_error *err)
{
	int rc = 0;

	if (opts->filter)
		rc = filter_parse(record, opts->filter, opts->now, ret_filter,
				  err);
	if (rc == 0 && opts->sort)
		rc = sorter_new(record, opts->sort, ret_sorter, err);
	return rc;
}

int render_check(const struct render_options *opts, const struct record *record,
		 struct vmctl_error *err)
{
	struct filter *filter = NULL;
	struct sorter *sorter = NULL;
	struct columns columns = { 0 };
	int rc = 0;

	if (opts->columns)
		rc = fields_named(record, opts->columns, &columns, err);
	if (rc == 0)
		rc = choose_rows(opts, record, &filter, &sorter, err);
	columns_done(&columns);
	filter_free(filter);
	sorter_free(sorter);
	return rc;
}

static bool shown(const struct render *r, const struct field *f, bool block)
{
	switch (r->opts.format) {
	case FORMAT_TABLE:
		return block ? !(f->flags & FIELD_ASKED)
			     : !(f->flags & (FIELD_WIDE | FIELD_HIDDEN));
	case FORMAT_WIDE:
		return block || !(f->flags & FIELD_HIDDEN);
	case FORMAT_NAME:
		return f->flags & FIELD_NAME;
	case FORMAT_JSON:
	case FORMAT_NDJSON:
	case FORMAT_CSV:
	case FORMAT_TSV:
		break;
	}
	return true;
}

static int choose(const struct render *r, const struct record *record,
		  bool block, struct columns *ret, struct vmctl_error *err)
{
	const char *names = r->opts.columns;
	struct columns columns = { 0 };
	size_t n = 1;
	int rc = 0;

	for (const struct field *f = record->fields; f->key; f++)
		n++;
	for (const char *p = names; p && *p; p++)
		n++; /* more than there are commas: the same field twice */
	columns.items = calloc(n, sizeof(*columns.items));
	if (!columns.items)
		return fail_oom(err);
	if (names && r->opts.format != FORMAT_NAME) {
		rc = fields_named(record, names, &columns, err);
	} else {
		for (const struct field *f = record->fields; f->key; f++) {
			if (shown(r, f, block))
				columns.items[columns.count++] = f;
		}
	}
	if (rc) {
		columns_done(&columns);
		return rc;
	}
	*ret = columns;
	return 0;
}

bool render_needs_only(const struct render *r, const struct record *record,
		       unsigned flag)
{
	struct columns columns;
	bool only = !r->opts.filter && !r->opts.sort &&
		    choose(r, record, false, &columns, NULL) == 0;

	if (!only)
		return false;
	for (size_t i = 0; i < columns.count; i++)
		only = only && columns.items[i]->flags & flag;
	free(columns.items);
	return only;
}

/* --- lists and records --------------------------------------------------- */

int render_begin(struct render *r, const struct record *record,
		 struct vmctl_error *err)
{
	int rc;

	if (r->open)
		return fail(err, VMCTL_INTERNAL, 0, "a list is open already");
	rc = choose(r, record, false, &r->columns, err);
	if (rc == 0)
		rc = choose_rows(&r->opts, record, &r->filter, &r->sorter, err);
	if (rc == 0 && r->opts.format == FORMAT_JSON) {
		r->array = json_array();
		rc = r->array ? 0 : fail_oom(err);
	}
	if (rc) {
		close_list(r);
		return rc;
	}
	r->open = true;
	return 0;
}

static int row_json(struct render *r, const struct columns *columns,
		    const void *item, json_t *array, struct vmctl_error *err)
{
	bool lines = r->opts.format == FORMAT_NDJSON;
	auto_json json_t *object = NULL;
	int rc = json_object_of(columns, item, &object, err);

	if (rc)
		return rc;
	if (!array)
		return json_add(object, lines ? 0 : 2, &r->body, err);
	return json_array_append(array, object) ? fail_oom(err) : 0;
}

/* Adds a row to the body, for the formats that need not see all of them. */
static int row_text(struct render *r, const struct columns *columns,
		    const void *item, struct vmctl_error *err)
{
	bool tabs = r->opts.format == FORMAT_TSV;
	bool safe = r->opts.width != 0; /* a terminal reads it */

	if (r->opts.format == FORMAT_NAME) {
		if (r->opts.print0)
			cell_raw(columns->items[0], item, &r->body);
		else if (columns->count)
			cell_human(columns->items[0], item, r->opts.now, true,
				   &r->body);
		str_addc(&r->body, r->opts.print0 ? '\0' : '\n');
		return str_check(&r->body, err);
	}
	csv_row(columns, item, tabs, safe, &r->body);
	return str_check(&r->body, err);
}

static int add_row(struct render *r, const void *item, struct vmctl_error *err)
{
	switch (r->opts.format) {
	case FORMAT_TABLE:
	case FORMAT_WIDE:
		return table_row(r, item, err);
	case FORMAT_JSON:
	case FORMAT_NDJSON:
		return row_json(r, &r->columns, item, r->array, err);
	case FORMAT_CSV:
	case FORMAT_TSV:
	case FORMAT_NAME:
		break;
	}
	return row_text(r, &r->columns, item, err);
}

int render_row(struct render *r, const void *item, struct vmctl_error *err)
{
	int rc;

	if (!r->open)
		return fail(err, VMCTL_INTERNAL, 0, "no list is open");
	if (r->filter && !filter_match(r->filter, item))
		return 0;
	rc = add_row(r, item, err);
	if (rc == 0 && r->sorter)
		rc = sorter_add(r->sorter, item, r->body.len, err);
	return rc;
}

static bool wants_header(const struct render *r)
{
	return !r->opts.no_header &&
	       (r->opts.format == FORMAT_CSV || r->opts.format == FORMAT_TSV);
}

int render_end(struct render *r, struct vmctl_error *err)
{
	int rc = 0;

	if (!r->open)
		return fail(err, VMCTL_INTERNAL, 0, "no list is open");
	if (r->sorter)
		rc = sorter_apply(r->sorter, r, err);
	if (rc) {
		close_list(r);
		return rc;
	}
	if (wants_header(r))
		csv_header(&r->columns, r->opts.format == FORMAT_TSV,
			   &r->spool);
	if (r->array)
		rc = json_add(r->array, 2, &r->spool, err);
	else if (r->opts.format == FORMAT_TABLE ||
		 r->opts.format == FORMAT_WIDE)
		table_end(r);
	str_addn(&r->spool, str_text(&r->body), r->body.len);
	close_list(r);
	return rc ? rc : str_check(&r->spool, err);
}

int render_one(struct render *r, const struct record *record, const void *item,
	       struct vmctl_error *err)
{
	struct columns columns;
	bool table =
		r->opts.format == FORMAT_TABLE || r->opts.format == FORMAT_WIDE;
	bool json = r->opts.format == FORMAT_JSON ||
		    r->opts.format == FORMAT_NDJSON;
	int rc = 0;

	if (r->open)
		return fail(err, VMCTL_INTERNAL, 0, "a list is open");
	rc = choose(r, record, true, &columns, err);
	if (rc)
		return rc;
	if (wants_header(r) && !r->any_header) {
		csv_header(&columns, r->opts.format == FORMAT_TSV, &r->spool);
		r->any_header = true;
	}
	if (table)
		table_block(r, &columns, item);
	else if (json)
		rc = row_json(r, &columns, item, NULL, err);
	else
		rc = row_text(r, &columns, item, err);
	str_addn(&r->spool, str_text(&r->body), r->body.len);
	str_done(&r->body);
	columns_done(&columns);
	return rc ? rc : str_check(&r->spool, err);
}

int render_text(struct render *r, const char *text, bool untrusted,
		struct vmctl_error *err)
{
	auto_free char *safe = NULL;

	if (untrusted) {
		safe = str_printable(text, strlen(text), true);
		if (!safe)
			return fail_oom(err);
		text = safe;
	}
	str_add(&r->spool, text);
	return str_check(&r->spool, err);
}

const struct str *render_spool(const struct render *r)
{
	return &r->spool;
}

int render_flush(struct render *r, int fd, struct vmctl_error *err)
{
	struct vmctl_error why = { 0 };
	int rc = str_check(&r->spool, err);

	if (rc)
		return rc;
	rc = fd_write_all(fd, str_text(&r->spool), r->spool.len, &why);
	str_done(&r->spool);
	/* EPIPE: the reader has seen enough, as in "vmctl list | head -1". */
	if (rc == 0 || why.sys_errno == EPIPE)
		return 0;
	return fail(err, VMCTL_FAILED, why.sys_errno,
		    "cannot write the output");
}
