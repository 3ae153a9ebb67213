/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "config/config.h"

/* Reading the file, and what is in effect then. */

#define FILE_MAX (1 << 20)

void config_free(struct config *c)
{
	if (!c)
		return;
	json_decref(c->root);
	strv_free(c->names);
	free(c);
}

int config_file_read(const char *path, char **ret, struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	int r = path ? file_read(path, FILE_MAX, &text, err) : 0;

	if (r == -VMCTL_NOT_FOUND)
		r = 0;
	if (r < 0) {
		/* A folder or a device is as wrong as a file of nonsense. */
		if (r == -VMCTL_BAD_DATA && err)
			err->code = VMCTL_INVALID;
		return r == -VMCTL_BAD_DATA ? -VMCTL_INVALID : r;
	}
	const char *p = str_text(&text);
	const char *encoding = str_other_encoding(p, text.len);
	size_t n = text.len;

	if (encoding)
		return fail(err, VMCTL_INVALID, 0,
			    "%s is text in %s, not in UTF-8", path, encoding);
	if (memchr(p, '\0', n))
		return fail(err, VMCTL_INVALID, 0, "%s is not a text file",
			    path);
	str_skip_mark(&p, &n);
	*ret = strndup(p, n);
	return *ret ? 0 : fail_oom(err);
}

int config_parse(const char *text, const char *name, json_t **ret,
		 struct vmctl_error *err)
{
	auto_json json_t *root = NULL;
	int r;

	if (!text[strspn(text, " \t\r\n")]) {
		root = json_object();
		if (!root)
			return fail_oom(err);
	} else {
		r = json_parse(text, strlen(text), name, &root, err);
		if (r < 0) {
			if (err)
				err->code = VMCTL_INVALID;
			fail_hint(err, "vmctl config edit");
			return -VMCTL_INVALID;
		}
	}
	if (!json_is_object(root)) {
		fail(err, VMCTL_INVALID, 0,
		     "%s: line 1: the settings must be in an object: { ... }",
		     name);
		fail_hint(err, "vmctl config edit");
		return -VMCTL_INVALID;
	}
	*ret = take_ptr(&root);
	return 0;
}

static int load_names(struct config *c, struct vmctl_error *err)
{
	const json_t *value = json_object_get(c->root, "key"), *item;
	size_t i;

	if (!value)
		return 0;
	c->names = calloc(1, sizeof(*c->names));
	if (!c->names)
		return fail_oom(err);
	if (json_is_string(value) &&
	    strv_append(&c->names, json_string_value(value)) < 0)
		return fail_oom(err);
	json_array_foreach(value, i, item)
	{
		if (strv_append(&c->names, json_string_value(item)) < 0)
			return fail_oom(err);
	}
	return 0;
}

int config_load(const char *path, struct config **ret, struct vmctl_error *err)
{
	auto_config *c = calloc(1, sizeof(*c));
	auto_free char *text = NULL;
	auto_problems problems = { 0 };
	int r = c ? config_file_read(path, &text, err) : fail_oom(err);

	if (r == 0)
		r = config_parse(text, path ? path : "", &c->root, err);
	if (r == 0)
		r = config_check(c->root, &problems, err);
	if (r == 0 && problems.count)
		r = problem_fail(&problems.items[0], path, err);
	if (r == 0)
		r = load_names(c, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&c);
	return 0;
}

/* --- what is in effect ------------------------------------------------------
 */

static const json_t *value_of(const struct config *c, const char *key)
{
	auto_place p = { 0 };

	return place_of(key, &p, NULL) < 0 ? NULL : place_get(c->root, &p);
}

const char *config_text(const struct config *c, const char *key)
{
	const struct vmctl_setting *s = setting_find(key);
	const char *text = json_string_value(value_of(c, key));

	return text ? text : s ? s->fallback : NULL;
}

int64_t config_number(const struct config *c, const char *key)
{
	const struct vmctl_setting *s = setting_find(key);
	const json_t *value = value_of(c, key);
	auto_free char *text = value ? value_text(value) : NULL;
	const char *in_effect = text ? text : s ? s->fallback : NULL;

	return in_effect ? value_number(s, in_effect) : 0;
}

const char *const *config_names(const struct config *c, const char *key)
{
	return str_eq(key, "key") ? (const char *const *)c->names : NULL;
}
