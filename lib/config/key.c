/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config.h"

/* Keys as places in the document. */

void place_done(struct place *p)
{
	for (int i = 0; i < 3; i++)
		free(p->parts[i]);
	*p = (struct place){ 0 };
}

/* The name of a type may have dots: its member is what follows the last one. */
static void split_type(const char *rest, struct place *p)
{
	const char *dot = strrchr(rest, '.');
	const struct vmctl_setting *member =
		dot ? type_member_find(dot + 1) : NULL;

	p->depth = member ? 3 : 2;
	p->parts[1] =
		member ? strndup(rest, (size_t)(dot - rest)) : strdup(rest);
	if (member) {
		p->parts[2] = strdup(dot + 1);
		if (p->parts[1] && type_name_ok(p->parts[1]))
			p->setting = member;
	}
}

int place_of(const char *key, struct place *ret, struct vmctl_error *err)
{
	const char *dot = strchr(key, '.');
	auto_place p = { .depth = 1, .setting = setting_find(key) };

	p.parts[0] = dot ? strndup(key, (size_t)(dot - key)) : strdup(key);
	if (dot && str_starts(key, "types.")) {
		split_type(dot + 1, &p);
	} else if (dot) {
		p.depth = 2;
		p.parts[1] = strdup(dot + 1);
	}
	for (int i = 0; i < p.depth; i++) {
		if (!p.parts[i])
			return fail_oom(err);
	}
	*ret = p;
	p = (struct place){ 0 };
	return 0;
}

json_t *place_get(const json_t *root, const struct place *p)
{
	json_t *at = (json_t *)root;

	for (int i = 0; i < p->depth; i++)
		at = json_object_get(at, p->parts[i]);
	return at;
}

int place_put(json_t *root, const struct place *p, json_t *take_value,
	      struct vmctl_error *err)
{
	auto_json json_t *value = take_value;
	json_t *at = root;

	if (!value)
		return fail_oom(err);
	for (int i = 0; i < p->depth - 1; i++) {
		json_t *next = json_object_get(at, p->parts[i]);

		/* What is no object cannot be right here. */
		if (!json_is_object(next)) {
			if (json_object_set_new(at, p->parts[i], json_object()))
				return fail_oom(err);
			next = json_object_get(at, p->parts[i]);
		}
		at = next;
	}
	return json_object_set(at, p->parts[p->depth - 1], value)
		       ? fail_oom(err)
		       : 0;
}

void place_remove(json_t *root, const struct place *p)
{
	struct place up = *p; /* shares the strings */
	json_t *above;

	up.depth--;
	above = place_get(root, &up);
	json_object_del(above, p->parts[up.depth]);
	/* No empty objects are left behind. */
	if (up.depth && json_is_object(above) && !json_object_size(above))
		place_remove(root, &up);
}
