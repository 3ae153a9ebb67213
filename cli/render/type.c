/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/internal.h"

/* What a field is in JSON, for the manual and the tests; cell.c makes it so. */

const char *field_json_type(const struct field *field)
{
	bool always = field->flags & (FIELD_NAME | FIELD_ALWAYS);
	bool none = field->flags & (FIELD_ZERO_NONE | FIELD_BELOW_NONE);

	switch (field->type) {
	case FIELD_STRING:
		return always ? "string" : "string|null";
	case FIELD_ELEMENT:
		return "string|null";
	case FIELD_TEXT: /* names of an enum */
		return "string";
	case FIELD_STRINGS:
		return "strings";
	case FIELD_INT:
	case FIELD_SIZE:
		return none ? "integer|null" : "integer";
	case FIELD_DURATION:
		return none ? "number|null" : "number";
	case FIELD_REAL:
		return "number";
	case FIELD_TIME:
		return always ? "time" : "time|null";
	case FIELD_BOOL:
		return "boolean";
	}
	return "";
}
