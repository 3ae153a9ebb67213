/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <ctype.h>

#include "base/units.h"
#include "config/config.h"

/* Values: text as it is typed, JSON as it is kept, and numbers. */

#define TEXT_MAX 4096

/* --- whether a text is one -------------------------------------------------
 */

static int check_plain(const char *label, const char *text,
		       struct vmctl_error *err)
{
	auto_free char *safe = str_printable(text, strlen(text), false);

	if (!*text) {
		fail(err, VMCTL_INVALID, 0, "%s is empty", label);
		fail_hint(err, "vmctl config unset %s", label);
		return -VMCTL_INVALID;
	}
	if (!safe)
		return fail_oom(err);
	if (strlen(text) > TEXT_MAX)
		return fail(err, VMCTL_INVALID, 0, "%s is too long", label);
	if (!str_eq(safe, text))
		return fail(err, VMCTL_INVALID, 0,
			    "%s has characters that are not allowed: '%s'",
			    label, text);
	return 0;
}

static int check_name(const char *label, const char *text,
		      struct vmctl_error *err)
{
	int r = check_plain(label, text, err);

	if (r == 0 && strpbrk(text, " ,"))
		return fail(err, VMCTL_INVALID, 0, "%s is not a name: '%s'",
			    label, text);
	return r;
}

static int check_uri(const char *label, const char *text,
		     struct vmctl_error *err)
{
	size_t n = 0;
	int r = check_plain(label, text, err);

	if (r < 0)
		return r;
	while (isalnum((unsigned char)text[n]) ||
	       (n && text[n] && strchr("+-.", text[n])))
		n++;
	if (n && text[n] == ':' && text[n + 1] && !strchr(text, ' '))
		return 0;
	r = fail(err, VMCTL_INVALID, 0, "%s is not a URI: '%s'", label, text);
	fail_hint(err, "as in qemu:///session or qemu:///system");
	return r;
}

static int check_choice(const struct vmctl_setting *s, const char *label,
			const char *text, struct vmctl_error *err)
{
	auto_str all = STR_INIT;
	int r;

	for (size_t i = 0; s->choices[i]; i++) {
		if (str_eq(s->choices[i], text))
			return 0;
		str_addf(&all, "%s%s", i ? ", " : "", s->choices[i]);
	}
	r = fail(err, VMCTL_INVALID, 0, "%s: '%s' is not one of %s", label,
		 text, str_text(&all));
	fail_hint_nearest(err, text, s->choices, "", NULL);
	return r;
}

static int check_size(const struct vmctl_setting *s, const char *label,
		      const char *text, struct vmctl_error *err)
{
	char least[SIZE_TEXT];
	int64_t n;
	int r;

	if (s->min == 0 && str_eq(text, "0"))
		return 0;
	r = parse_size(text, label, &n, err);
	if (r == 0 && n < s->min)
		return fail(err, VMCTL_INVALID, 0, "%s must be at least %s",
			    label, format_size(s->min, least));
	return r;
}

static int check_folder(const char *label, const char *text,
			struct vmctl_error *err)
{
	int r = check_plain(label, text, err);

	if (r == 0 && text[0] != '/')
		return fail(err, VMCTL_INVALID, 0,
			    "%s must be an absolute path, not '%s'", label,
			    text);
	return r;
}

/* An IPv4 network that has room for a range of addresses: the prefix is from
 * 16 to 29, and no bit of the host part is set. */
static int check_subnet(const char *label, const char *text,
			struct vmctl_error *err)
{
	size_t len = strcspn(text, "/");
	char address[INET_ADDRSTRLEN];
	struct in_addr in;
	int64_t prefix;
	int r;

	if (len < sizeof(address) && text[len]) {
		memcpy(address, text, len);
		address[len] = '\0';
		if (inet_pton(AF_INET, address, &in) == 1 &&
		    parse_int(text + len + 1, label, 16, 29, &prefix, NULL) ==
			    0 &&
		    !(ntohl(in.s_addr) & (UINT32_MAX >> prefix)))
			return 0;
	}
	r = fail(err, VMCTL_INVALID, 0,
		 "%s is not a subnet of 16 to 29 bits: '%s'", label, text);
	fail_hint(err, "as in 192.168.100.0/24");
	return r;
}

