/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/internal.h"

int json_object_of(const struct columns *columns, const void *item,
		   json_t **ret, struct vmctl_error *err)
{
	auto_json json_t *object = json_object();

	for (size_t i = 0; i < columns->count; i++) {
		const struct field *field = columns->items[i];

		/* Both fail for NULL, which is memory running short. */
		if (json_object_set_new(object, field->key,
					cell_json(field, item)))
			return fail_oom(err);
	}
	if (!object)
		return fail_oom(err);
	*ret = take_ptr(&object);
	return 0;
}

/* jansson escapes the control characters below U+0020 as JSON demands, but
 * not DEL and U+0080 to U+009F, which terminals obey as well. In serialised
 * JSON they can only stand within strings. */
static void add_escaped(const char *text, struct str *out)
{
	const unsigned char *p = (const unsigned char *)text, *from = p;

	for (; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;

		if (*p != 0x7f && !c1)
			continue;
		str_addn(out, from, (size_t)(p - from));
		str_addf(out, "\\u%04x", c1 ? *++p : *p);
		from = p + 1;
	}
	str_addn(out, from, (size_t)(p - from));
}

int json_add(const json_t *value, int indent, struct str *out,
	     struct vmctl_error *err)
{
	auto_free char *text = NULL;
	int rc = json_text(value, indent, &text, err);

	if (rc)
		return rc;
	add_escaped(text, out);
	str_addc(out, '\n');
	return str_check(out, err);
}
