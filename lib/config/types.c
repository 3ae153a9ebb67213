/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "config/config.h"
#include "context.h"

/* Instance types: EC2's, and those that the file adds. */

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

static const struct {
	const char *name;
	int64_t vcpus, memory, disk;
} builtin[] = {
	{ "t2.nano", 1, 512 * MIB, 8 * GIB },
	{ "t2.micro", 1, 1 * GIB, 8 * GIB },
	{ "t2.small", 1, 2 * GIB, 20 * GIB },
	{ "t2.medium", 2, 4 * GIB, 30 * GIB },
	{ "t2.large", 2, 8 * GIB, 30 * GIB },
};

bool type_is_builtin(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
		if (str_eq(builtin[i].name, name))
			return true;
	}
	return false;
}

bool type_name_ok(const char *name)
{
	size_t n = 0;

	if (!isalnum((unsigned char)name[0]))
		return false;
	while (isalnum((unsigned char)name[n]) ||
	       (name[n] && strchr("._-", name[n])))
		n++;
	return !name[n] && n <= 63;
}

/* A member of a type that was checked, or its default. */
static int64_t member(const json_t *type, const char *name)
{
	const struct vmctl_setting *s = type_member_find(name);
	const json_t *value = json_object_get(type, name);
	auto_free char *text = value ? value_text(value) : NULL;

	return value_number(s, text ? text : s->fallback);
}

static struct vmctl_type configured(const char *name, const json_t *type)
{
	return (struct vmctl_type){
		.name = (char *)name,
		.vcpus = member(type, "cpus"),
		.memory = member(type, "memory"),
		.disk = member(type, "disk"),
		.source = "configuration",
	};
}

static struct vmctl_type built_in(size_t i)
{
	return (struct vmctl_type){
		.name = (char *)builtin[i].name,
		.vcpus = builtin[i].vcpus,
		.memory = builtin[i].memory,
		.disk = builtin[i].disk,
		.source = "builtin",
	};
}

static void hint_nearest(const json_t *root, const char *name,
			 struct vmctl_error *err)
{
	json_t *types = json_object_get(root, "types"), *type;
	const char *names[64], *key;
	size_t n = 0;

	for (; n < ARRAY_LEN(builtin); n++)
		names[n] = builtin[n].name;
	json_object_foreach(types, key, type)
	{
		if (n < ARRAY_LEN(names) - 1)
			names[n++] = key;
	}
	names[n] = NULL;
	fail_hint_nearest(err, name, names, "", "vmctl type list");
}

int type_check(const json_t *root, const char *label, const char *name,
	       struct vmctl_error *err)
{

	if (type_is_builtin(name) ||
	    json_object_get(json_object_get(root, "types"), name))
		return 0;
	fail(err, VMCTL_INVALID, 0, "%s: there is no instance type '%s'", label,
	     name);
	hint_nearest(root, name, err);
	return -VMCTL_INVALID;
}

int config_type(const struct config *c, const char *name,
		struct vmctl_type *ret, struct vmctl_error *err)
{
	json_t *type = json_object_get(json_object_get(c->root, "types"), name);

	if (type) {
		*ret = configured(name, type);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++) {
		if (!str_eq(builtin[i].name, name))
			continue;
		*ret = built_in(i);
		return 0;
	}
	fail(err, VMCTL_NOT_FOUND, 0, "there is no type '%s'", name);
	hint_nearest(c->root, name, err);
	return -VMCTL_NOT_FOUND;
}

/* --- the list ---------------------------------------------------------------
 */

void vmctl_type_list_free(struct vmctl_type_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	free(list);
}
DEFINE_CLEANUP(type_list, struct vmctl_type_list *, vmctl_type_list_free);

/* Copies the name. The array has room. */
static int add(struct vmctl_type_list *list, struct vmctl_type type,
	       struct vmctl_error *err)
{
	type.name = strdup(type.name);
	if (!type.name)
		return fail_oom(err);
	list->items[list->count++] = type;
	return 0;
}

int vmctl_type_list(struct vmctl *ctx, struct vmctl_type_list **ret,
		    struct vmctl_error *err)
{
	auto_cleanup(type_list_cleanup) struct vmctl_type_list *list =
		calloc(1, sizeof(*list));
	const struct config *config;
	json_t *types, *type;
	const char *name;
	int r = context_config(ctx, &config, err);

	if (r < 0)
		return r;
	types = json_object_get(config->root, "types");
	if (list)
		list->items =
			calloc(ARRAY_LEN(builtin) + json_object_size(types),
			       sizeof(*list->items));
	if (!list || !list->items)
		return fail_oom(err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(builtin); i++)
		r = add(list, built_in(i), err);
	json_object_foreach(types, name, type)
	{
		if (r == 0)
			r = add(list, configured(name, type), err);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}
