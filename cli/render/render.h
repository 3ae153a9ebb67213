/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_RENDER_RENDER_H
#define CLI_RENDER_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "cli/render/record.h"

/*
 * The output layer: records in, any format out. Everything is spooled and
 * written to standard output once, at success, so that a failure prints no
 * half of an answer.
 */
enum format {
	FORMAT_TABLE,
	FORMAT_WIDE,
	FORMAT_JSON,
	FORMAT_NDJSON,
	FORMAT_CSV,
	FORMAT_TSV,
	FORMAT_NAME,
};

struct render;

struct render_options {
	enum format format;
	const char *columns; /* "name,state", or NULL */
	const char *filter;  /* of lists: see filter.h; or NULL */
	const char *sort;    /* of lists: "state,-memory", or NULL */
	bool print0; /* names end with a zero byte and are not made safe */
	bool no_header;
	bool color;
	int width;   /* of the terminal; 0: not one, nothing is cut */
	int64_t now; /* for ages; epoch */
};

/* The format of that name. VMCTL_INVALID, naming the nearest. */
int format_parse(const char *name, enum format *ret, struct vmctl_error *err);

int render_new(const struct render_options *opts, struct render **ret,
	       struct vmctl_error *err);
void render_free(struct render *r);

/* Whether columns, filter and sort make sense for the record: VMCTL_INVALID
 * naming the known fields. To be asked before anything is done. */
int render_check(const struct render_options *opts, const struct record *record,
		 struct vmctl_error *err);

/* Whether a list of these records shows and needs no field without `flag`. */
bool render_needs_only(const struct render *r, const struct record *record,
		       unsigned flag);

/* A list: rows in the order added. JSON is an array, also when empty.
 * An unknown name in --columns is VMCTL_INVALID naming the known ones. */
int render_begin(struct render *r, const struct record *record,
		 struct vmctl_error *err);
int render_row(struct render *r, const void *item, struct vmctl_error *err);
int render_end(struct render *r, struct vmctl_error *err);

/* One record: a "key: value" block in tables (FIELD_ASKED ones only with -o
 * wide; only values with no_header), one object in JSON. */
int render_one(struct render *r, const struct record *record, const void *item,
	       struct vmctl_error *err);

/* Plain text data, made safe for a terminal when `untrusted`. */
int render_text(struct render *r, const char *text, bool untrusted,
		struct vmctl_error *err);

/* The spooled output so far. Borrowed. */
const struct str *render_spool(const struct render *r);

/* Writes the spool to fd and empties it. A list that is still open is left
 * out. EPIPE is success, any other failure VMCTL_FAILED. */
int render_flush(struct render *r, int fd, struct vmctl_error *err);

#endif
