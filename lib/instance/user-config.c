/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/yaml.h"
#include "instance/instance.h"
#include "instance/user-data.h"

void user_configs_done(struct user_configs *c)
{
	json_decref(c->list);
	*c = USER_CONFIGS_INIT;
}

/* JSON, behind the comments that a cloud-config begins with. NULL: it is not;
 * that is YAML's to say. */
static json_t *read_json(const char *text, size_t len)
{
	const char *end = text + len;
	json_t *doc = NULL;

	while (text < end && *text == '#') {
		text += strcspn(text, "\n");
		text += strspn(text, " \t\r\n");
	}
	if (text >= end || *text != '{' ||
	    json_parse(text, (size_t)(end - text), "", &doc, NULL) < 0)
		return NULL;
	return doc;
}

struct reading {
	struct user_configs *c;
	const char *what; /* for messages */
};

static int read_yaml(const char *text, size_t len, const char *what,
		     json_t **ret, struct vmctl_error *err)
{
	const struct yaml_ops *yaml;
	int r = yaml_load(&yaml, err);

	if (r == 0)
		r = yaml->parse(text, len, what, ret, err);
	if (r != -VMCTL_BAD_DATA)
		return r;
	if (err)
		err->code = VMCTL_INVALID;
	fail_hint(err, "cloud-init would say so in the guest's log alone, and "
		       "go on without it");
	return -VMCTL_INVALID;
}

static int read_config(const char *text, size_t len, const struct reading *d,
		       struct vmctl_error *err)
{
	json_t *doc = read_json(text, len);
	int r = doc ? 0 : read_yaml(text, len, d->what, &doc, err);

	if (r < 0)
		return r;
	if (!json_is_object(doc) && !json_is_null(doc)) {
		json_decref(doc);
		fail(err, VMCTL_INVALID, 0,
		     "%s is a cloud-config, and is not made of keys with "
		     "values",
		     d->what);
		fail_hint(err, "write each as 'key: value', with a blank "
			       "behind the colon");
		return -VMCTL_INVALID;
	}
	if (json_is_object(doc))
		return json_array_append_new(d->c->list, doc) < 0
			       ? fail_oom(err)
			       : 0;
	json_decref(doc);
	return 0;
}

/* "ssh_keys:" at the beginning of a line, in quotes or not; of JSON anywhere,
 * as its lines may begin anyhow. */
static bool names_keys(const char *text)
{
	static const char key[] = "ssh_keys";

	for (const char *p = text; (p = strstr(p, key)); p += strlen(key)) {
		const char *from = p, *to = p + strlen(key);
		bool quoted = p > text && strchr("\"'", p[-1]) && *to == p[-1];

		from -= quoted;
		to += quoted;
		to += strspn(to, " \t");
		if (*to == ':' && (quoted || from == text || from[-1] == '\n' ||
				   from[-1] == '{'))
			return true;
	}
	return false;
}

/* Templates, archives and patches become cloud-config in the guest. */
static int read_part(void *data, const char *type, const char *part, size_t len,
		     struct vmctl_error *err)
{
	const struct reading *d = data;

	if (str_eq(type, "text/cloud-config"))
		return read_config(part, len, d, err);
	d->c->has_others = true;
	if (!str_eq(type, "text/x-shellscript") &&
	    !str_eq(type, "text/cloud-boothook"))
		d->c->hides_keys |= names_keys(part);
	return 0;
}

int user_configs_read(const char *text, struct user_configs *ret,
		      struct vmctl_error *err)
{
	auto_user_configs c = { .list = json_array() };
	struct reading d = { &c, user_data_message(text)
					 ? "a part of the user data"
					 : "the user data" };
	int r = c.list ? user_parts_each(text, read_part, &d, err)
		       : fail_oom(err);

	if (r < 0)
		return r;
	*ret = c;
	c = USER_CONFIGS_INIT;
	return 0;
}

const json_t *user_configs_get(const struct user_configs *c, const char *key,
			       size_t *ret_n)
{
	const json_t *found = NULL, *one;
	size_t i, n = 0;

	json_array_foreach(c->list, i, one)
	{
		const json_t *value = json_object_get(one, key);

		n += value != NULL;
		found = value ? value : found;
	}
	if (ret_n)
		*ret_n = n;
	return found;
}
