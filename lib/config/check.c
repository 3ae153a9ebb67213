/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config.h"

/* What is wrong with a document. */

struct check {
	const json_t *root;
	struct problems *out;
	int failed; /* -VMCTL_NO_MEMORY */
};

void problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->items[i].key);
		free(p->items[i].message);
		free(p->items[i].hint);
	}
	free(p->items);
	*p = (struct problems){ 0 };
}

static void found(struct check *c, const char *key,
		  const struct vmctl_error *why)
{
	struct problems *out = c->out;
	struct problem *grown =
		reallocarray(out->items, out->count + 1, sizeof(*grown));
	struct problem p = { strdup(key), strdup(why->message),
			     strdup(why->hint) };

	if (grown)
		out->items = grown;
	if (!grown || !p.key || !p.message || !p.hint) {
		free(p.key);
		free(p.message);
		free(p.hint);
		c->failed = -VMCTL_NO_MEMORY;
		return;
	}
	out->items[out->count++] = p;
}

static void check_value(struct check *c, const struct vmctl_setting *s,
			const char *key, const json_t *value)
{
	struct vmctl_error why = { 0 };

	if (value_check(s, key, value, c->root, &why) < 0)
		found(c, key, &why);
}

static void unknown(struct check *c, const char *key)
{
	struct vmctl_error why = { 0 };
	size_t n = strcspn(key, ".");

	if (setting_find(key) || str_starts(key, "types.")) {
		fail(&why, VMCTL_INVALID, 0,
		     "'%s' is written as a member of an object: "
		     "\"%.*s\": { \"%s\": ... }",
		     key, (int)n, key, key[n] ? key + n + 1 : "");
		fail_hint(&why, "vmctl config edit");
	} else {
		auto_free char *mend = str_printf(
			"vmctl config edit, or: vmctl config unset %s", key);
		fail_setting(key, mend, &why);
	}
	found(c, key, &why);
}

static void not_object(struct check *c, const char *key)
{
	struct vmctl_error why = { 0 };

	fail(&why, VMCTL_INVALID, 0, "%s must be an object: { ... }", key);
	fail_hint(&why, "vmctl config edit, or: vmctl config unset %s", key);
	found(c, key, &why);
}

static void check_type_member(struct check *c, const char *type,
			      const char *member, const json_t *value)
{
	const struct vmctl_setting *s = type_member_find(member);
	auto_free char *key = str_printf("types.%s.%s", type, member);
	struct vmctl_error why = { 0 };

	if (!key) {
		c->failed = -VMCTL_NO_MEMORY;
	} else if (s) {
		check_value(c, s, key, value);
	} else {
		fail(&why, VMCTL_INVALID, 0,
		     "types.%s: a type has cpus, memory and disk, not '%s'",
		     type, member);
		fail_hint(&why, "vmctl config edit");
		found(c, key, &why);
	}
}

static void check_types(struct check *c, json_t *types)
{
	const char *name, *member;
	json_t *type, *value;

	if (!json_is_object(types)) {
		not_object(c, "types");
		return;
	}
	json_object_foreach(types, name, type)
	{
		auto_free char *key = str_printf("types.%s", name);
		struct vmctl_error why = { 0 };

		if (!key) {
			c->failed = -VMCTL_NO_MEMORY;
			return;
		}
		if (type_is_builtin(name))
			fail(&why, VMCTL_INVALID, 0,
			     "types.%s: a type of that name is built in", name);
		else if (!type_name_ok(name))
			fail(&why, VMCTL_INVALID, 0,
			     "types: '%s' cannot be the name of a type", name);
		else if (!json_is_object(type))
			not_object(c, key);
		if (why.message[0]) {
			fail_hint(&why,
				  "vmctl config edit, or: vmctl config unset "
				  "%s",
				  key);
			found(c, key, &why);
		}
		json_object_foreach(type, member, value)
			check_type_member(c, name, member, value);
	}
}

/* Whether some setting is a member of an object of this name. */
static bool is_group(const char *name)
{
	size_t n = strlen(name);

	for (const struct vmctl_setting *s = vmctl_settings(); s->key; s++) {
		if (strncmp(s->key, name, n) == 0 && s->key[n] == '.')
			return true;
	}
	return false;
}

static void check_group(struct check *c, const char *group, json_t *members)
{
	const char *name;
	json_t *value;

	if (!json_is_object(members)) {
		not_object(c, group);
		return;
	}
	json_object_foreach(members, name, value)
	{
		auto_free char *key = str_printf("%s.%s", group, name);
		const struct vmctl_setting *s = key ? setting_find(key) : NULL;

		if (!key)
			c->failed = -VMCTL_NO_MEMORY;
		else if (s)
			check_value(c, s, key, value);
		else
			unknown(c, key);
	}
}

int config_check(const json_t *root, struct problems *ret,
		 struct vmctl_error *err)
{
	auto_problems out = { 0 };
	struct check c = { .root = root, .out = &out };
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)root, key, value)
	{
		const struct vmctl_setting *s = setting_find(key);

		if (str_eq(key, "types"))
			check_types(&c, value);
		else if (is_group(key))
			check_group(&c, key, value);
		else if (s && !strchr(key, '.'))
			check_value(&c, s, key, value);
		else
			unknown(&c, key);
	}
	if (c.failed)
		return fail_oom(err);
	*ret = out;
	out = (struct problems){ 0 };
	return 0;
}

int problem_fail(const struct problem *p, const char *file,
		 struct vmctl_error *err)
{
	int r = fail(err, VMCTL_INVALID, 0, "%s: %s", file, p->message);

	if (*p->hint)
		fail_hint(err, "%s", p->hint);
	else
		fail_hint(err,
			  "vmctl config set %s VALUE, or: "
			  "vmctl config edit",
			  p->key);
	return r;
}
