/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/render/internal.h"
#include "cli/render/width.h"

/* Tables and "Heading: value" blocks. */

#define GAP 2	 /* between columns */
#define NARROW 6 /* no column is squeezed below this */
#define ELLIPSIS "\xe2\x80\xa6"

int table_row(struct render *r, const void *item, struct vmctl_error *err)
{
	size_t n = r->columns.count;

	if ((r->rows + 1) * n > r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16 * n;
		struct cell *grown =
			reallocarray(r->cells, cap, sizeof(*grown));

		if (!grown)
			return fail_oom(err);
		r->cells = grown;
		r->cap = cap;
	}
	for (size_t i = 0; i < n; i++) {
		struct cell *cell = &r->cells[r->rows * n + i];

		cell->at = (unsigned)r->text.len;
		cell_human(r->columns.items[i], item, r->opts.now, false,
			   &r->text);
		cell->width = r->text.oom ? 0 : width_of(r->text.p + cell->at);
		str_addc(&r->text, '\0');
	}
	r->rows++;
	return str_check(&r->text, err);
}

static bool is_number(const struct field *field)
{
	return field->type == FIELD_INT || field->type == FIELD_SIZE ||
	       field->type == FIELD_REAL || field->type == FIELD_DURATION;
}

static void measure(const struct render *r, int *widths)
{
	size_t n = r->columns.count;

	for (size_t c = 0; c < n; c++) {
		widths[c] = r->opts.no_header
				    ? 0
				    : width_of(r->columns.items[c]->heading);
		for (size_t i = 0; i < r->rows; i++)
			if (r->cells[i * n + c].width > widths[c])
				widths[c] = r->cells[i * n + c].width;
	}
}

/* Numbers, ages and states say nothing when they are cut. */
static bool can_shrink(const struct field *field)
{
	return !is_number(field) && field->type != FIELD_TIME &&
	       field->type != FIELD_BOOL && !(field->flags & FIELD_STATE);
}

static bool is_name(const struct render *r, size_t column)
{
	return r->columns.items[column]->flags & FIELD_NAME;
}

/* What a column needs at least: names are what the reader types next. */
static int least(const struct render *r, const int *widths, size_t c)
{
	bool whole = is_name(r, c) || !can_shrink(r->columns.items[c]);

	return whole || widths[c] < NARROW ? widths[c] : NARROW;
}

/* How many columns there is room for; the first ones say most. */
static size_t fitting(const struct render *r, const int *widths)
{
	size_t n = r->columns.count;
	int total = -GAP;

	for (size_t c = 0; c < n; c++)
		total += least(r, widths, c) + GAP;
	while (r->opts.width && total > r->opts.width && n > 1 &&
	       !is_name(r, n - 1)) {
		n--;
		total -= least(r, widths, n) + GAP;
	}
	return n;
}

/* The widest column that may still be made narrower, or -1. */
static int widest(const struct render *r, const int *widths, bool names)
{
	int best = -1;

	for (size_t c = 0; c < r->shown; c++) {
		if (!can_shrink(r->columns.items[c]) || widths[c] <= NARROW)
			continue;
		if (!names && is_name(r, c))
			continue;
		if (best < 0 || widths[c] >= widths[best])
			best = (int)c;
	}
	return best;
}

/* What a line takes. */
static int line_width(const struct render *r, const int *widths)
{
	int total = -GAP;

	for (size_t c = 0; c < r->shown; c++)
		total += widths[c] + GAP;
	return total;
}

static void squeeze(const struct render *r, int *widths)
{
	int total = line_width(r, widths);

	while (r->opts.width && total > r->opts.width) {
		int c = widest(r, widths, false);

		if (c < 0)
			c = widest(r, widths, true);
		if (c < 0)
			return; /* the lines are cut then */
		widths[c]--;
		total--;
	}
}

static void pad(int n, struct str *out)
{
	str_fill(out, ' ', n > 0 ? (size_t)n : 0);
}

