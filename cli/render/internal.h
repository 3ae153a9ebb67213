/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_RENDER_INTERNAL_H
#define CLI_RENDER_INTERNAL_H

#include "base/json.h"
#include "cli/render/compare.h"
#include "cli/render/filter.h"
#include "cli/render/render.h"

struct columns {
	const struct field **items;
	size_t count;
	struct made *made; /* of items */
};

/* A cell of a table: its text, ended by NUL, is in `text` of the list. */
struct cell {
	unsigned at;
	int width; /* of the whole text */
};

struct render {
	struct render_options opts;
	struct str spool; /* whole answers only */

	/* The list that is open. */
	bool open;
	struct columns columns;
	struct str body;    /* rows of ndjson, csv, tsv, name */
	json_t *array;	    /* rows of json */
	struct str text;    /* of all cells of a table */
	struct cell *cells; /* columns.count for a row */
	size_t rows, cap;   /* in `cells` */
	size_t shown;	    /* columns that there is room for */
	struct filter *filter;
	struct sorter *sorter;

	bool any_block;	 /* a block was shown: the next needs a gap */
	bool any_header; /* of csv and tsv, for render_one */
};

/* --- cell.c: one field of one record ------------------------------------ */

/* For people; "-" for what is missing. `full`: times as times, not ages. */
void cell_human(const struct field *field, const void *item, int64_t now,
		bool full, struct str *out);
/* For programs: raw units, nothing for what is missing. */
void cell_raw(const struct field *field, const void *item, struct str *out);
json_t *cell_json(const struct field *field, const void *item);
/* Whether there is nothing to show: a time that never was, or the zero of a
 * number field in which it stands for none. */
bool cell_none(const struct field *field, const void *item);
/* SGR parameters for a state, or NULL. */
const char *cell_color(const struct field *field, const char *text);

/* --- sort.c: --sort ------------------------------------------------------
 *
 * Rows are made as they come, and put in order at the end of the list.
 */

/* "state,-memory". VMCTL_INVALID. */
int sorter_new(const struct record *record, const char *keys,
	       struct sorter **ret, struct vmctl_error *err);
void sorter_free(struct sorter *s); /* NULL is allowed */

/* Notes the next row: what it is sorted by, and where the body ends then. */
int sorter_add(struct sorter *s, const void *item, size_t body_end,
	       struct vmctl_error *err);

/* Puts cells, array and body of the list in order. */
int sorter_apply(struct sorter *s, struct render *r, struct vmctl_error *err);

/* --- one file for each family of formats -------------------------------- */

int json_object_of(const struct columns *columns, const void *item,
		   json_t **ret, struct vmctl_error *err);
/* Serialised so that a terminal is safe too; adds to `out`. */
int json_add(const json_t *value, int indent, struct str *out,
	     struct vmctl_error *err);

void csv_header(const struct columns *columns, bool tabs, struct str *out);
void csv_row(const struct columns *columns, const void *item, bool tabs,
	     bool safe, struct str *out);

int table_row(struct render *r, const void *item, struct vmctl_error *err);
void table_end(struct render *r);
void table_block(struct render *r, const struct columns *columns,
		 const void *item);

#endif