int value_check_text(const struct vmctl_setting *s, const char *label,
		     const char *text, const json_t *root,
		     struct vmctl_error *err)
{
	int64_t n;

	switch (s->type) {
	case VMCTL_SETTING_NAME:
	case VMCTL_SETTING_NAMES:
		return check_name(label, text, err);
	case VMCTL_SETTING_URI:
		return check_uri(label, text, err);
	case VMCTL_SETTING_CHOICE:
		return check_choice(s, label, text, err);
	case VMCTL_SETTING_INT:
		return parse_int(text, label, s->min, s->max, &n, err);
	case VMCTL_SETTING_SIZE:
		return check_size(s, label, text, err);
	case VMCTL_SETTING_DURATION:
		return parse_duration(text, label, &n, err);
	case VMCTL_SETTING_FOLDER:
		return check_folder(label, text, err);
	case VMCTL_SETTING_SUBNET:
		return check_subnet(label, text, err);
	case VMCTL_SETTING_TYPE:
		return type_check(root, label, text, err);
	}
	return fail(err, VMCTL_INTERNAL, 0, "%s has no type", label);
}

/* --- JSON ------------------------------------------------------------------
 */

/* Numbers may be written as such; everything else is a string. */
static bool may_be_number(const struct vmctl_setting *s)
{
	return s->type == VMCTL_SETTING_INT || s->type == VMCTL_SETTING_SIZE ||
	       s->type == VMCTL_SETTING_DURATION;
}

static int fail_kind(const struct vmctl_setting *s, const char *label,
		     struct vmctl_error *err)
{
	const char *kind = s->type == VMCTL_SETTING_NAMES ? "a list of strings"
			   : s->type == VMCTL_SETTING_INT ? "a whole number"
							  : "a string";

	return fail(err, VMCTL_INVALID, 0, "%s must be %s", label, kind);
}

int value_check(const struct vmctl_setting *s, const char *label,
		const json_t *value, const json_t *root,
		struct vmctl_error *err)
{
	const json_t *item;
	size_t i;
	int r = 0;

	if (json_is_array(value) && s->type == VMCTL_SETTING_NAMES) {
		json_array_foreach(value, i, item)
		{
			if (!json_is_string(item))
				return fail_kind(s, label, err);
			r = value_check_text(s, label, json_string_value(item),
					     root, err);
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (json_is_string(value))
		return value_check_text(s, label, json_string_value(value),
					root, err);
	if (json_is_integer(value) && may_be_number(s)) {
		auto_free char *text = value_text(value);

		return text ? value_check_text(s, label, text, root, err)
			    : fail_oom(err);
	}
	return fail_kind(s, label, err);
}

json_t *value_make(const struct vmctl_setting *s, const char *const *texts)
{
	json_t *array;
	int64_t n;

	if (s->type == VMCTL_SETTING_INT &&
	    parse_int(texts[0], s->key, s->min, s->max, &n, NULL) == 0)
		return json_integer(n);
	if (s->type != VMCTL_SETTING_NAMES)
		return json_string(texts[0]);
	array = json_array();
	for (size_t i = 0; array && texts[i]; i++) {
		if (json_array_append_new(array, json_string(texts[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

char *value_text(const json_t *value)
{
	auto_str text = STR_INIT;
	const json_t *item;
	char *out = NULL;
	size_t i;

	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_integer(value))
		return str_printf("%lld", (long long)json_integer_value(value));
	if (!json_is_array(value))
		return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	json_array_foreach(value, i, item)
	{
		auto_free char *one = value_text(item);

		str_addf(&text, "%s%s", i ? "," : "", one ? one : "");
	}
	return str_take(&text, &out, NULL) < 0 ? NULL : out;
}

int64_t value_number(const struct vmctl_setting *s, const char *text)
{
	int64_t n = 0;

	if (s->type == VMCTL_SETTING_INT)
		parse_int(text, s->key, s->min, s->max, &n, NULL);
	else if (s->type == VMCTL_SETTING_DURATION)
		parse_duration(text, s->key, &n, NULL);
	else if (!str_eq(text, "0"))
		parse_size(text, s->key, &n, NULL);
	return n;
}
