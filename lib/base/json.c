/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

int json_parse(const char *text, size_t len, const char *what, json_t **ret,
	       struct vmctl_error *err)
{
	json_error_t why;
	const char *encoding = str_other_encoding(text, len);
	json_t *value;

	if (encoding)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is text in %s, not in UTF-8", what, encoding);
	/* It must not be written, and may be ignored (RFC 8259, section 8.1).
	 */
	str_skip_mark(&text, &len);
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!value)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is not valid JSON: line %d: %s", what, why.line,
			    why.text);
	*ret = value;
	return 0;
}

int json_text(const json_t *value, int indent, char **ret,
	      struct vmctl_error *err)
{
	/* As many digits as a double holds for sure: 0.1 stays that. */
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
		       (indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
	char *text = json_dumps(value, flags);

	if (!text)
		return fail_oom(err);
	*ret = text;
	return 0;
}

const char *json_get_string(const json_t *object, const char *key,
			    const char *fallback)
{
	const char *v = json_string_value(json_object_get(object, key));

	return v ? v : fallback;
}

int64_t json_get_int(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
	const json_t *v = json_object_get(object, key);

	return json_is_boolean(v) ? json_is_true(v) : fallback;
}