/* One cell, which is `full` wide, cut or padded; *room is what is left of the
 * line. */
static void add_cell(const struct render *r, size_t column, const char *text,
		     int full, int width, int *room, struct str *out)
{
	const struct field *field = r->columns.items[column];
	bool last = column + 1 == r->shown;
	const char *color = r->opts.color ? cell_color(field, text) : NULL;
	size_t bytes = strlen(text);
	int shown = full, space;

	if (width > *room)
		width = *room;
	if (full > width) {
		bytes = width > 0 ? width_cut(text, width - 1, &shown) : 0;
		shown = width > 0 ? shown + 1 : 0;
	}
	space = width - shown;
	if (is_number(field))
		pad(space, out);
	if (color)
		str_addf(out, "\033[%sm", color);
	str_addn(out, text, bytes);
	if (full > width && width > 0)
		str_add(out, ELLIPSIS);
	if (color)
		str_add(out, "\033[0m");
	*room -= width;
	if (last)
		return;
	if (!is_number(field))
		pad(space, out);
	space = *room < GAP ? *room : GAP;
	pad(space, out);
	*room -= space;
}

/* Blanks at the end of a line are good for nothing. */
static void end_line(struct str *out)
{
	while (out->len && out->p[out->len - 1] == ' ')
		out->p[--out->len] = '\0';
	str_addc(out, '\n');
}

static void add_header(struct render *r, const int *widths)
{
	int room = r->opts.width ? r->opts.width : INT32_MAX;

	for (size_t c = 0; c < r->shown; c++) {
		const char *text = r->columns.items[c]->heading;

		add_cell(r, c, text, width_of(text), widths[c], &room,
			 &r->spool);
	}
	end_line(&r->spool);
}

static void add_line(struct render *r, size_t row, const int *widths)
{
	const struct cell *cells = r->cells + row * r->columns.count;
	int room = r->opts.width ? r->opts.width : INT32_MAX;

	for (size_t c = 0; c < r->shown; c++)
		add_cell(r, c, r->text.p + cells[c].at, cells[c].width,
			 widths[c], &room, &r->spool);
	end_line(&r->spool);
}

void table_end(struct render *r)
{
	size_t n = r->columns.count;
	auto_free int *widths = calloc(n, sizeof(*widths));

	if (!widths) {
		r->spool.oom = true;
		return;
	}
	measure(r, widths);
	r->shown = fitting(r, widths);
	squeeze(r, widths);
	/* At once, as growing copies; more is needed where not all is ASCII. */
	str_reserve(&r->spool,
		    (r->rows + 1) * (size_t)(line_width(r, widths) + GAP));
	if (!r->opts.no_header)
		add_header(r, widths);
	for (size_t i = 0; i < r->rows; i++)
		add_line(r, i, widths);
}

static int block_width(const struct columns *columns)
{
	int widest = 0;

	for (size_t i = 0; i < columns->count; i++) {
		int width = width_of(columns->items[i]->key);

		if (width > widest)
			widest = width;
	}
	return widest;
}

/* Keys, not headings: they are what --columns and JSON call the fields. */
void table_block(struct render *r, const struct columns *columns,
		 const void *item)
{
	int width = block_width(columns);

	if (r->any_block)
		str_addc(&r->spool, '\n');
	r->any_block = true;
	for (size_t i = 0; i < columns->count; i++) {
		const struct field *field = columns->items[i];
		auto_str text = STR_INIT;
		const char *color;

		cell_human(field, item, r->opts.now, true, &text);
		color = r->opts.color ? cell_color(field, str_text(&text))
				      : NULL;
		if (!r->opts.no_header) {
			str_addf(&r->spool, "%s:", field->key);
			pad(width - width_of(field->key) + 1, &r->spool);
		}
		if (color)
			str_addf(&r->spool, "\033[%sm", color);
		str_add(&r->spool, str_text(&text));
		str_add(&r->spool, color ? "\033[0m\n" : "\n");
		r->spool.oom |= text.oom;
	}
}
