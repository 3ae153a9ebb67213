/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_RENDER_RECORD_H
#define CLI_RENDER_RECORD_H

#include <stddef.h>

/*
 * A record's fields, declared once in cli/<noun>/fields.c, from which every
 * output format is made: keys are a contract for scripts, headings are for
 * people. JSON carries raw units (bytes, seconds, RFC 3339 UTC), tables human
 * ones.
 */
enum field_type {
	FIELD_STRING,	/* char * ; NULL and "" are null in JSON */
	FIELD_INT,	/* int64_t */
	FIELD_SIZE,	/* int64_t, bytes */
	FIELD_TIME,	/* int64_t, epoch seconds; 0 is null. A table shows
			 * the age ("3m"), show and JSON the time */
	FIELD_DURATION, /* int64_t, milliseconds; JSON: seconds as a number */
	FIELD_BOOL,	/* bool */
	FIELD_REAL,	/* double, two digits behind the point */
	FIELD_STRINGS,	/* char **, NULL-terminated; joined by "," in tables */
	FIELD_TEXT,	/* computed: text(record) gives a borrowed or static
			 * string, for enums */
	FIELD_ELEMENT,	/* of no record: one of FIELD_STRINGS that has `each`;
			 * what stands behind its "=" */
};

enum field_flags {
	FIELD_WIDE = 1 << 0,	   /* in lists only with -o wide or --columns */
	FIELD_NAME = 1 << 1,	   /* what -o name prints; exactly one */
	FIELD_STATE = 1 << 2,	   /* coloured by its value on a terminal */
	FIELD_HIDDEN = 1 << 3,	   /* in lists only with --columns */
	FIELD_ZERO_NONE = 1 << 5,  /* of a number: 0 stands for none */
	FIELD_BELOW_NONE = 1 << 7, /* of a number: less than 0 does */
	FIELD_AHEAD = 1 << 6,  /* of a time: it lies in the future ("in 3m") */
	FIELD_ALWAYS = 1 << 8, /* of a text or time: it is never null */
	FIELD_BRIEF = 1 << 9,  /* of an instance: VMCTL_LIST_BRIEF has it */
	FIELD_ASKED = 1 << 4, /* in the block of one record only with -o wide */
};

struct field {
	const char *key;     /* JSON key, --columns name; NULL ends */
	const char *heading; /* table heading; show uses it too */
	enum field_type type;
	size_t offset;
	unsigned flags;
	const char *(*text)(const void *record); /* for FIELD_TEXT */
	const char *help; /* for the manual: what it is, in which unit */
	/* Of FIELD_STRINGS that are "KEY=VALUE": with "label", label.KEY is
	 * what one of them has, for --columns, --filter and --sort. */
	const char *each;
};

struct record {
	const char *name; /* "instance" */
	const struct field *fields;
};

/* What it is in JSON: "string", "integer", "number", "boolean", "time" (a
 * string) or "strings" (an array), with "|null" when it may be null. */
const char *field_json_type(const struct field *field);

#endif
